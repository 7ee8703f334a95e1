"""What a command is given: the flags, where to print, and the town, which is opened when it is first asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tinytown_cli.output import Output
from tinytown_cli.words import Flags

if TYPE_CHECKING:
    from tinytown import Town


class Context:
    """What every command is given.

    Attributes:
        flags: The global flags.
        out: Where it prints.
    """

    def __init__(self, flags: Flags) -> None:
        self.flags = flags
        self.out = Output(json=flags.json, quiet=flags.quiet, verbose=flags.verbose)
        self._town: Town | None = None

    @property
    def town(self) -> Town:
        """The town that is meant; its own server is started when it is down."""
        return self.open()

    def open(self, *, start: bool = True, unfinished: bool = False) -> Town:
        """Open the town once.

        Args:
            start: Whether its own server may be started.
            unfinished: Whether to open it though a restore or a reset of it was interrupted.

        Raises:
            TinytownError: There is no town, its file is wrong, or its server cannot be reached.
        """
        if self._town is None:
            from tinytown import Town

            self._town = Town.open(self.flags.town, start=start, unfinished=unfinished)
            self._town.operation = self.flags.operation
        return self._town

    def adopt(self, town: Town) -> Town:
        """Take a town that a command has made, so that it is closed and its notices are shown."""
        self._town = town
        return town

    def say_notices(self) -> None:
        """Show what the service layer left for a person, once."""
        if self._town is not None:
            notices = self._town.notices
            while notices:
                self.out.note(notices.pop(0))

    def announce_urgent(self) -> None:
        """Inside a round, say that urgent mail came in since it began. Costs one query, and nothing elsewhere."""
        town = self._town
        if town is None or not town.context.in_round or town.actor.agent_id is None:
            return
        from tinytown.errors import TinytownError
        from tinytown.storage.calls import mail

        try:
            first = town.storage.run(mail.peek(town.actor.agent_id, limit=1)).items
        except TinytownError:  # the command itself is done; what it would have added must not spoil it
            return
        if first and first[0].urgent:
            self.out.warn(f"URGENT mail from {first[0].sender} is waiting ({first[0].id}): read it now with `tt inbox`")

    def close(self) -> None:
        """Show the last notices and give back the connection."""
        self.out.end()
        self.say_notices()
        if self._town is not None:
            self._town.close()
