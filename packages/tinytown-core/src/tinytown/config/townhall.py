"""The table `[townhall]`: how the REST and MCP servers are bound and guarded.

Apart from the other tables because only a town with a townhall needs it.
Annotations here are read at run time, so they must not be postponed.
"""

import attrs

from tinytown.config.schema import Place, option, read_table

SCOPES = ("town.read", "town.write", "agent.manage", "admin")
"""Rights that a key can have; ``admin`` includes the others."""


@attrs.frozen(kw_only=True, eq=False)
class AuthConfig:
    """Who may call. ``api_key_hash`` is the one key that a file can hold; further keys are kept elsewhere."""

    mode: str = option("none", choices=("none", "api_key", "oidc"))
    api_key_hash: str | None = option(None, secret=True)
    api_key_scopes: tuple[str, ...] = ()
    issuer: str | None = None
    audience: str | None = None
    jwks_url: str | None = None
    required_scopes: tuple[str, ...] = ()
    clock_skew_seconds: int = option(60, high=3600)


@attrs.frozen(kw_only=True, eq=False)
class TlsConfig:
    """Certificate and key of the servers; paths are relative to the town."""

    enabled: bool = False
    cert_file: str | None = None
    key_file: str | None = None


@attrs.frozen(kw_only=True, eq=False)
class MtlsConfig:
    """Certificates of the callers."""

    enabled: bool = False
    required: bool = False
    ca_file: str | None = None


@attrs.frozen(kw_only=True, eq=False)
class TownhallConfig:
    """Address, limits and guard of the townhall."""

    bind: str = "127.0.0.1"
    rest_port: int = option(8080, high=65535)
    request_timeout_ms: int = option(30_000, low=1)
    auth: AuthConfig = attrs.Factory(AuthConfig)
    tls: TlsConfig = attrs.Factory(TlsConfig)
    mtls: MtlsConfig = attrs.Factory(MtlsConfig)


def read_townhall(value: object, place: Place) -> TownhallConfig:
    """Read and check the table `[townhall]`.

    Raises:
        ConfigError: Beside wrong keys and types: a key without rights, a scope that does not exist, encryption that
            is on but cannot work.
    """
    config = read_table(TownhallConfig, value, place)
    auth, tls, mtls = place.child("auth"), place.child("tls"), place.child("mtls")
    for scope in config.auth.api_key_scopes:
        if scope not in SCOPES:
            raise auth.child("api_key_scopes").error("names a scope that does not exist", f"known: {', '.join(SCOPES)}")
    if config.auth.api_key_hash and not config.auth.api_key_scopes:
        raise auth.child("api_key_scopes").error(
            "is empty although there is an `api_key_hash`: no scopes means no rights",
            'list what the key may do, as in `api_key_scopes = ["town.read", "town.write"]`, or `["admin"]` for all',
        )
    if config.tls.enabled and not (config.tls.cert_file and config.tls.key_file):
        raise tls.error("is enabled without `cert_file` and `key_file`", "name both files, or set `enabled = false`")
    if (config.mtls.enabled or config.mtls.required) and not config.mtls.ca_file:
        raise mtls.error("is enabled without `ca_file`", "name the file, or set `enabled = false`")
    return config
