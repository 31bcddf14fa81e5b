#!/usr/bin/env python3
"""Man pages (fovea.1, fovea-VERB.1) and completion for bash, zsh and fish, of what `fovea help` prints, which is the
verbs' and options' tables.

Usage: pages.py FOVEA FOLDER
"""
import pathlib
import re
import subprocess
import sys

OPTION = re.compile(r"^  (?:-(\w), |    )--([a-z-]+)(\[=\w+\]| \S+)? +(.*)$")


def help_of(program, *verb):
    return subprocess.run([program, "help", *verb], check=True, capture_output=True, text=True).stdout


def read_verbs(text):
    """(verb, summary) of the overview."""
    return re.findall(r"^  ([a-z]+) +(.*)$", text.split("fovea help VERB")[0], re.M)


def read_verb(text):
    """Usage, summary, options as (letter, name, argument, help), and what stands behind them."""
    lines = text.splitlines()
    rows = [i for i, line in enumerate(lines) if OPTION.match(line)]
    options = [OPTION.match(lines[i]).groups(default="") for i in rows]
    return lines[0].removeprefix("usage: "), "\n".join(lines[1:rows[0]]).strip(), options, "\n".join(lines[rows[-1] + 1:]).strip()


def troff(text):
    return re.sub(r"^([.'])", r"\\&\1", text.replace("\\", "\\e").replace("-", "\\-"), flags=re.M)


def page(name, summary, version, body):
    return f'.TH {name.upper().replace("-", chr(92) + "-")} 1 "" "fovea {version}"\n.SH NAME\n{troff(name)} \\- {troff(summary)}\n{body}'


def main_page(verbs, overview, version):
    body = ".SH SYNOPSIS\n.B fovea\n.I VERB MODEL.onnx\n[options]\n.SH VERBS\n"
    for verb, summary in verbs:
        body += f".TP\n.BR fovea\\-{verb} (1)\n{troff(summary)}\n"
    body += f".SH EXIT STATUS\n{troff(overview.split('Exit code: ')[1].strip())}\n"
    return page("fovea", "run ONNX vision models, and see what they see", version, body)


def verb_page(verb, summary, text, version):
    usage, told, options, behind = read_verb(text)
    body = f".SH SYNOPSIS\n.B {troff(usage)}\n.SH DESCRIPTION\n{troff(told)}\n.SH OPTIONS\n"
    for letter, name, argument, help_line in options:
        spelling = (f"\\-{letter}, " if letter else "") + f"\\-\\-{troff(name)}"
        body += f".TP\n.B {spelling}\\fR\\fI{troff(argument)}\\fR\n{troff(help_line)}\n"
    if behind:
        body += f".SH NOTES\n.nf\n{troff(behind)}\n.fi\n"
    return page(f"fovea-{verb}", summary, version, body + ".SH SEE ALSO\n.BR fovea (1)\n")


def spellings(options):
    return [spelling for letter, name, _, _ in options for spelling in (f"--{name}", f"-{letter}") if spelling != "-"]


def bash(verbs, tables):
    cases = "".join(f"    {verb}) options='{' '.join(spellings(tables[verb]))}' ;;\n" for verb, _ in verbs)
    names = " ".join(verb for verb, _ in verbs)
    return f"""# bash completion of fovea
_fovea()
{{
    local word=${{COMP_WORDS[COMP_CWORD]}} options=
    COMPREPLY=()
    if [ "$COMP_CWORD" -eq 1 ]; then
        COMPREPLY=($(compgen -W '{names} help --version' -- "$word"))
        return
    fi
    case ${{COMP_WORDS[1]}} in
    help) options='{names}' ;;
{cases}    esac
    if [[ $word == -* || ${{COMP_WORDS[1]}} == help ]]; then
        COMPREPLY=($(compgen -W "$options" -- "$word"))
    fi
}}
complete -o default -F _fovea fovea
"""


def quoted(text):
    return text.replace("\\", "\\\\").replace("'", "'\\''")


def zsh(verbs, tables):
    told = " ".join(f"'{verb}:{quoted(summary)}'" for verb, summary in verbs)
    cases = ""
    for verb, _ in verbs:
        words = []
        for letter, name, argument, help_line in tables[verb]:
            line = re.sub(r"([\[\]:])", r"\\\1", quoted(help_line))
            end = f":{re.sub('[^A-Za-z]+', ' ', argument).strip()}:_files" if argument else ""
            optional = argument.startswith("[=")
            equals = "=-" if optional else "=" if argument else ""
            words.append(f"'--{name}{equals}[{line}]{':' if optional else ''}{end}'")
            if letter:
                words.append(f"'-{letter}{'+' if argument else ''}[{line}]{end}'")
        cases += f"    {verb}) _arguments " + " ".join(words) + " '*:file:_files' ;;\n"
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


def fish(verbs, tables):
    lines = ["# fish completion of fovea"]
    for verb, summary in verbs:
        lines.append(f"complete -c fovea -n __fish_use_subcommand -f -a {verb} -d '{fish_text(summary)}'")
        for letter, name, argument, help_line in tables[verb]:
            short = f" -s {letter}" if letter else ""
            needs = " -r" if argument.startswith(" ") else ""
            lines.append(f"complete -c fovea -n '__fish_seen_subcommand_from {verb}'{short} -l {name}{needs} -d '{fish_text(help_line)}'")
    return "\n".join(lines) + "\n"


def fish_text(text):
    return text.replace("\\", "\\\\").replace("'", "\\'")


def main():
    program, folder = sys.argv[1], pathlib.Path(sys.argv[2])
    overview = help_of(program)
    version = overview.split()[1].rstrip(":")
    verbs = read_verbs(overview)
    texts = {verb: help_of(program, verb) for verb, _ in verbs}
    tables = {verb: read_verb(text)[2] for verb, text in texts.items()}
    files = {"fovea.1": main_page(verbs, overview, version), "fovea.bash": bash(verbs, tables),
             "_fovea": zsh(verbs, tables), "fovea.fish": fish(verbs, tables)}
    for verb, summary in verbs:
        files[f"fovea-{verb}.1"] = verb_page(verb, summary, texts[verb], version)
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
