"""Make an agent ready: its adapter loads, its program is there, its account is known, its worktree is set up."""

from __future__ import annotations

import shutil

from tinytown.domain.records import Agent
from tinytown.errors import TinytownError
from tinytown.node.context import NodeContext
from tinytown.node.environment import read_agent_env
from tinytown.node.git import GitError
from tinytown.node.trouble import no_room
from tinytown.node.work_round import load_adapter
from tinytown.node.workspace import workspace_of
from tinytown.node.workspaces.setup import SetupInterruptedError
from tinytown.storage.calls import agents


async def make_ready(node: NodeContext, agent: Agent) -> None:
    """Bring a cold agent to idle, or to error with the reason and what to do."""
    fence = {"node_id": node.node_id, "nonce": node.nonce}
    env = read_agent_env(node.paths, agent.id)
    options = node.config.agent_clis.get(agent.cli)
    try:
        adapter, spec = load_adapter(node, agent)
        program = options.argv[0] if options is not None else adapter.info.executable
        missing = _missing(program, env.get("PATH"), agent.cli, adapter.info.install_hint)
        account = f"command:{agent.cli}" if options is not None else adapter.account(spec, env)
        if missing is None:
            await workspace_of(node, agent)
    except SetupInterruptedError:
        return  # the next node makes it ready
    except (GitError, OSError) as error:
        if no_room(error):
            raise
        missing, account = f"{error}", None
    except TinytownError as error:
        missing, account = f"{error}" + (f"; {error.hint}" if error.hint else ""), None
    if missing:
        await node.run(agents.error(agent.id, agent.incarnation, missing[:500], **fence))
        return
    await node.run(agents.ready(agent.id, agent.incarnation, account=account, **fence))


def _missing(program: str, path: str | None, cli: str, install_hint: str) -> str | None:
    """Say that the program of an agent CLI cannot be executed, or None."""
    if not program or "{" in program or "/" in program or shutil.which(program, path=path):
        return None  # a relative path is looked up in the workspace when the round starts
    hint = f"; install it with `{install_hint}`" if install_hint else ""
    return f"agent CLI `{cli}`: `{program}` is not installed or not executable{hint}"
