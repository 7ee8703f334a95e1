"""Waiting readers wake at once, do not hold up calls, and threads and tasks share a storage."""

import asyncio
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from tinytown.storage import keys
from tinytown.storage.protocol import Call
from tinytown.storage.redis.async_storage import POOL_SIZE
from tinytown.storage.redis.plugin import open_async, open_sync

COUNT = Call("count", {}, lambda answer: answer["count"])
ECHO = Call("echo", {}, dict, changes=False)


def blocked_clients(server):
    info = str(server.command("INFO", "clients"))
    return int(info.split("blocked_clients:")[1].split(maxsplit=1)[0])


def append_once_blocked(server, key, readers, *fields):
    """Append an entry once so many readers wait."""
    ends = time.monotonic() + 10
    while blocked_clients(server) < readers:
        assert time.monotonic() < ends
        time.sleep(0.005)
    server.command("XADD", key, "*", *fields)


@pytest.mark.parametrize("stream", ["events", "bell:n-12345678"])
def test_a_waiting_reader_gets_what_comes_after_it_began_to_wait(face, own_server, stream):
    storage = face.open(own_server.url, "t")
    key = keys.stream("t", stream)
    own_server.command("XADD", key, "*", "n", "before")
    writer = threading.Thread(target=append_once_blocked, args=(own_server, key, 1, "n", "after"))
    writer.start()
    began = time.monotonic()
    found = storage.read_stream(stream, after="$", limit=10, block_ms=20_000)
    writer.join()
    assert [fields for _, fields in found] == [{"n": "after"}]
    assert time.monotonic() - began < 10


def test_calls_go_on_while_more_readers_wait_than_the_pool_is_large(own_server, scripts):
    async def go():
        storage = open_async(own_server.url, "t", scripts=scripts)
        readers = [
            asyncio.create_task(storage.read_stream("events", after="0", limit=5, block_ms=20_000))
            for _ in range(POOL_SIZE * 2)
        ]
        while await asyncio.to_thread(blocked_clients, own_server) < len(readers):  # noqa: ASYNC110 - only the server knows
            await asyncio.sleep(0.005)
        assert await storage.run(COUNT) == 1
        own_server.command("XADD", keys.stream("t", "events"), "*", "n", "1")
        answers = await asyncio.gather(*readers)
        await storage.close()
        return answers

    assert all([fields for _, fields in each] == [{"n": "1"}] for each in asyncio.run(go()))


def test_fifty_calls_at_once_are_each_done_once(server, town_name, scripts):
    async def go():
        storage = open_async(server.url, town_name, scripts=scripts)
        answers = await asyncio.gather(*(storage.run(COUNT) for _ in range(500)))
        await storage.close()
        return answers

    assert sorted(asyncio.run(go())) == list(range(1, 501))


def test_a_cancelled_call_spoils_no_connection_for_the_next(server, town_name, scripts):
    async def go():
        storage = open_async(server.url, town_name, scripts=scripts)
        for _ in range(30):
            task = asyncio.create_task(storage.run(Call("echo", {"who": "cancelled"}, dict)))
            await asyncio.sleep(0)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            answer = await storage.run(Call("echo", {"who": "next"}, dict))
            assert answer["args"] == {"who": "next"}
        await storage.close()

    asyncio.run(go())


def test_threads_share_one_storage(server, town_name, scripts):
    storage = open_sync(server.url, town_name, scripts=scripts)
    with ThreadPoolExecutor(8) as pool:
        counts = list(pool.map(lambda _: storage.run(COUNT), range(200)))
    storage.close()
    assert sorted(counts) == list(range(1, 201))


def test_a_short_command_loads_no_library_of_the_long_ways(server, town_name, scripts):
    script = (
        "import sys; from pathlib import Path\n"
        "from tinytown.storage.protocol import Call\n"
        "from tinytown.storage.redis.plugin import open_sync\n"
        "from tinytown.storage.redis.scripts import Scripts\n"
        "storage = open_sync(sys.argv[1], sys.argv[2], scripts=Scripts(Path(sys.argv[3])))\n"
        "storage.run(Call('echo', {}, dict, changes=False)); storage.close()\n"
        "print(*sorted({'redis', 'asyncio', 'ssl', 'cattrs', 'importlib.metadata', 'logging'} & set(sys.modules)))"
    )
    for url in (server.url, server.tcp_url):
        arguments = [sys.executable, "-c", script, url, town_name, str(scripts.folder)]
        done = subprocess.run(arguments, capture_output=True, text=True, check=True, timeout=30)
        assert done.stdout.split() == []


def test_a_state_verb_is_one_round_trip(own_server, scripts):
    storage = open_sync(own_server.url, "t", scripts=scripts)
    storage.run(ECHO)
    before = calls(own_server)
    for _ in range(10):
        storage.run(ECHO)
    assert calls(own_server) == {**before, "evalsha": before["evalsha"] + 10}
    storage.close()


def calls(server):
    """Count what clients sent, by command; the question itself left out."""
    lines = str(server.command("INFO", "commandstats")).splitlines()
    rows = [line.removeprefix("cmdstat_").split(":calls=") for line in lines if ":calls=" in line]
    return {name: int(rest.split(",")[0]) for name, rest in rows if name != "info"}
