"""Opening a socket within a deadline, and what each way to fail means in words."""

from __future__ import annotations

import socket
from typing import Any

from tinytown.storage.redis.urls import Endpoint
from tinytown.storage.redis.wire import BrokenWireError, Deadline, no_answer

AddressInfo = tuple[int, Any]
"""Family and socket address."""


def open_socket(endpoint: Endpoint, deadline: Deadline) -> socket.socket:
    """Connect to an endpoint.

    Args:
        endpoint: Where to.
        deadline: When to give up; shared out over the addresses of a host, so that a dead one hides no live one.

    Raises:
        BrokenWireError: Nothing of that kind answers there; nothing was sent.
    """
    try:
        if endpoint.path:
            return _connect(socket.AF_UNIX, endpoint.path, deadline.left)
        addresses = resolve(endpoint, deadline)
        while True:
            family, address = addresses.pop(0)
            try:
                return _connect(family, address, deadline.left / (len(addresses) + 1))
            except OSError:
                if not addresses:
                    raise
    except OSError as error:
        raise describe(error, endpoint, deadline) from error


def resolve(endpoint: Endpoint, deadline: Deadline) -> list[AddressInfo]:
    """Look up a host name, without waiting longer than the deadline for a dead name server."""
    for family in (socket.AF_INET, socket.AF_INET6):
        try:
            socket.inet_pton(family, endpoint.host)
        except (OSError, ValueError):
            continue
        return [(family, (endpoint.host, endpoint.port))]
    found: list[AddressInfo] = []
    failed: list[OSError] = []

    def look_up() -> None:
        try:
            rows = socket.getaddrinfo(endpoint.host, endpoint.port, type=socket.SOCK_STREAM)
            found.extend((row[0], row[4]) for row in rows)
        except OSError as error:
            failed.append(error)
        except UnicodeError:  # a label that is empty or too long
            failed.append(socket.gaierror(socket.EAI_NONAME, "not a host name"))

    import threading  # only host names need it

    worker = threading.Thread(target=look_up, daemon=True)  # getaddrinfo has no time limit of its own
    worker.start()
    worker.join(deadline.left)
    if failed:
        raise describe(failed[0], endpoint, deadline) from failed[0]
    if not found:
        raise BrokenWireError(
            f"the name server did not answer for `{endpoint.host}`",
            hint="check the network, or write the host as a number",
            lasting=True,
        )
    return found


def describe(error: BaseException, endpoint: Endpoint, deadline: Deadline, *, sent: bool = False) -> BrokenWireError:
    """Say in words why a connection failed; looks through the wrappings of libraries."""
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, OSError):
        cause = cause.__cause__ or cause.__context__
    if cause is None:
        return BrokenWireError(f"the connection broke ({type(error).__name__})", sent=sent)
    tls = _describe_tls(cause, endpoint, sent=sent)
    if tls is not None:
        return tls
    if isinstance(cause, TimeoutError):
        return no_answer(deadline, sent=sent)
    if isinstance(cause, socket.gaierror):
        return BrokenWireError(
            f"no host `{endpoint.host}` is known", hint="check the spelling of the host", lasting=True
        )
    if isinstance(cause, ConnectionRefusedError | FileNotFoundError):
        return BrokenWireError(
            f"nothing listens at {endpoint}", sent=sent, hint="start the server there, or correct the address"
        )
    if isinstance(cause, PermissionError):
        return BrokenWireError(
            f"no permission to use {endpoint}", hint="use the account that the server runs under", lasting=True
        )
    if isinstance(cause, BlockingIOError):  # a Unix socket whose queue is full
        return BrokenWireError("it takes no more connections at the moment", sent=sent)
    return BrokenWireError((cause.strerror or type(cause).__name__).lower(), sent=sent)


def _describe_tls(cause: Any, endpoint: Endpoint, *, sent: bool) -> BrokenWireError | None:
    import sys

    ssl = sys.modules.get("ssl")  # whoever never loaded it has no such error
    if ssl is None or not isinstance(cause, ssl.SSLError):
        return None
    if isinstance(cause, ssl.SSLCertVerificationError):
        return BrokenWireError(
            f"its certificate does not hold: {cause.verify_message}",
            hint="name the authority's file in `tls_ca_file`, or correct the host name",
            lasting=True,
        )
    reason = str(cause.reason or "").replace("_", " ").lower()
    if "certificate" in reason or "unknown ca" in reason:
        return BrokenWireError(
            f"it did not take our certificate: {reason}",
            sent=sent,
            hint="name the client's certificate and key in `tls_cert_file` and `tls_key_file`",
            lasting=True,
        )
    return BrokenWireError(
        f"no TLS connection to {endpoint} came about: {reason or 'it was closed'}",
        sent=sent,
        hint="use redis:// if the server speaks no TLS",
        lasting=True,
    )


def _connect(family: int, address: Any, seconds: float) -> socket.socket:
    if seconds <= 0:
        raise TimeoutError
    connection = socket.socket(family, socket.SOCK_STREAM)
    try:
        connection.settimeout(seconds)
        connection.connect(address)
        if family != socket.AF_UNIX:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    except BaseException:
        connection.close()
        raise
    return connection
