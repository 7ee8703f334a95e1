"""Missions of the Rust program: their work items become tasks, and the whole of each mission is kept as a file."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple, cast

import attrs

from tinytown.storage.redis.rust_town import OldMission, OldTask, OldTown, to_millis

FOLDER = "migrated"
_ITEM = "work-item:"
_CLOSED = {"completed", "failed", "cancelled"}
_GOES_ON = {"planning", "running"}


class AllTasks(NamedTuple):
    """The tasks of a town by their old ids, what each waits for, and why some of them are blocked."""

    tasks: Mapping[str, OldTask]
    needs: Mapping[str, tuple[str, ...]]
    blocked: Mapping[str, str]


def with_missions(old: OldTown, notes: list[str]) -> AllTasks:
    """Give all tasks with those of work items, what waits for what, and what is blocked with which reason.

    A work item that has an open task already is that task.

    Args:
        old: The old town.
        notes: Gets a sentence for each mission.
    """
    tasks, bound = list(old.tasks), _open_tasks(old.tasks)
    needs: dict[str, tuple[str, ...]] = {}
    blocked: dict[str, str] = {}
    for mission in old.missions:
        stands_for = {_ref(item): bound.get(_ref(item), _ref(item)) for item in mission.work}
        goes_on = mission.run.get("state") in _GOES_ON
        for item in mission.work:
            ref = stands_for[_ref(item)]
            needs[ref] = tuple(stands_for[need] for need in _texts(item.get("depends_on")) if need in stands_for)
            if ref == _ref(item):
                tasks.append(_as_task(mission, item))
            if item.get("status") == "done" and ref == _ref(item):
                continue
            if not goes_on:
                blocked[ref] = f"mission: it was {mission.run.get('state') or 'not readable'}"
            elif item.get("status") == "blocked" and ref == _ref(item):
                blocked[ref] = "mission: it waited for a review or a pull request"
        count = len(mission.work)
        notes.append(
            f"mission {mission.uuid}: its {count} work items become tasks; missions as such are not brought over"
        )
    return AllTasks({task.uuid: task for task in tasks}, needs, blocked)


def document_of(mission: OldMission) -> tuple[str, str]:
    """Give the file below `.tt/` that keeps a mission, and its text."""
    text = json.dumps(mission.document, indent=2, ensure_ascii=False, sort_keys=True)
    return f"{FOLDER}/mission-{mission.uuid}.json", text + "\n"


def _ref(item: Mapping[str, Any]) -> str:
    return str(item["id"]).lower()


def _open_tasks(tasks: Iterable[OldTask]) -> dict[str, str]:
    """Find for each work item the open task that is its work, the last of several; a review of it is another one."""
    return {
        tag.removeprefix(_ITEM): task.uuid
        for task in tasks
        if task.state not in _CLOSED and "mission-review-task" not in task.tags
        for tag in task.tags
        if tag.startswith(_ITEM)
    }


def _as_task(mission: OldMission, item: Mapping[str, Any]) -> OldTask:
    done = item.get("status") == "done"
    made, changed = _time(item, "created_at"), _time(item, "updated_at")
    lines = [str(item.get("title") or "a work item"), f"kind: {item.get('kind') or 'implement'}"]
    lines += [f"from: {item['source_ref']}"] if item.get("source_ref") else []
    lines += [f"role: {item['owner_role']}"] if item.get("owner_role") else []
    artifacts = _texts(item.get("artifact_refs"))
    return attrs.evolve(
        OldTask(uuid=_ref(item), description="\n".join(lines), state="completed" if done else "pending"),
        agent=str(item["assigned_to"]).lower() if item.get("assigned_to") else None,
        tags=(f"mission:{mission.uuid}", f"work-item:{_ref(item)}", "mission-work-item"),
        result="\n".join(artifacts) or None,
        created_at=made,
        updated_at=changed,
        completed_at=changed if done else 0,
    )


def _time(item: Mapping[str, Any], name: str) -> int:
    return to_millis(str(item.get(name) or "")) or 0


def _texts(value: Any) -> list[str]:
    return [str(each) for each in cast("list[Any]", value)] if isinstance(value, list) else []
