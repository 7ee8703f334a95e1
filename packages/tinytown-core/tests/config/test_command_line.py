import shlex

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tinytown.config.command_line import split_command
from tinytown.config.schema import Place
from tinytown.errors import ConfigError

PLACE = Place("f", "agent_clis.m.command")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("python3 a.py --fast", ("python3", "a.py", "--fast")),
        ("a 'b c' \"d e\" f\\ g", ("a", "b c", "d e", "f g")),
        ("a '$HOME;|&<>~`'", ("a", "$HOME;|&<>~`")),
        ('a "x;y|z&~<>"', ("a", "x;y|z&~<>")),
        ("a \\$HOME '$x' \\~", ("a", "$HOME", "$x", "~")),
        ("a b~c --x=1", ("a", "b~c", "--x=1")),
        ("a # b", ("a", "#", "b")),
        ("a ''", ("a", "")),
    ],
)
def test_words_are_split_as_a_shell_splits_them(text: str, words: tuple[str, ...]):
    assert split_command(text, PLACE) == words


@pytest.mark.parametrize(
    "text",
    [
        "~/x",
        "a ~",
        "a $HOME",
        'a "$HOME"',
        "a | b",
        "a > b",
        "a < b",
        "a & b",
        "a;b",
        "a `b`",
        'a "\\$x"',
        'a "`b`"',
        "A=1 b",
    ],
)
def test_what_only_a_shell_can_do_is_refused_with_a_hint(text: str):
    with pytest.raises(ConfigError, match="only a shell can do") as caught:
        split_command(text, PLACE)
    assert "script" in (caught.value.hint or "")


@pytest.mark.parametrize("text", ["", "   ", "''", "a 'b", 'a "b', "a \\"])
def test_an_empty_or_open_command_line_is_refused(text: str):
    with pytest.raises(ConfigError):
        split_command(text, PLACE)


@given(st.lists(st.text(min_size=1), min_size=1))
def test_any_words_survive_quoting_and_splitting(words: list[str]):
    assert split_command(shlex.join(words), PLACE) == tuple(words)
