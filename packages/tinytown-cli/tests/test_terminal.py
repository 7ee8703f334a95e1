from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tinytown_cli.terminal import clean, columns, one_line, wants_colour


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b]0;title\x07x", "x"),
        ("\x1b]52;c;ZXZpbA==\x1b\\x", "x"),
        ("\x1b]8;;http://a\x07link\x1b]8;;\x07", "link"),
        ("\x1bPpayload\x1b\\x", "x"),
        ("\x1b[2J\x1b[Hgone", "gone"),
        ("\x9b31mred", "red"),
        ("over\rwritten", "over\nwritten"),
        ("dos\r\nline", "dos\nline"),
        ("a\x08b\x07", "ab"),
        ("\u202eevil", "evil"),
        ("tab\tand\nline", "tab\tand\nline"),
        ("Grüße 你好", "Grüße 你好"),
    ],
)
def test_what_a_terminal_would_act_on_is_taken_out(text: str, shown: str) -> None:
    assert clean(text) == shown


@given(st.text())
def test_nothing_that_is_left_controls_a_terminal(text: str) -> None:
    left = clean(text)
    assert not any(ord(char) < 0x20 and char not in "\t\n" for char in left)
    assert not any(0x7F <= ord(char) < 0xA0 for char in left)
    assert clean(left) == left


@given(st.text(max_size=200), st.integers(1, 40))
def test_a_line_is_never_wider_than_asked(text: str, width: int) -> None:
    line = one_line(text, width)
    assert "\n" not in line
    assert columns(line) <= width


class Screen(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_colour_follows_terminal_and_variables() -> None:
    assert wants_colour(Screen(), {})
    assert not wants_colour(io.StringIO(), {})
    assert wants_colour(io.StringIO(), {"FORCE_COLOR": "1"})
    assert not wants_colour(Screen(), {"NO_COLOR": "1", "FORCE_COLOR": "1"})
    assert not wants_colour(Screen(), {"TERM": "dumb"})
