# What zsh makes of a line and a tab: complete.zsh FOLDER_OF_PAGES LINE
zmodload zsh/zpty
zpty line zsh -f -i
zpty -w line "PS1=; RPS1=; stty -echo; fpath=($1 \$fpath); autoload -Uz compinit; compinit -u -D; bindkey '^I' complete-word; print rea\"\"dy"
zpty -r -m line text "*ready*"
zpty -w -n line "$2"$'\t'" #end"
zpty -r -m line text "*end*"
print -r -- "$text"
zpty -d line
