"""Writing what people also edit: comments and order stay, and a file that would not load again is never written."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tinytown.config.files import MAX_FILE_BYTES, locked, read_bytes, read_text, write_shared
from tinytown.crash import point
from tinytown.domain.ids import looks_like_id
from tinytown.domain.names import RESERVED, agent_name
from tinytown.errors import ConfigError, InvalidValueError

if TYPE_CHECKING:
    from tomlkit import TOMLDocument

Check = Callable[[str, str], object]
"""Reads the text of a file under a path and raises ConfigError when it is wrong."""

Fit = Callable[[Mapping[str, Any], tuple[str, ...], object], tuple[tuple[str, ...], object]]
"""Gets the tables of a file, the parts of a key and its value; gives the key and value to write."""

_IGNORED = frozenset({b".tt", b".tt/", b"/.tt", b"/.tt/", b".tt/*", b".tt/**", b"/.tt/*", b"/.tt/**", b"**/.tt/"})


def town_name_from(text: str) -> str:
    """Make a valid town name of a folder's name or any other text.

    Args:
        text: For example ``My Project (2)``.

    Returns:
        For example ``my-project-2``; never reserved, never like an id.
    """
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    name = re.sub(r"[^a-z0-9_]+", "-", plain).strip("-_")[:63].strip("-_")
    if not name:
        return "town"
    if name in RESERVED or looks_like_id(name):
        name = f"town-{name}"[:63]
    return name


def render_town_file(
    name: str,
    *,
    default_cli: str | None = None,
    conductor_cli: str | None = None,
    max_agents: int | None = None,
    redis_url: str | None = None,
    gates: Mapping[str, str] | None = None,
) -> str:
    """Give the text of a new `tinytown.toml`: what was chosen, and the rest as examples.

    Args:
        name: Name of the town.
        default_cli: Agent CLI for new agents; left to the user's file when None.
        conductor_cli: Agent CLI of the conductor.
        max_agents: Rounds at a time.
        redis_url: Server, without a password; None for the embedded one.
        gates: Commands that must pass, by name.

    Raises:
        ConfigError: A value is not allowed, a password in the URL among them.
    """
    from tinytown.config.town import DEFAULT_CLI, parse_town

    chosen_cli = f"default_cli = {_text(default_cli)}" if default_cli else f'# default_cli = "{DEFAULT_CLI}"'
    lines = [
        "# A town of Tinytown. This file belongs into git; what is written at run time lies in `.tt/`.",
        f"name = {_text(name)}",
        f"{chosen_cli:<34} # the agent CLI of `tt spawn` without `--cli`",
        *([f"conductor_cli = {_text(conductor_cli)}"] if conductor_cli else []),
        f"max_agents = {max_agents}"
        if max_agents is not None
        else "# max_agents = 10                  # rounds at a time",
        "",
    ]
    if redis_url:
        lines += [
            "[redis]",
            "# The password lies in `~/.tt/credentials.toml`, never here.",
            f"url = {_text(redis_url)}",
        ]
    else:
        lines += [
            "# Without this table the town runs its own small server in `.tt/`.",
            "# [redis]",
            '# url = "rediss://cache.example:6380/0"   # no password here; see `~/.tt/credentials.toml`',
        ]
    lines += ["", "# What must exit with 0 before a task counts as completed."]
    if gates:
        lines += ["[gates]", *(f"{_key(gate)} = {_text(command)}" for gate, command in gates.items())]
    else:
        lines += ["# [gates]", '# test = "pytest -q"']
    lines += [
        "",
        "# [agent]",
        "# round_timeout_secs = 3600",
        "",
        "# [budget]",
        "# max_cost_usd = 20.0",
        "",
        "# [agent_clis.mini]                   # any command line as an agent CLI",
        '# command = "python3 agents/mini.py"',
        '# prompt = "stdin"                    # stdin, argv, or file with {prompt_file} in the command',
    ]
    text = "\n".join(lines) + "\n"
    parse_town(text, "tinytown.toml")
    return text


def set_value(
    path: Path,
    key: str | tuple[str, ...],
    value: object,
    *,
    check: Check | None = None,
    fit: Fit | None = None,
    new: int = 0o644,
) -> bool:
    """Set one key of a TOML file and keep comments and order.

    Args:
        path: The file; made when missing.
        key: Dotted path of the key, as in ``agent.round_timeout_secs``, or its parts.
        value: What to set: text, number, truth, list or table of texts. None takes the key out.
        check: Reads the new text first; what it refuses is not written. Left out: the rules of `tinytown.toml`.
        fit: Says, by what the file holds then, where and in which form the value goes.
        new: The mode of a file that is not there yet.

    Returns:
        Whether the file was changed.

    Raises:
        ConfigError: The file cannot be read or written, or the new text would be wrong; nothing was changed.
        InvalidValueError: The key is not one.
    """
    import tomlkit

    from tinytown.config.town import parse_toml, parse_town

    parts = _parts(key) if isinstance(key, str) else key
    with locked(path.parent):
        before = read_text(path) or ""
        document = parse_document(before, str(path))
        wanted = parse_toml(before, str(path))
        if fit is not None:
            parts, value = fit(wanted, parts, value)
        if not _put(wanted, parts, value, dict):
            return False
        _put(document, parts, value, lambda: tomlkit.table(is_super_table=True))
        text = tomlkit.dumps(document)
        (check or parse_town)(text, str(path))
        if parse_toml(text, str(path)) != wanted or len(text.encode()) > MAX_FILE_BYTES:
            raise ConfigError(path=str(path), detail="cannot be changed by a program", hint="edit it by hand")
        write_shared(path, text.encode(), new=new)
        point("verb.setting_written")
        return True


def _put(document: Any, parts: tuple[str, ...], value: object, table: Callable[[], Any]) -> bool:
    """Change one key of a document, or of the plain tables that it should read as. Says whether anything changes."""
    *above, last = parts
    here = document
    for part in above:
        if part not in here:
            if value is None:
                return False
            here[part] = table()
        here = here[part]
        if not hasattr(here, "keys"):
            raise InvalidValueError(
                what=f"`{'.'.join(parts)}`", detail="is not a key of this file", hint="see `tt config`"
            )
    if value is None:
        return here.pop(last, None) is not None
    if last in here and type(here[last]) is type(value) and here[last] == value:
        return False
    here[last] = _item(value, ".".join(parts)) if hasattr(document, "as_string") else value
    return True


def parse_document(text: str, path: str) -> TOMLDocument:
    """Read TOML for changing it, with the errors of the ordinary reader."""
    import tomlkit

    from tinytown.config.town import parse_toml

    parse_toml(text, path)
    try:
        return tomlkit.parse(text)
    except (ValueError, RecursionError):
        raise ConfigError(path=path, detail="cannot be changed by a program", hint="edit it by hand") from None


def add_to_gitignore(root: Path) -> bool:
    """Have git leave `.tt/` out.

    Args:
        root: Folder of the town.

    Returns:
        Whether the file was changed; it is not when a line does it already.

    Raises:
        ConfigError: `.gitignore` cannot be read or written.
    """
    path = root / ".gitignore"
    with locked(root):
        data = read_bytes(path) or b""
        if any(line.strip() in _IGNORED for line in data.splitlines()):
            return False
        newline = b"\r\n" if b"\r\n" in data else b"\n"
        if data and not data.endswith((b"\n", b"\r")):
            data += newline
        write_shared(path, data + b".tt/" + newline)
        point("verb.git_told")
    return True


def check_town_name(name: str) -> str:
    """Check a name that was typed for a town and fold its case; the hint offers the nearest valid one."""
    try:
        return agent_name(name, what="town name")
    except InvalidValueError as error:
        near = town_name_from(name)
        raise InvalidValueError(what=error.what, detail=error.detail, hint=f"for example `{near}`") from None


def _parts(key: str) -> tuple[str, ...]:
    parts = tuple(key.split("."))
    if not all(parts) or any(not each.isprintable() for each in parts):
        raise InvalidValueError(
            what=f"`{key[:60]}`", detail="is not a key", hint="for example `agent.idle_timeout_secs`"
        )
    return parts


def _item(value: object, key: str) -> Any:
    import tomlkit

    try:
        item = tomlkit.item(value)
        item.as_string().encode()
    except ValueError:  # of both: no TOML for such a value, no UTF-8 for such a text
        raise InvalidValueError(what=f"`{key}`", detail="cannot hold such a value", hint="see `tt config`") from None
    return item


def _text(value: str) -> str:
    import tomlkit

    return tomlkit.string(value).as_string()


def _key(value: str) -> str:
    return value if re.fullmatch(r"[A-Za-z0-9_-]+", value) else _text(value)
