"""What a connection is, seen from outside: its tuples, its ports and, for type checkers, its shape.

Knows no implementation.  Whatever needs the port of a scheme takes it from here.
"""

import typing
from collections.abc import Callable, Iterable, Mapping

from ._optional import SSLContext

_TYPE_BODY = typing.Union[bytes, typing.IO[typing.Any], Iterable[bytes | str], str]

#: Scheme -> port, if a URL names none.  ``urllib3.connection.port_by_scheme`` is the same object.
DEFAULT_PORTS = {"http": 80, "https": 443}


class ProxyConfig(typing.NamedTuple):
    """How to speak to a proxy.

    :param ssl_context: TLS policy of an ``https://`` proxy, or None for the connection's own
    :param use_forwarding_for_https: send https requests to an https proxy in absolute form
    :param assert_hostname: name to expect in the proxy's certificate; False checks none
    :param assert_fingerprint: fingerprint to expect of the proxy's certificate
    """

    ssl_context: SSLContext | None
    use_forwarding_for_https: bool
    assert_hostname: str | typing.Literal[False] | None
    assert_fingerprint: str | None


# The members of a _ResponseOptions, in its order.  A connection keeps them as a plain tuple, since
# a named one costs a call for each request.
_Options = tuple[str, str, bool, bool, bool]


class _ResponseOptions(typing.NamedTuple):
    """The options of ``request()`` that decide what ``getresponse()`` returns."""

    request_method: str
    request_url: str
    preload_content: bool
    decode_content: bool
    enforce_content_length: bool


if typing.TYPE_CHECKING:
    import ssl

    from ._typing import _TYPE_SOCKET_OPTIONS, BaseHTTPResponse, Url

    class BaseHTTPConnection(typing.Protocol):
        """The part of a connection that a pool uses."""

        default_port: typing.ClassVar[int]
        default_socket_options: typing.ClassVar[_TYPE_SOCKET_OPTIONS]

        host: str
        port: int
        timeout: float | None
        blocksize: int
        source_address: tuple[str, int] | None
        socket_options: _TYPE_SOCKET_OPTIONS | None
        proxy: Url | None
        proxy_config: ProxyConfig | None
        is_verified: bool
        proxy_is_verified: bool | None

        def set_tunnel(
            self,
            host: str,
            port: int | None = None,
            headers: Mapping[str, str] | None = None,
            scheme: str = "http",
        ) -> None: ...

        def connect(self) -> None: ...

        def request(
            self,
            method: str,
            url: str,
            body: _TYPE_BODY | None = None,
            headers: Mapping[str, str] | None = None,
            *,
            chunked: bool = False,
            preload_content: bool = True,
            decode_content: bool = True,
            enforce_content_length: bool = True,
        ) -> None: ...

        def getresponse(self) -> BaseHTTPResponse: ...

        def close(self) -> None: ...

        @property
        def is_closed(self) -> bool: ...

        @property
        def is_connected(self) -> bool: ...

        @property
        def has_connected_to_proxy(self) -> bool: ...

    class BaseHTTPSConnection(BaseHTTPConnection, typing.Protocol):
        """The same over TLS."""

        cert_reqs: int | str | None
        assert_hostname: str | typing.Literal[False] | None
        assert_fingerprint: str | None
        ssl_context: ssl.SSLContext | None
        ca_certs: str | None
        ca_cert_dir: str | None
        ca_cert_data: str | bytes | None
        ssl_minimum_version: int | None
        ssl_maximum_version: int | None
        ssl_version: int | str | None
        cert_file: str | None
        key_file: str | None
        key_password: str | None

    _Connect = Callable[[], None]
