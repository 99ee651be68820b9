"""The parts of a form: their header fields, and what file names may do to them."""

from __future__ import annotations

import collections
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.tables import check, rows
from urllib3 import fields as F
from urllib3.fields import RequestField


def mk(field, **kw):
    assert field.make_multipart(**kw) is None
    return field


NAMES = {"F": F, "RF": RequestField, "mk": mk}


@pytest.mark.parametrize("row", rows("data-fields"))
def test_the_table_of_parts(row):
    check(row, NAMES)


RENAMED = (
    "'{}' has been renamed to 'format_multipart_header_param'. "
    "The old name will be removed in urllib3 v3.0."
)
DEPRECATED = {
    "format_header_param_html5": RENAMED,
    "format_header_param": RENAMED,
    "format_header_param_rfc2231": (
        "'{}' is insecure, deprecated and will be removed in urllib3 v3.0. "
        "This is not valid for multipart/form-data header parameters."
    ),
}


@pytest.mark.parametrize("name", DEPRECATED)
def test_a_deprecated_formatter_warns_at_the_callers_line(name):
    with pytest.warns(FutureWarning) as heard:
        assert getattr(F, name)("name", "v") == 'name="v"'
    assert [str(warning.message) for warning in heard] == [DEPRECATED[name].format(name)]
    assert heard[0].filename == __file__


def test_a_formatter_of_ones_own_is_deprecated_where_it_is_given():
    def shout(name, value):
        return f"{name}={value.upper()}"

    for make, place in ((RequestField, __file__), (RequestField.from_tuples, F.__file__)):
        with pytest.warns(FutureWarning) as heard:
            part = make("n", "d", header_formatter=shout)
        assert part.header_formatter is shout
        assert [(str(warning.message), warning.filename) for warning in heard] == [
            (
                "The 'header_formatter' parameter is deprecated and will be removed in urllib3 v3.0.",
                place,
            )
        ]


def test_a_part_from_a_tuple_is_of_the_class_that_was_asked():
    class Own(RequestField):
        def _render_part(self, name, value):
            return f"{name}:{value}"

    part = Own.from_tuples("n", ("f.txt", "v"))
    assert type(part) is Own
    assert part.headers["Content-Disposition"] == "form-data; name:n; filename:f.txt"


def test_parts_without_a_value_are_not_rendered():
    rendered = RequestField("n", "d")._render_parts([("a", "1"), ("b", None), ("c", b"2")])
    assert rendered == 'a="1"; c="2"'


def test_the_headers_of_a_part_are_its_own():
    given_headers = collections.OrderedDict(A="b")
    part = RequestField("n", "d", headers=given_headers)
    part.headers["C"] = "d"
    assert type(part.headers) is dict
    assert dict(given_headers) == {"A": "b"}
    assert part.header_formatter is F.format_multipart_header_param


def test_the_formatter_is_looked_up_when_a_part_is_made(monkeypatch):
    monkeypatch.setattr(F, "format_multipart_header_param", lambda name, value: f"{name}~{value}")
    part = RequestField.from_tuples("n", ("f", "v"))
    assert part.headers["Content-Disposition"] == "form-data; name~n; filename~f"


@pytest.mark.parametrize("end", ["\r\n", "\n", "\r"])
@pytest.mark.parametrize(
    "headers",
    [
        {"Content-Type": "text/plain{}X: y"},
        {"Content-Location": "{}"},
        {"Content-Disposition": "form-data{}X: y"},
        {"X": "y{}Z: z"},
        {"X{}Z": "z"},
    ],
    ids=lambda headers: next(iter(headers)).replace("{}", "+"),
)
def test_a_header_field_with_a_line_end_is_refused(headers, end):
    part = RequestField(
        "n", "d", headers={name.format(end): value.format(end) for name, value in headers.items()}
    )
    with pytest.raises(ValueError, match="Multipart header field cannot contain line ends"):
        part.render_headers()


@given(st.text(), st.text())
def test_no_name_and_no_file_name_gets_out_of_its_quotes(name, filename):
    part = mk(RequestField(name, "d", filename=filename))
    line, *rest = part.render_headers().split("\r\n")
    assert rest == ["", ""]
    assert line.count('"') == 4
    assert "\r" not in line
    assert "\n" not in line


def test_the_tables_of_media_types_are_read_when_first_asked_for():
    code = (
        "import sys, urllib3\n"
        "assert 'mimetypes' not in sys.modules\n"
        "assert urllib3.fields.guess_content_type('a.txt') == 'text/plain'\n"
        "assert 'mimetypes' in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_names_for_types_exist():
    assert hasattr(F, "_TYPE_FIELD_VALUE")
    assert hasattr(F, "_TYPE_FIELD_VALUE_TUPLE")
