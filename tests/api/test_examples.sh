#!/usr/bin/env bash
# The examples in C, C++ and Python against the library: they run, touch no file but the model, and the structures that
# Python spells out are those of the headers.
# Usage: test_examples.sh SOURCE_FOLDER BUILD_FOLDER 'C COMPILER' 'C++ COMPILER'
set -eu
source=$1 build=$2 cc=$3 cxx=$4
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
fail() {
    echo "$*"
    exit 1
}
examples=$source/tools/examples model=$source/models/fashion_mnist.onnx
export LD_LIBRARY_PATH=$build FOVEA_LIBRARY=$build/libfovea.so.0 PYTHONDONTWRITEBYTECODE=1
cd "$root"
for python in python3 /usr/bin/python3 none; do
    [ "$python" != none ] || fail "no python3 with numpy (tools/packages installs it)"
    ! "$python" -c 'import numpy' 2> /dev/null || break
done

# Says at the end which files were opened, but for what the system tells of itself.
cat > watch.c << 'END'
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>
int open(const char *path, int flags, ...);
int openat(int folder, const char *path, int flags, ...);
FILE *fopen(const char *path, const char *mode);
static int note(int folder, const char *path, int flags, int mode)
{
    if (strncmp(path, "/proc/", 6) != 0 && strncmp(path, "/sys/", 5) != 0 && strcmp(path, "/dev/urandom") != 0)
        fprintf(stderr, "opened %s\n", path);
    return (int)syscall(SYS_openat, folder, path, flags, mode);
}
int openat(int folder, const char *path, int flags, ...)
{
    va_list rest;
    va_start(rest, flags);
    int mode = va_arg(rest, int);
    va_end(rest);
    return note(folder, path, flags, mode);
}
int open(const char *path, int flags, ...)
{
    va_list rest;
    va_start(rest, flags);
    int mode = va_arg(rest, int);
    va_end(rest);
    return note(AT_FDCWD, path, flags, mode);
}
FILE *fopen(const char *path, const char *mode)
{
    int file = note(AT_FDCWD, path, mode[0] == 'r' ? O_RDONLY : O_WRONLY | O_CREAT | O_TRUNC, 0666);
    return file < 0 ? NULL : fdopen(file, mode);
}
END
flags=(-Wall -Wextra -Werror -I"$source/src" -L"$build")
$cc "${flags[@]}" -Wshadow -Wconversion "$examples/camera.c" watch.c -o camera_c -lfovea
$cxx -std=c++17 "${flags[@]}" "$examples/camera.cpp" -o camera_cpp -lfovea
./camera_c "$model" > c.txt 2> opened.txt || fail "camera.c: $(cat c.txt opened.txt)"
[ "$(cat opened.txt)" = "opened $model" ] || fail "camera.c touches files: $(cat opened.txt)"
for line in 'run: class [0-9]* of 10' 'erf: of ' 'cam: class ' 'audit: [1-9]' 'rewrite: 1 ' 'tune: 10 steps' 'save: 7[0-9]* bytes'; do
    grep -q "^$line" c.txt || fail "camera.c does not say '$line': $(cat c.txt)"
done
./camera_cpp "$model" > cpp.txt || fail "camera.cpp failed"
grep -q '^run: 40 bytes of float' cpp.txt && grep -q '^cam: class ' cpp.txt || fail "camera.cpp says $(cat cpp.txt)"
"$python" "$examples/fovea.py" "$model" > python.txt || fail "fovea.py failed"
grep -q '^run: logits \[1, 10\], largest' python.txt && grep -q '^erf: 28 x 28' python.txt &&
    [ "$(grep -c '^cam: class .*(7, 7) cells, (28, 28) pixels' python.txt)" = 2 ] || fail "fovea.py says $(cat python.txt)"
! "$python" "$examples/fovea.py" "$source/README.md" 2> error.txt || fail "fovea.py takes README.md for a model"
grep -q 'RuntimeError: .*README.md: ' error.txt || fail "fovea.py does not raise the library's error: $(cat error.txt)"
! ./camera_c "$source/README.md" > /dev/null 2>&1 || fail "camera.c takes README.md for a model"

# Sizes of what Python makes, places of what it reads or sets, and room for what it has made.
cat > layout.c << 'END'
#include <fovea.h>
#include <stdio.h>
#define PLACE(type, field) printf(#type "." #field " %zu\n", offsetof(struct fovea_##type, field))
#define SIZE(type) printf(#type " %zu\n", sizeof(struct fovea_##type))
int main(void)
{
    SIZE(error);
    SIZE(tensor);
    SIZE(image);
    SIZE(feed);
    SIZE(samples);
    PLACE(samples, preprocess);
    PLACE(samples, limit);
    PLACE(session_options, feeds);
    PLACE(session_options, preprocess);
    PLACE(erf_options, unit);
    PLACE(erf_options, class_index);
    PLACE(cam_options, class_index);
    PLACE(preprocess, preset);
    PLACE(options, threads);
    PLACE(erf, map);
    PLACE(cam, class_index);
    PLACE(cam, score);
    PLACE(cam, cells);
    PLACE(cam, map);
    PLACE(cam, pixels);
    const size_t room[] = {sizeof(struct fovea_session_options), sizeof(struct fovea_erf_options),
                           sizeof(struct fovea_cam_options),     sizeof(struct fovea_preprocess),
                           sizeof(struct fovea_options),         sizeof(struct fovea_erf)};
    for (size_t i = 0; i < sizeof room / sizeof room[0]; i++)
        printf("room %d\n", room[i] <= 4096);
    return 0;
}
END
$cc "${flags[@]}" layout.c -o layout -lfovea
./layout > expected.txt
cat > layout.py << 'END'
import ctypes, sys
sys.path.insert(0, sys.argv[1])
import fovea
names = {"error": fovea.Error, "tensor": fovea.Tensor, "image": fovea.Image, "feed": fovea.Feed, "samples": fovea.Samples,
         "session_options": fovea.SessionOptions, "erf_options": fovea.ErfOptions, "cam_options": fovea.CamOptions,
         "preprocess": fovea.Preprocess, "options": fovea.Options, "erf": fovea.Erf, "cam": fovea.Cam}
for line in open("expected.txt"):
    name = line.split()[0]
    kind, _, field = name.partition(".")
    if name != "room":
        print(name, getattr(names[kind], field).offset if field else ctypes.sizeof(names[kind]))
    else:
        print("room", int(ctypes.sizeof(fovea.Erf) >= 4096))
END
"$python" layout.py "$examples" > got.txt
diff expected.txt got.txt || fail "fovea.py lays out structures in another way"
