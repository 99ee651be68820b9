"""Questions to responses and their headers that programs may ask, too.

Knows the interfaces of ``http.client`` and of file-like objects, and no class of this package.
"""

from __future__ import annotations

import http.client
import typing
from email.errors import MultipartInvariantViolationDefect, StartBoundaryNotFoundDefect

from ..exceptions import HeaderParsingError


def is_fp_closed(obj: object) -> bool:
    """Whether a file-like *obj* is closed: by ``isclosed()``, ``closed`` or ``fp``, in that order.

    Raises ValueError if it has none of them.
    """
    file: typing.Any = obj
    try:
        return typing.cast("bool", file.isclosed())
    except AttributeError:
        pass
    try:
        return typing.cast("bool", file.closed)
    except AttributeError:
        pass
    try:
        return file.fp is None
    except AttributeError:
        raise ValueError("Unable to determine whether fp is closed.") from None


def assert_header_parsing(headers: http.client.HTTPMessage) -> None:
    """Raise ``HeaderParsingError`` if *headers* were not parsed to their end.

    Raises TypeError if they are not an ``HTTPMessage``.
    """
    if not isinstance(headers, http.client.HTTPMessage):
        raise TypeError(f"expected httplib.Message, got {type(headers)}.")
    rest = None if headers.is_multipart() else headers.get_payload()
    unparsed = rest if isinstance(rest, (str, bytes)) else None
    # A header section alone always lacks the boundaries that a multipart body has.
    normal = (StartBoundaryNotFoundDefect, MultipartInvariantViolationDefect)
    defects = [defect for defect in headers.defects if not isinstance(defect, normal)]
    if defects or unparsed:
        raise HeaderParsingError(defects=defects, unparsed_data=unparsed)


def is_response_to_head(response: http.client.HTTPResponse) -> bool:
    """Whether *response* answers a HEAD request."""
    method: str = response._method  # type: ignore[attr-defined]
    return method.upper() == "HEAD"
