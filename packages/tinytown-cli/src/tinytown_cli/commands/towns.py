"""`tt towns`: the list of this machine, with what each town looks like now. Asks running servers, starts none."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tinytown.errors import NotFoundError, UsageError

from tinytown_cli.asking import agree

if TYPE_CHECKING:
    from tinytown.config.registry import RegisteredTown
    from tinytown.services.neighbours import Neighbour

    from tinytown_cli.context import Context
    from tinytown_cli.output import Output


def towns(context: Context, *, forget: str | None, prune: bool, dry_run: bool, force: bool) -> None:
    """List the towns, or take some off the list."""
    if forget is not None and prune:
        raise UsageError(detail="`--forget` and `--prune` do not go together", hint="give one of them")
    if (dry_run or force) and not prune and forget is None:
        raise UsageError(
            detail="`--dry-run` and `--force` belong to `--prune` and `--forget`", hint="see `tt towns --help`"
        )
    if forget is not None:
        _forget(context, forget, dry_run=dry_run)
    elif prune:
        _prune(context, dry_run=dry_run, force=force)
    else:
        _list(context)


def _list(context: Context) -> None:
    from tinytown.config.paths import user_home
    from tinytown.services.neighbours import look_at_all

    found = look_at_all(user_home())

    def human(out: Output) -> None:
        if not found:
            out.note("no town has been made on this machine: tt init")
            return
        heads = ("NAME", "PATH", "SERVER", "ANSWERS", "NODE", "AGENTS", "ACTIVE")
        out.table(heads, [_row(town) for town in found])
        for town in found:
            if town.problem:
                out.note(f"{town.path}: {town.problem}")

    context.out.either(lambda: {"items": [town.as_json() for town in found], "next": None}, human)


def _row(town: Neighbour) -> tuple[Any, ...]:
    if town.state != "ok":
        return town.name, town.path, (town.state, "red"), "-", "-", "-", "-"
    answers = {True: ("yes", "green"), False: ("no", "yellow"), None: ("not asked", "dim")}[town.answers]
    return (
        town.name,
        town.path,
        town.server or "-",
        answers,
        "runs" if town.node_running else "-",
        "-" if town.agents is None else str(town.agents),
        "-" if town.agents_active is None else str(town.agents_active),
    )


def _forget(context: Context, path: str, *, dry_run: bool) -> None:
    import os

    from tinytown.config.paths import user_home
    from tinytown.config.registry import forget_town, registered_towns

    home = user_home()
    names = {path, os.path.realpath(path)} if path and "\0" not in path else set[str]()
    meant = [town for town in registered_towns(home) if town.path in names]
    if not meant:
        raise NotFoundError(kind="town", ref=path[:80], hint="`tt towns` lists the towns with their folders")
    if not dry_run:
        forget_town(home, meant[0].path)
    _say_forgotten(context, meant, dry_run=dry_run)


def _prune(context: Context, *, dry_run: bool, force: bool) -> None:
    from tinytown.config.paths import user_home
    from tinytown.config.registry import forget_town
    from tinytown.services.neighbours import vanished

    home = user_home()
    gone = vanished(home)
    if gone and not dry_run:
        agree(context.out, f"Take {len(gone)} towns off the list?", force=force)
    if not dry_run:
        for town in gone:
            forget_town(home, town.path)
    _say_forgotten(context, gone, dry_run=dry_run)


def _say_forgotten(context: Context, gone: list[RegisteredTown], *, dry_run: bool) -> None:
    def human(out: Output) -> None:
        word = "would be taken off the list" if dry_run else "taken off the list"
        for town in gone:
            out.line(f"{town.name}  {town.path}  {word}")
        if not gone:
            out.line("nothing to take off the list")

    items = [{"name": town.name, "path": town.path} for town in gone]
    context.out.either(lambda: {"items": items, "next": None, "dry_run": dry_run}, human)
