#!/usr/bin/env bash
# Files of tests/fixtures/hostile and what each verb says of them: test_hostile.sh FOVEA SOURCE_ROOT.
set -u
fovea=$(realpath "$1")
cd "$2"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failures=0
hostile=tests/fixtures/hostile

# verb CODE PATTERN FILE VERB OPTIONS...: exit code and a line of the output; with code 2 one line on stderr.
verb() {
    local code=$1 pattern=$2 file=$hostile/$3.onnx name=$4 status
    shift 4
    "$fovea" "$name" "$file" "$@" >"$work/out" 2>"$work/err" </dev/null
    status=$?
    if [ $status -ne "$code" ] || ! cat "$work/out" "$work/err" | grep -qE -- "$pattern" ||
        { [ "$code" -eq 2 ] && [ "$(wc -l <"$work/err")" -ne 1 ]; }; then
        echo "FAILED: fovea $name $file $* gave $status (expected $code), expected /$pattern/ in:"
        cat "$work/out" "$work/err" | head -5
        failures=$((failures + 1))
    fi
}

prepared=(--images models/images --limit 1 --preprocess raw --channels rgb --resize 8 --crop 8 --force)

# A model without outputs is refused by all but check, which names it.
none='no_outputs.onnx: the model has no outputs'
verb 1 'no-outputs' no_outputs check
verb 2 "$none" no_outputs inspect
verb 2 "$none" no_outputs run --shape 1,3,8,8
verb 2 "$none" no_outputs erf "${prepared[@]}" -o "$work/erf"
verb 2 "$none" no_outputs cam "${prepared[@]}" -o "$work/cam"
verb 2 "$none" no_outputs eval "${prepared[@]}"
verb 2 "$none" no_outputs audit "${prepared[@]}" -o "$work/audit"
verb 2 "$none" no_outputs audit --shape 1,3,8,8
verb 2 "$none" no_outputs tune --data models/images --preprocess raw --channels rgb --resize 8 --crop 8 -e 1 -o "$work/t.onnx"
verb 2 "$none" no_outputs rewrite --shape 1,3,8,8 --apply all --yes -o "$work/r.onnx"
verb 2 "$none" no_outputs diff $hostile/no_outputs.onnx --run --shape 1,3,8,8
for how in '' --gradient --train; do verb 2 "$none" no_outputs bench --shape 1,3,8,8 -r 1 $how; done

# An input that is the output, and a constant that is.
verb 0 'no problems' no_nodes check
verb 0 '0 parameters' no_nodes inspect
verb 0 'wrote' no_nodes erf "${prepared[@]}" -o "$work/erf"
verb 0 'wrote' no_nodes cam "${prepared[@]}" -o "$work/cam"
verb 0 'unchanged' no_nodes eval "${prepared[@]}"
verb 0 'wrote' no_nodes audit "${prepared[@]}" -o "$work/audit"
verb 2 'no weights that could be trained' no_nodes bench --shape 1,3,8,8 --train -r 1
verb 0 'peak memory' no_nodes bench --shape 1,3,8,8 --gradient -r 1
verb 0 'no problems' const_only check
verb 0 'w: float 2x3x3x3' const_only run
verb 2 'no input of four axes' const_only erf "${prepared[@]}" -o "$work/erf"
verb 2 'no image input' const_only bench --gradient -r 1

# One name, two outputs; subgraphs that read outer values.
for name in check inspect run; do verb 2 "'b' is the name of outputs 0 and 1" dup_split_uneven $name; done
for file in v_relu v_identity; do verb 0 'no problems' $file check; done

# Layers whose fields take too long to follow are told and counted: 16,384 attentions in functions within functions.
verb 0 'receptive fields of [1-9][0-9]* layers are left out' nested_attention inspect
verb 0 '"fields_left_out": [1-9]' nested_attention inspect --json

# Inputs are filled by their type: one byte an element here.
for how in '' --gradient --train --profile; do verb 0 'batch 8' bytes bench -b 8 -r 1 $how; done
verb 0 'the models are the same' bytes diff $hostile/bytes.onnx --run

# Little address space: OpenBLAS's threads, which it starts before main, would hang. Sanitizers need more of it.
if ! grep -q __asan_init "$fovea"; then
    for name in inspect 'bench -r 1'; do
        (ulimit -v 100000 && unset OPENBLAS_NUM_THREADS && timeout 60 "$fovea" $name models/fashion_mnist.onnx >/dev/null 2>&1)
        status=$?
        if [ $status -ne 0 ] && [ $status -ne 2 ]; then
            echo "FAILED: fovea $name with 100 MB of address space gave $status"
            failures=$((failures + 1))
        fi
    done
fi

# One thread is one thread: OpenBLAS has none beside it.
(unset OPENBLAS_NUM_THREADS && exec "$fovea" bench models/fashion_mnist.onnx --threads 1 --runs 1000000 --seconds 60 >/dev/null) &
running=$!
for turn in 1 2 3 4 5; do
    sleep 1
    threads=$(ls /proc/$running/task | wc -l)
    [ "$threads" -eq 1 ] && break
done
kill $running
[ "$threads" -eq 1 ] || { echo "FAILED: --threads 1 runs $threads threads" && failures=$((failures + 1)); }

[ $failures -eq 0 ] && echo "all checks passed"
exit $((failures > 0))
