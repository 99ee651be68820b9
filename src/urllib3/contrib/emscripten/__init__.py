"""Requests from Python in a browser or in Node.js (Pyodide), which have ``fetch`` and no sockets.

Experimental.  Proxies, TLS settings, client certificates, source addresses and socket options have
no effect here, and the runtime removes content codings.
"""

from __future__ import annotations

from ... import connection as _connection  # the plain name is this package's own module
from ...connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from .connection import EmscriptenHTTPConnection, EmscriptenHTTPSConnection


def inject_into_urllib3() -> None:
    """Make every pool connect by ``fetch`` from now on; ``import`` does it under Emscripten."""
    HTTPConnectionPool.ConnectionCls = EmscriptenHTTPConnection
    HTTPSConnectionPool.ConnectionCls = EmscriptenHTTPSConnection
    vars(_connection).update(
        HTTPConnection=EmscriptenHTTPConnection,
        HTTPSConnection=EmscriptenHTTPSConnection,
        VerifiedHTTPSConnection=EmscriptenHTTPSConnection,
    )
