"""The three-way merge by itself: for any three sides, nothing is lost in silence and both directions meet."""

from __future__ import annotations

from itertools import pairwise

import attrs
from hypothesis import given
from hypothesis import strategies as st
from tinytown.domain.plan_entries import CLOSED, FIELDS, Entry, circle, in_order, same, slug
from tinytown.domain.plan_merge import base_after_pull, base_after_push, merge

WORDS = st.sampled_from(["a", "b", "c"])
NAMES = ("one", "two", "three")
PUSHED = [field for field in FIELDS if field != "result"]


@st.composite
def sides(draw):
    """Three sides of a few entries, mostly alike."""
    found = {}
    for side in ("file", "town", "base"):
        found[side] = {
            name: Entry(
                id=name,
                description=draw(WORDS),
                agent=draw(st.none() | WORDS),
                status=draw(st.sampled_from(["pending", "assigned", "completed"])),
                tags=tuple(draw(st.lists(WORDS, unique=True, max_size=2))),
            )
            for name in draw(st.lists(st.sampled_from(NAMES), unique=True))
        }
    return found["file"], found["town"], found["base"]


def applied(entry, changes):
    return attrs.evolve(entry, **{change.field: change.new for change in changes if change.id == entry.id})


@given(sides())
def test_each_difference_goes_one_way_or_is_a_conflict(given_sides):
    file, town, base = given_sides
    merged = merge(file, town, base)
    told = {(each.id, each.field) for each in (*merged.to_town, *merged.to_file, *merged.conflicts)}
    assert len(told) == len(merged.to_town) + len(merged.to_file) + len(merged.conflicts)
    differ = {
        (ref, field)
        for ref in file.keys() & town.keys()
        for field in FIELDS
        if not same(field, file[ref].get(field), town[ref].get(field))
    }
    assert told == differ
    for each in merged.conflicts:
        before = base.get(each.id)
        assert before is None or not same(each.field, each.file, before.get(each.field))
        assert before is None or not same(each.field, each.town, before.get(each.field))
    assert set(merged.new_in_file) == file.keys() - town.keys()
    assert set(merged.new_in_town) == town.keys() - file.keys() - base.keys()
    assert all(town[ref].status not in CLOSED for ref in merged.removed)


@given(sides(), st.sampled_from(["file", "town"]), st.sampled_from(["file", "town"]))
def test_a_push_and_a_pull_meet_and_then_nothing_is_left_to_do(given_sides, first, then):
    file, town, base = given_sides
    merged = merge(file, town, base, prefer=first)
    pushed = {ref: applied(entry, merged.to_town) for ref, entry in town.items()}
    pushed |= {ref: file[ref] for ref in merged.new_in_file}
    base = base_after_push(file, town, base)
    assert merge(file, pushed, base).to_town == ()
    merged = merge(file, pushed, base, prefer=then)
    assert merged.conflicts == ()
    pulled = {ref: applied(entry, merged.to_file) for ref, entry in file.items()}
    pulled |= {ref: pushed[ref] for ref in merged.new_in_town}
    last = merge(pulled, pushed, base_after_pull(pulled, pushed, base))
    assert (last.to_town, last.to_file, last.conflicts, last.new_in_file, last.new_in_town) == ((), (), (), (), ())


@given(sides())
def test_what_one_side_alone_changed_reaches_the_other(given_sides):
    file, _town, base = given_sides
    merged = merge(file, base, base)
    assert merged.conflicts == merged.to_file == ()
    assert {ref: applied(entry, merged.to_town) for ref, entry in base.items() if ref in file} == {
        ref: attrs.evolve(
            base[ref],
            **{f: file[ref].get(f) for f in FIELDS if not same(f, file[ref].get(f), base[ref].get(f))},
        )
        for ref in file.keys() & base.keys()
    }


@given(sides())
def test_without_a_base_equal_values_agree_and_others_are_conflicts(given_sides):
    file, town, _base = given_sides
    merged = merge(file, town, {})
    assert merged.to_town == merged.to_file == ()
    assert all(not same(each.field, each.file, each.town) for each in merged.conflicts)


def test_a_status_that_the_file_leaves_out_is_never_a_wish():
    base = {"one": Entry(id="one", description="a", status="completed")}
    said_nothing = {"one": Entry(id="one", description="a")}
    merged = merge(said_nothing, {"one": attrs.evolve(base["one"], status="failed")}, base)
    assert (merged.to_town, merged.conflicts) == ((), ())
    assert [change.new for change in merged.to_file] == ["failed"]


@given(st.dictionaries(st.sampled_from("abcdef"), st.lists(st.sampled_from("abcdef"), unique=True)))
def test_a_circle_is_found_exactly_when_there_is_no_order(needs):
    way = circle(needs)
    if way is None:
        order = in_order(needs)
        assert sorted(order) == sorted(needs)
        assert all(order.index(n) < order.index(ref) for ref in needs for n in needs[ref] if n in needs)
    else:
        assert way[0] == way[-1]
        assert all(after in needs[before] for before, after in pairwise(way))


@given(st.text(max_size=300), st.sets(st.text(max_size=5)))
def test_a_made_up_id_is_short_readable_and_new(text, taken):
    found = slug(text, taken)
    assert found not in taken
    assert 0 < len(found) <= 50
    assert found.replace("-", "").isalnum()
    assert found.isascii()
