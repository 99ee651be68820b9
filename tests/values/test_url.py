"""URLs: taken apart, normalised, and put together again, in linear time."""

from __future__ import annotations

import ast
import copy
import pickle
import re
import sys

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.support.tables import check, outcome, rows, same
from urllib3.exceptions import LocationParseError
from urllib3.util import url as M
from urllib3.util.url import Url, parse_url

NAMES = {"M": M, "Url": Url, "copy": copy, "parse_url": parse_url, "pickle": pickle}

# ---------------------------------------------------------------- the tables


@pytest.mark.parametrize("row", rows("url"))
def test_the_table_of_urls(row):
    url = ast.literal_eval(row["url"])
    assert same(outcome(lambda: tuple(parse_url(url))), row["result"])
    if "text" in row:
        assert ascii(parse_url(url).url) == row["text"]


@pytest.mark.parametrize("row", rows("url-properties"))
def test_the_table_of_properties(row):
    check(row, NAMES)


@pytest.mark.parametrize("row", rows("url-helpers"))
def test_the_table_of_shared_helpers(row):
    check(row, NAMES)


# ---------------------------------------------------------------- what tables do not say


def test_an_error_is_a_value_error_that_keeps_the_location():
    with pytest.raises(LocationParseError) as failure:
        parse_url("http://h:99999")
    assert isinstance(failure.value, ValueError)
    assert failure.value.location == "http://h:99999"


def test_a_url_is_named_url_in_its_repr_and_takes_further_attributes():
    url = Url("http", host="h")
    url.note = "seen"
    assert url.note == "seen"
    assert repr(url).startswith("Url(scheme='http', ")
    assert type(url._replace(port=1)) is Url


def test_ascii_names_do_not_need_the_idna_package(monkeypatch):
    monkeypatch.setitem(sys.modules, "idna", None)
    assert parse_url("http://XN--NXASMQ6B.Example/").host == "xn--nxasmq6b.example"
    with pytest.raises(LocationParseError, match="without the 'idna' module"):
        parse_url("http://\u00e4.de")


def test_a_name_longer_than_any_is_refused_before_idna_reads_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "idna", None)  # asking it would be another error
    with pytest.raises(LocationParseError, match="is not a valid IDNA label"):
        parse_url("http://" + "\u0430." * 200 + "com")


def test_an_ascii_name_may_be_as_long_as_it_likes():
    assert parse_url("http://" + "a" * 5000).host == "a" * 5000


def test_the_names_that_others_import_exist():
    assert M._NORMALIZABLE_SCHEMES == ("http", "https", None)
    assert M._USERINFO_CHARS < M._PATH_CHARS < M._QUERY_CHARS
    assert M._QUERY_CHARS == M._FRAGMENT_CHARS
    assert M._UNRESERVED_CHARS.isdisjoint(M._SUB_DELIM_CHARS)
    for name in ("_IPV4_RE", "_IPV6_ADDRZ_RE", "_BRACELESS_IPV6_ADDRZ_RE", "_PERCENT_RE"):
        assert isinstance(getattr(M, name), re.Pattern)
    assert M._IPV6_ADDRZ_RE.match("[::1%25eth0]")
    assert not M._IPV6_ADDRZ_RE.match("::1")
    with pytest.raises(AttributeError, match="has no attribute '_IPV5_RE'"):
        M._IPV5_RE  # noqa: B018


class KeepsEveryTriplet:
    """What yt-dlp and streamlink put in the place of ``_PERCENT_RE``."""

    def subn(self, _, text):
        return text, text.count("%")


@pytest.mark.parametrize("url", ["http://h/%e9", "http://h/a%", "http://h/p?q=%aa%"])
def test_a_program_may_replace_how_triplets_are_read(monkeypatch, url):
    assert parse_url(url).url != url
    monkeypatch.setattr(M, "_PERCENT_RE", KeepsEveryTriplet())
    assert parse_url(url).url == url


def test_a_replaced_pattern_is_asked_about_ordinary_urls_too(monkeypatch):
    asked = []

    class Listens(KeepsEveryTriplet):
        def subn(self, repl, text):
            asked.append(text)
            return super().subn(repl, text)

    monkeypatch.setattr(M, "_PERCENT_RE", Listens())
    assert parse_url("http://h/path?query") == parse_url("HTTP://h/path?query")
    assert asked == ["/path", "query"] * 2


# ---------------------------------------------------------------- one rule, two ways

PIECES = [
    *("http:", "https:", "HTTP:", "ftp:", "//", "/", "?", "#", "@", ":", "\\", ".", "..", "/./"),
    *(
        "/..",
        "%",
        "%2e",
        "%20",
        "%zz",
        "[::1]",
        "[fe80::1%25a]",
        "0",
        "80",
        "65535",
        "65536",
        "007",
    ),
    *(
        "host",
        "Host.example",
        "a",
        "\u00e4",
        " ",
        "\n",
        "&",
        "=",
        "~",
        "-",
        "_",
        "+",
        "'",
        '"',
        "\ud800",
    ),
]
URLISH = st.one_of(
    st.text(),
    st.lists(st.sampled_from(PIECES), max_size=9).map("".join),
    st.lists(st.sampled_from(PIECES), max_size=7).map(lambda rest: "http://h" + "".join(rest)),
)


@given(URLISH)
@example("http://h:65536")
@example("http://h/..")
@example("http://h?q")
@example("http://h/?")
def test_the_short_way_gives_the_answer_of_the_long_one(url):
    if url:
        long_way = outcome(lambda: M._parse_any(url))
        assert outcome(lambda: parse_url(url)) == long_way
        parsed = not long_way.startswith("raises")
        assert not parsed or type(parse_url(url)) is type(M._parse_any(url)) is Url


@given(URLISH)
def test_whatever_comes_is_a_url_or_an_error_about_its_location(url):
    try:
        parsed = parse_url(url)
    except LocationParseError:
        return
    assert isinstance(parsed, Url)
    assert parsed.port is None or 0 <= parsed.port <= 65535
    if parsed.scheme in ("http", "https"):
        assert str(parsed).isascii()
        assert not re.search(r"[\x00-\x20\x7f]", str(parsed))
        assert parsed.host == M._normalize_host(parsed.host, parsed.scheme)


@given(URLISH)
def test_a_target_is_encoded_the_same_by_both_ways(text):
    target = "/" + text
    parts = re.fullmatch(M._TARGET, target)
    if parts is None:
        with pytest.raises(LocationParseError, match="is not a valid request URI"):
            M._encode_target(target)
        return
    path, query = parts.groups()
    expected = M._encode_invalid_chars(path, M._PATH_CHARS)
    if query is not None:
        expected += "?" + M._encode_invalid_chars(query, M._QUERY_CHARS)
    assert M._encode_target(target) == expected
    assert M._encode_target(expected) == expected


def test_a_line_break_at_the_very_end_of_a_fragment_is_dropped_with_it():
    assert M._encode_target("/a?b#c\n") == "/a?b"
    with pytest.raises(LocationParseError):
        M._encode_target("/a?b#c\n\n")


@pytest.mark.parametrize("host", ["a%zz%00", "a%"])
def test_the_first_bad_percent_sign_of_a_host_is_the_one_that_is_told(host):
    with pytest.raises(LocationParseError, match=r"is not a valid host$"):
        M._normalize_host(host, "http")
    with pytest.raises(LocationParseError, match="control character '%00'"):
        M._normalize_host("%00" + host, "http")


@given(st.text())
def test_encoding_what_was_encoded_changes_nothing(text):
    once = M._encode_invalid_chars(text, M._PATH_CHARS)
    assert M._encode_invalid_chars(once, M._PATH_CHARS) == once
    assert once.isascii()


# ---------------------------------------------------------------- hostile lengths

LONG = 500_000
HOSTILE = {
    "percent signs in a path": "http://h/" + "%" * LONG,
    "broken triplets in a query": "http://h/?" + "%z" * LONG,
    "triplets": "http://h/" + "%aa" * LONG,
    "at signs": "http://" + "@" * LONG,
    "at signs and a slash": "@" * LONG + "/",
    "dot segments": "http://h" + "/.." * LONG,
    "segments and their removal": "http://h" + "/a" * LONG + "/.." * LONG,
    "slashes": "/" * LONG,
    "colons": "http://" + ":" * LONG,
    "digits of a port": "http://h:" + "9" * LONG,
    "zeros of a port": "http://h:" + "0" * LONG + "80",
    "letters before no scheme": "a" * LONG,
    "open brackets": "http://" + "[" * LONG,
    "groups of an address": "http://[" + "1:" * LONG + "]",
    "a zone": "http://[::1%25" + "a" * LONG + "]",
    "a zone that ends badly": "http://[::1%25" + "a" * LONG + "!]",
    "triplets in a zone": "http://[::1%25" + "%41" * LONG + "!]",
    "dots in a name": "http://" + "." * LONG,
    "triplets in a name": "http://" + "%41" * LONG,
    "fields of digits": "http://" + "1." * LONG,
    "labels that are not ascii": "http://" + "\u00e4." * LONG,
    "one label that is not ascii": "http://" + "\u00e4" * LONG,
    "line breaks": "http://h/" + "\n" * LONG,
    "number signs": "http://h/" + "#" * LONG,
    "question marks": "http://h/" + "?" * LONG,
}


@pytest.mark.timeout(30)  # quadratic would be hours
@pytest.mark.parametrize("url", HOSTILE.values(), ids=HOSTILE)
def test_a_long_url_costs_in_proportion_to_its_length(url):
    found = outcome(lambda: parse_url(url))
    assert found.startswith(("Url(", "raises LocationParseError: Failed to parse: "))


@pytest.mark.timeout(30)
@pytest.mark.parametrize("char", ["%", "%4", "%aa", "#", "?", "/", "\u00e4", "\n"])
def test_a_long_target_costs_in_proportion_to_its_length(char):
    target = "/" + char * LONG
    try:
        assert M._encode_target(target).isascii()
    except LocationParseError:
        assert "#" in target


def test_a_url_is_parsed_once_unless_it_is_long():
    short, long = "http://once.example/path", "http://once.example/" + "x" * 500
    assert parse_url(short) is parse_url(short)
    assert parse_url(long) == parse_url(long)
    assert parse_url(long) is not parse_url(long)


def test_a_url_that_cannot_be_parsed_fails_each_time():
    for _ in range(2):
        with pytest.raises(LocationParseError):
            parse_url("http://[::1")


def test_what_is_no_text_is_a_type_error_that_says_so():
    with pytest.raises(TypeError, match="expected string or bytes-like object"):
        parse_url(5)
