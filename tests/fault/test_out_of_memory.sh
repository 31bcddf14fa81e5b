#!/usr/bin/env bash
# The n-th allocation fails, jansson's, libpng's and libc's own ones too, not cairo's (the shim says why): test_out_of_memory.sh SHIM FOVEA SOURCE_ROOT
# [POINTS [VERB]]. Allowed is the result of a run that lacked nothing, byte for byte, or exit code 2 and a line. POINTS
# (default 24) are taken of each verb's allocations, evenly; 0: every one.
set -u
shim=$(realpath "$1") fovea=$(realpath "$2") points=${4:-24} only=${5:-}
cd "$3"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failures=0
# A program that brings an allocator of its own (sanitizers) cannot be given another.
if LD_PRELOAD=$shim FAIL_COUNT=$work/count "$fovea" --version 2>&1 | grep -q 'ASan runtime' || [ ! -s "$work/count" ]; then
    echo "the allocator cannot be replaced here"
    exit 77
fi

# Two images of each of three classes, and a list.
mkdir "$work/data"
count=0
for class in a b c; do
    mkdir "$work/data/$class"
    for i in 1 2; do
        count=$((count + 1))
        cp "$(ls -d models/images/*.png | sed -n ${count}p)" "$work/data/$class/$i.png"
    done
done

# run N: one run with the N-th allocation failing (0: none), in a folder of its own; leaves stdout and stderr beside it.
run() {
    rm -rf "$work/out"
    mkdir "$work/out"
    (cd "$work/out" && timeout -s KILL 30 env "FAIL_AT=$1" "FAIL_COUNT=$work/count" "LD_PRELOAD=$shim" \
        "$fovea" "${command[@]}" >"$work/stdout" 2>"$work/stderr" </dev/null)
}

fault() {
    echo "FAILED: $name, allocation $1 of $total: $2"
    tail -2 "$work/stderr"
    failures=$((failures + 1))
}

# What is told, without times; manifests say when they were written.
told() {
    sed -E 's/, [0-9.]+ images\/s//; s/"(seconds|images_per_second)": *[0-9.e+-]+//' "$1"
}

same_as_whole() {
    diff -q <(told "$work/stdout") <(told "$work/whole.stdout") >/dev/null &&
        diff -r -I '"date": ' "$work/out" "$work/whole" >/dev/null
}

# verb NAME COMMAND...
verb() {
    name=$1 command=("${@:2}") total=0
    [ -z "$only" ] || [ "$only" = "$name" ] || return
    run 0
    local code=$? status n step lines
    total=$(cat "$work/count")
    [ $code -le 1 ] || { fault 0 "the run that lacks nothing gave $code"; return; }
    rm -rf "$work/whole"
    mv "$work/out" "$work/whole"
    mv "$work/stdout" "$work/whole.stdout"
    lines=$(wc -l <"$work/stderr")
    step=$((points == 0 ? 1 : total / points + 1))
    for ((n = 1 + RANDOM % step; n <= total; n += step)); do
        run "$n" 2>/dev/null
        status=$?
        if [ $status -eq $code ]; then
            same_as_whole || fault "$n" "exit code $status with another result"
        elif [ $status -ne 2 ]; then
            fault "$n" "exit code $status"
        elif ! tail -1 "$work/stderr" | grep -q '..' || [ "$(wc -l <"$work/stderr")" -gt $((lines + 1)) ]; then
            fault "$n" "not one line"
        fi
    done
}

RANDOM=${SEED:-1}
model=$PWD/models/fashion_mnist.onnx images=$work/data
erf=(--images "$images" --limit 2 -t 1 -q)
verb check check "$model" --json -t 1
verb check-logs check "$model" --fail-on note --sarif check.sarif --junit check.xml --github -t 1
verb inspect inspect "$model" --json -t 1
verb run run "$model" -i "$images/a/1.png" -o run -t 1
verb erf erf "$model" "${erf[@]}" -o erf --json
verb cam cam "$model" "${erf[@]}" -m all -o cam
verb eval eval "$model" --images "$PWD/models/images" --limit 2 -t 1 -q --corrupt contrast-down --json
verb rewrite rewrite "$model" --apply all --yes -o new.onnx --json -t 1
verb diff diff "$model" "$model" --run --json -t 1
verb audit audit "$model" "${erf[@]}" -o audit --json=audit.json
verb audit-logs audit "$model" --fail-on gamma=note --sarif audit.sarif --junit audit.xml --github -t 1
verb tune tune "$model" --data "$images" --new-head 3 -e 1 -b 4 --samples 4 -q -o tuned.onnx --no-validation -t 1
verb ops ops --json
[ $failures -eq 0 ] && echo "all runs were whole or said why not"
exit $((failures > 0))
