"""Whether a call that failed is tried again, and what it ends as if not: the same rules for both faces.

A call is repeated only with the operation id it was first sent with, so that the server answers a repetition instead
of doing the work twice. The libraries' own repetitions are switched off.
"""

from __future__ import annotations

from tinytown.errors import OutcomeUnknownError, StorageUnavailableError, TinytownError
from tinytown.storage.redis.faults import read_fault
from tinytown.storage.redis.wire import BUDGET_SECS, BrokenWireError, Deadline, ErrorReply

_BROKEN_PAUSES = (0.02, 0.15)
"""Seconds before the second and third try on a new connection."""

_BUSY_PAUSE = 0.05
"""Seconds between tries on a server that says it will answer soon."""


class Attempts:
    """The history of one call.

    Args:
        url: Address without secrets, for messages.
        prefix: The town's key prefix, for messages.
        changes: Whether the call changes anything.
        operation: The id it is repeated under, if it needs one.
        extra_secs: Time that the server is asked to wait before it answers.
        follows: The address names whoever is in charge (Sentinel, Cluster), so a server that is not is left for
            the one that is.

    Attributes:
        deadline: When the caller must have an answer of some kind.
        fresh: The next try needs a new connection.
    """

    def __init__(
        self,
        *,
        url: str,
        prefix: str,
        changes: bool,
        operation: str | None,
        extra_secs: float = 0.0,
        follows: bool = False,
    ) -> None:
        self.deadline = Deadline(BUDGET_SECS + extra_secs)
        self.fresh = False
        self._url = url
        self._prefix = prefix
        self._changes = changes
        self._follows = follows
        self._operation = operation
        self._pauses = list(_BROKEN_PAUSES)
        self._sent = False

    def after_break(self, wire: BrokenWireError) -> float:
        """Take note of a broken connection.

        Returns:
            Seconds to pause before the next try.

        Raises:
            OutcomeUnknownError: The call changes something and may have been carried out.
            StorageUnavailableError: It was not.
        """
        self.fresh = True
        self._sent = self._sent or wire.sent
        if wire.lasting or not self._pauses or self._pauses[0] >= self.deadline.left:
            raise self._given_up(wire.detail, wire.hint) from wire
        return self._pauses.pop(0)

    def after_refusal(self, reply: ErrorReply) -> float:
        """Take note of an error reply; such a try did nothing.

        Returns:
            Seconds to pause before the next try.

        Raises:
            TinytownError: Trying again would not help.
        """
        fault = read_fault(reply.text, url=self._url, prefix=self._prefix)
        self.fresh = self.fresh or fault.elsewhere
        again = fault.again and (self._follows or not fault.elsewhere)
        if not again or self.deadline.left <= _BUSY_PAUSE:
            raise fault.error from None
        return _BUSY_PAUSE

    def _given_up(self, detail: str, hint: str | None) -> TinytownError:
        if self._sent and self._changes:
            return OutcomeUnknownError(
                url=self._url, detail=detail, operation=self._operation, hint=_unknown_hint(self._operation)
            )
        return StorageUnavailableError(url=self._url, detail=detail, operation=self._operation, hint=hint)


def _unknown_hint(operation: str | None) -> str:
    if operation is None:
        return "repeat the command: it does nothing twice"
    return f"repeat the command with `--id {operation}` within ten minutes: it does nothing twice"
