"""A town as its save says it, for tests that carry towns from one storage to another."""

from __future__ import annotations

from tinytown.errors import EventsTrimmedError
from tinytown.storage.calls import saves
from tinytown.storage.calls import town as towns
from tinytown.storage.protocol import Storage
from tinytown.storage.saves import rebuild, text
from tinytown.storage.saves.town import TOWN_NUMBERS, SavedTown

TOKEN = "one-attempt"  # noqa: S105 - names an attempt


def exported(storage: Storage, name: str = "walk") -> SavedTown:
    """Read a town that nobody changes meanwhile."""
    town, after = SavedTown(name=name), ""
    while True:
        page = storage.run(saves.export(after=after))
        for item in page.items:
            town.add(item)
        if page.next is None:
            break
        after = page.next
    town.numbers = {field: int(page.town[field]) for field in TOWN_NUMBERS if field in page.town}
    try:
        town.events = list(storage.read_stream("events", after="0-0", limit=1_000_000))
    except EventsTrimmedError as error:
        town.trimmed = True
        at, _dash, count = error.oldest.partition("-")
        before = f"{at}-{int(count) - 1}" if int(count) else f"{int(at) - 1}-{2**63 - 1}"
        town.events = list(storage.read_stream("events", after=before, limit=1_000_000))
    return town


def file_of(town: SavedTown) -> bytes:
    """Write a town as its file."""
    return b"".join(text.write(town))


def read(data: bytes) -> SavedTown:
    """Read a file."""
    return text.read(data.splitlines(keepends=True), "test.save")


def put(storage: Storage, town: SavedTown, *, limit: int = 300) -> None:
    """Write a town into a storage, over whatever is there."""
    storage.run(towns.claim(town.name, "instance-1", unfinished=True))
    begin = True
    while not storage.run(saves.clear("restore", TOKEN, begin=begin, limit=limit)).done:
        begin = False
    for batch in rebuild.batches(town, "no-life"):
        storage.run(saves.write(TOKEN, batch, trimmed=town.trimmed))
    storage.run(saves.finish(TOKEN))
    storage.run(towns.claim(town.name, "instance-1"))
