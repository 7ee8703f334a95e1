"""What a measurement gives: lines with a judged value, the samples behind it, and the proof that work was done."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Mapping, Sequence

import attrs


@attrs.frozen(kw_only=True)
class Budget:
    """One limit.

    Attributes:
        figure: What is judged: ``p50``, ``p99``, ``ratio`` or ``value``.
        limit: The limit in the line's unit; a ratio has none.
        least: The figure must be at least the limit; otherwise at most.
    """

    figure: str
    limit: float
    least: bool = False

    def holds(self, value: float) -> bool:
        """Say whether a figure keeps to it."""
        return value >= self.limit if self.least else value <= self.limit

    def __str__(self) -> str:
        return f"{self.figure} {'≥' if self.least else '≤'} {self.limit:g}"


@attrs.frozen(kw_only=True)
class Line:
    """One line of the table.

    Attributes:
        row: The row it belongs to.
        what: What was measured.
        unit: Of the samples or the value.
        fsync: The server's setting: ``always``, ``everysec``, ``off`` (no file), ``-`` (no server).
        samples: Single measurements; empty where one value is counted.
        value: The counted value.
        against: What a ratio compares with.
        reference: The samples of that, from the same run, measured in turns with ``samples``.
        budgets: Limits; none for a line that is only told.
        done: How it was checked that the work was done.
    """

    row: str
    what: str
    unit: str
    fsync: str
    done: str
    samples: Sequence[float] = ()
    value: float | None = None
    against: str = ""
    reference: Sequence[float] = ()
    budgets: Sequence[Budget] = ()

    @property
    def figures(self) -> Mapping[str, float]:
        """The figures that there are, by name."""
        found: dict[str, float] = {}
        if self.samples:
            found |= {"p50": statistics.median(self.samples), "p99": percentile(self.samples, 99)}
        if self.value is not None:
            found["value"] = self.value
        if self.samples and self.reference:
            found["ratio"] = statistics.median(self.samples) / statistics.median(self.reference)
        return found

    @property
    def broken(self) -> list[Budget]:
        """The budgets that do not hold."""
        figures = self.figures
        return [budget for budget in self.budgets if not budget.holds(figures[budget.figure])]

    def as_json(self) -> dict[str, object]:
        """Everything, for the file of results; samples rounded to a thousandth."""
        return {
            "row": self.row,
            "what": self.what,
            "unit": self.unit,
            "fsync": self.fsync,
            "n": len(self.samples) or 1,
            **{name: round(value, 4) for name, value in self.figures.items()},
            "against": self.against or None,
            "reference_p50": round(statistics.median(self.reference), 4) if self.reference else None,
            "budgets": [str(budget) for budget in self.budgets],
            "within": not self.broken if self.budgets else None,
            "done": self.done,
            "samples": [round(value, 3) for value in self.samples],
        }


def percentile(samples: Sequence[float], percent: float) -> float:
    """Give the smallest sample that so many per cent of all do not exceed."""
    ordered = sorted(samples)
    return ordered[max(0, math.ceil(len(ordered) * percent / 100) - 1)]


def in_turns(measures: Mapping[str, Callable[[], float]], rounds: int) -> dict[str, list[float]]:
    """Measure several things in turns, so that a change of the machine's mood meets all of them.

    Args:
        measures: By name, what does one piece of work and gives how long it took.
        rounds: How often each is done; the order is turned around each time.
    """
    samples: dict[str, list[float]] = {name: [] for name in measures}
    for number in range(rounds):
        names = list(measures) if number % 2 == 0 else list(measures)[::-1]
        for name in names:
            samples[name].append(measures[name]())
    return samples


class NotDoneError(Exception):
    """The work that was to be measured was not done, so there is nothing to tell."""


def must(done: object, what: str) -> None:
    """Refuse to tell a figure of work that was not done.

    Raises:
        NotDoneError: It was not.
    """
    if not done:
        raise NotDoneError(what)
