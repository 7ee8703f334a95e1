"""Operations as generators: each is written once and run by the synchronous and the asyncio face.

An operation yields what it wants done (a call, a read of a stream, something local that blocks) and is sent the
answer. It touches no connection and no clock of its own, so both faces mean the same, word for word.

Source: sans-I/O libraries, which keep a protocol apart from who does the reading and writing.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import attrs

from tinytown.errors import StorageUnavailableError
from tinytown.storage.protocol import Call, Entry

if TYPE_CHECKING:
    from typing import TypeAlias

    from tinytown.storage.protocol import AsyncStorage, Storage

T = TypeVar("T")

FOLLOW_SECS = 60.0
"""How long who follows a stream waits for a server that does not answer."""
PAUSE_SECS = 0.1
"""Between two tries to reach a server that is being brought back."""


class Read:
    """Read entries of a stream; with ``block_ms`` wait for the first one."""

    def __init__(self, stream: str, after: str, limit: int, block_ms: int = 0) -> None:
        self.stream, self.after, self.limit, self.block_ms = stream, after, limit, block_ms


class Newest:
    """Give the last id of a stream."""

    def __init__(self, stream: str) -> None:
        self.stream = stream


class Local:
    """Do something on this machine that may block: a file, a process."""

    def __init__(self, act: Callable[[], Any]) -> None:
        self.act = act


class HangUp:
    """Give the connections back; the next call connects anew."""


class Under:
    """Run a call under an operation id that was noted before, so that a run that was killed can be repeated."""

    def __init__(self, call: Call[Any], operation: str) -> None:
        self.call, self.operation = call, operation


Step: TypeAlias = "Call[Any] | Under | Read | Newest | Local | HangUp"
Steps: TypeAlias = "Generator[Step, Any, T]"


def ask(call: Call[T]) -> Steps[T]:
    """Run a call."""
    return (yield call)


def ask_under(call: Call[T], operation: str) -> Steps[T]:
    """Run a call under an operation id; the same id again gives the same answer."""
    return (yield Under(call, operation))


def read(stream: str, after: str, *, limit: int, block_ms: int = 0) -> Steps[Sequence[Entry]]:
    """Read entries of a stream."""
    return (yield Read(stream, after, limit, block_ms))


def newest(stream: str) -> Steps[str]:
    """Give the last id of a stream."""
    return (yield Newest(stream))


def local(act: Callable[[], T]) -> Steps[T]:
    """Do something on this machine that may block."""
    return (yield Local(act))


def hang_up() -> Steps[None]:
    """Give the connections back for now."""
    yield HangUp()


@attrs.define
class Patience:
    """How long a server that does not answer is asked again.

    Inside a round nothing is ever started, because it would end with the round; the node brings the server back.

    Attributes:
        secs: For how long; 0 gives up at once.
        revive: Brings the town's own server back, or None where nobody here may; tried once.
    """

    secs: float = 0.0
    revive: Callable[[], object] | None = None
    pause_secs: float = attrs.field(default=PAUSE_SECS, init=False)
    _until: float = attrs.field(default=0.0, init=False)
    _revived: bool = attrs.field(default=False, init=False)

    @classmethod
    def for_followers(cls, given: Patience | None, secs: float = FOLLOW_SECS) -> Patience:
        """Give the patience of who follows a stream: more than that of a command, since nothing is lost by waiting."""
        return cls(secs=max(secs, given.secs if given else 0.0), revive=given.revive if given else None)

    def again(self, error: StorageUnavailableError) -> str | None:
        """Say under which operation id to try again, or raise the error when there is no more patience.

        Blocks only to bring the server back.

        Raises:
            StorageUnavailableError: It is time to give up.
        """
        if self.revive is not None and not self._revived:
            self._revived = True
            self.revive()
            self.pause_secs = 0.0
            return error.operation
        self.pause_secs = PAUSE_SECS
        now = time.monotonic()
        self._until = self._until or now + self.secs
        if now >= self._until:
            raise error
        return error.operation

    def answered(self) -> None:
        """The server is there, so the next time it is not there counts as the first."""
        self._until, self._revived = 0.0, False


class Once:
    """Gives the operation id that a user named to the first changing call, and none to the rest.

    Attributes:
        left: The id, while no call has had it.
    """

    def __init__(self, operation: str | None = None) -> None:
        self.left = operation

    def for_step(self, step: Step) -> str | None:
        """Give the id for a step."""
        if not isinstance(step, Call) or not step.changes or step.natural:
            return None
        given, self.left = self.left, None
        return given


def drive(steps: Steps[T], storage: Storage, *, once: Once | None = None, patience: Patience | None = None) -> T:
    """Run an operation on the synchronous face.

    Args:
        steps: The operation.
        storage: Where its calls go.
        once: Holds the id under which its first change is sent.
        patience: What to do when the server does not answer.
    """
    once = once or Once()
    answer: Any = None
    failure: BaseException | None = None
    while True:
        try:
            step = steps.send(answer) if failure is None else steps.throw(failure)
        except StopIteration as stop:
            return stop.value
        answer, failure = None, None
        try:
            answer = _do(step, storage, once, patience)
        except Exception as error:  # noqa: BLE001 - the operation decides what it means
            failure = error


def _do(step: Step, storage: Storage, once: Once, patience: Patience | None) -> Any:
    if isinstance(step, Local):
        return step.act()
    if isinstance(step, HangUp):
        return storage.close()
    sent = once.for_step(step)
    if isinstance(step, Under):
        step, sent = step.call, step.operation
    while True:
        try:
            answer = _try(step, storage, sent)
        except StorageUnavailableError as error:
            if patience is None:
                raise
            sent = patience.again(error) or sent
            time.sleep(patience.pause_secs)
        else:
            if patience is not None:
                patience.answered()
            return answer


def _try(step: Call[Any] | Read | Newest, storage: Storage, sent: str | None) -> Any:
    if isinstance(step, Read):
        return storage.read_stream(step.stream, after=step.after, limit=step.limit, block_ms=step.block_ms)
    if isinstance(step, Newest):
        return storage.newest_id(step.stream)
    return storage.run(step, operation=sent)


async def drive_async(
    steps: Steps[T], storage: AsyncStorage, *, once: Once | None = None, patience: Patience | None = None
) -> T:
    """Run an operation on the asyncio face; as `drive`."""
    once = once or Once()
    answer: Any = None
    failure: BaseException | None = None
    while True:
        try:
            step = steps.send(answer) if failure is None else steps.throw(failure)
        except StopIteration as stop:
            return stop.value
        answer, failure = None, None
        try:
            answer = await _do_async(step, storage, once, patience)
        except Exception as error:  # noqa: BLE001 - the operation decides what it means
            failure = error


async def _do_async(step: Step, storage: AsyncStorage, once: Once, patience: Patience | None) -> Any:
    import asyncio

    if isinstance(step, Local):
        return await asyncio.to_thread(step.act)
    if isinstance(step, HangUp):
        return await storage.close()
    sent = once.for_step(step)
    if isinstance(step, Under):
        step, sent = step.call, step.operation
    while True:
        try:
            answer = await _try_async(step, storage, sent)
        except StorageUnavailableError as error:
            if patience is None:
                raise
            sent = await asyncio.to_thread(patience.again, error) or sent
            await asyncio.sleep(patience.pause_secs)
        else:
            if patience is not None:
                patience.answered()
            return answer


async def _try_async(step: Call[Any] | Read | Newest, storage: AsyncStorage, sent: str | None) -> Any:
    if isinstance(step, Read):
        return await storage.read_stream(step.stream, after=step.after, limit=step.limit, block_ms=step.block_ms)
    if isinstance(step, Newest):
        return await storage.newest_id(step.stream)
    return await storage.run(step, operation=sent)
