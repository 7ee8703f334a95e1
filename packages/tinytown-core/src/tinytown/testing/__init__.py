"""What third parties need to test their plugins with: contract kits, real servers, fixtures."""

from __future__ import annotations

import sys
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tinytown.testing.adapters import AgentAdapterContract as AgentAdapterContract
    from tinytown.testing.contracts import Contract as Contract
    from tinytown.testing.schedulers import SchedulerContract as SchedulerContract

_HOMES = {
    "AgentAdapterContract": "tinytown.testing.adapters",
    "Contract": "tinytown.testing.contracts",
    "SchedulerContract": "tinytown.testing.schedulers",
}


def __getattr__(name: str) -> object:
    """Import a suite on first use, with asserts that explain themselves as those of ordinary tests do."""
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module `tinytown.testing` has no attribute `{name}`")
    if home not in sys.modules:
        import pytest

        pytest.register_assert_rewrite(home)
    return getattr(import_module(home), name)
