"""Names for annotations, so that a lower module need not import a higher.

The API's own annotations name classes from above: an error has a ``ConnectionPool``, a ``Retry`` is
asked about a ``BaseHTTPResponse``.  Knows names alone.  The rule: they are imported here for type
checkers only, and any module may take them from here under ``TYPE_CHECKING``.
"""

from __future__ import annotations

import typing

if typing.TYPE_CHECKING:
    from ._base_connection import BaseHTTPConnection as BaseHTTPConnection
    from ._base_connection import ProxyConfig as ProxyConfig
    from .connection import HTTPConnection as HTTPConnection
    from .connectionpool import ConnectionPool as ConnectionPool
    from .connectionpool import HTTPConnectionPool as HTTPConnectionPool
    from .response import BaseHTTPResponse as BaseHTTPResponse
    from .response import HTTPResponse as HTTPResponse
    from .util.connection import _TYPE_SOCKET_OPTIONS as _TYPE_SOCKET_OPTIONS
    from .util.retry import Retry as Retry
    from .util.ssl_ import _TYPE_PEER_CERT_RET as _TYPE_PEER_CERT_RET
    from .util.ssl_ import _TYPE_PEER_CERT_RET_DICT as _TYPE_PEER_CERT_RET_DICT
    from .util.url import Url as Url
