"""A server that an agent CLI fetches and builds. What it leaves is trusted no more than anything from outside."""

from __future__ import annotations

import stat
from collections.abc import Mapping
from pathlib import Path

import attrs

from tinytown.config.agent_clis import AgentCliConfig
from tinytown.domain.ids import IdKind, new_id
from tinytown.errors import AgentCliError
from tinytown.hookspecs.values import AgentSpec, RoundSpec, Stdin
from tinytown.node.environment import NEVER, capture, fits
from tinytown.plugins.adapters import Adapter
from tinytown.services.bootstrap.children import run_logged
from tinytown.services.bootstrap.model import Candidate, Say, Wanted, last_lines, refused

_AGENT_SECS = 3600.0

_PROMPT = """\
# Build a {Kind} server

Build {Kind} {version} from its source, for this machine, and put the finished programs into this folder:

    {out}

1. Find the source archive of {asked} on the project's own release page, and the SHA-256 that the project gives for it.
2. Download it into the working directory and compare its SHA-256. Stop if it differs.
3. Unpack it and build it with `make`.
4. Copy `src/{kind}-server` to `{out}/{kind}-server`, `src/{kind}-cli` to `{out}/{kind}-cli`, and the text of its
   licence to `{out}/LICENSE`. Copy them, do not link them.
5. Run `{out}/{kind}-server --version` and end by saying the version and the address that the source came from.

Work in the working directory only. Install nothing, start no server, and change nothing else on this machine. If a
compiler or `make` is missing, say so and stop.
"""


@attrs.frozen
class AgentCli:
    """An agent CLI that is to do it.

    Attributes:
        wanted: What was asked for.
        cli: Its name.
        adapter: What drives it.
        own: Its table, for a command line of the user's own.
        env: The caller's environment.
        log: Where its output goes.
    """

    wanted: Wanted
    cli: str
    adapter: Adapter
    own: AgentCliConfig | None
    env: Mapping[str, str]
    log: Path

    @property
    def kind(self) -> str:
        """Which server it is to build."""
        return self.wanted.kind or "valkey"

    @property
    def shown(self) -> str:
        """The agent CLI."""
        return f"agent CLI {self.cli}"

    def known_version(self) -> str | None:
        """Nobody knows what it will find."""
        return None

    def matches(self, record: Mapping[str, object]) -> bool:
        """Any server of that kind that an agent built before will do, if the version fits."""
        name, version = record.get("kind"), record.get("version")
        same = record.get("way") == self.wanted.way.value and name == self.kind
        return same and isinstance(version, str) and self.wanted.fits(version)

    def fetch(self, work: Path, say: Say) -> Candidate:
        """Run it with a prompt file and take what it left."""
        out = work / "out"
        out.mkdir(mode=0o700)
        place = work / "agent"
        place.mkdir(mode=0o700)
        prompt = work / "prompt.md"
        asked = f"version {self.wanted.version}" if self.wanted.version else "the newest stable version"
        text = _PROMPT.format(
            Kind=self.kind.capitalize(),
            kind=self.kind,
            version=self.wanted.version or "in its newest stable version",
            asked=asked,
            out=out,
        )
        prompt.write_text(text, encoding="utf-8")
        self._run(prompt, place, work, say)
        server = out / f"{self.kind}-server"
        if not _is_plain_program(server):
            raise refused(
                "build_failed",
                f"{self.shown} left no program {self.kind}-server: {last_lines(self.log)}",
                f"see {self.log}, or build it with `tt bootstrap --source ARCHIVE`",
            )
        others = tuple(path for path in (out / f"{self.kind}-cli",) if _is_plain_program(path))
        licence = out / "LICENSE"
        plain = licence.is_file() and not licence.is_symlink()
        return Candidate(server=server, kind=self.kind, others=others, licence=licence if plain else None)

    def _run(self, prompt: Path, place: Path, work: Path, say: Say) -> None:
        options = {} if self.own is None else attrs.asdict(self.own, recurse=False)
        agent = AgentSpec(id=new_id(IdKind.AGENT), name="bootstrap", cli=self.cli, options=options)
        pass_env = self.own.pass_env if self.own is not None else ()
        given = capture(self.env, adapter_names=self.adapter.info.env_vars, pass_env=pass_env)
        spec = RoundSpec(
            id=new_id(IdKind.ROUND),
            prompt_path=prompt,
            prompt_bytes=prompt.stat().st_size,
            workspace=place,
            round_dir=work,
            env_names=frozenset(given),
        )
        self.adapter.prepare(agent, spec)
        command = self.adapter.command(agent, spec)
        env = given | {name: value for name, value in command.env.items() if not fits(name, NEVER)}
        say(f"{self.shown} is at work in {place}; its output is in {self.log}")
        try:
            code = run_logged(
                command.argv,
                cwd=place,
                env=env,
                log=self.log,
                say=say,
                seconds=_AGENT_SECS,
                stdin=prompt if command.stdin is Stdin.PROMPT else None,
            )
        except OSError as error:
            hint = self.adapter.info.install_hint
            raise AgentCliError(
                cli=self.cli,
                detail=f"`{command.argv[0]}` cannot be started: {(error.strerror or str(error)).lower()}",
                hint=f"install it with `{hint}`" if hint else "`tt adapters doctor` checks the agent CLIs",
            ) from error
        ended = "took too long and was ended" if code is None else f"ended with {code}"
        say(f"{self.shown} {ended}")  # the exit code of an agent CLI says little; what it left is looked at


def agent(
    wanted: Wanted, env: Mapping[str, str], log: Path, default: str, own: Mapping[str, AgentCliConfig]
) -> AgentCli:
    """Prepare having an agent CLI build it.

    Args:
        wanted: What was asked for.
        env: Environment.
        log: Where its output goes.
        default: Agent CLI when none was named.
        own: Command lines of the user's own.

    Raises:
        PluginNotFoundError: No such adapter.
    """
    cli = wanted.cli or default
    return AgentCli(wanted, cli, Adapter.for_cli(cli, own), own.get(cli), env, log)


def _is_plain_program(path: Path) -> bool:
    try:
        found = path.lstat()
    except OSError:
        return False
    return stat.S_ISREG(found.st_mode) and bool(found.st_mode & stat.S_IXUSR)
