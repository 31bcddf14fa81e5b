#!/usr/bin/env bash
# Man pages and completion hold every verb and every option. Usage: test_pages.sh FOVEA FOLDER_OF_PAGES
set -u
fovea=$(realpath "$1")
here=$(realpath "$(dirname "$0")")
cd "$2"
pages=$PWD
failed=0
say() { echo "$1"; failed=1; }
[ -s fovea.1 ] && [ -s fovea.bash ] || { echo "no pages in $PWD"; exit 1; }

verbs=$("$fovea" help | sed -nE '/fovea help VERB/q; s/^  ([a-z]+) .*/\1/p')
[ "$(wc -w <<< "$verbs")" -ge 12 ] || say "few verbs: $verbs"
zsh=$(cat _fovea) fish=$(cat fovea.fish)
# shellcheck disable=SC1091
source ./fovea.bash
[ "$(complete -p fovea)" = 'complete -o default -F _fovea fovea' ] || say "bash: $(complete -p fovea)"
# completes WORD...: what bash offers for the last
completes() {
    COMP_WORDS=(fovea "$@")
    COMP_CWORD=$#
    _fovea
    echo "${COMPREPLY[@]-}"
}
for verb in $verbs; do
    grep -q "fovea.*-$verb (1)" fovea.1 || say "fovea.1 without $verb"
    [[ " $(completes "${verb:0:2}") " == *" $verb "* ]] || say "bash: no verb $verb"
    [[ $zsh == *"'$verb:"* && $fish == *" -f -a $verb -d "* ]] || say "zsh or fish without $verb"
    options=$("$fovea" help "$verb" | sed -nE 's/^  (-[a-z], |    )--([a-z-]+).*/\2/p')
    [ "$(wc -w <<< "$options")" -ge 9 ] || say "$verb: few options"
    offered=" $(completes "$verb" --) "
    page=$(sed 's/\\-/-/g' "fovea-$verb.1")
    zsh_line=$(grep -F "    $verb) _arguments" _fovea)
    fish_lines=$(grep -F "from $verb'" fovea.fish)
    for option in $options; do
        [[ $offered == *" --$option "* ]] || say "bash: $verb without --$option"
        [[ $page == *"--$option\\fR"* ]] || say "fovea-$verb.1 without --$option"
        [[ $zsh_line =~ "'--$option"(=-?)?"[" ]] || say "zsh: $verb without --$option"
        [[ $fish_lines == *" -l $option "* ]] || say "fish: $verb without --$option"
    done
    faults=$(groff -man -ww -z "fovea-$verb.1" 2>&1) || [ $? -eq 127 ] || say "fovea-$verb.1 is no man page"
    [ -z "$faults" ] || ! command -v groff > /dev/null || say "fovea-$verb.1: $faults"
done
[ "$(completes inspect --js)" = --json ] || say "bash: --js gives '$(completes inspect --js)'"
[ "$(completes help ins)" = inspect ] || say "bash: help ins gives '$(completes help ins)'"
# values: words of the rows, files by their endings, folders
files=$(mktemp -d)
trap 'rm -rf "$files"' EXIT
mkdir "$files/folder"
touch "$files/net.onnx" "$files/net two.onnx" "$files/in.npy" "$files/cat.png" "$files/other.txt"
# expects WANTED WORD...: what bash offers for the last word, in the folder of these files
expects() {
    local wanted=$1 got
    shift
    got=$(cd "$files" && completes "$@" | tr ' ' '\n' | sort | paste -sd ' ')
    [ "$got" = "$wanted" ] || say "bash: fovea $* offers '$got', not '$wanted'"
}
expects viridis cam --colormap vi
expects 'clip imagenet inception raw' erf net.onnx --preprocess ''
expects 'none' bench net.onnx --cpu n
expects 'gradcam gradcam++' cam -m gr
expects 'gamma' audit --only gam
expects gamma.last= audit --set gamma.las
expects 'pdf' erf --format pd
expects 'folder in.npy' run net.onnx -e ''
expects folder audit net.onnx -o ''
expects 'net net.onnx two.onnx' inspect n
expects 'cat.png' cam net.onnx c
for shell in zsh fish; do
    file=$([ $shell = zsh ] && echo _fovea || echo fovea.fish)
    ! command -v $shell > /dev/null || $shell -n $file || say "$shell cannot read $file"
done

# The same by zsh and fish, where they are.
# typed LINE: what zsh makes of it and a tab
typed() { (cd "$files" && timeout 30 zsh -f "$here/complete.zsh" "$pages" "$1"); }
if command -v zsh > /dev/null; then
    for case in 'cam --colormap virid|viridis' 'audit --only kern|kernel-padding' 'run net.onnx -e i|in.npy' 'run net.onnx -o f|folder' \
        'cam net.onnx c|cat.png' 'ben|bench' 'bench --cpu avx51|avx512'; do
        [[ $(typed "fovea ${case%|*}") == *"${case#*|}"* ]] || say "zsh: fovea ${case%|*} is not completed to ${case#*|}"
    done
fi
if command -v fish > /dev/null; then
    for case in 'cam --colormap virid|viridis' 'audit --only kern|kernel-padding' 'run net.onnx -e i|in.npy' 'run net.onnx -o f|folder' \
        'cam net.onnx c|cat.png' 'ben|bench' 'bench --cpu avx51|avx512' 'help ben|bench'; do
        offered=$(cd "$files" && HOME=$files fish -c "source $pages/fovea.fish; complete -C 'fovea ${case%|*}'" 2>&1)
        [[ $offered == *"${case#*|}"* ]] || say "fish: fovea ${case%|*} is not completed to ${case#*|}: $offered"
    done
fi
exit $failed
