"""Makes `docs/promises.md` from `promises.toml`.

Run it with the page's path: ``python tests/parity/page.py docs/promises.md``.
"""

from __future__ import annotations

import itertools
import sys
import tomllib
from pathlib import Path
from typing import NamedTuple

HERE = Path(__file__).parent

HEAD = """\
# What people who come from the Rust program may rely on

The Rust program of the same name taught its users what can go wrong. Each line below is something that went wrong
there, turned into a promise of this one, with the tests that fail when it is broken. The page is made from
[promises.toml](../tests/parity/promises.toml); a test checks that each of the tests exists.
"""


class Promise(NamedTuple):
    """One line of the page.

    Attributes:
        group: Heading under which it stands.
        said: What is promised.
        tests: Tests that would fail, as ``file::name``.
    """

    group: str
    said: str
    tests: tuple[str, ...]


def promises() -> list[Promise]:
    """Read all promises in their order."""
    rows = tomllib.loads((HERE / "promises.toml").read_text())["promise"]
    return [Promise(row["group"], row["said"], tuple(row["tests"])) for row in rows]


def page() -> str:
    """Write the page."""
    parts = [HEAD]
    for group, rows in itertools.groupby(promises(), lambda row: row.group):
        parts.append(f"\n## {group}\n\n| Promise | Tests |\n|---|---|\n")
        for row in rows:
            links = (f"[{name}](../{file})" for file, _, name in (test.partition("::") for test in row.tests))
            parts.append(f"| {row.said} | {'<br>'.join(links)} |\n")
    return "".join(parts)


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(page())
