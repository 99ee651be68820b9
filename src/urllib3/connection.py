"""One HTTP/1.1 connection: an ``http.client`` connection whose every seam still works.

Programs subclass these classes, wrap the methods of ``http.client.HTTPConnection`` and replace
``response_class``.  When nothing of that kind is in place, a request leaves in one piece and the
answer is parsed in one piece; otherwise both take the steps that ``http.client`` takes, with the
same bytes.  :mod:`._seams` knows whether there is.
"""

from __future__ import annotations

import datetime
import http.client
import logging
import os
import re
import socket
import sys
import threading
import time
import typing
import warnings
from http.client import HTTPException as HTTPException
from http.client import ResponseNotReady as ResponseNotReady
from socket import timeout as SocketTimeout

from . import _seams
from ._base_connection import _TYPE_BODY, DEFAULT_PORTS, ProxyConfig, _Options, _ResponseOptions
from ._collections import HTTPHeaderDict
from ._http1 import syntax
from ._http1.answer import IncomingResponse
from ._http1.receiver import Receiver
from ._http1.request_head import (
    ACCEPT_ENCODING,
    NO_TEXT,
    USER_AGENT,
    Question,
    RequestHead,
    host_field,
    text_of,
)
from ._http1.sending import send_body
from ._network.contexts import own_verify_mode
from ._network.route import Progress, Route, Stage, route_of
from ._network.tls import ContextMemo, Seams, TlsPolicy, handshake, proxy_policy
from ._network.tunnel import ask_by_response_class, ask_for_tunnel
from ._optional import BaseSSLError
from ._pool.failure import _wrap_proxy_error as _wrap_proxy_error
from .exceptions import (
    ConnectTimeoutError,
    HeaderParsingError,
    NameResolutionError,
    NewConnectionError,
    SystemTimeWarning,
)
from .response import HTTPResponse
from .util import SKIP_HEADER, SKIPPABLE_HEADERS, connection, ssl_, wait
from .util.request import body_to_chunks
from .util.response import assert_header_parsing
from .util.ssl_ import (
    create_urllib3_context,
    resolve_cert_reqs,
    resolve_ssl_version,
    ssl_wrap_socket,
)
from .util.ssl_match_hostname import CertificateError, match_hostname
from .util.timeout import _DEFAULT_TIMEOUT, Timeout
from .util.util import exact_str, to_str
from .util.wait import wait_for_read

if typing.TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from .exceptions import MessageDefect
    from .util.connection import _TYPE_SOCKET_OPTIONS
    from .util.timeout import _TYPE_TIMEOUT
    from .util.url import Url

try:
    import ssl

    _SSLSocket: typing.Any = ssl.SSLSocket
except ImportError:
    _SSLSocket = None
    ssl = None  # type: ignore[assignment]

__all__ = [
    "BaseSSLError",
    "CertificateError",
    "DummyConnection",
    "HTTPConnection",
    "HTTPException",
    "HTTPSConnection",
    "ProxyConfig",
    "ResponseNotReady",
    "SocketTimeout",
    "VerifiedHTTPSConnection",
    "match_hostname",
]

# Importable from here, as they have been for long.
ConnectionError = ConnectionError
BrokenPipeError = BrokenPipeError

log = logging.getLogger(__name__)

port_by_scheme = DEFAULT_PORTS

#: A clock before this day is not believed.
RECENT_DATE = datetime.date(2025, 1, 1)

_SMALL_BODY = (
    65536  # bytes; up to here copying a body behind its head is cheaper than a second send
)


def _get_default_user_agent() -> str:
    return USER_AGENT[1]


# What http.client calls the states of a connection.
_IDLE: str = http.client._CS_IDLE  # type: ignore[attr-defined]
_REQUEST_SENT: str = http.client._CS_REQ_SENT  # type: ignore[attr-defined]

# Stands for the head of the last request until there is one.
_NO_REQUEST_YET = RequestHead(
    Question(NO_TEXT, True, True, False, None, "", 0, None, None), None, ("", 0), default_port=0
)

# http.client's own, through which patches of its methods are seen.  The name is one that others
# import, too.
_HTTPConnection = http.client.HTTPConnection

# Taken at import: httpretty and mocket replace the name after, with sockets of their own.
_Socket = socket.socket
_TRUE_SOCKETS = (_Socket, _SSLSocket)


class HTTPConnection(_HTTPConnection):
    """A connection to one host over plain HTTP.

    :param host: name or address; a port may follow behind a colon
    :param port: None = from *host*, else :attr:`default_port`
    :param timeout: seconds for connecting and for each send or receive, None = no limit; the
        default marker stands for ``socket.getdefaulttimeout()``
    :param source_address: ``(host, port)`` to bind before connecting
    :param blocksize: bytes read at a time from a file-like body
    :param socket_options: argument tuples for ``setsockopt``
    :param proxy: the proxy's ``Url``, if there is one
    :param proxy_config: how to speak to it
    """

    default_port: typing.ClassVar[int] = port_by_scheme["http"]  # type: ignore[misc]
    default_socket_options: typing.ClassVar[_TYPE_SOCKET_OPTIONS] = [
        (socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    ]
    response_class = IncomingResponse

    #: Whether the peer's certificate was verified.
    is_verified: bool = False
    #: The same of the proxy's; None where there is none.
    proxy_is_verified: bool | None = None

    blocksize: int
    source_address: tuple[str, int] | None
    socket_options: _TYPE_SOCKET_OPTIONS | None

    # http.client's own state, by the names that its class of the same name gives these attributes:
    # one of the states above, and the last answer, as long as its body has not been read.
    _HTTPConnection__state: str
    _HTTPConnection__response: http.client.HTTPResponse | None
    _buffer: list[bytes]
    _http_vsn: int
    _tunnel_headers: dict[str, str]
    _raw_proxy_headers: list[bytes] | None
    _dns_host: str

    #: The number of fields an answer may have; None = ``http.client._MAXHEADERS``.  Of Python 3.15.
    max_response_headers: int | None = None

    _receiver: Receiver | None = None
    #: The head of the last request, less its line.
    _request_head: RequestHead
    #: Monotonic seconds after which a pool no longer hands this idle connection out.
    _expires: float | None = None
    #: Whether the peer has switched protocols: the socket is for others, and no pool keeps it.
    _upgraded: bool = False
    #: Whether the last request was not sent to its end.
    _is_cut_short: bool = False
    #: Whether anything may have been taken of the body of the last request; a pool asks when that
    #: request has failed, for some bodies can be read only once.
    _body_begun: bool = True
    #: Seconds the peer said it keeps the connection, from its last answer.
    _keep_alive_hint: int | None = None
    #: Monotonic time at which the socket was opened.
    _opened: float | None = None
    #: The last head, and what it came to: how the body is framed,
    _known_head: syntax.Head | None = None
    _framing: syntax.Framing
    #: and, of a body that may be taken as it is, the length and whether the connection persists.
    _whole: tuple[int, bool] | None

    def __init__(
        self,
        host: str,
        port: int | None = None,
        *,
        timeout: _TYPE_TIMEOUT = _DEFAULT_TIMEOUT,
        source_address: tuple[str, int] | None = None,
        blocksize: int = 16384,
        socket_options: _TYPE_SOCKET_OPTIONS | None = default_socket_options,
        proxy: Url | None = None,
        proxy_config: ProxyConfig | None = None,
    ) -> None:
        super().__init__(
            host=_for_http_client(host, port),
            port=port,
            timeout=Timeout.resolve_default_timeout(timeout),
            source_address=source_address,
            blocksize=blocksize,
        )
        if self._dns_host[:1] == "[" and self._dns_host[-1:] == "]":
            self._dns_host = self._dns_host[1:-1]  # left in place by http.client before 3.13
        self.socket_options = socket_options
        self.proxy = proxy
        self.proxy_config = proxy_config
        self._progress: Progress | None = None
        self._options: _Options | None = None
        self._tunnel_host: str | None = None
        self._tunnel_port: int | None = None
        self._tunnel_scheme: str | None = None
        self._request_head = _NO_REQUEST_YET
        # CPython keeps attributes outside a dict until somebody looks at __dict__, as _seams does
        # for each request; from then on each access is slow, unless the dict is one of its own.
        self.__dict__ = dict(self.__dict__)

    def __str__(self) -> str:
        return f"{type(self).__name__}(host={self.host!r}, port={self.port!r})"

    def __repr__(self) -> str:
        return f"<{self} at {id(self):#x}>"

    # ------------------------------------------------------------ names

    @property
    def host(self) -> str:
        """The host without trailing dots, as it goes into Host, SNI, certificates and messages.

        The name as given, dots included, is what is resolved: a dot at the end keeps the resolver
        from trying search domains.
        """
        return self._dns_host.rstrip(".")

    @host.setter
    def host(self, value: str) -> None:
        self._dns_host = exact_str(value)

    @property
    def _origin(self) -> tuple[str, int]:
        """Host and port that requests are for, be it through a tunnel."""
        if not self._tunnel_host:
            return self.host, self.port
        port = self._tunnel_port
        return self._tunnel_host, self.default_port if port is None else port

    # ------------------------------------------------------------ connecting

    def _new_conn(self) -> socket.socket:
        """Open the socket.  Overridden by yt-dlp, mlflow and contrib.socks.

        Raises ``NameResolutionError``, ``ConnectTimeoutError`` (after :attr:`timeout` seconds) or
        ``NewConnectionError``.
        """
        try:
            # streamlink and others replace functions of that module: looked up at each call.
            sock = connection.create_connection(
                (self._dns_host, self.port),
                self.timeout,
                source_address=self.source_address,
                socket_options=self.socket_options,
            )
        except socket.gaierror as error:
            raise NameResolutionError(self.host, self, error) from error
        except TimeoutError as error:
            raise ConnectTimeoutError(
                self,
                f"Connection to {self.host} timed out. (connect timeout={self.timeout})",
            ) from error
        except OSError as error:
            raise NewConnectionError(
                self, f"Failed to establish a new connection: {error}"
            ) from error
        sys.audit("http.client.connect", self, self.host, self.port)
        return sock

    def set_tunnel(
        self,
        host: str,
        port: int | None = None,
        headers: Mapping[str, str] | None = None,
        scheme: str = "http",
    ) -> None:
        """Reach *host* through the proxy this connection is made to, by CONNECT.

        :param headers: fields of the CONNECT request
        :param scheme: of the proxy: ``"http"`` or ``"https"``, else ValueError

        Raises RuntimeError on an open connection.
        """
        if scheme not in ("http", "https"):
            raise ValueError(
                f"Invalid proxy scheme for tunneling: {scheme!r}, must be either 'http' or 'https'"
            )
        # The parent clears or keeps the mapping it is given, depending on the Python version.
        super().set_tunnel(_for_http_client(host, port), port=port, headers={"Host": ""})
        self._tunnel_headers = dict(headers or {})
        self._tunnel_scheme = scheme

    def connect(self) -> None:
        """Open the connection: the stages of its route, one after the other."""
        self._establish()

    def _establish(self) -> None:
        if self._HTTPConnection__state == _IDLE:
            self._body_begun = False
        route = self._route()
        progress = self._progress = Progress(route)
        try:
            steps = self._steps()
            for stage in route.stages:
                progress.passed(stage, steps[stage]())
                self._show(progress)
        except BaseException:
            self._abandon()
            raise

    def _route(self) -> Route:
        tunnels = bool(self._tunnel_host)
        return route_of("http", "http" if self.proxy or tunnels else None, tunnels=tunnels)

    def _show(self, progress: Progress) -> None:
        """Set what a program may look at, or may have set itself, from *progress*."""
        if progress.is_verified is not None:
            self.is_verified = progress.is_verified
        if self.has_connected_to_proxy:
            self.proxy_is_verified = progress.proxy_is_verified

    def _abandon(self) -> None:
        # What is known of the proxy stays: a pool asks how far this got before it closes.
        sock, self.sock = self.sock, None
        if sock is not None:
            sock.close()

    def _steps(self) -> dict[Stage, typing.Callable[[], bool]]:
        """How each stage is taken.  It returns whether it has proved who is at the other end."""
        return {Stage.DIAL: self._dial, Stage.TUNNEL: self._open_tunnel}

    def _dial(self) -> bool:
        self.sock = self._new_conn()
        self._receiver = None
        self._opened = time.monotonic()
        return False

    def _open_tunnel(self) -> bool:
        self._tunnel()
        return False

    def _tunnel(self) -> None:
        assert self._tunnel_host is not None
        assert self._tunnel_port is not None
        ask = ask_for_tunnel if self.response_class is IncomingResponse else ask_by_response_class
        answer = ask(self, self._tunnel_host, self._tunnel_port, self._tunnel_headers)
        self._raw_proxy_headers = answer.lines
        if answer.is_refusal:
            self.close()
        answer.check()

    # ------------------------------------------------------------ state

    @property
    def is_closed(self) -> bool:
        """Whether there is no socket."""
        return self.sock is None

    @property
    def is_connected(self) -> bool:
        """Whether there is a socket that is fit for a new request.

        One with anything to read is not: the peer has closed it, or sent what nobody asked for.
        Nor is one with an answer whose body has not been read to its end.
        """
        if self.sock is None or self._upgraded:
            return False
        response = self._HTTPConnection__response
        if response is not None and not response.isclosed() and response.length != 0:
            return False  # its body was given up: what comes next would be the rest of it
        receiver = self._receiver
        if receiver is None:
            return not wait_for_read(self.sock, timeout=0.0)
        if (
            wait_for_read is _seams.connection_wait_for_read
            and wait.wait_for_socket is _seams.util_wait_wait_for_socket
        ):
            return receiver.is_fit()
        return not (receiver.has_left_over or wait_for_read(self.sock, timeout=0.0))

    @property
    def _response_options(self) -> _ResponseOptions | None:
        """What was asked for, until it is answered."""
        return None if self._options is None else _ResponseOptions(*self._options)

    @_response_options.setter
    def _response_options(self, options: _ResponseOptions | None) -> None:
        self._options = None if options is None else options[:]

    @property
    def has_connected_to_proxy(self) -> bool:
        """Whether the proxy was reached; an error before that is the proxy's."""
        progress = self._progress
        return bool(self.proxy) and progress is not None and progress.has_reached_proxy

    @property
    def proxy_is_forwarding(self) -> bool:
        """Whether requests go to the proxy in absolute form."""
        return bool(self.proxy) and self._tunnel_host is None

    @property
    def proxy_is_tunneling(self) -> bool:
        """Whether requests go through a CONNECT tunnel."""
        return self._tunnel_host is not None

    def close(self) -> None:
        """Close the socket and forget everything about it; the object can be used again."""
        receiver, self._receiver = self._receiver, None
        try:
            super().close()
        finally:
            if receiver is not None:
                receiver.close()
            self.sock = None
            del self._buffer[:]
            self.is_verified = False
            self.proxy_is_verified = None
            self._progress = None
            self._options = None
            self._known_head = None
            self._upgraded = self._is_cut_short = False
            self._tunnel_host = None
            self._tunnel_port = None
            self._tunnel_scheme = None
            self._opened = None

    # ------------------------------------------------------------ sending

    def putrequest(
        self,
        method: str,
        url: str,
        skip_host: bool = False,
        skip_accept_encoding: bool = False,
    ) -> None:
        """Start a request: its line, Host and ``Accept-Encoding: identity`` unless skipped.

        Raises ValueError for a method that is no token, ``http.client.InvalidURL`` for a target
        with blanks or control characters.
        """
        method, url = exact_str(method), exact_str(url)
        syntax.check_method(method)
        self._forget_finished()
        self._body_begun = True  # by whoever takes these steps; request() knows better
        super().putrequest(method, url, skip_host=True, skip_accept_encoding=True)
        if self._http_vsn == 11:
            if not skip_host:
                self.putheader("Host", host_field(url, self._origin, self.default_port))
            if not skip_accept_encoding:
                self.putheader(*ACCEPT_ENCODING)

    def putheader(self, header: str, *values: str) -> None:  # type: ignore[override]  # as in the API
        """Add a header line; the value ``SKIP_HEADER`` leaves a default header out."""
        given: tuple[object, ...] = values  # http.client takes bytes and numbers, too
        if not any(isinstance(value, str) and value == SKIP_HEADER for value in given):
            super().putheader(header, *values)
        elif to_str(header.lower()) not in SKIPPABLE_HEADERS:
            names = "', '".join(name.title() for name in sorted(SKIPPABLE_HEADERS))
            raise ValueError(f"urllib3.util.SKIP_HEADER only supports '{names}'")

    def request(  # type: ignore[override]
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
    ) -> None:
        """Send a request, opening the connection if need be.

        :param body: str (sent as UTF-8), any buffer, file-like, or iterable of str or bytes
        :param headers: a mapping; Host, Accept-Encoding, User-Agent and the framing field are added
            unless it has them
        :param chunked: frame the body by chunks even if its length is known

        The other options are kept for :meth:`getresponse`.  Raises ValueError for what cannot stand
        in a request, TypeError for a body of another kind, and whatever connecting raises.
        """
        if not (type(method) is type(url) is str):
            method, url = exact_str(method), exact_str(url)
        if type(self.sock) is not _Socket or self.sock.gettimeout() != self.timeout:
            _apply_timeout(self.sock, self.timeout)
        # Kept before anything is sent: an early answer can be read although sending failed.
        self._options = (method, url, preload_content, decode_content, enforce_content_length)
        chunks, length = body_to_chunks(body, method, self.blocksize)
        # Most requests on a connection have the fields of the one before: what they were decided
        # from is compared, in the order of Question, which itself would cost a call to make.
        question = (
            text_of(headers) if headers else NO_TEXT,
            length is None,
            body is None,
            chunked,
            url if "://" in url else None,
            self._dns_host,
            self.port,
            self._tunnel_host,
            self._tunnel_port,
        )
        head = self._request_head
        if question != head.question:
            head = RequestHead(Question(*question), headers, self._origin, self.default_port)
            self._request_head = head
        if head.block is not None and not _seams.sending_patched(self):
            line = syntax.known_request_line(method, url or "/")
            if line is not None:
                data = line + head.block
                if head.adds_length:
                    assert length is not None
                    data = b"%bContent-Length: %d\r\n%b" % (data, length, head.block_after_length)
                self._send_plain(method, data, chunks, head.chunked)
                return
        self._send_step_by_step(method, url, head, headers, length)
        self._send_body(chunks, head.chunked)

    def _send_plain(
        self, method: str, head: bytes, chunks: Iterable[typing.Any] | None, chunked: bool
    ) -> None:
        """What putrequest, putheader, endheaders and send do, in one go."""
        if self._HTTPConnection__response is not None:
            self._forget_finished()
        if self._HTTPConnection__state != _IDLE:
            raise http.client.CannotSendRequest(self._HTTPConnection__state)
        self._HTTPConnection__state = _REQUEST_SENT
        self._method = method
        if self.sock is None:
            if not self.auto_open:
                raise http.client.NotConnected
            self._body_begun = False
            self.connect()
            if _seams.sending_patched(self):  # since a moment ago: the rest takes the steps
                typing.cast("socket.socket", self.sock).sendall(head)
                self._send_body(chunks, chunked)
                return
        sys.audit("http.client.send", self, head)
        if (
            not chunked
            and type(chunks) is tuple
            and type(body := chunks[0]) is bytes
            and len(body) <= _SMALL_BODY
        ):
            if body:
                sys.audit("http.client.send", self, body)
                if type(self.sock) not in _TRUE_SOCKETS:
                    # Who stands for a socket counts what is sent: httpretty, for one.
                    self.sock.sendall(head)
                    head = b""
                head += body
        elif chunks is not None or chunked:
            send_body(self, head, chunks, chunked)
            return
        sock = self.sock
        takes_one_write = type(sock) is _SSLSocket and "sendall" not in sock.__dict__
        if takes_one_write and _SSLSocket.sendall is _seams.ssl_SSLSocket_sendall:
            # Its sendall() makes views and loops for what one write nearly always takes.
            head = head[sock.send(head) :]
            if not head:
                return
        sock.sendall(head)

    def _forget_finished(self) -> None:
        """Let go of the last answer if its body has been read, or is empty.

        Raises ``http.client.CannotSendRequest`` if the body was given up: the connection is closed
        then, for what comes next on it would be the rest of that body.
        """
        response = self._HTTPConnection__response
        if response is None:
            return
        if response.length == 0 and not response.isclosed():
            response.close()
        if response.isclosed():
            self._HTTPConnection__response = None
        receiver = self._receiver
        if receiver is not None and receiver.closed:
            state = self._HTTPConnection__state
            self.close()
            raise http.client.CannotSendRequest(state)

    def _send_step_by_step(
        self, method: str, url: str, head: RequestHead, headers: typing.Any, length: int | None
    ) -> None:
        """Send the head by the steps of ``http.client``, each of which may be overridden."""
        self.putrequest(
            method,
            url,
            skip_accept_encoding=not head.adds_accept_encoding,
            skip_host=not head.adds_host,
        )
        self._body_begun = False
        if head.adds_length:
            self.putheader("Content-Length", str(length))
        for name, value in (*head.added, *(headers or {}).items()):
            self.putheader(name, value)
        self.endheaders()

    def _send_body(self, chunks: Iterable[typing.Any] | None, chunked: bool) -> None:
        self._body_begun = True
        for chunk in chunks or ():
            if not chunk:
                continue  # an empty chunk would end a chunked body
            data = chunk.encode("utf-8") if isinstance(chunk, str) else chunk
            if chunked:
                data = b"%x\r\n%b\r\n" % (memoryview(data).nbytes, data)
            self.send(data)
        if chunked:
            self.send(b"0\r\n\r\n")

    def request_chunked(
        self,
        method: str,
        url: str,
        body: _TYPE_BODY | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """Deprecated: :meth:`request` with ``chunked=True``."""
        warnings.warn(
            "HTTPConnection.request_chunked() is deprecated and will be removed "
            "in urllib3 v3.0. Instead use HTTPConnection.request(..., chunked=True).",
            category=FutureWarning,
            stacklevel=2,
        )
        self.request(method, url, body=body, headers=headers, chunked=True)

    # ------------------------------------------------------------ receiving

    def getresponse(self) -> HTTPResponse:  # type: ignore[override]
        """The answer to the last :meth:`request`.

        :attr:`timeout`, which the caller may have changed since, limits each wait, in seconds.
        Raises ``http.client.ResponseNotReady`` if there is no request to answer,
        ``http.client.RemoteDisconnected`` and other ``http.client`` or ``OSError`` errors when
        there is no HTTP/1 answer, and what reading the body raises if it is to be preloaded.
        """
        options, self._options = self._options, None
        sock = self.sock
        if options is None or sock is None:
            raise ResponseNotReady
        if type(sock) is not _Socket or sock.gettimeout() != self.timeout:
            _apply_timeout(sock, self.timeout)
        if self.response_class is IncomingResponse and not _seams.receiving_patched():
            return self._receive(options)
        # Asked for now, since the connection may be closed before the response is read.
        sock_shutdown = getattr(sock, "shutdown", None)
        # botocore puts its own response class here; sentry and others wrap getresponse.
        incoming = super().getresponse()
        if type(incoming) is IncomingResponse and incoming.head is not None:
            if self.sock is not None:
                self._receiver = incoming.receiver
            self._heed(incoming.head, options[1])
            if incoming.upgraded:
                self._switch_protocols(incoming.receiver)
            return self._respond(incoming, incoming.head, options, sock_shutdown)
        headers = self._headers_of_foreign(incoming, options[1])
        return self._respond_with_foreign(incoming, headers, options, sock_shutdown)

    @property
    def _version_string(self) -> str:
        return getattr(self, "_http_vsn_str", "HTTP/?")

    def _receive(self, options: _Options) -> HTTPResponse:
        """What ``http.client`` does for the same, with one receiver for all responses."""
        if self._HTTPConnection__response is not None:
            self._forget_finished()
        if self._HTTPConnection__state != _REQUEST_SENT or self._HTTPConnection__response:
            raise ResponseNotReady(self._HTTPConnection__state)
        receiver = self._receiver
        if receiver is None or receiver.sock is not self.sock:
            receiver = self._receiver = Receiver(self.sock)
        elif receiver.closed:
            # The last answer was given up since the request was sent: the rest of it comes next.
            self.close()
            raise ResponseNotReady(_REQUEST_SENT)
        method, url, preload_content, _, _ = options
        try:
            if self._request_head.asks_for_upgrade:
                receiver.receive_exactly()
            head = receiver.read_head(self.max_response_headers)
            if head.status < 200 or self.debuglevel > 0:
                head = receiver.final_head(head, self.debuglevel, self.max_response_headers)
            # The same again says the same again, but for HEAD, which has no body.
            if head is not self._known_head or method == "HEAD":
                self._settle_framing(head)
                self._heed(head, url)
        except BaseException as error:
            if isinstance(error, ConnectionError):
                self.close()
            receiver.close()
            raise
        self._HTTPConnection__state = _IDLE
        whole = self._whole
        if (
            preload_content
            and whole is not None
            and not _seams.whole_body_patched()
            and (body := receiver.take(whole[0])) is not None
        ):
            if not whole[1]:
                self.close()
            version_string = getattr(self, "_http_vsn_str", "HTTP/?")
            return HTTPResponse._from_wire(head, body, options, version_string, receiver.shutdown)
        return self._respond_by_reading(receiver, head, options)

    def _respond_by_reading(
        self,
        receiver: Receiver,
        head: syntax.Head,
        options: _Options,
    ) -> HTTPResponse:
        incoming = IncomingResponse(receiver, self.debuglevel, method=self._method)
        incoming.adopt(head, self._framing)
        if incoming.upgraded:
            self._switch_protocols(receiver)
        if incoming.will_close:
            self._receiver = None  # it is the response's now
            self.close()
        else:
            self._HTTPConnection__response = incoming
        return self._respond(incoming, head, options, receiver.shutdown)

    def _respond(
        self,
        incoming: IncomingResponse,
        head: syntax.Head,
        options: _Options,
        sock_shutdown: typing.Callable[[int], None] | None,
    ) -> HTTPResponse:
        if _seams.construction_patched():
            headers = HTTPHeaderDict._from_pairs(head.fields)
            return self._respond_with_foreign(incoming, headers, options, sock_shutdown)
        version = self._version_string
        return HTTPResponse._from_wire(head, incoming, options, version, sock_shutdown)

    def _switch_protocols(self, receiver: Receiver | None) -> None:
        """Keep the socket open for the program that takes it, and send nothing more on it."""
        self._upgraded = True
        self._HTTPConnection__state = _REQUEST_SENT
        if receiver is not None:
            self.sock = receiver.hand_over()

    def _respond_with_foreign(
        self,
        incoming: http.client.HTTPResponse,
        headers: HTTPHeaderDict,
        options: _Options,
        sock_shutdown: typing.Callable[[int], None] | None,
    ) -> HTTPResponse:
        method, url, preload_content, decode_content, enforce_content_length = options
        if incoming.status == 101:
            self._switch_protocols(None)
        return HTTPResponse(
            body=incoming,
            headers=headers,
            status=incoming.status,
            version=incoming.version,
            version_string=self._version_string,
            reason=incoming.reason,
            preload_content=preload_content,
            decode_content=decode_content,
            original_response=incoming,
            enforce_content_length=enforce_content_length,
            request_method=method,
            request_url=url,
            sock_shutdown=sock_shutdown,
        )

    def _stopped_sending(self) -> None:
        """The peer has answered before it read the whole request: nothing may follow the answer."""
        self._is_cut_short = True
        self._known_head = None

    def _settle_framing(self, head: syntax.Head) -> None:
        framing = syntax.framing(head, self._method)
        if self._is_cut_short:
            framing = framing._replace(persistent=False)
        self._framing = _, length, persistent = framing
        coded = "content-encoding" in head.about or "transfer-encoding" in head.about
        coded = coded or head.status == 101
        self._whole = None if length is None or coded else (length, persistent)
        self._known_head = None if self._method == "HEAD" else head

    def _heed(self, head: syntax.Head, url: str) -> None:
        """Note what the head of an answer says about the connection, and about its sender."""
        if head.skipped:
            _log_skipped(head.skipped, _url_from_connection(self, url))
        hint = head.about.get("keep-alive")
        self._keep_alive_hint = None if hint is None else syntax.keep_alive_timeout(hint)

    def _headers_of_foreign(self, incoming: http.client.HTTPResponse, url: str) -> HTTPHeaderDict:
        """Headers of a response that somebody else's class has read (botocore's, vcrpy's)."""
        message = incoming.msg
        try:
            assert_header_parsing(message)
        except (HeaderParsingError, TypeError) as error:
            log.warning(
                "Failed to parse headers (url=%s): %s",
                _url_from_connection(self, url),
                error,
                exc_info=True,
            )
        pairs = list(message.items())
        unfolded = [(name, _unfolded(value)) for name, value in pairs]
        if unfolded != pairs:
            # Rewritten in place, so that a cookie jar sees the same values.
            for name in {name.lower() for name, _ in pairs}:
                del message[name]
            for name, value in unfolded:
                message.set_raw(name, value)
        return HTTPHeaderDict(unfolded)


_seams.record(".connection.HTTPConnection", HTTPConnection)


_OBS_FOLD = r"(?<![ \t])[ \t]*\r\n[ \t]+"


def _unfolded(value: str) -> str:
    """A field value without obs-fold (RFC 9112, 5.2) and blanks around it (RFC 9110, 5.5)."""
    return " ".join([line.strip(" \t") for line in value.split("\r\n")]).strip(" \t")


def _normalize_header_value(value: str) -> str:
    """*value* with each obs-fold, and the blanks around it, made one space.

    Neither this nor the next is used here: other packages import them.
    """
    return re.sub(_OBS_FOLD, " ", value)


def _normalize_header_values(message: http.client.HTTPMessage) -> list[tuple[str, str]]:
    """The fields of *message* without obs-folds, which are taken out of *message*, too."""
    fields = [(name, _normalize_header_value(value)) for name, value in message.items()]
    for name in dict.fromkeys(message):
        del message[name]
    for name, value in fields:
        message.set_raw(name, value)
    return fields


def _log_skipped(lines: Sequence[str], url: str) -> None:
    from email.errors import InvalidHeaderDefect, MissingHeaderBodySeparatorDefect

    defects: list[MessageDefect] = [
        InvalidHeaderDefect("Missing header name.")
        if line.startswith(":")
        else MissingHeaderBodySeparatorDefect()
        for line in lines
    ]
    log.warning(
        "Failed to parse headers (url=%s): %s",
        url,
        HeaderParsingError(defects=defects, unparsed_data="\r\n".join(lines)),
    )


def _apply_timeout(sock: typing.Any, timeout: float | None) -> None:
    # Each settimeout is a system call; a true socket knows its own without one.
    if isinstance(sock, _Socket):
        if sock.gettimeout() != timeout:
            sock.settimeout(timeout)
    elif sock is not None:
        sock.settimeout(timeout)


def _for_http_client(host: typing.Any, port: int | None) -> typing.Any:
    """*host* in brackets if ``http.client`` would take part of an address for the port."""
    host = exact_str(host)
    if port is None and isinstance(host, str) and host.count(":") > 1 and "[" not in host:
        return f"[{host}]"
    return host


class HTTPSConnection(HTTPConnection):
    """A connection to one host over TLS; see :class:`HTTPConnection` for the first parameters.

    :param cert_reqs: ``"CERT_NONE"``, ``"CERT_OPTIONAL"``, ``"CERT_REQUIRED"`` in any spelling of
        the ``ssl`` module; None = the *ssl_context*'s, else required
    :param assert_hostname: name to expect in the certificate instead of the host; False checks none
    :param assert_fingerprint: MD5, SHA-1 or SHA-256 of the certificate, in hex; replaces the check
        of the name
    :param server_hostname: name for SNI and for the check of the certificate
    :param ssl_context: the caller's own.  Its ``verify_mode`` and ``check_hostname`` are changed as
        far as other options demand it, and only while a TLS object is made with it; certificates
        that other options name are added to it
    :param ca_certs: file of trusted certificates; ``ca_cert_dir``: directory of such;
        ``ca_cert_data``: PEM text or DER bytes.  Without any, the system's trust store
    :param ssl_minimum_version: ``ssl.TLSVersion``; likewise ``ssl_maximum_version``
    :param cert_file: client certificate, with ``key_file`` and ``key_password``
    """

    default_port = port_by_scheme["https"]  # type: ignore[misc]

    cert_reqs: int | str | None = None
    ca_certs: str | None = None
    ca_cert_dir: str | None = None
    ca_cert_data: str | bytes | None = None
    cert_file: str | None
    key_file: str | None
    key_password: str | None
    assert_hostname: str | typing.Literal[False] | None
    ssl_version: int | str | None = None
    ssl_minimum_version: int | None = None
    ssl_maximum_version: int | None = None
    assert_fingerprint: str | None = None
    _connect_callback: typing.Callable[..., None] | None = None
    #: :attr:`cert_reqs`, if that was left to the caller's context, as that was then.
    _cert_reqs_of_context: typing.Any = None
    #: Where contexts made from options are kept; the pool or manager shares its own.
    _contexts: ContextMemo | None = None

    def __init__(
        self,
        host: str,
        port: int | None = None,
        *,
        timeout: _TYPE_TIMEOUT = _DEFAULT_TIMEOUT,
        source_address: tuple[str, int] | None = None,
        blocksize: int = 16384,
        socket_options: _TYPE_SOCKET_OPTIONS | None = HTTPConnection.default_socket_options,
        proxy: Url | None = None,
        proxy_config: ProxyConfig | None = None,
        cert_reqs: int | str | None = None,
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
        self.ssl_context = ssl_context
        self.server_hostname = server_hostname
        self.ssl_version = ssl_version
        self.ssl_minimum_version = ssl_minimum_version
        self.ssl_maximum_version = ssl_maximum_version
        self._set_certificates(
            key_file=key_file,
            cert_file=cert_file,
            cert_reqs=cert_reqs,
            key_password=key_password,
            ca_certs=ca_certs,
            assert_hostname=assert_hostname,
            assert_fingerprint=assert_fingerprint,
            ca_cert_dir=ca_cert_dir,
            ca_cert_data=ca_cert_data,
        )

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
        """Deprecated: give these to the constructor."""
        warnings.warn(
            "HTTPSConnection.set_cert() is deprecated and will be removed "
            "in urllib3 v3.0. Instead provide the parameters to the "
            "HTTPSConnection constructor.",
            category=FutureWarning,
            stacklevel=2,
        )
        self._set_certificates(
            key_file=key_file,
            cert_file=cert_file,
            cert_reqs=cert_reqs,
            key_password=key_password,
            ca_certs=ca_certs,
            assert_hostname=assert_hostname,
            assert_fingerprint=assert_fingerprint,
            ca_cert_dir=ca_cert_dir,
            ca_cert_data=ca_cert_data,
        )

    def _set_certificates(self, *, cert_reqs: int | str | None, **options: typing.Any) -> None:
        self._cert_reqs_of_context = None
        if cert_reqs is None:
            own = self.ssl_context
            if own is None:
                cert_reqs = resolve_cert_reqs(None)
            else:
                cert_reqs = self._cert_reqs_of_context = own_verify_mode(own)
        self.cert_reqs = cert_reqs
        for name in ("ca_certs", "ca_cert_dir"):
            if options[name]:
                options[name] = os.path.expanduser(options[name])
        for name, value in options.items():
            setattr(self, name, value)

    # ------------------------------------------------------------ connecting

    def connect(self) -> None:
        """Open the connection and secure it, through the proxy if there is one.

        Raises what :meth:`_new_conn` raises, ``ssl.SSLError`` and ``CertificateError`` unmapped,
        ``urllib3.exceptions.SSLError`` for unusable certificate files or a wrong fingerprint,
        and OSError when a proxy refuses the tunnel.  Nothing is left open then.
        """
        supports_http2 = self._acquire_probe()
        callback = self._connect_callback
        if callback is not None:
            callback(
                "before connect",
                thread_id=threading.get_ident(),
                target_supports_http2=supports_http2,
            )
        try:
            self._establish()
        except BaseException:
            if callback is not None:
                callback(
                    "after connect failure",
                    thread_id=threading.get_ident(),
                    target_supports_http2=supports_http2,
                )
            if supports_http2 is None:
                self._release_probe(None)
            raise
        if supports_http2 is None:
            self._release_probe(self._speaks_http2)

    def _route(self) -> Route:
        if self._tunnel_host:
            return route_of("https", self._tunnel_scheme or "http", tunnels=True)
        return route_of("https", "https" if self.proxy else None, tunnels=False)

    def _steps(self) -> dict[Stage, typing.Callable[[], bool]]:
        return {
            **super()._steps(),
            Stage.SECURE_PROXY: self._secure_proxy,
            Stage.SECURE_ORIGIN: self._secure_origin,
        }

    def _tls_policy(self) -> TlsPolicy:
        policy = TlsPolicy.of(self)
        own, left_to_it = policy.ssl_context, self._cert_reqs_of_context
        if own is None or left_to_it is None or policy.cert_reqs is not left_to_it:
            return policy
        # The caller may have changed it since: a pool opens its connections again and again.
        return policy._replace(cert_reqs=own_verify_mode(own))

    def _secure_proxy(self) -> bool:
        """TLS to the proxy; in the forwarding rows it is all the TLS there is."""
        policy = self._tls_policy()
        if self.proxy_config is not None:
            policy = proxy_policy(policy, self.proxy_config, self.proxy_is_forwarding)
        name = self.host
        if self.proxy_config is None and self.server_hostname is not None:
            name = self.server_hostname
        return self._handshake(policy, name)

    def _secure_origin(self) -> bool:
        name = self._tunnel_host or self.host
        if self.server_hostname is not None:
            name = self.server_hostname
        return self._handshake(self._tls_policy(), name, tls_in_tls=self._tunnel_scheme == "https")

    def _handshake(self, policy: TlsPolicy, name: str, tls_in_tls: bool = False) -> bool:
        """Secure the socket for *name*; whether the peer was proved to be that."""
        if datetime.date.today() < RECENT_DATE:
            warnings.warn(
                f"System time is way off (before {RECENT_DATE}). This will probably "
                "lead to SSL verification errors",
                SystemTimeWarning,
                stacklevel=2,
            )
        if self._contexts is None:
            self._contexts = ContextMemo()
        self.sock, is_proved = handshake(
            self.sock,
            policy,
            name.rstrip("."),
            memo=self._contexts,
            seams=_tls_names(),
            tls_in_tls=tls_in_tls,
        )
        return is_proved

    # ------------------------------------------------------------ HTTP/2 probe

    @property
    def _speaks_http2(self) -> bool:
        return typing.cast("ssl.SSLSocket", self.sock).selected_alpn_protocol() == "h2"

    def _acquire_probe(self) -> bool | None:
        """Whether the origin speaks HTTP/2; None = unknown, and for this connection to report."""
        if "h2" not in ssl_.ALPN_PROTOCOLS:
            return False
        from .http2 import probe

        return probe.acquire_and_get(*self._origin)

    def _release_probe(self, found: bool | None) -> None:
        from .http2 import probe

        host, port = self._origin
        probe.set_and_release(host, port, found)


def _tls_names() -> Seams:
    # httpretty and mocket replace these names in this module: looked up for each handshake.
    return Seams(
        ssl_wrap_socket=ssl_wrap_socket,
        create_urllib3_context=create_urllib3_context,
        resolve_cert_reqs=resolve_cert_reqs,
        resolve_ssl_version=resolve_ssl_version,
        match_hostname=_match_hostname,
    )


def _match_hostname(
    cert: ssl_._TYPE_PEER_CERT_RET_DICT | None,
    asserted_hostname: str,
    hostname_checks_common_name: bool = False,
) -> None:
    """:func:`match_hostname`, with a refusal logged; an address may stand in brackets."""
    bare = asserted_hostname.strip("[]")
    name = bare if ssl_.is_ipaddress(bare) else asserted_hostname
    try:
        match_hostname(cert, name, hostname_checks_common_name)
    except CertificateError as error:
        log.warning("Certificate did not match expected hostname: %s. Certificate: %s", name, cert)
        error._peer_cert = cert  # type: ignore[attr-defined]  # callers look for it
        raise


class DummyConnection:
    """Stands for ``HTTPSConnection`` where there is no ``ssl``."""


if ssl is None:
    HTTPSConnection = DummyConnection  # type: ignore[misc]

VerifiedHTTPSConnection = HTTPSConnection


def _url_from_connection(conn: HTTPConnection, path: str | None = None) -> str:
    scheme = "https" if isinstance(conn, HTTPSConnection) else "http"
    return f"{scheme}://{conn.host}:{conn.port}{path or ''}"
