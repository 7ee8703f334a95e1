"""Asking before something is taken away. Without a terminal nobody is asked: then it takes a flag."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from tinytown.errors import UsageError

if TYPE_CHECKING:
    from tinytown_cli.output import Output


def agree(out: Output, question: str, *, force: bool) -> None:
    """Return if it shall be done.

    Args:
        out: Where the command prints; with ``--json`` a program reads, so nobody is asked.
        question: What is about to be done, as a question.
        force: The flag that answers it.

    Raises:
        UsageError: Nobody can be asked, or the answer was no. Nothing has been changed.
    """
    if force:
        return
    if not can_ask(out):
        raise UsageError(
            detail=f"{question} Nobody can be asked here, so nothing was done",
            hint="add `--force` to do it, or `--dry-run` to see the whole list",
        )
    if not said_yes(out, question):
        raise UsageError(detail="nothing was done", hint="answer `y` to do it")


def can_ask(out: Output) -> bool:
    """Say whether a person is there who sees a question and can answer it."""
    return not out.json and sys.stdin is not None and sys.stdin.isatty() and sys.stderr.isatty()


def said_yes(out: Output, question: str) -> bool:
    """Ask on the terminal; anything but a yes is a no."""
    status = out.status
    out.end()  # nothing may be written over the question while a person thinks
    print(f"{question} [y/N] ", end="", file=sys.stderr, flush=True)
    yes = sys.stdin.readline().strip().lower() in {"y", "yes"}
    if status is not None:
        out.begin(status.what)
    return yes
