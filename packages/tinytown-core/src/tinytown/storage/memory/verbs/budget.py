"""What the town may spend: kept back when a round begins, counted when it ends, so that rounds cannot pass it together.

A round keeps back what rounds have used on average. Until one has ended nothing is known, so nothing is kept back.
"""

from __future__ import annotations

import math

from tinytown.storage.memory.rules import Args, close_attention, open_attention, postpone, wake
from tinytown.storage.memory.tx import Fields, Tx

KIND, WHOLE = "budget_spent", "town"
LOOK_AGAIN_MS = 60_000
WOKEN_AT_ONCE = 1000
HOW = "; raise `[budget]` in `tinytown.toml`, then `tt stop` and `tt start`"


def _known(tx: Tx, field: str) -> int:
    return int(tx.hget("town", field) or 0)


def _average(tx: Tx, what: str) -> int:
    counted = _known(tx, "rounds_counted")
    return math.ceil(_known(tx, f"spent_{what}") / counted) if counted else 0


def _passes(tx: Tx, what: str, limit: int | None) -> bool:
    """Say whether one more round would pass a limit."""
    if limit is None:
        return False
    spent = _known(tx, f"spent_{what}")
    return spent >= limit or spent + _known(tx, f"reserved_{what}") + _average(tx, what) > limit


def over_budget(tx: Tx, a: Args, agent: Fields) -> bool:
    """Say whether the budget lets no round begin; the agent is looked at again in a while, and a person is asked."""
    words: list[str] = []
    changes: list[str] = []
    if _passes(tx, "tokens", a.get("max_tokens")):
        used, kept = _known(tx, "spent_tokens"), _known(tx, "reserved_tokens")
        words.append(f"{used} of {a['max_tokens']} tokens are spent and {kept} are kept for rounds that go on")
        changes.append("tt config budget.max_tokens")
    if _passes(tx, "micros", a.get("max_micros")):
        used, kept, limit = _known(tx, "spent_micros"), _known(tx, "reserved_micros"), a["max_micros"]
        words.append(
            f"{used / 1e6:.2f} of {limit / 1e6:.2f} USD are spent and {kept / 1e6:.2f} are kept for rounds that go on"
        )
        changes.append("tt config budget.max_cost_usd")
    if not words:
        close_attention(tx, KIND, WHOLE, "answered")
        return False
    text = "; ".join(words) + HOW
    if not tx.hget("attention_by", f"{KIND}:{WHOLE}"):
        tx.event("budget.spent", agent_id=agent["id"], detail=text)
    open_attention(tx, KIND, WHOLE, text, changes)
    postpone(tx, agent, tx.now + LOOK_AGAIN_MS)
    return True


def reserve(tx: Tx, a: Args, live: Fields) -> None:
    """Keep back what a round will use, where there is a limit."""
    for what in ("tokens", "micros"):
        kept = _average(tx, what) if a.get(f"max_{what}") is not None else 0
        if kept:
            live[f"reserve_{what}"] = kept
            tx.hset("town", f"reserved_{what}", _known(tx, f"reserved_{what}") + kept)


def settle_budget(tx: Tx, a: Args, live: Fields) -> None:
    """Count what a round has used in place of what was kept back for it; where the price is unknown, tokens alone."""
    for what in ("tokens", "micros"):
        kept = live.get(f"reserve_{what}") or 0
        if kept:
            tx.hset("town", f"reserved_{what}", max(0, _known(tx, f"reserved_{what}") - kept))
    tokens = (a.get("input_tokens") or 0) + (a.get("output_tokens") or 0)
    cost = a.get("cost_micros") or 0
    if tokens or cost:
        tx.hset("town", "rounds_counted", _known(tx, "rounds_counted") + 1)
        tx.hset("town", "spent_tokens", _known(tx, "spent_tokens") + tokens)
        tx.hset("town", "spent_micros", _known(tx, "spent_micros") + cost)


def look_again(tx: Tx) -> None:
    """A person has seen to the budget: whoever waits on any node may try."""
    for node in tx.smembers("nodes"):
        for ref in tx.zrange(f"due:{node}", WOKEN_AT_ONCE, after=tx.now):
            agent = tx.load("agent", ref)
            if agent is not None:
                wake(tx, agent)
