"""The plain reading and cyclopts must mean the same wherever the plain reading answers."""

from __future__ import annotations

from hypothesis import example, given, settings
from hypothesis import strategies as st
from tinytown.errors import UsageError
from tinytown_cli.parse import bind
from tinytown_cli.reference_parser import bind_fully
from tinytown_cli.table import COMMANDS, Command, Param, by_path

WORDS = st.one_of(
    st.sampled_from(
        ["w1", "t-9k3fq2xa7m", "a b", "-", "--", "", "0", "7", "3.5", "07", "1e3", "-1", "-x", "@f", "a=b"]
    ),
    st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"), max_size=6),
)


def value(param: Param) -> st.SearchStrategy[str]:
    if param.choices:
        return st.one_of(st.sampled_from(param.choices), WORDS)
    if param.kind in {"int", "float"}:
        return st.one_of(st.integers(-2, 10**6).map(str), st.floats(0, 1e6).map(str), WORDS)
    return WORDS


def _words_of(draw: st.DrawFn, param: Param) -> int:
    return draw(st.integers(0, 3)) if param.kind == "list" else 1


@st.composite
def lines(draw: st.DrawFn) -> tuple[Command, list[str]]:
    command = draw(st.sampled_from(COMMANDS))
    places = [param for param in command.params if param.positional]
    parts: list[list[str]] = [[draw(value(param))] for param in places for _ in range(_words_of(draw, param))]
    options = [param for param in command.params if not param.positional]
    for param in draw(st.lists(st.sampled_from(options), max_size=3)) if options else []:
        flag = draw(st.sampled_from(param.flags))
        if param.kind == "bool":
            parts.append([flag])
        else:
            word = draw(value(param))
            parts.append([f"{flag}={word}"] if draw(st.booleans()) and flag.startswith("--") else [flag, word])
    if draw(st.integers(0, 9)) == 0:
        parts.append([draw(WORDS)])
    return command, [word for part in draw(st.permutations(parts)) for word in part]


PRUNE = by_path()["prune",]


@settings(max_examples=400, deadline=None)
@given(lines())
@example((PRUNE, ["w1", "--all", "w2"]))
@example((PRUNE, ["w1", "--all", "w2", "--force", "--", "w3"]))
def test_what_is_read_plainly_is_what_cyclopts_reads(line: tuple[Command, list[str]]) -> None:
    command, words = line
    plain = bind(command, words)
    if plain is None:
        return
    full = bind_fully([*command.path, *words])
    assert full.command == plain.command
    assert full.values == plain.values


@settings(max_examples=150, deadline=None)
@given(lines())
def test_what_is_not_read_plainly_is_read_or_refused_with_a_hint(line: tuple[Command, list[str]]) -> None:
    command, words = line
    try:
        full = bind_fully([*command.path, *words])
    except UsageError as error:
        problem = error
    else:
        assert set(full.values) == {param.name for param in command.params}
        return
    assert problem.hint
    assert "\n" not in problem.message
