"""Unpacking an archive from outside: nothing leaves the folder, no link is followed, and no bomb goes off.

It is decompressed to a file of bounded size first. So neither a header that claims a large name nor a million zeros
can take memory, and the members are then looked at one after the other before any of them is written.
"""

from __future__ import annotations

import errno
import gzip
import lzma
import tarfile
import zlib
from pathlib import Path

from tinytown.services.bootstrap.model import refused

MAX_UNPACKED = 256 * 1024 * 1024
"""Most bytes that an archive may unpack to."""

MAX_MEMBERS = 50_000
_LONGEST_NAME = 500
_OF_THE_ARCHIVE = frozenset({errno.ENOTDIR, errno.EISDIR, errno.EEXIST, errno.EINVAL, errno.ENAMETOOLONG, errno.ELOOP})
"""Errors that its members cause and not the disk."""
_CHUNK = 1 << 18
_HINT = "nothing was unpacked; take the archive of a release from its own page"


def unpack(archive: Path, folder: Path) -> Path:
    """Unpack a `.tar.gz` or `.tar.xz`.

    Args:
        archive: The file.
        folder: A new folder of ours, made here.

    Returns:
        The folder with the `Makefile`: the new one, or the only one in it.

    Raises:
        RefusedError: It is no such archive, would write outside of the folder, or is too large.
    """
    plain = archive.with_name("source.tar")
    _decompress(archive, plain)
    folder.mkdir(mode=0o700)
    try:
        with tarfile.open(plain, "r:") as tar:
            _look_through(tar)
            tar.extractall(folder, filter="data")
    except (tarfile.TarError, ValueError, OverflowError, RecursionError) as error:  # times and headers may say anything
        raise _unsafe(f"it is damaged or not safe to unpack: {error}") from error
    except OSError as error:
        if error.errno not in _OF_THE_ARCHIVE:
            raise
        raise _unsafe(f"it cannot be unpacked: {(error.strerror or str(error)).lower()}") from error
    plain.unlink()
    inside = list(folder.iterdir())
    top = inside[0] if len(inside) == 1 and inside[0].is_dir() else folder
    if not (top / "Makefile").is_file():
        raise refused("no_makefile", "the archive holds no `Makefile` at its top", "give a release of Valkey or Redis")
    return top


def _decompress(archive: Path, plain: Path) -> None:
    with archive.open("rb") as file:
        head = file.read(6)
    try:
        if head.startswith(b"\x1f\x8b"):
            with gzip.open(archive) as packed:
                _copy(packed, plain)
        elif head == b"\xfd7zXZ\0":
            with lzma.open(archive) as packed:
                _copy(packed, plain)
        else:
            raise refused("not_an_archive", "the file is neither a `.tar.gz` nor a `.tar.xz`", _HINT)
    except (gzip.BadGzipFile, EOFError, zlib.error, lzma.LZMAError) as error:
        raise _unsafe(f"it is damaged: {error}") from error


def _copy(file: gzip.GzipFile | lzma.LZMAFile, plain: Path) -> None:
    count = 0
    with plain.open("xb") as copy:
        while chunk := file.read(_CHUNK):
            count += len(chunk)
            if count > MAX_UNPACKED:
                raise _unsafe(f"it unpacks to more than {MAX_UNPACKED >> 20} MiB")
            copy.write(chunk)


def _look_through(tar: tarfile.TarFile) -> None:
    """Look at every member first, so that a bad one at the end stops the good ones before it too."""
    size = 0
    for count, member in enumerate(tar):
        name = member.name
        parts = name.split("/")
        if not name or name.startswith("/") or ".." in parts or "\\" in name or len(name) > _LONGEST_NAME:
            raise _unsafe(f"it holds the path {name[:80]!r}")
        if not (member.isreg() or member.isdir()):
            raise _unsafe(f"`{name[:80]}` is a link or a device")
        size += member.size  # a sparse file may claim any size
        if size > MAX_UNPACKED or count >= MAX_MEMBERS:
            raise _unsafe("it unpacks to more than any source has")


def _unsafe(detail: str) -> Exception:
    return refused("unsafe_archive", f"the archive was refused: {detail}", _HINT)
