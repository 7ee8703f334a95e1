"""Commands about agents."""

from __future__ import annotations

from tinytown_cli.table.model import Command, Param, no_wait, page_after, page_limit, ref, role

_GROUP = "Agents"
_AFTER = page_after()
_LIMIT = page_limit()
_STATES = ("cold", "starting", "idle", "working", "paused", "draining", "stopped", "error")


def _verb(name: str, help_line: str, *, waits: bool = True) -> Command:
    return Command(
        (name,),
        f"agents:{name}",
        _GROUP,
        help_line,
        (f"tt {name} w1", f"tt {name} w1 --no-wait" if waits else f"tt {name} w1 --json"),
        (ref(), *((no_wait(),) if waits else ())),
    )


COMMANDS: tuple[Command, ...] = (
    Command(
        ("spawn",),
        "agents:spawn",
        _GROUP,
        "Make an agent, and start the node if none runs",
        ("tt spawn w1", "tt spawn tester --cli codex --role reviewer"),
        (
            Param("name", "Name of the agent", positional=True, required=True),
            Param("cli", "Agent CLI that runs it", aliases=("-c",)),
            Param("role", "What it is for"),
            Param("nickname", "Another name for it"),
            Param("parent", "Agent that it belongs to"),
            Param("model", "Model that its CLI is asked for", aliases=("-m",)),
            Param("max_rounds", "Stop it after so many rounds", kind="int", low=1),
            Param("worktree", "Give it a git worktree of its own", kind="bool"),
            Param("no_worktree", "Let it work in the town's folder, whatever `[workspace]` says", kind="bool"),
            Param("base", "Branch or commit that its worktree begins at"),
            Param("foreground", "Follow its output here; Ctrl-C closes it", kind="bool"),
        ),
        doing="making the agent and waiting for the node",
    ),
    Command(
        ("list",),
        "agents:list_agents",
        _GROUP,
        "List the agents, oldest first",
        ("tt list", "tt list --state working"),
        (Param("state", "Only those in this state", choices=_STATES), role(), _LIMIT, _AFTER),
        aliases=("ls",),
    ),
    Command(("nodes",), "agents:nodes", _GROUP, "List the nodes", ("tt nodes", "tt nodes --json")),
    Command(
        ("wait",),
        "waiting:wait",
        _GROUP,
        "Wait until a task is closed, or until an agent has nothing to do",
        ("tt wait t-9k3fq2xa7m", "tt wait w1 --timeout 600"),
        (
            ref("Task or agent", name="ref"),
            Param("timeout", "Give up after so many seconds", kind="float", low=0),
        ),
    ),
    _verb("kill", "Stop an agent at once; its task and mail are kept"),
    _verb("close", "Let an agent finish what it has, then stop it", waits=False),
    _verb("interrupt", "End an agent's round and pause it"),
    _verb("resume", "Let a paused or closing agent go on", waits=False),
    _verb("restart", "Stop an agent and start it anew"),
    Command(
        ("logs",),
        "logs:logs",
        _GROUP,
        "Show the output of an agent, a task's rounds, or one round",
        ("tt logs w1", "tt logs w1 -f"),
        (
            ref("Agent, task or round", name="ref", required=False),
            Param("follow", "Go on until the round ends", kind="bool", aliases=("-f",)),
            Param("lines", "Only the last lines", kind="int", low=0, high=1_000_000, aliases=("-n",)),
            Param("raw", "Leave the control sequences of terminals in", kind="bool"),
        ),
    ),
)
