"""Reading and writing small files safely: whole or not at all, private where secret, one writer at a time."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path

from tinytown.crash import point
from tinytown.errors import ConfigError

MAX_FILE_BYTES = 1024 * 1024
"""Largest file that is read as configuration."""

_FULL = "make room on the disk, then repeat the command"
_FORBIDDEN = "see who owns the folder and what may be done there"
_REMEDIES = {
    errno.ENOSPC: _FULL,
    errno.EDQUOT: _FULL,
    errno.EACCES: _FORBIDDEN,
    errno.EPERM: _FORBIDDEN,
    errno.EROFS: "the file system is read-only; use another folder",
}
"""What helps when a file cannot be written, by the system's error."""


def private_dir(path: Path) -> Path:
    """Make a folder that only its owner can enter, mode 0700, with the folders above it where they are missing.

    Args:
        path: Folder to make. One that exists is narrowed to 0700.

    Returns:
        The same path.

    Raises:
        ConfigError: Something else stands there, it belongs to another user, or it cannot be made.
    """
    try:
        for missing in reversed([each for each in (path, *path.parents) if not os.path.lexists(each)]):
            with suppress(FileExistsError):  # another command may be making the same one
                missing.mkdir(mode=0o700)
        found = path.stat()
        if not stat.S_ISDIR(found.st_mode):
            raise ConfigError(path=str(path), detail="is not a folder", hint="move it away and repeat the command")
        if found.st_uid not in (os.geteuid(), 0):
            raise ConfigError(path=str(path), detail="belongs to another user", hint="use a folder of your own")
        if stat.S_IMODE(found.st_mode) != 0o700:  # noqa: PLR2004 - the mode is its own name
            path.chmod(0o700)
    except OSError as error:
        raise ConfigError(
            path=str(path), detail=f"cannot be made: {reason(error)}", hint=_REMEDIES.get(error.errno or 0)
        ) from None
    return path


def write_private(path: Path, data: bytes) -> None:
    """Replace a file by one of mode 0600, whole or not at all, also across a power cut.

    A symbolic link at the path is replaced, not followed. The folder must exist.

    Args:
        path: File to write.
        data: Its whole content.

    Raises:
        ConfigError: It cannot be written; the old file is untouched.
    """
    _replace(path, data, 0o600)


def write_shared(path: Path, data: bytes, *, new: int = 0o644) -> None:
    """Replace a file that people edit too: keeps its mode and follows a symbolic link to the real file.

    Args:
        path: File to write.
        data: Its whole content.
        new: The mode of a file that is not there yet.

    Raises:
        ConfigError: It cannot be written; the old file is untouched.
    """
    real = Path(os.path.realpath(path))
    try:
        mode = stat.S_IMODE(real.stat().st_mode)
    except FileNotFoundError:
        mode = new
    except OSError as error:
        raise ConfigError(path=str(path), detail=f"cannot be written: {reason(error)}") from None
    _replace(real, data, mode)


def _replace(path: Path, data: bytes, mode: int) -> None:
    # One name for all writers of a file: what a killed one left is taken over by the next, so nothing piles up.
    beside = path.with_name(f".{path.name[:100]}.tmp")
    try:
        with only_one(beside) as descriptor:
            try:
                with open(descriptor, "wb", closefd=False) as file:
                    file.truncate(0)
                    file.write(data)
                    file.flush()
                    os.fchmod(descriptor, mode)
                    os.fsync(descriptor)
                point("verb.file_aside")
                beside.replace(path)
                point("verb.file_replaced")
            except BaseException:
                with suppress(OSError):
                    beside.unlink()
                raise
            _sync_folder(path.parent)
    except OSError as error:
        raise ConfigError(
            path=str(path), detail=f"cannot be written: {reason(error)}", hint=_REMEDIES.get(error.errno or 0)
        ) from None


@contextmanager
def only_one(path: Path) -> Generator[int]:
    """Open a private file, made when missing, for one process at a time; others wait.

    Whoever has it may rename or remove it: those who waited then open the file of that name anew.

    Args:
        path: The file; its folder must exist.

    Yields:
        Its descriptor, open for reading and writing. What an earlier process left in the file is still there.
    """
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK, 0o600)
        try:
            if take_file(path, descriptor, wait=True):
                yield descriptor
                return
        finally:
            os.close(descriptor)


def take_file(path: Path, descriptor: int, *, wait: bool) -> bool:
    """Lock an open file for as long as the descriptor is open.

    Args:
        path: Its name.
        descriptor: The open file.
        wait: Wait for whoever has it now.

    Returns:
        Whether it is locked and still the file of that name, an ordinary one of ours; open it anew if not.

    Raises:
        BlockingIOError: Another process has it, and ``wait`` is False.
    """
    import fcntl

    fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    found = os.fstat(descriptor)
    try:
        named = path.lstat()
    except FileNotFoundError:
        return False
    if (named.st_dev, named.st_ino) != (found.st_dev, found.st_ino):
        return False
    if stat.S_ISREG(found.st_mode) and found.st_uid == os.geteuid() and found.st_nlink == 1:
        os.fchmod(descriptor, 0o600)  # what is written into it next may be a secret
        return True
    path.unlink()
    return False


def is_held(path: Path) -> bool:
    """Say whether a process has a file locked; makes none, and two who look do not disturb each other.

    Args:
        path: The file; one that is missing is held by nobody.
    """
    import fcntl

    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except (FileNotFoundError, NotADirectoryError):
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def _sync_folder(folder: Path) -> None:
    """Make the new name itself durable; some file systems only then remember it."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        with suppress(OSError):  # a few file systems cannot sync a folder; the rename stands all the same
            os.fsync(descriptor)
    finally:
        os.close(descriptor)


def read_text(path: Path) -> str | None:
    """Read a configuration file.

    Args:
        path: File to read.

    Returns:
        Its text without a byte order mark, or None when there is no such file.

    Raises:
        ConfigError: A dangling link, a folder, a device, not readable, larger than 1 MiB, or not UTF-8.
    """
    data = read_bytes(path)
    if data is None:
        return None
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ConfigError(
            path=str(path), detail=f"is not valid UTF-8 (line {line})", hint="save the file as UTF-8"
        ) from None


def read_bytes(path: Path, most: int = MAX_FILE_BYTES) -> bytes | None:
    """Read an ordinary file of at most so many bytes whole, or give None when there is none. Raises as `read_text`."""
    try:
        # Not blocking, so that a named pipe is reported instead of waited for.
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except FileNotFoundError:
        if path.is_symlink():
            raise ConfigError(
                path=str(path), detail="is a link to a file that does not exist", hint="repair or remove the link"
            ) from None
        return None
    except OSError as error:
        raise ConfigError(path=str(path), detail=f"cannot be read: {reason(error)}") from None
    try:
        found = os.fstat(descriptor)
        if stat.S_ISDIR(found.st_mode):
            raise ConfigError(path=str(path), detail="is a folder, not a file", hint="move it away")
        if not stat.S_ISREG(found.st_mode):
            raise ConfigError(path=str(path), detail="is not an ordinary file", hint="move it away")
        with open(descriptor, "rb", closefd=False) as file:
            data = file.read(most + 1)
    except OSError as error:
        raise ConfigError(path=str(path), detail=f"cannot be read: {reason(error)}") from None
    finally:
        os.close(descriptor)
    if len(data) > most:
        raise ConfigError(path=str(path), detail=f"is larger than {most} bytes", hint="this is no configuration file")
    return data


def check_private(path: Path) -> None:
    """Refuse a file with secrets that others could read or change. A missing file is fine.

    Raises:
        ConfigError: Group or others have any right to it, or it belongs to another user.
    """
    try:
        found = path.stat()
    except FileNotFoundError:
        return
    except OSError as error:
        raise ConfigError(path=str(path), detail=f"cannot be read: {reason(error)}") from None
    if found.st_uid not in (os.geteuid(), 0):
        raise ConfigError(path=str(path), detail="belongs to another user", hint="make a file of your own there")
    if stat.S_IMODE(found.st_mode) & 0o077:
        raise ConfigError(path=str(path), detail="holds secrets but others can read it", hint=f"run `chmod 600 {path}`")


@contextmanager
def locked(folder: Path, *, wait: bool = True) -> Generator[None]:
    """Hold a folder's lock: of all commands that write files there, one at a time reads and writes.

    The lock is on the folder itself, so no lock file is left behind, and it ends with the process.

    Args:
        folder: Folder that exists.
        wait: Wait for whoever has it now.

    Raises:
        ConfigError: The folder cannot be opened, or another command has it and is not waited for.
    """
    import fcntl

    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        raise ConfigError(path=str(folder), detail=f"cannot be opened: {reason(error)}") from None
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            raise ConfigError(path=str(folder), detail="is in use", hint="repeat it when that is done") from None
        yield
    finally:
        os.close(descriptor)


def reason(error: OSError) -> str:
    """Give the system's words for an error in lower case, without the path, which the caller names."""
    return (error.strerror or type(error).__name__).lower()
