"""Writes the reference of the commands from the command table: ``python -m tinytown_cli.reference_page FILE``.

FILE is the index, `docs/reference/cli.md`; beside it a folder `commands` gets one page for each command.
"""

from __future__ import annotations

import sys
from pathlib import Path

from tinytown_cli.exits import EXITS
from tinytown_cli.help import explained, option_label, usage
from tinytown_cli.table import COMMANDS, GROUPS, Command
from tinytown_cli.words import GLOBAL_HELP

_INTRODUCTION = """# The `tt` command

These pages are made from the command table. To change them, change the table and run
`python -m tinytown_cli.reference_page docs/reference/cli.md`.

Results go to standard output, everything else to standard error. With `--json` a command prints exactly one JSON
document: a record is an object, a list is `{"items": [...], "next": ...}`, and what follows events prints one object
on each line. An error is `{"error": {"code", "message", "hint"}}` on standard error. Each command's page links the
JSON Schema of its answer; fields are only ever added. Errors have [a schema](schemas/error.json) too.

Long text may come from standard input (`-`) or from a file (`@file`); a text that begins with `@` is written with
`@@`. A reference is a name, a nickname, an id, or a beginning of an id that fits only one record. Behind a bare `--`
nothing is an option. Output is complete without colour; `NO_COLOR` and `FORCE_COLOR` are honoured.

Lists have one order, whatever the server and whatever the ids: tasks, the backlog and agents by their making, oldest
first; what needs a person by how much open work it holds up, then oldest first; mail urgent first, then oldest first,
and that of everyone by whose it is in the order of the agents; events and histories newest last; the plan in the order
of its file; nodes, settings, towns and adapters by their names, built-in adapters first.
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
    """Give the index: what holds for all commands, and a line for each."""
    parts = [_INTRODUCTION, "## For every command\n", _table(("Flag", "Meaning"), [_coded(row) for row in GLOBAL_HELP])]
    parts += ["## Exit codes\n", _table(("Code", "Meaning", "Error codes"), _exit_rows())]
    for group in GROUPS:
        rows = [
            (f"[`tt {command.name}`]({command.page})", command.help) for command in COMMANDS if command.group == group
        ]
        parts += [f"## {group}\n", _table(("Command", "What it does"), rows)]
    return "\n".join(parts).rstrip() + "\n"


def page_name(command: Command) -> str:
    """Give the name of the file with a command's page."""
    return command.page.removeprefix("commands/")


def command_page(command: Command) -> str:
    """Give the page of one command."""
    lines = [f"# `tt {command.name}`\n", f"{command.help}.\n", f"```console\n{usage(command)}\n```\n"]
    if command.aliases:
        names = ", ".join(f"`tt {' '.join((*command.path[:-1], alias))}`" for alias in command.aliases)
        lines.append(f"Also {names}.\n")
    places = [(f"`{param.metavar}`", explained(param)) for param in command.params if param.positional]
    if places:
        lines += ["## Arguments\n", _table(("Argument", "Meaning"), places)]
    options = [(f"`{option_label(param)}`", explained(param)) for param in command.params if not param.positional]
    lines += ["## Options\n", _table(("Option", "Meaning"), options)] if options else []
    lines.append("The [flags of every command](../cli.md#for-every-command) are taken too.\n")
    examples = "\n".join(f"$ {example}" for example in command.examples)
    lines += ["## Examples\n", f"```console\n{examples}\n```\n"]
    schema = command.schema.removeprefix("schemas/")
    lines += ["## Answer\n", f"With `--json`: [{schema}](../{command.schema}).\n"]
    lines += ["## Exit codes\n", _table(("Code", "Meaning"), [(str(code), text) for code, text in _MEANINGS.items()])]
    related = _related(command)
    if related:
        links = ", ".join(f"[`tt {each.name}`]({page_name(each)})" for each in related)
        lines += ["## Related\n", f"{links}\n"]
    return "\n".join(lines).rstrip() + "\n"


def _related(command: Command) -> list[Command]:
    """Give the commands behind the same first word, or else the single words of the same group."""
    family = [each for each in COMMANDS if each.path[0] == command.path[0] and each is not command]
    return family or [each for each in COMMANDS if each.group == command.group and each is not command][:8]


def write(index: Path) -> None:
    """Write the index and all pages, and delete those of commands that are gone."""
    folder = index.parent / "commands"
    folder.mkdir(parents=True, exist_ok=True)
    index.write_text(page(), "utf-8")
    pages = {page_name(command): command_page(command) for command in COMMANDS}
    for file in folder.glob("*.md"):
        if file.name not in pages:
            file.unlink()
    for name, text in pages.items():
        (folder / name).write_text(text, "utf-8")


def _exit_rows() -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = []
    for code, meaning in _MEANINGS.items():
        names = ", ".join(f"`{name}`" for name in sorted(EXITS) if EXITS[name] == code)
        rows.append((str(code), meaning, names))
    return rows


def _coded(row: tuple[str, str]) -> tuple[str, ...]:
    return f"`{row[0]}`", row[1]


def _table(heads: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    def line(cells: tuple[str, ...]) -> str:
        return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"

    return "\n".join([line(heads), line(("---",) * len(heads)), *(line(row) for row in rows)]) + "\n"


if __name__ == "__main__":
    write(Path(sys.argv[1]))
