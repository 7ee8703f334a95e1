from __future__ import annotations

from pathlib import Path

from tinytown_cli.reference_page import page


def test_the_reference_page_is_what_the_command_table_says() -> None:
    file = Path(__file__).parents[3] / "docs" / "reference" / "cli.md"
    assert file.read_text("utf-8") == page(), "run: python -m tinytown_cli.reference_page docs/reference/cli.md"
