"""Forms as multipart/form-data bodies (RFC 7578).

Knows how parts are joined; what one part looks like is the business of :mod:`.fields`.  The rule:
the whole body is built in memory, so that its length is known before it is sent.
"""

from __future__ import annotations

import codecs
import io
import os
import typing
from collections.abc import Iterator, Mapping, Sequence

from .fields import _TYPE_FIELD_VALUE_TUPLE, RequestField
from .util.util import exact_str

writer = codecs.lookup("utf-8").streamwriter

_TYPE_FIELDS_SEQUENCE = Sequence[tuple[str, _TYPE_FIELD_VALUE_TUPLE] | RequestField]
_TYPE_FIELDS = typing.Union[_TYPE_FIELDS_SEQUENCE, Mapping[str, _TYPE_FIELD_VALUE_TUPLE]]


def choose_boundary() -> str:
    """A boundary that no data can contain by chance or design: 32 random hexadecimal digits."""
    return os.urandom(16).hex()


def iter_field_objects(fields: _TYPE_FIELDS) -> Iterator[RequestField]:
    """Each of *fields* as a :class:`RequestField`.

    :param fields: a mapping, or a sequence of RequestFields and ``(name, value)`` pairs
    """
    for field in fields.items() if isinstance(fields, Mapping) else fields:
        if isinstance(field, RequestField):
            yield field
        else:
            yield RequestField.from_tuples(*field)


def encode_multipart_formdata(
    fields: _TYPE_FIELDS, boundary: str | None = None
) -> tuple[bytes, str]:
    """``(body, content type)`` of a form.

    :param fields: see :func:`iter_field_objects`
    :param boundary: default: a random one

    Raises TypeError for data that is neither str, bytes nor int, ValueError for a header field
    with a line end.
    """
    boundary = choose_boundary() if boundary is None else exact_str(boundary)
    mark = boundary.encode("latin-1")
    body = io.BytesIO()
    for field in iter_field_objects(fields):
        body.write(b"--%b\r\n" % mark)
        body.write(field.render_headers().encode("utf-8"))
        data: typing.Any = field.data
        if isinstance(data, int):
            data = str(data)
        body.write(data.encode("utf-8") if isinstance(data, str) else data)
        body.write(b"\r\n")
    body.write(b"--%b--\r\n" % mark)
    return body.getvalue(), f"multipart/form-data; boundary={boundary}"
