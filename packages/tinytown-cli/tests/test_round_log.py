from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from tinytown.node.launch.log_reader import LogReader
from tinytown_cli.round_log import decoded, last_lines, shown


def text_of(data: bytes, folder: Path, *, raw: bool = False) -> str:
    file = folder / "log"
    file.write_bytes(data)
    return "".join(shown(decoded(LogReader(file, 1 << 20), lambda: False), raw=raw))


def test_output_that_is_not_utf8_is_shown_with_marks(tmp_path: Path) -> None:
    assert text_of(b"a\xff\xfeb\n", tmp_path) == "a\ufffd\ufffdb\n"
    assert text_of("ü".encode()[:1], tmp_path) == "\ufffd"


def test_control_sequences_are_taken_out_unless_asked_for(tmp_path: Path) -> None:
    data = b"\x1b[31mred\x1b[0m \x1b]0;title\x07\n"
    assert text_of(data, tmp_path) == "red \n"
    assert text_of(data, tmp_path, raw=True) == data.decode()


@given(st.lists(st.sampled_from(["\x1b[31m", "a", "\n", "\x1b]0;x\x07", "ü", "\x1b"]), max_size=30), st.data())
def test_where_a_piece_ends_does_not_matter(parts: list[str], data: st.DataObject) -> None:
    text = "".join(parts)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=5)))
    pieces = [text[begin:end] for begin, end in zip([0, *cuts], [*cuts, len(text)], strict=True)]
    whole = "".join(shown(iter([text]), raw=False))
    assert "".join(shown(iter(pieces), raw=False)) == whole
    assert "\x1b" not in whole


def test_the_last_lines_are_whole_lines() -> None:
    assert last_lines(iter(["a\nb", "c\nd\n"]), 2) == "bc\nd\n"
    assert last_lines(iter(["a\nb"]), 1) == "b\n"
    assert last_lines(iter([]), 3) == ""
    assert last_lines(iter(["a\n"]), 0) == ""


def test_a_log_that_goes_on_is_followed_until_its_round_ends(tmp_path: Path) -> None:
    file = tmp_path / "log"
    file.write_bytes(b"one\n")
    pieces: list[str] = []
    live = [True]
    for piece in decoded(LogReader(file, 1 << 20), lambda: live[0]):
        pieces.append(piece)
        if len(pieces) == 1:
            with file.open("ab") as more:
                more.write(b"two\n")
        else:
            live[0] = False
    assert "".join(pieces) == "one\ntwo\n"
