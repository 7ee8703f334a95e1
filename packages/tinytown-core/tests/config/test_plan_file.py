"""`tasks.toml`: what loads, what is refused in one sentence, and what writing leaves alone."""

from __future__ import annotations

import pytest
from tinytown.config.plan_file import MAX_ENTRIES, parse_plan, read_plan
from tinytown.config.plan_write import EXAMPLE, changed_text
from tinytown.domain.plan_entries import Entry
from tinytown.errors import ConfigError

OTHER_PROGRAMS = """
[meta]
description = "Rewrite"
default_agent = "backend"

[[tasks]]
id = "task-48213"
description = "API first"
agent = "backend"
status = "assigned"
tags = ["api", "Needs Review"]

[[tasks]]
description = "Then the page"
status = "in_flight"
parent = "task-48213"

[[tasks]]
description = "Then the page"
"""

HOSTILE = {
    "binary": b"\x7fELF\x00\x01\x02\xff",
    "not UTF-8": b'[[tasks]]\ndescription = "\xff\xfe"\n',
    "ten megabytes": b"# " + b"x" * 10_000_000,
    "no TOML": b"[[tasks]\n",
    "NUL": b'[[tasks]]\ndescription = "a\x00"\n',
    "deep nesting": b"a = " + b"[" * 100_000,
    "deep tables": b"[" + b".".join([b"a"] * 20_000) + b"]",
    "an unknown table": b"[metta]\n",
    "an unknown key": b'[[tasks]]\ndescription = "x"\ndepend_on = ["y"]\n',
    "no description": b'[[tasks]]\nid = "x"\n',
    "an empty description": b'[[tasks]]\ndescription = "  "\n',
    "a wrong type": b"[[tasks]]\ndescription = 5\n",
    "tasks as a text": b'tasks = "all"\n',
    "tasks as texts": b'tasks = ["a"]\n',
    "a list as a text": b'[[tasks]]\ndescription = "x"\ntags = "a"\n',
    "two of one id": b'[[tasks]]\nid = "x"\ndescription = "1"\n[[tasks]]\nid = "x"\ndescription = "2"\n',
    "a circle": b'[[tasks]]\nid="x"\ndescription="1"\ndepends_on=["y"]\n[[tasks]]\nid="y"\ndescription="2"\n'
    b'depends_on=["x"]\n',
    "waits for itself": b'[[tasks]]\nid="x"\ndescription="1"\ndepends_on=["x"]\n',
    "a part of itself": b'[[tasks]]\nid="x"\ndescription="1"\nparent="x"\n',
    "a strange status": b'[[tasks]]\ndescription="1"\nstatus="complete"\n',
    "an id of two lines": b'[[tasks]]\nid="a\\nb"\ndescription="1"\n',
    "an empty id": b'[[tasks]]\nid=""\ndescription="1"\n',
    "an escape in an id": b'[[tasks]]\nid="\\u001b[31m"\ndescription="1"\n',
    "a long id": b'[[tasks]]\nid="' + b"x" * 5000 + b'"\ndescription="1"\n',
    "many entries": b'[[tasks]]\ndescription="1"\n' * (MAX_ENTRIES + 1),
    "many tags": b'[[tasks]]\ndescription="1"\ntags=[' + b'"a",' * 500 + b"]\n",
}


def test_a_file_of_the_other_program_loads():
    plan = parse_plan(OTHER_PROGRAMS, "tasks.toml")
    assert plan.meta.default_agent == "backend"
    first, second, third = plan.entries
    assert (first.id, first.agent, first.status, first.tags) == (
        "task-48213",
        "backend",
        "assigned",
        ("api", "needs review"),
    )
    assert (second.id, second.status, second.parent) == ("then-the-page", "running", "task-48213")
    assert third.id == "then-the-page-2"
    assert plan.unnamed == {1: "then-the-page", 2: "then-the-page-2"}


def test_the_example_loads_and_a_missing_file_is_an_empty_plan(tmp_path):
    assert [entry.id for entry in parse_plan(EXAMPLE, "x").entries] == ["parser", "parser-docs"]
    assert read_plan(tmp_path / "none.toml").entries == ()


@pytest.mark.parametrize("name", sorted(HOSTILE))
def test_a_hostile_file_is_refused_in_one_sentence(tmp_path, name):
    path = tmp_path / "tasks.toml"
    path.write_bytes(HOSTILE[name])
    with pytest.raises(ConfigError) as caught:
        read_plan(path)
    assert len(str(caught.value)) < 2000
    assert path.read_bytes() == HOSTILE[name]


def test_a_slip_is_answered_with_what_was_meant(tmp_path):
    for text, meant in ((HOSTILE["an unknown key"], "depends_on"), (HOSTILE["a strange status"], "completed")):
        with pytest.raises(ConfigError, match=r".*") as caught:
            parse_plan(text.decode(), "tasks.toml")
        assert meant in (caught.value.hint or "")


LAID_OUT = """\
# first of all
[meta]
description = 'kept as it is'   # so

[[tasks]]   # of the roof
  id = "roof"
  description = '''literal
text'''
tags = [
  "a",  # why
]

# about the door
[[tasks]]
description = "door"
id="door"
status="pending" # soon"""


def test_writing_changes_what_it_must_and_nothing_else():
    text = changed_text(LAID_OUT, {0: {"status": "completed"}, 1: {"status": "failed"}}, path="x")
    expected = LAID_OUT.replace("]\n\n# about", ']\nstatus = "completed"\n\n# about')
    assert text == expected.replace('"pending" # soon', '"failed" # soon')


@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
@pytest.mark.parametrize(
    "text",
    [
        "x",
        'say "hi"',
        "two\nlines",
        "\nfirst empty",
        'ends with "',
        'three """ quotes',
        "tab\t\\ ü 日本\x1b",
        "a\r\nb\\",
    ],
)
def test_new_entries_come_to_the_end_and_read_back_as_they_were(text, line_end):
    entry = Entry(id="new", description=text, tags=("a", "b"), depends_on=("roof",), status="waiting")
    before = LAID_OUT.replace("\n", line_end)
    found = changed_text(before, {}, [entry], path="x")
    assert found.startswith(before)
    assert parse_plan(found, "x").entries[-1] == entry
    assert parse_plan(changed_text(None, {}, [entry], path="x"), "x").entries == (entry,)


def test_entries_in_one_line_are_written_there():
    before = 'tasks = [{ id = "a", description = "x" }]  # short\n'
    found = changed_text(before, {0: {"status": "failed"}}, [Entry(id="b", description="y")], path="x")
    assert [(entry.id, entry.status) for entry in parse_plan(found, "x").entries] == [("a", "failed"), ("b", None)]
    assert "# short" in found


def test_a_layout_that_a_program_would_move_is_refused():
    apart = '[[tasks]]\ndescription = "a"\n\n[meta]\n\n[[tasks]]\ndescription = "b"\n'
    with pytest.raises(ConfigError, match="cannot be changed"):
        changed_text(apart, {0: {"status": "failed"}}, path="x")


def test_a_file_with_the_line_ends_of_windows_keeps_them_everywhere():
    before = LAID_OUT.replace("\n", "\r\n")
    changes = {0: {"description": "two\nlines"}, 1: {"agent": "ada", "status": "failed"}}
    found = changed_text(before, changes, [Entry(id="b", description="three\nmore\nlines")], path="x")
    assert found.count("\n") == found.count("\r\n")
    assert [entry.description for entry in parse_plan(found, "x").entries] == [
        "two\nlines",
        "door",
        "three\nmore\nlines",
    ]


@pytest.mark.parametrize("where", ["between entries", "inside a text"])
def test_a_merge_of_git_that_is_not_settled_is_named_as_one(where):
    marks = "<<<<<<< HEAD\none\n=======\nother\n>>>>>>> branch\n"
    entry = '[[tasks]]\ndescription = "a"\n'
    text = entry + marks if where == "between entries" else f'[[tasks]]\ndescription = """\n{marks}"""\n'
    with pytest.raises(ConfigError, match="merge of git") as caught:
        parse_plan(text, "tasks.toml")
    assert "sides" in (caught.value.hint or "")
    assert parse_plan('[[tasks]]\ndescription = """\n=======\n<<<<<<<< a title"""\n', "x").entries


def test_a_text_that_would_be_too_long_to_read_is_never_written():
    entries = [Entry(id=f"e{number}", description="x" * 20_000) for number in range(60)]
    with pytest.raises(ConfigError, match="larger"):
        changed_text(None, {}, entries, path="x")
