"""Modules that may be missing: decoders of content codings, and ``ssl``.

Knows what can be imported, and nothing of its use.  The rule: each is tried once, here; a decoder
that cannot be imported is None.
"""

from __future__ import annotations

import typing

__all__ = ["HAS_ZSTD", "BaseSSLError", "SSLContext", "TLSVersion", "brotli", "zstd"]

try:
    try:
        import brotlicffi as brotli
    except ImportError:
        import brotli
except ImportError:
    brotli = None

try:
    try:
        from compression import zstd  # Python 3.14 and later
    except ImportError:
        from backports import zstd
except ImportError:
    zstd = None

HAS_ZSTD = zstd is not None

try:
    from ssl import SSLContext as SSLContext
    from ssl import SSLError as BaseSSLError
    from ssl import TLSVersion as TLSVersion
except ImportError:
    globals().update(SSLContext=typing.Any, TLSVersion=typing.Any)  # annotations name them

    class BaseSSLError(BaseException):  # type: ignore[no-redef]
        """Stands for ``ssl.SSLError`` where there is no ``ssl``; never raised."""
