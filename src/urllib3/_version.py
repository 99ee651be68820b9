"""The API level this package implements.

Programs read ``urllib3.__version__`` as three integers; whose implementation it is stands in the
version of the distribution.
"""

from __future__ import annotations

__all__ = [
    "__commit_id__",
    "__version__",
    "__version_tuple__",
    "commit_id",
    "version",
    "version_tuple",
]

version_tuple: tuple[int, int, int] = (2, 8, 0)
__version_tuple__ = version_tuple
version: str = ".".join(map(str, version_tuple))
__version__ = version
commit_id: str | None = None
__commit_id__ = commit_id
