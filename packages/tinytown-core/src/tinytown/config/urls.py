"""Server URLs without their secrets: taking a password out, showing a URL, and what may stand in a file."""

from __future__ import annotations

import re

import attrs

from tinytown.errors import InvalidValueError

MASK = "****"
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*")
_SECRET_QUERY = re.compile(r"(?i)([?&;][^=&;]*(?:pass|pwd|secret|token|auth)[^=&;]*=)[^&;#]*")
_PLAIN = frozenset({"embedded:", "memory:"})


@attrs.frozen(kw_only=True)
class SplitUrl:
    """A server's URL with what is secret taken out of it.

    Attributes:
        url: Without user name and password: safe to print and to keep.
        username: From the URL, decoded.
        password: From the URL, decoded. Never printed.
    """

    url: str
    username: str | None = None
    password: str | None = attrs.field(default=None, repr=False)


def redacted(url: str) -> str:
    """Give a URL for people to see, whatever is wrong with it.

    Everything between ``//`` and the last ``@`` may be secret: a password with unencoded characters in it reaches
    further than a URL parser thinks.
    """
    head, separator, rest = url.partition("://")
    if not separator:
        head, rest = "", url
    if not rest.startswith("/") and "@" in rest:
        user, at, host = rest.rpartition("@")
        name = user.partition(":")[0] if ":" in user else ""
        rest = f"{name}:{MASK}{at}{host}" if name else f"{MASK}{at}{host}"
    return f"{head}{separator}" + _SECRET_QUERY.sub(rf"\g<1>{MASK}", rest)


def split_url(url: str, *, what: str = "server URL") -> SplitUrl:
    """Check the form of a server's URL and take its user name and password out.

    Any scheme is fine, because storages are plugins.

    Args:
        url: What was typed or stored.
        what: How the error calls it.

    Raises:
        InvalidValueError: It is not a URL. The error shows no secret.
    """
    url = url.strip()
    if url in _PLAIN:
        return SplitUrl(url=url)
    scheme, separator, rest = url.partition("://")
    if not separator or not _SCHEME.fullmatch(scheme.lower()) or not rest or not url.isprintable() or " " in url:
        raise InvalidValueError(
            what=what, detail=f"`{redacted(url)[:200]}` is not a URL", hint="for example `redis://localhost:6379/0`"
        )
    if _SECRET_QUERY.search(rest):
        raise InvalidValueError(
            what=what, detail=f"`{redacted(url)}` holds a secret behind the `?`", hint="set TINYTOWN_REDIS_PASSWORD"
        )
    cut = next((index for index, character in enumerate(rest) if character in "/?#"), len(rest))
    authority, tail = rest[:cut], rest[cut:]
    user, _, hosts = authority.rpartition("@")
    if not user and "@" in tail and not authority.startswith("/") and ":" in authority and scheme.lower() != "unix":
        raise InvalidValueError(
            what=what,
            detail=f"`{redacted(url)}` has an unencoded `/`, `?` or `#` in its password",
            hint="write these characters as %2F, %3F and %23",
        )
    name, _, password = user.partition(":")
    if scheme.lower() != "unix":
        _check_hosts(hosts, redacted(url), what)
    return SplitUrl(
        url=f"{scheme.lower()}://{hosts}{tail}",
        username=_decoded(name) or None,
        password=_decoded(password) or None,
    )


def has_secret(url: str) -> bool:
    """Say whether a URL carries a user name or password, or what looks like one."""
    return redacted(url) != url


def hosts_of(url: str) -> tuple[str, ...]:
    """Give each ``host:port`` of a URL without secrets, for looking a password up."""
    rest = url.partition("://")[2]
    return tuple(each for each in re.split(r"[/?#]", rest, maxsplit=1)[0].split(",") if each)


def _check_hosts(hosts: str, shown: str, what: str) -> None:
    for host in hosts.split(","):
        name, colon, port = host.rpartition(":") if re.search(r":[^\]]*$", host) else (host, "", "")
        if not name or (colon and not (port.isascii() and port.isdigit() and 0 < int(port[:6]) <= 65535)):  # noqa: PLR2004
            raise InvalidValueError(
                what=what, detail=f"`{shown}` names no host, or a port that cannot be", hint="ports are 1 to 65535"
            )


def _decoded(text: str) -> str:
    from urllib.parse import unquote

    return unquote(text)
