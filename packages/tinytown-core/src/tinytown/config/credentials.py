"""Passwords of servers, `~/.tt/credentials.toml`: a table for each URL or ``host:port``, readable by the owner alone.

Annotations here are read at run time, so they must not be postponed.
"""

from typing import Any, cast

import attrs

from tinytown.config.files import check_private, locked, private_dir, read_text, write_private
from tinytown.config.paths import UserPaths
from tinytown.config.schema import Place, read_table
from tinytown.config.urls import hosts_of, split_url
from tinytown.crash import point
from tinytown.errors import InvalidValueError


@attrs.frozen(kw_only=True)
class Credential:
    """What a server asks for."""

    password: str = attrs.field(repr=False)
    username: str | None = None


def find_credential(paths: UserPaths, url: str) -> Credential | None:
    """Look the password of a server up.

    Args:
        paths: The user's folder.
        url: Server's URL without a password. The whole URL is looked for first, then each of its ``host:port``.

    Raises:
        ConfigError: The file cannot be read, holds something wrong, or others can read it.
    """
    check_private(paths.credentials)
    text = read_text(paths.credentials)
    if text is None:
        return None
    known = _parse(text, str(paths.credentials))
    for key in (url, url.rstrip("/"), *hosts_of(url)):
        if key in known:
            return known[key]
    return None


def save_credential(paths: UserPaths, url: str, password: str, username: str | None = None) -> None:
    """Keep the password of a server, under its URL.

    Args:
        paths: The user's folder, made when missing.
        url: Server's URL without a password, or ``host:port``.
        password: The password.
        username: The user on the server.

    Raises:
        ConfigError: The file cannot be read or written, or others can read it.
        InvalidValueError: The URL holds a password itself, or the password cannot be kept as text.
    """
    if "://" in url and split_url(url).password:
        raise InvalidValueError(what="server URL", detail="holds a password", hint="give the password apart")
    check_password(password)
    restore_credential(paths, url, Credential(password=password, username=username))


def check_password(password: str) -> None:
    """Refuse a password that no file could keep.

    Raises:
        InvalidValueError: It holds characters that cannot be printed.
    """
    if not password.isprintable():
        raise InvalidValueError(what="password", detail="holds characters that no file keeps", hint="change it")


def find_saved(paths: UserPaths, url: str) -> Credential | None:
    """Give what is kept under exactly this key, so that it can be put back with `restore_credential`.

    Raises:
        ConfigError: The file cannot be read, holds something wrong, or others can read it.
    """
    check_private(paths.credentials)
    text = read_text(paths.credentials)
    return None if text is None else _parse(text, str(paths.credentials)).get(url)


def restore_credential(paths: UserPaths, url: str, saved: Credential | None) -> None:
    """Have exactly this kept under a key; None takes the entry out.

    Raises:
        ConfigError: The file cannot be read or written, or others can read it.
    """
    import tomlkit

    from tinytown.config.write import parse_document

    private_dir(paths.home)
    with locked(paths.home):
        check_private(paths.credentials)
        text = read_text(paths.credentials) or ""
        _parse(text, str(paths.credentials))
        document = cast("Any", parse_document(text, str(paths.credentials)))
        if saved is None:
            document.pop(url, None)
        else:
            entry = tomlkit.table()
            if saved.username:
                entry["username"] = saved.username
            entry["password"] = saved.password
            document[url] = entry
        changed = tomlkit.dumps(document)
        _parse(changed, str(paths.credentials))  # what would not load again is never written
        write_private(paths.credentials, changed.encode())
        point("verb.password_kept")


def _parse(text: str, path: str) -> dict[str, Credential]:
    from tinytown.config.town import parse_toml

    place = Place(path)
    return {
        key: read_table(Credential, {"password": entry} if isinstance(entry, str) else entry, place.child(key))
        for key, entry in parse_toml(text, path).items()
    }
