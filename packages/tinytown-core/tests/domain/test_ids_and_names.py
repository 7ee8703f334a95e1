"""What an id looks like, and what may be a name or a text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tinytown.domain import ids, names
from tinytown.domain.clock import rfc3339
from tinytown.errors import InvalidValueError


@pytest.mark.parametrize("kind", list(ids.IdKind))
def test_a_new_id_is_its_letter_and_random_characters_that_look_like_no_others(kind: ids.IdKind) -> None:
    made = {ids.new_id(kind) for _ in range(200)}
    assert len(made) == 200
    for ref in made:
        letter, _dash, rest = ref.partition("-")
        assert letter == kind.value
        assert len(rest) >= 8
        assert not set(rest) - set("0123456789abcdefghjkmnpqrstvwxyz")
        assert ids.looks_like_id(ref)
        assert ids.kind_of(ref) is kind


@pytest.mark.parametrize("text", ["w1", "t-1", "t-short", "x-9k3fq2xa", "T-9K3FQ2XA", "t-9k3fq2xl", "", "t-"])
def test_what_only_resembles_an_id_is_none(text: str) -> None:
    assert not ids.looks_like_id(text)


def test_the_conductor_has_an_id_of_an_agent() -> None:
    assert ids.looks_like_id(ids.CONDUCTOR_ID)
    assert ids.kind_of(ids.CONDUCTOR_ID) is ids.IdKind.AGENT
    assert ids.kind_of("w1") is ids.kind_of("z-123") is None


@pytest.mark.parametrize("text", ["w1", "W1", "0", "a_b-c", "t-shirts", "a" * 63])
def test_names_are_folded_to_lower_case(text: str) -> None:
    assert names.agent_name(text) == text.lower()


@pytest.mark.parametrize(
    "text",
    ["", " ", "a b", "-a", "_a", "a" * 64, "é", "a.b", "a/b", "a\n", "a\0", "conductor", "Supervisor", "all", "me",
     "t-9k3fq2xa", "mission-9k3fq2xa"],
)  # fmt: skip
def test_what_is_no_name_is_refused_with_a_hint(text: str) -> None:
    with pytest.raises(InvalidValueError) as caught:
        names.agent_name(text, what="nickname")
    assert "nickname" in str(caught.value)
    assert caught.value.hint


@given(st.text())
def test_any_text_is_a_name_or_a_typed_refusal(text: str) -> None:
    try:
        folded, hint = names.plain_name(text, what="name"), None
    except InvalidValueError as error:
        folded, hint = None, error.hint
    assert folded == text.lower() or hint


@given(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1))
def test_a_body_arrives_unchanged(text: str) -> None:
    assert names.body(text, what="body", allow_empty=True) == text


@pytest.mark.parametrize("text", ["", "  \n", "a\0b", "\udcff", "é" * (names.MAX_BODY_BYTES // 2 + 1)])
def test_a_body_that_is_empty_broken_or_too_long_is_refused(text: str) -> None:
    with pytest.raises(InvalidValueError) as caught:
        names.body(text, what="body")
    assert caught.value.hint
    assert len(str(caught.value)) < 200


def test_the_longest_body_is_counted_in_bytes() -> None:
    assert names.body("é" * (names.MAX_BODY_BYTES // 2), what="body")


def test_times_are_written_in_utc_with_milliseconds() -> None:
    assert rfc3339(1_800_000_000_125) == "2027-01-15T08:00:00.125Z"
