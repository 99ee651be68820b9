"""Headers, bodies in pieces, bodies sent again; questions to responses."""

from __future__ import annotations

import array
import base64
import email.message
import http.client
import io
import subprocess
import sys
import types

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.answers import needs_every_coding
from tests.support.tables import check, rows
from urllib3 import util
from urllib3.exceptions import HeaderParsingError, UnrewindableBodyError
from urllib3.util import request as Q
from urllib3.util.response import assert_header_parsing, is_fp_closed, is_response_to_head


class Rd:
    """Something with read() that hands out blocks."""

    def __init__(self, *blocks):
        self.blocks = list(blocks)
        self.calls = []

    def read(self, size):
        self.calls.append(size)
        return self.blocks.pop(0) if self.blocks else b""


class Tell:
    def __init__(self, answer):
        self.answer = answer

    def tell(self):
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


class Seek(Tell):
    def __init__(self, answer):
        super().__init__(answer)
        self.sought = []

    def seek(self, position):
        self.sought.append(position)


class BadSeek:
    def __init__(self, error):
        self.error = error

    def seek(self, position):
        raise self.error


def b2c(body, method="POST", blocksize=16384):
    chunks, length = Q.body_to_chunks(body, method, blocksize)
    return (None if chunks is None else list(chunks), length)


def closed():
    file = io.BytesIO()
    file.close()
    return file


class O:  # noqa: E742  # the name that the tables show
    def __init__(self, **attributes):
        self.__dict__.update(attributes)


REQUEST = {
    "BadSeek": BadSeek,
    "FT": Q._FAILEDTELL,
    "Q": Q,
    "Rd": Rd,
    "Seek": Seek,
    "Tell": Tell,
    "array": array,
    "b2c": b2c,
    "body_to_chunks": Q.body_to_chunks,
    "io": io,
    "make_headers": Q.make_headers,
    "rewind_body": Q.rewind_body,
    "set_file_position": Q.set_file_position,
}
RESPONSE = {
    "assert_header_parsing": assert_header_parsing,
    "closed": closed,
    "email": email,
    "hm": lambda raw: http.client.parse_headers(io.BytesIO(raw)),
    "io": io,
    "is_fp_closed": is_fp_closed,
    "is_response_to_head": is_response_to_head,
    "o": O,
}


# ---------------------------------------------------------------- the package's face


def test_the_package_offers_its_tools_by_name():
    assert sorted(util.__all__) == sorted(
        [
            *("IS_PYOPENSSL", "SSLContext", "ALPN_PROTOCOLS", "Retry", "Timeout", "Url"),
            *("assert_fingerprint", "create_urllib3_context", "is_connection_dropped"),
            *("is_fp_closed", "parse_url", "make_headers", "resolve_cert_reqs"),
            *("resolve_ssl_version", "ssl_wrap_socket", "wait_for_read", "wait_for_write"),
            *("SKIP_HEADER", "SKIPPABLE_HEADERS"),
        ]
    )
    assert isinstance(util.__all__, tuple)
    homes = ("ssl_", "retry", "timeout", "url", "connection", "response", "request", "wait")
    modules = [getattr(util, home) for home in homes]
    for name in util.__all__:
        assert any(getattr(module, name, None) is getattr(util, name) for module in modules)


def test_its_modules_are_there_once_the_library_is_imported():
    names = (
        "connection proxy request response retry ssl_ ssl_match_hostname ssltransport timeout url "
        "util wait"
    )
    code = f"import urllib3\nfor name in {names.split()}: getattr(urllib3.util, name)"
    subprocess.run([sys.executable, "-c", code], check=True)


# ---------------------------------------------------------------- requests


@needs_every_coding
@pytest.mark.parametrize("row", rows("request-helpers"))
def test_the_table_of_request_helpers(row):
    check(row, REQUEST)


@needs_every_coding
@pytest.mark.parametrize(
    ("missing", "expected"),
    [
        ((), "gzip,deflate,br,zstd"),
        (("brotli", "brotlicffi"), "gzip,deflate,zstd"),
        (("backports.zstd", "compression.zstd"), "gzip,deflate,br"),
        (("brotli", "brotlicffi", "backports", "compression"), "gzip,deflate"),
    ],
)
def test_what_is_accepted_is_what_can_be_decoded(missing, expected):
    code = (
        "import sys, importlib.abc\n"
        "class Hides(importlib.abc.MetaPathFinder):\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        f"        if name in {missing!r}: raise ModuleNotFoundError(name)\n"
        "sys.meta_path.insert(0, Hides())\n"
        "import urllib3.util.request as Q\n"
        "print(Q.ACCEPT_ENCODING)\n"
        "import urllib3.response as R\n"
        "print(R.HTTPResponse.CONTENT_DECODERS)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    accepted, decoders = done.stdout.splitlines()
    assert accepted == expected
    assert ("'br'" in decoders) == ("br" in expected)
    assert ("'zstd'" in decoders) == ("zstd" in expected)


def test_six_methods_say_nothing_of_a_body_that_is_not_there():
    silent = Q._METHODS_NOT_EXPECTING_BODY
    assert silent == {"GET", "HEAD", "DELETE", "TRACE", "OPTIONS", "CONNECT"}


@given(st.text(st.characters(max_codepoint=255), min_size=1))
def test_credentials_come_back_from_the_header(credentials):
    header = Q.make_headers(basic_auth=credentials)["authorization"]
    assert base64.b64decode(header.removeprefix("Basic ")).decode("latin-1") == credentials


def test_the_marker_for_an_unknown_position_is_the_only_one():
    assert list(Q._TYPE_FAILEDTELL) == [Q._FAILEDTELL]
    assert Q._FAILEDTELL.value == 0


def test_a_failure_to_rewind_names_its_cause():
    error = OSError("no")
    with pytest.raises(UnrewindableBodyError) as failure:
        Q.rewind_body(BadSeek(error), 0)
    assert failure.value.__cause__ is error


@given(st.binary(max_size=20), st.integers(0, 20))
def test_a_file_is_sent_again_from_where_it_was_sent_first(data, start):
    body = io.BytesIO(data)
    body.seek(start)
    position = Q.set_file_position(body, None)
    first = body.read()
    assert Q.set_file_position(body, position) == start
    assert body.read() == first


@given(st.binary(), st.integers(1, 50))
def test_pieces_of_a_file_are_the_file(data, blocksize):
    chunks, length = b2c(io.BytesIO(data), blocksize=blocksize)
    assert b"".join(chunks) == data
    assert all(0 < len(chunk) <= blocksize for chunk in chunks)
    assert length is None


@pytest.mark.parametrize("kind", "bBhHiIqQfd")
def test_the_length_of_a_buffer_is_in_bytes(kind):
    items = array.array(kind, [1, 2, 3])
    chunks, length = b2c(memoryview(items))
    assert length == len(b"".join(chunks)) == 3 * items.itemsize


# ---------------------------------------------------------------- responses


@pytest.mark.parametrize("row", rows("response-helpers"))
def test_the_table_of_response_helpers(row):
    check(row, RESPONSE)


def test_a_head_that_was_not_understood_tells_what_was_left_over():
    headers = http.client.parse_headers(io.BytesIO(b"A: b\r\nbroken\r\nC: d\r\n\r\n"))
    with pytest.raises(HeaderParsingError) as failure:
        assert_header_parsing(headers)
    # Since Python 3.15 the empty line that ends a head is no longer handed to `email`.
    left = headers.get_payload()
    assert left in ("broken\r\nC: d\r\n\r\n", "broken\r\nC: d\r\n")
    assert str(failure.value).endswith(f"unparsed data: {left!r}")
    assert assert_header_parsing(http.client.HTTPMessage()) is None


def test_each_way_of_asking_is_tried_only_where_the_one_before_is_missing():
    asked = types.SimpleNamespace(isclosed=lambda: False, closed=True, fp=None)
    assert is_fp_closed(asked) is False
    del asked.isclosed
    assert is_fp_closed(asked) is True
    del asked.closed
    assert is_fp_closed(asked) is True
