"""All checks in their order, and carrying out repairs."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import TypeVar

from tinytown.config.discover import find_town
from tinytown.config.paths import TownPaths, UserPaths, user_home
from tinytown.config.town import load_town
from tinytown.config.user import UserConfig, load_user
from tinytown.domain.clock import Clock, SystemClock
from tinytown.errors import TinytownError
from tinytown.services.checkup import clis, files, git, machine, node, programs, server, stale, worktrees
from tinytown.services.checkup.model import Level, Machine, Place, Row, bad

_OF_MACHINE: tuple[tuple[str, Callable[[Machine], Iterable[Row]]], ...] = (
    ("python", programs.python),
    ("commands", programs.commands),
    ("git", git.git),
    ("user files", files.of_user),
)
_OF_TOWN: tuple[tuple[str, Callable[[Place], Iterable[Row]]], ...] = (
    ("town file", files.town_file),
    ("registry", files.registered),
    ("repository", git.repository),
    ("permissions", files.of_town),
    ("server", server.answers),
    ("interrupted", server.whole),
    ("persistence", server.persistence),
    ("socket", files.socket),
    ("node", node.node),
    ("service", node.service),
    ("clock", node.clock),
    ("agent CLI", clis.clis),
    ("disk", machine.disk),
    ("open files", machine.limits),
    ("round processes", machine.guarantee),
    ("stale files", stale.stale),
    ("worktrees", worktrees.worktrees),
)

T = TypeVar("T")

ServiceFile = Callable[[str], Path]
"""Gives the file of the user service of a town by its name."""


def examine(
    town: str | None,
    *,
    env: Mapping[str, str],
    tt: Path,
    service_file: ServiceFile | None = None,
    clock: Clock | None = None,
) -> list[Row]:
    """Run all checks. Starts nothing, changes nothing.

    Args:
        town: What ``--town`` said.
        env: Environment.
        tt: The `tt` that runs.
        service_file: Where a service of the town would lie.
        clock: This machine's clock; that of the system when None.

    Returns:
        What was found, in the same order each time.
    """
    with tempfile.TemporaryDirectory(prefix="tt-doctor-") as scratch:
        here = Machine(
            env=env, user=user_home(env), scratch=UserPaths(Path(scratch)), tt=tt, clock=clock or SystemClock()
        )
        rows = [row for name, check in _OF_MACHINE for row in _guarded(name, check, here)]
        try:
            paths = TownPaths(find_town(town, env))
            config = load_town(paths.config)
        except TinytownError as error:
            rows += _guarded("server program", server.programs, here)
            return [*rows, bad("town", error.message, error.hint or "correct the file")]
        with contextlib.ExitStack() as stack:
            try:
                settings = load_user(here.user)
            except TinytownError as error:
                rows.append(bad("user files", error.message, error.hint or f"correct {here.user.config}"))
                settings = UserConfig()
            try:
                found = server.find_server(paths, config, here)
            except (TinytownError, OSError) as error:
                rows += _guarded("server program", server.programs, here)
                return [*rows, _refused("server", error)]
            if found.storage is not None:
                stack.callback(found.storage.close)
            if found.choice.embedded:
                rows += _guarded("server program", server.programs, here)
            place = Place(
                machine=here,
                paths=paths,
                config=config,
                settings=settings,
                server=found,
                service=service_file(config.name) if service_file else None,
            )
            return [*rows, *(row for name, check in _OF_TOWN for row in _guarded(name, check, place))]


def repair(rows: Iterable[Row], *, dry_run: bool = False) -> Iterator[tuple[Row, str | None]]:
    """Carry out the repairs that rows carry.

    Args:
        rows: What `examine` found.
        dry_run: Carry out none, but give the same.

    Yields:
        The row, and why its repair could not be done; None when it was done, or would be.
    """
    for row in rows:
        if row.repair is None:
            continue
        trouble: str | None = None
        if not dry_run:
            try:
                row.repair.act()
            except (TinytownError, OSError) as error:
                trouble = str(error)
        yield row, trouble


def is_well(rows: Iterable[Row]) -> bool:
    """Say whether nothing is bad."""
    return all(row.level is not Level.BAD for row in rows)


def _guarded(name: str, check: Callable[[T], Iterable[Row]], where: T) -> list[Row]:
    """Run a check; what it cannot find out is a row of its own and stops no other."""
    rows: list[Row] = []
    try:
        rows.extend(check(where))
    except (TinytownError, OSError) as error:
        rows.append(_refused(name, error))
    return rows


def _refused(name: str, error: TinytownError | OSError) -> Row:
    if isinstance(error, TinytownError):
        return bad(name, error.message, error.hint or "correct that and run `tt doctor` again")
    text = f"`{error.filename}`: {(error.strerror or str(error)).lower()}"
    return bad(name, text, "see who owns the folder and what may be done there")
