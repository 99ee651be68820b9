"""Requests through a SOCKS proxy, by PySocks (``pip install urllib3[socks]``).

SOCKS moves bytes and knows nothing of HTTP: only opening the socket differs, and what goes over it
is what a direct connection would carry.  So a fault on the way is a connection error about the
target, never a ``ProxyError``.

::

    with SOCKSProxyManager("socks5h://user:password@localhost:1080") as http:
        http.request("GET", "https://example.com/")

=============  ========  ====================================
URL scheme     protocol  who resolves the name of the target
=============  ========  ====================================
``socks4``     SOCKS 4   this machine (IPv4 only)
``socks4a``    SOCKS 4A  the proxy
``socks5``     RFC 1928  this machine
``socks5h``    RFC 1928  the proxy
=============  ========  ====================================

With ``socks4`` and ``socks5`` every name is looked up here, where others may be listening.
"""

from __future__ import annotations

import typing
import warnings
from urllib.parse import unquote

from ..connection import HTTPConnection, HTTPSConnection
from ..connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from ..exceptions import (
    ConnectTimeoutError,
    DependencyWarning,
    LocationValueError,
    NewConnectionError,
)
from ..poolmanager import PoolManager
from ..util.url import parse_url, without_zone

if typing.TYPE_CHECKING:
    import socket
    from collections.abc import Mapping

try:
    import socks
except ImportError:
    warnings.warn(
        "SOCKS support in urllib3 requires the installation of optional dependencies: "
        "specifically, PySocks.  For more information, see "
        "https://urllib3.readthedocs.io/en/latest/advanced-usage.html#socks-proxies",
        DependencyWarning,
        stacklevel=2,
    )
    raise

# URL scheme -> (version, whether the proxy resolves names)
_PROTOCOLS: dict[str | None, tuple[int, bool]] = {
    "socks4": (socks.PROXY_TYPE_SOCKS4, False),
    "socks4a": (socks.PROXY_TYPE_SOCKS4, True),
    "socks5": (socks.PROXY_TYPE_SOCKS5, False),
    "socks5h": (socks.PROXY_TYPE_SOCKS5, True),
}


# PySocks writes the length of a user, a password and a host as one character in UTF-8, which from
# 128 on is two bytes: the proxy would read on at the wrong place.
_MOST_BYTES = 127
_LONGEST_NAME = 255


class _TYPE_SOCKS_OPTIONS(typing.TypedDict):  # noqa: N801 - the name is given
    socks_version: int
    proxy_host: str | None
    proxy_port: int | None
    username: str | None
    password: str | None
    rdns: bool


class SOCKSConnection(HTTPConnection):
    """A plain HTTP connection whose socket a SOCKS proxy opens.

    :param _socks_options: how to reach the proxy, as :class:`SOCKSProxyManager` puts it together

    The other parameters are those of ``HTTPConnection``.
    """

    def __init__(
        self, _socks_options: _TYPE_SOCKS_OPTIONS, *args: typing.Any, **kwargs: typing.Any
    ) -> None:
        _check_credentials(_socks_options)
        self._socks_options = _socks_options
        super().__init__(*args, **kwargs)

    def _new_conn(self) -> socket.socket:
        """Open a socket to the target by way of the proxy.  Overridden by yt-dlp.

        :attr:`timeout` (seconds) limits connecting to the proxy, and each of its answers.  Raises
        ``ConnectTimeoutError`` or ``NewConnectionError``, which name the target.
        """
        options = self._socks_options
        host = self._sendable_host()
        extra: dict[str, typing.Any] = {}
        if self.source_address:
            extra["source_address"] = self.source_address
        if self.socket_options:
            extra["socket_options"] = self.socket_options
        try:
            sock = socks.create_connection(
                (host, self.port),
                timeout=self.timeout,
                proxy_type=options["socks_version"],
                proxy_addr=options["proxy_host"],
                proxy_port=options["proxy_port"],
                proxy_username=options["username"],
                proxy_password=options["password"],
                proxy_rdns=options["rdns"],
                **extra,
            )
        except OSError as error:
            raise self._translated(error) from error
        return typing.cast("socket.socket", sock)

    def _sendable_host(self) -> str:
        """The host as it goes to PySocks; ``NewConnectionError`` for one that cannot go out."""
        host = self.host.strip("[]")
        if ":" in host:
            # The zone of an address names an interface of this machine, and no proxy's.
            return without_zone(host)
        try:
            size = len(host.encode("idna"))
            if "\0" in host:
                raise UnicodeError("NUL ends a name")
        except UnicodeError as error:
            raise NewConnectionError(
                self, f"Failed to establish a new connection: host cannot be encoded: {error}"
            ) from error
        options = self._socks_options
        is_long = size > _MOST_BYTES if _writes_length_of_host(options) else size > _LONGEST_NAME
        if is_long:
            raise NewConnectionError(
                self,
                "Failed to establish a new connection: "
                f"host of {size} bytes is too long for SOCKS as PySocks sends it",
            )
        return self.host

    def _translated(self, error: OSError) -> ConnectTimeoutError | NewConnectionError:
        # PySocks wraps what its socket raised, which says it better than the wrapping.
        reason = getattr(error, "socket_err", None) or error
        if isinstance(reason, TimeoutError):
            return ConnectTimeoutError(
                self, f"Connection to {self.host} timed out. (connect timeout={self.timeout})"
            )
        return NewConnectionError(self, f"Failed to establish a new connection: {reason}")


# Dialling is the one thing that differs, so the order of the bases is all there is to it.
class SOCKSHTTPSConnection(SOCKSConnection, HTTPSConnection):
    """The same with TLS to the target inside."""


class SOCKSHTTPConnectionPool(HTTPConnectionPool):
    """Connections to one host over plain HTTP, through a SOCKS proxy."""

    ConnectionCls = SOCKSConnection


class SOCKSHTTPSConnectionPool(HTTPSConnectionPool):
    """Connections to one host over TLS, through a SOCKS proxy."""

    ConnectionCls = SOCKSHTTPSConnection


class SOCKSProxyManager(PoolManager):
    """A ``PoolManager`` all of whose connections go through one SOCKS proxy.

    :param proxy_url: ``scheme://[user[:password]@]host[:port]``; the port is 1080 if not given.
        User and password are percent-decoded
    :param username: if it or *password* is given, the URL's two are ignored.  SOCKS 5 offers them
        only if neither is empty; SOCKS 4 sends the name alone, as user id
    :param num_pools: pools to keep
    :param headers: default request headers
    :param connection_pool_kw: settings for the pools and their connections

    Raises ValueError for a scheme that is none of the four, ``LocationValueError``, which is one,
    for a user or password that cannot be sent.
    """

    pool_classes_by_scheme: typing.ClassVar[dict[str, type[HTTPConnectionPool]]] = {  # type: ignore[misc]
        "http": SOCKSHTTPConnectionPool,
        "https": SOCKSHTTPSConnectionPool,
    }

    def __init__(
        self,
        proxy_url: str,
        username: str | None = None,
        password: str | None = None,
        num_pools: int = 10,
        headers: Mapping[str, str] | None = None,
        **connection_pool_kw: typing.Any,
    ) -> None:
        parsed = parse_url(proxy_url)
        if parsed.scheme not in _PROTOCOLS:
            raise ValueError(f"Unable to determine SOCKS version from {proxy_url}")
        version, rdns = _PROTOCOLS[parsed.scheme]
        if username is None and password is None and parsed.auth is not None:
            username, password = _credentials(parsed.auth)
        self.proxy_url = proxy_url
        connection_pool_kw["_socks_options"] = _TYPE_SOCKS_OPTIONS(
            socks_version=version,
            proxy_host=parsed.host,
            proxy_port=parsed.port,
            username=username,
            password=password,
            rdns=rdns,
        )
        _check_credentials(connection_pool_kw["_socks_options"])
        super().__init__(num_pools, headers, **connection_pool_kw)
        # The parent's __init__ has put the classes for direct connections here.
        self.pool_classes_by_scheme = type(self).pool_classes_by_scheme  # type: ignore[misc]


def _credentials(auth: str) -> tuple[str, str | None]:
    # Split before decoding: a colon in a name can only be written as %3A (RFC 3986, 3.2.1).
    name, colon, password = auth.partition(":")
    try:
        return unquote(name, errors="strict"), unquote(password, errors="strict") if colon else None
    except UnicodeDecodeError:
        raise LocationValueError("SOCKS user and password must be UTF-8") from None


def _check_credentials(options: Mapping[str, typing.Any]) -> None:
    """Raise ``LocationValueError`` unless user and password of *options* can be sent."""
    given = {"user": options.get("username"), "password": options.get("password")}
    is_version_4 = options.get("socks_version") == socks.PROXY_TYPE_SOCKS4
    if is_version_4:
        del given["password"]  # it has none
    elif not all(given.values()):
        return  # SOCKS 5 offers both or none
    for name, text in given.items():
        # What it says is not shown: errors are logged.
        if not text:
            continue
        try:
            raw = text.encode("utf-8")
        except (UnicodeEncodeError, AttributeError):
            raise LocationValueError(f"SOCKS {name} cannot be encoded") from None
        if is_version_4 and b"\0" in raw:
            raise LocationValueError(f"SOCKS {name} contains NUL, which ends it")
        if len(raw) > (_LONGEST_NAME if is_version_4 else _MOST_BYTES):
            raise LocationValueError(
                f"SOCKS {name} of {len(raw)} bytes is too long as PySocks sends it"
            )


def _writes_length_of_host(options: Mapping[str, typing.Any]) -> bool:
    # SOCKS 4A ends the name by a NUL; the other two resolve it here.
    return bool(options["rdns"]) and options["socks_version"] == socks.PROXY_TYPE_SOCKS5
