"""Push and pull: what each field of the file means to the town, and what is refused before anything is done."""

from __future__ import annotations

import pytest
from tinytown.config.plan_file import parse_plan
from tinytown.errors import ConfigError, PlanConflictError, RefusedError, TinytownError
from tinytown.storage.calls import nodes

NODE = "n-00000001"


@pytest.fixture
def plan(bench):
    """Writes the file of the town."""

    def write(text):
        bench.town.paths.plan.write_text(text)
        return bench.town

    return write


def entry(name, text="do it", **fields):
    lines = [f"{key} = {value!r}" for key, value in fields.items()]
    return "\n".join(["[[tasks]]", f'id = "{name}"', f"description = {text!r}", *lines, ""]) + "\n"


def by_plan(town):
    return {task.plan_id: task for task in town.tasks(limit=500).items}


def unchanged(bench, error, act):
    before = bench.events(), bench.town.paths.plan.read_bytes()
    with pytest.raises(error) as caught:
        act()
    assert (bench.events(), bench.town.paths.plan.read_bytes()) == before
    return caught.value


def test_a_pushed_entry_is_work_that_its_agent_is_woken_for(bench, plan):
    bench.agent("ada", nickname="countess")
    town = plan('[meta]\ndefault_agent = "ada"\n' + entry("a") + entry("b", agent="Countess", status="pending"))
    assert town.sync_push().added[0].id == "a"
    assert [(task.state, task.agent) for task in town.tasks().items] == [("assigned", "ada")] * 2
    assert bench.storage.run(nodes.pull(NODE)).due


def test_pushing_twice_changes_nothing(bench, plan):
    bench.agent("ada")
    town = plan(
        entry("c", depends_on=["a", "b"], parent="a", tags=["x"], role="mason")
        + entry("a", status="completed")
        + entry("b", agent="ada")
    )
    town.sync_push()
    events = bench.events()
    for _ in range(2):
        assert town.sync_push().nothing
    assert bench.events() == events
    tasks = by_plan(town)
    assert tasks["c"].depends_on == (tasks["a"].id, tasks["b"].id)
    assert (tasks["c"].parent_id, tasks["c"].tags, tasks["c"].role) == (tasks["a"].id, ("x",), "mason")
    assert [tasks[name].state for name in "abc"] == ["completed", "assigned", "waiting"]


@pytest.mark.parametrize(
    ("before", "change", "after"),
    [
        ("pending", {"status": "completed"}, "completed"),
        ("pending", {"status": "failed"}, "failed"),
        ("assigned", {"status": "cancelled"}, "cancelled"),
        ("assigned", {"status": "pending"}, "pending"),
        ("blocked", {"status": "pending"}, "pending"),
        ("cancelled", {"status": "pending"}, "pending"),
        ("failed", {"status": "assigned", "agent": "ada"}, "assigned"),
        ("pending", {"agent": "ada"}, "assigned"),
    ],
)
def test_a_status_in_the_file_is_the_verb_that_leads_there(bench, plan, before, change, after):
    bench.agent("ada")
    town = plan(entry("a"))
    town.sync_push()
    task = by_plan(town)["a"].id
    lead = {
        "assigned": lambda: town.assign("ada", task),
        "blocked": lambda: town.block(task, "?"),
        "cancelled": lambda: town.cancel(task),
        "failed": lambda: town.fail(task, "no"),
    }
    lead.get(before, lambda: None)()
    town.sync_pull()
    found = parse_plan(town.paths.plan.read_text(), "x").entries[0]
    assert (found.status or "pending") == before
    fields = {"status": found.status or "pending", **({"agent": found.agent} if found.agent else {}), **change}
    plan(entry("a", **fields))
    town.sync_push()
    assert by_plan(town)["a"].state == after
    town.sync_pull()
    assert town.sync_push().nothing


@pytest.mark.parametrize(
    ("before", "text", "said"),
    [
        ("completed", entry("a", status="pending"), "completed"),
        ("pending", entry("a", status="running"), "only the town"),
        ("pending", entry("a", status="assigned"), "nobody"),
        ("pending", entry("a", agent="nobody"), "does not exist"),
        ("pending", entry("a") + entry("b", depends_on=["zzz"]), "no entry and no task"),
        ("pending", entry("a") + entry("b", tags=["a b"]), "tag"),
        ("pending", entry("a", role="a/b"), "role"),
        ("cancelled", entry("a", status="cancelled") + entry("b", depends_on=["a"]), "cancelled"),
        ("completed", entry("a", text="other", status="completed"), "description"),
    ],
)
def test_what_the_table_does_not_allow_is_refused_by_the_name_of_the_entry(bench, plan, before, text, said):
    town = plan(entry("a"))
    town.sync_push()
    task = by_plan(town)["a"].id
    {"completed": town.complete, "cancelled": town.cancel}.get(before, lambda _ref: None)(task)
    town.sync_pull()
    plan(entry("new", text="would be made first") + text)
    error = unchanged(bench, RefusedError, town.sync_push)
    assert said in str(error)
    assert "entry `" in str(error)
    assert error.hint
    assert len(town.tasks().items) == 1


def test_a_running_task_is_not_edited_behind_its_agent(bench, plan):
    agent = bench.agent("ada")
    town = plan(entry("a", agent="ada"))
    town.sync_push()
    bench.take(agent)
    town.sync_pull()
    plan(town.paths.plan.read_text().replace("do it", "do that"))
    assert "running" in str(unchanged(bench, RefusedError, town.sync_push))


def test_a_conflict_changes_nothing_at_all_and_is_resolved_by_a_word(bench, plan):
    town = plan(entry("a") + entry("b"))
    town.sync_push()
    town.edit(by_plan(town)["a"].id, text="from the town")
    plan(entry("a", "from the file") + entry("b", "changed too") + entry("c"))
    for act in (town.sync_push, town.sync_pull):
        error = unchanged(bench, PlanConflictError, act)
        (found,) = error.conflicts
        assert (found.id, found.field, found.file, found.town, found.base) == (
            "a", "description", "from the file", "from the town", "do it",
        )  # fmt: skip
    town.sync_push(prefer="town")
    assert by_plan(town)["b"].description == "changed too"
    assert town.sync_pull().changes[0].new == "from the town"


def test_an_entry_taken_out_cancels_nothing_unless_asked(bench, plan):
    town = plan(entry("a") + entry("b"))
    town.sync_push()
    plan(entry("a"))
    assert town.sync_push().removed == ("b",)
    assert town.sync_pull().added == ()
    assert by_plan(town)["b"].state == "pending"
    assert town.sync_push(prune=True, dry_run=True).cancelled == ("b",)
    assert by_plan(town)["b"].state == "pending"
    assert town.sync_push(prune=True).cancelled == ("b",)
    assert by_plan(town)["b"].state == "cancelled"
    assert (town.sync_push().removed, town.sync_pull().added) == ((), ())


def test_without_the_base_equal_sides_agree_and_others_are_conflicts(bench, plan):
    town = plan(entry("a") + entry("b"))
    town.sync_push()
    town.edit(by_plan(town)["b"].id, text="other")
    for lost in (None, b"\xff{", b'{"version": 9}', b"[]"):
        town.paths.sync_base.unlink() if lost is None else town.paths.sync_base.write_bytes(lost)
        error = unchanged(bench, PlanConflictError, town.sync_push)
        assert [(each.id, each.base) for each in error.conflicts] == [("b", None)]
    town.sync_pull(prefer="town")
    assert town.sync_push().nothing


def test_tasks_of_the_town_come_to_the_file_with_readable_ids(bench, plan):
    town = plan("# mine\n" + entry("mend-the-roof"))
    town.sync_push()
    first = town.add_task("Mend the roof!")
    town.add_task("paint", depends_on=[first.id], parent=first.id)
    done = town.add_task("long ago")
    town.complete(done.id)
    assert [each.id for each in town.sync_pull(dry_run=True).added] == ["mend-the-roof-2", "paint"]
    town.sync_pull()
    found = parse_plan(town.paths.plan.read_text(), "x").entries
    assert [(each.id, each.depends_on, each.parent) for each in found] == [
        ("mend-the-roof", (), None),
        ("mend-the-roof-2", (), None),
        ("paint", ("mend-the-roof-2",), "mend-the-roof-2"),
    ]
    assert town.sync_pull().nothing
    assert [each.id for each in town.sync_pull(everything=True).added] == ["long-ago"]
    assert town.sync_push().nothing


def test_an_entry_may_be_called_by_the_id_of_its_task(bench, plan):
    task = bench.town.add_task("do it")
    town = plan(entry(task.id, "do it well"))
    with pytest.raises(PlanConflictError):
        town.sync_push()
    town.sync_push(prefer="file")
    assert [each.description for each in town.tasks().items] == ["do it well"]
    assert town.sync_pull().nothing


def test_completing_in_the_file_asks_the_gates(make_bench):
    bench = make_bench('[gates]\ntest = "true"')
    town = bench.town
    town.paths.plan.write_text(entry("a"))
    town.sync_push()
    town.paths.plan.write_text(entry("a", status="completed"))
    town.sync_push()
    assert by_plan(town)["a"].state == "verifying"
    town.sync_pull()
    assert "verifying" in town.paths.plan.read_text()
    town.paths.plan.write_text(entry("a", status="completed"))
    town.sync_push(no_gates=True)
    assert by_plan(town)["a"].evidence[0]["kind"] == "no_gates"


def test_entries_without_an_id_get_one_that_stays(bench, plan):
    town = plan('[[tasks]]\ndescription = "Mend the roof"  # first\n')
    town.sync_push()
    text = town.paths.plan.read_text()
    assert 'id = "mend-the-roof"' in text
    plan(text.replace("Mend the roof", "Mend it all"))
    town.sync_push()
    assert [task.description for task in town.tasks().items] == ["Mend it all"]


def test_a_round_syncs_nothing_and_a_broken_file_changes_nothing(bench, plan):
    agent = bench.agent("ada")
    town = plan(entry("a", agent="ada"))
    town.sync_push()
    inside = bench.inside(bench.take(agent).round)
    for act in (inside.sync_push, inside.sync_pull):
        assert unchanged(bench, TinytownError, act).shown_code == "people_only"
    plan(entry("a") + entry("a"))
    for act in (town.sync_push, town.sync_pull, town.plan):
        unchanged(bench, ConfigError, act)


def test_an_entry_without_an_id_is_never_taken_for_work_that_is_done(bench, plan):
    """The same chore comes back after a release: it must not end up as the task of the last time."""
    chore = '[[tasks]]\ndescription = "Update the changelog"\n'
    town = plan(chore)
    town.sync_push()
    town.complete(by_plan(town)["update-the-changelog"].id)
    plan("")
    town.sync_push()
    plan(chore)
    for act in (town.sync_push, town.sync_pull):
        assert "id of its own" in (unchanged(bench, RefusedError, act).hint or "")
    plan(entry("changelog-2", "Update the changelog"))
    town.sync_push()
    assert by_plan(town)["changelog-2"].state == "pending"


def test_an_entry_whose_id_was_changed_is_not_done_twice(bench, plan):
    town = plan(entry("a", "Mend the roof") + entry("b"))
    town.sync_push()
    plan(entry("roof", "Mend the roof") + entry("b"))
    refusal = unchanged(bench, RefusedError, town.sync_push)
    assert "`a`" in refusal.message
    assert "--prune" in (refusal.hint or "")
    town.sync_push(prune=True)
    assert {name: task.state for name, task in by_plan(town).items()} == {
        "a": "cancelled",
        "roof": "pending",
        "b": "pending",
    }


def test_a_long_plan_is_remembered_whole(bench, plan):
    texts = [f"{number} " + "word " * 150 for number in range(1300)]
    town = plan("".join(entry(f"e{number}", text) for number, text in enumerate(texts)))
    town.sync_push()
    assert town.paths.sync_base.stat().st_size > 1024 * 1024
    town.edit(by_plan(town)["e0"].id, text="changed in the town")
    assert [change.id for change in town.sync_pull().changes] == ["e0"]
    assert town.sync_push().nothing
