"""What lies in `~/.tt/bin`, what is known of it, and putting a proven server there by one rename."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from collections.abc import Generator, Mapping
from pathlib import Path
from typing import Any, cast

from tinytown.config.files import locked, private_dir, write_private
from tinytown.config.paths import UserPaths
from tinytown.crash import point
from tinytown.errors import ConfigError
from tinytown.services.bootstrap.model import Candidate, digest

_WORK = "work-"
_STAGED = ".bootstrap-"
_VERSION = 1
_REPLACES = "replaces"


class Shelf:
    """The user's folder of programs.

    Args:
        user: The user's folder.
    """

    def __init__(self, user: UserPaths) -> None:
        self._user = user

    def program(self, kind: str) -> Path:
        """Where the server of a kind lies."""
        return self._user.bin / f"{kind}-server"

    def record(self, kind: str) -> Mapping[str, object]:
        """Give what was written down about the server of a kind, if it is still the same program; else nothing.

        The file says what is about to be put there and what it replaces: whichever of them is there is known.
        """
        try:
            kept: object = json.loads(self._record_file(kind).read_bytes())
        except (OSError, ValueError):
            return {}
        while isinstance(kept, dict):
            found = cast("dict[str, Any]", kept)
            if found.get("version_of_file") == _VERSION and self._is_as(kind, found.get("sha256")):
                return found
            kept = found.get(_REPLACES)
        return {}

    def is_taken(self, kind: str) -> bool:
        """Say whether something lies there that `tt bootstrap` did not put there."""
        return os.path.lexists(self.program(kind)) and not self.record(kind)

    def _is_as(self, kind: str, sha256: object) -> bool:
        path = self.program(kind)
        try:
            return not path.is_symlink() and digest(path) == sha256
        except OSError:
            return False

    def _record_file(self, kind: str) -> Path:
        return self._user.bootstrap / f"{kind}-server.json"

    @contextlib.contextmanager
    def workshop(self, *, wait: bool = True) -> Generator[Path]:
        """Give a private folder to work in. One `tt bootstrap` works at a time; what a killed one left is removed.

        Args:
            wait: Wait for one that is at work.

        Raises:
            ConfigError: The user's folder cannot be written to, or another one is at work and is not waited for.
        """
        private_dir(self._user.home)
        private_dir(self._user.bootstrap)
        with locked(self._user.bootstrap, wait=wait):
            for folder in (self._user.bootstrap, self._user.bin):
                for old in filter(is_leftover, folder.iterdir() if folder.is_dir() else ()):
                    shutil.rmtree(old, ignore_errors=True)
                    with contextlib.suppress(OSError):
                        old.unlink()
            work = private_dir(self._user.bootstrap / f"{_WORK}{os.urandom(6).hex()}")
            try:
                yield work
            finally:
                shutil.rmtree(work, ignore_errors=True)

    def put(self, candidate: Candidate, record: Mapping[str, object]) -> None:
        """Put a proven server in place. A server that runs from the old file goes on: it keeps that file's inode.

        Args:
            candidate: What to put there; the server's rename is the last one and the one that counts.
            record: What to write down about it; ``sha256`` is the digest of the program that was proven.

        Raises:
            ConfigError: It cannot be written, or the program changed since it was proven; what was there stays.
        """
        folder = private_dir(self._user.bin)
        wanted = [(path, path.name, 0o755) for path in candidate.others]
        if candidate.licence is not None:
            wanted.append((candidate.licence, f"{candidate.kind}.LICENSE", 0o644))
        wanted.append((candidate.server, self.program(candidate.kind).name, 0o755))
        staged: list[tuple[Path, Path]] = []
        try:
            for source, name, mode in wanted:
                beside = folder / f"{_STAGED}{os.urandom(6).hex()}"
                staged.append((beside, folder / name))
                _copy(source, beside, mode)
            if digest(staged[-1][0]) != record["sha256"]:
                raise ConfigError(
                    path=str(candidate.server), detail="was changed while it was looked at", hint="repeat the command"
                )
            point("verb.program_beside")
            before = {name: value for name, value in self.record(candidate.kind).items() if name != _REPLACES}
            noted = {"version_of_file": _VERSION, **record, _REPLACES: before or None}
            write_private(self._record_file(candidate.kind), json.dumps(noted).encode())
            point("verb.program_noted")  # before its rename, or a program of ours would be taken for a stranger's
            for beside, target in staged:
                beside.replace(target)
                point("verb.program_placed")
        except OSError as error:
            raise ConfigError(
                path=str(error.filename or folder),
                detail=f"cannot be written: {(error.strerror or str(error)).lower()}",
                hint="see who owns the folder, what lies there, and whether there is room; then repeat the command",
            ) from error
        finally:
            for beside, _ in staged:
                with contextlib.suppress(OSError):
                    beside.unlink()


def is_leftover(path: Path) -> bool:
    """Say whether a file or folder is one that a `tt bootstrap` makes for its work and removes at its end."""
    return path.name.startswith((_WORK, _STAGED))


def _copy(source: Path, target: Path, mode: int) -> None:
    with source.open("rb") as given, target.open("xb") as made:
        shutil.copyfileobj(given, made, 1 << 20)
        made.flush()
        os.fchmod(made.fileno(), mode)
        os.fsync(made.fileno())
