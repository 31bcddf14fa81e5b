#!/usr/bin/env bash
# The command line is a client like any other: it includes public headers only, and the include path that it is compiled
# with holds no others. test_client.sh SOURCE_ROOT BUILD_ROOT
set -eu
cd "$1/src/cli"
failed=0
say() { echo "$1"; failed=1; }

for header in $(sed -n 's/^#include "\(.*\)"/\1/p' ./*.[ch] | sort -u); do
    case $header in
    fovea.h | fovea/*.h) [ -f "include/$header" ] || say "there is no public header $header" ;;
    */*) say "$header is of a room: $(grep -l "\"$header\"" ./*.[ch] | tr '\n' ' ')" ;;
    *) [ -f "$header" ] || say "$header is no header of the command line" ;;
    esac
done
grep -n '^#include <\(jansson\|png\|cblas\|protobuf\)' ./*.[ch] && say "the command line needs no library but libfovea"
[ "$(cd include && find -L . -name '*.h' | sort)" = "$(cd .. && find ./fovea.h ./fovea -name '*.h' | sort)" ] ||
    say "src/cli/include shows other headers than src/fovea.h and src/fovea/"
commands=$(grep '"command": .* -o fovea\.p/src_cli_' "$2/compile_commands.json" || true)
[ -n "$commands" ] || say "no compile command of the command line is found"
paths=$(grep -oE ' -(I|isystem|iquote) ?[^ ]*' <<< "$commands" | sort -u)
! grep -vE 'src/cli/include|fovea\.p$' <<< "$paths" || say "the include path of the command line holds more than src/cli/include"
exit $failed
