"""Thread-safe HTTP client with connection pooling: the drop-in for urllib3, by wirepool."""

from __future__ import annotations

import logging
import sys
import typing
import warnings
from logging import NullHandler

from . import exceptions
from ._base_connection import _TYPE_BODY  # noqa: TC001  # found here by programs
from ._collections import HTTPHeaderDict
from ._version import __version__ as __version__
from .connectionpool import HTTPConnectionPool, HTTPSConnectionPool, connection_from_url
from .filepost import _TYPE_FIELDS, encode_multipart_formdata
from .poolmanager import PoolManager, ProxyManager, proxy_from_url
from .response import BaseHTTPResponse, HTTPResponse
from .util.request import make_headers
from .util.retry import Retry
from .util.timeout import Timeout

try:
    import ssl
except ImportError:
    pass
else:
    # LibreSSL and others pass for OpenSSL in the ssl module, and mostly work.
    if not ssl.OPENSSL_VERSION.startswith("OpenSSL "):
        warnings.warn(
            "urllib3 v2 only supports OpenSSL 1.1.1+, currently "
            f"the 'ssl' module is compiled with {ssl.OPENSSL_VERSION!r}. "
            "See: https://github.com/urllib3/urllib3/issues/3020",
            exceptions.NotOpenSSLWarning,
            stacklevel=1,
        )
    elif ssl.OPENSSL_VERSION_INFO < (1, 1, 1):
        raise ImportError(
            "urllib3 v2 only supports OpenSSL 1.1.1+, currently "
            f"the 'ssl' module is compiled with {ssl.OPENSSL_VERSION!r}. "
            "See: https://github.com/urllib3/urllib3/issues/2168"
        )

__author__ = "the wirepool contributors"
__license__ = "MIT"

__all__ = (  # noqa: RUF022  # their order is given
    "HTTPConnectionPool",
    "HTTPHeaderDict",
    "HTTPSConnectionPool",
    "PoolManager",
    "ProxyManager",
    "HTTPResponse",
    "Retry",
    "Timeout",
    "add_stderr_logger",
    "connection_from_url",
    "disable_warnings",
    "encode_multipart_formdata",
    "make_headers",
    "proxy_from_url",
    "request",
    "BaseHTTPResponse",
)

logging.getLogger(__name__).addHandler(NullHandler())
del NullHandler

# Appended, so that whatever a program sets wins.
warnings.simplefilter("always", exceptions.SecurityWarning, append=True)
warnings.simplefilter("default", exceptions.InsecurePlatformWarning, append=True)


def add_stderr_logger(level: int = logging.DEBUG) -> logging.StreamHandler[typing.TextIO]:
    """Log what this package does to the standard error stream, for a quick look.

    :param level: from which the package's logger lets records through

    Returns the handler, so that it can be taken off again.
    """
    logger = logging.getLogger(__name__)
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    logger.addHandler(handler)
    logger.setLevel(level)
    logger.debug("Added a stderr logging handler to logger: %s", __name__)
    return handler


def disable_warnings(category: type[Warning] = exceptions.HTTPWarning) -> None:
    """Silence warnings of *category*: by default all of this package but its deprecations."""
    warnings.simplefilter("ignore", category)


_DEFAULT_POOL = PoolManager()


if not typing.TYPE_CHECKING:  # or else a checker would take any name for one of ours

    def __getattr__(name: str) -> typing.Any:
        # Programs expect to find http2 here, and few of them use it.
        if name != "http2":
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from .http2 import probe  # noqa: F401  # it is found there in turn

        return sys.modules[f"{__name__}.http2"]


def request(
    method: str,
    url: str,
    *,
    body: _TYPE_BODY | None = None,
    fields: _TYPE_FIELDS | None = None,
    headers: typing.Mapping[str, str] | None = None,
    preload_content: bool | None = True,
    decode_content: bool | None = True,
    redirect: bool | None = True,
    retries: Retry | bool | int | None = None,
    timeout: Timeout | float | None = 3,
    json: typing.Any | None = None,
) -> BaseHTTPResponse:
    """Make one request with a manager that all callers in the process share.

    :param timeout: seconds for connecting, and for each wait for the answer

    For the rest see ``PoolManager.request``.  A program that makes many requests, or libraries, had
    better have a ``PoolManager`` of their own.
    """
    return _DEFAULT_POOL.request(
        method,
        url,
        body=body,
        fields=fields,
        headers=headers,
        preload_content=preload_content,
        decode_content=decode_content,
        redirect=redirect,
        retries=retries,
        timeout=timeout,
        json=json,
    )


if sys.platform == "emscripten":
    # A browser has fetch and no sockets.
    from .contrib.emscripten import inject_into_urllib3

    inject_into_urllib3()
