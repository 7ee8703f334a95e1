"""The conductor's conversation: what an agent CLI is told and given to be the one that a person talks to."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

import attrs

from tinytown.config.agent_clis import AgentCliConfig
from tinytown.config.files import private_dir, write_private
from tinytown.config.paths import user_home
from tinytown.config.precedence import agent_cli, conductor_cli
from tinytown.config.user import load_user
from tinytown.domain.ids import CONDUCTOR_ID
from tinytown.errors import AgentCliError, RefusedError
from tinytown.hookspecs.values import AgentSpec, Capability, Command
from tinytown.node.context import find_tt
from tinytown.plugins.adapters import Adapter
from tinytown.services import checks
from tinytown.services.briefing import write_brief
from tinytown.services.context import TownContext
from tinytown.services.conversation import NAME, environment, leave_variables
from tinytown.services.steps import Steps, local


@attrs.frozen(kw_only=True)
class Conversation:
    """An interactive conductor that can be started.

    Attributes:
        cli: Its agent CLI.
        argv: The words of the command, program first and found.
        env: Its whole environment.
        cwd: Where it works: the town's folder.
        file: What it is told, mode 0600.
    """

    cli: str
    argv: tuple[str, ...]
    env: Mapping[str, str] = attrs.field(repr=False)
    cwd: Path
    file: Path


def conductor_brief(context: TownContext) -> Steps[str]:
    """Write what a conductor is told when its conversation begins: the state of the town and the handbook."""
    _only_outside(context, also_in_conversation=True)
    return (yield from write_brief(context, find_tt()))


def prepare_conductor(context: TownContext, *, cli: str | None = None, model: str | None = None) -> Steps[Conversation]:
    """Make ready what a person's terminal needs to become the conductor's conversation; starts nothing.

    What the conductor is told is put into a private file of the town, whose absolute path the adapter hands to its CLI.

    Args:
        context: The town.
        cli: Its agent CLI; by default ``conductor_cli`` of the settings.
        model: Model that the CLI shall use.

    Raises:
        AgentCliError: The agent CLI is not installed, or cannot be a conductor.
        PluginNotFoundError: No adapter of that name is installed.
        RefusedError: A round asks, or the conductor itself does.
    """
    _only_outside(context)
    asked, wanted = checks.line(cli, what="agent CLI"), checks.line(model, what="model")
    name, command = yield from local(lambda: _command(context, asked, wanted))
    text = yield from write_brief(context, find_tt())
    yield from local(lambda: _leave(context, text))
    return Conversation(
        cli=name,
        argv=command.argv,
        env=environment(context.paths, context.env, command.env, find_tt()),
        cwd=context.root,
        file=context.paths.conductor_prompt,
    )


def _only_outside(context: TownContext, *, also_in_conversation: bool = False) -> None:
    if context.in_round:
        raise RefusedError(
            refusal="in_round",
            detail="an agent cannot be the conductor",
            hint='ask the conductor with `tt send conductor "…" --query`',
        )
    if context.actor.by == NAME and not also_in_conversation:
        raise RefusedError(
            refusal="in_conversation",
            detail="this is the conductor's conversation already",
            hint="`tt conductor --print` shows anew what it was told",
        )


def _command(context: TownContext, asked: str | None, model: str | None) -> tuple[str, Command]:
    """Decide the agent CLI and ask its adapter for the words; better refused here than by an empty terminal."""
    user = load_user(user_home(context.env))
    name = conductor_cli(context.config, user, flag=asked, env=context.env).value
    own = agent_cli(name, context.config, user)
    adapter = Adapter.load(name) if own is None else Adapter.load("command")
    options = {} if own is None else attrs.asdict(own, recurse=False)
    agent = AgentSpec(id=CONDUCTOR_ID, name=NAME, role=NAME, cli=name, model=model, options=options)
    command = adapter.conductor_command(agent, context.paths.conductor_prompt)
    if command is None or not adapter.can(Capability.CONDUCTOR):
        raise AgentCliError(cli=name, detail="it cannot be started as the conductor", hint=_another(name, own))
    return name, attrs.evolve(command, argv=(_program(context, name, adapter, own, command), *command.argv[1:]))


def _another(name: str, own: AgentCliConfig | None) -> str:
    if own is not None:
        return f'add `conductor = "COMMAND {{prompt_file}}"` to `[agent_clis.{name}]`, or name another with `--cli`'
    return "name another one with `--cli`, or set `conductor_cli`"


def _program(context: TownContext, name: str, adapter: Adapter, own: AgentCliConfig | None, command: Command) -> str:
    """Find the program; a CLI that is signed out may start, because it can sign in at a terminal."""
    program = command.argv[0]
    found = shutil.which(program, path=command.env.get("PATH") or context.env.get("PATH"))
    found = found or shutil.which(str(context.root / program))
    if own is None:
        for finding in adapter.diagnose(context.env):
            if finding.ok is False and finding.what != "signed_in":
                hint = finding.hint or f"`tt adapters doctor {name}` says more"
                raise AgentCliError(cli=name, detail=finding.text, hint=hint)
            if finding.ok is False:
                context.notices.append(f"{name}: {finding.text}")
    if found is None:
        hint = adapter.info.install_hint if own is None else f"correct `conductor` in `[agent_clis.{name}]`"
        raise AgentCliError(cli=name, detail=f"`{program}` is not a program that can be run", hint=hint)
    return os.path.abspath(found)  # noqa: PTH100 - a link that names the program must stay


def _leave(context: TownContext, text: str) -> None:
    """Put on disk what the conversation reads."""
    private_dir(context.paths.prompts)
    write_private(context.paths.conductor_prompt, text.encode())
    leave_variables(context.paths, context.env)
