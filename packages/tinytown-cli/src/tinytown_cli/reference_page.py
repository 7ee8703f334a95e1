"""Writes the reference page of the commands from the command table: ``python -m tinytown_cli.reference_page FILE``."""

from __future__ import annotations

import sys
from pathlib import Path

from tinytown_cli.exits import EXITS
from tinytown_cli.help import explained, option_label, usage
from tinytown_cli.table import COMMANDS, GROUPS, Command
from tinytown_cli.words import GLOBAL_HELP

_INTRODUCTION = """# The `tt` command

This page is made from the command table. To change it, change the table and run
`python -m tinytown_cli.reference_page docs/reference/cli.md`.

Results go to standard output, everything else to standard error. With `--json` a command prints exactly one JSON
document: a record is an object, a list is `{"items": [...], "next": ...}`, and what follows events prints one object
on each line. An error is `{"error": {"code", "message", "hint"}}` on standard error.

Long text may come from standard input (`-`) or from a file (`@file`); a text that begins with `@` is written with
`@@`. A reference is a name, a nickname, an id, or a beginning of an id that fits only one record. Behind a bare `--`
nothing is an option. Output is complete without colour; `NO_COLOR` and `FORCE_COLOR` are honoured.
"""

_MEANINGS = {
    0: "done",
    1: "refused, or what was waited for ended badly",
    2: "the command line is wrong",
    3: "the server cannot be reached",
    4: "a wait ran out",
    5: "the agent CLI is missing or signed out",
    130: "interrupted",
}


def page() -> str:
    """Give the whole page."""
    parts = [_INTRODUCTION, "## For every command\n", _table(("Flag", "Meaning"), [_coded(row) for row in GLOBAL_HELP])]
    parts += ["## Exit codes\n", _table(("Code", "Meaning", "Error codes"), _exit_rows())]
    for group in GROUPS:
        parts.append(f"## {group}\n")
        parts += [_section(command) for command in COMMANDS if command.group == group]
    return "\n".join(parts).rstrip() + "\n"


def _exit_rows() -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = []
    for code, meaning in _MEANINGS.items():
        names = ", ".join(f"`{name}`" for name in sorted(EXITS) if EXITS[name] == code)
        rows.append((str(code), meaning, names))
    return rows


def _section(command: Command) -> str:
    lines = [f"### `tt {command.name}`\n", f"{command.help}.\n"]
    if command.aliases:
        names = ", ".join(f"`tt {' '.join((*command.path[:-1], alias))}`" for alias in command.aliases)
        lines.append(f"Also {names}.\n")
    lines.append(f"```console\n{usage(command)}\n```\n")
    rows = [
        (f"`{param.metavar if param.positional else option_label(param)}`", explained(param))
        for param in command.params
    ]
    if rows:
        lines.append(_table(("Argument", "Meaning"), rows))
    examples = "\n".join(f"$ {example}" for example in command.examples)
    lines.append(f"```console\n{examples}\n```\n")
    return "\n".join(lines)


def _coded(row: tuple[str, str]) -> tuple[str, ...]:
    return f"`{row[0]}`", row[1]


def _table(heads: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    def line(cells: tuple[str, ...]) -> str:
        return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"

    return "\n".join([line(heads), line(("---",) * len(heads)), *(line(row) for row in rows)]) + "\n"


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(page(), "utf-8")
