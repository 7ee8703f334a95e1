"""Both faces have the same verbs, and each verb keeps its signature and its documentation."""

from __future__ import annotations

import asyncio
import inspect

import pytest
import tinytown
from tinytown.errors import WaitTimeoutError
from tinytown.services.async_town import AsyncTown
from tinytown.services.faces import async_verb, verb
from tinytown.services.town import Town
from tinytown.storage.memory.storage import AsyncMemoryStorage


def public(kind):
    return {name for name in vars(kind) if not name.startswith("_")}


def test_both_faces_have_the_same_names():
    assert public(Town) - public(AsyncTown) == set()
    assert public(AsyncTown) - public(Town) == set()


@pytest.mark.parametrize("name", sorted(n for n, v in vars(Town).items() if isinstance(v, verb)))
def test_a_verb_says_what_it_does(bench, name):
    method = getattr(bench.town, name)
    assert method.__doc__
    assert "context" in inspect.signature(method).parameters
    assert isinstance(vars(AsyncTown)[name], async_verb)
    assert vars(AsyncTown)[name].operation.found() is vars(Town)[name].operation.found()


def test_the_asyncio_face_does_the_same(bench):
    async def use() -> None:
        async with AsyncTown(bench.context, AsyncMemoryStorage(bench.memory)) as town:
            bench.agent()
            task = await town.assign("w1", "x")
            follower = town.follow(after=(await town.events(limit=1))[0].id)
            with pytest.raises(WaitTimeoutError):
                await town.wait(task.id, timeout=0.05)
            await town.complete(task.id)
            assert (await town.wait(task.id)).state == "completed"
            assert (await anext(follower)).type in {"task.submitted", "task.completed"}
            assert (await town.why(task.id)).causes[0].code == "completed"
            assert (await town.status()).tasks["completed"] == 1

    asyncio.run(use())


def test_the_public_names_lead_to_the_towns():
    assert tinytown.Town is Town
    assert tinytown.AsyncTown is AsyncTown
