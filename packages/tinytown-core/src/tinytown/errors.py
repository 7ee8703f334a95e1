"""Every error that Tinytown raises on purpose: one tree, one stable code per class.

The fields carry the facts, ``text`` is the sentence made from them and ``hint`` says what to do next. The doors
(command line, REST, MCP) map ``code`` to an exit status, an HTTP status or an MCP error, each in one table.
Nothing here imports another part of the project.
"""

from __future__ import annotations

from typing import ClassVar

import attrs


@attrs.define(auto_exc=True, kw_only=True, slots=False, repr=False)
class TinytownError(Exception):
    """Base of everything Tinytown raises on purpose.

    Attributes:
        code: Stable name in snake case; doors map on it and users search for it.
        text: Sentence with the fields of the error filled in.
        hint: One imperative sentence that says what to do next, or None.
    """

    code: ClassVar[str] = "error"
    text: ClassVar[str] = "{self.code}"
    hint: str | None = None

    def __str__(self) -> str:
        """Fill the sentence with the fields."""
        return self.text.format(self=self)

    def __repr__(self) -> str:
        """Name the class and the sentence. One for all: what attrs writes for each class costs every start of `tt`."""
        return f"{type(self).__name__}({self.message!r})"

    @property
    def message(self) -> str:
        """The sentence alone, without the hint."""
        return str(self)

    @property
    def shown_code(self) -> str:
        """The code that the doors print: that of the class, or more exactly of the rule that refused."""
        return self.code


@attrs.define(auto_exc=True, kw_only=True, slots=False, repr=False)
class RefusedError(TinytownError):
    """A verb was refused and changed nothing; ``refusal`` names the rule, ``detail`` is the sentence."""

    code: ClassVar[str] = "refused"
    text: ClassVar[str] = "{self.detail}"
    detail: str
    refusal: str = "refused"

    @property
    def shown_code(self) -> str:
        """The rule that refused."""
        return self.refusal


@attrs.define(auto_exc=True, kw_only=True, slots=False, repr=False)
class UsageError(TinytownError):
    """The words of a command or the arguments of a call do not fit."""

    code: ClassVar[str] = "usage"
    text: ClassVar[str] = "{self.detail}"
    detail: str


@attrs.define(auto_exc=True, kw_only=True, slots=False, repr=False)
class InvalidValueError(UsageError):
    """A value is of the wrong form: a name, an id, a text that is too long or not UTF-8."""

    code: ClassVar[str] = "invalid_value"
    text: ClassVar[str] = "{self.what} {self.detail}"
    what: str


@attrs.define(auto_exc=True, kw_only=True, slots=False, repr=False)
class PlanConflictError(TinytownError):
    """File and town both changed the same fields of a plan, differently; nothing was changed.

    ``conflicts`` holds them, each a `tinytown.domain.plan_merge.Conflict`.
    """

    code: ClassVar[str] = "plan_conflict"
    text: ClassVar[str] = "file and town differ in {self.detail}; nothing was changed"
    detail: str
    conflicts: tuple[object, ...] = ()
    hint: str | None = "decide with `--prefer file` or `--prefer town`, or make both say the same"


@attrs.define(auto_exc=True, kw_only=True, slots=False, repr=False)
class ConfigError(TinytownError):
    """A configuration file cannot be read or holds something it must not."""

    code: ClassVar[str] = "config"
    text: ClassVar[str] = "`{self.path}`: {self.detail}"
    path: str
    detail: str


@attrs.define(auto_exc=True, kw_only=True, slots=False, repr=False)
class NoTownError(TinytownError):
    """No town was named and none was found in the directories above."""

    code: ClassVar[str] = "no_town"
    text: ClassVar[str] = "no `tinytown.toml` in `{self.path}` or a directory above it"
    path: str
    detail: str | None = None
    hint: str | None = "run `tt init` here, or name a town with `--town PATH`"

    def __str__(self) -> str:
        """Say what was looked at: a named folder alone, or all those above as well."""
        return self.detail or self.text.format(self=self)


@attrs.define(auto_exc=True, kw_only=True, slots=False, repr=False)
class NotFoundError(TinytownError):
    """A reference names nothing that exists."""

    code: ClassVar[str] = "not_found"
    text: ClassVar[str] = "no {self.kind} `{self.ref}`"
    kind: str
    ref: str


@attrs.define(auto_exc=True, kw_only=True, slots=False, repr=False)
class AmbiguousError(TinytownError):
    """A reference fits several records."""

    code: ClassVar[str] = "ambiguous"
    text: ClassVar[str] = "`{self.ref}` fits several: {candidates}"
    ref: str
    candidates: tuple[str, ...]
    hint: str | None = "type more of the id, or the exact name"

    def __str__(self) -> str:
        """List the candidates in the sentence."""
        return self.text.format(self=self, candidates=", ".join(f"`{item}`" for item in self.candidates))


@attrs.define(auto_exc=True, kw_only=True, slots=False, repr=False)
class NameTakenError(TinytownError):
    """The name or nickname belongs to another agent of the town."""

    code: ClassVar[str] = "name_taken"
    text: ClassVar[str] = "an agent named `{self.name}` exists already"
    name: str
    hint: str | None = "choose another name, or `tt restart` the one that exists"


@attrs.define(auto_exc=True, kw_only=True, slots=False, repr=False)
class WrongStateError(TinytownError):
    """A record was asked to make a change that its state does not allow."""

    code: ClassVar[str] = "wrong_state"
    text: ClassVar[str] = "{self.kind} `{self.id}` is `{self.state}`, but `{self.verb}` needs {self.allowed}"
    kind: str
    id: str
    state: str
    verb: str
    allowed: str


@attrs.define(auto_exc=True, kw_only=True, slots=False, repr=False)
class StaleRoundError(TinytownError):
    """A write came from a round that is over, or for a task that is not the round's own."""

    code: ClassVar[str] = "stale_round"
    text: ClassVar[str] = "round `{self.round_id}` may not do this: {self.detail}"
    round_id: str
    detail: str
    hint: str | None = "nothing was changed; the town has moved on since this round began"


@attrs.define(auto_exc=True, kw_only=True, slots=False, repr=False)
class StaleNodeError(TinytownError):
    """A node wrote with a nonce that is no longer the one on record: another life of the node took over."""

    code: ClassVar[str] = "stale_node"
    text: ClassVar[str] = "node `{self.node_id}` was taken over by another process"
    node_id: str


@attrs.define(auto_exc=True, kw_only=True, slots=False, repr=False)
class StorageUnavailableError(TinytownError):
    """The server did not answer; nothing of the verb is known to have happened.

    ``operation`` is the id under which the verb may be repeated safely when it is not known whether it was done.
    """

    code: ClassVar[str] = "storage_unavailable"
    text: ClassVar[str] = "cannot reach the server at {self.url}: {self.detail}"
    url: str
    detail: str
    operation: str | None = None


@attrs.define(auto_exc=True, kw_only=True, slots=False, repr=False)
class OutcomeUnknownError(StorageUnavailableError):
    """The connection broke after the verb was sent, so it may or may not have been done."""

    code: ClassVar[str] = "outcome_unknown"
    text: ClassVar[str] = "the server at {self.url} went away before it answered: {self.detail}"


@attrs.define(auto_exc=True, kw_only=True, slots=False, repr=False)
class StorageRefusedError(TinytownError):
    """The server answered, but will not do the work: wrong password, too old, read-only, out of memory.

    ``passes`` says that it may do so later without a change on this side: it loads its data, or its disk or memory is
    full.
    """

    code: ClassVar[str] = "storage_refused"
    text: ClassVar[str] = "the server at {self.url} refused: {self.detail}"
    url: str
    detail: str
    passes: bool = False


@attrs.define(auto_exc=True, kw_only=True, slots=False, repr=False)
class StorageCorruptError(TinytownError):
    """A key of the town holds something that Tinytown did not write; nothing was changed."""

    code: ClassVar[str] = "storage_corrupt"
    text: ClassVar[str] = "key `{self.key}` holds another type than Tinytown wrote"
    key: str
    hint: str | None = "another program writes under this town's prefix; move its key away and repeat the command"


@attrs.define(auto_exc=True, kw_only=True, slots=False, repr=False)
class TownConflictError(TinytownError):
    """The server holds a town of this name that belongs to another folder."""

    code: ClassVar[str] = "town_conflict"
    text: ClassVar[str] = "the server already holds a town `{self.name}` that belongs to another folder"
    name: str
    hint: str | None = "choose another name with `tt init --name NAME`"


@attrs.define(auto_exc=True, kw_only=True, slots=False, repr=False)
class TownUnfinishedError(TinytownError):
    """A restore or a reset of the town goes on or was interrupted, so what is there is a part; ``what`` says which."""

    code: ClassVar[str] = "town_unfinished"
    text: ClassVar[str] = "a {self.what} of this town goes on or was interrupted"
    what: str
    hint: str | None = None

    def __attrs_post_init__(self) -> None:
        """Name the command that was interrupted."""
        self.hint = self.hint or f"wait for it; if none runs, `tt {self.what}` again begins anew and completes"


@attrs.define(auto_exc=True, kw_only=True, slots=False, repr=False)
class SaveFileError(TinytownError):
    """A file is no saved town, or not one that can be restored; nothing was changed."""

    code: ClassVar[str] = "save_file"
    text: ClassVar[str] = "`{self.path}` {self.detail}"
    path: str
    detail: str


@attrs.define(auto_exc=True, kw_only=True, slots=False, repr=False)
class EventsTrimmedError(TinytownError):
    """A reader asked for events from before the oldest one that is kept."""

    code: ClassVar[str] = "events_trimmed"
    text: ClassVar[str] = "events before `{self.oldest}` are no longer kept"
    oldest: str
    hint: str | None = "read on from the oldest event that is kept, and treat the gap as unknown"


@attrs.define(auto_exc=True, kw_only=True, slots=False, repr=False)
class WaitTimeoutError(TinytownError):
    """A wait ran out before what it watched was done."""

    code: ClassVar[str] = "wait_timeout"
    text: ClassVar[str] = "`{self.ref}` was not done after {self.seconds:g} s"
    ref: str
    seconds: float
    hint: str | None = "`tt why` names what it waits for"


@attrs.define(auto_exc=True, kw_only=True, slots=False, repr=False)
class EndedBadlyError(TinytownError):
    """What a wait watched failed or was cancelled."""

    code: ClassVar[str] = "ended_badly"
    text: ClassVar[str] = "ended badly: {self.detail}"
    detail: str


@attrs.define(auto_exc=True, kw_only=True, slots=False, repr=False)
class NeedsAttentionError(TinytownError):
    """What a wait watched can only be moved by a person."""

    code: ClassVar[str] = "needs_attention"
    text: ClassVar[str] = "only a person can move this on: {self.detail}"
    detail: str
    hint: str | None = "`tt why` gives the command for each"


@attrs.define(auto_exc=True, kw_only=True, slots=False, repr=False)
class UnknownCauseError(TinytownError):
    """Something does not move and no known cause explains it: a gap in Tinytown itself, never in the town."""

    code: ClassVar[str] = "unknown_cause"
    text: ClassVar[str] = "nothing known explains why {self.kind} `{self.ref}` is `{self.state}`: {self.detail}"
    kind: str
    ref: str
    state: str
    detail: str
    hint: str | None = "this is a mistake in Tinytown; please report it with the output of `tt trace`"


@attrs.define(auto_exc=True, kw_only=True, slots=False, repr=False)
class PluginNotFoundError(TinytownError):
    """No plugin of that kind is installed under that name."""

    code: ClassVar[str] = "plugin_not_found"
    text: ClassVar[str] = "no {self.kind} plugin named `{self.name}` is installed"
    kind: str
    name: str


@attrs.define(auto_exc=True, kw_only=True, slots=False, repr=False)
class PluginBrokenError(TinytownError):
    """A plugin was found but cannot be used."""

    code: ClassVar[str] = "plugin_broken"
    text: ClassVar[str] = "the {self.kind} plugin `{self.name}` cannot be used: {self.detail}"
    kind: str
    name: str
    detail: str


@attrs.define(auto_exc=True, kw_only=True, slots=False, repr=False)
class AgentCliError(TinytownError):
    """An agent CLI is not installed, cannot be executed, or is signed out."""

    code: ClassVar[str] = "agent_cli"
    text: ClassVar[str] = "agent CLI `{self.cli}`: {self.detail}"
    cli: str
    detail: str


@attrs.define(auto_exc=True, kw_only=True, slots=False, repr=False)
class ServerStartError(TinytownError):
    """The embedded server could not be found or started."""

    code: ClassVar[str] = "server_start"
    text: ClassVar[str] = "cannot start the embedded server: {self.detail}"
    detail: str


@attrs.define(auto_exc=True, kw_only=True, slots=False, repr=False)
class NodeStartError(TinytownError):
    """The node could not be started."""

    code: ClassVar[str] = "node_start"
    text: ClassVar[str] = "cannot start the node: {self.detail}"
    detail: str


@attrs.define(auto_exc=True, kw_only=True, slots=False, repr=False)
class LaunchError(TinytownError):
    """No shim could be started for a round; nothing of it has run."""

    code: ClassVar[str] = "launch"
    text: ClassVar[str] = "cannot start the round in `{self.directory}`: {self.detail}"
    directory: str
    detail: str
