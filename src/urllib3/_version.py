"""The API level this package implements.

Programs read ``urllib3.__version__`` as three integers; whose implementation it is stands in the
version of the distribution.
"""

from __future__ import annotations

__all__ = [  # noqa: RUF022  # their order is given
    "__version__",
    "__version_tuple__",
    "version",
    "version_tuple",
    "__commit_id__",
    "commit_id",
]

version_tuple: tuple[int, int, int] = (2, 8, 0)
__version_tuple__ = version_tuple
version: str = ".".join(map(str, version_tuple))
__version__ = version
commit_id: str | None = None
__commit_id__ = commit_id
