#!/usr/bin/env bash
# The library says nothing in the program's words but in report/command.c, and what that makes of it are options that
# there are. test_words.sh FOVEA SOURCE_ROOT
set -eu
fovea=$(realpath "$1")
cd "$2/src"
failed=0
say() { echo "$1"; failed=1; }

# The string literals of all rooms: "--" begins names in CSS, exporters have flags of their own.
literals=$(find . -name '*.[ch]' ! -path './cli/*' ! -path './fovea/*' ! -path ./fovea.h ! -path ./report/command.c \
    ! -path ./structure/exporter.c -print0 | xargs -0 grep -nE '"' | grep -vE '^[^:]*:[0-9]+:( *\*|/\*|#include)' |
    grep -oE '^[^:]*:[0-9]+:|"([^"\\]|\\.)*"' | awk '/^[.]/ {place = $0; next} {print place $0}' |
    sed -E 's/var\(--[a-z0-9]*//g')
[ "$(wc -l <<< "$literals")" -gt 5000 ] || say "few literals are found: $(wc -l <<< "$literals")"
! grep -E -- '(^|[^-])--[a-z]|[ "(]-[a-z] ' <<< "$literals" || say "flags of the program in the library: name the field in backquotes"
verbs=$("$fovea" help | sed -nE 's/^  ([a-z]+) .*/\1/p' | grep -v fovea | paste -sd '|')
! grep -E "[^.]fovea ($verbs)([^a-z]|$)" <<< "$literals" || say "verbs of the program in the library"

# What fields in backquotes become must be options of some verb.
flags=$(for verb in ${verbs//|/ }; do "$fovea" help "$verb"; done | grep -E '^  (-[a-z], |    )--' |
    grep -oE -- '--[a-z-]+|-[a-z],' | tr -d ,)
fields=$(grep -oE '`[a-z_.]+`' <<< "$literals" | tr -d '`' | sort -u | grep -vx layers) # a key of cam.json
[ "$(wc -l <<< "$fields")" -gt 30 ] || say "few fields are named in the library's texts"
spellings=$(sed -nE 's/^ +\{"([a-z_.]+)", "(.*)"\},$/\1 \2/p' report/command.c)
# What is refused at entry: of lists and tensors in memory, of a callback, of crops that are as wide as high no verb tells.
checked=$(sed '/^\/\* Results and tensors/,$d' api/entry_tables.c |
    sed -nE 's/.*\b(INT|INT64|ENUM|NUMBER|SHARE|FLOAT|LIST|TEXTS|PLACE)\(fovea_[a-z_]+, ([a-z_]+).*/\2/p' |
    sort -u | grep -vxE 'dims|list|crop_ratio|fit_images')
[ "$(wc -l <<< "$checked")" -gt 50 ] || say "few fields are found that are checked at entry: $(wc -l <<< "$checked")"
for field in $checked $fields $(cut -d ' ' -f 1 <<< "$spellings"); do
    words=$(sed -n "s/^$field //p" <<< "$spellings")
    [ -n "$words" ] || words=$(sed -n "s/^${field##*.} //p" <<< "$spellings")
    [ -n "$words" ] || { words=${field##*.} && words=--${words//_/-}; }
    for flag in $(grep -oE -- '--[a-z-]+|(^| )-[a-z]( |$)' <<< "$words"); do
        grep -qx -- "$flag" <<< "$flags" || say "\`$field\` is told as $flag, which no verb has"
    done
done
exit $failed
