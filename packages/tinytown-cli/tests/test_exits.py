from __future__ import annotations

import attrs
import tinytown.errors
from tinytown.errors import TinytownError
from tinytown_cli.exits import EXITS


def every_code() -> set[str]:
    return {
        kind.code
        for kind in vars(tinytown.errors).values()
        if isinstance(kind, type) and issubclass(kind, TinytownError) and attrs.has(kind)
    }


def test_the_table_of_exit_codes_has_every_error_and_no_other() -> None:
    assert set(EXITS) == every_code()


def test_only_the_promised_exit_codes_are_used() -> None:
    assert set(EXITS.values()) == {1, 2, 3, 4, 5}
