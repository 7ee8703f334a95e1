"""Server addresses: every form, what is wrong with the others, and that no secret is ever shown."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tinytown import errors
from tinytown.storage.redis.plugin import open_sync
from tinytown.storage.redis.urls import Endpoint, Scheme, TlsOptions, parse


def hosts(url):
    return [(endpoint.host, endpoint.port) for endpoint in parse(url).endpoints]


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("redis://h", [("h", 6379)]),
        ("redis://h:7000/2", [("h", 7000)]),
        ("redis://[::1]:7000", [("::1", 7000)]),
        ("rediss://[2001:db8::1]", [("2001:db8::1", 6379)]),
        ("redis+sentinel://h1,h2:27000/main", [("h1", 26379), ("h2", 27000)]),
        ("redis+cluster://h1:1,[::1]:2,h3", [("h1", 1), ("::1", 2), ("h3", 6379)]),
    ],
)
def test_hosts_and_ports_are_read(url, expected):
    assert hosts(url) == expected


def test_a_socket_is_a_path_with_an_optional_database():
    address = parse("unix:///run/a%20b/s?db=3")
    assert (address.scheme, address.endpoints, address.db) == (Scheme.UNIX, (Endpoint(path="/run/a b/s"),), 3)
    assert parse("unix://u:p@/run/s").password == "p"
    assert parse("unix:///run/a@b/s").endpoints[0].path == "/run/a@b/s"


def test_sentinel_and_database_are_read():
    address = parse("redis+sentinel://u:p@h1,h2/main/4")
    assert (address.master, address.db, address.username, address.password) == ("main", 4, "u", "p")


@pytest.mark.parametrize("url", ["embedded:", "memory:", "memory://"])
def test_addresses_without_a_host(url):
    assert parse(url).endpoints == ()


@pytest.mark.parametrize(
    ("url", "word"),
    [
        ("http://h", "unknown scheme"),
        ("h:6379", "unknown scheme"),
        ("", "unknown scheme"),
        ("redis:h", "lacks `//`"),
        ("redis://", "lacks a host"),
        ("redis://h:99999", "port"),
        ("redis://h:x", "port"),
        ("redis://h/x", "database"),
        ("redis://::1", "IPv6 host without brackets"),
        ("redis://[::1", "broken IPv6"),
        ("redis://a,b", "several hosts"),
        ("redis+sentinel://a,b", "name of the primary"),
        ("redis+cluster://a/1", "cluster does not have"),
        ("unix://relative", "absolute path"),
        ("embedded:x", "more than its scheme"),
        ("rediss://h?ssl_cert_reqs=none", "unknown setting `ssl_cert_reqs`"),
    ],
)
def test_a_wrong_address_is_refused_with_a_hint(url, word):
    with pytest.raises(errors.InvalidValueError, match=word) as caught:
        parse(url)
    assert caught.value.hint


@pytest.mark.parametrize("url", ["amqp://user:s3cret@host", "redis:user:s3cret@host", "user:s3cret@host"])
def test_an_unknown_form_lists_the_known_ones_and_shows_no_secret(url):
    with pytest.raises(errors.InvalidValueError) as caught:
        parse(url)
    assert "redis+cluster://" in str(caught.value.hint)
    assert "s3cret" not in str(caught.value)


SECRETS = st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="%"), min_size=5, max_size=20)


@given(SECRETS)
def test_any_password_is_read_as_typed_and_never_shown(secret):
    address = parse(f"redis://user:{secret}@example:6379/1")
    assert (address.username, address.password) == ("user", secret)
    assert address.shown == "redis://example:6379/1"
    assert secret not in repr(address).replace("example", "") or secret in "redis6379user"


def test_a_percent_encoded_password_is_decoded():
    assert parse("redis://:a%40b%2Fc@h").password == "a@b/c"
    assert parse("redis://:100%@h").password == "100%"


def test_a_kept_password_is_put_in_apart_from_the_address():
    address = parse("redis://h").with_password("s3cret", "me")
    assert (address.username, address.password) == ("me", "s3cret")
    assert "s3cret" not in repr(address)


def test_an_address_without_a_server_is_not_opened():
    with pytest.raises(errors.StorageUnavailableError, match="no server address yet"):
        open_sync("embedded:", "t")


def test_a_file_for_tls_that_cannot_be_read_is_named(tmp_path):
    with pytest.raises(errors.InvalidValueError, match="tls_ca_file"):
        open_sync("rediss://h", "t", tls=TlsOptions(ca_file=str(tmp_path / "none.pem")))
