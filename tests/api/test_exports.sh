#!/usr/bin/env bash
# The libraries hold the names that the headers declare, and no others. Usage: test_exports.sh SOURCE_FOLDER LIBFOVEA...
set -eu
source=$1
shift
declared=$(cat "$source"/fovea.h "$source"/fovea/*.h | grep -v '^#' | tr '\n' ' ' | grep -oE 'FOVEA_API [^;{]*;' |
    sed -E 's/\(.*//; s/.*[ *]//' | sort)
[ "$(wc -l <<< "$declared")" -gt 50 ] || { echo "few functions found in the headers"; exit 1; }
failed=0
for library in "$@"; do
    dynamic=()
    [[ $library != *.so* ]] || dynamic=(-D)
    held=$(nm "${dynamic[@]}" --defined-only --extern-only "$library" | awk 'NF == 3 {print $3}' | sort)
    diff <(echo "$declared") <(echo "$held") || { echo "$library: < only in the headers, > only in the library"; failed=1; }
done
# What is declared without FOVEA_API cannot be linked.
unexported=$(grep -nE '^[a-z][^#*;]*[ *]fovea_[a-z0-9_]+\(' "$source"/fovea/*.h | grep -vE 'FOVEA_API|typedef|:[0-9]+:fovea_' || true)
[ -z "$unexported" ] || { echo "without FOVEA_API: $unexported"; failed=1; }
exit $failed
