"""Commands to a server as they are, for tests that look past the verbs."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import hiredis

from tinytown.testing.dumps import Pipeline

_TIMEOUT_SECS = 10.0


def pipeline(path: Path) -> Pipeline:
    """Give a function that sends commands over a Unix socket and returns the replies, texts as `str`."""

    def send(commands: Sequence[Sequence[str]]) -> list[Any]:
        if not commands:
            return []
        reader = hiredis.Reader(encoding="utf-8", errors="replace")
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(_TIMEOUT_SECS)
            connection.connect(str(path))
            connection.sendall(b"".join(_packed(command) for command in commands))
            replies: list[Any] = []
            while len(replies) < len(commands):
                reply: Any = reader.gets()
                if reply is False:
                    chunk = connection.recv(65536)
                    if not chunk:
                        raise ConnectionResetError
                    reader.feed(chunk)
                    continue
                replies.append(reply)
            return replies

    return send


def _packed(words: Sequence[str]) -> bytes:
    raw = [word.encode() for word in words]
    return b"*%d\r\n" % len(raw) + b"".join(b"$%d\r\n%s\r\n" % (len(word), word) for word in raw)
