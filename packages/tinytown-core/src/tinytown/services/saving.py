"""Saving a town: everything that its server holds of it, as one text file that is worth keeping in git."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING, cast

import attrs

from tinytown.config.files import private_dir, reason, write_private
from tinytown.errors import EventsTrimmedError, InvalidValueError, RefusedError, SaveFileError, TownUnfinishedError
from tinytown.services.steps import Steps, ask, local, read
from tinytown.services.watching import before
from tinytown.storage.calls import saves
from tinytown.storage.saves import text
from tinytown.storage.saves.check import check
from tinytown.storage.saves.town import TOWN_NUMBERS, SavedTown

if TYPE_CHECKING:
    from tinytown.services.context import TownContext

FILE_NAME = "town.save"
TRIES = 5
EVENTS_AT_ONCE = 1000
LARGEST = 1024 * 1024 * 1024


@attrs.frozen(kw_only=True)
class Saved:
    """What was saved.

    Attributes:
        file: Where it lies; None for a stream.
        counts: How many records of each kind, and events.
        size: Bytes of the file.
    """

    file: Path | None
    counts: dict[str, int]
    size: int


def default_file(context: TownContext) -> Path:
    """Give the file that is meant when none is named. It lies where git does not look: it holds people's mail."""
    return context.paths.dot / FILE_NAME


def save(context: TownContext, file: str | Path | IO[bytes] | None = None, *, force: bool = False) -> Steps[Saved]:
    """Write everything that the town is into one file, whole or not at all. The node may go on meanwhile.

    The same town gives the same bytes, whatever server it is on. Prompts and mail are in it, passwords and the
    environment of agents are not.

    Args:
        context: The town.
        file: Where to; ``.tt/town.save`` when left out. Or a stream that takes bytes.
        force: Replace a file even if it is no save of this town.

    Raises:
        SaveFileError: There is a file that is no save of this town.
        RefusedError: The town changes faster than it can be read.
        ConfigError: The file cannot be written.
    """
    path = _path(context, file)
    if path is not None:
        yield from local(lambda: check_replaceable(path, context.name, force=force))
    town = yield from collect(context)
    return (yield from local(lambda: put(town, path, file)))


def _path(context: TownContext, file: str | Path | IO[bytes] | None) -> Path | None:
    if file is None:
        return default_file(context)
    if not isinstance(file, str | Path):
        return None
    path = Path(file).expanduser().absolute()
    if not path.name.strip() or not path.name.isprintable():  # a name that is no text is not printable either
        raise InvalidValueError(what="file", detail=f"{path.name[:80]!r} is no name of a file", hint="name a file")
    return path


def put(town: SavedTown, path: Path | None, stream: object = None) -> Saved:
    """Write a town into a file, mode 0600, or into a stream."""
    data = b"".join(text.write(town))
    if path is None:
        cast("IO[bytes]", stream).write(data)
    else:
        if path.name == FILE_NAME and path.parent.name == ".tt":
            private_dir(path.parent)
        write_private(path, data)
    return Saved(file=path, counts=town.counts(), size=len(data))


def check_replaceable(path: Path, name: str, *, force: bool) -> None:
    """Refuse to write over anything but an earlier save of the same town.

    Raises:
        SaveFileError: Something else stands there.
    """
    if force and not path.is_dir():
        return
    try:
        with path.open("rb") as file:
            start = file.read(len(text.HEAD) + 2).decode("utf-8", "replace")
            first = start + file.readline(1000).decode("utf-8", "replace") + file.read(4000).decode("utf-8", "replace")
    except FileNotFoundError:
        return
    except OSError as error:
        raise SaveFileError(
            path=str(path), detail=f"cannot be written over: {(error.strerror or '').lower()}"
        ) from None
    if not first.startswith('{"' + text.HEAD + '"'):
        raise SaveFileError(
            path=str(path), detail="exists and is no saved town", hint="name another file, or repeat with `--force`"
        )
    if f'\n "name": "{name}"' not in first:
        raise SaveFileError(
            path=str(path), detail="is the save of another town", hint="name another file, or repeat with `--force`"
        )


def collect(context: TownContext, attempt: str | None = None) -> Steps[SavedTown]:
    """Read the whole town as it was at one instant.

    It is read in parts, and whether anything has changed between them is seen by the newest event.

    Args:
        context: The town.
        attempt: The restore that is about to end; of any other town a part would be read.

    Raises:
        RefusedError: It changes faster than it can be read.
        TownUnfinishedError: It is being restored or taken away.
    """
    for _ in range(TRIES):
        found = yield from _collect_once(context.name, None if attempt is None else f"restore:{attempt}")
        if found is not None:
            return found
    raise busy()


def busy() -> RefusedError:
    """Say that the town changes faster than it can be read."""
    return RefusedError(
        refusal="town_busy",
        detail=f"the town changed {TRIES} times while it was read",
        hint="`tt stop`, save, then `tt start`",
    )


def newest_of(town: SavedTown) -> str:
    """Give the id of the newest event in a save."""
    return town.events[-1][0] if town.events else "0-0"


def _collect_once(name: str, mark: str | None) -> Steps[SavedTown | None]:
    town, after = SavedTown(name=name), ""
    newest: str | None = None
    while True:
        page = yield from ask(saves.export(after=after))
        if page.town.get("unfinished") != mark or "schema" not in page.town:  # without one a reset took it just now
            raise TownUnfinishedError(what=page.town.get("unfinished", "reset").partition(":")[0])
        if newest not in (None, page.newest):
            return None
        newest = page.newest
        for item in page.items:
            town.add(item)
        if page.next is None:
            break
        after = page.next
    town.numbers = {field: int(page.town[field]) for field in TOWN_NUMBERS if field in page.town}
    return (yield from _events(town, newest))


def _events(town: SavedTown, newest: str) -> Steps[SavedTown | None]:
    """Add the events up to one; None if some were trimmed meanwhile."""
    after = "0-0"
    while after != newest:
        try:
            entries = yield from read("events", after, limit=EVENTS_AT_ONCE)
        except EventsTrimmedError as error:
            if town.events:
                return None
            town.trimmed, after = True, before(error.oldest)
            continue
        for ref, fields in entries:
            town.events.append((ref, dict(fields)))
            after = ref
            if ref == newest:
                break
        if not entries:
            break
    return town


def load(path: str | Path | IO[bytes], name: str | None = None) -> SavedTown:
    """Read a file and check all of it; nothing of a town is touched.

    Args:
        path: The file, or a stream of bytes.
        name: What to call it in errors.

    Raises:
        SaveFileError: It cannot be restored.
    """
    if not isinstance(path, (str, Path)):
        return _checked(_lines(path.readline), name or "standard input")
    shown = str(path)
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        with open(descriptor, "rb") as file:  # noqa: PTH123 - wraps the descriptor
            size = os.fstat(descriptor).st_size
            if size > LARGEST:
                raise SaveFileError(path=shown, detail=f"is larger than {LARGEST} bytes")
            return _checked(_lines(file.readline), shown)
    except FileNotFoundError:
        raise SaveFileError(path=shown, detail="does not exist", hint="`tt save` writes one") from None
    except OSError as error:
        raise SaveFileError(path=shown, detail=f"cannot be read: {reason(error)}") from None


def _checked(lines: Iterator[bytes], name: str) -> SavedTown:
    town = text.read(lines, name)
    check(town, name)
    return town


def _lines(readline: Callable[[int], bytes]) -> Iterator[bytes]:
    """Give lines, none of them longer than can be meant."""
    total = 0
    while line := readline(text.LONGEST_LINE):
        total += len(line)
        if total > LARGEST:
            raise SaveFileError(path="the file", detail=f"is larger than {LARGEST} bytes")
        yield line
