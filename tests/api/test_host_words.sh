#!/usr/bin/env bash
# What would touch the host is not in the library: functions that print, end, catch, or change what is the process's;
# and numbers with a point go through base/format.h alone. Usage: test_host_words.sh SOURCE_FOLDER LIBFOVEA
set -eu
source=$1 library=$2 failed=0
touching='v?f?printf|puts|putchar|fputs|perror|stdout|stderr|exit|_exit|abort|atexit|signal|sigaction|setlocale|setenv|putenv|unsetenv|chdir|umask|srand|rand|setrlimit|tolower|toupper|strcasecmp|strncasecmp|atof|strtof|sscanf|localtime'
found=$(nm -D --undefined-only "$library" | awk '{print $2}' | sed 's/@.*//; s/^__\(.*\)_chk$/\1/; s/^__isoc99_//' | grep -xE "$touching" || true)
[ -z "$found" ] || { echo "the library uses: $found"; failed=1; }
# Statement by statement, each up to a call of ours.
numbers=$(find "$source" -name '*.c' ! -path "$source/cli/*" ! -path "$source/base/format.c" -print0 | xargs -0 awk '
    BEGIN { RS = ";" }
    {
        gsub(/[\n ]+/, " ")
        parts = split($0, part, "text_format")
        for (i = 1; i <= parts; i++)
            if (part[i] ~ /(^|[^a-z_])(strtod|vsnprintf) *\(/ ||
                part[i] ~ /(^|[^a-z_])snprintf *\(.*%[-+ #0-9.*]*[gfeGFE][^a-z]/)
                print FILENAME ": " part[i]
    }')
[ -z "$numbers" ] || { echo "by base/format.h alone: $numbers"; failed=1; }
exit $failed
