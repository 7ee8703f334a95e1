"""Two hundred random histories of edits of a plan from both sides, people in the file, people and agents in the town:
they converge, nothing is doubled, and comments and order stay."""

from __future__ import annotations

import contextlib
import random
import re

import pytest
from tinytown.config.plan_file import parse_plan
from tinytown.errors import ConfigError, PlanConflictError, RefusedError, TinytownError

WORDS = [
    "mend the roof",
    "paint the door",
    "écrire le manuel",
    'say "hello"\nand more',
    "tabs\tand \\ backslashes",
    "x",
]
HEAD = re.compile(r"^\[\[tasks\]\]", re.MULTILINE)
MOST = 5
STATUSES = ("completed", "pending", "cancelled", "failed", "running")
AGENTS = ("ada", "bob")


def blocks(text):
    """Split a file into its head and one text for each entry."""
    places = [found.start() for found in HEAD.finditer(text)]
    ends = [*places[1:], len(text)] if places else []
    return text[: places[0]] if places else text, [text[a:b] for a, b in zip(places, ends, strict=True)]


def comments(text):
    return re.findall(r"# keep \d+", text)


class History:
    """One town and its file, edited at random.

    Args:
        bench: The town.
        seed: Decides everything.
    """

    def __init__(self, bench, seed):
        self.town, self.bench = bench.town, bench
        self.dice = random.Random(seed)
        self.path = bench.town.paths.plan
        self.count = 0
        self.refused = self.conflicts = 0
        self.last = None
        for name in AGENTS:
            bench.agent(name)

    @property
    def text(self):
        return self.path.read_text() if self.path.exists() else ""

    def state(self):
        """Everything that a refused sync must leave alone."""
        return self.text, self.bench.events(), self.town.tasks(limit=500).items

    # The file

    def edit_file(self):
        head, parts = blocks(self.text)
        self.count += 1
        ways = [self._new] if len(parts) < MOST else []
        if parts:
            ways += [*[self._change] * 5, self._remark, self._swap, self._remove]
        self.dice.choice(ways)(parts)
        text = head + "".join(parts)
        try:
            parse_plan(text, "tasks.toml")
        except TinytownError:
            return  # such as a circle; a person would not save that
        self.path.write_text(text)

    def _new(self, parts):
        known = [entry.id for entry in parse_plan("".join(parts), "x").entries]
        needs = self.dice.sample(known, min(len(known), self.dice.choice([0, 0, 1, 2])))
        lines = ["[[tasks]]", f'id = "entry-{self.count}"  # keep {self.count}', f'description = "do {self.count}"']
        if needs:
            lines.append(f"depends_on = {needs!r}")
        if self.dice.random() < 0.3:
            lines.append(f'agent = "{self.dice.choice(AGENTS)}"')
        if self.dice.random() < 0.3:
            lines.append(f"status = '{self.dice.choice(['pending', 'completed', 'failed', 'assigned'])}'")
        if parts and not parts[-1].endswith("\n"):
            parts[-1] += "\n"
        parts.insert(self.dice.randint(0, len(parts)), "\n".join(lines) + "\n\n")

    def _change(self, parts):
        at = self.dice.randrange(len(parts))
        known = [entry.id for entry in parse_plan("".join(parts), "x").entries]
        key, value = self.dice.choice(
            [
                ("description", f'"better {self.count}"'),
                ("description", '"""several\nlines"""'),
                (
                    "status",
                    self.dice.choice(['"completed"', '"pending"', '"cancelled"', '"failed"', '"running"', None]),
                ),
                ("agent", self.dice.choice(['"ada"', "'BOB'", None])),
                ("role", self.dice.choice(['"mason"', None])),
                ("tags", self.dice.choice(['["a", "b"]', '["b"]', None])),
                ("depends_on", self.dice.choice([f"{self.dice.sample(known, min(2, len(known)))!r}", None])),
                ("parent", self.dice.choice([f'"{self.dice.choice(known)}"', None])),
            ]
        )
        part = re.sub(rf'^{key} = ("""(?:.|\n)*?"""|\[[^\]]*\]|[^\n#]*)', "", parts[at], count=1, flags=re.MULTILINE)
        if value is not None:
            first, _newline, rest = part.partition("\n")
            part = f"{first}\n{key} = {value}\n{rest}"
        elif key == "description":
            return
        parts[at] = part

    def _remark(self, parts):
        at = self.dice.randrange(len(parts))
        first, _newline, rest = parts[at].partition("\n")
        parts[at] = f"{first}\n# keep {self.count}\n{rest}"

    def _swap(self, parts):
        one, other = self.dice.randrange(len(parts)), self.dice.randrange(len(parts))
        parts[one], parts[other] = parts[other], parts[one]
        parts[:] = [part if part.endswith("\n") else part + "\n" for part in parts]

    def _remove(self, parts):
        if self.dice.random() < 0.4:
            parts.pop(self.dice.randrange(len(parts)))

    # The town

    def edit_town(self):
        town, dice = self.town, self.dice
        known = [task.id for task in town.tasks(limit=500).items]
        ref = dice.choice(known) if known else None
        self.count += 1
        ways = [lambda: town.add_task(f"{dice.choice(WORDS)} {self.count}", role=dice.choice([None, "mason"]))]
        if ref is not None:
            ways = ways if len(known) < MOST else []
            ways += [
                lambda: town.edit(ref, text=f"{dice.choice(WORDS)} {self.count}"),
                lambda: town.edit(ref, tags=dice.choice([["a"], ["a", "c"], []])),
                lambda: town.edit(ref, depends_on=dice.sample(known, min(len(known), dice.choice([0, 1])))),
                lambda: town.edit(ref, parent=dice.choice(["", dice.choice(known)])),
                lambda: town.assign(dice.choice(AGENTS), ref),
                lambda: town.complete(ref, result=dice.choice(["done", "y" * 3000, None])),
                lambda: town.fail(ref, "too hard"),
                lambda: town.cancel(ref),
                lambda: town.requeue(ref),
                lambda: town.reopen(ref),
                lambda: town.block(ref, "which one?"),
                lambda: town.unblock(ref),
            ]
        with contextlib.suppress(TinytownError):  # not every verb fits every state
            dice.choice(ways)()

    def edit_both(self):
        """Two people rewrite the same entry, one in the file and one in the town."""
        known = {task.plan_id: task.id for task in self.town.tasks(limit=500).items if task.plan_id}
        head, parts = blocks(self.text)
        named = [(part, ref) for part in parts for name, ref in known.items() if f'id = "{name}"' in part]
        if named:
            part, ref = self.dice.choice(named)
            self.count += 1
            text = re.sub(
                r'^description = "(?:[^"\\\n]|\\.)+"', f'description = "ours {self.count}"', part, flags=re.MULTILINE
            )
            self.path.write_text(head + "".join(text if each is part else each for each in parts))
            with contextlib.suppress(TinytownError):
                self.town.edit(ref, text=f"theirs {self.count}")

    # Bringing both together

    def sync(self, direction=None, prefer=None):
        """Sync; what is refused has changed nothing, and the file goes back to what was synced last."""
        direction = direction or self.dice.choice(["push", "pull"])
        act = self.town.sync_push if direction == "push" else self.town.sync_pull
        before, text = self.state(), self.text
        planned = self._planned(act, prefer)
        try:
            report = act(prefer=prefer)
        except PlanConflictError:
            assert self.state() == before
            self.conflicts += 1
            return None
        except (RefusedError, ConfigError) as error:  # both sides together may go round in a circle
            assert self.state() == before
            self.refused, self.last = self.refused + 1, error
            self._give_in(error)
            return None
        assert planned == (report.added, report.changes) or any(entry.id.startswith("t-") for entry in report.added)
        self._check_layout(text, push=direction == "push")
        return report

    def _give_in(self, error):
        """Do as a person would: take the entry out that cannot be, or take the town's word for everything."""
        name = re.search(r"entry `([^`]+)`", str(error))
        head, parts = blocks(self.text)
        if name is not None and name[1] not in {task.plan_id for task in self.town.tasks(limit=500).items}:
            self.path.write_text(head + "".join(part for part in parts if f'"{name[1]}"' not in part))
            return
        self.town.paths.sync_base.unlink()
        self.sync("pull", "town")

    def _planned(self, act, prefer):
        before = self.state()
        try:
            found = act(prefer=prefer, dry_run=True)
        except TinytownError:
            return None
        finally:
            assert self.state() == before
        return found.added, found.changes

    def _check_layout(self, before, *, push):
        """Comments and order stay; a push writes nothing."""
        now = self.text
        if push:
            assert now == before
        assert comments(now) == comments(before)
        ids = [entry.id for entry in parse_plan(before, "x").entries]
        assert [entry.id for entry in parse_plan(now, "x").entries][: len(ids)] == ids

    def settle(self):
        """Resolve everything; then a push and a pull change nothing."""
        for _ in range(6):
            pulled = self.sync("pull", self.dice.choice(["file", "town"]))
            pushed = self.sync("push", self.dice.choice(["file", "town"]))
            if pulled and pushed and pulled.nothing and pushed.nothing:
                break
        before = self.state()
        for direction in ("push", "pull", "push"):
            report = self.sync(direction)
            assert report is not None, (direction, self.last)
            assert report.nothing, (direction, report)
        assert self.state() == before
        self.check_twins()

    def check_twins(self):
        """Each entry is one task, and each open task is one entry unless it was taken out of the file."""
        entries = parse_plan(self.text, "x").entries
        tasks = self.town.tasks(limit=500).items
        named = [task.plan_id for task in tasks if task.plan_id]
        assert len(named) == len(set(named))
        assert len({entry.id for entry in entries}) == len(entries)
        listed = {each.entry.id: each.task for each in self.town.plan()}
        for entry in entries:
            task = listed[entry.id]
            assert task is not None, entry
            assert (entry.description, set(entry.tags)) == (task.description, set(task.tags))
            assert (entry.status or "pending", entry.agent) == (str(task.state), task.agent)


STEPS = 10


def live(history):
    for _ in range(STEPS):
        for _ in range(history.dice.choice([0, 1, 2])):
            history.edit_file()
        for _ in range(history.dice.choice([0, 1, 2])):
            history.edit_town()
        if history.dice.random() < 0.3:
            history.edit_both()
        history.sync(prefer=history.dice.choice([None, None, None, "file", "town"]))
    history.settle()


@pytest.mark.parametrize("seed", range(200))
def test_edits_from_both_sides_converge(bench, seed):
    live(History(bench, seed))


@pytest.mark.parametrize("seed", range(1000, 1006))
def test_they_converge_on_a_real_server_too(make_bench, server_url, seed):
    live(History(make_bench("", server_url), seed))


def test_the_histories_meet_conflicts_and_refusals(make_bench, tmp_path):
    met = []
    for seed in range(2000, 2008):
        root = tmp_path / str(seed)
        root.mkdir()
        history = History(make_bench("", None, root), seed)
        live(history)
        met.append((history.conflicts, history.refused))
    assert all(sum(each) for each in zip(*met, strict=True)), met
