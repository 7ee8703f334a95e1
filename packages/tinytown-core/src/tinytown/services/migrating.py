"""`migrate`: brings a town of the Rust program into this one. Reads there, writes here, and can be repeated."""

from __future__ import annotations

import os
import time
from typing import Any

import attrs

from tinytown.config.credentials import find_credential
from tinytown.config.files import private_dir, read_text, write_private
from tinytown.config.paths import user_home
from tinytown.config.precedence import default_cli
from tinytown.config.registry import register_town
from tinytown.config.rust_keys import for_rust
from tinytown.config.server_source import choose_server
from tinytown.config.town import REFERENCE_SOCKET, parse_toml
from tinytown.config.urls import split_url
from tinytown.config.user import load_user
from tinytown.errors import InvalidValueError, NotFoundError, RefusedError, TinytownError
from tinytown.services.context import TownContext
from tinytown.services.ended_agents import all_agents
from tinytown.services.migration_plan import Entry, Here, Plan, make_plan
from tinytown.services.quiet import demand_quiet
from tinytown.services.steps import Steps, ask, local
from tinytown.storage.calls import imports
from tinytown.storage.redis.rust_fetch import Source, fetch, names_there
from tinytown.storage.redis.rust_town import OldTown, Skipped, read_town


@attrs.frozen(kw_only=True)
class Migrated:
    """What was brought over, or would be.

    Attributes:
        town: Name of the old town.
        url: Where it lies, without a secret.
        dry_run: Nothing was done; the rest says what would be.
        new: What was not here before.
        there: What had been brought over before and stays as it is now.
        skipped: What is not brought over, or not whole.
        notes: What a person should know.
    """

    town: str
    url: str
    dry_run: bool
    new: tuple[Entry, ...]
    there: tuple[Entry, ...]
    skipped: tuple[Skipped, ...]
    notes: tuple[str, ...]


def migrate(
    context: TownContext,
    *,
    town: str | None = None,
    url: str | None = None,
    dry_run: bool = False,
    force: bool = False,
    legacy: bool = False,
) -> Steps[Migrated]:
    """Bring a town of the Rust program into this one. No node may run: nobody begins work on half a town.

    The old keys are only read. Whatever was brought over before stays as it is now, so it can be run again: after it
    was cut off, or when the old town has gone on.

    Args:
        context: This town.
        town: Name of the old town; by default that of this town's file.
        url: Its server; by default the one that this town's file names, if the Rust program wrote that.
        dry_run: Only say what would be done.
        force: Go on although agents of the old town may still be running.
        legacy: Bring the keys of before towns had names too. They name no town, so say it for one town only.

    Returns:
        What was done, in order.

    Raises:
        NotFoundError: There is no such town.
        RefusedError: Agents of it may still be running, or a node works in this one.
        StorageUnavailableError: Its server does not answer.
        InvalidValueError: The address is none.
    """
    if context.in_round:
        raise RefusedError(detail="a round may not migrate a town", refusal="people_only", hint="ask a person to do it")
    source, name = yield from local(lambda: _source(context, url, town))
    old: OldTown = yield from local(lambda: read_town(fetch(source, name), name, legacy=legacy))
    if old.empty:
        there = yield from local(lambda: names_there(source))
        hint = f"towns there: {', '.join(there[:8])}" if there else "name its server with `--url`"
        if old.nameless:
            hint += f"; `--legacy` brings the {old.nameless} keys there of before towns had names"
        raise NotFoundError(kind="town of the Rust program", ref=name, hint=hint)
    if dry_run:
        return (yield from _carry_out(context, source, name, old, dry_run=True, force=force))
    lock = yield from demand_quiet(context)
    try:
        return (yield from _carry_out(context, source, name, old, dry_run=False, force=force))
    finally:
        os.close(lock)


def _carry_out(
    context: TownContext, source: Source, name: str, old: OldTown, *, dry_run: bool, force: bool
) -> Steps[Migrated]:
    plan = make_plan(old, (yield from _here(context)))
    _check_alive(plan, dry_run=dry_run, force=force)
    known = yield from _known(context, plan)
    new = tuple(entry for entry in plan.entries if entry.id not in known)
    if not dry_run:
        for entry in new:
            yield from _bring(context, entry)
        yield from local(lambda: _register(context))
    return Migrated(
        town=name,
        url=source.url,
        dry_run=dry_run,
        new=new,
        there=tuple(entry for entry in plan.entries if entry.id in known),
        skipped=tuple(plan.skipped),
        notes=tuple(plan.notes),
    )


def _check_alive(plan: Plan, *, dry_run: bool, force: bool) -> None:
    if not plan.alive:
        return
    shown = ", ".join(f"`{name[:40]}`" for name in plan.alive[:5])
    if not dry_run and not force:
        raise RefusedError(
            detail=f"agents of the old town may still be running: {shown}",
            refusal="old_town_alive",
            hint="stop them there with `tt stop` of the old program, or say `--force`",
        )
    plan.notes.append(f"agents of the old town may still be running: {shown}; what they do later takes another run")


def _bring(context: TownContext, entry: Entry) -> Steps[None]:
    if entry.call is not None:
        yield from ask(entry.call)
        return

    def write() -> None:
        path = context.paths.dot / entry.id
        private_dir(path.parent)
        write_private(path, (entry.document or "").encode("utf-8", "replace"))

    yield from local(write)


def _register(context: TownContext) -> None:
    """Note the town for `tt towns`: who comes with a file of the Rust program has never said `tt init` here."""
    try:
        register_town(user_home(context.env), context.root, context.name)
    except TinytownError as error:
        context.notices.append(f"the town was brought over, but {error}")


def _known(context: TownContext, plan: Plan) -> Steps[set[str]]:
    """Say which entries are here already."""
    found: set[str] = set()
    ids = [entry.id for entry in plan.entries if entry.call is not None]
    for start in range(0, len(ids), imports.MAX_IDS):
        found |= set((yield from ask(imports.known(ids[start : start + imports.MAX_IDS]))))

    def same(entry: Entry) -> bool:
        path = context.paths.dot / entry.id
        return path.is_file() and path.read_bytes() == (entry.document or "").encode("utf-8", "replace")

    files = [entry for entry in plan.entries if entry.call is None]
    here = yield from local(lambda: {entry.id for entry in files if same(entry)})
    return found | here


def _here(context: TownContext) -> Steps[Here]:
    known = yield from all_agents()
    user = yield from local(lambda: load_user(user_home(context.env)))
    return Here(
        names={
            **{agent.name: agent.id for agent in known},
            **{agent.nickname: agent.id for agent in known if agent.nickname},
        },
        node=context.node_control.node_identity(context.paths),
        default_cli=default_cli(context.config, user, env=context.env).value,
        clis={name: cli.command for name, cli in {**user.agent_clis, **context.config.agent_clis}.items()},
        now=time.time_ns() // 1_000_000,
    )


def _source(context: TownContext, url: str | None, town: str | None) -> tuple[Source, str]:
    """Find the old town: what was named, else what a file of the Rust program says."""
    path = context.paths.config
    raw = parse_toml(read_text(path) or "", str(path))
    if town is not None and (not town or not town.isprintable()):
        raise InvalidValueError(what="`--from`", detail="is no name of a town", hint="give the name it had there")
    name = town or str(raw.get("name") or context.name)
    if url is None:
        return _from_file(context, raw), name
    parts = split_url(url, what="`--url`")
    return _with_secret(context, Source(url=parts.url, username=parts.username, password=parts.password)), name


def _from_file(context: TownContext, raw: dict[str, Any]) -> Source:
    if not for_rust(raw):
        raise InvalidValueError(
            what="`--url`",
            detail="is needed, because this town's file was not written by the Rust program",
            hint="for example `tt migrate --url redis://127.0.0.1:16379 --from NAME`",
        )
    redis = context.config.redis
    if redis.use_socket is not False and not redis.url:
        socket = context.root / (redis.socket_path or REFERENCE_SOCKET)
        if not socket.exists():
            raise NotFoundError(
                kind="socket of the old server",
                ref=str(socket),
                hint="start it as the Rust program did: `redis-server --port 0 --unixsocket "
                f"{redis.socket_path or REFERENCE_SOCKET}` in {context.root}",
            )
        return Source(url=f"unix://{socket}")
    choice = choose_server(
        context.paths, context.config, node_alive=lambda: False, env={}, user_paths=user_home(context.env)
    )
    return _with_secret(
        context,
        Source(url=choice.url, username=choice.username, password=choice.password, tls_ca_cert=choice.tls_ca_cert),
    )


def _with_secret(context: TownContext, source: Source) -> Source:
    """Add the password that is kept for the server, where none was given."""
    if source.password:
        return source
    if password := context.env.get("TINYTOWN_REDIS_PASSWORD"):
        return attrs.evolve(source, password=password)
    if "://" in source.url and (kept := find_credential(user_home(context.env), source.url)):
        return attrs.evolve(source, password=kept.password, username=kept.username or source.username)
    return source
