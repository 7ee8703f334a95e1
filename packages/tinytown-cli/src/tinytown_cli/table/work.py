"""Commands about work."""

from __future__ import annotations

from tinytown_cli.table.model import Command, Param, no_wait, page_after, page_limit, ref, role, tags

_GROUP = "Work"
_TASK = ref("Task", name="task")
_LIMIT = page_limit()
_AFTER = page_after()
_STATES = (
    "waiting",
    "pending",
    "assigned",
    "running",
    "verifying",
    "blocked",
    "completed",
    "failed",
    "cancelled",
)
_DETAILS = (
    role("Role that should do it"),
    tags("Words to find it by"),
    Param("depends_on", "Tasks that must be completed first", kind="list"),
    Param("parent", "Task that it is a part of"),
    Param("gate", "Its own gate, `NAME=COMMAND`, or the name of one of the town", kind="list"),
)


def _verb(name: str, help_line: str, second: str, *params: Param) -> Command:
    return Command(
        ("task", name), f"tasks:{name}", _GROUP, help_line, (f"tt task {name} t-9k3fq2xa7m", second), (_TASK, *params)
    )


def _reason(help_line: str) -> Param:
    return Param("reason", help_line, text=True)


_TASKS = (
    Command(
        ("task", "add"),
        "tasks:add",
        _GROUP,
        "Add a task",
        ('tt task add "Fix the parser"', "tt task add @plan.md --agent w1 --depends-on t-9k3fq2xa7m"),
        (
            Param(
                "text", "What is to be done; `-` or `@file` for long text", positional=True, required=True, text=True
            ),
            Param("agent", "Who does it; the backlog has it otherwise"),
            *_DETAILS,
        ),
    ),
    Command(
        ("task", "show"),
        "tasks:show",
        _GROUP,
        "Show a task with all that is known of it",
        ("tt task show t-9k3fq2xa7m", "tt task show t-9k3 --json"),
        (_TASK,),
    ),
    Command(
        ("task", "list"),
        "tasks:list_tasks",
        _GROUP,
        "List tasks, oldest first",
        ("tt task list", "tt task list --state blocked --agent w1"),
        (
            Param("state", "Only those in this state", choices=_STATES),
            Param("agent", "Only those of this agent"),
            role(),
            tags(),
            _LIMIT,
            _AFTER,
        ),
        aliases=("ls",),
    ),
    Command(
        ("task", "current"),
        "tasks:current",
        _GROUP,
        "Show the task of an agent's live round, or of one's own",
        ("tt task current", "tt task current w1"),
        (ref(required=False),),
    ),
    _verb(
        "complete",
        "Say that a task is done; its gates decide",
        'tt task complete t-9k3fq2xa7m --result "Parser fixed, tests added"',
        Param("result", "What came of it; `-` or `@file` for long text", text=True),
        Param("no_gates", "Complete it without its gates; kept in the evidence", kind="bool"),
        no_wait(),
    ),
    _verb(
        "fail",
        "Close a task as failed",
        'tt task fail t-9k3fq2xa7m --reason "The API was removed"',
        _reason("Why; `-` or `@file` for long text"),
        no_wait(),
    ),
    _verb(
        "block",
        "Say that a task cannot go on until something changes",
        'tt task block t-9k3fq2xa7m --reason "Which colour?"',
        _reason("What must change; `-` or `@file` for long text"),
        no_wait(),
    ),
    _verb(
        "unblock",
        "Let a blocked task go on",
        'tt task unblock t-9k3fq2xa7m --answer "Blue"',
        Param("answer", "What its agent is told; `-` or `@file` for long text", text=True),
    ),
    _verb(
        "cancel",
        "Close a task without a result",
        "tt task cancel t-9k3fq2xa7m --no-wait",
        _reason("Why; `-` or `@file` for long text"),
        no_wait(),
    ),
    _verb("requeue", "Put a task back into the backlog", "tt task requeue t-9k3fq2xa7m --no-wait", no_wait()),
    _verb("reopen", "Take up a failed or cancelled task again", "tt task reopen t-9k3fq2xa7m --json"),
)

COMMANDS: tuple[Command, ...] = (
    Command(
        ("assign",),
        "tasks:assign",
        _GROUP,
        "Give an agent a new task, or one that exists",
        ('tt assign w1 "Fix the failing test"', "tt assign w1 t-9k3fq2xa7m"),
        (
            ref(),
            Param(
                "work",
                "What is to be done (`-` or `@file` for long text), or the id of a task",
                positional=True,
                required=True,
                text=True,
            ),
            *_DETAILS,
            no_wait(),
        ),
    ),
    *_TASKS,
    Command(
        ("backlog", "add"),
        "backlog:add",
        _GROUP,
        "Add a task that is nobody's yet",
        ('tt backlog add "Write the manual"', 'tt backlog add "Tidy up" --tags docs,later'),
        (
            Param(
                "text", "What is to be done; `-` or `@file` for long text", positional=True, required=True, text=True
            ),
            *_DETAILS,
        ),
    ),
    Command(
        ("backlog", "list"),
        "backlog:list_backlog",
        _GROUP,
        "List the tasks that are nobody's yet, oldest first",
        ("tt backlog list", "tt backlog list --role reviewer --tags docs"),
        (role(), tags(), _LIMIT, _AFTER),
        aliases=("ls",),
    ),
    Command(
        ("backlog", "claim"),
        "backlog:claim",
        _GROUP,
        "Take a task from the backlog",
        ("tt backlog claim t-9k3fq2xa7m", "tt backlog claim t-9k3fq2xa7m w1"),
        (_TASK, ref("Who takes it; inside a round its own agent", required=False)),
    ),
    Command(
        ("backlog", "assign-all"),
        "backlog:assign_all",
        _GROUP,
        "Give an agent the tasks of the backlog, oldest first",
        ("tt backlog assign-all w1", "tt backlog assign-all w1 --tags docs --dry-run"),
        (
            ref("Who shall do them"),
            role(),
            tags(),
            Param("limit", "At most so many (1000)", kind="int", low=1, high=1000, aliases=("-n",)),
            Param("dry_run", "Only say which", kind="bool"),
        ),
        doing="giving out the backlog",
    ),
    Command(
        ("backlog", "remove"),
        "backlog:remove",
        _GROUP,
        "Cancel a task of the backlog",
        ("tt backlog remove t-9k3fq2xa7m", "tt backlog remove t-9k3 --json"),
        (_TASK,),
    ),
)
