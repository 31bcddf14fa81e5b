#!/usr/bin/env python3
"""Man pages (fovea.1, fovea-VERB.1) and completion for bash, zsh and fish, of what `fovea help --tables` and `fovea help
VERB --tables` print, which are the verbs' and options' tables in fields with tabs between.

Usage: pages.py FOVEA FOLDER
"""
import collections
import pathlib
import re
import subprocess
import sys

Option = collections.namedtuple("Option", "letter name argument help values group")


def lines_of(program, *verb):
    done = subprocess.run([program, "help", *verb, "--tables"], check=True, capture_output=True, text=True)
    return done.stdout.splitlines()


class Verb:
    """One verb: usage, summary, options, what stands behind them; models: 0 none, 1 one, 2 several."""

    def __init__(self, program, name, brief):
        self.name, self.brief, self.options, group = name, brief, [], "Options"
        lines = lines_of(program, name)
        behind = lines.index("notes")
        self.notes = "\n".join(lines[behind + 1:]).strip()
        for kind, *fields in (line.split("\t") for line in lines[:behind]):
            if kind == "option":
                self.options.append(Option(*fields, group))
            elif kind == "group":
                group = fields[0]
            else:
                setattr(self, kind, fields[0])

    def spellings(self):
        return [spelling for option in self.options for spelling in spellings(option)]


def spellings(option):
    return [f"--{option.name}"] + ([f"-{option.letter}"] if option.letter else [])


def words_of(option):
    return option.values.split()[1:] if option.values.startswith("words") else []


def endings_of(option):
    """Of files: [".npy", ".pb"], ["/"] for folders, ["*"] for any."""
    return option.values.split()[1:] if option.values.startswith("files") else []


# ---- man pages ----

def troff(text):
    return re.sub(r"^([.'])", r"\\&\1", text.replace("\\", "\\e").replace("-", "\\-"), flags=re.M)


def page(name, summary, version, body):
    return f'.TH {name.upper().replace("-", chr(92) + "-")} 1 "" "fovea {version}"\n.SH NAME\n{troff(name)} \\- {troff(summary)}\n{body}'


def main_page(verbs, codes, version):
    body = ".SH SYNOPSIS\n.B fovea\n.I VERB MODEL.onnx\n[options]\n.SH VERBS\n"
    for verb in verbs:
        body += f".TP\n.BR fovea\\-{verb.name} (1)\n{troff(verb.brief)}\n"
    body += f".SH EXIT STATUS\n{troff(codes)}\n"
    return page("fovea", "run ONNX vision models, and see what they see", version, body)


def verb_page(verb, version):
    body = f".SH SYNOPSIS\n.B {troff(verb.usage)}\n.SH DESCRIPTION\n{troff(verb.summary)}\n.SH OPTIONS\n"
    group = "Options"
    for option in verb.options:
        if option.group != group:
            group = option.group
            body += f".SS {troff(group)}\n"
        spelling = (f"\\-{option.letter}, " if option.letter else "") + f"\\-\\-{troff(option.name)}"
        body += f".TP\n.B {spelling}\\fR\\fI{troff(option.argument)}\\fR\n{troff(option.help)}\n"
    if verb.notes:
        body += f".SH NOTES\n.nf\n{troff(verb.notes)}\n.fi\n"
    return page(f"fovea-{verb.name}", verb.brief, version, body + ".SH SEE ALSO\n.BR fovea (1)\n")


# ---- bash ----

def bash_action(option):
    if words_of(option):
        return f"words='{' '.join(words_of(option))}'"
    return f"endings='{' '.join(endings_of(option))}'"


def bash(verbs):
    options = values = models = ""
    for verb in verbs:
        options += f"    {verb.name}) options='{' '.join(verb.spellings())}' ;;\n"
        for option in verb.options:
            if option.argument:
                pattern = " | ".join(f"'{verb.name} {spelling}'" for spelling in spellings(option))
                values += f"    {pattern}) takes=1 {bash_action(option)} ;;\n"
        if verb.models != "0":
            endings = f".onnx {verb.behind}".strip()
            models += f"        {verb.name}) endings='{endings}' ;;\n"
    names = " ".join(verb.name for verb in verbs)
    return f"""# bash completion of fovea
# Files with the endings, and folders; "/": these alone; "*": all, which is left to the shell.
_fovea_files()
{{
    local ending
    compopt -o filenames 2> /dev/null
    for ending in "$@"; do
        [[ $ending == '*' ]] && return
        [[ $ending == / ]] || mapfile -t -O "${{#COMPREPLY[@]}}" COMPREPLY < <(compgen -f -X "!*$ending" -- "$word")
    done
    mapfile -t -O "${{#COMPREPLY[@]}}" COMPREPLY < <(compgen -d -- "$word")
}}
_fovea()
{{
    local word=${{COMP_WORDS[COMP_CWORD]}} before=${{COMP_WORDS[COMP_CWORD - 1]}} options= takes= words= endings=
    COMPREPLY=()
    if [ "$COMP_CWORD" -eq 1 ]; then
        COMPREPLY=($(compgen -W '{names} help --version' -- "$word"))
        return
    fi
    # "--option=value" comes as three words
    if [[ $word == '=' ]]; then
        word=
    elif [[ $before == '=' ]]; then
        before=${{COMP_WORDS[COMP_CWORD - 2]}}
    fi
    case ${{COMP_WORDS[1]}} in
    help) options='{names}' ;;
{options}    esac
    case "${{COMP_WORDS[1]}} $before" in
{values}    esac
    if [[ $word == -* && -z $takes || ${{COMP_WORDS[1]}} == help ]]; then
        COMPREPLY=($(compgen -W "$options" -- "$word"))
        return
    fi
    if [[ -z $takes ]]; then
        case ${{COMP_WORDS[1]}} in
{models}        esac
    fi
    if [[ -n $words ]]; then
        COMPREPLY=($(compgen -W "$words" -- "$word"))
        [[ ${{COMPREPLY[*]}} != *= ]] || compopt -o nospace 2> /dev/null
    elif [[ -n $endings ]]; then
        set -f
        _fovea_files $endings
        set +f
    fi
}}
complete -o default -F _fovea fovea
"""


# ---- zsh ----

def quoted(text):
    return text.replace("\\", "\\\\").replace("'", "'\\''")


def zsh_files(endings):
    if endings == ["/"]:
        return "_files -/"
    if "*" in endings or not endings:
        return "_files"
    return '_files -g "*.(' + "|".join(ending[1:] for ending in endings) + ')(-.)"'


def zsh_action(option):
    if words_of(option):
        return "(" + " ".join(re.sub(r"([:\\])", r"\\\1", word) for word in words_of(option)) + ")"
    return zsh_files(endings_of(option)) if endings_of(option) else " "


def zsh(verbs):
    told = " ".join(f"'{verb.name}:{quoted(verb.brief)}'" for verb in verbs)
    cases = ""
    for verb in verbs:
        words = []
        for option in verb.options:
            line = re.sub(r"([\[\]:])", r"\\\1", quoted(option.help))
            end = f":{re.sub('[^A-Za-z]+', ' ', option.argument).strip()}:{quoted(zsh_action(option))}" if option.argument else ""
            optional = option.argument.startswith("[=")
            equals = "=-" if optional else "=" if option.argument else ""
            words.append(f"'--{option.name}{equals}[{line}]{':' if optional else ''}{end}'")
            if option.letter:
                words.append(f"'-{option.letter}{'+' if option.argument else ''}[{line}]{end}'")
        model = zsh_files([".onnx"])
        if verb.models == "1":
            words.append(f"'1:model:{model}'")
        elif verb.models == "2" and verb.behind:
            words += [f"'1:model:{model}'", f"'2:image:{zsh_files(verb.behind.split())}'"]
        elif verb.models == "2":
            words.append(f"'*:model:{model}'")
        cases += f"    {verb.name}) _arguments " + " ".join(words) + " ;;\n"
    return f"""#compdef fovea
_fovea()
{{
    local -a verbs=({told})
    if (( CURRENT == 2 )); then
        _describe verb verbs
        return
    fi
    local verb=$words[2]
    shift words
    (( CURRENT-- ))
    case $verb in
    help) _describe verb verbs ;;
{cases}    esac
}}
_fovea "$@"
"""


# ---- fish ----

def fish_text(text):
    return text.replace("\\", "\\\\").replace("'", "\\'")


def fish_files(endings):
    if endings == ["/"]:
        return "-x -a '(__fish_complete_directories)'"
    if "*" in endings or not endings:
        return "-r"
    return f"-r -k -a '(__fish_complete_suffix {' '.join(endings)})'"


def fish_action(option):
    if words_of(option):
        return f"-x -a '{' '.join(words_of(option))}'"
    return fish_files(endings_of(option)) if endings_of(option) else "-x"


def fish(verbs):
    lines = ["# fish completion of fovea"]
    for verb in verbs:
        lines.append(f"complete -c fovea -n __fish_use_subcommand -f -a {verb.name} -d '{fish_text(verb.brief)}'")
        lines.append(f"complete -c fovea -n '__fish_seen_subcommand_from help' -f -a {verb.name}")
        seen = f"complete -c fovea -n '__fish_seen_subcommand_from {verb.name}'"
        if verb.models != "0":
            lines.append(f"{seen} -k -a '(__fish_complete_suffix {f'.onnx {verb.behind}'.strip()})'")
        for option in verb.options:
            short = f" -s {option.letter}" if option.letter else ""
            action = f" {fish_action(option)}" if option.argument.startswith(" ") else ""
            lines.append(f"{seen}{short} -l {option.name}{action} -d '{fish_text(option.help)}'")
    return "\n".join(lines) + "\n"


def main():
    program, folder = sys.argv[1], pathlib.Path(sys.argv[2])
    overview = [line.split("\t") for line in lines_of(program)]
    version, codes = overview[0][1], overview[1][1]
    verbs = [Verb(program, name, brief) for _, name, brief in overview[2:]]
    files = {"fovea.1": main_page(verbs, codes, version), "fovea.bash": bash(verbs), "_fovea": zsh(verbs),
             "fovea.fish": fish(verbs)}
    for verb in verbs:
        files[f"fovea-{verb.name}.1"] = verb_page(verb, version)
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
