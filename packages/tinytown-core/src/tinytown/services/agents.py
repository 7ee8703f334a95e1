"""Operations on agents."""

from __future__ import annotations

import shutil
from collections.abc import Callable

from tinytown.crash import point
from tinytown.domain.ids import CONDUCTOR_ID, IdKind, new_id
from tinytown.domain.records import Agent
from tinytown.domain.states import SHOWN_AGENT_STATES, AgentState, shown_agent_state
from tinytown.errors import AgentCliError, NotFoundError, StorageUnavailableError, TinytownError
from tinytown.services import checks
from tinytown.services.context import TownContext
from tinytown.services.looking import show_as
from tinytown.services.pages import matching
from tinytown.services.settling import agent_settled
from tinytown.services.spawning import SpawnNote
from tinytown.services.steps import Steps, ask, local
from tinytown.services.working import see_to_it
from tinytown.services.worktrees import check_base
from tinytown.storage.calls import agents
from tinytown.storage.calls.answers import AgentChanged, Page
from tinytown.storage.protocol import Call

ROUND_SECS = 90.0
"""How long a verb waits by default until the live round of its agent has ended."""


def spawn(
    context: TownContext,
    name: str,
    *,
    cli: str | None = None,
    role: str | None = None,
    nickname: str | None = None,
    parent: str | None = None,
    model: str | None = None,
    worktree: bool | None = None,
    base: str | None = None,
    max_rounds: int | None = None,
) -> Steps[Agent]:
    """Register an agent and see that its node runs; a stopped agent of that name begins a new life.

    Args:
        context: The town.
        name: Its name.
        cli: The agent CLI that runs it; by default that of the settings.
        role: Its role, ``worker`` by default.
        nickname: A second name.
        parent: The agent that it works for; inside a round the one that spawns it.
        model: Model that its CLI shall use.
        worktree: Whether it works in a git worktree of its own instead of the town's folder; by default as
            `[workspace]` says.
        base: Branch or commit that its worktree begins at, instead of the one of the settings.
        max_rounds: After so many rounds it stops.

    Returns:
        The agent.

    Raises:
        NameTakenError: A living agent has the name or nickname.
        AgentCliError: The agent CLI is not installed or signed out.
        PluginNotFoundError: No adapter of that name is installed.
        InvalidValueError: An argument is of the wrong form; nothing was changed.
        RefusedError: It is to have a worktree, and there can be none.
    """
    checked = checks.worker_name(name)
    nick = None if nickname is None else checks.worker_name(nickname, what="nickname")
    checked_role = None if role is None else checks.plain_name(role, what="role")
    checked_model = checks.line(model, what="model")
    rounds = checks.count(max_rounds, what="max rounds")
    above = context.actor.agent_id if parent is None else checks.ref(parent, what="parent")
    chosen = checks.line(cli, what="agent CLI")
    if parent is not None:  # refused before anything is prepared for it
        above = (yield from show_as(Agent, "agent", above or "")).id
    known = yield from _known(checked)
    free = known is None or _ended(known)  # a living one keeps its variables: the server refuses what follows
    chosen = yield from local(lambda: _ready_cli(context, chosen, ready=free))
    separate = context.config.workspace.isolation == "worktree" if worktree is None else worktree
    begins = checks.line(base, what="base")
    if separate or begins is not None:
        yield from local(lambda: check_base(context, begins, separate=separate))

    def call(agent_id: str) -> Call[AgentChanged]:
        return agents.spawn(
            agent_id,
            checked,
            cli=chosen,
            node=context.node_control.node_identity(context.paths),
            role=checked_role,
            nickname=nick,
            model=checked_model,
            parent=None if above == CONDUCTOR_ID else above,
            max_rounds=rounds,
            workspace="worktree" if separate else None,
            base=begins,
            **context.actor.fields,
        )

    asked = call("").args
    note = yield from local(lambda: SpawnNote.take(context.paths, checked, asked))
    try:
        if note.left_behind:  # who was killed may have put the agent on record since we looked, or long ago
            known = yield from _known(checked)
            free = known is None or _ended(known)
            if known is None and (yield from _known(note.left_behind)) is not None:
                note.forget()
        if known is None or not note.made(known):
            known = yield from _register(context, note, known, call, chosen, free=free)
        yield from see_to_it(context, restart=True)
        yield from local(note.close)
    finally:
        note.let_go()
    return known


def _register(
    context: TownContext,
    note: SpawnNote,
    known: Agent | None,
    call: Callable[[str], Call[AgentChanged]],
    cli: str,
    *,
    free: bool,
) -> Steps[Agent]:
    """Put an agent on record; its variables are there before, since its node may start it at once."""
    agent_id = new_id(IdKind.AGENT)
    if free:
        agent_id = yield from local(lambda: note.write(known))
        yield from local(lambda: hand_over(context, agent_id, cli))
    try:
        changed = yield from ask(call(agent_id))
    except StorageUnavailableError:
        raise  # it may have been done all the same
    except TinytownError:
        if known is None:  # an agent that does not exist leaves no keys behind
            yield from local(lambda: note.drop_variables(agent_id))
        yield from local(note.close)
        raise
    point("verb.agent_recorded")
    return changed.agent


def _known(name: str) -> Steps[Agent | None]:
    """Find an agent of the name, whose new life keeps the id."""
    try:
        return (yield from show_as(Agent, "agent", name))
    except NotFoundError:
        return None


def _ended(agent: Agent) -> bool:
    return agent.round_id is None and agent.state in {AgentState.STOPPED, AgentState.ERROR}


def _ready_cli(context: TownContext, chosen: str | None, *, ready: bool) -> str:
    """Decide the agent CLI, and refuse one that cannot run here: better now than in a round tonight.

    Args:
        context: The town.
        chosen: What the caller named.
        ready: Whether it must be able to run; not for a name that is taken, which is the thing to say then.

    Raises:
        AgentCliError: It is not installed or signed out.
        PluginNotFoundError: No adapter of that name is installed.
    """
    from tinytown.config.paths import user_home
    from tinytown.config.precedence import agent_cli, default_cli
    from tinytown.config.user import load_user
    from tinytown.plugins.adapters import Adapter

    user = load_user(user_home(context.env))
    name = default_cli(context.config, user, flag=chosen, env=context.env).value
    if not ready:
        return name
    own = agent_cli(name, context.config, user)
    if own is not None:
        program = own.argv[0]
        found = shutil.which(program, path=context.env.get("PATH")) or shutil.which(str(context.root / program))
        if found is None:
            raise AgentCliError(
                cli=name,
                detail=f"`{program}` is not a program that can be run",
                hint=f"correct `command` in `[agent_clis.{name}]`, or install the program",
            )
        return name
    for finding in Adapter.load(name).diagnose(context.env):
        if finding.ok is False:
            hint = finding.hint or f"`tt adapters doctor {name}` says more"
            raise AgentCliError(cli=name, detail=finding.text, hint=hint)
    return name


def hand_over(context: TownContext, agent_id: str, cli: str) -> None:
    """Leave the variables that the agent's CLI needs from this environment, for its node alone."""
    from tinytown.config.paths import user_home
    from tinytown.config.precedence import agent_cli
    from tinytown.config.user import load_user
    from tinytown.node.environment import capture, write_agent_env
    from tinytown.plugins.adapters import Adapter

    own = agent_cli(cli, context.config, load_user(user_home(context.env)))
    if own is not None:
        variables = capture(context.env, pass_env=own.pass_env)
    else:
        variables = capture(context.env, adapter_names=Adapter.load(cli).info.env_vars)
    write_agent_env(context.paths, agent_id, variables)
    point("verb.variables_kept")


def agents_page(
    context: TownContext,
    *,
    state: str | None = None,
    role: str | None = None,
    after: int | None = None,
    limit: int = 100,
) -> Steps[Page[Agent]]:
    """List agents by creation, one page.

    Args:
        context: The town.
        state: Only those that are shown in this state.
        role: Only those of this role.
        after: ``next`` of the page before.
        limit: How many at most; a page without ``next`` is the last.
    """
    _ = context
    shown = None if state is None else checks.word(state.lower(), SHOWN_AGENT_STATES, what="state")
    of_role = None if role is None else checks.plain_name(role, what="role")

    def wants(agent: Agent) -> bool:
        state = shown_agent_state(agent.state, agent.wanted, live_round=agent.round_id is not None)
        return shown in {None, state} and of_role in {None, agent.role}

    return (
        yield from matching(
            lambda place, size: agents.listing(after=place, limit=size),
            None if shown is None and of_role is None else wants,
            after=checks.cursor(after),
            limit=checks.limit(limit),
        )
    )


def interrupt(context: TownContext, ref: str, *, wait: bool = True, timeout: float = ROUND_SECS) -> Steps[Agent]:
    """Pause an agent: its live round is ended and handed back, and no new one begins."""
    return (yield from _want(context, ref, "interrupt", wait=wait, timeout=timeout))


def resume(context: TownContext, ref: str, *, wait: bool = True, timeout: float = ROUND_SECS) -> Steps[Agent]:
    """Let a paused or draining agent go on."""
    return (yield from _want(context, ref, "resume", wait=wait, timeout=timeout))


def close_agent(context: TownContext, ref: str, *, wait: bool = True, timeout: float = ROUND_SECS) -> Steps[Agent]:
    """Let an agent finish what is in its queue, take nothing new, and stop."""
    return (yield from _want(context, ref, "close", wait=wait, timeout=timeout))


def kill(context: TownContext, ref: str, *, wait: bool = True, timeout: float = ROUND_SECS) -> Steps[Agent]:
    """Stop an agent: its live round is ended, its task and mail stay for a later life or another agent."""
    return (yield from _want(context, ref, "kill", wait=wait, timeout=timeout))


def restart(context: TownContext, ref: str, *, wait: bool = True, timeout: float = ROUND_SECS) -> Steps[Agent]:
    """Begin a new life of an agent, with this environment's variables for its agent CLI."""
    found = yield from show_as(Agent, "agent", checks.ref(ref, what="agent"))
    if found.cli:
        yield from local(lambda: hand_over(context, found.id, found.cli))
    return (yield from _want(context, found.id, "restart", wait=wait, timeout=timeout))


def _want(context: TownContext, ref: str, verb: str, *, wait: bool, timeout: float) -> Steps[Agent]:
    """Change what is wanted of an agent; with ``wait`` return when its live round is gone.

    Raises:
        NotFoundError: There is no such agent.
        WrongStateError: The verb does not fit what is wanted of it now.
        WaitTimeoutError: Its round has not ended in time; it is still being ended.
    """
    checks.secs(timeout, what="timeout")
    changed = yield from ask(agents.want(checks.ref(ref, what="agent"), verb, **context.actor.fields))
    if changed.ending or verb in {"resume", "restart"}:
        yield from see_to_it(context)
    if changed.ending and wait:
        return (yield from agent_settled(changed.agent, timeout=timeout))
    return changed.agent
