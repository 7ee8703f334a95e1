"""Git as the node uses it: reads, snapshots under `refs/tinytown/`, and clean checkouts for gates.

Every call is a real `git` in the workspace, with hooks, prompts and editors switched off, so that nothing of the
repository's own configuration can stop it.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
from collections.abc import Collection
from pathlib import Path

import attrs

from tinytown.crash import point

_QUIET = {
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_EDITOR": "true",
    "LC_ALL": "C",
}
_IDENTITY = ("-c", "user.name=Tinytown", "-c", "user.email=tinytown@localhost")
_SAFE = (
    "-c",
    "core.hooksPath=/dev/null",
    "-c",
    "core.fsmonitor=false",
    "-c",
    "commit.gpgSign=false",
    "-c",
    "gc.auto=0",
)
TIMEOUT_SECS = 120.0


class GitError(Exception):
    """A git command failed; ``str`` gives its words."""


@attrs.frozen
class Worktree:
    """A work tree of a repository, and the branch that is checked out there; empty for none."""

    path: Path
    branch: str


@attrs.frozen
class Repository:
    """The repository of a workspace.

    Attributes:
        workspace: A directory inside its work tree.
    """

    workspace: Path

    @classmethod
    async def of(cls, workspace: Path) -> Repository | None:
        """Give the repository of a directory, or None where there is none (or no git)."""
        if shutil.which("git") is None:
            return None
        repository = cls(workspace)
        try:
            inside = await repository.run("rev-parse", "--is-inside-work-tree")
        except GitError:
            return None
        return repository if inside == "true" else None

    async def run(self, *words: str, env: dict[str, str] | None = None) -> str:
        """Run git and give what it printed, without the last line break.

        Raises:
            GitError: It failed or took too long.
        """
        code, out, err = await self._call(words, env or {})
        if code != 0:
            raise GitError(err.strip() or f"git {words[0]} failed")
        return out.rstrip("\n")

    async def _call(self, words: tuple[str, ...], env: dict[str, str]) -> tuple[int, str, str]:
        variables = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
        process = await asyncio.create_subprocess_exec(
            "git",
            *_SAFE,
            *words,
            cwd=self.workspace,
            env={**variables, **_QUIET, **env},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            out, err = await asyncio.wait_for(process.communicate(), TIMEOUT_SECS)
        except TimeoutError:
            process.kill()
            await process.wait()
            raise GitError(f"git {words[0]} took longer than {TIMEOUT_SECS:g} s") from None
        code = 1 if process.returncode is None else process.returncode
        return code, out.decode("utf-8", "surrogateescape"), err.decode("utf-8", "replace")

    async def head(self) -> str | None:
        """Give the commit that is checked out, or None before the first one."""
        try:
            return await self.run("rev-parse", "--verify", "-q", "HEAD")
        except GitError:
            return None

    async def branch(self) -> str | None:
        """Give the branch that is checked out, or None."""
        try:
            return await self.run("symbolic-ref", "-q", "--short", "HEAD")
        except GitError:
            return None

    async def tree(self, without: Collection[str] = ()) -> str:
        """Write the whole work tree, untracked files included, as a tree object; the index stays as it is."""
        index = await self.run("rev-parse", "--path-format=absolute", "--git-path", "index")
        top = await self.run("rev-parse", "--show-toplevel")
        with tempfile.TemporaryDirectory(prefix="tinytown-index-") as folder:
            own = Path(folder) / "index"
            if Path(index).exists():  # a copy keeps what git knows of unchanged files, so that it need not read them
                shutil.copyfile(index, own)
            env = {"GIT_INDEX_FILE": str(own)}
            dot = _dot(Path(top), self.workspace)
            # Git refuses to add anything when an excluded path is ignored as well.
            which = (".",) if await self._ignored(top, dot) else (".", f":(exclude,top){dot}")
            left_out = (f":(exclude,top,literal){path}" for path in without)
            await self.run("-C", top, "add", "-A", "--", *which, *left_out, env=env)
            return await self.run("write-tree", env=env)

    async def _ignored(self, top: str, path: str) -> bool:
        try:
            await self.run("-C", top, "check-ignore", "-q", "--no-index", path)
        except GitError:
            return False
        return True

    async def snapshot(self, ref: str, note: str, without: Collection[str] = ()) -> str | None:
        """Keep the work tree as a commit under a ref, unless it is what is checked out already.

        Args:
            ref: For example ``refs/tinytown/t-…/1``.
            note: Message of the commit.
            without: Folders to leave out, from the top; they must not be ignored.

        Returns:
            The commit; None in a repository without a commit and without files.
        """
        head = await self.head()
        tree = await self.tree(without)
        if head is not None and tree == await self.run("rev-parse", f"{head}^{{tree}}"):
            commit = head
        else:
            parents = ("-p", head) if head else ()
            commit = await self.run(*_IDENTITY, "commit-tree", tree, *parents, "-m", note)
        point("git.snapshot_written")
        await self.run("update-ref", ref, commit)
        return commit

    async def changed_since(self, before_tree: str | None, known: Collection[str] = ()) -> list[str]:
        """List the files that no commit holds, leaving out those that looked the same at ``before_tree``.

        Args:
            before_tree: How the work tree looked before; None leaves nothing out.
            known: Files that count all the same, left by an earlier round of the same task.
        """
        head = await self.head()
        now = await self.tree()
        base = head or await self.run("hash-object", "-t", "tree", "/dev/null")
        loose = await self._differences(base, now)
        if before_tree is None or not loose:
            return loose
        counted = {*known, *await self._differences(before_tree, now)}
        return [path for path in loose if path in counted]

    async def _differences(self, old: str, new: str) -> list[str]:
        listed = await self.run("diff-tree", "-r", "-z", "--name-only", "--no-renames", old, new)
        return [path for path in listed.split("\0") if path]

    async def files_between(self, old: str | None, new: str) -> list[str]:
        """List the files that differ between two commits."""
        if old is None or old == new:
            return []
        try:
            return await self._differences(old, new)
        except GitError:
            return []

    async def commit(self, paths: list[str], message: str) -> str | None:
        """Commit some files for an agent that cannot; gives the new head."""
        top = await self.run("rev-parse", "--show-toplevel")
        with tempfile.TemporaryDirectory(prefix="tinytown-paths-") as folder:
            listed = Path(folder) / "paths"  # there may be more of them than a command line holds
            listed.write_bytes(b"\0".join(os.fsencode(path) for path in paths))
            which = (f"--pathspec-from-file={listed}", "--pathspec-file-nul")
            here = ("-C", top, "--literal-pathspecs")
            await self.run(*here, "add", "-A", *which)
            await self.run(*here, *_IDENTITY, "commit", "-q", "--no-verify", "-m", message, "--only", *which)
        return await self.head()

    async def checkout(self, commit: str, folder: Path) -> None:
        """Make a clean work tree of a commit; a leftover of an earlier try is replaced."""
        await self.drop_checkout(folder)
        folder.parent.mkdir(parents=True, exist_ok=True)
        await self.run("worktree", "add", "-q", "--detach", "--force", str(folder), commit)

    async def drop_checkout(self, folder: Path) -> None:
        """Take a work tree that a gate used away; it holds no work of anybody."""
        try:
            await self.run("worktree", "remove", "--force", "--force", str(folder))
        except GitError:
            await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)
            await self.run("worktree", "prune")

    async def worktrees(self) -> list[Worktree]:
        """List the work trees of the repository, the main one first, also those whose folder is gone."""
        found: list[Worktree] = []
        for part in (await self.run("worktree", "list", "--porcelain", "-z")).split("\0\0"):
            words: dict[str, str] = {}
            for line in part.split("\0"):
                key, _, value = line.partition(" ")
                words[key] = value
            if "worktree" in words:
                found.append(Worktree(Path(words["worktree"]), words.get("branch", "").removeprefix("refs/heads/")))
        return found

    async def merged(self, ours: str, theirs: str) -> tuple[str, tuple[str, ...]]:
        """Merge two commits without a work tree.

        Returns:
            The tree, and the files in which they conflict.

        Raises:
            GitError: They cannot be merged at all, or git is too old for it.
        """
        words = ("merge-tree", "--write-tree", "-z", "--name-only", "--no-messages", ours, theirs)
        code, out, err = await self._call(words, {})
        if code not in (0, 1) or not out:
            hint = " (it takes git 2.38 or newer)" if "usage:" in err else ""
            raise GitError(
                f"git cannot merge these commits{hint}: {err.strip().splitlines()[0] if err.strip() else code}"
            )
        tree, *files = (part for part in out.split("\0") if part)
        return tree, tuple(dict.fromkeys(files))

    async def commit_tree(self, tree: str, parents: Collection[str], message: str) -> str:
        """Write a commit in the name of whoever is set up here, else in that of Tinytown."""
        words = ("commit-tree", tree, *(word for parent in parents for word in ("-p", parent)), "-m", message)
        try:
            return await self.run(*words)
        except GitError:
            return await self.run(*_IDENTITY, *words)

    async def contains(self, commit: str, other: str) -> bool:
        """Say whether all commits of another one are in a commit."""
        try:
            await self.run("merge-base", "--is-ancestor", other, commit)
        except GitError:
            return False
        return True


def _dot(top: Path, workspace: Path) -> str:
    """The folder `.tt` of a town below the top of the repository, as a path in it."""
    relative = os.path.relpath(workspace, top)
    return ".tt" if relative == "." else f"{relative}/.tt"
