"""The folder of scripts: every verb has one, each says what it is, and all of them are Lua of the server's version."""

import re
import typing

import lupa.lua51
import pytest
from tinytown.storage import codec
from tinytown.storage.memory.verbs import VERBS
from tinytown.storage.redis.scripts import FOLDER, Scripts

SCRIPTS = Scripts()
LONGEST = 110
COUNTED = {"urgent_mail", "mail", "waking_mail", "queued_tasks", "open_tasks"}
SAID = re.compile(r"^-- (ARGS|REPLY|ERRORS|USES): \S", re.MULTILINE)


def header(path):
    lines = path.read_text().split("\n")
    return "\n".join(lines[: next(at for at, line in enumerate(lines) if not line.startswith("--"))])


def schema():
    """How the prelude says that fields are stored."""
    source = (FOLDER / "_prelude.lua").read_text()
    table = re.search(r"local STORED = \{(.*?)\n\}", source, re.DOTALL).group(1)
    return dict(re.findall(r"(\w+) = (INTEGER|FLAG|NESTED|LONG)", table))


def expected(hint):
    text = str(hint)
    if "tuple" in text or "Mapping" in text:
        return "NESTED"
    if hint is bool:
        return "FLAG"
    return "INTEGER" if hint is int or text.startswith("int |") else None


def test_every_verb_in_memory_has_a_script_and_no_other_script_exists():
    assert SCRIPTS.verbs() == sorted(VERBS)


@pytest.mark.parametrize("verb", sorted(VERBS))
def test_a_script_says_what_it_takes_answers_refuses_and_uses(verb):
    path = FOLDER / f"{verb}.lua"
    said = header(path)
    assert [found.group(1) for found in SAID.finditer(said)] == ["ARGS", "REPLY", "ERRORS", "USES"]
    assert len(path.read_text().split("\n")) <= LONGEST
    assert f"tx.run('{verb}', " in path.read_text()
    refused = set(re.findall(r"tx\.refuse\('(\w+)'", path.read_text()))
    assert refused <= set(re.findall(r"\w+", said.partition("ERRORS:")[2])), "a refusal that the header leaves out"


@pytest.mark.parametrize("verb", sorted(VERBS))
def test_a_script_compiles_on_lua_5_1_and_calls_nothing_that_its_parts_do_not_define(verb):
    source = SCRIPTS.get(verb).source
    lua = lupa.lua51.LuaRuntime()
    error = lua.eval("function(text) return select(2, loadstring(text)) end")(source)
    assert error is None
    defined = set(re.findall(r"^function (tx(?:\.\w+)+)\(", source, re.MULTILINE))
    called = set(re.findall(r"\b(tx\.\w+)\(", source))
    uses = re.search(r"^-- USES: (.*)$", (FOLDER / f"{verb}.lua").read_text(), re.MULTILINE).group(1).split()
    writing = set() if "writes" in uses else {"tx.commit", "tx.changes_of", "tx.guard"}  # a query never comes to them
    assert called <= defined | writing
    assert all((FOLDER / f"_{part}.lua").is_file() for part in uses)


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.lua")), ids=lambda path: path.stem)
def test_a_script_leaks_no_global_and_keeps_lines_short(path):
    text = path.read_text()
    assert max(map(len, text.split("\n"))) <= 120
    assert not re.findall(r"^\s*function (?!tx\.|RECORD\.)\w+\(", text, re.MULTILINE), "a function that is global"
    assert "redis.call('KEYS'" not in text
    assert "'SCAN'" not in text


def test_the_prelude_stores_every_field_as_the_records_read_it():
    stored, seen = schema(), set()
    for kind in codec.KINDS:
        if kind == "event":
            continue
        for name, hint in typing.get_type_hints(codec.KINDS[kind]).items():
            if kind == "message" and name in {"urgent", "quiet"}:  # written as the number 1
                assert stored[name] == "INTEGER"
            elif kind != "agent" or name not in COUNTED:
                how = None if stored.get(name) == "LONG" else stored.get(name)
                assert how == expected(hint), (kind, name)
            seen.add(name)
    assert set(stored) <= seen, "fields that no record has"
