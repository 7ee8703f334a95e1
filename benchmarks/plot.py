"""Draws the results as one SVG: how much of each budget is used, on a logarithmic scale."""

from __future__ import annotations

import math
from collections.abc import Sequence
from xml.sax.saxutils import escape

from benchmarks.result import Budget, Line

_STEP, _LEFT, _WIDTH, _TOP = 22, 520, 420, 46
_LOW, _HIGH = 0.01, 10.0
_GOOD, _BAD, _INK = "#2f7d4f", "#c0392b", "#333"


def used(value: float, budget: Budget) -> float:
    """Say which part of a budget is used; 1 is all of it."""
    if budget.least:
        return budget.limit / value if value else _HIGH
    return value / budget.limit if budget.limit else (0.0 if not value else _HIGH)


def _x(part: float) -> float:
    part = min(max(part, _LOW), _HIGH)
    return _LEFT + _WIDTH * math.log10(part / _LOW) / math.log10(_HIGH / _LOW)


def plot(lines: Sequence[Line]) -> str:
    """Give the picture; lines without a budget are left out."""
    bars = [(line, budget) for line in lines for budget in line.budgets]
    height = _TOP + _STEP * len(bars) + 34
    size = f'width="{_LEFT + _WIDTH + 130}" height="{height}"'
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="sans-serif" font-size="12" fill="{_INK}">',
        "<title>Part of each speed budget that is used</title>",
        f'<rect width="100%" height="{height}" fill="white"/>',
        '<text x="12" y="24" font-size="15">Part of each speed budget that is used (less is better)</text>',
    ]
    for number, (line, budget) in enumerate(bars):
        value = line.figures[budget.figure]
        part, y = used(value, budget), _TOP + number * _STEP
        colour = _GOOD if budget.holds(value) else _BAD
        name = f"{line.what} ({line.fsync})" if line.fsync != "-" else line.what
        parts += [
            f'<text x="{_LEFT - 8}" y="{y + 14}" text-anchor="end">{escape(name)}, {budget.figure}</text>',
            f'<rect x="{_LEFT}" y="{y + 3}" width="{max(1.0, _x(part) - _LEFT):.1f}" height="15" fill="{colour}"/>',
            f'<text x="{_x(part) + 6:.1f}" y="{y + 15}">{value:.3g} of {budget.limit:g} {_unit(line, budget)}</text>',
        ]
    for part in (0.01, 0.1, 1.0, 10.0):
        x, dash = _x(part), "" if part == 1 else ' stroke-dasharray="2 4"'
        parts += [
            f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{_TOP}" y2="{height - 30}" stroke="#777"{dash}/>',
            f'<text x="{x:.1f}" y="{height - 12}" text-anchor="middle">{part:.0%}</text>',
        ]
    return "\n".join([*parts, "</svg>\n"])


def _unit(line: Line, budget: Budget) -> str:
    return "×" if budget.figure == "ratio" else escape(line.unit)
