"""Real servers, and every script of the project behind one call."""

import json

import attrs
import pytest
import redis
from tinytown.errors import StorageCorruptError
from tinytown.storage import keys
from tinytown.storage.memory.storage import MemoryTown
from tinytown.storage.memory.tx import Refusal, Tx
from tinytown.storage.memory.verbs import VERBS
from tinytown.storage.redis.scripts import Scripts
from tinytown.testing.pytest_plugin import server, shared_server, town_name

__all__ = ["server", "shared_server", "town_name"]


@attrs.define
class Twins:
    """One town in memory and one on a server; each verb is done on both with the same ids at the same time."""

    client: redis.Redis
    prefix: str
    scripts: Scripts = attrs.field(factory=Scripts)
    memory: MemoryTown = attrs.field(factory=MemoryTown)
    now: int = 1_800_000_000_000

    def on_server(self, verb, args, operation="", now=None):
        script = self.scripts.get(verb)
        rest = (1, self.prefix, operation, str(self.now if now is None else now), json.dumps(args))
        try:
            answer = self.client.evalsha(script.sha, *rest)
        except redis.exceptions.NoScriptError:
            answer = self.client.eval(script.source, *rest)
        return json.loads(answer)

    def in_memory(self, verb, args):
        tx = Tx(self.memory.data, self.now)
        try:
            answer = VERBS[verb](tx, json.loads(json.dumps(args)))
        except Refusal as refusal:
            return {"error": dict(refusal.error)}
        except StorageCorruptError as corrupt:
            return {"error": {"code": corrupt.code, "key": corrupt.key}}
        answer = json.loads(json.dumps(answer))
        tx.commit()
        return answer


@pytest.fixture
def twins(server, town_name):
    with redis.Redis(unix_socket_path=str(server.socket), decode_responses=True) as client:
        yield Twins(client, keys.prefix(town_name))
