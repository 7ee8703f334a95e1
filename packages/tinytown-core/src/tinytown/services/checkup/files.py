"""Rights, owners and places of our files: what is secret is the owner's alone."""

from __future__ import annotations

import contextlib
import os
import re
import stat
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path

from tinytown.config.registry import register_town, registered_towns
from tinytown.errors import TinytownError
from tinytown.services.checkup.model import Machine, Place, Repair, Row, bad, ok, warn
from tinytown.storage.embedded.sockets import LONGEST_PATH

_FOLDER, _FILE = 0o700, 0o600
_SECRET_NAME = re.compile(r"(?i)(key|token|secret|password|passwd)$")


def of_user(machine: Machine) -> Iterator[Row]:
    """Look at the user's folder."""
    user = machine.user
    check = "user files"
    rows = [*_rights(check, (user.home,), _FOLDER), *_rights(check, (user.credentials, user.config), _FILE)]
    try:
        registered_towns(user)
    except TinytownError as error:
        rows.append(bad(check, error.message, error.hint or f"correct {user.registry}"))
    yield from rows or [ok(check, f"{user.home} is private" if user.home.exists() else f"{user.home} is not there yet")]


def of_town(place: Place) -> Iterator[Row]:
    """Look at the town's folder of run-time files."""
    paths = place.paths
    check = "permissions"
    folders = (paths.dot, paths.redis_dir, paths.redis_data, paths.node_dir, paths.agents_env_dir)
    secret = [paths.connection, paths.node_settings, paths.instance]
    with contextlib.suppress(OSError):  # there is none, or the row about the folder says it
        secret += sorted(paths.agents_env_dir.iterdir())
    rows = [*_rights(check, folders, _FOLDER), *_rights(check, secret, _FILE)]
    if not os.access(paths.root, os.W_OK):
        rows.append(bad(check, f"{paths.root} may not be written to", f"see who owns it: ls -ld {paths.root}"))
    yield from rows or [ok(check, "run-time files are the owner's alone")]


def _rights(check: str, paths: Iterable[Path], mode: int) -> Iterator[Row]:
    for path in paths:
        try:
            found = path.lstat()
        except FileNotFoundError:
            continue
        except OSError as error:
            yield bad(check, f"{path} cannot be looked at: {(error.strerror or '').lower()}", f"ls -ld {path.parent}")
            continue
        if stat.S_ISLNK(found.st_mode):
            continue  # somebody keeps it elsewhere on purpose; its own rights do not count
        if found.st_uid not in (os.geteuid(), 0):
            yield bad(
                check, f"{path} belongs to another user (uid {found.st_uid})", f"sudo chown {os.geteuid()} {path}"
            )
        elif stat.S_IMODE(found.st_mode) & 0o077:
            text = f"others may get at {path} (mode {stat.S_IMODE(found.st_mode):04o})"
            yield bad(
                check,
                text,
                f"chmod {mode:o} {path}",
                Repair(text=f"chmod {mode:o} {path}", act=partial(_narrow, path, mode)),
            )
        elif stat.S_ISDIR(found.st_mode) and not os.access(path, os.R_OK | os.W_OK | os.X_OK):
            yield bad(
                check,
                f"{path} may not be entered by its owner",
                f"chmod {mode:o} {path}",
                Repair(text=f"chmod {mode:o} {path}", act=partial(_narrow, path, mode)),
            )


def _narrow(path: Path, mode: int) -> None:
    if not path.is_symlink():
        path.chmod(mode)


def socket(place: Place) -> Iterator[Row]:
    """Look at the socket of the town's own server."""
    paths, server = place.paths, place.server
    if not server.choice.embedded:
        return
    check = "socket"
    length = len(os.fsencode(paths.redis_socket))
    if server.socket is None:
        if length > LONGEST_PATH:
            yield warn(
                check,
                f"the town's path has {length - LONGEST_PATH} bytes too many for a socket, which goes elsewhere then",
                "nothing to do; a shorter path keeps it in the town",
            )
        else:
            yield ok(check, f"it will be {paths.redis_socket}")
        return
    at = server.socket
    try:
        found = at.lstat()
    except OSError:
        text = f"{at} is gone although the server runs, so nothing can reach it"
        yield bad(check, text, f"end the server and have it start again: kill {_noted_pid(paths.redis_pid)}")
        return
    if not stat.S_ISSOCK(found.st_mode):
        yield bad(check, f"{at} is no socket", f"see what it is: ls -l {at}")
    elif found.st_uid not in (os.geteuid(), 0):
        yield bad(check, f"{at} belongs to another user", f"sudo chown {os.geteuid()} {at}")
    elif stat.S_IMODE(found.st_mode) & 0o077:
        text = f"others may connect to {at} (mode {stat.S_IMODE(found.st_mode):04o})"
        yield bad(check, text, f"chmod 600 {at}", Repair(text=f"chmod 600 {at}", act=partial(_narrow, at, _FILE)))
    else:
        yield ok(check, str(at))


def _noted_pid(path: Path) -> str:
    try:
        return str(int(path.read_text()))
    except (OSError, ValueError):
        return "PID"


def town_file(place: Place) -> Iterator[Row]:
    """Look into the town's file for what should not be there. It was read before, so it is in order as such."""
    check = "town file"
    rows = [warn(check, notice, f"see {place.paths.config}") for notice in place.config.notices]
    for cli, table in place.config.agent_clis.items():
        for name, value in table.env.items():
            if _SECRET_NAME.search(name) and value:
                text = f"`[agent_clis.{cli}]` sets {name} in a file that belongs into git"
                rows.append(
                    bad(check, text, f'take it out, write `pass_env = ["{name}"]`, and set it where you run `tt spawn`')
                )
    yield from rows or [ok(check, f"`{place.config.name}` in {place.paths.root}")]


def registered(place: Place) -> Iterator[Row]:
    """See that what `tt init` does after it wrote the file was done too."""
    paths, user = place.paths, place.machine.user
    try:
        known = any(os.path.realpath(each.path) == str(paths.root) for each in registered_towns(user))
    except TinytownError:
        return  # said with the user's files
    if not known:
        add = Repair(
            text=f"note the town in {user.registry}", act=lambda: register_town(user, paths.root, place.config.name)
        )
        yield warn(
            "registry",
            "`tt towns` does not know this town, as after a `tt init` that was cut short",
            "tt doctor --fix",
            add,
        )
