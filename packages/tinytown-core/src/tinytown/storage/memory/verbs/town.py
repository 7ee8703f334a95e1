"""The verbs of the town itself."""

from __future__ import annotations

from tinytown.domain.ids import CONDUCTOR_ID
from tinytown.storage.memory.rules import Args
from tinytown.storage.memory.tx import Fields, Tx

SCHEMA = 1


def town_claim(tx: Tx, a: Args) -> Fields:
    """Say that this folder is the town of this name; refuse if another folder's is on the server."""
    instance = tx.hget("town", "instance")
    if instance is not None and instance != a["instance"] and not a.get("replace"):
        tx.refuse("town_conflict", name=a["name"])
    unfinished = tx.hget("town", "unfinished")
    if unfinished is not None and not a.get("unfinished"):
        tx.refuse("town_unfinished", what=unfinished.partition(":")[0])
    if instance is None:
        tx.hset("town", "schema", SCHEMA)
        tx.hset("town", "created_at", tx.now)
        conductor = tx.make("agent", CONDUCTOR_ID, {"name": "conductor", "role": "conductor", "created_at": tx.now})
        conductor.update(state="idle", wanted="run", incarnation=1, cli="")
        tx.event("town.created", detail=a["name"])
    tx.hset("town", "name", a["name"])
    tx.hset("town", "instance", a["instance"])
    tx.hset("town", "max_events", a["max_events"])
    return {"created": instance is None, "schema": tx.hget("town", "schema")}


VERBS = {"town_claim": town_claim}
