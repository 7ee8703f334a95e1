"""How a script is put together, and the meaning of what servers answer."""

import hashlib

import pytest
from tinytown.storage.redis.faults import read_fault
from tinytown.storage.redis.scripts import Scripts
from tinytown.storage.redis.versions import check_server, read_info


@pytest.fixture
def folder(tmp_path):
    for name, text in {"_prelude": "P", "_tasks": "T", "_mail": "M", "plain": "-- Says.\nX"}.items():
        (tmp_path / f"{name}.lua").write_text(text)
    (tmp_path / "named.lua").write_text("-- Says.\n-- USES: tasks\nY\n")
    (tmp_path / "bare.lua").write_text("-- USES:\nZ")
    return tmp_path


def test_a_script_begins_with_the_prelude_and_all_parts_in_order(folder):
    script = Scripts(folder).get("plain")
    assert script.source == "P\nM\nT\n-- Says.\nX"
    assert script.sha == hashlib.sha1(script.source.encode()).hexdigest()


def test_a_header_names_the_parts_it_uses(folder):
    assert Scripts(folder).get("named").source.startswith("P\nT\n-- Says.")
    assert Scripts(folder).get("bare").source == "P\n-- USES:\nZ"


def test_verbs_are_listed_without_parts(folder):
    assert Scripts(folder).verbs() == ["bare", "named", "plain"]


@pytest.mark.parametrize("verb", ["missing", "_prelude", "../secret"])
def test_what_is_no_verb_is_not_read(folder, verb):
    with pytest.raises(LookupError):
        Scripts(folder).get(verb)


@pytest.mark.parametrize(
    ("text", "again", "elsewhere", "words"),
    [
        ("LOADING Valkey is loading the dataset in memory", True, False, "loading"),
        ("BUSY Redis is busy running a script.", True, False, "busy with a script"),
        ("ASK 3999 127.0.0.1:6381", True, True, "slot is being moved"),
        ("MOVED 3999 127.0.0.1:6381", True, True, "redis+cluster"),
        ("READONLY You can't write against a read only replica.", True, True, "read-only"),
        ("MISCONF Errors writing to the AOF file: No space left on device", False, False, "disk"),
        ("OOM command not allowed when used memory > 'maxmemory'.", False, False, "memory is full"),
        ("NOPERM User x has no permissions to run the 'eval' command", False, False, "may not"),
        ("ERR max number of clients reached", False, False, "no more connections"),
        ("ERR something new", False, False, "ERR something new"),
    ],
)
def test_each_answer_has_a_meaning(text, again, elsewhere, words):
    fault = read_fault(text, url="redis://h")
    assert (fault.again, fault.elsewhere) == (again, elsewhere)
    assert words in f"{fault.error} {fault.error.hint}"


def test_a_wrong_type_names_the_key_if_the_server_does():
    named = read_fault("WRONGTYPE key tt:{a}:task:t-1 holds a list", url="u", prefix="tt:{a}:").error
    unnamed = read_fault("WRONGTYPE Operation against a key", url="u", prefix="tt:{a}:").error
    assert (named.key, unnamed.key) == ("tt:{a}:task:t-1", "tt:{a}:*")


def test_a_valkey_is_known_by_its_own_version():
    text = "redis_version:7.2.4\r\nserver_name:valkey\r\nvalkey_version:9.1.2\r\nrun_id:ab\r\n"
    assert read_info(text).kind == "Valkey"
    assert check_server(text, "u").version == "9.1.2"


@pytest.mark.parametrize("verb", Scripts().verbs())
def test_every_shipped_script_compiles_and_is_known_by_its_hash(server, verb):
    script = Scripts().get(verb)
    assert server.command("SCRIPT", "LOAD", script.source) == script.sha
