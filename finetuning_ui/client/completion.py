"""Completion for shells, made from what the parser knows: commands, their options, and the values of those."""

import argparse
from collections.abc import Iterator

SHELLS = ("bash", "zsh", "fish")
ZSH = (  # its own completion first, unless a framework has begun it; then what reads bash's
    "(( $+functions[compdef] )) || { autoload -Uz compinit && compinit -i; }",
    "autoload -U +X bashcompinit && bashcompinit",
)


def script(shell: str, parser: argparse.ArgumentParser) -> str:
    """What a shell reads to complete `ftui`."""
    commands = _commands(parser)
    return _fish(commands) if shell == "fish" else _bash(commands, zsh=shell == "zsh")


def _commands(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    return next(dict(action.choices) for action in parser._actions if isinstance(action, argparse._SubParsersAction))


def _options(parser: argparse.ArgumentParser) -> Iterator[argparse.Action]:
    return (action for action in parser._actions if action.option_strings)


def _words(parser: argparse.ArgumentParser) -> str:
    return " ".join(name for action in _options(parser) for name in action.option_strings if name.startswith("--"))


def _bash(commands: dict[str, argparse.ArgumentParser], *, zsh: bool) -> str:
    """Words by command; after an option that has them, its values; else files."""
    values = {
        f"{command}:{action.option_strings[-1]}": " ".join(map(str, action.choices))
        for command, parser in commands.items()
        for action in _options(parser)
        if action.choices
    }
    lines = [
        *(ZSH if zsh else []),
        "_ftui() {",
        '    local word="${COMP_WORDS[COMP_CWORD]}" before="${COMP_WORDS[COMP_CWORD-1]}" command="${COMP_WORDS[1]}"',
        f'    if [ "$COMP_CWORD" -eq 1 ]; then COMPREPLY=($(compgen -W "{" ".join(commands)}" -- "$word")); return; fi',
        '    case "$command:$before" in',
        *(f'        {key}) COMPREPLY=($(compgen -W "{words}" -- "$word")); return;;' for key, words in values.items()),
        "    esac",
        '    case "$command:$word" in',
        *(f'        {name}:-*) COMPREPLY=($(compgen -W "{_words(one)}" -- "$word"));;' for name, one in commands.items()),
        '        *) COMPREPLY=($(compgen -f -- "$word"));;',
        "    esac",
        "}",
        "complete -F _ftui ftui",
    ]
    return "\n".join(lines) + "\n"


def _fish(commands: dict[str, argparse.ArgumentParser]) -> str:
    lines = [
        f"complete -c ftui -n __fish_use_subcommand -f -a {name} -d {_quoted(one.description)}"
        for name, one in commands.items()
    ]
    for name, parser in commands.items():
        for action in _options(parser):
            for option in (text for text in action.option_strings if text.startswith("--")):
                values = f" -x -a '{' '.join(map(str, action.choices))}'" if action.choices else ""
                lines.append(f"complete -c ftui -n '__fish_seen_subcommand_from {name}' -l {option[2:]}{values}")
    return "\n".join(lines) + "\n"


def _quoted(text: str | None) -> str:
    """As fish reads it: between single quotes, it knows a backslash before a quote and before another."""
    escaped = (text or "").replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"
