"""The optional packages that undo content codings, looked for once and for all who ask.

What cannot be imported is None.
"""

from __future__ import annotations

__all__ = ["HAS_ZSTD", "brotli", "zstd"]

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
