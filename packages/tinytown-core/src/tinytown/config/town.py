"""The settings of a town: what `tinytown.toml` may hold, and reading it.

Annotations here are read at run time, so they must not be postponed.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import attrs

from tinytown.config.agent_clis import AgentCliConfig, read_agent_cli, read_agent_clis
from tinytown.config.files import read_text
from tinytown.config.rust_keys import for_rust
from tinytown.config.schema import Place, internal, kind, option, read_table, read_value
from tinytown.domain.names import agent_name, plain_name
from tinytown.errors import ConfigError, InvalidValueError, NoTownError

if TYPE_CHECKING:
    from tinytown.config.townhall import TownhallConfig
    from tinytown.domain.records import Gate

DEFAULT_CLI = "claude"
REFERENCE_SOCKET = ".tt/redis.sock"


_NO_BRANCH = re.compile(r"^[-/]|(^|/)\.|\.\.|//|@\{|\.lock/|\./|[\s~^:?*\[\\\x7f]")
"""What `git check-ref-format` refuses in the beginning of a branch's name, and what could be an option."""


def _read_name(value: object, place: Place) -> str:
    text = cast("str", read_value(str, value, place))
    try:
        return agent_name(text, what="town name")
    except InvalidValueError as error:
        raise place.error(error.detail, error.hint) from None


def _read_cli(value: object, place: Place) -> str | None:
    """Read the name of an agent CLI; an empty text counts as left out."""
    return cast("str", read_value(str, value, place)).strip() or None


def _read_base(value: object, place: Place) -> str | None:
    """Read the name of a branch or commit, which must not be taken for an option of git."""
    text = cast("str", read_value(str, value, place)).strip()
    if text.startswith("-"):
        raise place.error("must not begin with `-`", "write the name of a branch")
    return text or None


def _read_branch_prefix(value: object, place: Place) -> str:
    """Read what stands in front of a branch, by the rules of git; an empty one is none."""
    text = cast("str", read_value(str, value, place))
    if _NO_BRANCH.search(text) or not text.isprintable():
        raise place.error(
            "cannot begin the name of a branch", 'for example `"tt/"`; git allows no `..`, spaces or `~^:?*[`'
        )
    return text


def _read_setup(value: object, place: Place) -> str | None:
    """Read a command; an empty one counts as left out."""
    return cast("str", read_value(str, value, place)).strip() or None


def _read_copy(value: object, place: Place) -> tuple[str, ...]:
    """Read paths that stay below the town's folder."""
    paths = cast("tuple[str, ...]", read_value(tuple[str, ...], value, place))
    for path in paths:
        parts = path.split("/")
        if not path.strip() or path.startswith(("/", "~")) or {"..", ".git", ".tt"} & set(parts):
            hint = 'for example `[".env", "config/*.local"]`'
            raise place.error("must be paths below the town's folder, without `..`, `.git` and `.tt`", hint)
    return paths


def _read_url(value: object, place: Place) -> str | None:
    from tinytown.config.urls import has_secret, split_url

    text = cast("str", read_value(str, value, place)).strip()
    if not text:
        return None
    if has_secret(text):
        raise place.error(
            "holds a user name or password, and this file is meant for git",
            "take it out of the URL; put it into `~/.tt/credentials.toml` or TINYTOWN_REDIS_PASSWORD",
        )
    try:
        return split_url(text).url
    except InvalidValueError as error:
        raise place.error("is not the URL of a server", error.hint) from None


def _read_password(_value: object, place: Place) -> None:
    raise place.error(
        "must not stand here, because this file is meant for git",
        "put it into `~/.tt/credentials.toml` or TINYTOWN_REDIS_PASSWORD",
    )


def _read_gates(value: object, place: Place) -> "tuple[Gate, ...]":
    from tinytown.domain.records import Gate

    if not isinstance(value, dict):
        raise place.error(f"must be a table, not {kind(value)}", 'write `[gates]` and below it `test = "command"`')
    gates: list[Gate] = []
    for key, entry in cast("dict[str, Any]", value).items():
        inner = place.child(key)
        try:
            name = plain_name(key, what="gate name")
        except InvalidValueError as error:
            raise inner.error(error.detail, error.hint) from None
        gate = read_table(GateConfig, {"command": entry} if isinstance(entry, str) else entry, inner)
        if not gate.command.strip():
            raise inner.error("has an empty command", "write the command that must exit with 0")
        gates.append(Gate(name=name, command=gate.command, timeout_secs=gate.timeout_secs))
    return tuple(gates)


def _read_townhall(value: object, place: Place) -> "TownhallConfig":
    from tinytown.config.townhall import read_townhall

    return read_townhall(value, place)


@attrs.frozen(kw_only=True, eq=False)
class GateConfig:
    """One entry of `[gates]` in its long form."""

    command: str
    timeout_secs: int = option(1800, low=1)


@attrs.frozen(kw_only=True, eq=False)
class RedisConfig:
    """Which server, `[redis]`. Without the table the town has its own embedded server.

    Attributes:
        url: Server as a URL without a password.
        username: User on the server; the password is kept elsewhere.
        use_socket: True means the embedded server, whatever `socket_path` says; False means host and port.
        socket_path: Socket of a server that somebody else runs, relative to the town.
        host: Host of a server that somebody else runs.
        port: Its port.
        tls_enabled: Whether host and port speak TLS.
        tls_ca_cert: Certificates to trust, a path relative to the town.
        tls_cert: Certificate that we show.
        tls_key: Its key.
        fsync: When the embedded server writes to the disk: at each change, or each second (faster; a crash of the
            machine loses up to two seconds).
        server_idle_secs: An embedded server that nobody uses ends after this long; 0 never.
        password: Only from a file of the Rust program.
    """

    url: str | None = option(None, parse=_read_url)
    username: str | None = None
    use_socket: bool | None = None
    socket_path: str | None = None
    host: str | None = None
    port: int | None = option(None, low=1, high=65535)
    tls_enabled: bool = False
    tls_ca_cert: str | None = None
    tls_cert: str | None = None
    tls_key: str | None = None
    fsync: str = option("always", choices=("always", "everysec"))
    server_idle_secs: int = option(3600)
    password: str | None = option(None, parse=_read_password, secret=True)


@attrs.frozen(kw_only=True, eq=False)
class AgentConfig:
    """How rounds are run, `[agent]`. Times are in seconds; 0 means no limit where 0 is allowed."""

    round_timeout_secs: int = option(3600, low=1)
    stall_timeout_secs: int = option(900, low=0)
    close_grace_secs: int = option(60, low=0)
    max_rounds_per_task: int = option(10, low=1)
    idle_timeout_secs: int = option(0, low=0)
    mail_bytes: int = option(96 * 1024, low=1024)
    taskless_rounds_per_hour: int = option(20, low=1)
    max_hops: int = option(5, low=1)


@attrs.frozen(kw_only=True, eq=False)
class BudgetConfig:
    """What the town may spend, `[budget]`; None means no limit."""

    max_cost_usd: float | None = option(None, low=0)
    max_tokens: int | None = option(None, low=0)

    @property
    def max_micros(self) -> int | None:
        """The limit of money in millionths of a dollar."""
        return None if self.max_cost_usd is None else round(self.max_cost_usd * 1_000_000)


@attrs.frozen(kw_only=True, eq=False)
class EventsConfig:
    """How much history is kept, `[events]`."""

    max_events: int = option(100_000, low=1000)


@attrs.frozen(kw_only=True, eq=False)
class LogsConfig:
    """How much of the rounds' output is kept, `[logs]`; 0 days or bytes means no limit."""

    max_log_bytes: int = option(50 * 1024 * 1024, low=64 * 1024)
    keep_days: int = option(14, low=0)
    keep_bytes: int = option(2 * 1024**3, low=0)


@attrs.frozen(kw_only=True, eq=False)
class WorkspaceConfig:
    """Where rounds work, `[workspace]`.

    Attributes:
        isolation: The town's folder for all, or a git worktree for each agent.
        base: Branch or commit that a new worktree begins at; what the town's folder has checked out when left out.
        branch_prefix: In front of the branch of an agent.
        copy: Files that git ignores but a worktree needs, such as ``.env``; paths or patterns below the town's folder.
        setup: Command that makes a new worktree usable, for ``/bin/sh -c``.
        setup_timeout_secs: It is ended after so long.
        port_block: So many ports belong to each worktree; 0 for none.
        port_base: The first port of the first block.
        trash_days: A worktree in the trash that only git-ignored files keep there may go after so many days.
    """

    isolation: str = option("shared", choices=("shared", "worktree"))
    base: str | None = option(None, parse=_read_base)
    branch_prefix: str = option("tt/", parse=_read_branch_prefix)
    copy: tuple[str, ...] = option((), parse=_read_copy)
    setup: str | None = option(None, parse=_read_setup)
    setup_timeout_secs: float = option(600.0, low=1)
    port_block: int = option(0, high=1000)
    port_base: int = option(20_000, low=1024, high=65_535)
    trash_days: int = option(14, low=0)


@attrs.frozen(kw_only=True, eq=False)
class TownConfig:
    """All of `tinytown.toml`.

    Attributes:
        name: Name of the town, in lower case.
        default_cli: Agent CLI of a spawn that names none; None leaves it to the user's file.
        conductor_cli: Agent CLI of the conductor; None leaves it to the user's file, then to the default.
        fallback_clis: Agent CLIs to go on with while an account is parked.
        max_agents: Rounds that one node runs at a time.
        auto_claim: Whether idle agents take matching work from the backlog.
        scheduler: Plugin that says who does what.
        keep: Programs that outlive the round that started them, such as ``gradle``.
        redis: The server.
        agent: How rounds are run.
        agent_clis: Command lines of the user's own as agent CLIs, by name.
        gates: What must hold before a task is completed, in the order of the file.
        budget: Limits of spending.
        townhall: None when the file has no such table.
        events: How much history is kept.
        workspace: Where rounds work.
        logs: How much output is kept.
        rust: Whether the file was written for the Rust program.
        notices: Sentences about the file that a person should see.
    """

    name: str = option(parse=_read_name)
    default_cli: str | None = option(None, parse=_read_cli)
    conductor_cli: str | None = option(None, parse=_read_cli)
    fallback_clis: tuple[str, ...] = ()
    max_agents: int = option(10, low=1, high=10_000)
    auto_claim: bool = True
    scheduler: str = "roles"
    keep: tuple[str, ...] = ()
    redis: RedisConfig = attrs.Factory(RedisConfig)
    agent: AgentConfig = attrs.Factory(AgentConfig)
    agent_clis: Mapping[str, AgentCliConfig] = option(attrs.Factory(dict), parse=read_agent_clis)
    gates: "tuple[Gate, ...]" = option((), parse=_read_gates)  # noqa: RUF009 - a field of attrs
    budget: BudgetConfig = attrs.Factory(BudgetConfig)
    townhall: "TownhallConfig | None" = option(None, parse=_read_townhall)  # noqa: RUF009
    events: EventsConfig = attrs.Factory(EventsConfig)
    workspace: WorkspaceConfig = attrs.Factory(WorkspaceConfig)
    logs: LogsConfig = attrs.Factory(LogsConfig)
    rust: bool = internal(default=False)
    notices: tuple[str, ...] = internal(())


def load_town(path: Path) -> TownConfig:
    """Read the settings of a town.

    Args:
        path: The file `tinytown.toml`.

    Raises:
        NoTownError: There is no such file.
        ConfigError: It cannot be read, or holds something that it must not; one sentence and a hint.
    """
    text = read_text(path)
    if text is None:
        raise NoTownError(path=str(path.parent), detail=f"`{path}` does not exist")
    return parse_town(text, str(path))


def parse_town(text: str, path: str) -> TownConfig:
    """Check the text of a `tinytown.toml`, as `load_town` does. ``path`` is for errors alone."""
    raw = parse_toml(text, path)
    place = Place(path)
    if not for_rust(raw):
        return read_table(TownConfig, raw, place)
    from tinytown.config.rust import adapt

    adapted = adapt(raw)
    shell = {name: adapted.table["agent_clis"].pop(name) for name in adapted.shell}
    config = read_table(TownConfig, adapted.table, place)
    clis = dict(config.agent_clis)
    for name, entry in shell.items():
        clis[name] = read_agent_cli(entry, place.child("agent_clis").child(name), through_sh=True)
    return attrs.evolve(
        config,
        agent_clis=clis,
        redis=attrs.evolve(config.redis, password=adapted.password),
        rust=True,
        notices=adapted.notices,
    )


def parse_toml(text: str, path: str) -> dict[str, Any]:
    """Read TOML; whatever is wrong with it becomes one sentence with the line."""
    import tomli

    try:
        return tomli.loads(text)
    except tomli.TOMLDecodeError as error:
        detail = str(error) if "\0" not in text else "it holds a NUL character"
        raise ConfigError(path=path, detail=f"is not valid TOML: {_lower(detail)}") from None
    except (RecursionError, ValueError):
        raise ConfigError(path=path, detail="is not valid TOML: nested too deeply, or a number too long") from None


def _lower(text: str) -> str:
    return text[:1].lower() + text[1:]
