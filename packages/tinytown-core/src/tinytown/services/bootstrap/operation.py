"""`tt bootstrap` from the wish to the finished program: plan, fetch, prove, put in place."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import attrs

from tinytown.config.agent_clis import AgentCliConfig
from tinytown.config.paths import TownPaths, UserPaths, user_home
from tinytown.errors import ServerStartError
from tinytown.services.bootstrap.model import KINDS, Ask, Candidate, Origin, Say, Wanted, Way, digest, refused
from tinytown.services.bootstrap.place import Shelf
from tinytown.services.bootstrap.proof import prove
from tinytown.storage.embedded.binary import ServerBinary, examine_binary, find_binary

LOG = "build.log"


@attrs.frozen(kw_only=True)
class Bootstrapped:
    """What `tt bootstrap` did, or would do.

    Attributes:
        state: ``installed``, ``unchanged`` (it was there), or ``planned`` of a dry run.
        kind: ``valkey`` or ``redis``; None where only the build tells.
        version: Its version; None where only the build tells.
        path: Where it lies; None where only the build tells.
        origin: Where it comes from.
        sha256: Digest of the program; None before there is one.
        archive_sha256: Digest of the archive that it was built from, where there was one.
        replaces: What lies there and is replaced, in words; None for nothing.
        used: The program that towns start from now on; None when none can be found.
    """

    state: str
    kind: str | None
    version: str | None
    path: str | None
    origin: str
    sha256: str | None = None
    archive_sha256: str | None = None
    replaces: str | None = None
    used: str | None = None


@attrs.frozen(kw_only=True)
class Bootstrap:
    """One run of `tt bootstrap`.

    Attributes:
        wanted: What was asked for.
        env: Environment.
        town: What ``--town`` said; the agent CLIs of that town may be used.
        say: Tells what is being done.
        ask: Asks a person; None without a terminal.
    """

    wanted: Wanted
    env: Mapping[str, str]
    town: str | None = None
    say: Say
    ask: Ask | None = None

    def run(self, *, dry_run: bool = False) -> Bootstrapped:
        """Do it, or with ``dry_run`` say what would be done.

        Raises:
            RefusedError: It cannot be had, was not proved, or a person has to agree first; nothing in place changed.
            ConfigError: The user's folder cannot be written to.
        """
        user = user_home(self.env)
        shelf = Shelf(user)
        origin = self._origin(user)
        if (there := self._there(origin, shelf, user)) is not None:
            return there
        kind = self._known_kind()
        self._may_replace(shelf, kind)
        if dry_run:
            return self._planned(origin, shelf, kind)
        if self.wanted.way is Way.AGENT:
            self._agree(
                f"{origin.shown} will run with all its permissions to download and build a server. Go on?",
                "an agent CLI is to download and build a program that then runs on this machine",
            )
        try:
            with shelf.workshop() as work:
                there = self._there(origin, shelf, user)  # another one may have been at work until now
                return there or self._install(origin, shelf, user, work)
        except OSError as error:
            raise refused(
                "not_possible",
                f"{error.filename or user.bootstrap}: {(error.strerror or str(error)).lower()}",
                "make room on the disk and see who owns the folder; nothing was put in place",
            ) from error

    def _install(self, origin: Origin, shelf: Shelf, user: UserPaths, work: Path) -> Bootstrapped:
        candidate = origin.fetch(work, self.say)
        if self._known_kind() is None:  # else it was agreed to before anything was fetched
            self._may_replace(shelf, candidate.kind)
        sha256 = digest(candidate.server)
        self.say(f"sha256 of {candidate.server.name}: {sha256}")
        if self.wanted.way is Way.AGENT:
            self._agree("Start this program, and put it in place if it works?", "nobody vouches for this program")
        self.say("proving it: start, write, stop, start, read")
        proven = prove(candidate.server)
        self._look_at(proven, candidate)
        replaces = self._replaced(shelf, candidate.kind)
        record = {
            "way": self.wanted.way.value,
            "origin": origin.shown,
            "kind": candidate.kind,
            "version": proven.version,
            "sha256": sha256,
            "archive_sha256": candidate.archive_sha256,
        }
        shelf.put(candidate, record)
        return self._told("installed", record, shelf, user, replaces)

    def _origin(self, user: UserPaths) -> Origin:
        log = user.bootstrap / LOG
        if self.wanted.way is Way.WHEEL:
            from tinytown.services.bootstrap.wheel import wheel

            return wheel(self.wanted)
        if self.wanted.way is Way.SOURCE:
            from tinytown.services.bootstrap.source import source

            return source(self.wanted, self.env, log)
        from tinytown.services.bootstrap.agent import agent

        default, own = self._agent_clis(user)
        return agent(self.wanted, self.env, log, default, own)

    def _agent_clis(self, user: UserPaths) -> tuple[str, Mapping[str, AgentCliConfig]]:
        """Give the default agent CLI and the user's own command lines, those of the town first where there is one."""
        from tinytown.config.discover import find_town
        from tinytown.config.precedence import default_cli
        from tinytown.config.town import TownConfig, load_town
        from tinytown.config.user import load_user
        from tinytown.errors import NoTownError

        settings = load_user(user)
        try:
            town = load_town(TownPaths(find_town(self.town, self.env)).config)
        except NoTownError:
            if self.town is not None:
                raise
            town = TownConfig(name="none")
        return default_cli(town, settings, env=self.env).value, {**settings.agent_clis, **town.agent_clis}

    def _known_kind(self) -> str | None:
        if self.wanted.way is Way.SOURCE:
            return self.wanted.kind
        return self.wanted.kind or "valkey"

    def _there(self, origin: Origin, shelf: Shelf, user: UserPaths) -> Bootstrapped | None:
        """Give the server that is there already and came from the same place, unless it is to be made anew."""
        if self.wanted.force:
            return None
        for kind in (self.wanted.kind,) if self.wanted.kind else KINDS:
            record = shelf.record(kind)
            if not record or not origin.matches(record) or not self.wanted.fits(str(record.get("version"))):
                continue
            if isinstance(examine_binary(shelf.program(kind), "", user), ServerBinary):
                return self._told("unchanged", record, shelf, user, None)
        return None

    def _may_replace(self, shelf: Shelf, kind: str | None) -> None:
        """Have a person agree before anything goes that `tt bootstrap` did not put there."""
        if kind is not None and shelf.is_taken(kind):
            path = shelf.program(kind)
            self._agree(f"`{path}` was put there by somebody else. Replace it?", f"`{path}` was put there by others")

    def _agree(self, question: str, reason: str) -> None:
        if self.wanted.force:
            return
        if self.ask is None:
            raise refused(
                "needs_force", f"{reason}, and nobody can be asked", "repeat it with --force if that is right"
            )
        if not self.ask(question):
            raise refused("not_agreed", "you did not agree", "nothing was put in place")

    def _look_at(self, proven: ServerBinary, candidate: Candidate) -> None:
        if proven.kind.lower() != candidate.kind:
            raise refused(
                "not_a_server",
                f"the program is called {candidate.kind}-server and says that it is {proven.kind}",
                "get another build",
            )
        if not self.wanted.fits(proven.version):
            raise refused(
                "version_unavailable",
                f"the server is {proven.kind} {proven.version}, not {self.wanted.version}",
                "name the version that it has, or another source",
            )

    def _replaced(self, shelf: Shelf, kind: str) -> str | None:
        if not os.path.lexists(shelf.program(kind)):
            return None
        record = shelf.record(kind)
        return (
            f"{record['kind']} {record['version']} from {record['origin']}" if record else "a program of somebody else"
        )

    def _planned(self, origin: Origin, shelf: Shelf, kind: str | None) -> Bootstrapped:
        return Bootstrapped(
            state="planned",
            kind=kind,
            version=origin.known_version() or self.wanted.version,
            path=str(shelf.program(kind)) if kind else None,
            origin=origin.shown,
            replaces=self._replaced(shelf, kind) if kind else None,
        )

    def _told(
        self, state: str, record: Mapping[str, object], shelf: Shelf, user: UserPaths, replaces: str | None
    ) -> Bootstrapped:
        archive = record.get("archive_sha256")
        return Bootstrapped(
            state=state,
            kind=str(record["kind"]),
            version=str(record["version"]),
            path=str(shelf.program(str(record["kind"]))),
            origin=str(record["origin"]),
            sha256=str(record["sha256"]),
            archive_sha256=None if archive is None else str(archive),
            replaces=replaces,
            used=_used(self.env, user),
        )


def _used(env: Mapping[str, str], user: UserPaths) -> str | None:
    try:
        return str(find_binary(env, user).path)
    except ServerStartError:
        return None
