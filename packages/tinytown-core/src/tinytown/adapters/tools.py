"""What most adapters need: look for a program and its version, read a line of JSON, fingerprint an account."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from typing import cast

from tinytown.hookspecs.values import AdapterInfo, Diagnosis

_VERSION = re.compile(r"\d+(?:\.\d+)+")
_PROBE_SECONDS = 2.0
_MOST_DOLLARS = 1e9


def fingerprint(*secrets: str) -> str | None:
    """Make a short name of an account from its key.

    Args:
        secrets: What tells one account from another: the key, the base URL.

    Returns:
        Twelve hexadecimal digits from which nothing can be read back, or None when all parts are empty.
    """
    if not any(secrets):
        return None
    return hashlib.sha256("\0".join(secrets).encode()).hexdigest()[:12]


def json_object(line: str) -> Mapping[str, object] | None:
    """Read a line as a JSON object; None when it is anything else."""
    if not line.lstrip().startswith("{"):
        return None
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return cast("Mapping[str, object]", value) if isinstance(value, dict) else None


def table(value: object) -> Mapping[str, object]:
    """Give a JSON object as it is, and an empty one for anything else."""
    return cast("Mapping[str, object]", value) if isinstance(value, Mapping) else {}


def text_of(value: object) -> str:
    """Give a text as it is, and an empty one for anything else."""
    return value if isinstance(value, str) else ""


def count_of(value: object) -> int:
    """Give a count that is not negative, and 0 for anything else."""
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else 0


def micros_of(value: object) -> int | None:
    """Give an amount of dollars in millionths, or None when it is not a number."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < _MOST_DOLLARS:
        return None
    return round(value * 1_000_000)


def words_of(value: object) -> tuple[str, ...]:
    """Give a list of words as it is, and none for anything else. For ``args`` in a table of ``[agent_clis]``."""
    if not isinstance(value, list | tuple):
        return ()
    return tuple(word for word in cast("Sequence[object]", value) if isinstance(word, str))


def probe_executable(info: AdapterInfo, env: Mapping[str, str]) -> tuple[Diagnosis, ...]:
    """Look whether the CLI is on PATH and which version it says it has.

    Args:
        info: The adapter.
        env: The environment that a round would have.

    Returns:
        A finding ``installed`` and, when it is, a finding ``version``.
    """
    path = shutil.which(info.executable, path=env.get("PATH", ""))
    if path is None:
        hint = f"install it with `{info.install_hint}`" if info.install_hint else None
        return (Diagnosis(what="installed", ok=False, text=f"`{info.executable}` is not on PATH", hint=hint),)
    found = Diagnosis(what="installed", ok=True, text=path)
    try:
        ran = subprocess.run(
            (path, "--version"),
            env=dict(env),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_PROBE_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return (found, Diagnosis(what="version", ok=None, text=f"`--version` took longer than {_PROBE_SECONDS:g} s"))
    except OSError as error:
        return (found, Diagnosis(what="version", ok=False, text=f"`{path}` cannot be started: {error.strerror}"))
    match = _VERSION.search(ran.stdout + ran.stderr)
    if ran.returncode != 0 or match is None:
        said = (ran.stderr or ran.stdout).strip().splitlines()[:1]
        return (found, Diagnosis(what="version", ok=False, text=f"`--version` failed: {''.join(said)}"))
    return (found, _judge(info, match.group()))


def _judge(info: AdapterInfo, version: str) -> Diagnosis:
    if info.min_version and _numbers(version) < _numbers(info.min_version):
        hint = f"update it with `{info.install_hint}`" if info.install_hint else None
        text = f"{version} is older than {info.min_version}, the oldest that works"
        return Diagnosis(what="version", ok=False, text=text, hint=hint)
    return Diagnosis(what="version", ok=True, text=version)


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".") if part.isdigit())
