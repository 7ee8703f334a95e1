"""The contract of a storage: what every verb means, as tests that any storage can run.

A storage's author writes::

    class TestMyStorage(StorageContract):
        @pytest.fixture
        def subject(self) -> Iterator[Subject]: ...

and gives two clients of one empty town, a settable clock for them, a way to read all keys and one to damage them
(`tinytown.testing.subjects.Subject`). Needs the extra ``tinytown-core[testing]``.
"""

from __future__ import annotations

from tinytown.testing.contract.agents import Agents
from tinytown.testing.contract.attention import Answers, Queue
from tinytown.testing.contract.budgets import Budgets
from tinytown.testing.contract.damage import Damage
from tinytown.testing.contract.dependencies import Dependencies
from tinytown.testing.contract.edits import Edits, PlanNames
from tinytown.testing.contract.fences import Fences
from tinytown.testing.contract.gates import Gates
from tinytown.testing.contract.imports import Imports
from tinytown.testing.contract.mail import Mail
from tinytown.testing.contract.mailboxes import Mailboxes
from tinytown.testing.contract.nodes import Nodes
from tinytown.testing.contract.orders import Orders
from tinytown.testing.contract.outcomes import Outcomes
from tinytown.testing.contract.reading import Reading
from tinytown.testing.contract.reclaiming import Reclaiming
from tinytown.testing.contract.removal import Removal
from tinytown.testing.contract.task_table import TaskTable

__all__ = ["StorageContract"]


class StorageContract(
    TaskTable,
    Fences,
    Outcomes,
    Dependencies,
    Edits,
    PlanNames,
    Mail,
    Mailboxes,
    Agents,
    Gates,
    Nodes,
    Budgets,
    Answers,
    Queue,
    Orders,
    Reading,
    Removal,
    Imports,
    Reclaiming,
    Damage,
):
    """All parts of the contract."""
