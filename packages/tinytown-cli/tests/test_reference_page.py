"""The reference is what the command table says, page for page."""

from __future__ import annotations

from pathlib import Path

from tinytown_cli.reference_page import command_page, page, page_name
from tinytown_cli.table import COMMANDS

FOLDER = Path(__file__).parents[3] / "docs" / "reference"
RENEW = "run: python -m tinytown_cli.reference_page docs/reference/cli.md"


def test_the_index_is_what_the_command_table_says() -> None:
    assert (FOLDER / "cli.md").read_text("utf-8") == page(), RENEW


def test_every_command_has_its_page_and_no_page_is_left_over() -> None:
    found = {file.name: file.read_text("utf-8") for file in (FOLDER / "commands").glob("*.md")}
    assert found == {page_name(command): command_page(command) for command in COMMANDS}, RENEW


def test_a_page_names_all_that_its_command_takes_and_leads_to_its_schema() -> None:
    for command in COMMANDS:
        text = command_page(command)
        for param in command.params:
            assert all(name in text for name in ([param.metavar] if param.positional else param.flags))
        assert all(f"$ {example}" in text for example in command.examples)
        assert f"../schemas/{'-'.join(command.path)}.json" in text
        assert (FOLDER / "schemas" / f"{'-'.join(command.path)}.json").is_file()
