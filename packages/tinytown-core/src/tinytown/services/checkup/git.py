"""Git: is it there, is the town in a repository, and does the repository leave out what is none of its business."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

from tinytown.config.write import add_to_gitignore
from tinytown.services.checkup.model import Machine, Place, Repair, Row, bad, ok, warn

OLDEST = (2, 31)
"""`rev-parse --path-format`, which snapshots use."""

_SECS = 10.0
_CHECK = "git"


def git(machine: Machine) -> Iterator[Row]:
    """Look at the program."""
    said = _git(machine, "--version")
    if said is None or said[0] != 0:
        yield bad(_CHECK, "git cannot be run", "install git: worktrees, snapshots and evidence need it")
        return
    match = re.search(r"(\d+)\.(\d+)", said[1])
    if match is None or (int(match[1]), int(match[2])) < OLDEST:
        yield bad(_CHECK, f"{said[1]} is older than {OLDEST[0]}.{OLDEST[1]}", "install a newer git")
    else:
        yield ok(_CHECK, said[1])


def repository(place: Place) -> Iterator[Row]:
    """Look at the town's repository."""
    root, machine = place.paths.root, place.machine
    inside = _git(machine, "rev-parse", "--is-inside-work-tree", cwd=root)
    if inside is None:
        return
    if inside[1] != "true":
        if "dubious ownership" in inside[2]:
            yield bad(
                "repository",
                "git refuses the folder, whose owner is another user",
                f"git config --global --add safe.directory {root}",
            )
        else:
            text = "the town is in no git repository, so it has no worktrees, no snapshots and no evidence of commits"
            yield warn("repository", text, f"git -C {root} init")
        yield from _ignored(place, inside=False)
        return
    head = _git(machine, "rev-parse", "--verify", "-q", "HEAD", cwd=root)
    if head is not None and head[0] == 0:
        yield ok("repository", f"the town is in a git repository, at {head[1][:12]}")
    else:
        text = "the repository has no commit, so there is nothing to make worktrees from"
        yield warn("repository", text, f"git -C {root} commit --allow-empty -m start")
    name, mail = (_git(machine, "config", key, cwd=root) for key in ("user.name", "user.email"))
    given = machine.env.keys() >= {"GIT_AUTHOR_NAME", "GIT_AUTHOR_EMAIL", "GIT_COMMITTER_NAME", "GIT_COMMITTER_EMAIL"}
    if given or (name and mail and name[1] and mail[1]):
        yield ok("git identity", "agents can commit")
    else:
        text = "git knows no name and address to commit with, so commits of agents fail"
        yield warn(
            "git identity", text, 'git config --global user.name "YOU"; git config --global user.email "YOU@HOST"'
        )
    yield from _ignored(place, inside=True)


def _ignored(place: Place, *, inside: bool) -> Iterator[Row]:
    root, machine = place.paths.root, place.machine
    add = Repair(text=f"add `.tt/` to {place.paths.gitignore}", act=lambda: add_to_gitignore(root))
    remedy = f"echo .tt/ >> {place.paths.gitignore}"
    if not inside:
        if not place.paths.gitignore.exists():
            yield warn("gitignore", "`.tt/` would get into git once this is a repository", remedy, add)
        return
    ignored = _git(machine, "check-ignore", "-q", "--no-index", ".tt/instance", cwd=root)
    tracked = _git(machine, "ls-files", "--", ".tt", cwd=root)
    if ignored is not None and ignored[0] == 1:
        yield bad("gitignore", "git does not leave out `.tt/`, which holds run-time files and secrets", remedy, add)
    if tracked is not None and tracked[1]:
        first = tracked[1].splitlines()
        text = f"git tracks {len(first)} files below `.tt/`, such as `{first[0]}`; they may hold secrets"
        yield bad(
            "gitignore", text, f"git -C {root} rm -r --cached .tt, commit, and change the passwords that were in it"
        )
    elif ignored is not None and ignored[0] == 0:
        yield ok("gitignore", "git leaves out `.tt/`")


def _git(machine: Machine, *words: str, cwd: Path | None = None) -> tuple[int, str, str] | None:
    """Run git and give its code and words; None when it cannot be run."""
    env = {
        name: value
        for name, value in machine.env.items()
        if name in ("PATH", "HOME", "XDG_CONFIG_HOME", "GIT_CONFIG_GLOBAL")
    }
    env |= {"LC_ALL": "C", "GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0"}
    env.setdefault("PATH", os.defpath)
    try:
        done = subprocess.run(
            ["git", *words],
            cwd=cwd,
            env=env,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_SECS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.returncode, done.stdout.strip(), done.stderr.strip()
