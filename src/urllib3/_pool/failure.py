"""The one map from what goes wrong below a pool to the errors a pool raises."""

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

#: What a request may be tried again after.  Anything else leaves as it is.
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


def translate(error: Exception, conn: typing.Any) -> Exception:
    """The error to raise, or to count against the retries, for *error* on *conn*.

    Before a proxy has been reached every fault is the proxy's.
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
    """*err* as the fault of the proxy, with a hint where its URL looks wrong."""
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
