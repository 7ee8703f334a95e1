"""The scripts on disk: which text a verb sends, and the hash the server knows it by.

A script is `_prelude.lua`, then the parts that its header names in ``-- USES: a b`` (`_a.lua`, `_b.lua`), or all parts
in sorted order without such a line, then its own file.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import attrs

FOLDER = Path(__file__).with_name("lua")
_PRELUDE = "_prelude"
_USES = "-- USES:"


@attrs.frozen
class Script:
    """One verb's script.

    Attributes:
        verb: Its name.
        source: Whole text, as the server gets it.
        sha: SHA-1 of the text in hexadecimal, as EVALSHA wants it.
    """

    verb: str
    source: str = attrs.field(repr=False)
    sha: str


class Scripts:
    """Reads scripts from a folder and keeps them.

    Attributes:
        folder: Where they lie.
    """

    def __init__(self, folder: Path = FOLDER) -> None:
        self.folder = folder
        self._kept: dict[str, Script] = {}

    def get(self, verb: str) -> Script:
        """Give the script of a verb.

        Raises:
            LookupError: There is no such verb; a mistake of the caller.
        """
        kept = self._kept.get(verb)
        if kept is None:
            kept = self._kept[verb] = self._read(verb)
        return kept

    def verbs(self) -> list[str]:
        """List the verbs that have a script, sorted."""
        return sorted(path.stem for path in self.folder.glob("*.lua") if not path.name.startswith("_"))

    def _read(self, verb: str) -> Script:
        path = self.folder / f"{verb}.lua"
        if verb.startswith("_") or not path.is_file():
            raise LookupError(f"no script for the verb {verb!r} in {self.folder}")
        own = path.read_text(encoding="utf-8")
        texts = [(self.folder / f"{part}.lua").read_text(encoding="utf-8") for part in self._parts(own)]
        source = "\n".join([*texts, own])
        return Script(verb, source, hashlib.sha1(source.encode(), usedforsecurity=False).hexdigest())

    def _parts(self, own: str) -> list[str]:
        present = sorted(path.stem for path in self.folder.glob("_*.lua"))
        first = [_PRELUDE] if _PRELUDE in present else []
        for line in own.splitlines():
            if not line.startswith("--"):
                break
            if line.startswith(_USES):
                return first + [f"_{name}" for name in line.removeprefix(_USES).split()]
        return first + [part for part in present if part != _PRELUDE]
