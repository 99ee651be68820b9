"""The parts of a multipart/form-data body (RFC 7578): their headers, and how names are quoted.

Knows one part at a time; :mod:`.filepost` joins parts to a body.  The rule: a name or file name
never ends its line or its parameter early, whatever characters it has.
"""

from __future__ import annotations

import typing
import warnings
from collections.abc import Callable, Iterable, Mapping

from .util.util import exact_str

_TYPE_FIELD_VALUE = typing.Union[str, bytes]
_TYPE_FIELD_VALUE_TUPLE = typing.Union[
    _TYPE_FIELD_VALUE,
    tuple[str, _TYPE_FIELD_VALUE],
    tuple[str, _TYPE_FIELD_VALUE, str],
]
_Formatter = Callable[[str, _TYPE_FIELD_VALUE], str]


def guess_content_type(filename: str | None, default: str = "application/octet-stream") -> str:
    """The media type that the extension of *filename* stands for, or *default*."""
    if not filename:
        return default
    import mimetypes  # reads the system's tables when first used

    return mimetypes.guess_type(_text(filename))[0] or default


# The three characters that would end the parameter or the line (WHATWG HTML, multipart/form-data).
_ESCAPES = {10: "%0A", 13: "%0D", 34: "%22"}


def format_multipart_header_param(name: str, value: _TYPE_FIELD_VALUE) -> str:
    """``name="value"`` as browsers write it, with line ends and quotes percent-encoded.

    :param value: bytes are decoded as UTF-8; UnicodeDecodeError if they are not
    """
    return f'{exact_str(name)}="{_text(value).translate(_ESCAPES)}"'


def _text(value: _TYPE_FIELD_VALUE) -> str:
    return value.decode("utf-8") if isinstance(value, bytes) else value


def _warn_renamed(old: str) -> None:
    warnings.warn(
        f"'{old}' has been renamed to 'format_multipart_header_param'. "
        "The old name will be removed in urllib3 v3.0.",
        FutureWarning,
        stacklevel=3,
    )


def format_header_param_html5(name: str, value: _TYPE_FIELD_VALUE) -> str:
    """Deprecated name of :func:`format_multipart_header_param`."""
    _warn_renamed("format_header_param_html5")
    return format_multipart_header_param(name, value)


def format_header_param(name: str, value: _TYPE_FIELD_VALUE) -> str:
    """Deprecated name of :func:`format_multipart_header_param`."""
    _warn_renamed("format_header_param")
    return format_multipart_header_param(name, value)


def format_header_param_rfc2231(name: str, value: _TYPE_FIELD_VALUE) -> str:
    """Deprecated: the parameter as e-mail writes it (RFC 2231), which RFC 7578 forbids."""
    warnings.warn(
        "'format_header_param_rfc2231' is insecure, deprecated and will be "
        "removed in urllib3 v3.0. This is not valid for "
        "multipart/form-data header parameters.",
        FutureWarning,
        stacklevel=2,
    )
    text = _text(value)
    plain = f'{name}="{text}"'
    if plain.isascii() and not any(character in text for character in '"\\\r\n'):
        return plain
    from email.utils import encode_rfc2231

    return f"{name}*={encode_rfc2231(text, 'utf-8')}"


def _file(
    value: tuple[str, _TYPE_FIELD_VALUE] | tuple[str, _TYPE_FIELD_VALUE, str],
) -> tuple[str | None, _TYPE_FIELD_VALUE, str | None]:
    """``(filename, data, content type)``, the last of them guessed if it is not given."""
    if len(value) == 3:
        return value
    filename, data = value
    return filename, data, guess_content_type(filename)


class RequestField:
    """One part of a multipart body.

    :param name: of the form field
    :param data: str, bytes or int
    :param filename: the name of the file that is sent; None = it is not a file
    :param headers: further header fields of the part
    :param header_formatter: deprecated: formats a parameter in place of
        :func:`format_multipart_header_param`
    """

    def __init__(
        self,
        name: str,
        data: _TYPE_FIELD_VALUE,
        filename: str | None = None,
        headers: Mapping[str, str] | None = None,
        header_formatter: _Formatter | None = None,
    ) -> None:
        self._name = name
        self._filename = filename
        self.data = data
        self.headers: dict[str, str | None] = dict(headers) if headers else {}
        if header_formatter is not None:
            warnings.warn(
                "The 'header_formatter' parameter is deprecated and "
                "will be removed in urllib3 v3.0.",
                FutureWarning,
                stacklevel=2,
            )
            self.header_formatter = header_formatter
        else:
            # pyTelegramBotAPI replaces the function in this module.
            self.header_formatter = format_multipart_header_param

    @classmethod
    def from_tuples(
        cls,
        fieldname: str,
        value: _TYPE_FIELD_VALUE_TUPLE,
        header_formatter: _Formatter | None = None,
    ) -> RequestField:
        """A part from *value*: data, ``(filename, data)`` or ``(filename, data, content type)``."""
        filename, data, content_type = (
            _file(value) if isinstance(value, tuple) else (None, value, None)
        )
        part = cls(fieldname, data, filename=filename, header_formatter=header_formatter)
        part.make_multipart(content_type=content_type)
        return part

    def _render_part(self, name: str, value: _TYPE_FIELD_VALUE) -> str:
        """One parameter of Content-Disposition; for subclasses to override."""
        return self.header_formatter(name, value)

    def _render_parts(
        self,
        header_parts: Mapping[str, _TYPE_FIELD_VALUE | None]
        | Iterable[tuple[str, _TYPE_FIELD_VALUE | None]],
    ) -> str:
        pairs = header_parts.items() if isinstance(header_parts, Mapping) else header_parts
        return "; ".join(
            self._render_part(name, value) for name, value in pairs if value is not None
        )

    def render_headers(self) -> str:
        """The header section of this part, empty line included.

        Raises ValueError for a name or value that contains a line end, which would start another
        field, or the body.
        """
        first = ("Content-Disposition", "Content-Type", "Content-Location")
        ordered = [name for name in first if name in self.headers]
        ordered += [name for name in self.headers if name not in first]
        lines = []
        for name in ordered:
            value = self.headers[name]
            if not value:
                continue
            line = f"{exact_str(name)}: {exact_str(value)}"
            if "\r" in line or "\n" in line:
                raise ValueError(f"Multipart header field cannot contain line ends: {line!r}")
            lines.append(line + "\r\n")
        return "".join(lines) + "\r\n"

    def make_multipart(
        self,
        content_disposition: str | None = None,
        content_type: str | None = None,
        content_location: str | None = None,
    ) -> None:
        """Set the header fields that make this a part of a form.

        :param content_disposition: default ``form-data``
        """
        parts = self._render_parts((("name", self._name), ("filename", self._filename)))
        kind = exact_str(content_disposition) or "form-data"
        self.headers["Content-Disposition"] = f"{kind}; {parts}"
        self.headers["Content-Type"] = content_type
        self.headers["Content-Location"] = content_location
