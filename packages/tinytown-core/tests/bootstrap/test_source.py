"""A server built from an archive: real archives, a real `make`, a real web server."""

import gzip
import hashlib
import io
import socket
import subprocess
import tarfile
from functools import partial

import pytest
from tinytown import errors
from tinytown.services.bootstrap import archive as archives
from tinytown.services.bootstrap.model import digest

FAKE = b"#!/bin/sh\n[ $1 = --version ] && echo 'Valkey server v=9.1.2 sha=0' && exit\n%s\n"


def refusal(bench, **words):
    with pytest.raises(errors.RefusedError) as caught:
        bench.run(**words)
    assert not bench.user.bin.exists() or list(bench.user.bin.iterdir()) == []
    assert list(bench.user.bootstrap.glob("work-*")) == []
    return caught.value


def test_an_archive_is_built_proved_and_put_in_place_with_its_licence(bench):
    path = bench.archive()
    done = bench.run("9.1", source=str(path), sha256=digest(path).upper())
    assert (done.state, done.kind, done.archive_sha256) == ("installed", "valkey", digest(path))
    assert digest(bench.server) == done.sha256
    assert (bench.user.bin / "valkey.LICENSE").read_text() == "A licence.\n"
    assert any(digest(path) in line for line in bench.said)
    assert "building" in (bench.user.bootstrap / "build.log").read_text()
    assert list(bench.user.bootstrap.glob("work-*")) == []
    assert bench.run(source=str(path)).state == "unchanged"


def test_an_archive_comes_over_the_network_and_is_not_fetched_again(bench, web):
    folder, address, asked, _ = web
    path = bench.archive("web/v.tar.gz")
    url = f"{address}/to/{address}/v.tar.gz"
    done = bench.run(source=url)
    assert (done.state, done.origin, done.archive_sha256) == ("installed", url, digest(path))
    count = len(asked)
    assert bench.run(source=url).state == "unchanged"
    assert len(asked) == count
    assert (folder / "v.tar.gz").exists()


def test_a_wrong_digest_stops_before_anything_is_unpacked_or_run(bench, web):
    ran = bench.folder / "ran"
    path = bench.archive("web/v.tar.gz", makefile=f"all:\n\ttouch {ran}\n")
    wrong = hashlib.sha256(b"other").hexdigest()
    for source in (str(path), f"{web[1]}/v.tar.gz"):
        error = refusal(bench, source=source, sha256=wrong)
        assert error.shown_code == "checksum_mismatch"
        assert digest(path) in error.detail
        assert wrong in error.detail
    assert not ran.exists()


def link(name, target, kind):
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info, b""


def plain(name, data=b"x"):
    info = tarfile.TarInfo(name)
    info.size = len(data)
    return info, data


@pytest.mark.parametrize(
    "member",
    [
        plain("../../escaped"),
        plain("/tmp/tt-escaped"),
        plain("valkey-9.1.2/../../escaped"),
        plain("a" * 600),
        link("valkey-9.1.2/l", "/etc", tarfile.SYMTYPE),
        link("valkey-9.1.2/l", "../../..", tarfile.SYMTYPE),
        link("valkey-9.1.2/l", "/etc/passwd", tarfile.LNKTYPE),
        link("valkey-9.1.2/p", "", tarfile.FIFOTYPE),
        link("valkey-9.1.2/d", "", tarfile.CHRTYPE),
    ],
    ids=lambda member: f"{member[0].name[-20:]}-{member[0].linkname}",
)
def test_an_archive_that_would_leave_its_folder_is_refused_whole(bench, member):
    ran = bench.folder / "ran"
    path = bench.archive(members=[member], makefile=f"all:\n\ttouch {ran}\n")
    assert refusal(bench, source=str(path)).shown_code == "unsafe_archive"
    assert not ran.exists()
    assert not list(bench.folder.rglob("*escaped*"))


def member(name, **more):
    """Give the header and the one byte of a member of which something is odd."""
    info = tarfile.TarInfo(name)
    info.size = 1
    for field, value in more.items():
        setattr(info, field, value)
    return info.tobuf(tarfile.GNU_FORMAT) + b"x".ljust(512, b"\0")


def headers(kind, count):
    """Give that many headers that say something of the next one, which is such a header too."""
    info = tarfile.TarInfo("x")
    info.type, data = kind, b"12 path=abc\n" if kind == b"x" else b"aaaa\0"
    info.size = len(data)
    return (info.tobuf(tarfile.GNU_FORMAT) + data.ljust(512, b"\0")) * count


@pytest.mark.parametrize(
    "data",
    [
        headers(b"L", 5000),
        headers(b"x", 5000),
        member("a", mtime=2**70),
        member("a", mtime=-(2**70)),
        member("a", size=-1024),
        member("a") + member("a/b"),
        member("."),
        member("b" * 300),
    ],
    ids=["long names", "headers", "late", "early", "negative", "file as folder", "dot", "name"],
)
def test_an_archive_whose_headers_say_nonsense_is_refused(tmp_path, data):
    (tmp_path / "archive").write_bytes(gzip.compress(data + b"\0" * 1024))
    with pytest.raises(errors.RefusedError) as caught:
        archives.unpack(tmp_path / "archive", tmp_path / "source")
    assert caught.value.shown_code == "unsafe_archive"


def test_a_bomb_does_not_go_off(bench, monkeypatch):
    class Zeros(io.RawIOBase):
        left = archives.MAX_UNPACKED + 1

        def read(self, size=-1):
            count = min(size if size >= 0 else self.left, self.left)
            self.left -= count
            return b"\0" * count

    path = bench.folder / "bomb.tar.gz"
    with tarfile.open(path, "w:gz", compresslevel=1) as tar:
        info = tarfile.TarInfo("big")
        info.size = Zeros.left
        tar.addfile(info, Zeros())
    assert path.stat().st_size < 4 << 20
    error = refusal(bench, source=str(path))
    assert (error.shown_code, "MiB" in error.detail) == ("unsafe_archive", True)


@pytest.mark.parametrize("data", [b"", b"hello", b"\x1f\x8bnot gzip", b"\xfd7zXZ\0not xz"])
def test_what_is_no_archive_is_refused(bench, data):
    path = bench.folder / "x.tar.gz"
    path.write_bytes(data)
    assert refusal(bench, source=str(path)).shown_code in {"not_an_archive", "unsafe_archive"}


def test_half_an_archive_is_refused(bench):
    path = bench.archive()
    path.write_bytes(path.read_bytes()[:-5000])
    assert refusal(bench, source=str(path)).shown_code == "unsafe_archive"


def test_a_build_that_fails_shows_the_end_of_its_log(bench):
    path = bench.archive(makefile="all:\n\t@echo no such header >&2\n\t@exit 3\n")
    error = refusal(bench, source=str(path))
    assert error.shown_code == "build_failed"
    assert "no such header" in error.detail
    assert str(bench.user.bootstrap / "build.log") in str(error.hint)


def test_a_build_that_makes_no_server_is_told(bench):
    error = refusal(bench, source=str(bench.archive(makefile="all:\n\t@true\n")))
    assert "made no src/valkey-server or src/redis-server" in error.detail


def test_a_source_of_another_version_is_refused_before_it_is_built(bench):
    ran = bench.folder / "ran"
    makefile = f"all:\n\ttouch {ran}\n"
    assert refusal(bench, version="8", source=str(bench.archive(makefile=makefile))).shown_code == "version_unavailable"
    old = bench.archive("old.tar.gz", version="7.2.4", makefile=makefile)
    assert refusal(bench, source=str(old)).shown_code == "too_old"
    assert not ran.exists()


@pytest.mark.parametrize(
    ("program", "code"),
    [
        (b"\x7fELF not really", "not_a_server"),
        (b"#!/bin/sh\necho hello\n", "not_a_server"),
        (b"#!/bin/sh\necho 'Valkey server v=7.2.4 sha=0'\n", "too_old"),
        (FAKE % b"exit 1", "proof_failed"),
    ],
    ids=["no program", "no server", "old", "ends at once"],
)
def test_a_program_that_proves_nothing_is_not_put_in_place(bench, program, code):
    error = refusal(bench, source=str(bench.archive(prebuilt=program)))
    assert error.shown_code == code


def test_a_server_that_is_called_by_the_others_name_is_refused(bench):
    makefile = "all:\n\tcp prebuilt src/redis-server\n\tchmod 755 src/redis-server\n"
    error = refusal(bench, source=str(bench.archive(makefile=makefile)))
    assert (error.shown_code, "says that it is Valkey" in error.detail) == ("not_a_server", True)


def test_a_server_that_lies_about_its_version_is_found_out(bench):
    from tinytown.storage.embedded.binary import wheel_binary

    lying = (
        f'#!/bin/sh\n[ "$1" = --version ] && echo "Valkey server v=99.0.0 sha=0" && exit\nexec {wheel_binary()} "$@"\n'
    )
    error = refusal(bench, source=str(bench.archive(prebuilt=lying.encode(), version="99.0.0")))
    assert error.shown_code == "proof_failed"
    assert "99.0.0" in error.detail


def test_a_variable_reaches_make_and_a_secret_does_not(bench):
    bench.env |= {"MALLOC": "libc", "TINYTOWN_REDIS_PASSWORD": "sesame", "MAKEFLAGS": "-n"}
    refusal(bench, source=str(bench.archive(makefile="all:\n\t@env\n\t@exit 1\n")))
    log = (bench.user.bootstrap / "build.log").read_text()
    assert "MALLOC=libc" in log
    assert "sesame" not in log


@pytest.mark.parametrize(
    "url",
    [
        "ftp://127.0.0.1/x",
        "file:///etc/passwd",
        "FILE:/etc/passwd",
        "data:,x",
        "javascript:1",
        "http://",
        "https:///x",
        "https://user:pw@127.0.0.1/x",
        "https://[::1",
        "https://127.0.0.1:99999/x",
        "https://127.0.0.1/\n",
        "https://127.0.0.1/ x",
        "https://b\u00fccher/x",
        "http://192.0.2.1/x.tar.gz",
    ],
)
def test_a_url_that_may_not_be_used_is_refused_before_the_network(bench, url):
    with pytest.raises(errors.InvalidValueError) as caught:
        bench.run(source=url)
    assert caught.value.hint
    assert not bench.user.home.exists()


def test_a_redirection_leads_nowhere_else(bench, web):
    for target in ("file:///etc/passwd", "ftp://127.0.0.1/x", "http://192.0.2.1/x"):
        assert refusal(bench, source=f"{web[1]}/to/{target}").shown_code == "download_failed"


def test_a_download_that_is_too_large_cut_or_missing_is_refused(bench, web):
    assert refusal(bench, source=f"{web[1]}/large").shown_code == "too_large"
    assert refusal(bench, source=f"{web[1]}/cut").shown_code == "download_failed"
    assert refusal(bench, source=f"{web[1]}/none").shown_code == "download_failed"
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        assert refusal(bench, source=f"http://127.0.0.1:{closed.getsockname()[1]}/x").shown_code == "download_failed"


def test_an_encrypted_download_is_checked_and_is_not_led_out_of_encryption(bench, web, secure, monkeypatch):
    path = bench.archive("web/v.tar.gz")
    assert "certificate" in refusal(bench, source=f"{secure.url}/v.tar.gz").detail
    monkeypatch.setenv("SSL_CERT_FILE", str(secure.authority))
    assert refusal(bench, source=f"{secure.url}/to/{web[1]}/v.tar.gz").shown_code == "download_failed"
    assert web[2] == [f"/to/{web[1]}/v.tar.gz"], "the plain server was not asked"
    assert bench.run(source=f"{secure.url}/v.tar.gz").archive_sha256 == digest(path)


@pytest.mark.parametrize("source", ["", " ", "nosuch", "x" * 5000, "a\0b", "\udcff"])
def test_a_path_that_is_none_is_refused(bench, source):
    with pytest.raises((errors.InvalidValueError, errors.NotFoundError)):
        bench.run(source=source)


def test_a_folder_or_a_pipe_is_no_archive(bench):
    pipe = bench.folder / "pipe"
    subprocess.run(["mkfifo", pipe], check=True)
    for source in (bench.folder, pipe):
        assert refusal(bench, source=str(source)).shown_code == "unreadable"


@pytest.mark.parametrize("words", [{"wheel": True}, {"agent": True}, {"cli": "script"}])
def test_a_server_comes_from_one_place(bench, words):
    with pytest.raises(errors.UsageError):
        bench.run(source="x.tar.gz", **words)


def test_a_digest_belongs_to_an_archive(bench):
    with pytest.raises(errors.UsageError):
        bench.run(sha256="0" * 64)
    for bad in ("", "abc", "g" * 64):
        with pytest.raises(errors.InvalidValueError):
            bench.run(source="x.tar.gz", sha256=bad)


def test_a_dry_run_of_a_source_fetches_nothing(bench, web):
    planned = bench.run(source=f"{web[1]}/v.tar.gz", dry_run=True)
    assert (planned.state, planned.path, web[2]) == ("planned", None, [])
    assert not bench.user.home.exists()


def test_two_at_once_build_once(bench):
    import concurrent.futures

    path = bench.archive()
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        found = list(pool.map(lambda run: run(), [partial(bench.run, source=str(path))] * 2))
    assert sorted(each.state for each in found) == ["installed", "unchanged"]
