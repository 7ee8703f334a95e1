"""Why something does not move: every cause by its code, in one table of sentences and commands."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

import attrs

from tinytown.errors import UnknownCauseError


class Mover(StrEnum):
    """Who moves on what a cause holds."""

    PERSON = "person"
    "Nothing happens until somebody gives the command."
    TOWN = "town"
    "It moves by itself when the work before it is done."
    TIME = "time"
    "It moves by itself at a certain time."
    NOBODY = "nobody"
    "There is nothing to move: it is done, or there is nothing to do."


@attrs.frozen(kw_only=True)
class Cause:
    """One link of the chain.

    Attributes:
        code: Stable name.
        text: One sentence.
        ref: The record that it concerns.
        command: The command that would move it, or None.
        mover: Who moves it.
    """

    code: str
    text: str
    ref: str
    command: str | None
    mover: Mover


@attrs.frozen(kw_only=True)
class Why:
    """The answer: the causes from the record asked for down to the one that can be acted on.

    Attributes:
        ref: Id of the record.
        kind: Its kind.
        state: Its state, as people see it.
        causes: The chain; never empty.
    """

    ref: str
    kind: str
    state: str
    causes: tuple[Cause, ...]

    @property
    def needs_person(self) -> bool:
        """Whether it moves only when somebody acts."""
        return any(each.mover is Mover.PERSON for each in self.causes)


@attrs.frozen
class Sentence:
    """A row of the table: the sentence, the command, and who moves it."""

    text: str
    command: str | None
    mover: Mover


_P, _T, _W, _N = Mover.PERSON, Mover.TOWN, Mover.TIME, Mover.NOBODY

_HANDS_ON = "`tt reclaim --from {agent}` lists what it holds, to hand it on"

CAUSES: Mapping[str, Sentence] = {
    # The machine
    "no_node": Sentence("no node runs here, so nothing is started{said}", "tt start", _P),
    "node_stopping": Sentence("node `{node}` is stopping and starts nothing new", "tt start", _P),
    "node_down": Sentence("node `{node}` on `{host}` was stopped, and its work waits for it", "tt start", _P),
    "node_lost": Sentence("node `{node}` on `{host}` has not been heard of {ago}", "tt start", _P),
    "capacity_full": Sentence("node `{node}` runs {running} of at most {capacity} rounds", None, _T),
    # Tasks on their way
    "waits_for": Sentence("it waits for task `{other}`, which is {state}", "tt why {other}", _T),
    "released_soon": Sentence("its dependencies are completed, and its node is about to release it", None, _T),
    "no_agent": Sentence("no agent can take it: none has the role `{role}`", "tt spawn NAME --role {role}", _P),
    "no_agents": Sentence("no agent can take it: the town has none", "tt spawn NAME", _P),
    "agents_unable": Sentence(
        "no agent can take it: {count} would fit, but `{agent}` is {state}", "tt why {agent}", _P
    ),
    "auto_claim_off": Sentence(
        "agents take nothing from the backlog here (`auto_claim = false`)", "tt backlog claim {ref} {agent}", _P
    ),
    "agents_busy": Sentence("the {count} agents that may take it are at work", None, _T),
    "claimed_soon": Sentence("agent `{agent}` is idle and about to take it", None, _T),
    "behind": Sentence("{count} tasks are before it in the queue of `{agent}`, `{other}` first", None, _T),
    "task_backoff": Sentence("it waits {left} after {crashes} failed rounds", None, _W),
    "starts_soon": Sentence("agent `{agent}` is about to begin a round", None, _T),
    "running": Sentence("agent `{agent}` has worked on it for {ago}; last output {output}", None, _T),
    "order": Sentence("`{order}` is recorded and applied as soon as its round has ended", None, _T),
    "said": Sentence("its agent has said `{verdict}`, which is applied when the round ends", None, _T),
    "gate_running": Sentence("gate `{gate}` has run for {ago}", None, _T),
    "gate_retry": Sentence("gate `{gate}` could not run and is tried again in {left}", None, _W),
    "gate_soon": Sentence("gate `{gate}` is about to be run by node `{node}`", None, _T),
    # Tasks that are blocked
    "needs_input": Sentence("its agent asks: {detail}", 'tt attention answer {item} "TEXT"', _P),
    "on_hold": Sentence("it is on hold: {detail}", "tt task unblock {ref}", _P),
    "not_closed": Sentence("its agent did not say what became of it: {detail}", "tt task unblock {ref}", _P),
    "crashes": Sentence("its rounds failed: {detail}", "tt task unblock {ref}", _P),
    "rejected": Sentence("it was rejected too often: {detail}", "tt task unblock {ref}", _P),
    "context_full": Sentence("it is too large for its agent: {detail}", "tt task unblock {ref}", _P),
    "too_many_rounds": Sentence("it took too many rounds: {detail}", "tt task unblock {ref}", _P),
    "gate_unavailable": Sentence("a gate cannot be run: {detail}", "tt task unblock {ref}", _P),
    "uncommitted": Sentence("it has changes that are in no commit: {detail}", "tt task unblock {ref}", _P),
    "budget": Sentence("the budget is spent: {detail}", "tt config budget", _P),
    "dependency_failed": Sentence("task `{detail}`, which it depends on, failed or was cancelled", "{repair}", _P),
    # Tasks that are closed
    "completed": Sentence("it was completed {ago} ago, with {count} pieces of evidence", None, _N),
    "failed": Sentence("it failed: {detail}", "tt task reopen {ref}", _N),
    "cancelled": Sentence("it was cancelled: {detail}", "tt task reopen {ref}", _N),
    # Agents
    "agent_stopped": Sentence("agent `{agent}` was stopped; " + _HANDS_ON, "tt restart {agent}", _P),
    "agent_removed": Sentence("agent `{agent}` was removed; what it did is still on record", "tt spawn {agent}", _P),
    "agent_max_rounds": Sentence(
        "agent `{agent}` has had all the rounds it was given; " + _HANDS_ON, "tt restart {agent}", _P
    ),
    "agent_error": Sentence("agent `{agent}` cannot work: {detail}; " + _HANDS_ON, "tt recover {agent}", _P),
    "agent_paused": Sentence("agent `{agent}` is paused", "tt resume {agent}", _P),
    "agent_draining": Sentence("agent `{agent}` finishes what it has and then stops", None, _T),
    "agent_cold": Sentence("agent `{agent}` is being prepared by its node", None, _T),
    "agent_busy": Sentence("agent `{agent}` has worked on task `{other}` for {ago}", "tt why {other}", _T),
    "agent_reading": Sentence("agent `{agent}` has been in a round with its mail for {ago}", None, _T),
    "round_ending": Sentence("round `{round}` of `{agent}` is being ended ({reason})", None, _T),
    "agent_backoff": Sentence("agent `{agent}` waits {left} after {count} failed rounds", None, _W),
    "parked": Sentence("the account of `{agent}` is at its limit for another {left}", None, _W),
    "parked_probe": Sentence("the account of `{agent}` is being tried by round `{round}`", None, _T),
    "parked_login": Sentence("the account of `{agent}` needs a person: {detail}", "tt restart {agent}", _P),
    "budget_spent": Sentence("the budget of the town lets no round begin: {detail}", "{change}", _P),
    "mail_loop": Sentence("agent `{agent}` talked too much, so its mail waits: {detail}", "{answer}", _P),
    "agent_idle": Sentence("agent `{agent}` has nothing to do", 'tt assign {agent} "TEXT"', _N),
    "agent_task": Sentence("task `{other}` of `{agent}` is {state}", "tt why {other}", _T),
    "conductor": Sentence("`conductor` is a mailbox that a person or a conversation reads", "tt inbox conductor", _N),
    # Mail
    "mail_for_person": Sentence("it waits until somebody reads the conductor's mail", "tt inbox", _P),
    "mail_rides_along": Sentence("`{kind}` mail starts no round; it rides along with the next of `{agent}`", None, _T),
    "mail_quiet": Sentence("it is reply number {count} of a chain, so it starts no round", "{answer}", _P),
    "mail_behind": Sentence("{count} messages are before it in the lane of `{agent}`", None, _T),
    "mail_delivered": Sentence("it was handed to `{agent}` in round `{round}`, which goes on", None, _T),
    "mail_shown": Sentence("`{agent}` has seen it; it counts as handled when the round ends", None, _T),
    "mail_read": Sentence("it was read and waits for a reply", "tt inbox --done {ref}", _P),
    "mail_handled": Sentence("it was dealt with {ago} ago", None, _N),
    "mail_dead": Sentence("it was given up after {count} failed rounds", "tt trace {ref}", _N),
    "mail_expired": Sentence("it expired before anybody read it", "tt trace {ref}", _N),
    # Rounds, nodes, items, the town
    "round_live": Sentence("it has gone on for {ago}; last output {output}", None, _T),
    "round_ended": Sentence("it ended as {outcome} {ago} ago", None, _N),
    "node_up": Sentence("node `{node}` lives and runs {running} of at most {capacity} rounds", None, _N),
    "item_open": Sentence("it waits for a person: {detail}", "{answer}", _P),
    "item_closed": Sentence("it was {state}", None, _N),
    "town_working": Sentence("{live} rounds go on, and {open} tasks are open", None, _T),
    "town_idle": Sentence("there is nothing to do: no open task and no round", None, _N),
}
"""Every cause by its code. Texts and commands are filled in with facts; a test fills in each of them."""


def cause(code: str, ref: str, **facts: object) -> Cause:
    """Fill in a row of the table.

    Args:
        code: The row.
        ref: The record that the cause concerns.
        **facts: What its sentence and command name.

    Raises:
        UnknownCauseError: There is no such row, or a fact is missing: a mistake of ours.
    """
    row = CAUSES.get(code)
    if row is None:
        raise UnknownCauseError(kind="cause", ref=ref, state=code, detail="the table of causes has no such row")
    try:
        text = row.text.format(ref=ref, **facts)
        command = None if row.command is None else row.command.format(ref=ref, **facts)
    except KeyError as error:
        raise UnknownCauseError(kind="cause", ref=ref, state=code, detail=f"the fact {error} is missing") from None
    return Cause(code=code, text=text, ref=ref, command=command, mover=row.mover)


def span(milliseconds: float) -> str:
    """Write a length of time as people say it: ``12 s``, ``5 min``, ``3 h``, ``2 d``."""
    secs = max(0, int(milliseconds // 1000))
    for unit, size in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if secs >= 2 * size:
            return f"{secs // size} {unit}"
    return f"{secs} s"


def one_line(text: str | None, *, most: int = 200) -> str:
    """Shorten a text to one line for a sentence."""
    flat = " ".join((text or "").split()) or "no reason was given"
    return flat if len(flat) <= most else flat[: most - 1] + "…"
