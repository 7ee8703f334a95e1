"""Land the branch of an agent in another branch: a merge commit by plumbing, which one change of a ref makes true.

No checkout is needed for it. Where the target is checked out, that checkout follows, and is looked at before.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Sequence
from pathlib import Path

import attrs

from tinytown.crash import point
from tinytown.errors import NotFoundError, RefusedError
from tinytown.node.git import GitError, Repository
from tinytown.node.workspaces.making import repository_of

SHOWN = 20


@attrs.frozen(kw_only=True)
class Landed:
    """What landing a branch did, or would do.

    Attributes:
        agent: Name of the agent.
        branch: Its branch.
        into: The branch that took it in.
        commit: The merge commit; None in a dry run and where nothing was to be done.
        state: ``landed``, ``already`` or ``would_land``.
        commits: How many commits came in.
        files: The files that changed by it.
        tasks: The tasks whose rounds made these commits.
        loose: How many files in the worktree no commit holds; they are not landed.
    """

    agent: str
    branch: str
    into: str
    commit: str | None = None
    state: str
    commits: int = 0
    files: tuple[str, ...] = ()
    tasks: tuple[str, ...] = ()
    loose: int = 0


@attrs.frozen(kw_only=True)
class Landing:
    """What is to be landed.

    Attributes:
        root: Folder of the town.
        agent: Name of the agent.
        branch: Its branch.
        into: The branch that takes it in; None for the one that is checked out in the town's folder.
        message: First part of the message of the merge commit; None for an ordinary one.
        heads: The rounds of the agent: the task of each, and the commit at its end.
        worktree: The agent's worktree.
    """

    root: Path
    agent: str
    branch: str
    into: str | None
    message: str | None
    heads: Sequence[tuple[str, str]]
    worktree: Path


async def land(wanted: Landing, *, dry_run: bool) -> Landed:
    """Land a branch. Landing it again says that it is landed.

    Raises:
        NotFoundError: One of the branches does not exist.
        RefusedError: They conflict, or files are in the way where the target is checked out; nothing was changed.
        GitError: Git cannot do it.
    """
    repository = await repository_of(wanted.root)
    into = wanted.into or await repository.branch()
    if into is None:
        raise RefusedError(
            refusal="no_target", detail="no branch is checked out in the town's folder", hint="name one with `--into`"
        )
    if into == wanted.branch:
        raise RefusedError(
            refusal="no_target", detail=f"`{into}` is the agent's own branch", hint="name another with `--into`"
        )
    old, tip = await _tip(repository, into), await _tip(repository, wanted.branch)
    plain = Landed(agent=wanted.agent, branch=wanted.branch, into=into, state="already", loose=await _loose(wanted))
    checkouts = [each.path for each in await repository.worktrees() if each.branch == into and each.path.exists()]
    if await repository.contains(old, tip):
        if not dry_run:
            for checkout in checkouts:
                await _catch_up(Repository(checkout), old, tip)
        return plain
    tree, conflicts = await repository.merged(old, tip)
    if conflicts:
        shown = ", ".join(f"`{name}`" for name in conflicts[:SHOWN])
        more = f" and {len(conflicts) - SHOWN} more" if len(conflicts) > SHOWN else ""
        raise RefusedError(
            refusal="conflict",
            detail=f"`{wanted.branch}` and `{into}` conflict in {shown}{more}; nothing was changed",
            hint=f'let the agent merge it: tt assign {wanted.agent} "merge {into} into your branch and commit"',
        )
    new = (await repository.run("rev-list", f"{old}..{tip}")).splitlines()
    tasks = tuple(dict.fromkeys(task for task, head in wanted.heads if head in set(new)))
    commit = await repository.commit_tree(tree, (old, tip), _message(wanted, into, tasks))
    point("workspace.merge_written")
    for checkout in checkouts:
        await _check_room(Repository(checkout), old, commit)
    files = tuple(await repository.files_between(old, commit))
    plain = attrs.evolve(plain, commits=len(new), files=files, tasks=tasks)
    if dry_run:
        return attrs.evolve(plain, state="would_land")
    await _move(repository, into, commit, old, wanted.agent)
    for checkout in checkouts:
        await _follow(Repository(checkout), old, commit)
    return attrs.evolve(plain, state="landed", commit=commit)


async def _tip(repository: Repository, branch: str) -> str:
    try:
        return await repository.run("rev-parse", "--verify", "-q", f"refs/heads/{branch}^{{commit}}")
    except GitError:
        raise NotFoundError(kind="branch", ref=branch, hint="`git branch --list` shows the branches") from None


async def _move(repository: Repository, into: str, commit: str, old: str, agent: str) -> None:
    """Make the merge true, unless the branch has moved meanwhile."""
    try:
        await repository.run("update-ref", "-m", f"tt: land {agent}", f"refs/heads/{into}", commit, old)
    except GitError as error:
        raise RefusedError(
            refusal="moved", detail=f"`{into}` has moved meanwhile ({error})", hint="repeat the command"
        ) from None
    point("workspace.landed")


def _message(wanted: Landing, into: str, tasks: Sequence[str]) -> str:
    first = (wanted.message or f"Land {wanted.branch} in {into}").strip()
    trailers = [f"Tinytown-Agent: {wanted.agent}", *(f"Tinytown-Task: {task}" for task in tasks)]
    return first + "\n\n" + "\n".join(trailers)


async def _loose(wanted: Landing) -> int:
    if not (wanted.worktree / ".git").exists():
        return 0
    try:
        return len((await Repository(wanted.worktree).run("status", "--porcelain=v1", "--no-renames")).splitlines())
    except GitError:
        return 0


async def _check_room(checkout: Repository, old: str, new: str) -> None:
    """Refuse where the checkout of the target holds anything that the merge would have to write over."""
    changed = await checkout.files_between(old, new)
    indexed = set((await checkout.run("ls-files", "-z", "--full-name", ":/")).split("\0"))
    strange = [name for name in changed if name not in indexed and os.path.lexists(checkout.workspace / name)]
    with contextlib.suppress(GitError):  # it only says that files differ, which the rehearsal tells better
        await checkout.run("update-index", "-q", "--refresh")
    try:
        await checkout.run("read-tree", "-n", "-m", "-u", old, new)
    except GitError as error:
        raise _in_the_way(checkout, str(error)) from None
    if strange:
        raise _in_the_way(checkout, f"`{strange[0]}` would be overwritten")


def _in_the_way(checkout: Repository, said: str) -> RefusedError:
    first = said.removeprefix("error: ").splitlines()[0]
    return RefusedError(
        refusal="checkout_dirty",
        detail=f"local changes in `{checkout.workspace}` are in the way: {first}; nothing was changed",
        hint="commit them there or move them away, then repeat the command",
    )


async def _follow(checkout: Repository, old: str, new: str) -> None:
    """Bring a checkout of the target to what it is now."""
    try:
        await checkout.run("read-tree", "-m", "-u", old, new)
    except GitError as error:
        raise RefusedError(
            refusal="checkout_behind",
            detail=f"it is landed, but the checkout in `{checkout.workspace}` could not follow: {error}",
            hint=f"see `git -C {checkout.workspace} status`, then repeat the command",
        ) from None
    point("workspace.checkout_moved")


async def _catch_up(checkout: Repository, landed: str, tip: str) -> None:
    """Bring a checkout along that a landing which was killed has left as it was before it."""
    try:
        first, second = (await checkout.run("rev-parse", f"{landed}^1", f"{landed}^2")).splitlines()
        stands = await checkout.run("write-tree")
        before, now = (await checkout.run("rev-parse", f"{first}^{{tree}}", f"{landed}^{{tree}}")).splitlines()
    except (GitError, ValueError):
        return
    if second == tip and stands == before != now:
        await _follow(checkout, first, landed)
