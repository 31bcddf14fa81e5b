#!/usr/bin/env bash
# Man pages and completion hold every verb and every option. Usage: test_pages.sh FOVEA FOLDER_OF_PAGES
set -u
fovea=$(realpath "$1")
cd "$2"
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
[ -z "$(completes inspect model)" ] || say "bash: names of files are not left to the shell"
for shell in zsh fish; do
    file=$([ $shell = zsh ] && echo _fovea || echo fovea.fish)
    ! command -v $shell > /dev/null || $shell -n $file || say "$shell cannot read $file"
done
exit $failed
