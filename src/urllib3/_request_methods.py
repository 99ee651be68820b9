"""``request()``: fields and JSON of a program become the URL or the body of a request.

Knows encodings, and neither pools nor connections: the ``urlopen`` of the subclass sends.  The
rule: what the caller gave (headers, fields, body) is never changed in place.
"""

from __future__ import annotations

import functools
import typing
from collections.abc import Mapping, Sequence
from urllib.parse import urlencode

from ._collections import HTTPHeaderDict
from .filepost import _TYPE_FIELDS, encode_multipart_formdata

if typing.TYPE_CHECKING:
    import json

    from ._base_connection import _TYPE_BODY
    from .response import BaseHTTPResponse

__all__ = ["RequestMethods"]

_TYPE_ENCODE_URL_FIELDS = typing.Union[Sequence[tuple[str, str | bytes]], Mapping[str, str | bytes]]


class RequestMethods:
    """Mixin for classes with an ``urlopen`` method.

    :param headers: header fields of every request that brings none of its own
    """

    _encode_url_methods = {"DELETE", "GET", "HEAD", "OPTIONS"}  # noqa: RUF012  # public to subclasses

    def __init__(self, headers: Mapping[str, str] | None = None) -> None:
        self.headers = headers or {}

    def urlopen(
        self,
        method: str,
        url: str,
        body: _TYPE_BODY | None = None,
        headers: Mapping[str, str] | None = None,
        encode_multipart: bool = True,
        multipart_boundary: str | None = None,
        **kw: typing.Any,
    ) -> BaseHTTPResponse:
        """Send the request; subclasses define it."""
        raise NotImplementedError(
            "Classes extending RequestMethods must implement their own ``urlopen`` method."
        )

    def request(
        self,
        method: str,
        url: str,
        body: _TYPE_BODY | None = None,
        fields: _TYPE_FIELDS | None = None,
        headers: Mapping[str, str] | None = None,
        json: typing.Any | None = None,
        **urlopen_kw: typing.Any,
    ) -> BaseHTTPResponse:
        """Make a request, with *fields* in the URL or the body, as the method requires.

        :param method: sent in upper case
        :param body: bytes, str, file-like object or iterable
        :param fields: for DELETE, GET, HEAD and OPTIONS appended to the URL, otherwise sent as
            multipart/form-data (or urlencoded, with ``encode_multipart=False``)
        :param headers: replace the default ones
        :param json: value to send as JSON, with a matching Content-Type unless *headers* has one

        Everything else goes to :meth:`urlopen`.  Raises TypeError when two bodies are given.
        """
        method = method.upper()
        if json is not None:
            body, headers = json_body(body, json, self.headers if headers is None else headers)
        if body is not None:
            urlopen_kw["body"] = body
        if method in self._encode_url_methods:
            encode = self.request_encode_url
            if not fields and getattr(encode, "__func__", None) is _OUR_ENCODE_URL:
                # What request_encode_url() does, unless it is overridden, with one call less.
                headers = self.headers if headers is None else headers
                return self.urlopen(method, url, headers=headers, **urlopen_kw)
            named = typing.cast("_TYPE_ENCODE_URL_FIELDS | None", fields)  # no files in a URL
            return encode(method, url, fields=named, headers=headers, **urlopen_kw)
        return self.request_encode_body(method, url, fields=fields, headers=headers, **urlopen_kw)

    def request_encode_url(
        self,
        method: str,
        url: str,
        fields: _TYPE_ENCODE_URL_FIELDS | None = None,
        headers: Mapping[str, str] | None = None,
        **urlopen_kw: str,
    ) -> BaseHTTPResponse:
        """Make a request with *fields* in the URL's query."""
        if headers is None:
            headers = self.headers
        if fields:
            url = with_query(url, fields)
        options: dict[str, typing.Any] = urlopen_kw
        return self.urlopen(method, url, headers=headers, **options)

    def request_encode_body(
        self,
        method: str,
        url: str,
        fields: _TYPE_FIELDS | None = None,
        headers: Mapping[str, str] | None = None,
        encode_multipart: bool = True,
        multipart_boundary: str | None = None,
        **urlopen_kw: str,
    ) -> BaseHTTPResponse:
        """Make a request with *fields* in its body.

        :param encode_multipart: multipart/form-data, else application/x-www-form-urlencoded
        :param multipart_boundary: default: a random one
        """
        options: dict[str, typing.Any] = urlopen_kw
        fresh = HTTPHeaderDict(self.headers if headers is None else headers)
        if fields:
            if "body" in options:
                raise TypeError(
                    "request got values for both 'fields' and 'body', can only specify one."
                )
            options["body"] = fields_body(fields, fresh, encode_multipart, multipart_boundary)
        return self.urlopen(method, url, headers=fresh, **options)

    def _encoded(
        self,
        method: str,
        url: str,
        body: typing.Any,
        headers: Mapping[str, str],
        fields: typing.Any,
        json: typing.Any,
    ) -> tuple[str, typing.Any, Mapping[str, str]]:
        """``(url, body, headers)`` with *fields* or *json* in them, as :meth:`request` has it."""
        if json is not None:
            body, headers = json_body(body, json, headers)
        if not fields:
            return url, body, headers
        if method.upper() in self._encode_url_methods:
            return with_query(url, fields), body, headers
        if body is not None:
            raise TypeError(
                "request got values for both 'fields' and 'body', can only specify one."
            )
        own = HTTPHeaderDict(headers)
        return url, fields_body(fields, own), own


_OUR_ENCODE_URL = RequestMethods.request_encode_url


def with_query(url: str, fields: _TYPE_ENCODE_URL_FIELDS) -> str:
    """*url* with *fields* appended as a query."""
    return f"{url}?{urlencode(fields)}"


def json_body(
    body: object, value: object, headers: Mapping[str, str]
) -> tuple[bytes, Mapping[str, str]]:
    if body is not None:
        raise TypeError(
            "request got values for both 'body' and 'json' parameters which are mutually exclusive"
        )
    encoded = _json_encoder().encode(value).encode("utf-8")
    if not headers or not any(name.lower() == "content-type" for name in headers):
        headers = HTTPHeaderDict(headers)
        headers["Content-Type"] = "application/json"
    return encoded, headers


@functools.cache
def _json_encoder() -> json.JSONEncoder:
    import json  # here, since most programs send no JSON

    return json.JSONEncoder(separators=(",", ":"), ensure_ascii=False)


def fields_body(
    fields: _TYPE_FIELDS,
    headers: HTTPHeaderDict,
    multipart: bool = True,
    boundary: str | None = None,
) -> bytes | str:
    """*fields* as a body; its Content-Type is added to *headers* unless they have one."""
    body: bytes | str
    if multipart:
        body, content_type = encode_multipart_formdata(fields, boundary=boundary)
    else:
        body = urlencode(fields)  # type: ignore[arg-type]
        content_type = "application/x-www-form-urlencoded"
    headers.setdefault("Content-Type", content_type)
    return body
