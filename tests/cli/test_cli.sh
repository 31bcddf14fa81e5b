#!/usr/bin/env bash
# The program as its users meet it: test_cli.sh FOVEA SOURCE_ROOT. Each check names what it expects.
set -u
fovea=$(realpath "$1")
cd "$2"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failures=0
model=models/fashion_mnist.onnx
net=tests/fixtures/resnet18
data=$net/test_data_set_0

# expect CODE PATTERN COMMAND...: the exit code, and a line of the output (both streams) that matches.
expect() {
    local code=$1 pattern=$2 output status
    shift 2
    output=$("$@" 2>&1 </dev/null)
    status=$?
    if [ $status -ne "$code" ] || ! grep -qE -- "$pattern" <<<"$output"; then
        echo "FAILED: $* gave $status (expected $code), expected /$pattern/ in:"
        head -5 <<<"$output"
        failures=$((failures + 1))
    fi
}

# one_line CODE PATTERN COMMAND...: as expect, and stderr is a single line.
one_line() {
    expect "$@"
    local lines
    lines=$("${@:3}" 2>&1 >/dev/null </dev/null | wc -l)
    [ "$lines" -eq 1 ] || { echo "FAILED: ${*:3} wrote $lines lines to stderr"; failures=$((failures + 1)); }
}

expect 0 'inspect ' "$fovea" help
for verb in inspect check run bench erf cam eval diff audit rewrite ops; do
    expect 0 "usage: fovea $verb" "$fovea" help $verb
    expect 0 '^example: fovea' "$fovea" $verb --help
done
expect 2 "no verb 'nonsense'" "$fovea" nonsense
one_line 2 'unknown option' "$fovea" run $model --nonsense
one_line 2 'takes a number' "$fovea" bench $model --runs many

# inspect: the table, its totals, the flag for a free size
one_line 2 "--shape 'image:1,1,28,28'" "$fovea" inspect $model
expect 0 'total: 176 k parameters' "$fovea" inspect $model --shape 1,1,28,28
expect 0 ' 53 +4 +0$' "$fovea" inspect $model --shape image:1,1,28,28
expect 0 '"macs": 20183936' "$fovea" inspect $model --shape 1,1,28,28 --json
one_line 2 'has no input|no input of the model' "$fovea" inspect $model --shape wrong:1,1,28,28

# run: recorded outputs match, a wrong expectation is told with its place
expect 0 'equal +output' "$fovea" run $net/model.onnx -i $data/input_0.pb --expect $data/output_0.pb
expect 1 'MISMATCH output: .* first at \[0,0\]' "$fovea" run $net/model.onnx -i $data/input_0.pb --expect $data/output_0.pb \
    --rtol 0 --atol 0
expect 0 "wrote $work/run/logits.npy" "$fovea" run $model -i models/images -o "$work/run"
expect 0 'equal +logits' "$fovea" run $model -i models/images --expect "logits=$work/run/logits.npy" --threads 1
expect 0 'Conv' "$fovea" run $model --shape 1,1,28,28 --dump-after fuse-epilogue
one_line 2 "no pass 'nothing'" "$fovea" run $model --shape 1,1,28,28 --dump-after nothing
one_line 2 'name a file for the input' "$fovea" run $model --shape 1,1,28,28

# bench
expect 0 '"median_ms"' "$fovea" bench $model --shape 1,1,28,28 --runs 3 --json -
expect 0 'batch 4' "$fovea" bench $model --batch 4 --runs 3 --gradient --threads 2
expect 0 'cpu none' "$fovea" bench $model --batch 1 --runs 3 --cpu none

# erf: files, the refusal to overwrite, targets
expect 0 'wrote .*/erf.png' "$fovea" erf $model --images models/images -o "$work/erf"
for file in erf.png erf.npy erf.json manifest.json; do
    [ -s "$work/erf/$file" ] || { echo "FAILED: erf wrote no $file"; failures=$((failures + 1)); }
done
one_line 2 'exists already; --force' "$fovea" erf $model --images models/images -o "$work/erf"
expect 0 'unit \(0, 6\)' "$fovea" erf $model --images models/images --unit 0,6 --limit 3
expect 0 'class 3 of' "$fovea" erf $model --images models/images --class 3 --limit 3
expect 0 '"images": 3' "$fovea" erf $model --images models/images --limit 3 --json --target /blocks/blocks.3/Add_output_0
one_line 2 'there is no unit 7,0' "$fovea" erf $model --images models/images --unit 7,0
one_line 2 "there is no class 10: 'logits' has 10, numbered from 0" "$fovea" erf $model --images models/images --class 10
one_line 2 "no value 'nothing'" "$fovea" erf $model --images models/images --target nothing
one_line 2 '--preprocess imagenet' "$fovea" erf $net/model.onnx --images models/images

expect 0 'predicted class' "$fovea" erf $model --images models/images --class predicted --limit 2
expect 0 'predicted class over the mean' "$fovea" erf $model --images models/images --score margin --limit 2
expect 0 'stage 2 of [0-9]' "$fovea" erf $model --images models/images --limit 1 --target all-stages
one_line 2 'predicted.* or .label' "$fovea" erf $model --images models/images --class best

expect 0 'overlap 1.0000' "$fovea" erf $model --images models/images --compare "$work/erf/erf.json" -o "$work/erf2" --log
[ -s "$work/erf2/difference.png" ] || { echo "FAILED: erf wrote no difference.png"; failures=$((failures + 1)); }
expect 0 'single pixels changed .*correlation 0' "$fovea" erf $model --images models/images --limit 2 --perturb 50
one_line 2 'missing.json|erf.npy' "$fovea" erf $model --images models/images --limit 1 --compare "$work/missing.json"

# cam: files, methods, classes
expect 0 'wrote .*/cam.json' "$fovea" cam $model models/images -m extended,gradcam++ -c top2 --limit 2 -o "$work/cam"
for file in 000000_class9_extended.npy 000000_class9_extended.png 000000_class9_gradcam++_pixels.npy montage.png cam.json; do
    [ -s "$work/cam/$file" ] || { echo "FAILED: cam wrote no $file"; failures=$((failures + 1)); }
done
one_line 2 'exists already; --force' "$fovea" cam $model models/images --limit 1 -o "$work/cam"
expect 0 'Ankle boot.*scorecam' "$fovea" cam $model models/images/00000_ankle-boot.png -m scorecam --score-channels 8
expect 0 'class 3 ' "$fovea" cam $model models/images -c 3 --limit 1 --upsampling bilinear --residual
one_line 2 "does not know 'graycam'" "$fovea" cam $model models/images -m graycam
one_line 2 "topN" "$fovea" cam $model models/images -c top0
one_line 2 'no spatial map|no map' "$fovea" cam $model models/images --layer logits

one_line 2 "fovea: there is no class 10: 'logits' has 10" "$fovea" cam $model models/images --class 10
one_line 2 "there are no 11 strongest classes" "$fovea" cam -q $model models/images --limit 1 --class top11 -o "$work/top"
[ -e "$work/top/cam.json" ] && { echo "FAILED: too many classes left results behind"; failures=$((failures + 1)); }

mkdir "$work/masks"
cp models/images/00000_ankle-boot.png "$work/masks"
expect 0 'extended +3 .* 0\.[0-9]+ +-?0\.[0-9]+$' "$fovea" cam $model models/images --limit 3 --masks "$work/masks" --sanity

# eval: labels, corruptions, two models
expect 0 'unchanged +[0-9]' "$fovea" eval $model --images models/images --limit 20
expect 0 'jpeg 5 .*\n?' "$fovea" eval $model --images models/images --limit 8 --corrupt jpeg,hue -o "$work/eval.json"
one_line 2 'exists already; --force' "$fovea" eval $model --images models/images --limit 1 -o "$work/eval.json"
expect 0 'second minus first' "$fovea" eval $model --images models/images --limit 8 --compare $model --no-labels
one_line 2 "does not know 'fog'.*gaussian-noise" "$fovea" eval $model --images models/images --corrupt fog
one_line 2 'from 1 to 5' "$fovea" eval $model --images models/images --corrupt jpeg --severity 6

# diff: nothing, a folded normalisation, what cannot be run on both
other=tests/fixtures/resnet18_bn/model.onnx
expect 0 'the models are the same: 50 nodes' "$fovea" diff $model $model
expect 0 ' 0 of 50 values depart' "$fovea" diff $model $model --run --images models/images --limit 5
expect 1 'nodes added: 20 .20 BatchNormalization' "$fovea" diff $net/model.onnx $other
expect 1 ' 0 of 49 values depart' "$fovea" diff $net/model.onnx $other --run -i $data/input_0.pb
expect 1 '"schema": "fovea.diff"' "$fovea" diff $net/model.onnx $other --json
expect 1 '^  Conv .* 1x5x32x32 -> 1x3x32x32' "$fovea" diff $net/model.onnx tests/fixtures/resnet18_opset9/model.onnx --run
one_line 2 'name two model files' "$fovea" diff $model
one_line 2 'images are for --run' "$fovea" diff $model $model --images models/images
one_line 2 'does not take 1x3x64x64' "$fovea" diff $net/model.onnx $model --run

# reports: a page of an audit, sections that come later, another report beside it
report=$work/report
expect 0 'wrote .*/report.html' "$fovea" audit $model --images models/images --limit 4 -o "$report"
for file in report.json report.html manifest.json field_0.png field_0.npy map_03.png map_03_cells.png; do
    [ -s "$report/$file" ] || { echo "FAILED: audit wrote no $file"; failures=$((failures + 1)); }
done
one_line 2 'exists already; --force' "$fovea" audit $model -o "$report"
one_line 2 'name its folder with -o' "$fovea" audit $model --baseline "$report"
one_line 2 'report is about another file' "$fovea" rewrite $net/model.onnx --dry-run --report "$report"
one_line 2 'report.json' "$fovea" rewrite $model --dry-run --report "$work/erf"
expect 0 'wrote' "$fovea" rewrite $model -o "$work/padded.onnx" --apply kernel-padding --report "$report"
expect 0 'jpeg 3' "$fovea" eval $model --images models/images --limit 4 --corrupt jpeg --severity 3 --report "$report"
expect 0 'id=rewrite' cat "$report/report.html"
expect 0 'id=eval' cat "$report/report.html"
expect 0 'wrote' "$fovea" audit "$work/padded.onnx" --baseline "$report" -o "$work/beside"
expect 0 'id=baseline' cat "$work/beside/report.html"
expect 0 'Not measured: no images' cat "$work/beside/report.html"
expect 0 '^[0-9]+$' grep -c 'data:image/png;base64' "$report/report.html"
expect 1 '^0$' grep -cE '<script|(src|href)="?(https?:|//)|@import|url\(' "$report/report.html"

# bad files: one line, exit code 2, nothing left behind
printf 'not an image' >"$work/picture.png"
one_line 2 'picture.png' "$fovea" erf $model --images "$work/picture.png" -o "$work/bad"
[ -e "$work/bad" ] && { echo "FAILED: a result folder was left behind"; failures=$((failures + 1)); }
one_line 2 'cannot be opened' "$fovea" inspect "$work/missing.onnx"
for size in 1 100 5000 50000 500000; do
    head -c $size $model >"$work/short.onnx"
    one_line 2 'short.onnx' "$fovea" run "$work/short.onnx" -i models/images/00000_ankle-boot.png
    one_line 2 'short.onnx' "$fovea" diff $model "$work/short.onnx"
done
one_line 2 'no avx9|instruction set' "$fovea" inspect $model --cpu avx9

expect 0 'no problems' "$fovea" check $model --shape 1,1,28,28
expect 0 'Conv  *1- *yes *local *float half' "$fovea" ops
expect 0 '"name": "Conv"' "$fovea" ops --json

[ $failures -eq 0 ] && echo "all checks passed"
exit $((failures > 0))
