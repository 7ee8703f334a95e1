"""Writes the documentation's tables and diagrams of states from `tinytown.domain.states`, so that they cannot drift.

``python -m tinytown.testing.state_pages docs`` writes them anew; a test compares.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path

from tinytown.domain.states import TABLES, Transition

Table = Mapping[str, Transition[StrEnum]]

BEGIN, END = "<!-- generated: tables of states -->", "<!-- end of what is generated -->"

TITLES = {
    "task": "Task",
    "agent": "Agent: what its node says",
    "wanted": "Agent: what people want",
    "message": "Message",
    "round": "Round",
    "attention": "Attention",
    "node": "Node",
    "mission": "Mission",
}

PAGES = {"adr/0001-one-table-per-record.md": "tables", "reference/states.md": "diagrams"}


def table(kind: str) -> str:
    """Write the table of one kind of record in Markdown."""
    rows = [
        f"| `{row.verb}` | {_states(row.sources) or 'nothing'} | {_states(row.targets)} |"
        for row in TABLES[kind].values()
    ]
    return "\n".join([f"### {TITLES[kind]}", "", "| verb | from | to |", "|---|---|---|", *rows])


def _states(states: frozenset[StrEnum]) -> str:
    order = [state for state in type(next(iter(states))) if state in states] if states else []
    return ", ".join(f"`{state}`" for state in order)


def diagram(kind: str) -> str:
    """Draw the table of one kind of record as a Mermaid diagram; verbs between the same states share an arrow."""
    arrows: dict[tuple[str, str], list[str]] = {}
    for row in TABLES[kind].values():
        for source in sorted(row.sources) or ["[*]"]:
            for target in sorted(row.targets):
                arrows.setdefault((str(source), str(target)), []).append(row.verb)
    ends = {str(s) for row in TABLES[kind].values() for s in row.targets} - {source for source, _target in arrows}
    lines = [f"    {source} --> {target}: {', '.join(verbs)}" for (source, target), verbs in arrows.items()]
    lines += [f"    {end} --> [*]" for end in sorted(ends)]
    return "\n".join([f"### {TITLES[kind]}", "", "```mermaid", "stateDiagram-v2", *lines, "```"])


def generated(what: str) -> str:
    """Write all ``tables`` or all ``diagrams``."""
    make = {"tables": table, "diagrams": diagram}[what]
    return "\n\n".join([BEGIN, *(make(kind) for kind in TABLES), END])


def renewed(page: str, what: str) -> str:
    """Put what is generated into a page, between its two marks."""
    before, _begin, rest = page.partition(BEGIN)
    _old, _end, after = rest.partition(END)
    return before + generated(what) + after


def main() -> None:
    """Write the pages of a documentation folder anew."""
    for name, what in PAGES.items():
        path = Path(sys.argv[1]) / name
        path.write_text(renewed(path.read_text(encoding="utf-8"), what), encoding="utf-8")


if __name__ == "__main__":
    main()
