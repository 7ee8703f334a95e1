"""What a command prints: one JSON document or plain text on standard output, everything else on standard error."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from tinytown_cli.terminal import clean, coloured, columns, wants_colour

if TYPE_CHECKING:
    from tinytown.domain.records import Record
    from tinytown.errors import TinytownError

    from tinytown_cli.progress import StatusLine

Cell = str | tuple[str, str | None]
"""A cell of a table: its text, or its text and colour."""


class Output:
    """The one place through which commands print.

    Attributes:
        json: Whether results are JSON documents.
        quiet: Whether notes are left out.
        verbose: Whether more is said.
        status: The line that says what takes so long, while there is one.
    """

    def __init__(self, *, json: bool, quiet: bool, verbose: bool) -> None:
        self.json = json
        self.quiet = quiet
        self.verbose = verbose
        self.status: StatusLine | None = None
        self.colour = not json and wants_colour(sys.stdout, os.environ)
        for stream in (sys.stdout, sys.stderr):
            reconfigure = getattr(stream, "reconfigure", None)
            if reconfigure is not None:  # what cannot be shown in the terminal's encoding must not end a command
                reconfigure(errors="backslashreplace")

    def begin(self, what: str) -> None:
        """Say on a terminal what goes on, once that takes longer than a second; never when quiet."""
        if not self.quiet and sys.stderr is not None and sys.stderr.isatty():
            from tinytown_cli.progress import status_line

            self.status = status_line(what)

    def end(self) -> None:
        """Say it no more: the result follows, or the terminal is somebody else's from here on."""
        if self.status is not None:
            self.status.end()
            self.status = None

    def document(self, value: Any) -> None:
        """Print one JSON document on one line."""
        self.end()
        print(json.dumps(value, ensure_ascii=False, separators=(", ", ": ")))

    def record(self, value: Record, human: Callable[[Output], None]) -> None:
        """Print a record: as an object, or as people read it."""
        self.either(lambda: _as_json(value), human)

    def either(self, document: Callable[[], Any], human: Callable[[Output], None]) -> None:
        """Print the one document, or what people read."""
        if self.json:
            self.document(document())
        else:
            human(self)

    def items(
        self, values: Sequence[Record], human: Callable[[Output], None], *, next_: int | str | None = None
    ) -> None:
        """Print a list: `{"items": [...], "next": ...}`, or as people read it."""
        self.either(lambda: {"items": [_as_json(value) for value in values], "next": next_}, human)
        if next_ is not None and not self.json:
            self.note(f"there is more: --after {next_}")

    def line(self, text: str = "", colour: str | None = None) -> None:
        """Print text on standard output, without anything that a terminal would act on."""
        self.end()
        print(coloured(clean(text), colour, on=self.colour))

    def raw(self, text: str) -> None:
        """Print text as it is, at once and without a line's end."""
        self.end()
        sys.stdout.write(text)
        sys.stdout.flush()

    def table(self, heads: Sequence[str], rows: Iterable[Sequence[Cell]]) -> None:
        """Print aligned columns; the last one is not padded."""
        lines = [
            [("", None) if cell == "" else (cell, None) if isinstance(cell, str) else cell for cell in row]
            for row in ([(head, "dim") for head in heads], *rows)
        ]
        texts = [[(clean(text).replace("\n", " "), colour) for text, colour in row] for row in lines]
        widths = [max(columns(row[place][0]) for row in texts) for place in range(len(heads))]
        self.end()
        for row in texts:
            parts = [
                coloured(text, colour, on=self.colour) + " " * (width - columns(text))
                for (text, colour), width in zip(row, widths, strict=True)
            ]
            print("  ".join(parts).rstrip())

    def room(self, taken: int, least: int) -> int:
        """Give how many columns of the terminal are left beside others; plenty where the output goes elsewhere."""
        try:
            width = os.get_terminal_size(sys.stdout.fileno()).columns
        except (OSError, ValueError):  # no terminal
            return 1000
        return max(width - taken, least) if width else 1000

    def note(self, text: str) -> None:
        """Tell a person something besides the result."""
        if not self.quiet:
            self.hide()
            print(clean(text), file=sys.stderr)

    def warn(self, text: str) -> None:
        """Tell a person something that must be seen even when quiet."""
        self.hide()
        print(clean(text), file=sys.stderr)

    def hide(self) -> None:
        """Make room for other words on standard error; the line comes back a second later."""
        if self.status is not None:
            self.status.away()

    def flush(self) -> None:
        """Hand over what is printed now, for a reader that follows."""
        sys.stdout.flush()


def print_error(error: TinytownError, *, as_json: bool) -> None:
    """Print an error on standard error: a sentence and a hint, or one JSON object."""
    from tinytown_cli.hints import hint_for

    message, hint = _bounded(error.message), hint_for(error)
    if (operation := getattr(error, "operation", None)) and _may_repeat(error.code):
        hint = f"it may have been done: repeat the same command with `--id {operation}`, which does it at most once"
    if as_json:
        body = {"error": {"code": error.shown_code, "message": message, "hint": hint}}
        print(json.dumps(body, ensure_ascii=False), file=sys.stderr)
        return
    colour = wants_colour(sys.stderr, os.environ)
    print(f"{coloured('error:', 'red', on=colour)} {message}", file=sys.stderr)
    print(f"\nhint: {clean(hint)}", file=sys.stderr)


def _may_repeat(code: str) -> bool:
    return code == "outcome_unknown"


def _bounded(text: str, longest: int = 2000) -> str:
    text = clean(text).replace("\n", " ")
    return text if len(text) <= longest else text[: longest - 1] + "…"


def _as_json(value: Record) -> Mapping[str, Any]:
    from tinytown.storage.codec import as_json

    return as_json(value)
