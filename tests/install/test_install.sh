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
LD_LIBRARY_PATH=$folder python3 use.py libfovea.so.0
