"""A server built from a source archive with `make`."""

from __future__ import annotations

import os
import re
import shutil
import stat
import sys
from collections.abc import Mapping
from pathlib import Path

import attrs

from tinytown.node.environment import SECRET, fits
from tinytown.services.bootstrap.archive import unpack
from tinytown.services.bootstrap.children import run_logged
from tinytown.services.bootstrap.download import check_source, fetch_archive, is_url
from tinytown.services.bootstrap.model import KINDS, Candidate, Say, Wanted, digest, last_lines, refused
from tinytown.storage.embedded.binary import OLDEST_MAJOR

MOST_JOBS = 4
_BUILD_SECS = 3600.0
_VERSION_FILE = "src/version.h"
_DEFINED = r'#define\s+{}_VERSION\s+"(\d+\.\d+\.\d+)"'
_LICENCES = ("COPYING", "LICENSE.txt", "LICENSE", "LICENSE.md")
_OF_MAKE = frozenset({"MAKEFLAGS", "MFLAGS", "MAKELEVEL", "MAKEFILES"})


@attrs.frozen
class Source:
    """An archive to build from.

    Attributes:
        wanted: What was asked for.
        env: Environment; `make` gets it without what holds a secret of a town.
        log: Where the output of `make` goes.
    """

    wanted: Wanted
    env: Mapping[str, str]
    log: Path

    @property
    def _source(self) -> str:
        return self.wanted.source or ""

    @property
    def shown(self) -> str:
        """The URL, or the absolute path."""
        return self._source if is_url(self._source) else os.path.abspath(os.path.expanduser(self._source))  # noqa: PTH100, PTH111

    def known_version(self) -> str | None:
        """Only the unpacked source says."""
        return None

    def matches(self, record: Mapping[str, object]) -> bool:
        """A file is compared by its bytes; a URL by its name and the digest that was asked for."""
        kept = record.get("archive_sha256")
        if record.get("way") != self.wanted.way.value or kept is None:
            return False
        if is_url(self._source):
            return record.get("origin") == self.shown and self.wanted.sha256 in (None, kept)
        return kept == digest(Path(self.shown)) and self.wanted.sha256 in (None, kept)

    def fetch(self, work: Path, say: Say) -> Candidate:
        """Fetch, check, unpack and build it."""
        if shutil.which("make", path=self.env.get("PATH", os.defpath)) is None:
            raise refused("no_make", "`make` is not installed", "install make and a C compiler, then repeat")
        say(f"fetching {self.shown}")
        archive = work / "archive"
        found = fetch_archive(self._source, archive, self.wanted.sha256)
        compared = "as it was promised" if self.wanted.sha256 else "compare it with that of the release"
        say(f"sha256 of the archive: {found} ({compared})")
        tree = unpack(archive, work / "source")
        self._look_at_version(tree)
        self._make(tree, say)
        kind = self._built(tree)
        client = tree / "src" / f"{kind}-cli"
        return Candidate(
            server=tree / "src" / f"{kind}-server",
            kind=kind,
            others=(client,) if _is_program(client) else (),
            licence=next((tree / name for name in _LICENCES if (tree / name).is_file()), None),
            archive_sha256=found,
        )

    def _look_at_version(self, tree: Path) -> None:
        """Refuse a source of another version before minutes go into building it; the proof looks again."""
        try:
            text = (tree / _VERSION_FILE).read_text("utf-8", "replace")
        except OSError:
            return
        version = next((match[1] for kind in KINDS if (match := re.search(_DEFINED.format(kind.upper()), text))), None)
        if version is None:
            return
        if not self.wanted.fits(version):
            raise refused(
                "version_unavailable", f"the archive holds {version}, not {self.wanted.version}", "name its version"
            )
        if int(version.partition(".")[0]) < OLDEST_MAJOR:
            raise refused(
                "too_old", f"the archive holds {version}, older than 8.0", "take Valkey or Redis 8.0 or newer"
            )

    def _make(self, tree: Path, say: Say) -> None:
        cores = len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1
        jobs = min(cores, MOST_JOBS)
        say(f"building with `make -j{jobs}`; its output is in {self.log}")
        env = {name: value for name, value in self.env.items() if not fits(name, SECRET) and name not in _OF_MAKE}
        code = run_logged(["make", f"-j{jobs}"], cwd=tree, env=env, log=self.log, say=say, seconds=_BUILD_SECS)
        if code is None:
            raise refused("build_failed", f"`make` took longer than {_BUILD_SECS:g} s", f"see {self.log}")
        if code != 0:
            raise refused(
                "build_failed",
                f"`make` ended with {code}: {last_lines(self.log)}",
                f"see {self.log}; a variable such as MALLOC=libc is passed on to `make`",
            )

    def _built(self, tree: Path) -> str:
        kinds = [self.wanted.kind] if self.wanted.kind else list(KINDS)
        for kind in kinds:
            if _is_program(tree / "src" / f"{kind}-server"):
                return kind
        names = " or ".join(f"src/{kind}-server" for kind in kinds)
        raise refused("build_failed", f"`make` made no {names}", f"give a release of Valkey or Redis; see {self.log}")


def source(wanted: Wanted, env: Mapping[str, str], log: Path) -> Source:
    """Prepare building from an archive.

    Raises:
        InvalidValueError: What was named is neither a path nor a URL that may be used.
        NotFoundError: No such file.
    """
    check_source(wanted.source or "", wanted.sha256)
    return Source(wanted, env, log)


def _is_program(path: Path) -> bool:
    try:
        found = path.lstat()
    except OSError:
        return False
    return stat.S_ISREG(found.st_mode) and bool(found.st_mode & stat.S_IXUSR)
