"""The checks of `tt doctor`: each gives findings with a remedy, and none of them starts or changes anything."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from tinytown.errors import TinytownError

if TYPE_CHECKING:
    from tinytown.config.paths import TownPaths
    from tinytown.config.server_source import ServerChoice
    from tinytown.config.town import TownConfig

_LITTLE_BYTES = 1024**3
_GIT_SECS = 10


class Finding(NamedTuple):
    """What a check found.

    Attributes:
        what: What was looked at.
        ok: True, False, or None for what a person should know or what cannot be told.
        text: One sentence.
        hint: What to do.
    """

    what: str
    ok: bool | None
    text: str
    hint: str | None = None


def examine(town: str | None) -> list[Finding]:
    """Run all checks.

    Args:
        town: What ``--town`` said.
    """
    findings = [_python(), *_commands_on_path(), _git()]
    from tinytown.config.discover import find_town
    from tinytown.config.paths import TownPaths
    from tinytown.config.town import load_town

    try:
        paths = TownPaths(find_town(town))
        config = load_town(paths.config)
    except TinytownError as error:
        return [*findings, Finding("town", False, error.message, error.hint), *_binary()]
    findings.append(Finding("town", True, f"`{config.name}` in {paths.root}"))
    findings += [Finding("town file", None, notice) for notice in config.notices]
    for check in (_server, _node, _disk, _repository, _adapters):
        findings += _guarded(check, paths, config)
    return findings


def _guarded(
    check: Callable[[TownPaths, TownConfig], Iterator[Finding]], paths: TownPaths, config: TownConfig
) -> list[Finding]:
    """Run a check; what it cannot find out is a finding of its own."""
    try:
        return list(check(paths, config))
    except TinytownError as error:
        return [Finding(check.__name__.strip("_"), False, error.message, error.hint)]
    except OSError as error:
        text = f"`{error.filename}`: {(error.strerror or str(error)).lower()}"
        return [Finding(check.__name__.strip("_"), False, text, "see who owns the folder and what may be done there")]


def _python() -> Finding:
    from tinytown._version import __version__ as core

    from tinytown_cli._version import __version__ as own

    version = ".".join(map(str, sys.version_info[:3]))
    if core != own:
        return Finding("version", False, f"tt {own} runs with core {core}", "install both in the same version")
    return Finding("version", True, f"tt {own} on Python {version}")


def _commands_on_path() -> Iterator[Finding]:
    """Tell of every other program named `tt`, which a shell might run instead."""
    own = Path(sys.argv[0]).resolve()
    if own.name == "__main__.py":  # run as `python -m tinytown_cli`
        own = Path(sys.executable).parent / "tt"
    places = [Path(folder) / "tt" for folder in os.environ.get("PATH", "").split(os.pathsep) if folder]
    found = [place for place in dict.fromkeys(places) if os.access(place, os.X_OK) and place.is_file()]
    if not found:
        yield Finding("command", None, "`tt` is not on PATH", f"add {own.parent} to PATH")
        return
    first = found[0]
    if first.resolve() != own and own.name == "tt":
        yield Finding("command", False, f"`tt` in a shell is {first}, not {own}", f"put {own.parent} earlier on PATH")
    for other in found[1:]:
        if other.resolve() != first.resolve():
            yield Finding("command", None, f"there is another `tt` on PATH: {other}", "remove the one you do not use")
    if first.resolve() == own:
        yield Finding("command", True, f"`tt` is {first}")


def _git() -> Finding:
    try:
        done = subprocess.run(
            ["git", "--version"],
            capture_output=True,
            text=True,
            timeout=_GIT_SECS,
            check=False,
            stdin=subprocess.DEVNULL,
        )
    except (OSError, subprocess.TimeoutExpired):
        return Finding("git", False, "git cannot be run", "install git, for worktrees, snapshots and evidence")
    return Finding("git", True, done.stdout.strip())


def _binary() -> Iterator[Finding]:
    from tinytown.config.paths import user_home
    from tinytown.storage.embedded.binary import find_binary

    try:
        found = find_binary(os.environ, user_home())
    except TinytownError as error:
        yield Finding("server program", False, error.message, error.hint)
        return
    yield Finding("server program", True, f"{found.kind} {found.version} from {found.source}: {found.path}")


def _server(paths: TownPaths, config: TownConfig) -> Iterator[Finding]:
    from tinytown.config.server_source import choose_server, describe
    from tinytown.node.control import node_runs

    choice = choose_server(paths, config, node_alive=lambda: node_runs(paths))
    yield Finding("server", True, describe(choice))
    if choice.embedded:
        yield from _embedded(paths, config)
    else:
        yield from _reachable(paths, config, choice)


def _embedded(paths: TownPaths, config: TownConfig) -> Iterator[Finding]:
    from tinytown.storage.embedded.server import status
    from tinytown.storage.embedded.sockets import Answer

    yield from _binary()
    found = status(paths)
    if not found.running:
        yield Finding("server running", None, "it does not run; the next command starts it")
    elif found.answer is Answer.READY:
        yield Finding("server running", True, f"it runs as process {found.pid}")
    else:
        yield Finding("server running", False, "it runs, but does not answer", f"see {paths.redis_log}")
    if config.redis.fsync == "always":
        yield Finding("persistence", True, "every change is on disk before it is answered (fsync always)")
    else:
        text = f"fsync is `{config.redis.fsync}`: a crash of the machine may lose the last two seconds"
        yield Finding("persistence", None, text, 'set `fsync = "always"` in `[redis]`')


def _reachable(paths: TownPaths, config: TownConfig, choice: ServerChoice) -> Iterator[Finding]:
    from tinytown.services.servers import open_storage
    from tinytown.storage.calls import nodes

    try:
        storage = open_storage(paths, config.name, choice, choice.url)
    except TinytownError as error:
        yield Finding("server running", False, error.message, error.hint)
        return
    try:
        storage.run(nodes.listing())
    except TinytownError as error:
        yield Finding("server running", False, error.message, error.hint)
        return
    finally:
        storage.close()
    yield Finding("server running", True, f"{choice.url} answers and is new enough")
    text = "whether this server keeps what it accepted is up to its own settings"
    yield Finding("persistence", None, text, "see that it has `appendonly yes`")


def _node(paths: TownPaths, config: TownConfig) -> Iterator[Finding]:
    from tinytown.node.control import node_runs

    _ = config
    if not node_runs(paths):
        yield Finding("node", None, "none runs here (no_node)", "`tt start` starts it")
    else:
        yield Finding("node", True, "it runs")


def _disk(paths: TownPaths, config: TownConfig) -> Iterator[Finding]:
    _ = config
    free = shutil.disk_usage(paths.root).free
    text = f"{free / 1024**3:.1f} GiB are free"
    yield Finding("disk", free >= _LITTLE_BYTES, text, "make room: rounds are not started on a full disk")


def _repository(paths: TownPaths, config: TownConfig) -> Iterator[Finding]:
    _ = config
    inside = any((folder / ".git").exists() for folder in (paths.root, *paths.root.parents))
    if inside:
        yield Finding("repository", True, "the town is in a git repository")
    else:
        text = "the town is in no git repository, so it has no worktrees, snapshots and evidence of commits"
        yield Finding("repository", None, text, "`git init` here")


def _adapters(paths: TownPaths, config: TownConfig) -> Iterator[Finding]:
    from tinytown.plugins.adapters import Adapter

    _ = paths
    for cli in dict.fromkeys((config.default_cli, config.conductor_cli, *config.fallback_clis)):
        if not cli or cli in config.agent_clis:
            continue
        try:
            adapter = Adapter.load(cli)
        except TinytownError as error:
            yield Finding(f"agent CLI {cli}", False, error.message, error.hint)
            continue
        for found in adapter.diagnose(os.environ):
            yield Finding(f"agent CLI {cli}", found.ok, found.text, found.hint)
