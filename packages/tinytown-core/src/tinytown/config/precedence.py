"""Who wins when a setting is made in several places: one order, one function.

Flags, then the environment, then the town's file, then the user's file, then the default.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from enum import StrEnum
from typing import Generic, TypeVar

import attrs

from tinytown.config.agent_clis import AgentCliConfig
from tinytown.config.town import DEFAULT_CLI, TownConfig
from tinytown.config.user import UserConfig

T = TypeVar("T")


class Layer(StrEnum):
    """Where a value came from, strongest first."""

    FLAG = "flag"
    ENVIRONMENT = "environment"
    TOWN = "town file"
    USER = "user file"
    DEFAULT = "default"


@attrs.frozen
class Setting(Generic[T]):
    """A value and where it came from."""

    value: T
    layer: Layer


def choose(
    *, default: T, flag: T | None = None, environment: T | None = None, town: T | None = None, user: T | None = None
) -> Setting[T]:
    """Give the strongest value that was given at all; None and an empty text were not."""
    layers = ((Layer.FLAG, flag), (Layer.ENVIRONMENT, environment), (Layer.TOWN, town), (Layer.USER, user))
    for layer, value in layers:
        if value is not None and value != "":
            return Setting(value, layer)
    return Setting(default, Layer.DEFAULT)


def default_cli(
    town: TownConfig, user: UserConfig, *, flag: str | None = None, env: Mapping[str, str] | None = None
) -> Setting[str]:
    """Decide the agent CLI of an agent: `--cli`, ``TINYTOWN_DEFAULT_CLI``, the files, else claude."""
    env = os.environ if env is None else env
    return choose(
        flag=flag,
        environment=env.get("TINYTOWN_DEFAULT_CLI"),
        town=town.default_cli,
        user=user.default_cli,
        default=DEFAULT_CLI,
    )


def conductor_cli(
    town: TownConfig, user: UserConfig, *, flag: str | None = None, env: Mapping[str, str] | None = None
) -> Setting[str]:
    """Decide the agent CLI of the conductor: as `default_cli` by its own keys, else what `default_cli` gives."""
    env = os.environ if env is None else env
    return choose(
        flag=flag,
        environment=env.get("TINYTOWN_CONDUCTOR_CLI"),
        town=town.conductor_cli,
        user=user.conductor_cli,
        default=default_cli(town, user, env=env).value,
    )


def agent_cli(name: str, town: TownConfig, user: UserConfig) -> AgentCliConfig | None:
    """Give the user's own command line of that name, the town's before the user's; None leaves it to the adapters."""
    return town.agent_clis.get(name) or user.agent_clis.get(name)
