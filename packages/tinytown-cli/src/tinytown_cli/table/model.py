"""The form of a row of the command table."""

from __future__ import annotations

from typing import NamedTuple


class Param(NamedTuple):
    """One argument or option.

    Attributes:
        name: Name in Python; an option is called by it with dashes.
        help: One line.
        kind: ``str``, ``int``, ``float``, ``bool`` (a flag) or ``list`` (repeatable, commas split; of positional
            ones only the last may be one, and takes all words that are left).
        positional: An argument without a name.
        required: Must be given; only for positional ones.
        aliases: Other names of an option, dashes included.
        choices: The only values that are allowed.
        low: Smallest number that is allowed.
        high: Largest number that is allowed.
        text: Takes long text: ``-`` reads standard input, ``@file`` a file.
    """

    name: str
    help: str
    kind: str = "str"
    positional: bool = False
    required: bool = False
    aliases: tuple[str, ...] = ()
    choices: tuple[str, ...] = ()
    low: float | None = None
    high: float | None = None
    text: bool = False

    @property
    def flags(self) -> tuple[str, ...]:
        """Names of the option as they are typed, the long one first."""
        return ("--" + self.name.rstrip("_").replace("_", "-"), *self.aliases)

    @property
    def metavar(self) -> str:
        """Word that stands for the value in help."""
        return {"int": "N", "float": "SECS"}.get(self.kind, self.name.rstrip("_").upper().replace("_", "-"))

    @property
    def default(self) -> object:
        """What a command receives when nothing is given."""
        return {"bool": False, "list": ()}.get(self.kind)


class Command(NamedTuple):
    """One command.

    Attributes:
        path: The words that call it.
        target: ``module:function`` behind it; the module lies in `tinytown_cli.commands`.
        group: Heading under which help shows it.
        help: One line.
        params: Its arguments and options.
        examples: Two ways to call it.
        aliases: Other last words.
        doing: What is going on while it runs, for who waits; its words otherwise.
    """

    path: tuple[str, ...]
    target: str
    group: str
    help: str
    examples: tuple[str, str]
    params: tuple[Param, ...] = ()
    aliases: tuple[str, ...] = ()
    doing: str = ""

    @property
    def name(self) -> str:
        """The words with spaces between."""
        return " ".join(self.path)

    @property
    def page(self) -> str:
        """File with its reference, below `docs/reference`."""
        return f"commands/{'-'.join(self.path)}.md"

    @property
    def schema(self) -> str:
        """File with the form of what it prints with ``--json``, below `docs/reference`."""
        return f"schemas/{'-'.join(self.path)}.json"


def ref(what: str = "Agent", *, name: str = "agent", required: bool = True) -> Param:
    """Make the argument that names a record."""
    return Param(name, f"{what}: name, nickname, id, or the beginning of an id", positional=True, required=required)


def refs(what: str, *, name: str) -> Param:
    """Make the argument that names any number of records."""
    return Param(name, f"{what}: names, nicknames, ids, or beginnings of ids", kind="list", positional=True)


def dry_run() -> Param:
    """Make the flag of commands that first can say what they would do."""
    return Param("dry_run", "Only say what would be done", kind="bool")


def force() -> Param:
    """Make the flag of commands that take something away."""
    return Param("force", "Do not ask first; needed where nobody can be asked", kind="bool")


def page_limit() -> Param:
    """Make the option of lists that says how long a page is."""
    return Param("limit", "At most so many (100)", kind="int", low=1, aliases=("-n",))


def page_after() -> Param:
    """Make the option of lists that asks for a further page."""
    return Param("after", "Go on behind this cursor, which the page before ended with", kind="int", low=0)


def no_wait() -> Param:
    """Make the flag of commands that may have to wait for a round to end."""
    return Param("no_wait", "Do not wait until the live round has ended", kind="bool")


def tags(help_line: str = "Only those that have all of these tags") -> Param:
    """Make the option that names tags."""
    return Param("tags", help_line, kind="list", aliases=("--tag",))


def role(help_line: str = "Only those of this role") -> Param:
    """Make the option that names a role."""
    return Param("role", help_line)
