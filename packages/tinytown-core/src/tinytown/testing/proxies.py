"""A proxy between client and server that does what networks do: lose a reply, delay, swallow everything.

With a TLS context it also terminates TLS, for servers that were built without it.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import threading
from collections.abc import Generator
from pathlib import Path

import attrs


@attrs.define
class Cuts:
    """What the proxy does next; tests set it, connections read it.

    Attributes:
        drop_replies_to: Word of a command whose reply is lost, after the server carried the command out.
        drops: How many replies are still to be lost.
        swallow: Forward nothing in either direction.
        delay_secs: Wait so long before each reply.
        seen: How many writes of clients held `drop_replies_to`.
    """

    drop_replies_to: bytes = b""
    drops: int = 0
    swallow: bool = False
    delay_secs: float = 0.0
    seen: int = 0


class CutProxy:
    """A running proxy on a loopback port; make it with `cut_proxy`."""

    def __init__(self, target: Path, context: ssl.SSLContext | None) -> None:
        self.cuts = Cuts()
        self.port = 0
        self._target = target
        self._context = context
        self._loop = asyncio.new_event_loop()
        self._tasks: set[asyncio.Task[None]] = set()
        self._ready = threading.Event()
        self._stop = asyncio.Event()
        self._thread = threading.Thread(target=self._loop.run_until_complete, args=(self._serve(),), daemon=True)

    def start(self) -> None:
        """Listen; `port` is known afterwards."""
        self._thread.start()
        self._ready.wait(5)

    def stop(self) -> None:
        """Close everything."""
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(5)
        self._loop.close()

    async def _serve(self) -> None:
        server = await asyncio.start_server(self._accept, "127.0.0.1", 0, ssl=self._context)
        self.port = int(server.sockets[0].getsockname()[1])
        self._ready.set()
        await self._stop.wait()
        server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is not None:
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        with contextlib.suppress(OSError, asyncio.CancelledError):
            far_reader, far_writer = await asyncio.open_unix_connection(str(self._target))
            try:
                await self._carry(reader, writer, far_reader, far_writer)
            finally:
                await _close(far_writer)
        await _close(writer)

    async def _carry(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        far_reader: asyncio.StreamReader,
        far_writer: asyncio.StreamWriter,
    ) -> None:
        losing = asyncio.Event()

        async def outward() -> None:
            while chunk := await reader.read(1 << 20):
                if self.cuts.swallow:
                    continue
                if self.cuts.drop_replies_to and self.cuts.drop_replies_to in chunk:
                    self.cuts.seen += 1
                    if self.cuts.drops > 0:
                        self.cuts.drops -= 1
                        losing.set()
                far_writer.write(chunk)
                await far_writer.drain()

        async def inward() -> None:
            while chunk := await far_reader.read(1 << 20):
                if losing.is_set():
                    return  # the server has done it; the client will never hear
                if self.cuts.delay_secs:
                    await asyncio.sleep(self.cuts.delay_secs)
                writer.write(chunk)
                await writer.drain()

        both = [asyncio.ensure_future(outward()), asyncio.ensure_future(inward())]
        try:
            await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for half in both:
                half.cancel()
            await asyncio.gather(*both, return_exceptions=True)


async def _close(writer: asyncio.StreamWriter) -> None:
    """Close one side; at once, because the other side may never say goodbye."""
    writer.transport.abort()
    with contextlib.suppress(OSError, asyncio.CancelledError):
        await writer.wait_closed()


@contextlib.contextmanager
def cut_proxy(target: Path, *, context: ssl.SSLContext | None = None) -> Generator[CutProxy]:
    """Run a proxy in front of a server's Unix socket.

    Args:
        target: Path of the socket.
        context: Server side of TLS, or None for plain TCP.
    """
    proxy = CutProxy(target, context)
    proxy.start()
    try:
        yield proxy
    finally:
        proxy.stop()
