"""Connections to one host, kept for reuse, and the loop that gets a request answered over them.

A pool *leases* a connection, *attempts* the request on it and *judges* the response.  The same
request again is another turn of the loop; a redirect is a new request and goes through
``self.urlopen``, since programs override it to look at every hop.
"""

from __future__ import annotations

import contextlib
import errno
import functools
import logging
import queue
import re
import time
import typing
import warnings
import weakref
from http.client import HTTPException as HTTPException
from socket import timeout as SocketTimeout

from . import _seams
from ._network.tls import ContextMemo
from ._optional import BaseSSLError
from ._pool.expiry import expires_at
from ._pool.failure import RETRYABLE, Failure, forget_frames, give_up, translate
from ._pool.queue import LifoQueue, Slot, SlotQueue, queue_class
from ._pool.redirect import (
    Rewritten,
    joined,
    location_of,
    redirected,
    same_origin,
    without,
)
from ._request_methods import RequestMethods
from .connection import (
    DummyConnection,
    HTTPConnection,
    HTTPSConnection,
    ProxyConfig,
    port_by_scheme,
)
from .exceptions import (
    ClosedPoolError,
    EmptyPoolError,
    FullPoolError,
    HandshakeTimeoutError,
    HostChangedError,
    InsecureRequestWarning,
    LocationValueError,
    MaxRetryError,
    ReadTimeoutError,
    SSLError,
)
from .response import HTTPResponse
from .util.connection import is_connection_dropped
from .util.proxy import connection_requires_http_tunnel
from .util.request import prepare_to_resend, set_file_position
from .util.retry import Retry
from .util.timeout import _DEFAULT_TIMEOUT, _TYPE_DEFAULT, Timeout
from .util.url import (
    Url,
    _encode_target,
    _is_plain_target,
    absolute_form,
    lower_host,
    parse_url,
    system_host,
)
from .util.url import _normalize_host as normalize_host
from .util.util import exact_str

if typing.TYPE_CHECKING:
    import ssl
    from collections.abc import Mapping
    from types import TracebackType

    from typing_extensions import Self

    from ._base_connection import _TYPE_BODY, BaseHTTPConnection, BaseHTTPSConnection
    from .filepost import _TYPE_FIELDS
    from .response import BaseHTTPResponse
    from .util.request import _TYPE_BODY_POSITION

log = logging.getLogger(__name__)

_blocking_errnos = {errno.EAGAIN, errno.EWOULDBLOCK}

# Sending may fail because the server has answered and closed: its answer can still be read.
_answered_early = {errno.EPIPE, errno.ECONNRESET, errno.EPROTOTYPE}
_TLS_ENDED: tuple[type[OSError], ...] = ()
with contextlib.suppress(ImportError):
    import ssl

    _TLS_ENDED = (ssl.SSLEOFError, ssl.SSLZeroReturnError)


def _may_be_answered(error: OSError) -> bool:
    """Whether an answer may have come although sending has failed with *error*."""
    return error.errno in _answered_early or isinstance(error, _TLS_ENDED)


#: Seconds after which an idle connection is no longer used, unless a pool says otherwise.
DEFAULT_IDLE_TIMEOUT = 90.0

_TYPE_TIMEOUT = typing.Union[Timeout, float, _TYPE_DEFAULT, None]


class ConnectionPool:
    """What pools have in common: the host they are for.

    :param host: name or address, brackets around an IPv6 address allowed
    :param port: None = the scheme's
    """

    scheme: str | None = None
    #: locust puts ``gevent.queue.LifoQueue`` here.
    QueueCls = queue.LifoQueue

    def __init__(self, host: str, port: int | None = None) -> None:
        if not host:
            raise LocationValueError("No host specified.")
        self.host = _normalize_host(host, scheme=self.scheme)
        self.port = port
        # CONNECT wants the brackets.
        tunnel_host = lower_host(normalize_host(host, scheme=self.scheme))
        is_bare = ":" in tunnel_host and "%" in tunnel_host and tunnel_host[0] != "["
        self._tunnel_host = f"[{tunnel_host}]" if is_bare else tunnel_host

    def __str__(self) -> str:
        return f"{type(self).__name__}(host={self.host!r}, port={self.port!r})"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_val: BaseException | None,
        exc_tb: TracebackType | None,
    ) -> typing.Literal[False]:
        self.close()
        return False

    def close(self) -> None:
        """Close every connection that is kept."""

    def _new_pool_queue(self, maxsize: int) -> queue.LifoQueue[typing.Any]:
        is_bounded = getattr(self, "block", False) and maxsize > 0
        made = queue_class(self.QueueCls, is_bounded)(maxsize)
        return typing.cast("queue.LifoQueue[typing.Any]", made)


class HTTPConnectionPool(ConnectionPool, RequestMethods):
    """Thread-safe pool of connections to one host over plain HTTP.

    :param host: name or address
    :param port: None = 80
    :param timeout: seconds, None for no limit, or a ``Timeout``
    :param maxsize: connections to keep; more may be open at a time unless *block*
    :param block: never have more than *maxsize* connections; wait for one to come back
    :param headers: default request headers
    :param retries: a number or a ``Retry``; None = ``Retry.DEFAULT``, False = none
    :param idle_timeout: seconds after which an unused connection is not used again, None = never;
        a server's ``Keep-Alive: timeout=N``, less one second, makes it shorter
    :param max_age: seconds after which a connection is not used again, None = never
    :param conn_kw: further arguments for :attr:`ConnectionCls`

    Raises ``LocationValueError`` without a host, ``LocationParseError`` for an impossible one,
    ValueError for an impossible timeout.
    """

    scheme = "http"
    ConnectionCls: type[BaseHTTPConnection | BaseHTTPSConnection] = HTTPConnection

    def __init__(
        self,
        host: str,
        port: int | None = None,
        timeout: _TYPE_TIMEOUT | None = _DEFAULT_TIMEOUT,
        maxsize: int = 1,
        block: bool = False,
        headers: Mapping[str, str] | None = None,
        retries: Retry | bool | int | None = None,
        _proxy: Url | None = None,
        _proxy_headers: Mapping[str, str] | None = None,
        _proxy_config: ProxyConfig | None = None,
        *,
        idle_timeout: float | None = DEFAULT_IDLE_TIMEOUT,
        max_age: float | None = None,
        **conn_kw: typing.Any,
    ) -> None:
        ConnectionPool.__init__(self, host, port)
        RequestMethods.__init__(self, headers)
        self.timeout = timeout if isinstance(timeout, Timeout) else Timeout.from_float(timeout)
        self.retries = Retry.DEFAULT if retries is None else retries
        self.block = block
        self.idle_timeout = idle_timeout
        self.max_age = max_age
        self.proxy = _proxy
        self.proxy_headers = _proxy_headers or {}
        self.proxy_config = _proxy_config
        # For the log alone: threads that add to them at once may lose one, GIL or not.
        self.num_connections = 0
        self.num_requests = 0
        self.conn_kw = conn_kw
        if self.proxy:
            conn_kw.setdefault("socket_options", [])
            conn_kw["proxy"] = self.proxy
            conn_kw["proxy_config"] = self.proxy_config
        pool = self._new_pool_queue(maxsize)
        if type(pool) is not SlotQueue:
            for _ in range(maxsize):
                pool.put(None)  # so that a getter in blocking mode waits for what is out
        self.pool: queue.LifoQueue[typing.Any] | None = pool
        # Refers to the queue, not to the pool: idle sockets close when the pool is collected.
        weakref.finalize(self, _close_pool_connections, pool)

    # ------------------------------------------------------------ lease

    def _new_conn(self) -> BaseHTTPConnection:
        """A fresh, unopened connection.  Overridden by docker, elastic-transport and others."""
        self.num_connections += 1
        log.debug(
            "Starting new HTTP connection (%d): %s:%s",
            self.num_connections,
            self.host,
            self.port or port_by_scheme["http"],
        )
        connection_class: typing.Any = self.ConnectionCls
        conn: BaseHTTPConnection = connection_class(
            host=self.host,
            port=self.port,
            timeout=self.timeout.connect_timeout,
            **self.conn_kw,
        )
        return conn

    def _get_conn(self, timeout: float | None = None) -> BaseHTTPConnection:
        """Lease a connection: the one returned last, or a new one.

        :param timeout: seconds to wait in blocking mode, None = for ever

        Raises ``ClosedPoolError``, ``EmptyPoolError``, ValueError for a negative timeout.
        """
        pool = self.pool
        if pool is None:
            raise ClosedPoolError(self, "Pool is closed.")
        if timeout is not None:
            self._check_pool_timeout(timeout)
        taken: typing.Any
        try:
            if type(pool) is SlotQueue:
                taken = pool.lease(self.block, timeout)
            else:
                taken = pool.get(block=self.block, timeout=timeout)
        except queue.Empty:
            if self.block:
                raise EmptyPoolError(
                    self,
                    "Pool is empty and a new connection can't be opened due to blocking mode.",
                ) from None
            return self._new_conn()
        if taken is None or type(taken) is Slot:
            return self._connection_for(taken)
        try:
            try:
                expires = taken._expires
            except AttributeError:  # of a class that is not ours
                expires = None
            if expires is not None and expires <= time.monotonic():
                self._close_expired(taken, pool)
            # vcrpy replaces the name in this module.
            elif is_connection_dropped(taken):
                log.debug("Resetting dropped connection: %s", self.host)
                taken.close()
        except BaseException:
            self._discard(taken)
            raise
        return taken  # type: ignore[no-any-return]

    def _check_pool_timeout(self, timeout: float) -> None:
        if self.block and timeout < 0:
            raise ValueError("'timeout' must be a non-negative number")

    def _connection_for(self, slot: Slot | None) -> BaseHTTPConnection:
        """A new connection for a slot that has none.

        :param slot: None = an item of a queue that is not ours
        """
        try:
            conn = self._new_conn()
        except BaseException:
            if slot is None:
                self._put_conn(None)  # it was taken for nothing
            raise
        if slot is not None:
            typing.cast("typing.Any", conn)._slot = slot
        return conn

    def _put_conn(self, conn: BaseHTTPConnection | None) -> None:
        """End a lease.  What finds no room is closed; a blocking pool raises ``FullPoolError``."""
        pool = self.pool
        if pool is not None:
            if conn is not None:
                idle: typing.Any = conn
                try:
                    hint, opened = idle._keep_alive_hint, idle._opened
                    if idle._upgraded:
                        conn.close()  # it speaks another protocol
                except AttributeError:  # of a class that is not ours
                    hint = opened = None
                now = time.monotonic()
                idle._expires = expires_at(now, self.idle_timeout, self.max_age, hint, opened)
            try:
                pool.put(conn, block=False)
                if self.pool is None:
                    _close_pool_connections(pool)  # closed by another thread meanwhile
                return
            except queue.Full:
                self._refuse(conn, pool)
        elif conn:
            conn.close()

    def _refuse(self, conn: BaseHTTPConnection | None, pool: queue.Queue[typing.Any]) -> None:
        if conn:
            conn.close()
        if self.block:
            raise FullPoolError(
                self, "Pool reached maximum size and no more connections are allowed."
            ) from None
        log.warning(
            "Connection pool is full, discarding connection: %s. Connection pool size: %s",
            self.host,
            pool.qsize(),
        )

    # ------------------------------------------------------------ expiry

    def _close_expired(self, conn: typing.Any, pool: typing.Any) -> None:
        """Close *conn*, which was returned last and has expired: so have most of those below it.

        Each stays in *pool* to be opened again.
        """
        log.debug("Resetting expired connection: %s", self.host)
        conn.close()
        if isinstance(pool, LifoQueue):
            for old in pool.take_expired(time.monotonic()):
                old.close()

    # ------------------------------------------------------------ attempt

    def _validate_conn(self, conn: BaseHTTPConnection) -> None:
        """Called before a request is sent on *conn*.  Overridden by elastic-transport."""

    def _prepare_proxy(self, conn: BaseHTTPConnection) -> None:
        """Called before a connection is opened through a proxy's tunnel."""

    def _get_timeout(self, timeout: _TYPE_TIMEOUT) -> Timeout:
        """A fresh ``Timeout`` for one attempt, its clock not started."""
        if timeout is _DEFAULT_TIMEOUT:
            return self.timeout.clone()
        if isinstance(timeout, Timeout):
            return timeout.clone()
        return Timeout.from_float(timeout)

    def _raise_timeout(
        self, err: BaseException, url: str, timeout_value: _TYPE_TIMEOUT | None
    ) -> None:
        """Raise ``ReadTimeoutError`` if *err* means that a wait was too long; else return."""
        if isinstance(err, SocketTimeout) or getattr(err, "errno", None) in _blocking_errnos:
            raise ReadTimeoutError(
                self, url, f"Read timed out. (read timeout={timeout_value})"
            ) from err

    def _raise_connect_timeout(
        self, err: BaseException, url: str, timeout_value: _TYPE_TIMEOUT | None
    ) -> None:
        """The same while connecting: raise ``HandshakeTimeoutError``, which is both."""
        message = None
        try:
            self._raise_timeout(err, url, timeout_value)  # subclasses may have their own
        except ReadTimeoutError as error:
            if type(error) is not ReadTimeoutError:
                raise
            message = error._message
        if message is not None:
            raise HandshakeTimeoutError(self, url, message) from err

    def _make_request(
        self,
        conn: BaseHTTPConnection,
        method: str,
        url: str,
        body: _TYPE_BODY | None = None,
        headers: Mapping[str, str] | None = None,
        retries: Retry | None = None,
        timeout: _TYPE_TIMEOUT = _DEFAULT_TIMEOUT,
        chunked: bool = False,
        response_conn: BaseHTTPConnection | None = None,
        preload_content: bool = True,
        decode_content: bool = True,
        enforce_content_length: bool = True,
    ) -> BaseHTTPResponse:
        """Send the request on *conn* and return the answer.  Wrapped by newrelic and ddtrace.

        Raises ``HandshakeTimeoutError`` when connecting takes too long, ``ReadTimeoutError`` when
        the answer does; other failures as they come.
        """
        self.num_requests += 1
        limits = self._get_timeout(timeout)
        conn.timeout, read_timeout = limits._begin()
        try:
            self._validate_conn(conn)
        except (TimeoutError, BaseSSLError) as error:
            self._raise_connect_timeout(error, url, conn.timeout)
            raise
        try:
            conn.request(
                method,
                url,
                body=body,
                headers=headers,
                chunked=chunked,
                preload_content=preload_content,
                decode_content=decode_content,
                enforce_content_length=enforce_content_length,
            )
        except OSError as error:
            if not _may_be_answered(error):
                raise
        read_timeout = read_timeout if limits.total is None else limits.read_timeout
        if read_timeout == 0 and not conn.is_closed:
            raise ReadTimeoutError(self, url, f"Read timed out. (read timeout={read_timeout})")
        conn.timeout = read_timeout
        try:
            response: typing.Any = conn.getresponse()
        except (BaseSSLError, OSError) as error:
            self._raise_timeout(error, url, read_timeout)
            raise
        response._pool = self
        response._connection = response_conn
        response._retries = retries
        if type(response) is not HTTPResponse or (retries and retries.history):
            response.retries = retries  # a property, which sets the URL too
        if log.isEnabledFor(logging.DEBUG):
            self._log_response(method, url, response)
        answer: BaseHTTPResponse = response
        return answer

    def _log_response(self, method: str, url: str, response: typing.Any) -> None:
        # yt-dlp knows this line by its format.
        log.debug(
            '%s://%s:%s "%s %s %s" %s %s',
            self.scheme,
            self.host,
            self.port,
            method,
            url,
            response.version_string,
            response.status,
            response.length_remaining,
        )

    # ------------------------------------------------------------ the loop

    def urlopen(  # type: ignore[override]
        self,
        method: str,
        url: str,
        body: _TYPE_BODY | None = None,
        headers: Mapping[str, str] | None = None,
        retries: Retry | bool | int | None = None,
        redirect: bool = True,
        assert_same_host: bool = True,
        timeout: _TYPE_TIMEOUT = _DEFAULT_TIMEOUT,
        pool_timeout: int | None = None,
        release_conn: bool | None = None,
        chunked: bool = False,
        body_pos: _TYPE_BODY_POSITION | None = None,
        preload_content: bool = True,
        decode_content: bool = True,
        *,
        fields: _TYPE_FIELDS | None = None,
        json: object = None,
        **response_kw: typing.Any,
    ) -> BaseHTTPResponse:
        """Get a request answered, retrying and following redirects within this host.

        :param method: sent as given
        :param url: path, or absolute URL of this host
        :param body: str (sent as UTF-8), bytes-like, file-like, or iterable of str or bytes
        :param headers: replace the pool's
        :param retries: a ``Retry``, a number, False for none, None for the pool's
        :param redirect: follow 301, 302, 303, 307 and 308
        :param assert_same_host: refuse the URL of another host
        :param timeout: seconds, or a ``Timeout``, instead of the pool's
        :param pool_timeout: seconds to wait for a connection if the pool blocks
        :param release_conn: return the connection at once; None = if *preload_content*
        :param chunked: send the body in chunks
        :param body_pos: position to which a file-like body is rewound before it is sent
        :param preload_content: read the whole body before returning
        :param decode_content: undo gzip and the like
        :param fields: form fields, encoded as :meth:`request` does; likewise *json*
        :param response_kw: ``enforce_content_length``

        Raises ``MaxRetryError`` when the retries are spent, with the last failure as its reason;
        without retries that failure itself: ``ConnectTimeoutError``, ``NewConnectionError``,
        ``HandshakeTimeoutError``, ``ReadTimeoutError``, ``ProtocolError``, ``SSLError``,
        ``ProxyError``.
        ``HostChangedError``, ``EmptyPoolError``, ``ClosedPoolError``, ValueError and
        TypeError are never retried.
        """
        if headers is None:
            headers = self.headers
        if fields or json is not None:
            url, body, headers = self._encoded(method, url, body, headers, fields, json)
        target = _target_of(url)
        if retries is None:
            retries = self.retries
        if not isinstance(retries, Retry):
            retries = Retry.from_int(retries, redirect=redirect)
        if release_conn is None:
            release_conn = preload_content
        if assert_same_host and not self.is_same_host(url):
            raise HostChangedError(self, url, retries)
        through_tunnel = self.proxy is not None and self._tunnels(url)
        if not through_tunnel and self.proxy_headers:
            merged = typing.cast("dict[str, str]", headers).copy()  # or an HTTPHeaderDict
            merged.update(self.proxy_headers)
            headers = merged
        if body is not None or body_pos is not None:
            body_pos = set_file_position(body, body_pos)

        lease = (pool_timeout, release_conn, through_tunnel)
        message = (body, headers, chunked, preload_content, decode_content, response_kw)
        while True:
            outcome = self._attempt(method, target, lease, message, retries, timeout)
            if isinstance(outcome, Failure):
                try:
                    retries = self._absorb(outcome, method, target, retries, body, body_pos)
                finally:
                    del outcome  # it holds a traceback, which holds this frame
                continue
            response = outcome
            location = redirect and response.get_redirect_location()
            request = None
            if location:
                request = Rewritten(method, body, body_pos, headers, chunked)
                request = redirected(request, response.status)
            spent = _judge(self, response, request, method, target, retries)
            if spent is None:
                return response
            retries = spent
            if location and request is not None:
                location = _place_of(self, response, url, location, spent)
                if not self._same_origin(url, location):
                    request = without(request, {*spent.remove_headers_on_redirect, "host"})
                log.debug("Redirecting %s -> %s", target, location)
                prepare_to_resend(request.body, request.body_pos)
                return self.urlopen(
                    request.method,
                    location,
                    request.body,
                    request.headers,
                    retries=spent,
                    redirect=redirect,
                    assert_same_host=assert_same_host,
                    timeout=timeout,
                    pool_timeout=pool_timeout,
                    release_conn=release_conn,
                    chunked=request.chunked,
                    body_pos=request.body_pos,
                    preload_content=preload_content,
                    decode_content=decode_content,
                    **response_kw,
                )
            prepare_to_resend(body, body_pos)

    def _tunnels(self, url: str) -> bool:
        scheme = self.scheme if url.startswith("/") else parse_url(url).scheme or self.scheme
        return connection_requires_http_tunnel(self.proxy, self.proxy_config, scheme)

    def _attempt(
        self,
        method: str,
        url: str,
        lease: _Lease,
        message: _Message,
        retries: Retry,
        timeout: _TYPE_TIMEOUT,
    ) -> BaseHTTPResponse | Failure:
        """One try on a leased connection: the response, or a failure that may be tried again.

        Any failure ends the lease with the connection closed and its slot free.
        """
        if timeout is not _DEFAULT_TIMEOUT:
            timeout = self._get_timeout(timeout)  # wrong ones fail before a connection is leased
        pool_timeout, release_conn, through_tunnel = lease
        body, headers, chunked, preload_content, decode_content, response_kw = message
        make_request = self._make_request
        if response_kw:
            make_request = functools.partial(make_request, **response_kw)
        conn = self._get_conn(timeout=pool_timeout)
        try:
            if through_tunnel and conn.is_closed:
                self._reach_proxy(conn, timeout)
            response = make_request(
                conn,
                method,
                url,
                body=body,
                headers=headers,
                retries=retries,
                timeout=timeout,
                chunked=chunked,
                response_conn=None if release_conn else conn,
                preload_content=preload_content,
                decode_content=decode_content,
            )
        except RETRYABLE as error:
            return self._fail(error, conn)
        except BaseException:
            self._discard(conn)
            raise
        if release_conn:
            # Not above: what comes after it must not touch a connection that others may have.
            self._put_conn(conn)
        return response

    def _fail(self, error: BaseException, conn: BaseHTTPConnection) -> Failure:
        # Translated first: closing forgets how far the connection had got.  And translated here:
        # a frame in the error's traceback that held what it became would be a cycle.
        mapped = translate(typing.cast("Exception", error), conn)
        failure = Failure(error, mapped, getattr(conn, "_body_begun", True))
        self._discard(conn)
        return failure

    def _discard(self, conn: typing.Any) -> None:
        """End the lease of *conn* with the connection closed and its slot free."""
        pool = self.pool
        slot = getattr(conn, "_slot", False)  # None: it was freed with a response that is collected
        if type(slot) is Slot:
            if slot.is_idle:
                return  # given back by whoever makes requests in our place
            slot.is_over = True
        try:
            conn.close()
        finally:
            if slot is not None:
                self._put_conn(None)
            if type(pool) is SlotQueue:
                pool.free(conn)  # whoever overrides _put_conn may not have passed it on

    def _reach_proxy(self, conn: BaseHTTPConnection, timeout: _TYPE_TIMEOUT) -> None:
        limit = self._get_timeout(timeout).connect_timeout
        conn.timeout = Timeout.resolve_default_timeout(limit)
        try:
            self._prepare_proxy(conn)
        except (BaseSSLError, OSError) as error:
            self._raise_connect_timeout(error, typing.cast("Url", self.proxy).url, conn.timeout)
            raise

    def _absorb(
        self,
        failure: Failure,
        method: str,
        url: str,
        retries: Retry,
        body: typing.Any,
        body_pos: typing.Any,
    ) -> Retry:
        """Count *failure* against *retries* and wait the back-off; raise when they are spent.

        Raises ``UnrewindableBodyError``, too, if the body was begun and cannot be sent again.
        """
        error, mapped, body_begun = failure
        try:
            retries = retries.increment(
                method, url, error=mapped, _pool=self, _stacktrace=error.__traceback__
            )
            for kept in (error, mapped):
                forget_frames(kept)  # the history keeps it
            retries.sleep()
            log.warning(
                "Retrying (%r) after connection broken by '%r': %s",
                retries,
                mapped if isinstance(mapped, SSLError) else error,
                url,
                extra={"__urllib3-retry-warning": {"host": self.host}},  # pip reads it
            )
        finally:
            del failure, error, mapped  # which hold this frame
        if body_begun:
            prepare_to_resend(body, body_pos)
        return retries

    def _same_origin(self, url: str, location: str) -> bool:
        """Whether *location* is at the origin of the request for *url*; a proxy's pool is not."""
        if self.proxy is None or url.startswith("/") or location.startswith("/"):
            return self.is_same_host(location)
        return same_origin(url, location)

    # ------------------------------------------------------------ the rest

    def is_same_host(self, url: str) -> bool:
        """Whether *url* is a path, or an absolute URL of this pool's scheme, host and port."""
        if url.startswith("/"):
            return True
        other = parse_url(url)
        scheme = other.scheme or "http"
        default = port_by_scheme.get(scheme)
        port = default if other.port is None else other.port
        own_port = default if self.port is None else self.port
        place = system_host(other.host)  # normalised once more, its zone would be another
        host = place if place != other.host else _normalize_host(place, scheme=scheme)
        return scheme == self.scheme and host == self.host and port == own_port

    def close(self) -> None:
        """Close every idle connection; those in use are closed when they come back."""
        pool, self.pool = self.pool, None
        if pool is not None:
            _close_pool_connections(pool)


_Lease = tuple[typing.Optional[float], bool, bool]  # pool_timeout, release_conn, through a tunnel
# body, headers, chunked, preload_content, decode_content, and further options for the response
_Message = tuple[typing.Any, "Mapping[str, str]", bool, bool, bool, dict[str, typing.Any]]


def _target_of(url: str) -> str:
    """*url*, a target or absolute, as a request line takes it: encoded, without fragment."""
    if type(url) is str and _is_plain_target(url):
        return url
    url = exact_str(url)
    return _encode_target(url) if url.startswith("/") else absolute_form(parse_url(url))


# A URL that needs no other to be understood.
_ABSOLUTE = "[A-Za-z][A-Za-z0-9+\\-.]*://"


def _place_of(
    pool: HTTPConnectionPool, response: BaseHTTPResponse, url: str, location: str, retries: Retry
) -> str:
    """Where *response*, to a request for *url*, redirects to: a path of *pool*'s, or a whole URL.

    A path and a whole URL are handed on as they came; anything else is joined to *url*.

    Raises ``LocationValueError`` for what names no place, ``HostChangedError`` for no host.
    """
    location = location_of(response, location)
    at_host = url.startswith("/")
    if location.startswith("/") and not location.startswith("//"):
        if at_host or pool.proxy is None:
            return location
    elif re.match(_ABSOLUTE, location):
        if not parse_url(location).host:
            raise HostChangedError(pool, location, retries)
        return location
    base = f"{_origin_of(pool)}{url}" if at_host else url
    absolute = joined(base, location)
    if at_host and same_origin(base, absolute):
        return parse_url(absolute).request_uri
    return absolute


def _origin_of(pool: HTTPConnectionPool) -> str:
    host = f"[{pool.host.replace('%', '%25', 1)}]" if ":" in pool.host else pool.host
    return Url(pool.scheme, None, host, pool.port).url


def _judge(
    pool: HTTPConnectionPool,
    response: BaseHTTPResponse,
    redirection: Rewritten | None,
    method: str,
    url: str,
    retries: Retry,
) -> Retry | None:
    """*retries* less one for *response*, if another request follows it; None if it is the answer.

    The wait that *response* or *retries* ask for is over then.  If the retries are spent, or cannot
    be counted, an error is raised, and the connection has been given back.

    :param redirection: the request to make next, if *response* is a redirect to be followed
    """
    try:
        if redirection is not None:
            method = redirection.method
            spent = _count(pool, response, method, url, retries, retries.raise_on_redirect)
            if spent is not None:
                spent.sleep_for_retry(response)
            return spent
        if (
            type(retries).is_retry is _seams.util_retry_Retry_is_retry
            and "is_retry" not in retries.__dict__
            and not retries.status_forcelist
            and response.status not in retries.RETRY_AFTER_STATUS_CODES
        ):
            return None  # as is_retry would say; the headers need not be taken apart for it
        retry_after = bool(response.headers.get("Retry-After"))
        if not retries.is_retry(method, response.status, retry_after):
            return None
        spent = _count(pool, response, method, url, retries, retries.raise_on_status)
        if spent is not None:
            spent.sleep(response)
            log.debug("Retry: %s", url)
    except BaseException:
        give_up(response)
        raise
    return spent


def _count(
    pool: HTTPConnectionPool,
    response: BaseHTTPResponse,
    method: str,
    url: str,
    retries: Retry,
    or_raise: bool,
) -> Retry | None:
    """*retries* less one for *response*, which is drained; None or an error if none is left."""
    try:
        spent = retries.increment(method, url, response=response, _pool=pool)
    except MaxRetryError:
        if not or_raise:
            return None
        response.drain_conn()
        raise
    response.drain_conn()
    return spent


class HTTPSConnectionPool(HTTPConnectionPool):
    """Thread-safe pool of connections to one host over TLS.

    The first parameters are those of :class:`HTTPConnectionPool`, the others those of
    ``HTTPSConnection``; ``ssl_context``, ``server_hostname``, ``ca_cert_data`` and the rest go with
    *conn_kw*.  The options are attributes of the same names and may be changed: connections made
    afterwards follow them.
    """

    scheme = "https"
    ConnectionCls: type[BaseHTTPSConnection] = HTTPSConnection

    def __init__(
        self,
        host: str,
        port: int | None = None,
        timeout: _TYPE_TIMEOUT | None = _DEFAULT_TIMEOUT,
        maxsize: int = 1,
        block: bool = False,
        headers: Mapping[str, str] | None = None,
        retries: Retry | bool | int | None = None,
        _proxy: Url | None = None,
        _proxy_headers: Mapping[str, str] | None = None,
        key_file: str | None = None,
        cert_file: str | None = None,
        cert_reqs: int | str | None = None,
        key_password: str | None = None,
        ca_certs: str | None = None,
        ssl_version: int | str | None = None,
        ssl_minimum_version: ssl.TLSVersion | None = None,
        ssl_maximum_version: ssl.TLSVersion | None = None,
        assert_hostname: str | typing.Literal[False] | None = None,
        assert_fingerprint: str | None = None,
        ca_cert_dir: str | None = None,
        **conn_kw: typing.Any,
    ) -> None:
        super().__init__(
            host, port, timeout, maxsize, block, headers, retries, _proxy, _proxy_headers, **conn_kw
        )
        self.key_file = key_file
        self.cert_file = cert_file
        self.cert_reqs = cert_reqs
        self.key_password = key_password
        self.ca_certs = ca_certs
        self.ca_cert_dir = ca_cert_dir
        self.ssl_version = ssl_version
        self.ssl_minimum_version = ssl_minimum_version
        self.ssl_maximum_version = ssl_maximum_version
        self.assert_hostname = assert_hostname
        self.assert_fingerprint = assert_fingerprint
        #: Contexts made from the options above; a manager puts its own here, to be shared.
        self._contexts = ContextMemo()

    def _new_conn(self) -> BaseHTTPConnection:
        self.num_connections += 1
        log.debug(
            "Starting new HTTPS connection (%d): %s:%s",
            self.num_connections,
            self.host,
            self.port or port_by_scheme["https"],
        )
        connection_class: typing.Any = self.ConnectionCls
        if not connection_class or connection_class is DummyConnection:
            raise ImportError("Can't connect to HTTPS URL because the SSL module is not available.")
        host, port = self.host, self.port
        if self.proxy is not None:
            host, port = self.proxy.host or "", self.proxy.port
        conn = connection_class(
            host=host,
            port=port,
            timeout=self.timeout.connect_timeout,
            cert_file=self.cert_file,
            key_file=self.key_file,
            key_password=self.key_password,
            cert_reqs=self.cert_reqs,
            ca_certs=self.ca_certs,
            ca_cert_dir=self.ca_cert_dir,
            assert_hostname=self.assert_hostname,
            assert_fingerprint=self.assert_fingerprint,
            ssl_version=self.ssl_version,
            ssl_minimum_version=self.ssl_minimum_version,
            ssl_maximum_version=self.ssl_maximum_version,
            **self.conn_kw,
        )
        if isinstance(conn, HTTPSConnection):
            conn._contexts = self._contexts
        return typing.cast("BaseHTTPConnection", conn)

    def _prepare_proxy(self, conn: typing.Any) -> None:
        """Open *conn* through the proxy's tunnel."""
        proxy = typing.cast("Url", self.proxy)
        conn.set_tunnel(
            scheme="https" if proxy.scheme == "https" else "http",
            host=self._tunnel_host,
            port=self.port,
            headers=self.proxy_headers,
        )
        conn.connect()

    def _validate_conn(self, conn: BaseHTTPConnection) -> None:
        """Connect, so that nothing is sent before the peer is known, and warn if it is not."""
        super()._validate_conn(conn)
        if conn.is_closed:
            conn.connect()
        if not conn.is_verified and not conn.proxy_is_verified:
            warnings.warn(
                f"Unverified HTTPS request is being made to host '{conn.host}'. "
                "Adding certificate verification is strongly advised. See: "
                "https://urllib3.readthedocs.io/en/latest/advanced-usage.html"
                "#tls-warnings",
                InsecureRequestWarning,
                stacklevel=1,
            )


def connection_from_url(url: str, **kw: typing.Any) -> HTTPConnectionPool:
    """A pool for the scheme, host and port of *url*; *kw* goes to its constructor.

    Raises ``LocationValueError`` if there is no host, ``LocationParseError`` if it is none.
    """
    place = parse_url(url)
    port = port_by_scheme.get(place.scheme or "http", 80) if place.port is None else place.port
    make = HTTPSConnectionPool if place.scheme == "https" else HTTPConnectionPool
    return make(system_host(place.host) or "", port, **kw)


@typing.overload
def _normalize_host(host: None, scheme: str | None) -> None: ...


@typing.overload
def _normalize_host(host: str, scheme: str | None) -> str: ...


def _normalize_host(host: str | None, scheme: str | None) -> str | None:
    """*host* as pools compare it: lower case, IDNA, without brackets."""
    host = normalize_host(host, scheme)
    if host and host[0] == "[" and host[-1] == "]":
        host = host[1:-1]
    return host


def _url_from_pool(pool: HTTPConnectionPool | HTTPSConnectionPool, path: str | None = None) -> str:
    return Url(scheme=pool.scheme, host=pool.host, port=pool.port, path=path).url


def _close_pool_connections(pool: queue.LifoQueue[typing.Any]) -> None:
    """Take everything out of *pool* and close it."""
    if type(pool) is SlotQueue:
        pool.end()
    with contextlib.suppress(queue.Empty):
        while True:
            idle = pool.get_nowait()
            if idle:
                idle.close()
