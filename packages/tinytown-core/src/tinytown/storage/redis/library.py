"""What both redis-py transports share: settings that switch its own repetitions off, and its errors in our words."""

from __future__ import annotations

from typing import Any

from redis.exceptions import InvalidResponse, RedisError
from redis.exceptions import TimeoutError as RedisTimeoutError

from tinytown.storage.redis.dial import describe
from tinytown.storage.redis.urls import Endpoint, TlsOptions
from tinytown.storage.redis.wire import BrokenWireError, Deadline, ErrorReply, Reply, no_answer


def settings(endpoint: Endpoint) -> dict[str, Any]:
    """Give the settings of one connection: where to; the library sends nothing of its own, `greeting` signs in."""
    place = {"path": endpoint.path} if endpoint.path else {"host": endpoint.host, "port": endpoint.port}
    return {
        **place,
        "protocol": 2,
        "driver_info": None,
        "decode_responses": True,
        "encoding_errors": "replace",
        "health_check_interval": 0,
    }


def tls_settings(tls: TlsOptions) -> dict[str, Any]:
    """Give the settings of a TLS connection; the certificate and the host name are always checked."""
    return {
        "ssl_cert_reqs": "required",
        "ssl_check_hostname": True,
        "ssl_ca_certs": tls.ca_file,
        "ssl_certfile": tls.cert_file,
        "ssl_keyfile": tls.key_file,
    }


def as_reply(value: Any) -> Reply:
    """Turn the library's error values, also those within a list, into ours."""
    if isinstance(value, list):
        return [as_reply(item) for item in value]  # pyright: ignore[reportUnknownVariableType]
    return reply_of(value) if isinstance(value, RedisError) else value


def reply_of(error: RedisError) -> ErrorReply:
    """Give the server's words; the library cuts off their first one and keeps it apart."""
    text = str(error.args[0]) if error.args else ""
    return ErrorReply(f"{error.status_code} {text}" if error.status_code else text)


def is_reply(error: BaseException) -> bool:
    """Say whether an exception of the library stands for an answer of the server, not for a broken connection."""
    from redis.exceptions import ConnectionError as RedisConnectionError

    if not isinstance(error, RedisError) or isinstance(error, InvalidResponse | RedisTimeoutError):
        return False
    return error.status_code is not None or not isinstance(error, RedisConnectionError)


def broken(error: BaseException, endpoint: Endpoint, deadline: Deadline, *, sent: bool) -> BrokenWireError:
    """Say in words why a connection of the library broke."""
    if isinstance(error, RedisTimeoutError | TimeoutError):
        return no_answer(deadline, sent=sent)
    if isinstance(error, InvalidResponse):
        return BrokenWireError(
            "what answers there does not speak the Redis protocol",
            sent=sent,
            hint="use rediss:// if the server expects TLS, or correct the port",
            lasting=True,
        )
    return describe(error, endpoint, deadline, sent=sent)
