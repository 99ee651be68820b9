"""What HTTP/2 does not allow in a request is not sent, and in a response not accepted."""

from __future__ import annotations

import contextlib
import enum
import struct
from http.client import InvalidURL

import h2.config
import h2.connection
import h2.events
import hpack
import pytest

from tests.support.tls import tls_server
from urllib3 import HTTPSConnectionPool, http2
from urllib3.exceptions import InvalidHeader, ProtocolError
from urllib3.http2 import probe
from urllib3.http2.connection import HTTP2Connection, StreamFailed


@pytest.fixture
def injected():
    http2.inject_into_urllib3()
    yield
    http2.extract_from_urllib3()
    probe._reset()


def frame(kind, flags, stream, payload):
    return (
        struct.pack("!I", len(payload))[1:]
        + bytes([kind, flags])
        + struct.pack("!I", stream)
        + payload
    )


END_HEADERS, END_STREAM = 4, 1


def block(stream, *fields, end=True):
    """The fields as they stand, though h2 would not send them."""
    return frame(
        1, END_HEADERS | (END_STREAM if end else 0), stream, hpack.Encoder().encode(fields)
    )


@contextlib.contextmanager
def server_of(certificates, *answers, seen=None):
    """Answers each request by the next of *answers*, functions from its stream to bytes."""
    context = certificates.localhost.server_context()
    context.set_alpn_protocols(["h2"])
    left = list(answers)

    def talk(sock):
        config = h2.config.H2Configuration(
            client_side=False, validate_inbound_headers=False, header_encoding=None
        )
        conn = h2.connection.H2Connection(config)
        conn.initiate_connection()
        sock.sendall(conn.data_to_send())
        while data := sock.recv(65536):
            for event in conn.receive_data(data):
                if isinstance(event, h2.events.RequestReceived):
                    if seen is not None:
                        seen.append(dict(event.headers))
                    sock.sendall(conn.data_to_send() + left.pop(0)(event.stream_id))
            sock.sendall(conn.data_to_send())

    with tls_server(context, talk) as server:
        yield server


def answering(*fields):
    return lambda stream: block(stream, *fields)


OK = answering((":status", "200"))


def pool_for(server, certificates):
    return HTTPSConnectionPool(
        "localhost", server.port, retries=False, timeout=10, ca_certs=certificates.ca
    )


# ---------------------------------------------------------------- what is sent


@pytest.mark.parametrize(
    "method",
    [
        "",
        "GE T",
        "GET\r\nX: y",
        "GET\n",
        " GET",
        "GET ",
        "G\0T",
        "GÉT",
        "GET\t",
        "G:T",
        "G(T",
        "\x7f",
    ],
)
def test_a_method_that_is_no_token_is_not_sent(certificates, injected, method):
    seen = []
    with server_of(certificates, OK, seen=seen) as server, pool_for(server, certificates) as pool:
        with pytest.raises(ValueError, match="Method cannot"):
            pool.request(method, "/")
        assert pool.request("GET", "/").status == 200
        assert [request[b":method"] for request in seen] == [b"GET"]


def test_methods_are_tokens_of_any_kind_and_the_values_of_their_enumeration(certificates, injected):
    class Method(str, enum.Enum):
        MERGE = "M-SEARCH"

    seen = []
    methods = ["get", "PROP!#$%&'*+-.^_`|~9", Method.MERGE]
    with server_of(certificates, OK, OK, OK, seen=seen) as server:
        with pool_for(server, certificates) as pool:
            for method in methods:
                pool.urlopen(method, "/")
    assert [request[b":method"] for request in seen] == [
        b"get",
        b"PROP!#$%&'*+-.^_`|~9",
        b"M-SEARCH",
    ]


@pytest.mark.parametrize(
    "fields",
    [
        {"x y": "1"},
        {"": "1"},
        {":path": "/other"},
        {"x\r\ny": "1"},
        {"x:": "1"},
        {"\xe9": "1"},
        {"x": "a\r\nb: c"},
        {"x": "a\nb"},
        {"x": "a\0b"},
        {"x": "a\rb"},
        {"x": " a"},
        {"x": "a\t"},
        {b"x\n": b"1"},
        {"x": b"a\n"},
    ],
)
def test_a_field_that_is_not_allowed_is_not_sent_and_spoils_no_later_request(
    certificates, injected, fields
):
    seen = []
    with server_of(certificates, OK, OK, seen=seen) as server:
        conn = HTTP2Connection("localhost", server.port, timeout=10, ca_certs=certificates.ca)
        with contextlib.closing(conn):
            with pytest.raises(ValueError, match="Illegal header"):
                conn.request("GET", "/refused", headers=fields)
            conn.request("GET", "/next")
            assert conn.getresponse().status == 200
        with pool_for(server, certificates) as pool:
            with pytest.raises(ValueError, match="Illegal header"):
                pool.request("GET", "/refused", headers=fields)
            assert pool.request("GET", "/next").status == 200
    assert [request[b":path"] for request in seen] == [b"/next"] * 2


@pytest.mark.parametrize("target", ["/a b", "/a\r\nb", "/\0", "/\x7f", "/\xe9"])
def test_a_target_that_is_none_is_not_sent(certificates, injected, target):
    with server_of(certificates) as server:
        conn = HTTP2Connection("localhost", server.port, timeout=10, ca_certs=certificates.ca)
        with contextlib.closing(conn):
            # InvalidURL, or for what is not ASCII UnicodeEncodeError, as in HTTP/1.1.
            with pytest.raises((InvalidURL, UnicodeEncodeError)):
                conn.request("GET", target)


def test_a_host_beyond_ascii_is_sent_as_idna_has_it():
    conn = HTTP2Connection("b\xfccher.example")
    conn._h2_spoken = True
    conn.putrequest("GET", "/")
    assert dict(conn._headers)[b":authority"] == b"xn--bcher-kva.example:443"


def test_a_host_with_a_line_end_is_not_sent():
    conn = HTTP2Connection("localhost")
    conn._h2_spoken = True
    conn.host = "localhost\r\nx"
    with pytest.raises(ValueError, match="Illegal authority"):
        conn.putrequest("GET", "/")


# ---------------------------------------------------------------- what comes


@pytest.mark.parametrize(
    "status",
    ["", "abc", "2_0_0", "+200", "-200", "20", "2000", "99999", "099", "000", "0200", "200 ", " 200",
     "200\n", "2\xb20", "\u0662\u0660\u0660", "1", "1abc", "10", "1000", "101", "1 0", "2e2", "200 OK"],
)  # fmt: skip
def test_a_status_that_is_not_three_digits_is_a_protocol_error(certificates, injected, status):
    wrong = answering((":status", status))
    with server_of(certificates, wrong, OK) as server, pool_for(server, certificates) as pool:
        with pytest.raises(ProtocolError) as caught:
            pool.request("GET", "/")
        assert isinstance(caught.value.args[1], StreamFailed)
        assert not [conn for conn in pool.pool.queue if conn and conn.sock]
        assert pool.request("GET", "/").status == 200


@pytest.mark.parametrize("status", [200, 204, 299, 304, 404, 599, 600, 999])
def test_any_status_of_three_digits_is_accepted(certificates, injected, status):
    with server_of(certificates, answering((":status", str(status)))) as server:
        with pool_for(server, certificates) as pool:
            assert pool.request("GET", "/").status == status


@pytest.mark.parametrize(
    "fields",
    [
        [],
        [("x", "1")],
        [(":status", "200"), (":status", "204")],
        [(":status", "200"), (":path", "/")],
        [(":status", "200"), ("X-Upper", "1")],
        [(":status", "200"), ("x y", "1")],
        [(":status", "200"), ("", "1")],
        [(":status", "200"), ("x\r\ny", "1")],
        [(":status", "200"), ("x:y", "1")],
        [(":status", "200"), ("x", "a\r\nb: c")],
        [(":status", "200"), ("x", "a\nb")],
        [(":status", "200"), ("x", "a\0b")],
        [(":status", "200"), ("x", "a\rb")],
        [(":status", "200"), ("x", " a")],
        [(":status", "200"), ("x", "a ")],
        [("x", "1"), (":status", "200")],
    ],
)
def test_a_malformed_head_is_a_protocol_error(certificates, injected, fields):
    with server_of(certificates, answering(*fields), OK) as server:
        with pool_for(server, certificates) as pool:
            with pytest.raises((ProtocolError, InvalidHeader)):
                pool.request("GET", "/")
            assert not [conn for conn in pool.pool.queue if conn and conn.sock]
            assert pool.request("GET", "/").status == 200


def test_the_connection_is_closed_for_those_who_hold_it_too(certificates, injected):
    with server_of(certificates, answering((":status", "+200"))) as server:
        conn = HTTP2Connection("localhost", server.port, timeout=10, ca_certs=certificates.ca)
        conn.request("GET", "/")
        with pytest.raises(StreamFailed, match="Malformed response"):
            conn.getresponse()
        assert conn.sock is None


def interim(*statuses):
    def answer(stream):
        before = b"".join(block(stream, (":status", status), end=False) for status in statuses)
        return before + block(stream, (":status", "200"))

    return answer


def test_interim_responses_are_skipped(certificates, injected):
    with server_of(certificates, interim("100", "102", "103")) as server:
        with pool_for(server, certificates) as pool:
            assert pool.request("GET", "/").status == 200


@pytest.mark.parametrize("statuses", [["101"], ["1xx"], ["100", "1"], ["103"] * 17])
def test_interim_responses_that_are_none_are_errors(certificates, injected, statuses):
    with server_of(certificates, interim(*statuses)) as server:
        with pool_for(server, certificates) as pool:
            with pytest.raises(ProtocolError):
                pool.request("GET", "/")


# ---------------------------------------------------------------- bodies that can be read once


def test_a_generator_is_not_sent_again_over_http2_either(certificates, injected):
    from urllib3 import Retry
    from urllib3.exceptions import UnrewindableBodyError

    def reset(stream):
        return frame(3, 0, stream, struct.pack("!I", 2))

    with server_of(certificates, reset) as server, pool_for(server, certificates) as pool:
        with pytest.raises(UnrewindableBodyError):
            pool.request("PUT", "/", body=iter([b"payload"]), retries=Retry(2))
