#!/usr/bin/env bash
# Installs into a temporary folder and builds and runs programs against that copy, from outside the tree.
# Usage: test_install.sh MESON BUILD_FOLDER SOURCE_FOLDER 'C COMPILER' 'C++ COMPILER'
set -eu
meson=$1 build=$2 source=$3 cc=$4 cxx=$5
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
fail() {
    echo "$*"
    exit 1
}

DESTDIR=$root $meson install -C "$build" --no-rebuild --quiet
config=$(find "$root" -name fovea.pc)
[ -n "$config" ] || fail "no fovea.pc"
folder=$(dirname "$(dirname "$config")")
export PKG_CONFIG_PATH=$(dirname "$config") PKG_CONFIG_SYSROOT_DIR=$root
read -ra shared <<< "$(pkg-config --cflags --libs fovea)"
unset PKG_CONFIG_SYSROOT_DIR
prefix=$root$(pkg-config --variable=prefix fovea)
read -ra static <<< "$(pkg-config --define-variable=prefix="$prefix" --static --cflags --libs fovea)"
[ "$(pkg-config --modversion fovea)" = "$("$prefix/bin/fovea" --version | sed 's/fovea //')" ] || fail "versions differ"

# Elsewhere, so that nothing of the tree helps.
model=$source/models/fashion_mnist.onnx
cp "$source"/tests/install/use.c "$source"/tests/install/use.py "$root"
cd "$root"
warnings=(-Wall -Wextra -Werror)
$cc -std=c17 "${warnings[@]}" use.c -o use_c "${shared[@]}"
$cxx -std=c++17 "${warnings[@]}" -x c++ use.c -x none -o use_cpp "${shared[@]}"
$cc -std=c17 "${warnings[@]}" use.c -o use_static "${static[@]/-lfovea/-l:libfovea.a}"
! ldd use_static | grep -q libfovea || fail "the static library was not taken"
ldd use_c 2>/dev/null | grep -q 'libfovea.so.0' || fail "not linked by its soname"
expected=$(./use_static "$model")
[[ $expected == *"[1,10]: "* ]] || fail "run says '$expected'"
for program in use_c use_cpp; do
    got=$(LD_LIBRARY_PATH=$folder "./$program" "$model")
    [ "$got" = "$expected" ] || fail "$program says '$got', not '$expected'"
done
export LD_LIBRARY_PATH=$folder FOVEA_LIBRARY=$folder/libfovea.so.0 PYTHONDONTWRITEBYTECODE=1
python3 use.py libfovea.so.0

# The examples, as strangers build them.
cp "$source"/tools/examples/* .
$cc camera.c "${shared[@]}" -o camera && ./camera "$model" > camera.txt || fail "camera.c: $(cat camera.txt)"
grep -q '^save: ' camera.txt || fail "camera.c says $(cat camera.txt)"
$cxx -std=c++17 camera.cpp "${shared[@]}" -o camera_cpp && ./camera_cpp "$model" > /dev/null || fail "camera.cpp"
$cc camera.c "${static[@]/-lfovea/-l:libfovea.a}" -o camera_static && ./camera_static "$model" | diff camera.txt - ||
    fail "camera.c with the static library"
for python in python3 /usr/bin/python3; do
    ! "$python" -c 'import numpy' 2> /dev/null || break
done
"$python" fovea.py "$model" | grep -q '^erf: ' || fail "fovea.py"
