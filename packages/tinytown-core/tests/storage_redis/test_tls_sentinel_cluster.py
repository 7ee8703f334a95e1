"""The addresses that redis-py serves: TLS with its certificates, Sentinels that fail over, a cluster of three."""

import asyncio
import contextlib
import ssl
import subprocess
import time

import attrs
import pytest
import trustme
from tinytown import errors
from tinytown.storage.protocol import Call
from tinytown.storage.redis.plugin import open_async, open_sync
from tinytown.storage.redis.urls import TlsOptions
from tinytown.testing import servers
from tinytown.testing.proxies import cut_proxy
from tinytown.testing.pytest_plugin import required

COUNT = Call("count", {}, lambda answer: answer["count"])
ECHO = Call("echo", {}, dict, changes=False)


@attrs.frozen
class Certificates:
    ca: trustme.CA
    files: TlsOptions
    stranger: TlsOptions


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tls")
    ca, other = trustme.CA(), trustme.CA()
    names = {}
    for name, each in (("own", ca), ("other", other)):
        names[name] = str(folder / f"{name}.pem")
        each.cert_pem.write_to_path(names[name])
    client = ca.issue_cert("client@example.org")
    client.private_key_and_cert_chain_pem.write_to_path(str(folder / "client.pem"))
    pair = str(folder / "client.pem")
    return Certificates(ca, TlsOptions(names["own"], pair, pair), TlsOptions(names["other"]))


@contextlib.contextmanager
def tls_proxy(server, certificates, *names, client_needed=False):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificates.ca.issue_cert(*names).configure_cert(context)
    if client_needed:
        context.verify_mode = ssl.CERT_REQUIRED
        certificates.ca.configure_trust(context)
    with cut_proxy(server.socket, context=context) as running:
        yield running


@pytest.fixture(params=["sync", "async"])
def run(request, scripts):
    """Runs calls on one face of an address."""

    def on_sync(url, town, *calls, tls=None):
        storage = open_sync(url, town, scripts=scripts, tls=tls)
        try:
            return [storage.run(call) for call in calls]
        finally:
            storage.close()

    def on_async(url, town, *calls, tls=None):
        async def go():
            storage = open_async(url, town, scripts=scripts, tls=tls)
            try:
                return [await storage.run(call) for call in calls]
            finally:
                await storage.close()

        return asyncio.run(go())

    return on_sync if request.param == "sync" else on_async


def test_a_certificate_that_holds_is_accepted(run, server, town_name, certificates):
    with tls_proxy(server, certificates, "localhost") as proxy:
        assert run(f"rediss://localhost:{proxy.port}", town_name, COUNT, COUNT, tls=certificates.files) == [1, 2]


def test_a_server_may_ask_for_the_clients_certificate(run, server, town_name, certificates):
    with tls_proxy(server, certificates, "localhost", client_needed=True) as proxy:
        assert run(f"rediss://localhost:{proxy.port}", town_name, COUNT, tls=certificates.files) == [1]
        only_ca = TlsOptions(certificates.files.ca_file)
        with pytest.raises(errors.StorageUnavailableError):
            run(f"rediss://localhost:{proxy.port}", town_name, COUNT, tls=only_ca)


def test_a_strangers_certificate_is_refused(run, server, town_name, certificates):
    with (
        tls_proxy(server, certificates, "localhost") as proxy,
        pytest.raises(errors.StorageUnavailableError, match="certificate does not hold") as caught,
    ):
        run(f"rediss://:s3cret@localhost:{proxy.port}", town_name, COUNT, tls=certificates.stranger)
    assert "s3cret" not in str(caught.value)


def test_without_a_named_authority_the_systems_are_trusted_and_ours_is_not(run, server, town_name, certificates):
    with (
        tls_proxy(server, certificates, "localhost") as proxy,
        pytest.raises(errors.StorageUnavailableError, match="certificate does not hold"),
    ):
        run(f"rediss://localhost:{proxy.port}", town_name, COUNT)


def test_a_certificate_for_another_host_is_refused(run, server, town_name, certificates):
    with (
        tls_proxy(server, certificates, "elsewhere.example") as proxy,
        pytest.raises(errors.StorageUnavailableError, match="certificate does not hold"),
    ):
        run(f"rediss://localhost:{proxy.port}", town_name, COUNT, tls=certificates.files)


def test_a_server_without_tls_is_said(run, server, town_name, certificates):
    with pytest.raises(errors.StorageUnavailableError) as caught:
        run(f"rediss://127.0.0.1:{server.port}", town_name, COUNT, tls=certificates.files)
    assert "redis://" in str(caught.value.hint)


def test_plain_talk_to_a_tls_server_ends_in_a_typed_error(run, server, town_name, certificates):
    with (
        tls_proxy(server, certificates, "localhost") as proxy,
        pytest.raises(errors.StorageUnavailableError) as caught,
    ):
        run(f"redis://localhost:{proxy.port}", town_name, COUNT)
    assert "rediss://" in str(caught.value.hint)


def test_a_lost_reply_over_tls_does_nothing_twice(run, server, town_name, certificates):
    with tls_proxy(server, certificates, "localhost") as proxy:
        url = f"rediss://localhost:{proxy.port}"
        run(url, town_name, COUNT, tls=certificates.files)
        proxy.cuts.drop_replies_to, proxy.cuts.drops = b"EVALSHA", 1
        assert run(url, town_name, COUNT, tls=certificates.files) == [2]
        assert proxy.cuts.seen == 2


def test_a_cluster_serves_each_town_from_the_server_of_its_slot(run):
    with required("valkey"), servers.cluster("valkey") as nodes:
        url = "redis+cluster://" + ",".join(f"127.0.0.1:{node.port}" for node in nodes[:2])
        for town in ("alpha", "beta", "gamma", "delta", "epsilon", "zeta"):
            assert run(url, town, COUNT, COUNT) == [1, 2]
        held = [int(str(node.command("DBSIZE"))) for node in nodes]
        assert sum(held) == 6 * 3
        assert sum(1 for each in held if each) >= 2
        outcomes = set()
        for town in ("alpha", "beta", "gamma", "delta", "epsilon", "zeta"):
            try:
                run(f"redis://127.0.0.1:{nodes[0].port}", town, ECHO)
            except errors.StorageRefusedError as error:
                outcomes.add(str(error.hint))
        assert outcomes == {"use redis+cluster:// in the address"}


def test_a_cluster_where_nobody_answers_is_said(run):
    port = servers.free_port()
    began = time.monotonic()
    with pytest.raises(errors.StorageUnavailableError, match="no cluster answers"):
        run(f"redis+cluster://127.0.0.1:{port}", "t", ECHO)
    assert time.monotonic() - began < 2.5


@contextlib.contextmanager
def sentinel(kind, primary, folder):
    port = servers.free_port()
    config = folder / "sentinel.conf"
    config.write_text(
        f"port {port}\nbind 127.0.0.1\ndir {folder}\nsentinel monitor main 127.0.0.1 {primary.port} 1\n"
        "sentinel down-after-milliseconds main 500\nsentinel failover-timeout main 3000\n"
    )
    process = subprocess.Popen(
        [str(servers.binary(kind)), str(config), "--sentinel"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        yield port
    finally:
        process.kill()
        process.wait()


def test_sentinels_name_the_primary_and_a_failover_is_followed(run, tmp_path):
    kind = "valkey"
    with required(kind), servers.server(kind, tcp=True) as primary, servers.server(kind, tcp=True) as replica:
        replica.command("REPLICAOF", "127.0.0.1", primary.port)
        ends = time.monotonic() + 20
        while "master_link_status:up" not in str(replica.command("INFO", "replication")):
            assert time.monotonic() < ends
            time.sleep(0.02)
        with sentinel(kind, primary, tmp_path) as port:
            url = f"redis+sentinel://127.0.0.1:{port}/main"
            eventually(lambda: run(url, "t", COUNT))
            before = run(url, "t", COUNT)[0]
            eventually(lambda: "slave" in str(primary.command("INFO", "replication")) or None)
            eventually(lambda: int(str(primary.command("WAIT", 1, 1000))) or None)
            primary.kill()
            assert eventually(lambda: run(url, "t", COUNT), seconds=30)[0] == before + 1
            assert "role:master" in str(replica.command("INFO", "replication"))


def test_an_unknown_primary_is_said(run, tmp_path):
    with (
        required("valkey"),
        servers.server("valkey", tcp=True) as primary,
        sentinel("valkey", primary, tmp_path) as port,
        pytest.raises(errors.StorageUnavailableError, match="no Sentinel of"),
    ):
        run(f"redis+sentinel://127.0.0.1:{port}/other", "t", ECHO)


def eventually(act, seconds=20):
    """Try until servers have found each other."""
    ends = time.monotonic() + seconds
    while True:
        try:
            if (answer := act()) is not None:
                return answer
        except errors.TinytownError:
            if time.monotonic() > ends:
                raise
        assert time.monotonic() < ends
        time.sleep(0.05)
