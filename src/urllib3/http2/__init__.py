"""HTTP/2, switched on by one function and off by another.

Knows what has to be replaced in the package; how HTTP/2 is spoken is in :mod:`.connection`.  The
rule: ``h2`` is imported only by programs that switch HTTP/2 on.
"""

from __future__ import annotations

import typing

if typing.TYPE_CHECKING:
    from ..connection import HTTPSConnection

__all__ = ["extract_from_urllib3", "inject_into_urllib3"]

#: The https connection class that was replaced; None while HTTP/2 is off.
orig_HTTPSConnection: type[HTTPSConnection] | None = None


def inject_into_urllib3() -> None:
    """Use HTTP/2 for https wherever the server selects it, from the next connection on.

    Raises ImportError if ``h2`` is missing or its major version is not 4.
    """
    global orig_HTTPSConnection
    if orig_HTTPSConnection is not None:
        return
    _check_h2()
    from .. import connection, util
    from ..connectionpool import HTTPSConnectionPool
    from ..util import ssl_
    from .connection import HTTP2Connection

    orig_HTTPSConnection = connection.HTTPSConnection
    HTTPSConnectionPool.ConnectionCls = HTTP2Connection
    connection.HTTPSConnection = HTTP2Connection  # type: ignore[misc]
    # New lists: the old ones may be in use.  Servers without HTTP/2 choose the second.
    util.ALPN_PROTOCOLS = ssl_.ALPN_PROTOCOLS = ["h2", "http/1.1"]


def extract_from_urllib3() -> None:
    """Undo :func:`inject_into_urllib3`; nothing happens if it was not called."""
    global orig_HTTPSConnection
    if orig_HTTPSConnection is None:
        return
    from .. import connection, util
    from ..connectionpool import HTTPSConnectionPool
    from ..util import ssl_

    HTTPSConnectionPool.ConnectionCls = orig_HTTPSConnection
    connection.HTTPSConnection = orig_HTTPSConnection  # type: ignore[misc]
    util.ALPN_PROTOCOLS = ssl_.ALPN_PROTOCOLS = ["http/1.1"]
    orig_HTTPSConnection = None


def _check_h2() -> None:
    from importlib.metadata import version

    found = version("h2")
    if not found.startswith("4."):
        raise ImportError(
            "urllib3 v2 supports h2 version 4.x.x, currently "
            f"the 'h2' module is compiled with {found!r}. "
            "See: https://github.com/urllib3/urllib3/issues/3290"
        )
