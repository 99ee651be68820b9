"""Connections without sockets: the runtime has those, and each request is a ``fetch``.

Know the attributes and methods that pools use, and nothing of HTTP/1.1 on a wire.
"""

from __future__ import annotations

import typing
from http.client import HTTPException, ResponseNotReady

from ..._base_connection import DEFAULT_PORTS
from ...exceptions import TimeoutError as TimedOut
from ...util.request import SKIP_HEADER, body_to_chunks
from ...util.timeout import _DEFAULT_TIMEOUT
from .fetch import send_request, send_streaming_request
from .request import EmscriptenRequest, _RequestError, _TimeoutError
from .response import EmscriptenHttpResponseWrapper, EmscriptenResponse

if typing.TYPE_CHECKING:
    import ssl
    from collections.abc import Iterable, Mapping

    from ..._base_connection import _TYPE_BODY, ProxyConfig
    from ...util.connection import _TYPE_SOCKET_OPTIONS
    from ...util.url import Url


class EmscriptenHTTPConnection:
    """A connection for http requests.

    :param host: name or address
    :param port: None or 0 = the scheme's
    :param timeout: seconds for the answer and for each wait for its body; anything but a float is
        none
    :param blocksize: bytes read at a time from a file-like body

    The other parameters are accepted and have no effect.
    """

    default_port: typing.ClassVar[int] = DEFAULT_PORTS["http"]
    default_socket_options: typing.ClassVar[_TYPE_SOCKET_OPTIONS] = []
    response_class = EmscriptenHttpResponseWrapper
    scheme = "http"

    is_verified: bool = False
    proxy_is_verified: bool | None = None

    # Known only to the runtime.
    source_address: tuple[str, int] | None = None
    socket_options: _TYPE_SOCKET_OPTIONS | None = None
    proxy: Url | None = None
    proxy_config: ProxyConfig | None = None
    has_connected_to_proxy = False
    is_connected = True

    def __init__(
        self,
        host: str,
        port: int = 0,
        *,
        timeout: typing.Any = _DEFAULT_TIMEOUT,
        source_address: tuple[str, int] | None = None,  # noqa: ARG002
        blocksize: int = 8192,
        socket_options: _TYPE_SOCKET_OPTIONS | None = None,  # noqa: ARG002
        proxy: Url | None = None,  # noqa: ARG002
        proxy_config: ProxyConfig | None = None,  # noqa: ARG002
    ) -> None:
        self.host = host
        self.port = port
        self.timeout: float | None = timeout if isinstance(timeout, float) else 0.0
        self.blocksize = blocksize
        self.is_closed = True
        self._response: EmscriptenHttpResponseWrapper | None = None

    def set_tunnel(
        self,
        host: str,
        port: int | None = 0,
        headers: Mapping[str, str] | None = None,
        scheme: str = "http",
    ) -> None:
        """Do nothing: proxies are the runtime's business."""

    def connect(self) -> None:
        """Do nothing: ``fetch`` connects."""

    def request(
        self,
        method: str,
        url: str,
        body: _TYPE_BODY | None = None,
        headers: Mapping[str, str] | None = None,
        *,
        chunked: bool = False,  # noqa: ARG002
        preload_content: bool = True,
        decode_content: bool = True,
        enforce_content_length: bool = True,  # noqa: ARG002
    ) -> None:
        """Send a request and wait for the answer.

        :param url: a path, or absolute
        :param preload_content: False streams the body, if there is a way

        Raises ``urllib3.exceptions.TimeoutError`` and ``http.client.HTTPException``.
        """
        self.is_closed = False
        request = EmscriptenRequest(
            url=self._origin() + url if url.startswith("/") else url,
            method=method,
            timeout=self.timeout or 0.0,
            decode_content=decode_content,
        )
        request.set_body(self._in_memory(method, body))
        headers = headers or {}
        for name in headers:
            value = headers[name]  # of a header dict: all values, joined
            if value != SKIP_HEADER:
                request.set_header(_text(name), _text(value))
        self._response = self.response_class(
            _answer_to(request, preload_content), url=url, connection=self
        )

    def _origin(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}" if self.port else f"{self.scheme}://{host}"

    def _in_memory(self, method: str, body: _TYPE_BODY | None) -> bytes | None:
        chunks, _ = body_to_chunks(body, method, self.blocksize)
        if chunks is None:
            return None
        pieces: Iterable[str | bytes] = chunks
        return b"".join(
            piece.encode("utf-8") if isinstance(piece, str) else piece for piece in pieces
        )

    def getresponse(self) -> EmscriptenHttpResponseWrapper:
        """The answer to the last request; ``http.client.ResponseNotReady`` if there is none."""
        if self._response is None:
            raise ResponseNotReady
        return self._response

    def close(self) -> None:
        """Forget the answer; the object can be used again."""
        self.is_closed = True
        self._response = None


def _answer_to(request: EmscriptenRequest, preload_content: bool) -> EmscriptenResponse:
    try:
        answer = None if preload_content else send_streaming_request(request)
        return send_request(request) if answer is None else answer
    except _TimeoutError as error:
        raise TimedOut(error.message) from error
    except _RequestError as error:
        raise HTTPException(error.message) from error


def _text(value: typing.Any) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)


class EmscriptenHTTPSConnection(EmscriptenHTTPConnection):
    """A connection for https requests, which the runtime verifies by rules of its own.

    The parameters of ``HTTPSConnection`` are accepted and kept, and have no effect.
    """

    default_port = DEFAULT_PORTS["https"]
    scheme = "https"
    is_verified = True

    #: Decided by the runtime.
    cert_reqs: int | str | None = None

    def __init__(
        self,
        host: str,
        port: int = 0,
        *,
        timeout: typing.Any = _DEFAULT_TIMEOUT,
        source_address: tuple[str, int] | None = None,
        blocksize: int = 16384,
        socket_options: _TYPE_SOCKET_OPTIONS | None = None,
        proxy: Url | None = None,
        proxy_config: ProxyConfig | None = None,
        cert_reqs: int | str | None = None,  # noqa: ARG002
        assert_hostname: str | typing.Literal[False] | None = None,
        assert_fingerprint: str | None = None,
        server_hostname: str | None = None,
        ssl_context: ssl.SSLContext | None = None,
        ca_certs: str | None = None,
        ca_cert_dir: str | None = None,
        ca_cert_data: str | bytes | None = None,
        ssl_minimum_version: int | None = None,
        ssl_maximum_version: int | None = None,
        ssl_version: int | str | None = None,
        cert_file: str | None = None,
        key_file: str | None = None,
        key_password: str | None = None,
    ) -> None:
        super().__init__(
            host,
            port,
            timeout=timeout,
            source_address=source_address,
            blocksize=blocksize,
            socket_options=socket_options,
            proxy=proxy,
            proxy_config=proxy_config,
        )
        self.assert_hostname = assert_hostname
        self.assert_fingerprint = assert_fingerprint
        self.server_hostname = server_hostname
        self.ssl_context = ssl_context
        self.ca_certs = ca_certs
        self.ca_cert_dir = ca_cert_dir
        self.ca_cert_data = ca_cert_data
        self.ssl_minimum_version = ssl_minimum_version
        self.ssl_maximum_version = ssl_maximum_version
        self.ssl_version = ssl_version
        self.cert_file = cert_file
        self.key_file = key_file
        self.key_password = key_password

    def set_cert(
        self,
        key_file: str | None = None,
        cert_file: str | None = None,
        cert_reqs: int | str | None = None,
        key_password: str | None = None,
        ca_certs: str | None = None,
        assert_hostname: str | typing.Literal[False] | None = None,
        assert_fingerprint: str | None = None,
        ca_cert_dir: str | None = None,
        ca_cert_data: str | bytes | None = None,
    ) -> None:
        """Do nothing: certificates are the runtime's business."""
