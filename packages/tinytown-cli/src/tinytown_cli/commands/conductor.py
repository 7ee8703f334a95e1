"""`tt conductor`."""

from __future__ import annotations

import os
import signal
import sys
from typing import TYPE_CHECKING, NoReturn

from tinytown.errors import AgentCliError, RefusedError

if TYPE_CHECKING:
    from tinytown.services.conducting import Conversation

    from tinytown_cli.context import Context


def conductor(context: Context, *, cli: str | None, model: str | None, print_: bool) -> None:
    """Become the conductor's conversation. Returns only when it shall print what the conductor would be told."""
    if print_:
        text = context.town.conductor_brief()
        context.out.either(lambda: {"town": context.town.name, "text": text}, lambda out: out.line(text))
        return
    if context.flags.json or not (_is_terminal(sys.stdin) and _is_terminal(sys.stdout)):
        raise RefusedError(
            refusal="no_terminal",
            detail="the conductor talks to a person at a terminal, and here is none",
            hint="`tt conductor --print` shows what it would be told",
        )
    conversation = context.town.prepare_conductor(cli=cli, model=model)
    context.out.note(f"{conversation.cli} is the conductor of {context.town.name}; it was told {conversation.file}")
    context.close()
    _become(conversation)


def _is_terminal(stream: object) -> bool:
    return bool(stream is not None and getattr(stream, "isatty", lambda: False)())


def _become(conversation: Conversation) -> NoReturn:
    """Replace this process, so that the terminal, its signals and its size are the agent CLI's own."""
    sys.stdout.flush()
    sys.stderr.flush()
    for each in (signal.SIGPIPE, signal.SIGXFSZ):  # Python ignores them, and a program would inherit that
        signal.signal(each, signal.SIG_DFL)
    try:
        os.chdir(conversation.cwd)
        os.execve(conversation.argv[0], conversation.argv, conversation.env)  # noqa: S606 - words, never a shell
    except OSError as error:
        reason = (error.strerror or type(error).__name__).lower()
        raise AgentCliError(
            cli=conversation.cli,
            detail=f"`{conversation.argv[0]}` cannot be started: {reason}",
            hint=f"`tt adapters doctor {conversation.cli}` looks at it",
        ) from None
