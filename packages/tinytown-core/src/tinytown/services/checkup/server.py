"""The server: which one and why, its program, whether it answers, and whether it keeps what it accepts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from tinytown.config.paths import TownPaths
from tinytown.config.server_source import choose_server, describe
from tinytown.config.town import TownConfig
from tinytown.errors import StorageRefusedError, TinytownError
from tinytown.node.control import node_runs
from tinytown.services.checkup.model import Machine, Place, Row, Server, bad, ok, unknown, warn
from tinytown.services.servers import MEMORY_URL, open_storage
from tinytown.storage.embedded.binary import NAMED, ServerBinary, candidates, examine_binary
from tinytown.storage.embedded.instance import read_instance
from tinytown.storage.embedded.server import EmbeddedServer, status
from tinytown.storage.embedded.sockets import Answer
from tinytown.storage.embedded.start import last_words
from tinytown.storage.redis.examine import examine_server, interrupted
from tinytown.storage.redis.storage import RedisStorage

_KEEPS = "persistence"
_FULL = 0.9


def find_server(paths: TownPaths, config: TownConfig, machine: Machine) -> Server:
    """Reach the town's server without starting it.

    Raises:
        TinytownError: It cannot be told which server it is.
    """
    choice = choose_server(paths, config, node_alive=lambda: node_runs(paths), env=machine.env, user_paths=machine.user)
    if choice.url == MEMORY_URL:
        return Server(choice=choice, running=None)
    if not choice.embedded:
        return _ask(paths, config, machine, Server(choice=choice, running=False), choice.url)
    found = status(paths)
    if not found.running:
        return Server(choice=choice, running=None)
    server = Server(choice=choice, running=False, socket=found.socket)
    instance = read_instance(paths)
    if found.answer is Answer.READY and found.socket is not None and instance is not None:
        return _ask(paths, config, machine, server, EmbeddedServer(found.socket, found.pid, instance).url)
    word = (
        "it is still reading its data"
        if found.answer is Answer.LOADING
        else f"it runs, but does not answer ({last_words(paths.redis_log)})"
    )
    return Server(
        choice=choice,
        running=False,
        socket=found.socket,
        trouble=(word, f"see {paths.redis_log}; then `tt stop` and `tt start`"),
    )


def _ask(paths: TownPaths, config: TownConfig, machine: Machine, so_far: Server, url: str) -> Server:
    choice = so_far.choice
    try:
        storage = open_storage(paths, config.name, choice, url)
    except TinytownError as error:
        return Server(choice=choice, running=False, socket=so_far.socket, trouble=_trouble(error))
    if not isinstance(storage, RedisStorage):  # of a plugin, which has a doctor of its own or none
        storage.close()
        return Server(choice=choice, running=None)
    try:
        facts = examine_server(storage, machine.clock)
    except TinytownError as error:
        storage.close()
        return Server(choice=choice, running=False, socket=so_far.socket, trouble=_trouble(error))
    return Server(choice=choice, running=True, storage=storage, facts=facts, socket=so_far.socket)


def _trouble(error: TinytownError) -> tuple[str, str]:
    text = f"it answers, but {error.detail}" if isinstance(error, StorageRefusedError) else error.message
    return text, error.hint or "see whether the server runs and the address is right: `tt config redis`"


def programs(machine: Machine) -> Iterator[Row]:
    """Look at each program that could serve, in the order in which they are tried."""
    check = "server program"
    used = False
    for path, source in candidates(machine.env, machine.user):
        found = examine_binary(path, source, machine.scratch)
        if isinstance(found, ServerBinary):
            if not used:
                yield ok(check, f"{found.kind} {found.version} from {found.source}: {found.path}")
            used = True
        elif source == NAMED:
            yield bad(check, f"{NAMED}: {found}", f"unset {NAMED}, or correct it")
            return
        elif source == str(machine.user.bin):
            yield warn(check, f"{found}, so it is passed over", "tt bootstrap --force")
        elif not used:
            yield warn(
                check, f"{found}, so it is passed over", "nothing to do while a newer one is there: `tt bootstrap`"
            )
    if not used:
        yield bad(check, "no program to run a town's own server with", "tt bootstrap, or pip install tinytown")


def answers(place: Place) -> Iterator[Row]:
    """Say which server it is and whether it answers."""
    server = place.server
    yield ok("server source", describe(server.choice))
    if server.facts is not None:
        facts = server.facts
        yield ok("server", f"{facts.kind} {facts.version} answers in {facts.took_ms:.2f} ms")
    elif server.trouble is not None:
        yield bad("server", *server.trouble)
    elif server.choice.embedded:
        yield ok("server", "it does not run; the next command that needs it starts it")
    else:
        yield unknown("server", "it is a storage of its own kind, which is not looked into")


def whole(place: Place) -> Iterator[Row]:
    """Look whether all of the town is there."""
    storage = place.server.storage
    if storage is not None and (what := interrupted(storage, place.config.name)) is not None:
        text = f"a {what} of this town was interrupted, so only a part of it is there, and no command opens it"
        yield bad("interrupted", text, f"run `tt {what}` again; it begins anew and completes")


def persistence(place: Place) -> Iterator[Row]:
    """Look whether the server keeps what it accepted, and takes more."""
    facts = place.server.facts
    if facts is None:
        if place.server.choice.embedded and place.server.running is None:
            yield _fsync(place.config.redis.fsync, embedded=True)
        return
    info = facts.info
    yield from _state(info)
    if facts.settings is None:
        yield from _by_info(info)
        return
    settings = facts.settings
    if settings.get("appendonly") == "yes":
        yield _fsync(settings.get("appendfsync", ""), embedded=place.server.choice.embedded)
    elif settings.get("save"):
        text = f"the server keeps snapshots only (save {settings['save']}): a crash loses what came after the last one"
        yield bad(_KEEPS, text, "on the server: CONFIG SET appendonly yes, then CONFIG REWRITE")
    else:
        text = "the server keeps nothing: all is lost when it ends"
        yield bad(_KEEPS, text, "on the server: CONFIG SET appendonly yes, then CONFIG REWRITE")
    policy = settings.get("maxmemory-policy", "noeviction")
    if policy != "noeviction":
        text = f"the server may throw keys away when its memory is full (maxmemory-policy {policy})"
        yield bad("eviction", text, "on the server: CONFIG SET maxmemory-policy noeviction")
    else:
        yield ok("eviction", "the server throws nothing away (noeviction)")


def _state(info: Mapping[str, str]) -> Iterator[Row]:
    failed = [
        what
        for what, field in (
            ("the last write of its append-only file", "aof_last_write_status"),
            ("the last rewrite of its append-only file", "aof_last_bgrewrite_status"),
            ("its last snapshot", "rdb_last_bgsave_status"),
        )
        if info.get(field, "ok") != "ok"
    ]
    if failed:
        text = f"{' and '.join(failed)} failed; the server may refuse every change (MISCONF)"
        yield bad(
            "server disk", text, "make room on the server's disk and see its log; then BGREWRITEAOF or BGSAVE there"
        )
    if info.get("loading", "0") != "0":
        yield warn("server", "it is still loading its data", "wait a moment")
    if info.get("role", "master") != "master":
        text = "it is a replica, which takes no changes"
        yield bad("server role", text, "name the primary, or use redis+sentinel://HOST/NAME")
    limit, used = (int(info.get(field, "0") or 0) for field in ("maxmemory", "used_memory"))
    if limit and used > limit * _FULL:
        text = f"its memory is nearly full ({used >> 20} of {limit >> 20} MiB); it will refuse changes"
        yield bad("server memory", text, "raise `maxmemory` on the server, or remove data that it does not need")


def _by_info(info: Mapping[str, str]) -> Iterator[Row]:
    """Tell what can be told without the right to read settings."""
    if info.get("aof_enabled") == "1":
        yield unknown(_KEEPS, "the append-only file is on; its fsync setting may not be read by this user")
    else:
        yield bad(_KEEPS, "the append-only file is off", "have whoever runs the server set `appendonly yes`")


def _fsync(fsync: str, *, embedded: bool) -> Row:
    if fsync == "always":
        return ok(_KEEPS, "every change is on disk before it is answered (fsync always)")
    loss = "up to two seconds" if fsync == "everysec" else "as much as the system has not written (often 30 seconds)"
    text = f"fsync is `{fsync}`: a crash of the machine may lose {loss} of what was accepted"
    remedy = 'set `fsync = "always"` in `[redis]`' if embedded else "on the server: CONFIG SET appendfsync always"
    return warn(_KEEPS, text, remedy)
