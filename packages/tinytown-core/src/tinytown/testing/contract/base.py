"""What all parts of the storage contract share."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tinytown.errors import TinytownError
from tinytown.storage.protocol import Call
from tinytown.testing import invariants
from tinytown.testing.hands import Hands
from tinytown.testing.subjects import Subject

Refused = TinytownError


class ContractPart:
    """A part of the contract. The fixture ``subject`` is given by whoever runs the contract."""

    @pytest.fixture
    def town(self, subject: Subject) -> Iterator[Hands]:
        """A claimed town with a node; its keys must agree with its records when the test has ended."""
        hands = Hands(subject)
        yield hands
        assert invariants.check(subject.dump(), events=not hands.trimmed) == []


def refused(town: Hands, kind: type[TinytownError], call: Call[Any]) -> TinytownError:
    """Run a call that must be refused by a typed error and change nothing."""
    return refused_doing(town, kind, lambda: town.run(call))


def refused_doing(town: Hands, kind: type[TinytownError], act: Callable[[], Any]) -> TinytownError:
    """Do something that must be refused by a typed error and change nothing."""
    with unchanged(town), pytest.raises(kind) as caught:
        act()
    return caught.value


@contextmanager
def unchanged(town: Hands) -> Generator[None]:
    """What is done in this context must leave every key as it was."""
    before = town.subject.dump()
    yield
    assert town.subject.dump() == before
