#!/usr/bin/env bash
# Operators that fovea does not have, in every place that they may take: what every verb shows, computes, refuses.
# test_foreign.sh FOVEA SOURCE_ROOT
set -u
fovea=$(realpath "$1")
cd "$2/tests/fixtures/foreign"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failures=0

# expect CODE PATTERN VERB MODEL ARGUMENTS...: the exit code, a line of the output (both streams) that matches.
expect() {
    local code=$1 pattern=$2 output status
    output=$("$fovea" "$3" "$4.onnx" "${@:5}" -q 2>&1 </dev/null)
    status=$?
    if [ $status -ne "$code" ] || ! grep -qE -- "$pattern" <<<"$output"; then
        echo "FAILED: ${*:3} gave $status (expected $code), expected /$pattern/ in:"
        head -5 <<<"$output"
        failures=$((failures + 1))
    fi
}

# refuse PATTERN VERB MODEL...: one line, exit code 2.
refuse() {
    expect 2 "$@"
    local lines
    lines=$("$fovea" "$2" "$3.onnx" "${@:4}" -q 2>&1 >/dev/null </dev/null | wc -l)
    [ "$lines" -eq 1 ] || { echo "FAILED: ${*:2} wrote $lines lines to stderr"; failures=$((failures + 1)); }
}

image=(-i x=x.npy)
missing='operators that fovea does not have: my.Magic-1 \(1 node, first Magic'

# in front of it everything is as if it were not there
for model in middle middle_open told told_batch told_wrong end branch branch_first two residual outputs function if loop; do
    one=$model
    expect 0 '^not computed: [12] of [0-9]+ layers, the first ' inspect $one
    expect 0 'conv2 +Conv +1x4x8x8 +144 +9.22 k +7 ' inspect $one
    refuse "$missing.*; computes up to '[fy]': run --value '[fy]'" run $one "${image[@]}"
    refuse "$missing.*; computes up to '[fy]': run --value '[fy]'" bench $one -r 1 --shape 1,3,16,16
    expect 0 '^f: float 1x4x8x8' run $one "${image[@]}" --value f
    expect 0 "^mean of the channels at unit \(4, 4\) of 'f'" erf $one "${image[@]}" --target f -o "$work/erf" --force
    expect 0 "^maps of 'f'" cam $one "${image[@]}" --target f --layer f -o "$work/cam" --force
    expect 0 'PADDING001' audit $one
    expect 0 'PADDING001' audit $one "${image[@]}" -o "$work/page" --force
    grep -q 'Not computed: [12] of [0-9]* layers' "$work/page/report.html" || { echo "FAILED: no note on the page of $one"; failures=$((failures + 1)); }
    expect 1 'problem +unsupported-operator +my.Magic of opset 1 is not supported; 1 node, first Magic' check $one
    expect 0 '^  not compared: [0-9]+ values?, [1-9] of them outputs, behind ' diff $one $one.onnx --run
    expect 0 '^kernel-padding: function kept: largest difference 0 ' rewrite $one --apply kernel-padding -o "$work/$one.onnx" --force
    expect 0 '^  not compared: [12] outputs? behind .*; what is made in front of it was' rewrite $one --apply kernel-padding -o "$work/$one.onnx" --force
    expect 1 'Conv stem kernel_shape: none -> \[4,4\]' diff $one "$work/$one.onnx"
done
"$fovea" run middle.onnx "${image[@]}" --value f -o "$work/before" -q >/dev/null
expect 0 'equal +f' run "$work/middle" "${image[@]}" --value f --expect "f=$work/before/f.npy"

# what is behind it is not
for model in middle two function if loop; do
    refuse "$missing" run $model "${image[@]}" --value y
    refuse "$missing.*computes up to 'f': give --target 'f'" erf $model "${image[@]}" -o "$work/refused"
    refuse "$missing.*computes up to 'f': give --target 'f'" cam $model "${image[@]}" -o "$work/refused"
    refuse "$missing.*computes up to 'f': give --target 'f'" erf $model "${image[@]}" --target y -o "$work/refused"
    refuse "$missing.*computes up to 'f': give --target 'f'" eval $model --images x.npy --no-labels
    expect 0 '^not seen: [0-9]+ of [0-9]+ layers, behind .*; their weights are counted, their MACs and activations are not' inspect $model
    expect 0 'Flatten +not seen' inspect $model
    expect 0 '^not seen: [0-9]+ of [0-9]+ layers, behind .*; no guide has looked at them' audit $model
    expect 0 '^not decidable: [0-9]+ of [0-9]+ layers are not seen: behind .*as far as is seen: no GroupNorm  \[GROUPS900' audit $model
    expect 0 '^left GAMMA900' rewrite $model --apply gamma -o "$work/gamma.onnx" --force
    expect 1 'note +not-seen +[0-9]+ of [0-9]+ nodes were not checked: behind ' check $model
done
expect 0 'Gemm +not seen +40' inspect middle_open
expect 0 '"unseen": 3' inspect middle --json
expect 0 '"sight": "not seen"' inspect middle --json
refuse "no value 'nothing'" run middle "${image[@]}" --value nothing

# the value that is named lies over the image
refuse "computes up to 'f': give --target 'f'" erf pairs "${image[@]}" -o "$work/refused"
refuse "computes up to 'k': run --value 'k'" run pairs "${image[@]}"

# unless the file says its shapes
for model in told told_batch; do
    expect 0 "^shape of 'd' as the file says: Magic 'magic' is not computed" inspect $model
    expect 0 'fc +Gemm +1x10 +40 +40 ' inspect $model
    expect 0 '7 findings: 1 note, 6 not applicable' audit $model
    refuse "$missing" run $model "${image[@]}" --value q
done
expect 0 '"shapes_as_told": \[' inspect told --json
expect 1 "Gemm 'fc': .*; its sizes rest on the file's word for what is not computed" check told_wrong

# at either end
expect 0 'layers, the first Magic' inspect front
refuse "$missing 'magic'\); nothing is computed in front of it: export the model without it\$" run front "${image[@]}"
expect 0 'PADDING001' audit front_told
expect 0 '^kernel-padding: not proven, as nothing that could be compared is computed' rewrite front_told --apply kernel-padding -o "$work/front.onnx"
expect 0 'not tried: 1 changed node behind it' rewrite front_told --apply kernel-padding -o "$work/front.onnx" --force
expect 0 '7 findings: 1 note, 6 not applicable' audit end

# branches, and what nobody reads
expect 0 '^y: float 1x10' run branch "${image[@]}" --value y --value f
expect 0 "of 'f'" erf branch "${image[@]}" -o "$work/branch"
refuse "computes up to 'y': give --target 'y'" erf branch_first "${image[@]}" -o "$work/refused"
expect 0 'class' cam branch_first "${image[@]}" --target y --layer f -o "$work/branch2"
for model in dead if_const; do
    expect 0 '^y: float 1x10' run $model "${image[@]}"
    expect 0 '7 findings: 1 note, 6 not applicable' audit $model
    expect 1 'unsupported-operator' check $model
done

# nodes that are refused, strings, operators newer than all that is known
expect 0 "^not computed: 1 of 6 layers, the first Conv 'stem': input 0 has type double" inspect double
refuse "Conv 'stem': input 0 has type double.*; computes up to 'wide': run --value 'wide'" run double "${image[@]}"
expect 0 'not decidable' audit double
expect 0 "not computed: 1 of 8 layers, the first Cast 'print'" inspect text
expect 0 '^y: float 1x10' run text "${image[@]}" --value y
expect 0 "not computed: 1 of 8 layers, the first input 'names' of type string" inspect text_input
expect 0 '^y: float 1x10' run text_input "${image[@]}" --value y
expect 0 "of 'f'" erf text_input "${image[@]}" -o "$work/text"
refuse "Magic-17 .*computes up to 'f'" run newer "${image[@]}"
expect 0 '^f: float' run newer "${image[@]}" --value f
refuse "HardSwish-13 \(1 node, first HardSwish 'swish'; known from opset 14 on\); computes up to 'f'" run early "${image[@]}"
expect 1 "HardSwish of opset 13 is not supported; 1 node, first HardSwish 'swish'; known from opset 14 on" check early
refuse "Upsample-17 \(1 node, first Upsample 'up'; known up to opset 9\); computes up to 'f'" run late "${image[@]}"

refuse "_DCNv2 'deform': has 1 input, the operator takes 4 to 5; computes up to 'f'" run plugin "${image[@]}"
expect 1 "_DCNv2 'deform': has 1 input" check plugin
expect 0 "not seen: 3 of 8 layers, behind _DCNv2 'deform'" inspect plugin
refuse "EfficientNMS_TRT 'nms': attribute score_threshold is missing; computes up to 'y'" run attribute "${image[@]}"
expect 0 '^y: float 1x10' run attribute "${image[@]}" --value y
expect 1 'attribute score_threshold is missing' check attribute

# the command can be pasted whole
command=$("$fovea" run long.onnx "${image[@]}" -q 2>&1 | sed -n "s/.*: run --value '\(.*\)'$/\1/p")
expect 0 "^block/block" run long "${image[@]}" --value "$command"
refuse "input 'x' is given the shape 1x4x8x8, but the model fixes dimension 1 to 3" run middle -i "$work/before/f.npy"
[ "$("$fovea" diff middle.onnx middle.onnx --run -q 2>&1 | grep -c 'same top 1')" -eq 0 ] || { echo "FAILED: a table of no outputs"; failures=$((failures + 1)); }

[ $failures -eq 0 ] && echo "all checks passed"
exit $((failures > 0))
