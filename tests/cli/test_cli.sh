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
for verb in inspect check run bench erf cam eval diff audit rewrite tune ops; do
    expect 0 "usage: fovea $verb" "$fovea" help $verb
    expect 0 '^example: fovea' "$fovea" $verb --help
done
expect 2 "no verb 'nonsense'" "$fovea" nonsense
one_line 2 'unknown option' "$fovea" run $model --nonsense
expect 0 '^fovea [0-9.]+$' "$fovea" -V
# --json: alone, into a file beside the lines, and as audit and bench spelt it
expect 0 '"schema": "fovea.inspect"' "$fovea" inspect $model --json
expect 0 '^total: ' "$fovea" inspect $model --json="$work/layers.json"
expect 0 '"schema": "fovea.inspect"' cat "$work/layers.json"
expect 0 '^[0-9]+ entries' "$fovea" ops --json="$work/ops.json"
expect 0 '"schema": "fovea.ops"' cat "$work/ops.json"
expect 1 '"equal": false' "$fovea" run $net/model.onnx -i $data/input_0.pb --expect $data/output_0.pb --rtol 0 --atol 0 --json
expect 0 '^logits: float' "$fovea" run $model -i models/images/00001_pullover.png --json="$work/run.json"
expect 0 '"schema": "fovea.run"' cat "$work/run.json"
expect 0 '^maps of' "$fovea" cam $model models/images --limit 1 --json="$work/cam.json"
expect 0 '"file": null' cat "$work/cam.json"
one_line 2 'no place for' "$fovea" run $model --shape 1,1,28,28 --dump-after fold --json
one_line 2 "no output 'logtis'; did you mean 'logits'[?]" "$fovea" run $model -i models/images/00001_pullover.png -e "logtis=$data/output_0.pb"
[ -z "$("$fovea" run $model -i nothing.png --json 2>/dev/null)" ] || { echo 'FAILED: an error with --json prints'; failures=$((failures + 1)); }
# what is written is asked for before any work: nothing of the model is told first
for verb in "check $model --json=$work/none/check.json" "bench $model --json=$work/none/bench.json" "eval $model -o $work/none/e.json" \
    "tune $model --data models/images -o $work/x.onnx --history $work/none/h.jsonl" "rewrite $model -o $work/none/x.onnx"; do
    # shellcheck disable=SC2086
    one_line 2 "the folder $work/none/ is not there" "$fovea" $verb
done
one_line 2 "is no folder" "$fovea" cam $model models/images -o $model/maps
one_line 0 "'--json -' is spelt --json; the next" "$fovea" audit $model --json - --fail-on never
one_line 0 "'--json .*/old.json' is spelt --json=/.*/old.json; the next" "$fovea" audit --json "$work/old.json" $model --fail-on never
expect 0 '"schema": "fovea.audit"' cat "$work/old.json"
expect 0 '"schema": "fovea.audit"' "$fovea" audit --json $model --fail-on never
one_line 2 'holds one field' "$fovea" erf $model $model --json="$work/two.json"
# "-": stdin and stdout, which holds nothing else then
piped() { local file=$1; shift; "$fovea" "$@" <"$file" | cat >"$work/piped"; [ "${PIPESTATUS[0]}" -eq 0 ] && cat "$work/piped"; }
picture=models/images/00001_pullover.png
expect 0 '^total: ' bash -c "'$fovea' inspect - <$model"
expect 0 'stdin.png: 2 Pullover' bash -c "'$fovea' run $model -i - <$picture"
expect 0 'stdin.png +2 Pullover' bash -c "'$fovea' cam $model - <$picture"
expect 0 'models are the same' bash -c "'$fovea' diff $model - <$model"
expect 2 'fovea: stdin is read once' bash -c "'$fovea' run - -i - <$model"
expect 2 'stdin is empty' bash -c "'$fovea' run $model -i - </dev/null"
expect 2 'has its data in another file.*load it by its path' bash -c "'$fovea' check - <tests/fixtures/broken/external.onnx"
piped $model rewrite - -o - --apply gamma 2>/dev/null >"$work/new.onnx"
"$fovea" rewrite $model -o "$work/same.onnx" --apply gamma >/dev/null 2>&1
cmp -s "$work/new.onnx" "$work/same.onnx" || { echo 'FAILED: rewrite -o - wrote something else'; failures=$((failures + 1)); }
"$fovea" run $model -i $picture -o "$work/streamed" >/dev/null
piped $picture run $model -i - -o - | cmp -s - "$work/streamed/logits.npy" || { echo 'FAILED: run -o - wrote something else'; failures=$((failures + 1)); }
expect 0 'PNG' bash -c "'$fovea' erf $model --images models/images --limit 2 -o - | head -c 8"
expect 2 'stdout takes one' bash -c "set -o pipefail; '$fovea' erf $model --images models/images --limit 2 -o - --format all | cat"
expect 2 'takes a folder' bash -c "set -o pipefail; '$fovea' audit $model -o - | cat"
expect 2 'one thing alone' bash -c "set -o pipefail; '$fovea' rewrite $model -o - --json | cat"
expect 2 'nothing was written|cannot be opened' bash -c "set -o pipefail; '$fovea' rewrite nothing.onnx -o - | cat"
[ -z "$(TMPDIR=$work "$fovea" run $model -i - <$picture >/dev/null; ls "$work" | grep fovea-)" ] || { echo 'FAILED: stdin left a folder'; failures=$((failures + 1)); }
# several models: each on its own, a table, the worst exit code; a broken one does not stop the others
several=($model tests/fixtures/check/mixed.onnx "$work/none.onnx" $net/model.onnx)
expect 2 '^tests/fixtures/check/mixed.onnx +1 +2 problems, 2 notes' "$fovea" check "${several[@]}"
expect 2 '^tests/fixtures/resnet18/model.onnx +0 +0 problems' "$fovea" check "${several[@]}"
expect 2 'none.onnx +2 +.*cannot be opened' "$fovea" check "${several[@]}"
expect 1 '^model +exit' "$fovea" check $model tests/fixtures/check/mixed.onnx
expect 0 '^models/fashion_vit.onnx +0 +.* parameters, .* MACs' "$fovea" inspect $model models/fashion_vit.onnx
expect 0 '^models/fashion_mnist.onnx +0 +' "$fovea" audit $model $model -o "$work/reports"
for folder in fashion_mnist fashion_mnist_2; do
    [ -s "$work/reports/$folder/report.html" ] || { echo "FAILED: no report of $folder"; failures=$((failures + 1)); }
done
expect 0 'check 3 2 cannot' python3 -c "
import json, subprocess
run = subprocess.run(['$fovea', 'check', '--json', '$model', 'tests/fixtures/check/mixed.onnx', '$work/none.onnx'], capture_output=True)
models = json.loads(run.stdout)['models']
print('check', len(models), run.returncode, 'cannot' if 'cannot be opened' in models[2]['error'] and models[1]['document']['problems'] == 2 else 'wrong')"
expect 2 'name a model file' "$fovea" check
# help by subject; lines of a terminal's width there alone; colours as the environment and --color say
expect 0 '^Look at models$' "$fovea" help
expect 0 '^Pictures$' "$fovea" help erf
on_terminal() { script -qec "stty cols 80; $*" /dev/null | tr -d '\r'; }
widest() { awk '{ if (length($0) > most) most = length($0) } END { print most }'; }
for verb in '' inspect check run bench erf cam eval diff audit rewrite tune ops; do
    most=$(on_terminal env -u COLUMNS NO_COLOR=1 "$fovea" help $verb | grep -v '^example' | widest)
    [ "$most" -lt 80 ] || { echo "FAILED: help $verb has $most columns on a terminal of 80"; failures=$((failures + 1)); }
done
[ "$(on_terminal env COLUMNS=60 NO_COLOR=1 "$fovea" help cam | grep -v '^example' | widest)" -lt 61 ] || { echo 'FAILED: COLUMNS is not taken'; failures=$((failures + 1)); }
[ "$("$fovea" help cam | widest)" -gt 120 ] || { echo 'FAILED: help is wrapped in a pipe'; failures=$((failures + 1)); }
escape=$'\033'
has_colours() { grep -qF "$escape[" <<<"$1"; }
plain() { ! has_colours "$1" || { echo "FAILED: colours in $2"; failures=$((failures + 1)); }; }
coloured() { has_colours "$1" || { echo "FAILED: no colours in $2"; failures=$((failures + 1)); }; }
mixed_file=tests/fixtures/check/mixed.onnx
plain "$("$fovea" check $mixed_file 2>&1)" 'a pipe'
coloured "$("$fovea" check $mixed_file --color always 2>&1)" '--color always'
coloured "$(CLICOLOR_FORCE=1 "$fovea" check $mixed_file 2>&1)" 'CLICOLOR_FORCE'
coloured "$(on_terminal env -u NO_COLOR TERM=xterm "$fovea" check $mixed_file)" 'a terminal'
plain "$(on_terminal env NO_COLOR=1 TERM=xterm "$fovea" check $mixed_file)" 'NO_COLOR'
plain "$(on_terminal env -u NO_COLOR TERM=dumb "$fovea" check $mixed_file)" 'a dumb terminal'
plain "$(on_terminal env -u NO_COLOR TERM=xterm "$fovea" check $mixed_file --color never)" '--color never'
coloured "$("$fovea" audit $model --color always)" 'an audit'
plain "$("$fovea" check $mixed_file --json --color always 2>&1)" 'JSON'
# names of files are shown without what a terminal would obey
evil="$work/a${escape}[31mb.onnx"
cp $model "$evil"
cp $picture "$work/a${escape}[31mb.png"
for verb in inspect check audit "rewrite --dry-run" "bench -r 1 -b 1" "run -i $picture" "erf --images $picture" "cam $picture -m gradcam"; do
    # shellcheck disable=SC2086
    set -- $verb
    plain "$("$fovea" "$1" "$evil" "${@:2}" 2>&1)" "$verb of a name with an escape"
done
plain "$("$fovea" check "$evil$escape" 2>&1; "$fovea" diff "$evil" "$evil" 2>&1; "$fovea" diff "$evil" $net/model.onnx 2>&1)" 'messages with an escape'
plain "$("$fovea" run $model -i "$work/a${escape}[31mb.png" 2>&1; "$fovea" erf $model --images "$work/a${escape}[31mb.png" -o "$work/e${escape}[31m" 2>&1)" 'pictures with an escape'
plain "$("$fovea" run $model --"$escape[31m" 2>&1; "$fovea" "$escape[31m" 2>&1; "$fovea" run $model -i $picture -e "$escape[31m" 2>&1; "$fovea" run $model --cpu "$escape[31m" 2>&1; "$fovea" audit $model --fail-on "$escape[31m" 2>&1; "$fovea" run $model --resize "$escape[31m" 2>&1)" 'arguments with an escape'
# names are written out, and what is near to a wrong one is said
one_line 2 "no verb 'inspcet'; did you mean 'inspect'[?]" "$fovea" inspcet $model
one_line 2 "unknown option '--jsn'; did you mean '--json'[?]" "$fovea" inspect $model --jsn
one_line 2 "unknown option '--thr=2'; did you mean '--threads'[?]" "$fovea" inspect $model --thr=2
one_line 2 "unknown option '--thr'; did you mean '--threads'[?]" "$fovea" inspect $model --thr
one_line 2 "no guide 'gama'.*did you mean 'gamma'[?]" "$fovea" audit $model --only gama
one_line 2 "no guide 'kernel'.*did you mean 'kernel-padding'[?]" "$fovea" rewrite $model --dry-run --apply kernel
one_line 2 "no recipe 'gama'.*did you mean 'gamma'[?]" "$fovea" tune $model --recipe gama --data x -o "$work/none.onnx"
one_line 2 "no preset \"imagnet\".*did you mean 'imagenet'[?]" "$fovea" erf $model --images models/images --preprocess imagnet
one_line 2 "does not know 'gardcam'.*did you mean 'gradcam'[?]" "$fovea" cam $model models/images --method gardcam
one_line 2 "does not know 'advise'.*did you mean 'advice'[?]" "$fovea" audit $model --fail-on advise
one_line 2 "no value 'logit'.*did you mean 'logits'[?]" "$fovea" run $model -i models/images --value logit
one_line 2 "no instruction set 'avx51'.*did you mean 'avx512'[?]" "$fovea" inspect $model --cpu avx51
one_line 2 "no pass 'fuse-epilog'.*did you mean 'fuse-epilogue'[?]" "$fovea" run $model --shape 1,1,28,28 --dump-after fuse-epilog
one_line 2 "no setting 'gama.last=decay'.*did you mean 'gamma.last'[?]" "$fovea" audit $model --set gama.last=decay
one_line 2 "no node '/stem/Con'; did you mean '/stem/Conv'[?]" "$fovea" rewrite $model --dry-run --only-node /stem/Con
one_line 2 "does not know 'haf'.*did you mean 'half'[?]" "$fovea" inspect $model --weights haf
one_line 2 "no operator 'conv'; did you mean 'Conv'[?]" "$fovea" ops conv
expect 0 '^ai.onnx +Conv +' "$fovea" ops Conv Relu
expect 0 'is left out: ' "$fovea" ops "$("$fovea" ops --json | sed -n '/left_out/,$s/.*"name": "\(.*\)",/\1/p' | head -1)"
expect 0 'training step, batch 16' "$fovea" bench $model --train -b 16 -r 2
expect 0 'training step, batch 4' "$fovea" bench tests/fixtures/training_forms/mode_training_13.onnx --train -b 4 -r 2
expect 0 'training step, batch 4' "$fovea" bench tests/fixtures/training_forms/same_merged.onnx --train -b 4 -r 2
expect 0 '  update, SGD$' "$fovea" bench $model --train -b 4 -r 1 --profile --rows 3
one_line 2 'goes without' "$fovea" bench $model --train --gradient
one_line 2 '\-\-batch 1000000000 are too many' "$fovea" bench $net/model.onnx -b 1000000000
one_line 2 'goes without it' "$fovea" bench $model --gradient --value logits
expect 0 'forward and input gradient' "$fovea" bench models/fashion_vit.onnx --gradient -r 1 --target /blocks/blocks.3/Add_2_output_0
expect 2 'with --target or a class with erf --class' "$fovea" bench tests/fixtures/heads/logits.onnx --gradient
expect 0 'batch 1,' "$fovea" bench tests/fixtures/resnet18_bn/model.onnx -i models/photos/$(ls models/photos | grep -m1 jpg) --preprocess imagenet -r 1 --value "$("$fovea" inspect tests/fixtures/resnet18_bn/model.onnx --json | sed -n 's/.*"output": "\(.*\)",/\1/p' | sed -n 3p)"
expect 0 '"seed": 7' "$fovea" bench $model -r 1 --seed 7 --json
one_line 0 '64 threads on [0-9]+ cores? wait' taskset -c 0 "$fovea" bench $model -b 1 -r 1 -t 64
one_line 2 'takes 1 to 1024' "$fovea" bench $model -t 1025
expect 2 "takes whole numbers from 1, not 'x'" tools/bench --threads x
# sequences: one file for each tensor, and how many there are; types mistaken for each other
sequences=tests/fixtures/sequences
printf '\x93NUMPY\x01\x00\x46\x00%-69s\n' "{'descr': '<f4', 'fortran_order': False, 'shape': (3, 2), }" >"$work/rows.npy"
head -c 24 /dev/zero >>"$work/rows.npy"
expect 0 '^y: sequence of float, 3 tensors$' "$fovea" run $sequences/rows.onnx -i "$work/rows.npy" -o "$work/rows"
expect 0 '^none: optional float, absent$' "$fovea" run $sequences/rows.onnx -i "$work/rows.npy"
expect 0 '"optional float", "present": false, "tensors": 0' cat "$work/rows/none.json"
expect 0 '"sequence of float", "present": true, "tensors": 3' cat "$work/rows/y.json"
expect 0 'equal +y.2' "$fovea" run $sequences/rows.onnx -i "$work/rows.npy" -e "y.2=$work/rows/y.2.npy"
one_line 2 "no output 'y.3'" "$fovea" run $sequences/rows.onnx -i "$work/rows.npy" -e "y.3=$work/rows/y.2.npy"
expect 0 '^longer: sequence of float, 3 tensors$' "$fovea" run $sequences/given.onnx -i "s=$work/rows.npy" -i "s=$work/rows.npy"
expect 0 '^input  s: sequence of float$' "$fovea" inspect $sequences/given.onnx
expect 0 'no problems' "$fovea" check $sequences/given.onnx
expect 1 "input 0, .s., is a sequence of float, where Relu takes a tensor" "$fovea" check $sequences/mistaken.onnx
one_line 2 "input 0 is a sequence of float, where the operator takes a tensor" "$fovea" run $sequences/mistaken.onnx
one_line 2 "has type int64, where the sequence takes tensors of float" "$fovea" run $sequences/mixed.onnx -i "x=$work/rows.npy"
one_line 2 "output 'y' is declared as sequence of int64, but is sequence of float" "$fovea" run $sequences/declared.onnx -i "$work/rows.npy"
expect 0 'the models are the same' "$fovea" diff $sequences/rows.onnx $sequences/rows.onnx
# tune: what fails is said before training, and a model that diverged is not written
tune_images() {
    "$fovea" tune $model --data models/images -b 20 -e 3 --samples 40 -q --force -o "$work/early.onnx" "$@"
}
one_line 2 '\-\-rate is nan' tune_images --rate nan
one_line 2 '\-\-warmup is -1' tune_images --warmup -1
one_line 2 '\-\-momentum is 1, not from 0 to below 1' tune_images --momentum 1
one_line 2 '\-\-validation is 1.5' tune_images --validation 1.5
one_line 2 '\-\-loaders is -1' tune_images --loaders -1
one_line 2 '\-\-flip is 2' tune_images --flip 2
one_line 2 '\-\-colour is -1' tune_images --colour 0,0,0,-1
one_line 2 '\-\-crop-scale is 2' tune_images --crop-scale 0,2
one_line 2 '\-\-decay-class is -1' tune_images --decay-class beta=-1
for wrong in beta=abc beta=1x beta= beta=1,2 beta=nan beta gamma=1; do
    one_line 2 "takes CLASS=FACTOR, not '$wrong'; there are last, down, .*layernorm" tune_images --decay-class $wrong
done
one_line 2 'takes LOW,HIGH' tune_images --crop-scale 0.5,
one_line 2 'takes LOW,HIGH' tune_images --crop-scale inf
echo kept >"$work/kept.history"
one_line 2 '\-\-epochs is 0' tune_images -e 0 --history "$work/kept.history"
[ "$(cat "$work/kept.history")" = kept ] || { echo "FAILED: bad input emptied a history"; failures=$((failures + 1)); }
expect 2 'label [0-9], but there are 2 classes' tune_images --new-head 2
one_line 2 'nope.onnx: cannot be opened' tune_images --control nope.onnx
one_line 2 'the folder .* is not there' "$fovea" tune $model --data models/images -o "$work/nowhere/x.onnx"
expect 2 'not finite' tune_images --rate 900 --warmup 0 --schedule constant
[ -e "$work/early.onnx" ] && { echo "FAILED: a diverged model was written"; failures=$((failures + 1)); }
"$fovea" rewrite models/fashion_vit.onnx -o "$work/normed.onnx" --apply prelayernorm --images models/images --force -q >/dev/null
expect 0 'recipe: parameters train as those of the same name in the model' "$fovea" tune "$work/normed.onnx" \
    --control models/fashion_vit.onnx --recipe prelayernorm --data models/images -e 1 -b 20 --samples 20 -o "$work/normed2.onnx"
one_line 2 'takes a number' "$fovea" bench $model --runs many

# check: a size that suits the form of the input
expect 0 "give it with --shape 'image:3,224,224'" "$fovea" check tests/fixtures/image_inputs/chw_free.onnx
expect 0 "give it with --shape 'image:224,224,3'" "$fovea" check tests/fixtures/image_inputs/hwc_bytes.onnx
expect 0 'batch of .image. is free and taken as 1, 1x20x28x3' "$fovea" check tests/fixtures/image_inputs/nhwc_bytes.onnx

# check: problems first, those of a code together and counted; every code stands in the help and in docs/check.md
expect 1 '^problem  attribute-opset .* no attribute .axes.: since opset 13 it is an input' "$fovea" check tests/fixtures/check/mixed.onnx
expect 1 ': 2 problems \(1 attribute-opset, 1 type\), 2 notes \(1 unused-input, 1 unused-weight\)$' "$fovea" check tests/fixtures/check/mixed.onnx
[ "$("$fovea" check tests/fixtures/check/mixed.onnx --json | grep -c '"severity"')" -eq 4 ] ||
    { echo "FAILED: check --json has not all findings"; failures=$((failures + 1)); }
while read -r severity code meaning; do
    grep -qF "| $severity | \`$code\` | $meaning |" docs/check.md || { echo "FAILED: docs/check.md lacks $code"; failures=$((failures + 1)); }
done < <("$fovea" help check | sed -n '/^findings:/,/^$/p' | grep -E '^  (problem|note)')
expect 0 'opset 6; fovea reads 7 to .*onnx.version_converter' "$fovea" inspect tests/fixtures/check/old.onnx
expect 2 'opset 6; fovea reads 7 to .*onnx.version_converter' "$fovea" bench tests/fixtures/check/old.onnx
expect 1 'opset 6; fovea reads 7 to .*onnx.version_converter' "$fovea" check tests/fixtures/check/old.onnx

# inspect: the table, its totals, the flag for a free size
expect 0 'batch of .image. is free and taken as 1, 1x1x28x28' "$fovea" inspect $model
expect 0 'taken as 1' "$fovea" bench $model --runs 3
expect 0 'Conv' "$fovea" run $model --dump-after fuse-epilogue
expect 0 'total: 175 k parameters \(174778\)' "$fovea" inspect $model --shape 1,1,28,28
expect 0 ' 53 +4 +0$' "$fovea" inspect $model --shape image:1,1,28,28
expect 0 '"macs": 20183936' "$fovea" inspect $model --shape 1,1,28,28 --json
one_line 2 'has no input|no input of the model' "$fovea" inspect $model --shape wrong:1,1,28,28

# run: recorded outputs match, a wrong expectation is told with its place
expect 0 'equal +output' "$fovea" run $net/model.onnx -i $data/input_0.pb --expect $data/output_0.pb
expect 1 'MISMATCH output: .* first at \[0,[0-9]\]' "$fovea" run $net/model.onnx -i $data/input_0.pb --expect $data/output_0.pb \
    --rtol 0 --atol 0
expect 0 "wrote $work/run/logits.npy" "$fovea" run $model -i models/images -o "$work/run"
expect 0 'equal +logits' "$fovea" run $model -i models/images --expect "logits=$work/run/logits.npy" --threads 1
expect 0 'Conv' "$fovea" run $model --shape 1,1,28,28 --dump-after fuse-epilogue
one_line 2 "no pass 'nothing'; the passes are: clone inline-functions .* recompute$" "$fovea" run $model --shape 1,1,28,28 --dump-after nothing
one_line 2 'name a file for the input' "$fovea" run $model --shape 1,1,28,28
one_line 2 'models/images: holds 200 images, input .input. takes 1' "$fovea" run $net/model.onnx -i models/images --preprocess imagenet
one_line 2 'fashion_mnist.onnx: the input has 1 channels' "$fovea" run $model -i models/images --preprocess imagenet
one_line 2 'take one number each' "$fovea" run $model -i models/images --mean .1,.2,.3 --std 1,1,1

# files: formats by bytes, what is left out, orientation
mkdir -p "$work/mix/a" "$work/mix/b"
cp tests/fixtures/images/rgb_lossy.webp "$work/mix/a/noext"
cp tests/fixtures/images/turned.jpg "$work/mix/a/turned.png"
cp tests/fixtures/images/rgb.jpg "$work/mix/b/x.jfif"
printf 'GIF89a-----' >"$work/mix/b/x.gif"
echo text >"$work/mix/b/x.txt"
mixed() { "$fovea" eval $model --images "$work/mix" --channels gray "$@" -q; }
expect 0 '^3 images' mixed --no-labels
expect 0 'note: .*/mix: left out: 1 GIF .b/x.gif., 1 other .b/x.txt.' mixed --no-labels
expect 0 'note: .*/mix: the EXIF orientation of 1 of 3 images is not applied .*--exif apply' mixed --no-labels
"$fovea" eval $model --images "$work/mix" --no-labels --exif apply -q 2>&1 | grep -q EXIF && { echo "FAILED: --exif apply is noted as not applied"; failures=$((failures + 1)); }
# every result says what was left out of its images: one GIF and one text, of tune and of eval --data a broken file too
left='"files_left_out": *\[ *\{ *"kind": *"GIF", *"count": *1, *"first": *"b/x.gif" *\}, *\{ *"kind": *"other", *"count": *1,'
as_one_line() { "$@" -q 2>"$work/stderr" | tr -s '\n ' ' '; cat "$work/stderr"; }
file_as_one_line() { tr -s '\n ' ' ' <"$1"; }
expect 0 "$left" as_one_line "$fovea" eval $model --images "$work/mix" --channels gray --no-labels --json
expect 0 "$left" as_one_line "$fovea" erf $model --images "$work/mix" --channels gray --json
expect 0 'montage' "$fovea" cam $model "$work/mix" --channels gray -o "$work/mix_cam"
expect 0 "$left" file_as_one_line "$work/mix_cam/cam.json"
expect 0 'report.html' "$fovea" audit $model --images "$work/mix" --channels gray -o "$work/mix_audit"
expect 0 "$left" file_as_one_line "$work/mix_audit/report.json"
expect 0 'Files left out: 1 GIF .*x.gif.*, 1 other' cat "$work/mix_audit/report.html"
mkdir -p "$work/mix2"
cp -r "$work/mix/a" "$work/mix/b" "$work/mix2/"
head -c 900 tests/fixtures/images/rgb.jpg >"$work/mix2/a/cut.jpg"
cp tests/fixtures/images/rgb.jpg "$work/mix2/a/"
broken='.*"kind": *"broken", *"count": *1, *"first": *"a/cut.jpg"'
expect 0 "$left$broken" as_one_line "$fovea" tune $model --data "$work/mix2" --channels gray --new-head 2 -e 1 -b 2 \
    --no-validation --skip-broken --json -o "$work/mix.onnx"
expect 0 "$left$broken" as_one_line "$fovea" eval "$work/mix.onnx" --data "$work/mix2" --skip-broken --json
expect 2 'none of the 10 known classes .*--no-labels takes them for none' mixed
# an image beyond the limits is told as such, and passed over where that is asked for
mkdir -p "$work/huge/a" "$work/huge/b"
printf '\x89\x50\x4e\x47\x0d\x0a\x1a\x0a\x00\x00\x00\x0d\x49\x48\x44\x52\x00\x00\x4e\x20\x00\x00\x4e\x20\x08\x02\x00\x00\x00\x6c\x12\xd1\x6e\x00\x00\x00\x08\x49\x44\x41\x54\x78\x9c\x03\x00\x00\x00\x00\x01\x48\x06\x89\xd2\x00\x00\x00\x00\x49\x45\x4e\x44\xae\x42\x60\x82' >"$work/huge/a/20k.png"
cp tests/fixtures/images/rgb.jpg "$work/huge/a/"
cp tests/fixtures/images/rgb.jpg "$work/huge/b/"
huge() { "$fovea" tune $model --data "$work/huge" --channels gray --new-head 2 -e 1 -b 2 --no-validation -q --force -o "$work/huge.onnx" "$@"; }
one_line 2 '20k.png: an image of 20000x20000 pixels is outside the limits' huge
expect 0 'broken files left out: 1' huge --skip-broken
expect 2 'exif "x" is not apply or stored' mixed --no-labels --exif x
one_line 2 'x.gif: is a GIF image, which is not read' "$fovea" run $model -i "$work/mix/b/x.gif"
expect 2 'there is no image .* in the class folder "c"; left out are 1 GIF' bash -c "mkdir '$work/mix/c'; cp '$work/mix/b/x.gif' '$work/mix/c'; rm '$work/mix/b/'x.[gt]*; '$fovea' tune $model --data '$work/mix' -o '$work/never.onnx'"

# how images come to the network's size; inputs without a batch, and of bytes
inputs=tests/fixtures/image_inputs
expect 0 '^scores: float 1x4' "$fovea" run $inputs/chw_free.onnx -i tests/fixtures/images/rgb8.png --preprocess raw --resize 24x30
expect 0 'note: the letterbox is filled with 114,114,114' "$fovea" run $inputs/nchw.onnx -i tests/fixtures/images/rgb8.png --preprocess raw --letterbox
expect 2 'a letterbox needs the input.s size' "$fovea" run $inputs/chw_free.onnx -i tests/fixtures/images/rgb8.png --preprocess raw --letterbox
one_line 2 'leave --resize out' "$fovea" run $inputs/nchw.onnx -i tests/fixtures/images/rgb8.png --preprocess raw --letterbox --resize 20
one_line 2 "not '20x'" "$fovea" run $inputs/nchw.onnx -i tests/fixtures/images/rgb8.png --preprocess raw --resize 20x
one_line 2 "letterbox-colour takes .* not '1,2'" "$fovea" run $inputs/nchw.onnx -i tests/fixtures/images/rgb8.png --preprocess raw --letterbox --letterbox-colour 1,2
one_line 2 "input 'image' takes bytes" "$fovea" run $inputs/hwc_bytes.onnx -i tests/fixtures/images/rgb8.png --preprocess imagenet
expect 0 'maps of .positive.' "$fovea" cam $inputs/hwc_bytes.onnx tests/fixtures/images/rgb8.png -m gradcam
# a batch that nobody chose shrinks to the data; letterbox and stretch go into the file
mkdir "$work/few" && head -9 models/images/labels.csv >"$work/few/labels.csv" && for file in $(sed 1d "$work/few/labels.csv" | cut -d, -f1); do cp models/images/$file "$work/few"; done
expect 0 'note: the batch is 8, all training samples' "$fovea" tune $model --data "$work/few" --no-validation -e 1 -o "$work/boxed.onnx" --letterbox --letterbox-colour 7
expect 1 'fovea.preprocess.*letterbox' "$fovea" diff $model "$work/boxed.onnx"

# classes by name, wherever one is asked for
expect 0 'class 9 of .logits.' "$fovea" erf $model --images models/images -c 'Ankle boot' --limit 2
expect 0 '9 Ankle boot' "$fovea" cam $model models/images/00001_pullover.png -c ankle_boot -m gradcam
for verb in "cam $model models/images --limit 1" "erf $model --images models/images --limit 1 --class 3"; do
    one_line 2 'the score is not finite' "$fovea" $verb --mean 0 --std 1e-38
done
one_line 2 'class "boot": that is the name of none of the 10 classes' "$fovea" cam $model models/images/00001_pullover.png -c boot
one_line 2 'class "cat": the names of the classes are not known' "$fovea" erf $net/model.onnx --images models/images -c cat --preprocess imagenet
printf 'a\nb\n' >"$work/two.txt"
one_line 2 'two.txt: there are 2 names in it, the model has 10 classes' "$fovea" cam $model models/images/00001_pullover.png --labels "$work/two.txt" -m gradcam
one_line 2 'two.txt: there are 2 names in it, the model has 10 classes' "$fovea" eval $model --images models/images --labels "$work/two.txt"
expect 2 'label 9, but there are names for only 2 classes' tune_images --labels "$work/two.txt"
seq 12 >"$work/twelve.txt"
expect 2 'twelve.txt: there are 12 names in it, the model has 10 classes' tune_images --labels "$work/twelve.txt"
printf 'names:\n  0: a\n  1: b\n  2: c\n  3: d\n  4: e\n  5: f\n  6: g\n  7: h\n  8: i\n  9: "the boot"\n' >"$work/data.yaml"
expect 0 '9 the boot' "$fovea" cam $model models/images/00001_pullover.png --labels "$work/data.yaml" -c the-boot -m gradcam
expect 0 'note: .*data.yaml: calls class 0 "a", models/.* itself "T-shirt/top"' "$fovea" eval $model --images models/images \
    --no-labels --limit 2 --labels "$work/data.yaml"

# bench
expect 0 '"median_ms"' "$fovea" bench $model --shape 1,1,28,28 --runs 3 --json
# What changes numbers is in the documents of those that ran so.
expect 0 '"no_winograd": true' "$fovea" bench $model -b 1 -r 1 --no-winograd --json
expect 0 '"no_winograd": true' "$fovea" bench $model -b 4 -r 1 --no-winograd --train --json
expect 0 '"no_winograd": true' "$fovea" erf $model --images models/images --limit 1 --no-winograd --json
"$fovea" bench $model -b 1 -r 1 --json | grep -q no_winograd && { echo "FAILED: no_winograd is told unasked"; failures=$((failures + 1)); }
expect 0 'batch 4' "$fovea" bench $model --batch 4 --runs 3 --gradient --threads 2
expect 0 'cpu none' "$fovea" bench $model --batch 1 --runs 3 --cpu none
expect 0 'peak of this machine, 1 thread, cpu none: .* GFLOP/s' "$fovea" bench $model -b 1 -r 1 -t 1 --cpu none --profile --json="$work/profile.json"
expect 0 '^"/blocks/blocks.5/conv1/Conv": Conv . BatchNormalization . Relu$' python3 -c "
import json, sys
for node in json.load(open('$work/profile.json'))['profile']['nodes']: print(json.dumps(node['name']) + ':', node['holds'])"
expect 2 '^fovea bench: --rows goes with --profile' "$fovea" bench $model -b 1 -r 1 --rows 3
expect 2 '^fovea bench: --shape begins with 3, --batch says 2: give one of them' "$fovea" bench $model -b 2 -r 1 --shape 3,1,28,28
expect 0 'batch 2' "$fovea" bench $model -b 2 -r 1 --shape 1,1,28,28
expect 0 " nodes .--rows N shows more" "$fovea" bench $model -b 1 -r 1 --profile --rows 3
expect 0 " Conv, columns '/blocks/blocks.0/conv1/Conv': Conv . BatchNormalization . Relu" "$fovea" bench $model -b 1 -r 1 --cpu none --profile --rows 100

# erf: files, the refusal to overwrite, targets
expect 0 'wrote .*/erf.png' "$fovea" erf $model --images models/images -o "$work/erf"
for file in erf.png erf.npy erf.json manifest.json; do
    [ -s "$work/erf/$file" ] || { echo "FAILED: erf wrote no $file"; failures=$((failures + 1)); }
done
one_line 2 'exists already; --force' "$fovea" erf $model --images models/images -o "$work/erf"
expect 0 'unit \(0, 6\)' "$fovea" erf $model --images models/images --unit 0,6 --limit 3
expect 0 'class 3 of .logits., 3' "$fovea" erf $model --images models/images --class 3 --limit 3
expect 0 '"images": 3' "$fovea" erf $model --images models/images --limit 3 --json --target /blocks/blocks.3/Add_output_0
one_line 2 'there is no unit 7,0' "$fovea" erf $model --images models/images --unit 7,0
one_line 2 "fashion_mnist.onnx: there is no class 10: 'logits' has 10, numbered from 0" "$fovea" erf $model --images models/images --class 10
one_line 2 "no value 'nothing'" "$fovea" erf $model --images models/images --target nothing
one_line 2 '--preprocess imagenet' "$fovea" erf $net/model.onnx --images models/images

expect 0 'predicted class' "$fovea" erf $model --images models/images --class predicted --limit 2
expect 0 'predicted class over the mean of all .margin. of .logits., 2 images' "$fovea" erf $model --images models/images --score margin --limit 2
one_line 2 'unit 9,9 is not in stage' "$fovea" erf $model --images models/images --target all-stages --unit 9,9
expect 0 'stage 2 of [0-9]' "$fovea" erf $model --images models/images --limit 1 --target all-stages
one_line 2 'belong to logits' "$fovea" erf $model --images models/images --target all-stages -c 3
expect 0 'channel 3 ' "$fovea" erf $model --images models/images -c 3 --score margin --limit 2 --target /Relu_output_0
one_line 2 'class "best": that is the name of none' "$fovea" erf $model --images models/images --class best
one_line 2 'predicted.* or .label' "$fovea" erf $model --images models/images --class=-1

expect 0 'overlap 1.0000' "$fovea" erf $model --images models/images --compare "$work/erf/erf.json" -o "$work/erf2" --log
expect 0 'overlap 1.0000' "$fovea" erf $model --images models/images --compare "$work/erf"
expect 0 'they do not answer the same question' "$fovea" erf $model --images models/images --limit 1 -c 3 --compare "$work/erf"
[ -s "$work/erf2/difference.png" ] || { echo "FAILED: erf wrote no difference.png"; failures=$((failures + 1)); }
expect 0 'single pixels changed .*correlation 0' "$fovea" erf $model --images models/images --limit 2 --perturb 50
one_line 2 'compare .*missing.json' "$fovea" erf $model --images models/images --limit 1 --compare "$work/missing.json"

# pictures: formats, the same bytes again, options
expect 0 'wrote .*/erf.png, erf.svg, erf.pdf, erf.npy' "$fovea" erf $model --images models/images --limit 2 -o "$work/all" --format all
expect 0 'wrote .*/erf.svg, erf.pdf, erf.npy' "$fovea" erf $model --images models/images --limit 2 -o "$work/again" --format svg,pdf
for file in erf.svg erf.pdf; do
    cmp -s "$work/all/$file" "$work/again/$file" || { echo "FAILED: $file differs when it is made again"; failures=$((failures + 1)); }
done
[ ! -e "$work/again/erf.png" ] || { echo 'FAILED: erf.png was not asked for'; failures=$((failures + 1)); }
expect 0 '"erf.pdf"' cat "$work/all/manifest.json"
one_line 2 'exists already' "$fovea" erf $model --images models/images --limit 2 -o "$work/all" --format svg
one_line 2 "png, svg, pdf" "$fovea" erf $model --images models/images --format gif
one_line 2 'exclude each other' "$fovea" erf $model --images models/images --log --linear
one_line 2 "colormap" "$fovea" erf $model --images models/images --colormap rainbow
one_line 2 'dpi' "$fovea" erf $model --images models/images --limit 1 --dpi 1e6
expect 0 'wrote' "$fovea" erf $model --images models/images --limit 1 -o "$work/bare" --bare --size 3 --dpi 100 --colormap cividis --vmax 0.1
expect 0 '^PNG 3[0-9][0-9] ' python3 -c "
import struct; head = open('$work/bare/erf.png', 'rb').read(24); print(head[1:4].decode(), *struct.unpack('>II', head[16:]))"
expect 0 'wrote .*montage.pdf' "$fovea" cam $model models/images --limit 1 -o "$work/drawn" --format pdf --bare
[ -s "$work/drawn/000000_class9_extended.pdf" ] || { echo 'FAILED: cam wrote no PDF'; failures=$((failures + 1)); }

# what pictures show: classes, regions
expect 0 '^00000_ankle-boot.png: 9 Ankle boot 99.[0-9] %, 7 Sneaker' "$fovea" run $model -i models/images/00000_ankle-boot.png --top 2 --overlay "$work/overlay"
[ -s "$work/overlay/000000.png" ] || { echo 'FAILED: run wrote no overlay'; failures=$((failures + 1)); }
one_line 2 '000000.png exists already; --force' "$fovea" run $model -i models/images/00000_ankle-boot.png --overlay "$work/overlay" -q
for option in "--overlay $work/overlay" "--top 3" "--labels models/images/labels.csv"; do
    one_line 2 'take pictures as the only input' "$fovea" run $net/model.onnx -i $data/input_0.pb $option
done
for option in "--format svg" --bare "--dpi 100" "--size 4"; do
    one_line 2 'goes with --overlay' "$fovea" run $model -i models/images/00000_ankle-boot.png $option
    one_line 2 'goes with --output' "$fovea" erf $model --images models/images --limit 1 $option
    one_line 2 'goes with --output' "$fovea" cam $model models/images/00000_ankle-boot.png $option
done
for option in "--colormap gray" "--vmax 1" --log --linear; do
    one_line 2 'goes with --output' "$fovea" erf $model --images models/images --limit 1 $option
done
expect 0 'wrote 200 pictures to' "$fovea" run $model -i models/images --format svg --overlay "$work/overlay2" --top 1

expect 0 '^00001_pullover.png: 1 62.5 %, 0 37.5 %' "$fovea" run tests/fixtures/heads/pixels.onnx -i models/images/00001_pullover.png --preprocess raw --overlay "$work/regions"
[ -s "$work/regions/000000.png" ] || { echo 'FAILED: run drew no regions'; failures=$((failures + 1)); }
expect 0 'each in its best row' "$fovea" run tests/fixtures/heads/levels.onnx -i models/images/00001_pullover.png --preprocess raw
one_line 2 'cannot be made' "$fovea" run $model -i models/images/00000_ankle-boot.png --overlay "$work/missing/folder" -q
expect 0 'wrote' "$fovea" cam tests/fixtures/heads/pixels.onnx models/images/00001_pullover.png --preprocess raw -o "$work/outlined" --format svg

# several models or stages in one figure
expect 0 'wrote .*/fields.png' "$fovea" erf $model models/fashion_vit.onnx $model --images models/images --limit 2 -c predicted -o "$work/several"
for file in fashion_mnist/erf.json fashion_vit/erf.npy fashion_mnist_2/manifest.json fields.png; do
    [ -s "$work/several/$file" ] || { echo "FAILED: erf of several models wrote no $file"; failures=$((failures + 1)); }
done
expect 0 'wrote .*/stages.png, stages.pdf' "$fovea" erf $model --images models/images --limit 2 --target all-stages -o "$work/stages" --format png,pdf
[ -s "$work/stages/stages.pdf" ] && [ -s "$work/stages/stage1/erf.pdf" ] || { echo 'FAILED: erf of stages lacks PDFs'; failures=$((failures + 1)); }
one_line 2 'take one model' "$fovea" erf $model $model --images models/images --target all-stages
one_line 2 'missing.onnx' "$fovea" erf $model missing.onnx --images models/images --limit 1 --json

# cam: files, methods, classes
expect 0 'wrote .*/cam.json' "$fovea" cam $model models/images -m extended,gradcam++ -c top2 --limit 2 -o "$work/cam"
for file in 000000_class9_extended.npy 000000_class9_extended.png 000000_class9_gradcam++_pixels.npy montage.png cam.json; do
    [ -s "$work/cam/$file" ] || { echo "FAILED: cam wrote no $file"; failures=$((failures + 1)); }
done
one_line 2 'exists already; --force' "$fovea" cam $model models/images --limit 1 -o "$work/cam"
expect 0 'Ankle boot.*scorecam' "$fovea" cam $model models/images/00000_ankle-boot.png -m scorecam --score-channels 8
expect 0 ' 3 Dress ' "$fovea" cam $model models/images -c 3 --limit 1 --upsampling bilinear --residual
# An untrained transformer: its last norm's weights are all equal, and that norm's field is nothing
expect 0 '0 T-shirt.* extended .* 0.00 ' "$fovea" cam models/fashion_vit.onnx models/images --limit 1
# the study of positions: text, JSON, folder; the numbers are in tests/api
vit=tests/fixtures/structures/vit_mean.onnx
pixels="--images tests/fixtures/images/rgb.jpg --preprocess raw --resize 32 --crop 32"
expect 0 "position embedding 'pos_embed', 0 prefix tokens" "$fovea" erf $vit $pixels --positions
expect 0 "relative bias of 'Softmax_30', 1 heads, 4 x 4" "$fovea" erf tests/fixtures/structures/swin_t.onnx $pixels --positions
expect 0 '"embedding": "pos_embed"' "$fovea" erf $vit $pixels --positions --json
expect 0 'wrote .*positions.json' "$fovea" erf $vit $pixels --positions -o "$work/positions"
expect 0 '"shuffled_agreement": 1' cat "$work/positions/positions.json"
one_line 2 'no position embedding and no relative bias' "$fovea" erf tests/fixtures/structures/vit_no_positions.onnx $pixels --positions
# Most of the score is the class token's
expect 0 ' extended .* 0.00 .*map holds [0-9]+ %' "$fovea" cam tests/fixtures/structures/vit_no_positions.onnx tests/fixtures/images/rgb.jpg --preprocess raw --resize 32 --crop 32
expect 0 ' gradcam .*unexplained >?[0-9]+ %' "$fovea" cam tests/fixtures/structures/vit_no_positions.onnx tests/fixtures/images/rgb.jpg --preprocess raw --resize 32 --crop 32 -m gradcam
one_line 2 "does not know 'graycam'" "$fovea" cam $model models/images -m graycam
one_line 2 "topN" "$fovea" cam $model models/images -c top0
one_line 2 'no spatial map|no map' "$fovea" cam $model models/images --layer logits

expect 0 'half the stride: the field over 1 image is no Gaussian, R2 0' "$fovea" cam $model models/images --limit 1
vgg=tests/fixtures/vgg
expect 0 'cam is left out: CAM is defined' "$fovea" cam $vgg/model.onnx -i $vgg/test_data_set_0/input_0.pb -m cam,gradcam -c top2 -o "$work/vgg"
expect 0 '"method": "cam"' cat "$work/vgg/cam.json"
one_line 2 'CAM is defined' "$fovea" cam $vgg/model.onnx -i $vgg/test_data_set_0/input_0.pb -m cam -o "$work/bad"
expect 0 'as given' "$fovea" cam $model models/images --limit 1 --sigma 3
expect 0 'half the stride' "$fovea" cam models/fashion_vit.onnx models/images --limit 1 # norms as they are initialised
one_line 2 "fashion_mnist.onnx: there is no class 10: 'logits' has 10" "$fovea" cam $model models/images --class 10
one_line 2 "fashion_mnist.onnx: there are no 11 strongest classes" "$fovea" cam -q $model models/images --limit 1 --class top11 -o "$work/top"
[ -e "$work/top" ] && { echo "FAILED: too many classes left results behind"; failures=$((failures + 1)); }

mkdir "$work/masks"
one_line 2 'no mask in it for any of the 3 images' "$fovea" cam $model models/images --limit 3 --masks "$work/masks"
cp models/images/00000_ankle-boot.png "$work/masks"
expect 0 'extended +3 .* 0\.[0-9]+ +-?0\.[0-9]+$' "$fovea" cam $model models/images --limit 3 --masks "$work/masks" --sanity

# top 5 is of more than five classes; what tune does is said in numbers that agree
mkdir -p "$work/two/bag" "$work/two/coat"
cp models/images/*_bag.png "$work/two/bag" && cp models/images/*_coat.png "$work/two/coat"
few() { "$fovea" tune $model --data "$work/two" --new-head 2 -e 1 -q --force -o "$work/few.onnx" "$@"; }
expect 0 '^43 of 43 parameters train .* 1 update, ' few -b 15 --samples 15
expect 0 '^43 of 43 parameters train .* 2 updates, ' few -b 15 --samples 30
expect 0 'keeps its running statistics .fewer than 16 images a batch; --train-bn' few -b 15 --samples 15
expect 0 'keeps its running statistics .--freeze-bn.$' few -b 20 --samples 20 --freeze-bn
expect 0 '^all classes weigh 1 in the loss$' few -b 15 --samples 15 --class-weights balanced
expect 0 'validation: top 1 [0-9.]* % \(best\)$' few -b 15 --samples 15
expect 0 '^top 1 [0-9.]* %, mean accuracy' "$fovea" eval "$work/few.onnx" --data "$work/two"
expect 0 '^% +top 1  agree' "$fovea" eval "$work/few.onnx" --images "$work/two"
expect 0 '"top5": null' "$fovea" eval "$work/few.onnx" --images "$work/two" --json
expect 0 'top 1 [0-9.]* %, top 5 [0-9.]* % ' tune_images -e 1
# errors about labels name the model; what is no class is called channel
expect 2 'fashion_mnist.onnx: .*are numbered by|fashion_mnist.onnx: .*none of the 10 known classes' "$fovea" erf $model --images "$work/mix2" -c label --channels gray --skip-broken -q
expect 2 'fashion_mnist.onnx: .*are numbered by|fashion_mnist.onnx: .*none of the 10 known classes' "$fovea" cam $model "$work/mix2" -c label --channels gray --skip-broken -q
expect 0 '^channels of a value that holds no classes: no probabilities' "$fovea" cam $model models/images/00018_bag.png --target /Relu_output_0 -m gradcam
expect 0 '^00018_bag.png +[0-9]+ +[-0-9.]+ +- +gradcam' "$fovea" cam $model models/images/00018_bag.png --target /Relu_output_0 -m gradcam
expect 0 '^image +class' "$fovea" cam $model models/images/00018_bag.png -m gradcam
# the place of the largest element, a free batch is taken as 1
expect 0 '^logits: float 1x10, min .*, max 11.0525 at .0, 8., mean' "$fovea" run $model -i models/images/00018_bag.png
expect 0 'batch of .image. is free and taken as 1' "$fovea" check $model
# results that cannot be written are told before the work
printf x >"$work/file"
one_line 2 'file/sub: cannot|file: is no folder' "$fovea" erf $model --images models/images -o "$work/file/sub"
one_line 2 'file: is no folder' "$fovea" cam $model models/images -o "$work/file"
one_line 2 'the folder .*nowhere/ is not there' "$fovea" eval $model --images models/images -o "$work/nowhere/x.json"

# eval: labels, corruptions, two models
expect 0 'unchanged +[0-9]' "$fovea" eval $model --images models/images --limit 20
expect 0 'jpeg 5 .*\n?' "$fovea" eval $model --images models/images --limit 8 --corrupt jpeg,hue -o "$work/eval.json"
expect 0 'hue 5 +no effect' "$fovea" eval $model --images models/images --limit 8 --corrupt hue
expect 0 'mean of 5 corruptions.*without those of no effect' "$fovea" eval $model --images models/images --limit 8 --corrupt jpeg,hue
one_line 2 'exists already; --force' "$fovea" eval $model --images models/images --limit 1 -o "$work/eval.json"
expect 0 'second minus first' "$fovea" eval $model --images models/images --limit 8 --compare $model --no-labels
one_line 2 "does not know 'fog'.*gaussian-noise" "$fovea" eval $model --images models/images --corrupt fog
one_line 2 'from 1 to 5' "$fovea" eval $model --images models/images --corrupt jpeg --severity 6

# eval of labelled data: what is said of them, two models, what goes with what; the numbers are in tests/api
mnist=/usr/share/datasets/fashion-mnist
if [ -d $mnist ] || [ -n "${FOVEA_REQUIRE_TEST_DATA:-}" ]; then
    expect 0 'split test: 10000 samples' "$fovea" eval $model --data $mnist -o "$work/mnist.json"
    expect 0 '"top1": 0.9356' cat "$work/mnist.json"
fi
expect 0 'models/images, all of it: 200 samples, 10 classes' "$fovea" eval $model --data models/images
expect 0 '^top 1 92.00 %, top 5 100.00 %' "$fovea" eval $model --data models/images -b 1000
expect 0 'Coat +17 of 20 right \(85.0 %\)$' "$fovea" eval $model --data models/images
expect 0 'T-shirt/top +2 of 20 taken for Shirt' "$fovea" eval $model --data models/images
expect 0 'only the second: 0; both predict the same for 100.00 %' "$fovea" eval $model --data models/images --limit 20 --compare $model
expect 0 'hue 5 +no effect' "$fovea" eval $model --data models/images --limit 20 --corrupt hue,jpeg --severity 5
expect 0 '"schema_version": 1' "$fovea" eval $model --data models/images --limit 20 --json
expect 0 'split validation: 20 samples' "$fovea" eval $model --data models/images --split validation
one_line 2 'either images .* or labelled data' "$fovea" eval $model
one_line 2 'either images .* or labelled data' "$fovea" eval $model --images models/images --data models/images
one_line 2 'go with --data' "$fovea" eval $model --images models/images --split test
one_line 2 'there are no samples of the split test' "$fovea" eval $model --data models/images --split test
one_line 2 "does not know 'all'; there are train, validation, test" "$fovea" eval $model --data models/images --split all
one_line 2 'exists already; --force' "$fovea" eval $model --data models/images -o "$work/eval.json"
one_line 2 'cannot be opened' "$fovea" eval $model --data "$work/none" -o "$work/none.json"
mkdir -p "$work/broken/bag" "$work/broken/coat" "$work/no_images"
cp models/images/*_bag.png "$work/broken/bag" && cp models/images/*_coat.png "$work/broken/coat"
head -c 60 models/images/00018_bag.png > "$work/broken/bag/00018_bag.png"
one_line 2 '00018_bag.png: .*; --skip-broken leaves' "$fovea" eval $model --data "$work/broken" -o "$work/none.json"
expect 0 '1 broken files left out: bag/00018_bag.png$' "$fovea" eval $model --data "$work/broken" --skip-broken
# every verb that walks through images counts the broken ones, and leaves them out where it is told to
cp -r "$work/broken" "$work/broken2"
head -c 90 models/images/00187_coat.png > "$work/broken2/coat/00187_coat.png"
mkdir "$work/broken3" && cp "$work/broken2/bag/00018_bag.png" "$work/broken2/coat/00187_coat.png" "$work/broken3"
for verb in "eval $model --images" "erf $model --images" "cam $model" "audit $model --images" "diff $model $model --run --images"; do
    one_line 2 '00018_bag.png: .* .2 of 40 files are broken; --skip-broken leaves them out' "$fovea" $verb "$work/broken2"
    expect 0 'note: .*broken2: left out: 2 broken .bag/00018_bag.png, ...' "$fovea" $verb "$work/broken2" --skip-broken
    one_line 2 'all samples are broken' "$fovea" $verb "$work/broken3" --skip-broken
done
expect 0 '"kind": *"broken", *"count": *2, *"first": *"bag/00018_bag.png"' as_one_line "$fovea" eval $model --images "$work/broken2" --skip-broken --json
one_line 2 'it ends early$' "$fovea" cam $model "$work/broken/bag/00018_bag.png"
one_line 2 'it ends early$' "$fovea" run $model -i "$work/broken"
printf '%s,12\n' "$PWD/models/images/00018_bag.png" > "$work/twelve.csv"
one_line 2 'bag.png: label 12, but there are 10 classes' "$fovea" eval $model --data "$work/twelve.csv" -o "$work/none.json"
one_line 2 'no images in it' "$fovea" eval $model --data "$work/no_images" -o "$work/none.json"
[ -e "$work/none.json" ] && { echo "FAILED: eval left a file behind"; failures=$((failures + 1)); }

# rewrite of quantised weights: grown by their zero point, the outputs stay as they were
for name in strided_qlinear strided_qlinear_zero_point strided_qdq; do
    quantised=tests/fixtures/structures/$name.onnx
    expect 0 'PADDING001' "$fovea" audit $quantised
    expect 0 'function kept: largest difference 0 ' "$fovea" rewrite $quantised --apply kernel-padding -o "$work/$name.onnx"
    expect 0 'PADDING004' "$fovea" audit "$work/$name.onnx"
done

# labels by names: folders, lists, names that do not fit
mkdir -p "$work/named/bag" "$work/named/ankle_boot" "$work/named_badly/bag" "$work/named_badly/hat"
cp models/images/*_bag.png "$work/named/bag"
cp models/images/*_ankle-boot.png "$work/named/ankle_boot"
cp models/images/00000_ankle-boot.png "$work/named_badly/bag"
cp models/images/00000_ankle-boot.png "$work/named_badly/hat"
expect 0 'unchanged +9[0-9]' "$fovea" eval $model --images "$work/named"
one_line 2 'class folders "hat"' "$fovea" eval $model --images "$work/named_badly"
one_line 2 'class folders "hat"' "$fovea" erf $model --images "$work/named_badly" -c label
expect 0 'no labels' "$fovea" eval $model --images "$work/named_badly" --no-labels
expect 0 'Gaussian fit' "$fovea" erf $model --images "$work/named_badly"
# folders of a model without names are its classes where they are as many, for all that read labels
nameless="$net/model.onnx --preprocess imagenet --resize 64 --crop 64"
one_line 2 "2 classes are numbered by the order .* --labels FILE, or tune's --new-head 2.*eval --no-labels" "$fovea" eval $nameless --images "$work/named"
one_line 2 '2 classes are numbered by the order' "$fovea" erf $nameless --images "$work/named" -c label
one_line 2 '2 classes are numbered by the order' "$fovea" tune $nameless --data "$work/named" -q -o "$work/ordered.onnx"
expect 0 'wrote' "$fovea" audit $nameless --images "$work/named" --sections curves -o "$work/ordered" --fail-on never
expect 0 '"refused": "the data.s 2 classes' cat "$work/ordered/report.json"
expect 0 '"agreement": [01]' cat "$work/ordered/report.json"
expect 1 '^$' grep -o '"top1": [01]' "$work/ordered/report.json"
printf 'Bag\nAnkle boot\n' >"$work/two.txt"
one_line 2 'there are 2 names in it, the model has 10' "$fovea" eval $model --images "$work/named" --labels "$work/two.txt"
printf '%s,Ankle boot\n' "$PWD/models/images/00000_ankle-boot.png" >"$work/list.csv"
expect 0 'unchanged +100' "$fovea" eval $model --images "$work/list.csv"
printf '%s,Hat\n' "$PWD/models/images/00000_ankle-boot.png" >"$work/list.csv"
one_line 2 'label "Hat", which is the name of none' "$fovea" eval $model --images "$work/list.csv"

# numbers that are not finite: sample 1 of two 28 x 28 images
{
    printf '\x93NUMPY\x01\x00\x76\x00%-117s\n' "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 1, 28, 28), }"
    head -c 3136 /dev/zero
    printf '\x00\x00\xc0\x7f\x00\x00\x80\x7f'
    head -c 3128 /dev/zero
} >"$work/nan.npy"
for verb in erf cam eval; do
    one_line 2 'nan.npy#1: 2 of its 784 numbers are not finite' "$fovea" $verb $model -i "$work/nan.npy"
done
expect 0 'of the finite; 10 of 20 elements not finite: 10 NaN' "$fovea" run $model -i "$work/nan.npy"

# options that must be above 0
one_line 2 '--sigma takes a number above 0' "$fovea" cam $model models/images --sigma 0
one_line 2 '--limit takes a number above 0' "$fovea" eval $model --images models/images --limit 0
# diff: nothing, a folded normalisation, what cannot be run on both
other=tests/fixtures/resnet18_bn/model.onnx
expect 0 'the models are the same: 50 nodes' "$fovea" diff $model $model
expect 0 ' 0 of 50 values depart' "$fovea" diff $model $model --run --images models/images --limit 5
expect 1 'nodes added: 20 .20 BatchNormalization' "$fovea" diff $net/model.onnx $other
expect 1 ' 0 of 49 values depart' "$fovea" diff $net/model.onnx $other --run -i $data/input_0.pb
expect 1 '"schema": "fovea.diff"' "$fovea" diff $net/model.onnx $other --json
expect 1 '^  Conv .* 1x5x32x32 -> 1x3x32x32' "$fovea" diff $net/model.onnx tests/fixtures/resnet18_opset9/model.onnx --run
# boxes of detectors, against numpy's reading of what the model gives; offsets are not drawn
set -- -i models/photos/cat.jpg --preprocess raw --resize 128x192
expect 0 '^  4 93.7 %: x 0.0 to 14.2, y 30.9 to 53.6' "$fovea" run tests/fixtures/detectors/centres.onnx "$@" --overlay "$work/boxes"
[ -s "$work/boxes/000000.png" ] || { echo "FAILED: run drew no boxes"; failures=$((failures + 1)); }
expect 0 '^  3 100.0 %: x 74.7 to 140.0, y 12.8 to 60.5' "$fovea" run tests/fixtures/detectors/queries.onnx "$@" --activation softmax
expect 0 'boxes are not drawn: .* no decoded boxes' "$fovea" run tests/fixtures/detectors/offsets.onnx "$@"
# both side by side in a page that embeds its pictures
expect 1 'wrote .*/side/diff.html' "$fovea" diff $net/model.onnx $other --html "$work/side"
expect 0 'nodes added' cat "$work/side/diff.html"
expect 0 '"verb": "diff"' cat "$work/side/manifest.json"
one_line 2 'exists already; --force' "$fovea" diff $net/model.onnx $other --html "$work/side"
expect 0 'diff.html' "$fovea" diff $model $model --run --images models/images --limit 2 --html "$work/side" --force
expect 0 'data:image/png' cat "$work/side/diff.html"
one_line 2 'name two model files' "$fovea" diff $model
one_line 2 'images are for --run' "$fovea" diff $model $model --images models/images
one_line 2 'does not take 1x3x64x64' "$fovea" diff $net/model.onnx $model --run

# reports: a page of an audit, sections that come later, another report beside it
report=$work/report
expect 0 'wrote .*/report.html' "$fovea" audit $model --images models/images --limit 4 -o "$report"
for file in report.json report.html manifest.json field_blocks-blocks.2-Relu_output_0.png field_blocks-blocks.2-Relu_output_0.npy map_00003_trouser.png cells_00003_trouser.png; do
    [ -s "$report/$file" ] || { echo "FAILED: audit wrote no $file"; failures=$((failures + 1)); }
done
verdict='Nothing blocks deployment; .*things to decide'
expect 0 "$verdict" "$fovea" audit $model
expect 0 "class=verdict>$verdict" cat "$report/report.html"
expect 0 "\"verdict\": \"$verdict" cat "$report/report.json"
# an interrupted audit leaves nothing behind, a killed one nothing that the next is refused for
interrupt() {
    local signal=$1 turns=0 process
    "$fovea" audit $model --images models/images --limit 100 --full -q -o "$work/interrupted" > /dev/null 2>&1 &
    process=$!
    until compgen -G "$work/.interrupted.*.tmp/map_0*" > /dev/null || [ $((turns += 1)) -gt 1000 ]; do sleep 0.01; done
    kill -"$signal" $process
    wait $process 2> /dev/null
    [ $? -eq $((128 + $(kill -l "$signal"))) ] || { echo "FAILED: the audit was not ended by $signal"; failures=$((failures + 1)); }
    [ ! -e "$work/interrupted" ] || { echo "FAILED: an audit that $signal ended left a folder"; failures=$((failures + 1)); }
}
interrupt TERM
compgen -G "$work/.interrupted.*" > /dev/null && { echo "FAILED: an interrupted audit left something behind"; failures=$((failures + 1)); }
interrupt KILL
expect 0 'wrote' "$fovea" audit $model -o "$work/interrupted"
compgen -G "$work/.interrupted.*" > /dev/null && { echo "FAILED: what a killed audit left is still there"; failures=$((failures + 1)); }
expect 0 '"command": "fovea audit .*--images models/images --limit 4 -o ' cat "$report/manifest.json"
expect 0 '"date": "20[0-9-]*T[0-9:]*Z"' cat "$report/manifest.json"
expect 0 '"path": "models/images"' cat "$report/report.json"
expect 0 'Images</dt><dd>4 of <span class=name>models/images<' cat "$report/report.html"
expect 0 'Prepared</dt><dd>.*; gray, each pixel over 255, minus 0[.]28' cat "$report/report.html"
one_line 2 'exists already; --force' "$fovea" audit $model -o "$report"
one_line 2 'name its folder with -o' "$fovea" audit $model --baseline "$report"
one_line 2 'name its folder with -o' "$fovea" audit $model --sections cam
one_line 2 'there are findings, layers, fields, cam, curves, all' "$fovea" audit $model --sections map -o "$work/none"
one_line 2 'without a --budget' "$fovea" audit $model --full --budget 3
one_line 2 'budget' "$fovea" audit $model --budget 0
one_line 2 "fail-on does not know 'all'; there are advice, any, note, never" "$fovea" audit $model --fail-on all
for words in , groups, ,groups groups,,gamma "$(printf '%0200d' 0 | tr 0 ,)"; do
    one_line 2 'only takes names with a comma between two' "$fovea" audit $model --only "$words"
    one_line 2 'apply takes names with a comma between two' "$fovea" rewrite $model --dry-run --apply "$words"
done
one_line 2 "does not know ''; there are" "$fovea" cam $model --images models/images --method cam,
expect 0 'curves     left out: contrast and scale' "$fovea" audit $model --images models/images --limit 9 --budget 0.012 -o "$work/budget"
expect 0 'cam        maps on 9 of 9 images' "$fovea" audit $model --images models/images --limit 9 --sections cam -o "$work/chosen" --full
one_line 2 'report is about another file' "$fovea" rewrite $net/model.onnx --dry-run --report "$report"
one_line 2 'report.json' "$fovea" rewrite $model --dry-run --report "$work/erf"
expect 0 'wrote' "$fovea" rewrite $model -o "$work/padded.onnx" --apply kernel-padding --report "$report"
expect 0 'jpeg 3' "$fovea" eval $model --images models/images --limit 4 --corrupt jpeg --severity 3 --report "$report"
expect 0 'all of it: 200 samples' "$fovea" eval $model --data models/images --report "$report"
expect 0 '<td>T-shirt/top</td><td>Shirt</td><td class=n>2</td>' cat "$report/report.html"
expect 0 'id=rewrite' cat "$report/report.html"
expect 0 'id=eval' cat "$report/report.html"
expect 0 'wrote' "$fovea" audit "$work/padded.onnx" --baseline "$report" -o "$work/beside"
expect 0 'id=baseline' cat "$work/beside/report.html"
expect 0 'id=rewrite' cat "$work/beside/report.html"
expect 0 'wrote' "$fovea" tune "$work/padded.onnx" --data models/images --samples 40 -e 1 -b 20 -o "$work/followed.onnx" --report "$work/beside"
expect 0 'wrote' "$fovea" audit "$work/followed.onnx" --baseline "$report" -o "$work/beside" --force
expect 0 'id=tune' cat "$work/beside/report.html"
expect 0 'id=rewrite' cat "$work/beside/report.html"
expect 0 'wrote' "$fovea" audit $model -o "$work/beside" --force
expect 1 '^0$' grep -cE 'id=(tune|rewrite)' "$work/beside/report.html"
expect 0 'Not measured: no images' cat "$work/beside/report.html"
expect 0 '^[0-9]+$' grep -c 'data:image/png;base64' "$report/report.html"
expect 1 '^0$' grep -cE '<script|src="?(https?:|//)|<link[^>]*href="?(https?:|//)|@import|url\([^#]' "$report/report.html"
expect 1 '^0$' grep -cE 'href="?(https?:|//)' <(sed -E 's,<a href="https://arxiv[.]org/abs/[0-9.]+",,g' "$report/report.html")

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
expect 0 '^fovea: note: weights in half precision$' "$fovea" run $model -i models/images/00000_ankle-boot.png --weights half
expect 0 '' "$fovea" run $model -i models/images/00000_ankle-boot.png -o "$work/single"
expect 0 '' "$fovea" run $model -i models/images/00000_ankle-boot.png --weights half -e "$work/single/logits.npy"
expect 0 '^fovea: note: weights in half precision$' "$fovea" bench $model -b 1 -r 1 --weights half --json="$work/half.json"
expect 0 '"weights": "half"' cat "$work/half.json"
expect 0 '"weights": "half"' "$fovea" erf $model --images models/images --limit 1 --weights half --json
expect 0 '"weights": "half"' "$fovea" diff $model $model --run --images models/images --limit 1 --weights half --json
one_line 2 "weights does not know 'quarter'" "$fovea" run $model --weights quarter
expect 2 'trained in float32: leave out --weights half' "$fovea" tune $model --data models/images -q -o "$work/never.onnx" --weights half
one_line 2 'no avx9|instruction set' "$fovea" inspect $model --cpu avx9

# stages are maps of the whole image, not windows nor what shifts them round
small=(--images tests/fixtures/images/rgb8.png --preprocess imagenet --resize 32 --crop 32)
expect 0 "stage 4 of 4: .*unit \\(0, 0\\) of '625' \\(2 x 2\\)" "$fovea" erf tests/fixtures/structures/swin_t.onnx "${small[@]}" --target all-stages
expect 0 'stage 3 of 3: .* \(4 x 4\)' "$fovea" erf tests/fixtures/structures/maxvit.onnx "${small[@]}" --target all-stages

# names in a model: nothing of them turns the writing round, or is too long for a file
odd=tests/fixtures/structures
for verb in inspect check audit; do
    "$fovea" $verb $odd/odd_names.onnx 2>&1 | grep -q $'\xe2\x80\xae' && { echo "FAILED: $verb shows U+202E"; failures=$((failures + 1)); }
done
expect 0 'wrote .*/[^/]{20,200}\.npy$' "$fovea" run $odd/odd_long_names.onnx "${small[@]/--images/-i}" \
    --resize 32 --crop 32 -o "$work/odd"

expect 0 'no problems' "$fovea" check $model --shape 1,1,28,28
expect 0 'Conv  *1- *yes *local *float half' "$fovea" ops
expect 0 '"name": "Conv"' "$fovea" ops --json
expect 0 '^strings are not computed with: .*StringSplit' "$fovea" ops
expect 0 '"left_out"' "$fovea" ops --json

# tune: options that miss or are wrong, data that are not there; the whole of it is in tests/api
one_line 2 'name the data with --data' "$fovea" tune $model -o "$work/tuned.onnx"
one_line 2 "does not know 'adam'" "$fovea" tune $model --data models/images -o "$work/tuned.onnx" --optimizer adam
one_line 2 'cannot be opened' "$fovea" tune $model --data "$work/none" -o "$work/tuned.onnx"
one_line 2 'lies in no folder of a class' "$fovea" tune $model --data tests/fixtures/images -o "$work/tuned.onnx"
one_line 2 'there are masks, but the model gives one prediction' "$fovea" tune $model --data models/images \
    --masks models/images -o "$work/tuned.onnx" -q --json
[ -e "$work/tuned.onnx" ] && { echo "FAILED: tune left a file behind"; failures=$((failures + 1)); }
for class in 0 1; do
    mkdir -p "$work/classes/$class" && cp models/images/0000[0-3]*.png "$work/classes/$class"
done
expect 0 'no normalisation in this model: [0-9]+ convolutions train with their biases' "$fovea" tune tests/fixtures/resnet18/model.onnx \
    --data "$work/classes" --new-head 2 -e 1 -b 2 --no-validation --preprocess imagenet --resize 64 --crop 64 -o "$work/folded.onnx"

expect 0 ', 2 classes' "$fovea" tune tests/fixtures/squeezenet/model.onnx --data "$work/classes" --new-head 2 -e 1 -b 2 \
    --no-validation --preprocess imagenet -q -o "$work/squeezed.onnx"

# tune --dry-run: the plan and the time, and nothing is there afterwards
mkdir "$work/dry" && cp $model "$work/dry/model.onnx"
dry_tune() { (cd "$work/dry" && "$fovea" tune model.onnx --data "$OLDPWD/models/images" -e 2 -b 20 --dry-run -q "$@"); }
expect 0 '^time: .* a step \([0-9]+ timed\), .* to validate, .* an epoch, .* in all$' dry_tune
expect 0 '^  decay of last +x 1: 6 parameters' dry_tune
expect 0 '^frozen: 1 parameter, 144 numbers' dry_tune --freeze '*stem*'
expect 0 '^new classifier: 10 classes' dry_tune --new-head 10 --history history.jsonl -o new.onnx
expect 0 '^9 steps of 20 images an epoch, 2 epochs' dry_tune
expect 0 '"schema": "fovea.rehearsal"' dry_tune --json
expect 0 '.* in all .2 runs.$' dry_tune --control model.onnx
one_line 2 'exists already; --force' dry_tune -o model.onnx
[ "$(ls "$work/dry")" = model.onnx ] && cmp -s $model "$work/dry/model.onnx" || { echo "FAILED: --dry-run left $(ls "$work/dry")"; failures=$((failures + 1)); }

# tune says what it did to the tensors of a file, what does not train, and what decay does in this run
tune_form() {
    form=$1 && shift
    "$fovea" tune "tests/fixtures/training_forms/$form.onnx" --data models/images --preprocess raw -e 1 -b 20 --samples 40 -q \
        --force -o "$work/form.onnx" "$@"
}
expect 0 '^tensors that the export stored as one get their own: 3 statistics, 2 parameters$' tune_form same_merged
expect 0 '^8 operands of BatchNormalization that the file computes of constants are stored$' tune_form same_all_filled
expect 0 '^parameters that several nodes read train as one: 3, the first: layer.weight$' tune_form shared_trained
expect 0 '^5 BatchNormalizations and Dropouts in training mode are put into inference form$' tune_form mode_training_14
expect 0 "^72 of 162 numbers stay: 'source' .72: int8.$" tune_form computed_quantised
expect 0 "^72 of 234 numbers stay: 'mask' .72: a mask of zeros and ones.$" tune_form computed_masked
expect 0 '^5 parameters of half precision train in float32' tune_form half
expect 0 'shrinks a weight by .* %, next to nothing' tune_form same_plain
expect 0 'shrinks a weight by 2[0-9] % .rates times decay sum' tune_form same_plain --rate 0.1 --decay 1 --schedule constant
# no tensor in two classes of the policy: one that several norms share is in none, and training asks the network
expect 0 'gamma' "$fovea" rewrite tests/fixtures/training_forms/residual_merged.onnx --apply gamma -o "$work/policy.onnx" --force
expect 0 '^[1-9]' grep -a -c '"last":{"decay":true,"parameters":\[\]},"down":{"decay":false,"parameters":\[\]}' "$work/policy.onnx"
one_line 2 'holds its batch of 1: train with -b 1 --accumulate 20' tune_form held_batch
one_line 2 "BatchNormalization 'norm': the batch has one value a channel" tune_form norm_of_vectors -b 1 --train-bn

# rewrite ends with the tune command to run next: it runs as it stands where images are in folders of classes
mkdir -p "$work/next" && cp -r "$work/classes" "$work/next/it's data" && cp $model "$work/next/a b.onnx"
next_of() { (cd "$work/next" && "$fovea" rewrite "$@" --force -q 2>/dev/null | sed -n 's/^next: //p'); }
command=$(next_of 'a b.onnx' --apply kernel-padding -o 'new $x.onnx' --images "it's data" --preprocess raw --channels gray --resize 28 -t 1 --seed 3)
[ "$command" = "fovea tune 'new \$x.onnx' --data 'it'\\''s data' --recipe kernel-padding --preprocess raw --resize 28 --channels gray --threads 1 --seed 3 -o 'new \$x-tuned.onnx'" ] ||
    { echo "FAILED: the next command: $command"; failures=$((failures + 1)); }
expect 0 "^wrote new .x-tuned.onnx" env PATH="$(dirname "$fovea"):$PATH" sh -c "cd '$work/next' && $command -e 1 -b 4 -q"
[ -s "$work/next/new \$x-tuned.onnx" ] || { echo "FAILED: the next command wrote nothing"; failures=$((failures + 1)); }
expect 0 '^fovea tune new.onnx --data DATA --recipe gamma -o new-tuned.onnx$' next_of 'a b.onnx' --apply gamma -o new.onnx
[ -z "$(next_of 'a b.onnx' --apply groups -o same.onnx)$(next_of 'a b.onnx' --apply gamma --dry-run)" ] ||
    { echo "FAILED: a next command without a new model"; failures=$((failures + 1)); }

# tune --recipe: the listing, names that are none, what is in effect and why, hints from the record of rewrites
tune_vit() {
    "$fovea" tune "$work/biased.onnx" --data tests/fixtures/training/vit/x.npy --data-labels tests/fixtures/training/vit/y.npy \
        -b 8 --no-validation --force -o "$work/tuned.onnx" "$@"
}
expect 0 '^kernel-padding: exact' "$fovea" tune --recipe list
expect 0 '^  --freeze-bn +frozen features' "$fovea" tune --recipe list
expect 0 '^  --optimizer +adamw +as transformers' "$fovea" tune --recipe list
expect 0 '^  prelayernorm ' "$fovea" help tune
one_line 2 'there is nothing to train' "$fovea" tune $model --recipe cam --data models/images -o "$work/tuned.onnx"
one_line 2 'there is no recipe .nonsense.; there are atrous' "$fovea" tune $model --recipe nonsense --data models/images -o "$work/tuned.onnx"
expect 0 'tune --recipe gaussian-bias' "$fovea" rewrite tests/fixtures/training/vit/model.onnx --apply gaussian-bias --retrain -o "$work/biased.onnx"
expect 0 "'gaussian-bias' was applied and not trained since: --recipe gaussian-bias" tune_vit -e 1
expect 0 '^  rate +0.002 +of A and sigma' tune_vit -e 1 --recipe gaussian-bias
expect 0 '^  epochs +1 +as given; the recipe has 10' tune_vit -e 1 --recipe gaussian-bias
expect 0 '^  warmup +1 +A = 0' tune_vit -e 1 --recipe gaussian-bias
expect 0 '^  freeze-bn +on +frozen features' tune_vit -e 1 --recipe atrous
expect 0 '^recipe: 2 parameters that .gaussian-bias. added' tune_vit -e 1 --recipe gaussian-bias
expect 0 'not as the recipe does' tune_vit -e 1 --recipe gaussian-bias --freeze 'heads*'
expect 0 'a teacher from before pulls it back' tune_vit -e 1 --teacher tests/fixtures/training/vit/model.onnx
tune_vit -e 1 --recipe gaussian-bias 2>&1 | grep -q 'not trained since' && { echo "FAILED: a hint beside its recipe"; failures=$((failures + 1)); }
expect 0 'wrote' "$fovea" rewrite $model --apply kernel-padding -o "$work/zero_taps.onnx"
exact=$("$fovea" tune "$work/zero_taps.onnx" --data "$work/classes" -e 1 -b 8 --no-validation --teacher $model -o "$work/exact.onnx" 2>&1)
grep -q '^wrote' <<<"$exact" && ! grep -q 'a teacher from before' <<<"$exact" ||
    { echo "FAILED: a teacher after an exact rewrite: $exact"; failures=$((failures + 1)); }

# tune: files that are cut off are found before anything starts, stop the run, and are left out only on request; damage
# in the middle is found where it is read
mkdir -p "$work/damaged/0" "$work/damaged/1"
for class in 0 1; do
    for i in 1 2 3 4; do cp tests/fixtures/images/rgb.jpg "$work/damaged/$class/$i.jpg"; done
done
head -c 900 tests/fixtures/images/rgb.jpg >"$work/damaged/1/2.jpg"
tune_broken() {
    "$fovea" tune $model --data "$work/damaged" --new-head 2 -e 1 -b 4 --no-validation --force -o "$work/unbroken.onnx" "$@"
}
one_line 2 '/1/2.jpg: the JPEG image is damaged.*\(1 of 8 files is broken; --skip-broken leaves them out\)' tune_broken
[ -e "$work/unbroken.onnx" ] && { echo "FAILED: a run on broken files left a model"; failures=$((failures + 1)); }
expect 0 'broken files left out: 1, the first: .*/1/2.jpg' tune_broken --skip-broken
cp tests/fixtures/images/rgb.jpg "$work/damaged/1/2.jpg"
printf '\xff\xd9\xff\xd9\xff\xd9' | dd of="$work/damaged/0/3.jpg" bs=1 seek=900 conv=notrunc status=none
expect 2 '/0/3.jpg: the JPEG image is damaged' tune_broken
expect 0 '^epoch 1.*samples left out that cannot be read: 1$' tune_broken --skip-broken --history "$work/kept.history"
[ "$(cut -c 1 "$work/kept.history")" = '{' ] || { echo "FAILED: a history is not the run's alone"; failures=$((failures + 1)); }

# eval: of many classes those without a label are named, or counted
mkdir -p "$work/two_of_many/0" "$work/two_of_many/1"
cp tests/fixtures/images/rgb.jpg "$work/two_of_many/0/"
cp tests/fixtures/images/rgb.jpg "$work/two_of_many/1/"
"$fovea" tune $model --data "$work/two_of_many" --new-head 25 -e 1 -b 2 --no-validation -q -o "$work/two_of_many.onnx" >/dev/null 2>&1
expect 0 '^not a single sample of class 2, class 3, .*, class 11 and 13 more$' "$fovea" eval "$work/two_of_many.onnx" --data "$work/two_of_many" -q

# tune's progress: a bar on a terminal that is gone when something else is printed, some lines elsewhere, nothing with --quiet
long_tune="$fovea tune $model --data models/images/labels.csv -e 8 -t 1 --force -o $work/long.onnx"
$long_tune 2>"$work/progress" >/dev/null
grep -qE '^training: [0-9]+ %, epoch [0-9]/8, loss [0-9.]+, rate [0-9.e-]+, [0-9]+ images/s, [0-9]+ s left$' "$work/progress" &&
    [ "$(wc -l <"$work/progress")" -le 10 ] || { echo "FAILED: lines of progress"; head -20 "$work/progress"; failures=$((failures + 1)); }
[ -z "$($long_tune -q 2>&1 >/dev/null)" ] || { echo "FAILED: --quiet"; failures=$((failures + 1)); }
if command -v script >/dev/null; then
    script -qc "$long_tune" /dev/null </dev/null >"$work/progress"
    grep -qaE $'\r''training \[#*\.*\] epoch [0-9]/8, loss .* left'$'\x1b' "$work/progress" && grep -qaE $'\x1b''\[Kepoch 8/8: loss' "$work/progress" ||
        { echo "FAILED: the bar"; failures=$((failures + 1)); }
fi

[ $failures -eq 0 ] && echo "all checks passed"
exit $((failures > 0))
