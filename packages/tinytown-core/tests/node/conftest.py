"""Towns with real nodes, each in a folder of its test."""

from __future__ import annotations

import contextlib
import itertools

import pytest
from tinytown.testing import towns


@pytest.fixture
def make_town(tmp_path):
    """Make towns that end with the test."""
    numbers = itertools.count()
    with contextlib.ExitStack() as stack:

        def make(scripts=None, **more):
            base = tmp_path / f"b{next(numbers)}"
            base.mkdir()
            return stack.enter_context(towns.town(base, scripts, **more))

        yield make


@pytest.fixture
def running_town(make_town):
    """Make a town whose node runs."""

    def make(scripts=None, **more):
        town = make_town(scripts, **more)
        town.start()
        return town

    return make
