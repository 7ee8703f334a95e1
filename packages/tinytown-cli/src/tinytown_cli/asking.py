"""Asking before something is taken away. Without a terminal nobody is asked: then it takes a flag."""

from __future__ import annotations

import sys

from tinytown.errors import UsageError


def agree(question: str, *, force: bool, as_json: bool) -> None:
    """Return if it shall be done.

    Args:
        question: What is about to be done, as a question.
        force: The flag that answers it.
        as_json: A program reads the answer, so nobody is asked.

    Raises:
        UsageError: Nobody can be asked, or the answer was no. Nothing has been changed.
    """
    if force:
        return
    if as_json or sys.stdin is None or not sys.stdin.isatty() or not sys.stderr.isatty():
        raise UsageError(
            detail=f"{question} Nobody can be asked here, so nothing was done",
            hint="add `--force` to do it, or `--dry-run` to see the whole list",
        )
    print(f"{question} [y/N] ", end="", file=sys.stderr, flush=True)
    if sys.stdin.readline().strip().lower() not in {"y", "yes"}:
        raise UsageError(detail="nothing was done", hint="answer `y` to do it")
