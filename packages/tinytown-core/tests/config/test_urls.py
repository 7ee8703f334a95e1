from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tinytown.config.urls import has_secret, hosts_of, redacted, split_url
from tinytown.errors import InvalidValueError


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("redis://h:1/0", "redis://h:1/0"),
        ("redis://u:pw@h:1/0", "redis://u:****@h:1/0"),
        ("redis://:pw@h", "redis://****@h"),
        ("redis://pw@h", "redis://****@h"),
        ("redis://:p/w@x@h:1", "redis://****@h:1"),
        ("redis://u:p?w#@h", "redis://u:****@h"),
        ("u:pw@h:1", "u:****@h:1"),
        ("redis://h/0?password=pw&x=1", "redis://h/0?password=****&x=1"),
        ("unix:///a/b@c.sock?password=pw", "unix:///a/b@c.sock?password=****"),
        ("redis+sentinel://u:pw@a:1,b:2/main", "redis+sentinel://u:****@a:1,b:2/main"),
        ("embedded:", "embedded:"),
    ],
)
def test_a_shown_url_has_no_secret(url: str, shown: str):
    assert redacted(url) == shown
    assert has_secret(url) == (url != shown)


def test_user_and_password_are_taken_out_decoded(password: str):
    parts = split_url(f"rediss://me%40x:{quote(password, safe='')}@h:1/0")
    assert (parts.url, parts.username, parts.password) == ("rediss://h:1/0", "me@x", password)
    assert password not in repr(parts)


@given(st.text(alphabet=st.characters(min_codepoint=33, max_codepoint=0x2FF), min_size=1))
def test_any_encoded_password_is_taken_out(password: str):
    full = f"redis://:{quote(password, safe='')}@h:1/0"
    assert split_url(full).password == password
    assert redacted(full) == "redis://****@h:1/0"


@given(st.text())
def test_any_text_is_shown_and_split_or_refused(text: str):
    redacted(text)
    try:
        assert split_url(text).url
    except InvalidValueError as error:
        assert str(error)  # noqa: PT017 - either way is fine, another exception is not


@pytest.mark.parametrize(
    "url",
    [
        "",
        "x",
        "localhost:6379",
        "redis://",
        "redis:///0",
        "redis://h:0",
        "redis://h:99999",
        "redis://h:x",
        "redis://h h",
        "redis://:p/w@h",
        "redis://u:p?w@h",
        "redis://h?password=hunter2",
        "redis://a:1,:2/m",
        "redis://h\n",
        "//h",
    ],
)
def test_what_is_no_url_is_refused_with_a_hint(url: str):
    with pytest.raises(InvalidValueError) as caught:
        split_url(url.strip(" ") if url != "redis://h\n" else "redis://h\nx")
    assert caught.value.hint
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    "url",
    ["unix:///run/x.sock", "redis://[::1]:6379/0", "redis+cluster://a:1,b:2", "memory:", "embedded:", "nats://x:4222"],
)
def test_urls_of_every_storage_pass_unchanged(url: str):
    assert split_url(url).url == url


def test_hosts_are_named_for_looking_up():
    assert hosts_of("redis+sentinel://a:1,b:2/main?x=1") == ("a:1", "b:2")
    assert hosts_of("unix:///run/x.sock") == ()
