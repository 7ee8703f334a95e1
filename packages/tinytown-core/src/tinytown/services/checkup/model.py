"""What checks give, and what they are given."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import StrEnum
from pathlib import Path

import attrs

from tinytown.config.paths import TownPaths, UserPaths
from tinytown.config.server_source import ServerChoice
from tinytown.config.town import TownConfig
from tinytown.config.user import UserConfig
from tinytown.domain.clock import Clock
from tinytown.storage.redis.examine import ServerFacts
from tinytown.storage.redis.storage import RedisStorage


class Level(StrEnum):
    """How it stands."""

    OK = "ok"
    WARN = "warn"
    "It works, and a person should know."
    BAD = "bad"
    "Something does not work, or will lose work."
    UNKNOWN = "unknown"
    "It cannot be told now."


@attrs.frozen(kw_only=True)
class Repair:
    """A change that is safe: it loses nothing, and done twice it equals once.

    Attributes:
        text: What it does.
        act: Does it; raises TinytownError or OSError.
    """

    text: str
    act: Callable[[], object]


@attrs.frozen(kw_only=True)
class Row:
    """What a check found.

    Attributes:
        check: What was looked at; the same word in every run.
        level: How it stands.
        text: One sentence.
        remedy: What to do, a command where there is one; always there when the level is warn or bad.
        repair: How `--fix` does it, where that is safe.
    """

    check: str
    level: Level
    text: str
    remedy: str | None = None
    repair: Repair | None = None


def ok(check: str, text: str) -> Row:
    """Make a row of something that is well."""
    return Row(check=check, level=Level.OK, text=text)


def warn(check: str, text: str, remedy: str, repair: Repair | None = None) -> Row:
    """Make a row of something that a person should know."""
    return Row(check=check, level=Level.WARN, text=text, remedy=remedy, repair=repair)


def bad(check: str, text: str, remedy: str, repair: Repair | None = None) -> Row:
    """Make a row of something that is wrong."""
    return Row(check=check, level=Level.BAD, text=text, remedy=remedy, repair=repair)


def unknown(check: str, text: str, remedy: str | None = None) -> Row:
    """Make a row of something that cannot be told now."""
    return Row(check=check, level=Level.UNKNOWN, text=text, remedy=remedy)


@attrs.frozen(kw_only=True)
class Machine:
    """What checks know that need no town.

    Attributes:
        env: Environment.
        user: The user's folder.
        scratch: An empty folder that is deleted afterwards, for what wants to remember something.
        tt: The `tt` that runs now, absolute.
        clock: This machine's clock.
    """

    env: Mapping[str, str]
    user: UserPaths
    scratch: UserPaths
    tt: Path
    clock: Clock


@attrs.frozen(kw_only=True)
class Server:
    """The server of the town, as far as it can be reached without starting it.

    Attributes:
        choice: Which it is, and why.
        running: Whether it answers; None for the town's own when it does not run, which is no fault.
        storage: Where to ask further, when it answers.
        facts: What it says of itself, when it answers.
        trouble: Why it does not answer, with a remedy.
        socket: Where the town's own listens.
    """

    choice: ServerChoice
    running: bool | None
    storage: RedisStorage | None = None
    facts: ServerFacts | None = None
    trouble: tuple[str, str] | None = None
    socket: Path | None = None


@attrs.frozen(kw_only=True)
class Place:
    """What checks of a town know.

    Attributes:
        machine: The machine.
        paths: Files of the town.
        config: Its settings.
        settings: The user's settings.
        server: Its server.
        service: File of the user service that would start its node.
    """

    machine: Machine
    paths: TownPaths
    config: TownConfig
    settings: UserConfig
    server: Server
    service: Path | None = None
