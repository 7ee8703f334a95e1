"""Worktrees as operations of a town see them: what is asked of them is asked of git, in a loop of its own."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any, TypeVar

from tinytown.errors import InvalidValueError, RefusedError

if TYPE_CHECKING:
    from tinytown.services.context import TownContext

T = TypeVar("T")


def in_loop(work: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Run something that awaits, whether or not the caller is in a loop itself.

    Raises:
        RefusedError: Git refused, in its words.
    """
    import asyncio
    from concurrent.futures import ThreadPoolExecutor

    from tinytown.node.git import GitError

    with ThreadPoolExecutor(1) as pool:
        try:
            return pool.submit(lambda: asyncio.run(work())).result()
        except GitError as error:
            raise RefusedError(refusal="git", detail=str(error).removeprefix("fatal: ")) from error


def check_base(context: TownContext, base: str | None, *, separate: bool) -> None:
    """Refuse a worktree that cannot be made, before its agent exists.

    Args:
        context: The town.
        base: What was asked to begin at.
        separate: Whether the agent is to have a worktree at all.

    Raises:
        InvalidValueError: The base is no branch or commit, or is given for no worktree.
        RefusedError: There is no repository, or it has no commit.
    """
    from tinytown.node.git import GitError
    from tinytown.node.workspaces.making import commit_of, repository_of

    if not separate:
        raise InvalidValueError(what="base", detail="is for an agent with a worktree", hint="add `--worktree`")

    async def look() -> None:
        try:
            repository = await repository_of(context.root)
        except GitError as error:
            hint = "`git init` and commit here, or spawn it with `--no-worktree`"
            raise RefusedError(refusal="no_repository", detail=str(error), hint=hint) from None
        wanted = base or context.config.workspace.base
        if wanted is not None:
            try:
                await commit_of(repository, wanted)
            except GitError as error:
                hint = "`git branch --list` shows the branches"
                raise RefusedError(refusal="no_base", detail=str(error), hint=hint) from None

    in_loop(look)
