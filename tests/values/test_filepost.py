"""Forms as multipart/form-data: bytes for bytes, and read back by somebody else's parser."""

from __future__ import annotations

import codecs
import email.parser
import io
import os
import types

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.tables import check, rows
from urllib3 import fields as F
from urllib3 import filepost
from urllib3.fields import RequestField
from urllib3.filepost import choose_boundary, encode_multipart_formdata, iter_field_objects


def mk(field, **kw):
    field.make_multipart(**kw)
    return field


def enc(fields):
    return encode_multipart_formdata(fields, boundary="B")[0]


NAMES = {
    "F": F,
    "RF": RequestField,
    "choose_boundary": choose_boundary,
    "enc": enc,
    "encode_multipart_formdata": encode_multipart_formdata,
    "io": io,
    "iter_field_objects": iter_field_objects,
    "mk": mk,
}


@pytest.mark.parametrize("row", rows("data-multipart"))
def test_the_table_of_forms(row):
    check(row, NAMES)


def test_a_boundary_is_sixteen_random_bytes(monkeypatch):
    asked = []
    monkeypatch.setattr(os, "urandom", lambda count: asked.append(count) or bytes(range(count)))
    assert choose_boundary() == "000102030405060708090a0b0c0d0e0f"
    assert asked == [16]


def test_parts_are_made_one_by_one_and_ready_ones_are_passed_through():
    ready = RequestField("r", "d")
    parts = iter_field_objects([ready, ("k", "v")])
    assert isinstance(parts, types.GeneratorType)
    assert next(parts) is ready
    assert next(parts).headers["Content-Disposition"] == 'form-data; name="k"'


def test_a_form_with_a_line_end_in_a_content_type_is_refused():
    with pytest.raises(ValueError, match="line ends"):
        enc({"f": ("f.txt", "data", "text/plain\r\nX-Injected: 1")})


@pytest.mark.parametrize("data", [1.5, ["x"], None, io.BytesIO(b"x"), {"a": 1}])
def test_data_that_is_neither_text_bytes_nor_whole_number_is_refused(data):
    with pytest.raises(TypeError, match="a bytes-like object is required"):
        enc({"a": data})


def test_names_that_old_callers_import():
    assert filepost.writer is codecs.lookup("utf-8").streamwriter
    assert hasattr(filepost, "_TYPE_FIELDS")
    assert hasattr(filepost, "_TYPE_FIELDS_SEQUENCE")


# A foreign parser has its own ideas about quotes, escapes and line ends: none of these here.
PLAIN = st.text("abcxyz-_.", min_size=1, max_size=8)


@given(st.lists(st.tuples(PLAIN, PLAIN, PLAIN), min_size=1, max_size=5))
def test_the_parser_of_the_standard_library_reads_every_part_back(parts):
    body, content_type = encode_multipart_formdata(
        [(name, (filename, data, "a/b")) for name, filename, data in parts]
    )
    head = f"Content-Type: {content_type}\r\nMIME-Version: 1.0\r\n\r\n".encode()
    message = email.parser.BytesParser().parsebytes(head + body)
    assert [
        (
            part.get_param("name", header="Content-Disposition"),
            part.get_filename(),
            part.get_payload(),
        )
        for part in message.get_payload()
    ] == parts


@given(st.lists(st.binary(max_size=60), max_size=4))
def test_data_stand_between_the_boundaries_untouched(blocks):
    body, content_type = encode_multipart_formdata([("n", block) for block in blocks])
    mark = content_type.partition("boundary=")[2].encode()
    *parts, closing = body.split(b"--" + mark)
    assert closing == b"--\r\n"
    head = b'\r\nContent-Disposition: form-data; name="n"\r\n\r\n'
    assert [part for part in parts if part] == [head + block + b"\r\n" for block in blocks]
