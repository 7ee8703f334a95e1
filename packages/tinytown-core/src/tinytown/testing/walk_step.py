"""One step of a random walk through a town."""

from __future__ import annotations

from typing import Any

import attrs

from tinytown.storage.protocol import Call


@attrs.frozen
class Step:
    """One call of one client, after some time has passed."""

    client: int
    call: Call[Any]
    operation: str
    ticks: int

    def __str__(self) -> str:
        """Give the step in one line, for the report of a failure."""
        args = {name: value for name, value in self.call.args.items() if name not in {"from", "limits"}}
        return f"client {self.client} +{self.ticks} ms {self.operation} {self.call.verb} {args}"
