"""Real servers, tiny scripts, and every face of the storage behind one shape."""

import asyncio

import attrs
import pytest
from tinytown.storage.redis.plugin import open_async, open_sync
from tinytown.storage.redis.scripts import Scripts
from tinytown.storage.redis.storage import RedisStorage
from tinytown.storage.redis.urls import TlsOptions, parse
from tinytown.testing.proxies import cut_proxy
from tinytown.testing.pytest_plugin import locked_server, own_server, server, shared_server, town_name

__all__ = ["locked_server", "own_server", "server", "shared_server", "town_name"]

ECHO = """-- Answers what it was sent.
return cjson.encode({operation = ARGV[1], now = ARGV[2], prefix = KEYS[1], args = cjson.decode(ARGV[3])})
"""
COUNT = """-- Counts once for each operation id, as every changing verb does.
local kept = KEYS[1] .. 'op:' .. ARGV[1]
if ARGV[1] ~= '' then
  local answer = redis.call('GET', kept)
  if answer then return answer end
end
local answer = cjson.encode({count = redis.call('INCR', KEYS[1] .. 'count')})
if ARGV[1] ~= '' then redis.call('SET', kept, answer, 'EX', 600) end
return answer
"""
REFUSE = """-- Refuses.
return cjson.encode({error = {code = 'not_found', kind = 'task', ref = 't-1'}})
"""
STUMBLE = """-- Meets a key of another type.
redis.call('RPUSH', KEYS[1] .. 'list', 'x')
return redis.call('GET', KEYS[1] .. 'list')
"""
GARBAGE = "-- Answers what is no answer.\nreturn 'not json'\n"


@attrs.define
class Face:
    """One way to a server, used as if it were synchronous."""

    name: str
    scripts: Scripts
    opened: list = attrs.field(factory=list)
    runner: asyncio.Runner | None = None

    def open(self, url, town, tls=None):
        if self.name == "async":
            self.runner = self.runner or asyncio.Runner()
            storage = AsTwin(self.runner, self._made_in_loop(url, town, tls))
        elif self.name == "library":
            storage = library_storage(url, town, self.scripts, tls)
        else:
            storage = open_sync(url, town, scripts=self.scripts, tls=tls)
        self.opened.append(storage)
        return storage

    def _made_in_loop(self, url, town, tls):
        async def make():
            return open_async(url, town, scripts=self.scripts, tls=tls)

        return self.runner.run(make())

    def close(self):
        for storage in self.opened:
            storage.close()
        if self.runner:
            self.runner.close()


class AsTwin:
    """Drives the asyncio face from synchronous tests."""

    def __init__(self, runner, storage):
        self._runner, self.twin = runner, storage

    @property
    def url(self):
        return self.twin.url

    def __getattr__(self, name):
        method = getattr(self.twin, name)

        def call(*args, **kwargs):
            async def go():
                return await method(*args, **kwargs)

            return self._runner.run(go())

        return call


def library_storage(url, town, scripts, tls=None):
    from tinytown.storage.redis.full import LibraryTransport
    from tinytown.storage.redis.locate import locate

    address = parse(url)

    def connect(deadline):
        return LibraryTransport(locate(address, town, deadline), address, tls or TlsOptions(), deadline)

    return RedisStorage(connect, url=address.shown, town=town, scripts=scripts)


@pytest.fixture(scope="session")
def scripts(tmp_path_factory):
    folder = tmp_path_factory.mktemp("lua")
    texts = {"echo": ECHO, "count": COUNT, "refuse": REFUSE, "stumble": STUMBLE, "garbage": GARBAGE}
    for verb, text in texts.items():
        (folder / f"{verb}.lua").write_text(text)
    return Scripts(folder)


@pytest.fixture(params=["lean", "library", "async"])
def face(request, scripts):
    made = Face(request.param, scripts)
    yield made
    made.close()


@pytest.fixture
def proxy(shared_server):
    with cut_proxy(shared_server.socket) as running:
        yield running
