"""Tables of bytes for every function of the wire."""

from __future__ import annotations

import http.client
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from urllib3._http1 import syntax
from urllib3.exceptions import InvalidHeader

BAD, UNKNOWN = http.client.BadStatusLine, http.client.UnknownProtocol


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("HTTP/1.1 200 OK\r\n", (11, 200, "OK")),
        ("HTTP/1.1 200 OK\n", (11, 200, "OK")),
        ("HTTP/1.1 200 OK", (11, 200, "OK")),
        ("HTTP/1.0 404 Not Found\r\n", (10, 404, "Not Found")),
        ("HTTP/0.9 200 OK\r\n", (10, 200, "OK")),
        ("HTTP/1.2 200 OK\r\n", (11, 200, "OK")),
        ("HTTP/1.1 200\r\n", (11, 200, "")),
        ("HTTP/1.1 200 \r\n", (11, 200, "")),
        ("HTTP/1.1  200\t OK  now \r\n", (11, 200, "OK  now")),
        ("HTTP/1.1 999 \xe9\r\n", (11, 999, "\xe9")),
        ("garbage\r\n", BAD),
        ("hello", BAD),
        ("\r\n", BAD),
        ("HTTP/1.1 20 OK\r\n", BAD),
        ("HTTP/1.1 99 OK\r\n", BAD),
        ("HTTP/1.1 099 OK\r\n", BAD),
        ("HTTP/1.1 1000 OK\r\n", BAD),
        ("HTTP/1.1 2_0 OK\r\n", BAD),
        ("HTTP/1.1 +20 OK\r\n", BAD),
        ("HTTP/1.1 \u0662\u0660\u0660 OK\r\n", BAD),
        ("HTTP/1.1 abc OK\r\n", BAD),
        ("http/1.1 200 OK\r\n", BAD),
        ("HTTP/2.0 200 OK\r\n", UNKNOWN),
        ("HTTP/3.0 200 OK\r\n", UNKNOWN),
        ("ICY 200 OK\r\n", BAD),
    ],
)
def test_a_status_line_is_read_or_refused(line, expected):
    if isinstance(expected, tuple):
        assert syntax.status_line(line)[:3] == expected
    else:
        with pytest.raises(expected) as caught:
            syntax.status_line(line)
        assert type(caught.value) is expected


def test_an_unknown_protocol_is_named():
    with pytest.raises(UNKNOWN) as caught:
        syntax.status_line("HTTP/2.0 200 OK\r\n")
    assert caught.value.args == ("HTTP/2.0",)


def careful(*lines):
    return syntax.careful_head(["HTTP/1.1 200 OK\r\n", *lines])


@pytest.mark.parametrize(
    ("lines", "fields", "skipped"),
    [
        (["A: b\r\n"], [("A", "b")], []),
        (["A:b\n"], [("A", "b")], []),
        (["A: \t b \t \r\n"], [("A", "b")], []),
        (["A: \x0b\xa0b\x85\r\n"], [("A", "\x0b\xa0b\x85")], []),
        (["A: b\r\r\n", "C: d\n"], [("A", "b"), ("C", "d")], []),
        (["A:\r\n"], [("A", "")], []),
        (["A: b\r\n", "a: c\r\n"], [("A", "b"), ("a", "c")], []),
        (["X(1): v\r\n"], [("X(1)", "v")], []),
        (["A: b:c\r\n"], [("A", "b:c")], []),
        (["A: \xe9\r\n"], [("A", "\xe9")], []),
        (
            ["A: b\r\n", "no colon here\r\n", "C: d\r\n"],
            [("A", "b"), ("C", "d")],
            ["no colon here"],
        ),
        ([": v\r\n", "C: d\r\n"], [("C", "d")], [": v"]),
        (["A : v\r\n", "C: d\r\n"], [("C", "d")], ["A : v"]),
        (["N\xe9: v\r\n", "C: d\r\n"], [("C", "d")], ["N\xe9: v"]),
        ([" folded first\r\n", "C: d\r\n"], [("C", "d")], [" folded first"]),
        (["A: b \t\r\n", "\t c\r\n"], [("A", "b c")], []),
        (["A:\r\n", " y \r\n"], [("A", "y")], []),
        (["A: y\r\n", "\t\r\n"], [("A", "y")], []),
        (["A: b\r\n", " c\r\n", " d\r\n"], [("A", "b c d")], []),
        (["bad\r\n", " of bad\r\n", "C: d\r\n"], [("C", "d")], ["bad", " of bad"]),
        (["A: cut short"], [("A", "cut short")], []),
        ([], [], []),
    ],
)
def test_a_malformed_header_line_is_left_out_alone(lines, fields, skipped):
    head = careful(*lines)
    assert (head.fields, head.skipped) == (fields, skipped)


@pytest.mark.parametrize(
    "lines",
    [
        ["A: b\0c\r\n"],
        ["A: b\rC: d\r\n"],
        ["Content-Length : 5\r\n"],
        ["transfer-encoding\t: chunked\r\n"],
        [" Content-Length : 5\r\n"],
        ["Content-Length: 5\r\n", " 6\r\n"],
        ["Transfer-Encoding: gzip,\r\n", "\tchunked\r\n"],
    ],
)
def test_a_head_whose_framing_is_a_guess_is_refused(lines):
    with pytest.raises(syntax.MalformedMessage):
        careful(*lines)


@pytest.mark.parametrize(
    "block",
    [
        "HTTP/1.1 200 OK\r\nA: b\0\r",
        "HTTP/1.1 200 OK\r\nA: b\rC: d\r",
        "HTTP/1.1 200 OK\nA: b\r",
        "HTTP/1.1 200 OK\r\nA: b\r\n c\r",
        "HTTP/1.1 200 OK\r\nA : b\r",
        "HTTP/1.1 200 OK\r\nnonsense\r",
        "HTTP/1.1 200 OK\r\n: v\r",
        "HTTP/1.1 200\0OK\r\nA: b\r",
        "HTTP/1.1 200 OK" + "\r\nA: b" * 101 + "\r",
    ],
)
def test_what_is_unusual_is_left_to_the_careful_way(block):
    assert syntax.plain_head(block) is None


names = st.sampled_from(
    ["A", "Content-Length", "X-Y", "a b", "", "N\xe9", "Transfer-Encoding", "T "]
)
texts = st.text(alphabet=string.ascii_letters + " \t:;,=\r\n\0\xe9", max_size=12)
heads = st.lists(st.builds("{}:{}".format, names, texts) | texts, max_size=6)


@given(lines=heads, ends=st.sampled_from(["\r\n", "\n"]))
def test_the_plain_and_the_careful_way_read_the_same_heads_alike(lines, ends):
    block = ends.join(["HTTP/1.1 200 OK", *lines]) + "\r"
    plain = syntax.plain_head(block)
    if plain is not None:
        careful = syntax.careful_head([f"{line}\n" for line in block.split("\n")])
        assert facts(careful) == facts(plain)
        assert careful.about == plain.about


@given(
    fields=st.lists(
        st.tuples(
            st.text(alphabet="!#$%&'*+-.^_`|~09azAZ", min_size=1, max_size=8),
            st.text(
                alphabet=string.printable.translate({10: None, 13: None})
                .replace("\x0b", "")
                .replace("\x0c", ""),
                max_size=9,
            ),
        ),
        max_size=8,
    )
)
def test_every_well_formed_head_goes_the_plain_way(fields):
    fields = [(name, value.strip(" \t")) for name, value in fields]
    block = "\r\n".join(["HTTP/1.1 204 None", *(f"{n}: {v}" for n, v in fields)]) + "\r"
    head = syntax.plain_head(block)
    assert head is not None
    assert facts(head) == (11, 204, "None", fields, framing(fields, 204))


def framing(fields, status=200, method="GET", version=11):
    lines = [f"HTTP/1.{version - 10} {status} OK\r\n", *(f"{n}: {v}\r\n" for n, v in fields)]
    careful = tuple(syntax.framing(syntax.careful_head(lines), method))
    plain = syntax.plain_head("".join(lines)[:-1])
    assert plain is None or tuple(syntax.framing(plain, method)) == careful
    return careful


def facts(head):
    try:
        framed = tuple(syntax.framing(head, "GET"))
    except (syntax.MalformedMessage, InvalidHeader) as error:
        framed = type(error)
    return head.version, head.status, head.reason, head.fields, framed


CL, TE = "Content-Length", "Transfer-Encoding"


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ([(CL, "5")], (False, 5, True)),
        ([(CL, "0")], (False, 0, True)),
        ([(CL, " 5 ")], (False, 5, True)),
        ([(CL, "05")], (False, 5, True)),
        ([(CL, "5, 5")], (False, 5, True)),
        ([(CL, "5"), ("content-length", "5")], (False, 5, True)),
        ([(CL, "4611686018427387904")], (False, 2**62, True)),
        ([], (False, None, False)),
        ([("Connection", "close"), (CL, "5")], (False, 5, False)),
        ([("Connection", "Foo, Close"), (CL, "5")], (False, 5, False)),
        ([("Connection", "foo"), ("connection", "close"), (CL, "5")], (False, 5, False)),
        ([(TE, "chunked")], (True, None, True)),
        ([(TE, "CHUNKED ")], (True, None, True)),
        ([(TE, "gzip, chunked")], (True, None, True)),
        ([(TE, "gzip"), (TE, "chunked")], (True, None, True)),
        ([(TE, "chunked"), (CL, "5")], (True, None, False)),
        ([(TE, "identity"), (CL, "5")], (False, 5, False)),
        ([(TE, "Binary"), (CL, "5")], (False, 5, False)),
        ([(TE, "none, identity"), (CL, "5, 5")], (False, 5, False)),
        ([(TE, ""), (CL, "5")], (False, 5, False)),
        ([(TE, "")], (False, None, False)),
        ([(TE, "chunked, chunked")], (True, None, False)),
        ([(TE, "chunked"), (TE, "Chunked"), (TE, "chunked")], (True, None, False)),
        ([(TE, "gzip, chunked, chunked")], (True, None, False)),
        ([(TE, "identity, chunked")], (True, None, False)),
        ([(TE, "chunked, identity")], (True, None, False)),
        ([(TE, "chunked,")], (True, None, False)),
        ([(TE, ""), (TE, "chunked")], (True, None, False)),
        ([("Connection", "keep-alive, close"), (CL, "5")], (False, 5, False)),
        ([("Connection", "keep-alive"), (CL, "5")], (False, 5, True)),
        ([("Connection", "x-close, closed, disclose"), (CL, "5")], (False, 5, True)),
        ([("Connection", "keep-alive, , foo,"), (CL, "5")], (False, 5, True)),
        ([("Connection", "\x0bclose"), (CL, "5")], (False, 5, False)),
        ([("Connection", '"close"'), (CL, "5")], (False, 5, False)),
        ([("Connection", "keep-alive close"), (CL, "5")], (False, 5, False)),
    ],
)
def test_framing_follows_rfc_9112(fields, expected):
    assert framing(fields) == expected


@pytest.mark.parametrize(
    "fields",
    [
        [(CL, "+5")],
        [(CL, "-5")],
        [(CL, "5_0")],
        [(CL, "")],
        [(CL, "foo")],
        [(CL, "5.0")],
        [(CL, "\u0665")],
        [(CL, "9" * 30)],
        [(TE, "xchunked")],
        [(TE, "gzip")],
        [(TE, "chunked, gzip")],
        [(TE, "chunked, gzip, chunked")],
        [(TE, "chunked, gzip, identity")],
        [(TE, "\x0bchunked")],
        [(TE, "chunked\xa0")],
        [(TE, "gzip"), (CL, "5")],
        [(TE, "identity"), (CL, "foo")],
        [(CL, "\x0b5")],
        [(CL, "5\xa0")],
    ],
)
def test_framing_that_cannot_be_relied_on_is_refused(fields):
    with pytest.raises(syntax.MalformedMessage):
        framing(fields)


def test_content_lengths_that_contradict_each_other_are_an_invalid_header():
    with pytest.raises(InvalidHeader, match=r"unmatching values \(5, 6\)"):
        framing([(CL, "5"), (CL, "6")])


def test_leading_zeros_do_not_make_a_length_too_long():
    assert syntax.content_length("0" * 30 + "7") == 7


@pytest.mark.parametrize(("status", "method"), [(204, "GET"), (304, "GET"), (200, "HEAD")])
def test_some_answers_have_no_body_whatever_their_fields_say(status, method):
    assert framing([(TE, "chunked"), (CL, "foo")], status, method) == (False, 0, True)


def test_after_switching_protocols_a_connection_no_longer_speaks_http():
    assert framing([("Upgrade", "tcp")], 101) == (False, 0, False)


@pytest.mark.parametrize(
    ("fields", "persistent"),
    [
        ([], False),
        ([("Connection", "Keep-Alive")], True),
        ([("Keep-Alive", "timeout=5")], True),
        ([("Proxy-Connection", "keep-alive")], True),
        ([("Connection", "close")], False),
        ([("Connection", "keep-alive, close")], False),
        ([("Connection", "keep-alive"), ("Connection", "close")], False),
        ([("Connection", "close"), ("Keep-Alive", "timeout=5")], False),
        ([("Connection", "not-keep-alive")], False),
        ([("Connection", "x, Keep-Alive")], True),
    ],
)
def test_http_1_0_stays_open_only_if_it_says_so(fields, persistent):
    assert framing([(CL, "1"), *fields], version=10) == (False, 1, persistent)


def test_chunks_of_http_1_0_are_read_and_the_connection_closed():
    fields = [("Connection", "keep-alive"), (TE, "chunked")]
    assert framing(fields, version=10) == (True, None, False)


@pytest.mark.parametrize(
    ("lines", "exact"),
    [
        (["HTTP/1.1 200 OK\r\n"], True),
        (["HTTP/1.1 200\r\n"], True),
        (["HTTP/1.1 200 \r\n"], True),
        (["HTTP/1.2 299 An \t\xe9 \r\n"], True),
        (["HTTP/1.1 200 OK\n"], False),
        (["HTTP/1.1 200 OK\r\r\n"], False),
        (["HTTP/1.1  200 OK\r\n"], False),
        (["HTTP/1.1\t200 OK\r\n"], False),
        (["HTTP/1.1 200\tOK\r\n"], False),
        (["HTTP/1.1 200 O\rK\r\n"], False),
        (["HTTP/1.1 200 O\0K\r\n"], False),
        (["HTTP/1.1 200 O\x0bK\r\n"], False),
        (["HTTP/1.10 200 OK\r\n"], False),
        (["HTTP/0.9 200 OK\r\n"], False),
        (["HTTP/1.1 200 OK\r\n", "A: b\r\n", "\r\n"], True),
        (["HTTP/1.1 200 OK\r\n", "A: b\r\n", "\n"], False),
        (["HTTP/1.1 200 OK\r\n", "A: b\n", "\r\n"], False),
        (["HTTP/1.1 200 OK\r\n", "A: b\r\r\n", "\r\n"], False),
        (["HTTP/1.1 200 OK\r\n", "nonsense\r\n", "A B: c\r\n"], True),
        (["HTTP/1.1 200 OK\r\n", "\x0bTransfer-Encoding: chunked\r\n"], False),
        (["HTTP/1.1 200 OK\r\n", "\xa0content-length: 5\r\n"], False),
        (["HTTP/1.1 200 OK\r\n", "Transfer-Enc\xadoding: a\r\n"], False),
        (["HTTP/1.1 200 OK\r\n", "Content Length: 5\r\n"], False),
        (["HTTP/1.1 200 OK\r\n", "A: b\r\n", " Content-Length: 5\r\n"], False),
        (["HTTP/1.1 200 OK\r\n", "A: b\r\n", " c\r\n"], True),
        (["HTTP/1.1 200 OK\r\n", "X-Transfer-Encoding: chunked\r\n"], True),
    ],
)
def test_what_another_hop_may_read_in_another_way_ends_the_connection(lines, exact):
    head = syntax.careful_head([*lines[:1], "Content-Length: 5\r\n", *lines[1:]])
    assert tuple(syntax.framing(head, "GET")) == (False, 5, exact)
    plain = syntax.plain_head("".join([*lines[:1], "Content-Length: 5\r\n", *lines[1:]])[:-1])
    assert plain is None or tuple(syntax.framing(plain, "GET")) == (False, 5, exact)


def test_control_characters_of_a_reason_become_blanks():
    assert syntax.status_line("HTTP/1.1 200 O\rK\0!\r\n").reason == "O K !"


@pytest.mark.parametrize(
    ("status", "method", "bodiless", "interim"),
    [
        (100, "GET", True, True),
        (101, "GET", True, False),  # the last answer in HTTP/1.1: another protocol follows
        (103, "GET", True, True),
        (199, "POST", True, True),
        (200, "GET", False, False),
        (200, "HEAD", True, False),
        (200, None, False, False),
        (204, "GET", True, False),
        (205, "GET", False, False),
        (304, "GET", True, False),
        (999, "GET", False, False),
    ],
)
def test_status_and_method_say_whether_a_body_or_another_answer_follows(
    status, method, bodiless, interim
):
    assert syntax.is_bodiless(status, method) == bodiless
    assert syntax.is_interim(status) == interim


@pytest.mark.parametrize(
    ("codings", "named"),
    [
        ("chunked", True),
        ("Chunked", True),
        ("gzip,\tCHUNKED ", True),
        ("chunked, gzip", True),
        ("gzip", False),
        ("chunkedx", False),
        ("", False),
    ],
)
def test_chunked_is_named_anywhere_in_the_list(codings, named):
    assert syntax.names_chunked(codings) == named


@pytest.mark.parametrize(
    ("line", "size"),
    [
        (b"5\r\n", 5),
        (b"5\n", 5),
        (b"fF\r\n", 255),
        (b"0000000000000005\r\n", 5),
        (b"5 \r\n", 5),
        (b"5;a=b\r\n", 5),
        (b'5 ; a="b;c"\r\n', 5),
        (b"0\r\n", 0),
        (b"", None),
        (b"\r\n", None),
        (b"5", None),
        (b"0x5\r\n", None),
        (b"+5\r\n", None),
        (b"-5\r\n", None),
        (b" 5\r\n", None),
        (b"5_0\r\n", None),
        (b"5 5\r\n", None),
        (b"g\r\n", None),
        (b"11111111111111111\r\n", None),
        (b"5\r5\r\n", None),
        (b"5;a\rb\r\n", None),
        (b"5\r\r\n", None),
        (b"5;" + b"a" * 60000 + b"\r\n", 5),
    ],
)
def test_a_chunk_size_is_hexadecimal_digits_and_nothing_else(line, size):
    if size is None:
        with pytest.raises(ValueError, match="malformed chunk-size line"):
            syntax.chunk_size(line)
    else:
        assert syntax.chunk_size(line) == size


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("timeout=5", 5),
        ("timeout=5, max=100", 5),
        ("max=100, Timeout = 15", 15),
        ('timeout="7"', 7),
        ("max=100", None),
        ("timeout=", None),
        ("xtimeout=5", None),
        ("", None),
    ],
)
def test_keep_alive_says_for_how_long(value, seconds):
    assert syntax.keep_alive_timeout(value) == seconds


def test_a_method_is_a_token():
    syntax.check_method("M-SEARCH")
    with pytest.raises(ValueError, match=r"non-token characters 'GE T' \(found at least ' '\)"):
        syntax.check_method("GE T")
    with pytest.raises(ValueError, match="empty"):
        syntax.check_method("")


def test_a_plain_request_is_one_piece():
    assert syntax.request_line("GET", "/x?y") == b"GET /x?y HTTP/1.1\r\n"
    assert syntax.field_block([("Host", "h"), ("A", "\xe9")]) == b"Host: h\r\nA: \xe9\r\n\r\n"


@pytest.mark.parametrize(
    ("method", "target", "fields"),
    [
        ("GE T", "/", []),
        ("GET", "/a b", []),
        ("GET", "/\xe9", []),
        ("GET", "/\r\nX: 1", []),
        ("GET", "/", [("A", "b\r\nC: d")]),
        ("GET", "/", [("A", "b\n c")]),
        ("GET", "/", [("A", "b\rc")]),
        ("GET", "/", [("A:", "b")]),
        ("GET", "/", [("A b", "c")]),
        ("GET", "/", [("", "c")]),
        ("GET", "/", [("A", "\u20ac")]),
        ("GET", "/", [("A", b"b")]),
        ("GET", "/", [("A", 5)]),
        ("GET", "/", [(b"A", "b")]),
        ("GET", "/", [("A\r\n", "b")]),
    ],
)
def test_a_request_that_is_not_plain_is_left_to_http_client(method, target, fields):
    assert None in (syntax.request_line(method, target), syntax.field_block(fields))


@pytest.mark.parametrize(
    ("host", "headers", "expected"),
    [
        ("h", {}, b"CONNECT h:443 HTTP/1.1\r\nHost: h:443\r\n\r\n"),
        ("h.", {}, b"CONNECT h.:443 HTTP/1.1\r\nHost: h.:443\r\n\r\n"),
        ("[::1]", {}, b"CONNECT [::1]:443 HTTP/1.1\r\nHost: [::1]:443\r\n\r\n"),
        ("::1", {}, b"CONNECT [::1]:443 HTTP/1.1\r\nHost: [::1]:443\r\n\r\n"),
        (
            "fe80::1%eth0",
            {},
            b"CONNECT [fe80::1]:443 HTTP/1.1\r\nHost: [fe80::1]:443\r\n\r\n",
        ),
        ("h", {"A": "\xe9"}, b"CONNECT h:443 HTTP/1.1\r\nA: \xe9\r\nHost: h:443\r\n\r\n"),
        ("h", {"host": "x"}, b"CONNECT h:443 HTTP/1.1\r\nhost: x\r\n\r\n"),
        (
            "b\xfccher.example",
            {"Host": "x"},
            b"CONNECT xn--bcher-kva.example:443 HTTP/1.1\r\nHost: x\r\n\r\n",
        ),
    ],
)
def test_connect_names_the_origin(host, headers, expected):
    assert syntax.connect_request(host, 443, headers) == expected


@pytest.mark.parametrize(
    ("host", "headers", "text"),
    [
        ("a b", {}, r"Tunnel host can't contain control characters 'a b'"),
        ("a\r\nb", {}, r"Tunnel host can't contain control characters"),
        ("h", {"A\r\nB": "c"}, r"Invalid header name b'A\\\\r\\\\nB'"),
        ("h", {"": "c"}, r"Invalid header name b''"),
        ("h", {" A": "c"}, r"Invalid header name"),
        ("h", {"A:": "c"}, r"Invalid header name"),
        ("h", {"A": "c\r\nd"}, r"Invalid header value"),
        ("h", {"A": "c\n"}, r"Invalid header value"),
    ],
)
def test_connect_cannot_be_broken_apart(host, headers, text):
    with pytest.raises(ValueError, match=text.replace("\\\\\\\\", "\\\\")):
        syntax.connect_request(host, 443, headers)
