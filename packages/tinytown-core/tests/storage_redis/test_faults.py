"""Servers that die, freeze, lose replies or refuse: how soon it is known, and that nothing happens twice."""

import asyncio
import socket
import time

import pytest
from tinytown import errors
from tinytown.storage import keys
from tinytown.storage.protocol import Call
from tinytown.storage.redis import plugin
from tinytown.storage.redis.aio import connect_async
from tinytown.storage.redis.async_storage import AsyncRedisStorage
from tinytown.storage.redis.storage import RedisStorage
from tinytown.storage.redis.urls import TlsOptions
from tinytown.testing import servers
from tinytown.testing.pytest_plugin import DURABLE, required

COUNT = Call("count", {}, lambda answer: answer["count"])
ECHO = Call("echo", {}, dict, changes=False)
SOON = 2.5
"""The promise is two seconds; half a second more for a busy machine."""


def proxied(face, proxy, town):
    return face.open(f"redis://127.0.0.1:{proxy.port}", town)


def test_a_lost_reply_is_asked_for_again_and_the_work_is_done_once(face, proxy, server, town_name):
    storage = proxied(face, proxy, town_name)
    storage.run(COUNT)
    proxy.cuts.drop_replies_to, proxy.cuts.drops = b"EVALSHA", 1
    assert storage.run(COUNT) == 2
    assert proxy.cuts.seen == 2
    assert server.command("GET", f"tt:{{{town_name}}}:count") == "2"


def test_an_outcome_that_stays_unknown_carries_the_id_that_settles_it(face, proxy, server, town_name):
    storage = proxied(face, proxy, town_name)
    storage.run(COUNT)
    proxy.cuts.drop_replies_to, proxy.cuts.drops = b"EVALSHA", 99
    with pytest.raises(errors.OutcomeUnknownError) as caught:
        storage.run(COUNT)
    assert caught.value.operation is not None
    assert caught.value.operation in str(caught.value.hint)
    proxy.cuts.drops = 0
    assert storage.run(COUNT, operation=caught.value.operation) == 2
    assert storage.run(COUNT) == 3


def test_a_query_whose_replies_are_lost_is_only_unavailable(face, proxy, town_name):
    storage = proxied(face, proxy, town_name)
    storage.run(ECHO)
    proxy.cuts.drop_replies_to, proxy.cuts.drops = b"EVALSHA", 99
    with pytest.raises(errors.StorageUnavailableError) as caught:
        storage.run(ECHO)
    assert not isinstance(caught.value, errors.OutcomeUnknownError)


def test_a_network_that_swallows_everything_is_known_within_two_seconds(face, proxy, town_name):
    proxy.cuts.swallow = True
    storage = proxied(face, proxy, town_name)
    began = time.monotonic()
    with pytest.raises(errors.StorageUnavailableError, match=r"no answer within 2 s") as caught:
        storage.run(COUNT)
    assert time.monotonic() - began < SOON
    assert not isinstance(caught.value, errors.OutcomeUnknownError)  # the greeting went unanswered, nothing was sent


def test_a_frozen_server_is_known_within_two_seconds_and_serves_again(face, own_server):
    storage = face.open(own_server.url, "t")
    assert storage.run(COUNT) == 1
    own_server.freeze()
    began = time.monotonic()
    try:
        with pytest.raises(errors.OutcomeUnknownError) as caught:
            storage.run(COUNT)
        assert time.monotonic() - began < SOON
        with pytest.raises(errors.StorageUnavailableError):
            face.open(own_server.url, "t").run(ECHO)
    finally:
        own_server.thaw()
    assert storage.run(COUNT, operation=caught.value.operation) == 2


def test_a_killed_server_is_reported_at_once_and_used_again_when_it_is_back(face, own_server):
    storage = face.open(own_server.url, "t")
    assert storage.run(COUNT) == 1
    own_server.kill()
    began = time.monotonic()
    with pytest.raises(errors.StorageUnavailableError, match="nothing listens"):
        storage.run(COUNT)
    assert time.monotonic() - began < 1
    own_server.start()
    assert storage.run(COUNT) == 2


def test_a_wait_on_a_stream_ends_when_the_server_dies(face, own_server):
    import threading

    storage = face.open(own_server.url, "t")
    storage.run(ECHO)
    killer = threading.Timer(0.2, own_server.kill)
    killer.start()
    began = time.monotonic()
    with pytest.raises(errors.StorageUnavailableError):
        storage.read_stream("events", after="0", limit=1, block_ms=20_000)
    killer.join()
    assert time.monotonic() - began < 3


def test_a_port_where_nobody_listens_is_said(face):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with pytest.raises(errors.StorageUnavailableError, match=r"nothing listens at 127.0.0.1") as caught:
        face.open(f"redis://:s3cret@127.0.0.1:{port}", "t").run(ECHO)
    assert "s3cret" not in repr(caught.value) + str(caught.value) + str(caught.value.hint)


def test_a_missing_socket_is_said(face, tmp_path):
    with pytest.raises(errors.StorageUnavailableError, match="nothing listens at"):
        face.open(f"unix://{tmp_path}/none", "t").run(ECHO)


def test_an_unknown_host_is_said(face):
    began = time.monotonic()
    with pytest.raises(errors.StorageUnavailableError, match=r"host `no-such-host.invalid`|name server"):
        face.open("redis://no-such-host.invalid", "t").run(ECHO)
    assert time.monotonic() - began < SOON


def test_what_is_no_server_at_all_is_said(face):
    import threading

    with socket.create_server(("127.0.0.1", 0)) as listener:

        def answer_http():
            connection, _ = listener.accept()
            with connection:
                connection.recv(1000)
                connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

        worker = threading.Thread(target=answer_http)
        worker.start()
        with pytest.raises(errors.StorageUnavailableError, match="does not speak the Redis protocol"):
            face.open(f"redis://127.0.0.1:{listener.getsockname()[1]}", "t").run(ECHO)
        worker.join()


@pytest.mark.parametrize("info", ["redis_version:7.2.4", "redis_version:7.2.4\r\nvalkey_version:7.9.1", "odd:1"])
def test_a_server_that_is_too_old_is_refused_before_any_script_runs(face, info):
    import threading

    heard = bytearray()
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def answer():
            connection, _ = listener.accept()
            with connection:
                heard.extend(connection.recv(1000))
                connection.sendall(f"${len(info)}\r\n{info}\r\n".encode())
                while chunk := connection.recv(1000):
                    heard.extend(chunk)

        worker = threading.Thread(target=answer)
        worker.start()
        with pytest.raises(errors.StorageRefusedError, match=r"needs Redis 8.0 or Valkey 8.0") as caught:
            face.open(f"redis://127.0.0.1:{listener.getsockname()[1]}", "t").run(ECHO)
        worker.join()
    assert "upgrade" in str(caught.value.hint)
    assert b"EVAL" not in heard


def test_full_memory_is_said_and_changes_nothing(face, own_server):
    storage = face.open(own_server.url, "t")
    own_server.command("CONFIG", "SET", "maxmemory", "1")
    with pytest.raises(errors.StorageRefusedError, match="memory is full"):
        storage.run(COUNT)
    own_server.command("CONFIG", "SET", "maxmemory", "0")
    assert storage.run(COUNT) == 1


def test_a_read_only_replica_is_said_at_once(face, own_server):
    own_server.command("REPLICAOF", "127.0.0.1", "1")
    own_server.command("CONFIG", "SET", "replica-serve-stale-data", "yes")
    began = time.monotonic()
    with pytest.raises(errors.StorageRefusedError, match="read-only replica"):
        face.open(own_server.url, "t").run(COUNT)
    assert time.monotonic() - began < 1


def test_where_the_address_names_whoever_is_in_charge_a_former_primary_is_left_for_the_new_one(
    own_server, server, town_name, scripts
):
    """A cluster or Sentinels may name a server that has just become a replica; the next look finds the primary."""
    own_server.command("REPLICAOF", "127.0.0.1", "1")
    own_server.command("CONFIG", "SET", "replica-serve-stale-data", "yes")

    def ways():
        return iter([plugin.parse(own_server.url), plugin.parse(server.url)])

    named = ways()

    def connect(deadline):
        return plugin.connector(next(named), town_name, TlsOptions())(deadline)

    plain = RedisStorage(
        connect,
        url="redis+sentinel://s/main",
        town=town_name,
        scripts=scripts,
        follows=True,
    )
    before = plain.run(COUNT)
    plain.close()

    async def on_async():
        named = ways()

        async def connect_later(deadline):
            return await connect_async(next(named), TlsOptions(), keys.prefix(town_name), deadline)

        storage = AsyncRedisStorage(
            connect_later, url="redis+sentinel://s/main", town=town_name, scripts=scripts, follows=True
        )
        try:
            return await storage.run(COUNT)
        finally:
            await storage.close()

    assert asyncio.run(on_async()) == before + 1


def test_a_user_without_rights_is_said(face, own_server):
    own_server.command("ACL", "SETUSER", "weak", "on", ">pw", "~*", "+info")
    with pytest.raises(errors.StorageRefusedError, match="may not do"):
        face.open(f"redis://weak:pw@127.0.0.1:{own_server.port}", "t").run(ECHO)
    own_server.command("ACL", "SETUSER", "strong", "on", ">pw", "~tt:*", "+@all", "-@admin")
    assert face.open(f"redis://strong:pw@127.0.0.1:{own_server.port}", "t").run(COUNT) == 1


def test_a_server_that_still_loads_its_data_is_waited_for(face):
    import threading

    slow = {**DURABLE, "appendfsync": "everysec", "loading-process-events-interval-bytes": "1024"}
    with required("valkey"), servers.server("valkey", settings=slow) as running:
        face.open(running.url, "t").run(COUNT)
        fill = "for i = 1, 3000 do redis.call('SET', 'tt:{fill}:' .. i, string.rep('x', 100)) end"
        running.command("EVAL", fill, 0)
        running.kill()
        running.arguments = [*running.arguments, "--key-load-delay", "300"]
        starter = threading.Thread(target=running.start)
        starter.start()
        storage = face.open(running.url, "t")
        ends = time.monotonic() + 10
        while "loading:1" not in info_of(running):
            assert time.monotonic() < ends
        assert storage.run(COUNT) == 2
        starter.join()


def info_of(running):
    try:
        return str(running.command("INFO", "persistence"))
    except OSError:
        return ""
