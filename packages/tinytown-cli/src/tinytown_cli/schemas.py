"""JSON Schemas (2020-12) of what commands print: ``python -m tinytown_cli.schemas docs/reference/schemas``."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any, cast

from tinytown_cli.answers import ANSWERS, ERROR, definitions
from tinytown_cli.table import COMMANDS, Command

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def file_name(command: Command) -> str:
    """Give the name of the file with the schema of a command's answer."""
    return command.schema.removeprefix("schemas/")


def schema_of(command: Command, *, strict: bool = False) -> dict[str, Any]:
    """Give the whole schema of a command's answer, with the records that it speaks of.

    Args:
        command: The command.
        strict: Refuse fields that are not named. For our own tests: published schemas let later versions add some.

    Raises:
        KeyError: Nobody has said what the command answers.
    """
    whole = _whole(f"tt {command.name} --json", command.help, ANSWERS[command.name])
    return _closed(whole) if strict else whole


def error_schema() -> dict[str, Any]:
    """Give the schema of an error, which goes to standard error."""
    return _whole("An error of any command", "Printed on standard error with `--json`", ERROR)


def _whole(title: str, description: str, form: dict[str, Any]) -> dict[str, Any]:
    known, used = definitions(), set[str]()
    text = json.dumps(form)
    used = {name for name in known if f'"#/$defs/{name}"' in text}
    found = {"$schema": DIALECT, "title": title, "description": description, **form}
    return {**found, "$defs": {name: known[name] for name in sorted(used)}} if used else found


def _closed(value: Any) -> Any:
    if isinstance(value, list):
        return [_closed(each) for each in cast("list[Any]", value)]
    if not isinstance(value, dict):
        return value
    found = {name: _closed(each) for name, each in cast("dict[str, Any]", value).items()}
    return {**found, "additionalProperties": False} if "properties" in found and "required" in found else found


def files() -> dict[str, str]:
    """Give all files: one for each command, and `error.json`."""
    found = {file_name(command): schema_of(command) for command in COMMANDS} | {"error.json": error_schema()}
    return {name: json.dumps(schema, indent=2, ensure_ascii=False) + "\n" for name, schema in found.items()}


def write(folder: Path) -> None:
    """Write all files, and delete those of commands that are gone."""
    folder.mkdir(parents=True, exist_ok=True)
    fresh = files()
    for file in folder.glob("*.json"):
        if file.name not in fresh:
            file.unlink()
    for name, text in fresh.items():
        (folder / name).write_text(text, "utf-8")


if __name__ == "__main__":
    write(Path(sys.argv[1]))
