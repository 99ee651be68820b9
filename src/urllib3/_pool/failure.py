"""Which errors a pool raises for what goes wrong below it.

Knows the errors of sockets, ``ssl`` and ``http.client``, and of a connection only how far it got.
The rule: what an attempt raises is translated here alone; ``_body.buffer`` does it for reading.
"""

import re
import typing
from http.client import HTTPException

from .._optional import BaseSSLError
from ..exceptions import (
    NewConnectionError,
    ProtocolError,
    ProxyError,
    SSLError,
    TimeoutError,
)
from ..util.ssl_match_hostname import CertificateError

#: Errors after which a request may be tried again.  All others are raised as they are.
RETRYABLE = (
    TimeoutError,
    HTTPException,
    OSError,
    ProtocolError,
    BaseSSLError,
    SSLError,
    CertificateError,
    ProxyError,
)


class Failure(typing.NamedTuple):
    """An attempt that failed in a way that may be tried again."""

    error: BaseException  # as it was raised
    mapped: Exception  # as the caller is to see it
    body_begun: bool  # whether anything may have been taken of the request's body


def translate(error: Exception, conn: typing.Any) -> Exception:
    """The error to raise, or to count against the retries, for *error* on *conn*.

    Until a proxy has been reached, every error is the proxy's.
    """
    if isinstance(error, (BaseSSLError, CertificateError)):
        error = SSLError(error)
    at_fault = (OSError, NewConnectionError, TimeoutError, SSLError, HTTPException)
    proxy = getattr(conn, "proxy", None)
    if isinstance(error, at_fault) and proxy and not conn.has_connected_to_proxy:
        return _wrap_proxy_error(error, proxy.scheme)
    if isinstance(error, (OSError, HTTPException)):
        return ProtocolError("Connection aborted.", error)
    return error


_MISTAKEN_FOR_TLS = ("wrong version number", "unknown protocol", "record layer failure")


def _wrap_proxy_error(err: Exception, proxy_scheme: str | None) -> ProxyError:
    """*err* as an error of the proxy, with a hint if its URL seems to have the wrong scheme."""
    words = re.sub(r"[^a-z]", " ", str(err).lower())
    message = "Unable to connect to proxy"
    if proxy_scheme == "https" and any(text in words for text in _MISTAKEN_FOR_TLS):
        message += (
            ". Your proxy appears to only use HTTP and not HTTPS, "
            "try changing your proxy URL to be HTTP. See: "
            "https://urllib3.readthedocs.io/en/latest/advanced-usage.html"
            "#https-proxy-error-http-proxy"
        )
    wrapped = ProxyError(message, err)
    wrapped.__cause__ = err
    return wrapped


def give_up(response: typing.Any) -> None:
    """Close *response*, which nobody is going to get, and give its connection back."""
    try:
        response.close()
    finally:
        response.release_conn()


def forget_frames(error: BaseException | None) -> None:
    """Take the tracebacks off *error* and off all that led to it.

    Who keeps an error for long, as the history of retries does, would keep the frames with it, and
    with them pools, connections and sockets.
    """
    seen: set[int] = set()
    waiting = [error]
    while waiting:
        error = waiting.pop()
        if error is not None and id(error) not in seen:
            seen.add(id(error))
            error.__traceback__ = None
            waiting += [error.__cause__, error.__context__]
