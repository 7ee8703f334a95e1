"""Read the output of one round: fold the events of its lines into session, usage and what it ended by.

Holds a bounded amount whatever the CLI prints. Feeding the same lines again gives the same reading, so a node that
takes over a round after a restart reads the log from its beginning.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from typing import cast

import attrs

from tinytown.hookspecs.values import EventKind, OutputEvent, UsageScope

MAX_EVENTS = 500
TAIL_CHARS = 16 * 1024
MAX_STEPS = 10_000


@attrs.frozen(kw_only=True)
class Usage:
    """Tokens and money.

    Attributes:
        input_tokens: Tokens read.
        output_tokens: Tokens written.
        cost_micros: Money in millionths of a US dollar, or None when the CLI does not say.
    """

    input_tokens: int = 0
    output_tokens: int = 0
    cost_micros: int | None = None


def _latest(old: Usage | None, event: OutputEvent) -> Usage:
    """Take over what an event says and keep what it leaves out."""
    old = old or Usage()
    return Usage(
        input_tokens=old.input_tokens if event.input_tokens is None else event.input_tokens,
        output_tokens=old.output_tokens if event.output_tokens is None else event.output_tokens,
        cost_micros=old.cost_micros if event.cost_micros is None else event.cost_micros,
    )


class Reading:
    """What the output of one round has said so far.

    Attributes:
        events: What it meant, oldest first, the last 500.
        session_id: Session to resume next time, or None.
        broken: The first exception that the adapter's parser raised, as text, or None.
    """

    def __init__(self, parse: Callable[[str], Sequence[OutputEvent] | None]) -> None:
        self.events: deque[OutputEvent] = deque(maxlen=MAX_EVENTS)
        self.session_id: str | None = None
        self.broken: str | None = None
        self._parse = parse
        self._tail: deque[str] = deque()
        self._tail_chars = 0
        self._steps: dict[str, Usage] = {}
        self._round: Usage | None = None
        self._session: Usage | None = None

    def feed(self, line: str) -> tuple[OutputEvent, ...]:
        """Read one line.

        Args:
            line: The line, with or without its end.

        Returns:
            What it means; one text event when the adapter does not know it or fails on it.
        """
        line = line.rstrip("\r\n")
        self._keep(line)
        try:
            parsed = self._parse(line)
            events = (OutputEvent(kind=EventKind.TEXT, text=line),) if parsed is None else _checked(parsed)
        except Exception as error:  # noqa: BLE001 - a broken parser must not end a round that goes well
            self.broken = self.broken or f"{type(error).__name__}: {error}"
            events = (OutputEvent(kind=EventKind.TEXT, text=line),)
        for event in events:
            self._take(event)
        return events

    @property
    def tail(self) -> str:
        """The last 16 KiB of output."""
        return "\n".join(self._tail)

    @property
    def session_totals(self) -> Usage | None:
        """The session's running totals, to be kept with its id, or None when the CLI reports none."""
        return self._session

    def usage(self, before: Usage | None = None) -> Usage:
        """Give what this round used.

        Args:
            before: The session's totals when the round began, or None for a fresh session.

        Returns:
            The round's own share. A total below the one before means that the session began anew: it counts whole.
        """
        mine = self._round or self._sum_of_steps()
        if self._session is None:
            return mine
        before, now = before or Usage(), self._session
        return Usage(
            input_tokens=_share(now.input_tokens, before.input_tokens) or mine.input_tokens,
            output_tokens=_share(now.output_tokens, before.output_tokens) or mine.output_tokens,
            cost_micros=mine.cost_micros
            if now.cost_micros is None
            else _share(now.cost_micros, before.cost_micros or 0),
        )

    def _sum_of_steps(self) -> Usage:
        costs = [step.cost_micros for step in self._steps.values() if step.cost_micros is not None]
        return Usage(
            input_tokens=sum(step.input_tokens for step in self._steps.values()),
            output_tokens=sum(step.output_tokens for step in self._steps.values()),
            cost_micros=sum(costs) if costs else None,
        )

    def _take(self, event: OutputEvent) -> None:
        self.events.append(event)
        if event.session_id:
            self.session_id = event.session_id
        if event.kind is not EventKind.USAGE:
            return
        if event.scope is UsageScope.SESSION:
            self._session = _latest(self._session, event)
        elif event.scope is UsageScope.ROUND:
            self._round = _latest(self._round, event)
        else:
            key = event.key or f"#{len(self._steps)}"
            if key in self._steps or len(self._steps) < MAX_STEPS:
                self._steps[key] = _latest(None, event)

    def _keep(self, line: str) -> None:
        line = line[-TAIL_CHARS:]
        self._tail.append(line)
        self._tail_chars += len(line) + 1
        while self._tail_chars > TAIL_CHARS and len(self._tail) > 1:
            self._tail_chars -= len(self._tail.popleft()) + 1


def _checked(events: Sequence[OutputEvent]) -> tuple[OutputEvent, ...]:
    """Refuse what would only fail later, at the end of the round, where no adapter is to blame any more."""
    for event in events:
        if not isinstance(cast("object", event), OutputEvent):
            raise TypeError(f"{type(event).__name__} where an OutputEvent belongs")
        for name in ("input_tokens", "output_tokens", "cost_micros"):
            count: object = getattr(event, name)
            if count is not None and (not isinstance(count, int) or count < 0):
                raise TypeError(f"`{name}` is {count!r}, not a count")
        if not isinstance(cast("object", event.session_id), str | None):
            raise TypeError(f"`session_id` is {event.session_id!r}, not a text")
    return tuple(events)


def _share(now: int, before: int) -> int:
    return now - before if now >= before else now
