#!/usr/bin/env bash
# Every public header compiles alone, without a warning, as C11, C17 and C++17.
# Usage: test_headers.sh SOURCE_FOLDER 'C COMPILER' 'C++ COMPILER'
set -eu
source=$1 c=$2 cpp=$3
failed=0 count=0
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
warnings=(-pedantic -Wall -Wextra -Wconversion -Werror)
for header in "$source"/fovea.h "$source"/fovea/*.h; do
    name=${header#"$source"/}
    printf '#include <%s>\n#include <%s>\nint here(void);\nint here(void) { return 0; }\n' "$name" "$name" > "$scratch/one.c"
    cp "$scratch/one.c" "$scratch/one.cpp"
    for standard in c11 c17; do
        $c -std=$standard "${warnings[@]}" -Wstrict-prototypes -I "$source" -fsyntax-only "$scratch/one.c" || { echo "$name: not $standard"; failed=1; }
    done
    $cpp -std=c++17 "${warnings[@]}" -I "$source" -fsyntax-only "$scratch/one.cpp" || { echo "$name: not C++17"; failed=1; }
    count=$((count + 1))
done
[ "$count" -gt 20 ] || { echo "only $count headers"; failed=1; }
exit $failed
