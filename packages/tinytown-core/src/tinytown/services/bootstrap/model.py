"""What passes between the ways to get a server and the one operation that puts it in place."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Protocol

import attrs

from tinytown.errors import InvalidValueError, RefusedError, UsageError

Say = Callable[[str], None]
"""Tells a person what is being done."""

Ask = Callable[[str], bool]
"""Asks a person a question that is answered by yes or no."""

KINDS = ("valkey", "redis")
_VERSION = re.compile(r"[0-9]{1,4}(\.[0-9]{1,4}){0,2}")
_DIGEST = re.compile(r"[0-9a-f]{64}")


class Way(StrEnum):
    """Where the server comes from."""

    WHEEL = "wheel"
    SOURCE = "source"
    AGENT = "agent"


@attrs.frozen(kw_only=True)
class Wanted:
    """What was asked for, checked.

    Attributes:
        way: Where it shall come from.
        version: ``9``, ``9.1`` or ``9.1.2``; None for whatever there is.
        source: Path or URL of an archive, for `Way.SOURCE`.
        sha256: What the archive's digest must be.
        cli: Agent CLI, for `Way.AGENT`; None for the default.
        kind: ``valkey`` or ``redis``; None for either.
        force: Do it even if it is there, and replace what `tt bootstrap` did not put there.
    """

    way: Way
    version: str | None = None
    source: str | None = None
    sha256: str | None = None
    cli: str | None = None
    kind: str | None = None
    force: bool = False

    def fits(self, version: str) -> bool:
        """Say whether a version is the one that was asked for."""
        return self.version is None or f"{version}.".startswith(f"{self.version}.")


@attrs.frozen(kw_only=True)
class Candidate:
    """A program that was fetched or built and has proved nothing yet.

    Attributes:
        server: The program.
        kind: ``valkey`` or ``redis``, as it was named where it comes from.
        others: Further programs to put beside it, the command line client.
        licence: Text of its licence.
        archive_sha256: Digest of the archive that it was built from.
    """

    server: Path
    kind: str
    others: tuple[Path, ...] = ()
    licence: Path | None = None
    archive_sha256: str | None = None


class Origin(Protocol):
    """One way to get a server, prepared for one wish."""

    @property
    def shown(self) -> str:
        """Where it comes from, for people and for the record."""
        ...

    def known_version(self) -> str | None:
        """Give the version that it will have, where that can be told beforehand."""
        ...

    def matches(self, record: Mapping[str, object]) -> bool:
        """Say whether a recorded server came from here and would be the same again."""
        ...

    def fetch(self, work: Path, say: Say) -> Candidate:
        """Get it into a private folder.

        Raises:
            RefusedError: It cannot be had, or may not be trusted.
        """
        ...


def wanted_from(
    version: str | None,
    *,
    wheel: bool,
    source: str | None,
    sha256: str | None,
    agent: bool,
    cli: str | None,
    kind: str | None,
    force: bool,
) -> Wanted:
    """Check the words of the command. Looks at nothing but them.

    Raises:
        UsageError: They contradict each other.
        InvalidValueError: One is of the wrong form.
    """
    ways = [
        way
        for way, said in ((Way.WHEEL, wheel), (Way.SOURCE, source is not None), (Way.AGENT, agent or cli is not None))
        if said
    ]
    if len(ways) > 1:
        raise UsageError(detail="a server comes from one place only", hint="give one of --wheel, --source and --agent")
    way = ways[0] if ways else Way.WHEEL
    if sha256 is not None and way is not Way.SOURCE:
        raise UsageError(detail="--sha256 is the digest of an archive", hint="name the archive with --source")
    if version == "latest":
        version = None
    if version is not None and not _VERSION.fullmatch(version):
        raise InvalidValueError(
            what="the version", detail=f"{version[:40]!r} is not one", hint="write it as in `tt bootstrap 9.1.2`"
        )
    if sha256 is not None and not _DIGEST.fullmatch(sha256 := sha256.strip().lower()):
        raise InvalidValueError(
            what="--sha256", detail="is not 64 hexadecimal digits", hint="copy it from the page of the release"
        )
    return Wanted(way=way, version=version, source=source, sha256=sha256, cli=cli, kind=kind, force=force)


def refused(refusal: str, detail: str, hint: str) -> RefusedError:
    """Make the error of a server that could not be had; nothing was put in place."""
    return RefusedError(detail=detail, refusal=refusal, hint=hint)


def digest(path: Path) -> str:
    """Give the SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def last_lines(log: Path, count: int = 3) -> str:
    """Give the end of a log on one line."""
    try:
        lines = log.read_bytes()[-4000:].decode("utf-8", "replace").split("\n")
    except OSError:
        return ""
    return " / ".join([line.strip() for line in lines if line.strip()][-count:])[:600]
