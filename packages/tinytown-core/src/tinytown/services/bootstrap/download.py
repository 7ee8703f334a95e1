"""Getting an archive from a path or a URL: bounded, hashed on the way, and not opened if its digest differs."""

from __future__ import annotations

import hashlib
import http.client
import ipaddress
import os
import re
import stat
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import IO, Any, Protocol
from urllib.parse import SplitResult, urlsplit

from tinytown.errors import InvalidValueError, NotFoundError
from tinytown.services.bootstrap.model import refused

MAX_BYTES = 128 * 1024 * 1024
"""Largest archive that is taken."""

_TOTAL_SECS = 900.0
_SILENT_SECS = 30.0
_CHUNK = 1 << 16
_LIKE_A_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")


class _Readable(Protocol):
    def read(self, size: int, /) -> bytes: ...


def is_url(source: str) -> bool:
    """Say whether a text is to be read as a URL; a path with a colon can be written with `./` in front."""
    return _LIKE_A_URL.match(source) is not None


def check_source(source: str, sha256: str | None) -> None:
    """Check where an archive shall come from. Touches no network.

    Raises:
        InvalidValueError: It is neither a path nor a URL that may be used.
        NotFoundError: No such file.
    """
    if is_url(source):
        check_url(source, sha256)
    elif not source.strip() or "\0" in source:
        raise InvalidValueError(what="--source", detail="names no file", hint="give a path or an https URL")
    elif not _exists(source):
        raise NotFoundError(kind="archive", ref=source[:200], hint="give the path of a `.tar.gz`, or an https URL")


def check_url(url: str, sha256: str | None) -> SplitResult:
    """Check a URL, whoever named it: a person, or a server that sends us elsewhere.

    Raises:
        InvalidValueError: It is none that may be used.
    """

    def bad(detail: str, hint: str = "give an https URL of a `.tar.gz`") -> InvalidValueError:
        return InvalidValueError(what="the URL of the source", detail=detail, hint=hint)

    if not url.isascii() or any(character <= " " or character == "\x7f" for character in url):
        raise bad("holds characters that no URL has")
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise bad("is none") from None
    if parts.scheme.lower() not in ("http", "https"):
        raise bad(f"has the scheme `{parts.scheme[:20]}`, and only https and http are used")
    if not host:
        raise bad("names no host")
    if parts.username is not None or parts.password is not None:
        raise bad("holds a user name or password", "fetch the archive yourself and give its path")
    if parts.scheme.lower() == "http" and not _is_loopback(host) and sha256 is None:
        raise bad("is not encrypted, and there is no digest to check it with", "use https, or add --sha256")
    return parts


def fetch_archive(source: str, target: Path, sha256: str | None) -> str:
    """Copy an archive to a file of ours.

    Args:
        source: Path or URL, as `check_source` takes it.
        target: Where to.
        sha256: What its digest must be, or None.

    Returns:
        Its SHA-256.

    Raises:
        RefusedError: It cannot be had, is too large, or has another digest; the copy is gone then.
    """
    found = _download(source, target, sha256) if is_url(source) else _copy(source, target)
    if sha256 is not None and found != sha256:
        target.unlink()
        raise refused(
            "checksum_mismatch",
            f"the archive has the SHA-256 {found}, not {sha256}",
            "it is not what was promised and was not opened; look at where it comes from",
        )
    return found


def _copy(source: str, target: Path) -> str:
    try:
        descriptor = os.open(os.path.expanduser(source), os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)  # noqa: PTH111
        with open(descriptor, "rb") as file:  # noqa: PTH123 - wraps the descriptor
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise refused("unreadable", f"`{source[:200]}` is no ordinary file", "give the path of a `.tar.gz`")
            return _hashed(file, target, size=None)
    except OSError as error:
        raise refused(
            "unreadable", f"`{source[:200]}`: {(error.strerror or str(error)).lower()}", "give a path that can be read"
        ) from error


class _Checked(urllib.request.HTTPRedirectHandler):
    """Follows a redirection only to where the first URL might have led as well, and never out of encryption."""

    def __init__(self, sha256: str | None) -> None:
        self._sha256 = sha256

    def redirect_request(  # noqa: PLR0917 - the library's signature
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: Any, newurl: str
    ) -> urllib.request.Request | None:
        try:
            encrypted = check_url(newurl, self._sha256).scheme.lower() == "https"
            trouble = None if encrypted or req.type != "https" else "it leads out of encryption"
        except InvalidValueError as error:
            trouble = str(error)
        if trouble:
            fp.close()
            raise refused("download_failed", f"the server led to another URL: {trouble}", "look at the address")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _download(url: str, target: Path, sha256: str | None) -> str:
    # No handler for file:, ftp: or data: is there at all, whatever a redirection says.
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler(),
        urllib.request.HTTPHandler(),
        urllib.request.HTTPSHandler(),
        urllib.request.HTTPDefaultErrorHandler(),
        urllib.request.HTTPErrorProcessor(),
        _Checked(sha256),
    ):
        opener.add_handler(handler)
    request = urllib.request.Request(url, headers={"User-Agent": "tinytown", "Accept-Encoding": "identity"})  # noqa: S310
    try:
        with opener.open(request, timeout=_SILENT_SECS) as answer:
            length = answer.headers.get("Content-Length", "")
            return _hashed(answer, target, size=int(length) if length.isdigit() else None)
    except urllib.error.HTTPError as error:
        error.close()
        raise refused("download_failed", f"{url[:200]} answered {error.code}", "look at the address") from error
    except (OSError, http.client.HTTPException) as error:
        reason = getattr(error, "reason", None) or error
        text = getattr(reason, "strerror", None) or str(reason) or type(reason).__name__
        raise refused(
            "download_failed", f"{url[:200]}: {str(text).lower()}", "look at the address and the network, then repeat"
        ) from error


def _hashed(file: _Readable, target: Path, *, size: int | None) -> str:
    if size is not None and size > MAX_BYTES:
        raise _too_large()
    ends = time.monotonic() + _TOTAL_SECS
    found, count = hashlib.sha256(), 0
    with target.open("xb") as copy:
        while chunk := file.read(_CHUNK):
            count += len(chunk)
            if count > MAX_BYTES:
                raise _too_large()
            if time.monotonic() > ends:
                raise refused("download_failed", f"it took longer than {_TOTAL_SECS:g} s", "fetch it yourself")
            found.update(chunk)
            copy.write(chunk)
    if size is not None and count != size:
        raise refused("download_failed", f"{count} of {size} bytes came", "repeat the command")
    return found.hexdigest()


def _too_large() -> Exception:
    return refused(
        "too_large", f"the archive is larger than {MAX_BYTES >> 20} MiB", "give the source archive of a release"
    )


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _exists(source: str) -> bool:
    try:
        return Path(source).expanduser().exists()
    except (OSError, ValueError, RuntimeError):  # too long, a surrogate, no such user
        return False
