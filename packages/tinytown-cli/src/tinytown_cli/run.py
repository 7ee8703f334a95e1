"""Runs one command line: flags, command, errors and exit code. The only place that turns errors into exit codes."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from tinytown_cli.words import Flags, split

if TYPE_CHECKING:
    from tinytown_cli.parse import Bound


def run(argv: Sequence[str]) -> int:
    """Run `tt`.

    Args:
        argv: The command line without the program's name.

    Returns:
        The exit code.
    """
    flags, words = split(argv)
    try:
        code = _guarded(flags, words)
        sys.stdout.flush()
    except BrokenPipeError:  # the reader has seen enough, as in `tt list | head`
        devnull = os.open(os.devnull, os.O_WRONLY)
        os.dup2(devnull, sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        return 130
    return code


def _guarded(flags: Flags, words: list[str]) -> int:
    if flags.version:
        from tinytown_cli._version import __version__

        print(f"tt {__version__}")
        return 0
    if flags.help or (not words and not flags.problem):
        from tinytown_cli.help import help_for

        text = help_for(words)
        if text is not None:
            print(text)
            return 0
    from tinytown.errors import TinytownError

    try:
        return _dispatch(flags, words)
    except TinytownError as error:
        from tinytown_cli.exits import exit_code
        from tinytown_cli.output import print_error

        print_error(error, as_json=flags.json)
        return exit_code(error.code)
    except (BrokenPipeError, KeyboardInterrupt):
        raise
    except Exception as error:  # noqa: BLE001 - the last place before the user
        return _mistake(error, flags)


def _mistake(error: Exception, flags: Flags) -> int:
    """Tell of an error that nobody foresaw, without a page of code unless it is asked for."""
    if flags.verbose:
        import traceback

        traceback.print_exc()
    import json

    message = f"{type(error).__name__}: {error}"[:500]
    hint = "this is a mistake in Tinytown: run it again with `--verbose` and report what it prints"
    if flags.json:
        print(json.dumps({"error": {"code": "internal", "message": message, "hint": hint}}), file=sys.stderr)
    else:
        print(f"error: {message}\n\nhint: {hint}", file=sys.stderr)
    return 1


def _dispatch(flags: Flags, words: list[str]) -> int:
    from tinytown_cli.context import Context

    _check(flags)
    bound = _bind(words)
    context = Context(flags)
    module, _, function = bound.command.target.partition(":")
    from importlib import import_module

    call = getattr(import_module(f"tinytown_cli.commands.{module}"), function)
    context.out.begin(bound.command.doing or f"tt {bound.command.name}")
    try:
        code = call(context, **bound.values) or 0
        context.say_notices()
        context.announce_urgent()
        return code
    finally:
        context.close()


def _check(flags: Flags) -> None:
    from tinytown.errors import InvalidValueError, UsageError

    if flags.problem:
        raise UsageError(detail=flags.problem, hint="`tt --help` shows the flags of every command")
    if flags.operation is not None:
        from tinytown.domain.ids import IdKind, kind_of, looks_like_id

        if not looks_like_id(flags.operation) or kind_of(flags.operation) is not IdKind.OPERATION:
            raise InvalidValueError(
                what="`--id`",
                detail=f"{flags.operation[:40]!r} is no operation",
                hint="use the id that a command with an unknown outcome printed",
            )


def _bind(words: list[str]) -> Bound:
    from tinytown_cli.parse import bind, find
    from tinytown_cli.table import by_path

    found = find(words, by_path())
    bound = bind(*found) if found is not None else None
    if bound is None:
        from tinytown_cli.reference_parser import bind_fully

        bound = bind_fully(words)
    return bound
