"""The one commit point: what a round meant for its task, its mail and its agent, in one script."""

from __future__ import annotations

from typing import Any

from tinytown.storage.memory import changes
from tinytown.storage.memory.moves import block, move
from tinytown.storage.memory.rules import Args, close_attention, find, open_attention, owner, settle, unwake
from tinytown.storage.memory.tx import Fields, Tx, items
from tinytown.storage.memory.verbs.agents import give_up, new_life, view, wake_parked
from tinytown.storage.memory.verbs.budget import settle_budget
from tinytown.storage.memory.verbs.mail import enqueue, handle, trace

COUNTED = {"failed", "crashed", "timed_out", "stalled"}
PARKS = {"rate_limited", "auth_required"}
MAX_AGENT_FAILURES = 6
USAGE = ("input_tokens", "output_tokens", "cost_micros")


def round_end(tx: Tx, a: Args) -> Fields:
    """Record the end of a round and apply what was said in it. The same end again changes nothing."""
    live = find(tx, "round", a["round_id"])
    if live["kind"] != "work":
        tx.refuse("stale_round", round_id=live["id"], detail="it is the round of a gate")
    if live["state"] == "ended":
        return _answer(tx, live)
    owner(tx, a)
    said = live["verdict"]["verb"] if live.get("verdict") else ""
    if a.get("heard") is not None and a["heard"] != said:
        tx.refuse("unheard", detail=f"round `{live['id']}` has said something of its task meanwhile")
    agent = tx.load("agent", live.get("agent_id"))
    task = tx.load("task", live.get("task_id"))
    _close(tx, a, live)
    settle_budget(tx, a, live)
    if agent is not None:
        _count_usage(agent, a)
    if task is not None and task.get("round_id") == live["id"]:
        _count_usage(task, a)
        task["round_id"] = None
        task["branch"] = a.get("branch") or task.get("branch")
        _apply(tx, a, live, task)
    _return_mail(tx, a, live, agent)
    if agent is not None and agent.get("round_id") == live["id"]:
        _free_agent(tx, a, live, agent)
    return _answer(tx, live)


def _answer(tx: Tx, live: Fields) -> Fields:
    agent = tx.load("agent", live.get("agent_id"))
    return {
        "round": live,
        "task": tx.load("task", live.get("task_id")),
        "agent": view(tx, agent) if agent else None,
    }


def _close(tx: Tx, a: Args, live: Fields) -> None:
    """Write what is known of the round itself."""
    for key in (
        "outcome",
        "detail",
        "exit_code",
        "session_id",
        "head_before",
        "head_after",
        "log",
        "workspace",
        *USAGE,
    ):
        if a.get(key) is not None:
            live[key] = a[key]
    if a.get("verdict") and not live.get("verdict"):
        live["verdict"] = {key: value for key, value in a["verdict"].items() if value is not None}
    live["state"], live["ended_at"] = "ended", tx.now
    tx.srem("live", live["id"])
    if live.get("node"):
        tx.srem(f"ends:{live['node']}", live["id"])
    tx.event(
        "round.ended",
        round_id=live["id"],
        agent_id=live.get("agent_id"),
        task_id=live.get("task_id"),
        old="live",
        new="ended",
        detail=live.get("outcome"),
    )


def _count_usage(record: Fields, a: Args) -> None:
    for key in USAGE:
        if a.get(key) is not None:
            record[key] = (record.get(key) or 0) + a[key]


def _apply(tx: Tx, a: Args, live: Fields, task: Fields) -> None:
    """An order comes first, then what the agent said, then what the outcome means."""
    said, ordered, by = live.get("verdict"), task.get("order"), live["agent"]
    tx.acting = live
    if ordered:
        task["order"] = None
        apply_order(tx, a, task, ordered)
    elif said and said["verb"] == "submit":
        want = {**said, "gates": a.get("gates"), "gate_node": live["node"], "head": a.get("head_after")}
        if want["gates"] and a.get("uncommitted"):
            reject(tx, a, task, "uncommitted: " + ", ".join(a["uncommitted"]), by="town", verb="release")
        else:
            changes.submit(tx, a, task, want, by)
    elif said:
        changes.CHANGES[said["verb"]](tx, a, task, said, by)
    else:
        _without_verdict(tx, a, live, task)


def apply_order(tx: Tx, a: Args, task: Fields, ordered: Fields) -> None:
    """Apply what a person wanted while the round went on; an agent that has ended meanwhile means the backlog."""
    verb = ordered["verb"]
    if verb == "assign":
        agent = tx.load("agent", ordered["agent"])
        if agent is None or agent["wanted"] in {"stopped", "draining"} or agent["state"] == "stopped":
            verb = "requeue"
    changes.CHANGES[verb](tx, a, task, ordered, ordered["by"])


def reject(tx: Tx, a: Args, task: Fields, findings: str, *, by: str, verb: str = "reject") -> None:
    """Send a task back to its author with what was found; too often, and a person must look at it."""
    count = (task.get("rejections") or 0) + 1
    task.update(rejections=count, findings=findings, gates_left=None)
    if count >= a["limits"]["rejections"]:
        block(tx, a, task, f"rejected: {count} times; last: {findings[:200]}", by=by)
        return
    agent = changes.back_to_author(tx, task)
    if verb != "reject":
        tx.event("task.rejected", task_id=task["id"], agent_id=task.get("agent_id"), detail=findings[:200])
    move(tx, a, task, verb, "assigned" if agent else "pending", by=by, agent=agent)


def _without_verdict(tx: Tx, a: Args, live: Fields, task: Fields) -> None:
    """The rows of the outcome table in which nobody said what became of the task."""
    outcome, limits, detail = live["outcome"], a["limits"], live.get("detail") or ""
    if outcome == "ok":
        task["reminders"] = (task.get("reminders") or 0) + 1
        if task["reminders"] > limits["reminders"]:
            _stop_at(tx, a, live, task, f"not_closed: {task['reminders']} rounds ended without a result")
            return
    elif outcome == "needs_input":
        _stop_at(tx, a, live, task, f"needs_input: {detail}")
        return
    elif outcome == "context_full":
        task["contexts"] = (task.get("contexts") or 0) + 1
        if task["contexts"] > limits["contexts"]:
            _stop_at(tx, a, live, task, "context_full: the task does not fit into the agent's context")
            return
    elif outcome in COUNTED:
        task["crashes"] = (task.get("crashes") or 0) + 1
        if task["crashes"] >= limits["crashes"]:
            _stop_at(tx, a, live, task, f"crashes: {task['crashes']} rounds ended as {outcome}; {detail}")
            return
        task["not_before"] = tx.now + limits["backoff_ms"] * 2 ** (task["crashes"] - 1)
    move(tx, a, task, "release", "assigned", by="town", history_round=live["id"])


def _stop_at(tx: Tx, a: Args, live: Fields, task: Fields, reason: str) -> None:
    block(tx, a, task, reason[:1000], by="town", round_id=live["id"])


def _return_mail(tx: Tx, a: Args, live: Fields, agent: Fields | None) -> None:
    """Mail is handled, goes back into its lane, or is given up when it was alone in too many failures."""
    outcome, refs = live["outcome"], items(live.get("messages"))
    dealt_with = outcome in {"ok", "needs_input"} or bool(live.get("verdict"))
    for ref in refs:
        message = tx.load("message", ref)
        if message is None or message["state"] not in {"delivered", "shown"}:
            continue
        at = _was_shown(tx, a, live, message)
        if dealt_with:
            message["shown_at"], message["shown_in"] = message.get("shown_at") or at, live["id"]
            how = f"its round ended as {outcome}"
            handle(tx, message, live["agent"], live["id"], by_id=live["agent_id"], how=how)
        elif outcome in COUNTED and len(refs) == 1 and not live.get("task_id") and _hopeless(a, message):
            message["state"], message["shown_at"] = "dead", tx.now
            trace(tx, message, "dead", "town", live["id"])
            text = f"message `{ref}` to `{message['to']}` was alone in a round that ended as {outcome}"
            open_attention(tx, "dead_letter", ref, text, [f"tt trace {ref}"])
        else:
            _put_back(tx, message, live, counted=outcome in COUNTED)
    if agent is not None and outcome == "context_full":
        agent["mail_limit"] = max(1, len(refs) // 2)
    elif agent is not None and dealt_with:
        agent["mail_limit"] = None


def _was_shown(tx: Tx, a: Args, live: Fields, message: Fields) -> int | None:
    """Write down when and where a message stood in the prompt of a round that ran; gives the time."""
    shown: Fields = a.get("shown") or {"at": {}}
    place = shown["at"].get(message["id"])
    if place is None or message["state"] != "delivered":
        return None
    at = min(tx.now, int(live["started_at"]) + int(shown["after_ms"]))
    where = {"prompt_line": place[0], "prompt_offset": place[1], "by_id": live["agent_id"]}
    trace(tx, message, "shown", live["agent"], live["id"], at=at, new="shown", **where)
    return at


def _hopeless(a: Args, message: Fields) -> bool:
    return (message.get("deliveries") or 0) >= a["limits"]["deliveries"]


def _put_back(tx: Tx, message: Fields, live: Fields, *, counted: bool) -> None:
    if counted or message["state"] == "shown":
        message["shown_at"], message["shown_in"] = tx.now, live["id"]
    if not counted:
        message["deliveries"] = max(0, (message.get("deliveries") or 0) - 1) or None
    message["state"] = "queued"
    enqueue(tx, message)
    trace(tx, message, "back", "town", live["id"])


def _free_agent(tx: Tx, a: Args, live: Fields, agent: Fields) -> None:
    """Say what the agent does next."""
    outcome, limits = live["outcome"], a["limits"]
    agent["rounds_completed"] = (agent.get("rounds_completed") or 0) + 1
    agent.update(round_id=None, task_id=None, last_active_at=tx.now, state="idle")
    if outcome == "context_full" or a.get("forget_session"):
        agent.update(session_id=None, session_task=None, session_usage=None)
    elif live.get("session_id"):
        usage = a.get("session_usage")
        agent.update(session_id=live["session_id"], session_task=live.get("task_id"), session_usage=usage)
    if outcome in COUNTED:
        agent["failures"] = (agent.get("failures") or 0) + 1
        agent["not_before"] = tx.now + limits["backoff_ms"] * 2 ** min(agent["failures"] - 1, 9)
    elif outcome in {"ok", "needs_input", "context_full"}:
        agent["failures"], agent["not_before"] = None, None
    if outcome not in PARKS:
        _unpark_after(tx, live, agent, worked=outcome in {"ok", "needs_input", "context_full"})
    _wait_for_people(tx, a, live, agent)
    if agent.get("restarting"):
        agent.update(restarting=None, state="cold")
        new_life(tx, agent)
    elif (agent.get("failures") or 0) >= MAX_AGENT_FAILURES and agent["wanted"] == "run":
        give_up(tx, agent, "agent_error", f"{agent['failures']} rounds in a row ended as {outcome}")
    elif outcome == "start_failed" and agent["wanted"] != "stopped":
        # Its program, its folder, its settings: others on the same account may well start.
        give_up(tx, agent, "start_failed", f"`{agent['name']}` cannot start: {live.get('detail') or outcome}")
    if agent["state"] != "error":
        tx.event("agent.idle", agent_id=agent["id"], round_id=live["id"], old="working", new=agent["state"])
        unwake(tx, agent)
        settle(tx, agent)


def _unpark_after(tx: Tx, live: Fields, agent: Fields, *, worked: bool) -> None:
    """A round that worked shows that the account is free again; one that only probed lets another one try."""
    key = f"parked:{agent.get('account') or agent['id']}"
    if tx.hget(key, "until") is None or (not worked and tx.hget(key, "probe") != live["id"]):
        return
    if worked and (asked := tx.hget(key, "asked")):
        close_attention(tx, "auth_required", asked, "answered")
    for field in ("until", "probe", "tries", "asked") if worked else ("probe",):
        tx.hdel(key, field)
    wake_parked(tx, agent, spread=worked)


def _wait_for_people(tx: Tx, a: Args, live: Fields, agent: Fields) -> None:
    """Park the account after a limit or a lost log-in; hold the agent back after a full disk."""
    outcome, detail, name = live["outcome"], live.get("detail") or "", agent["name"]
    key = f"parked:{agent.get('account') or agent['id']}"
    until: Any = None
    if outcome == "rate_limited":
        tries = int(tx.hget(key, "tries") or 0) + 1
        wait = a.get("retry_ms") or min(a["limits"]["max_backoff_ms"], 60_000 * 2 ** min(tries - 1, 6))
        until = tx.now + wait
        tx.hset(key, "tries", tries)
    elif outcome == "auth_required":
        until = 0
        text = f"`{name}` cannot work: {detail or outcome}"
        asked = tx.hget(key, "asked")
        if not asked or not tx.hget("attention_by", f"{outcome}:{asked}"):  # one question for all of the account
            open_attention(tx, outcome, agent["id"], text, [f"tt adapters doctor {agent['cli']}", f"tt restart {name}"])
            tx.hset(key, "asked", agent["id"])
    elif outcome == "disk_full":
        agent["not_before"] = tx.now + 60_000
        open_attention(tx, "disk_full", agent["id"], f"`{name}` cannot work: the disk is full", [f"tt restart {name}"])
    if until is not None:
        tx.hset(key, "until", until)
        tx.hdel(key, "probe")


VERBS = {"round_end": round_end}
