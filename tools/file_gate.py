"""Refuse long files: small ones are read whole, tested whole, and rarely fought over.

``python tools/file_gate.py [ROOT]`` exits 1 and lists what is too long.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

SOURCE_LINES = 400
TEST_LINES = 600

EXCEPTIONS: dict[str, tuple[int, str]] = {}
"""Path to the limit that it has instead, and why."""

_FOLDERS = ("packages", "tests", "tools", "docs", "benchmarks")
_ENDINGS = {".py", ".lua", ".js", ".css", ".sh"}


def too_long(root: Path) -> Iterator[str]:
    """Give a line about each file that is longer than it may be.

    Args:
        root: Top of the repository.
    """
    for folder in _FOLDERS:
        for path in sorted((root / folder).rglob("*")):
            if path.suffix not in _ENDINGS or not path.is_file():
                continue
            parts = path.relative_to(root).parts
            if any(part.startswith(".") or part in {"node_modules", "build", "dist"} for part in parts):
                continue
            name = "/".join(parts)
            limit = EXCEPTIONS[name][0] if name in EXCEPTIONS else TEST_LINES if "tests" in parts else SOURCE_LINES
            lines = len(path.read_bytes().splitlines())
            if lines > limit:
                yield f"{name}: {lines} lines, at most {limit}; split it"


def main() -> int:
    """Check the repository."""
    found = list(too_long(Path(sys.argv[1]) if sys.argv[1:] else Path(__file__).resolve().parents[1]))
    print("\n".join(found) if found else "no file is too long")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
