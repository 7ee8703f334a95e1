"""Python, our own packages, and every `tt` and `townhall` that a shell might run instead of ours."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from tinytown._version import __version__
from tinytown.services.checkup.model import Machine, Row, bad, ok, warn

OLDEST_PYTHON = (3, 11)
_SECS = 3.0
_MACHINE_CODE = (b"\x7fELF", b"\xcf\xfa\xed\xfe", b"\xca\xfe\xba\xbe", b"\xce\xfa\xed\xfe")
_VERSION = re.compile(r"\d+(?:\.\d+)+\S*")


def python(machine: Machine) -> Iterator[Row]:
    """Look at the interpreter."""
    _ = machine
    version = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info[:2] < OLDEST_PYTHON:
        wanted = ".".join(map(str, OLDEST_PYTHON))
        yield bad("python", f"Python {version} is older than {wanted}", f"install Python {wanted} or newer")
    else:
        yield ok("python", f"Python {version} ({sys.executable})")


def commands(machine: Machine) -> Iterator[Row]:
    """Look at every `tt` and `townhall` on PATH."""
    yield from _command("tt", machine.tt, machine)
    own = machine.tt.with_name("townhall")
    if places := _on_path("townhall", machine):
        yield from _command("townhall", own if own.is_file() else places[0], machine)


def _command(name: str, own: Path, machine: Machine) -> Iterator[Row]:
    check = f"command {name}"
    places = _on_path(name, machine)
    if not places:
        yield warn(check, f"`{name}` is not on PATH", f'add it: export PATH="{own.parent}:$PATH"')
        return
    first, *others = places
    mine = own.resolve()
    if first.resolve() == mine:
        yield ok(check, f"`{name}` is {first}, version {__version__}")
    else:
        text = f"`{name}` in a shell is {_told(first, machine)}, not {own}"
        yield bad(check, text, f'put ours first: export PATH="{own.parent}:$PATH"')
    for other in others:
        if other.resolve() not in (first.resolve(), mine):
            yield warn(
                check, f"there is another `{name}`: {_told(other, machine)}", f"remove {other} if you do not use it"
            )


def _on_path(name: str, machine: Machine) -> list[Path]:
    folders = dict.fromkeys(machine.env.get("PATH", "").split(os.pathsep))
    places = [Path(folder).absolute() / name for folder in folders if folder]
    return [place for place in places if place.is_file() and os.access(place, os.X_OK)]


def _told(path: Path, machine: Machine) -> str:
    """Describe a program by its kind and what it answers to `--version`."""
    try:
        with path.open("rb") as file:
            compiled = file.read(4) in _MACHINE_CODE
    except OSError:
        return f"{path}, which cannot be read"
    try:
        said = subprocess.run(
            [path, "--version"],
            env={"PATH": machine.env.get("PATH", os.defpath), "LC_ALL": "C"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_SECS,
            check=False,
            text=True,
            errors="replace",
        )
        match = _VERSION.search(said.stdout)
    except (OSError, subprocess.SubprocessError):
        match = None
    version = f"version {match.group()[:30]}" if match else "which tells no version"
    return f"{path}, {version}" + (", a compiled program such as the Rust Tinytown" if compiled else "")
