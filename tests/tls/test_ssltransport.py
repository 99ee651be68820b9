"""TLS inside TLS, against a far end that does the same."""

from __future__ import annotations

import contextlib
import inspect
import io
import itertools
import socket
import ssl

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.tls import InnerServer, tls_server
from urllib3.exceptions import ProxySchemeUnsupported
from urllib3.response import HTTPResponse
from urllib3.util import ssl_wrap_socket, ssltransport
from urllib3.util.ssltransport import SSLTransport


@contextlib.contextmanager
def outer(certificates, talk):
    """A socket secured by the outer TLS; the far end hands its own to TALK."""
    with tls_server(certificates.localhost.server_context(), talk) as server:
        context = ssl.create_default_context(cafile=certificates.ca)
        with socket.create_connection(("127.0.0.1", server.port), timeout=10) as raw:
            with context.wrap_socket(raw, server_hostname="localhost") as sock:
                yield sock


@contextlib.contextmanager
def transport(certificates, talk, identity=None, **kw):
    """A transport, and TALK with the inner stream at the far end."""
    inner_context = (identity or certificates.example).server_context()
    with outer(certificates, lambda sock: talk(InnerServer(sock, inner_context))) as sock:
        context = ssl.create_default_context(cafile=certificates.ca)
        context.set_alpn_protocols(["http/1.1"])
        yield SSLTransport(sock, context, server_hostname="example.com", **kw)


def echo(inner):
    while received := inner.recv(65536):
        inner.sendall(received)


def until_eof(inner):
    while inner.recv(65536):
        pass


def hang_up_rudely(inner):
    inner.outer.shutdown(socket.SHUT_RDWR)


def test_it_speaks_as_any_tls_socket_does(certificates):
    with transport(certificates, echo) as sock:
        assert sock.version() == "TLSv1.3"
        assert sock.cipher()[1] == "TLSv1.3"
        assert sock.selected_alpn_protocol() == "http/1.1"
        assert (sock.compression(), sock.shared_ciphers()) == (None, None)
        assert ("DNS", "example.com") in sock.getpeercert()["subjectAltName"]
        assert sock.getpeercert(binary_form=True) == certificates.example.der
        assert isinstance(sock.incoming, ssl.MemoryBIO)
        assert isinstance(sock.outgoing, ssl.MemoryBIO)
        assert isinstance(sock.sslobj, ssl.SSLObject)
        assert sock.suppress_ragged_eofs is True


def test_it_is_what_wrapping_a_secured_socket_makes(certificates):
    context = certificates.example.server_context()
    with outer(certificates, lambda sock: echo(InnerServer(sock, context))) as sock:
        inner = ssl_wrap_socket(
            sock, ca_certs=certificates.ca, server_hostname="example.com", tls_in_tls=True
        )
        assert type(inner) is SSLTransport
        assert inner.socket is sock


def test_the_rest_is_the_outer_sockets(certificates):
    with transport(certificates, echo) as sock:
        assert sock.fileno() == sock.socket.fileno()
        sock.settimeout(7)
        assert sock.gettimeout() == sock.socket.gettimeout() == 7
        with sock as same:
            assert same is sock
        assert sock.fileno() == -1


@settings(max_examples=15)
@given(
    sent=st.tuples(st.binary(min_size=1, max_size=200), st.sampled_from([1, 700])),
    kind=st.sampled_from([bytes, bytearray, memoryview]),
    reads=st.lists(st.tuples(st.integers(1, 50_000), st.booleans()), min_size=1),
)
def test_what_is_sent_comes_back(echoing, sent, kind, reads):
    data = sent[0] * sent[1]
    echoing.sendall(kind(data))
    received = bytearray()
    for size, into in itertools.cycle(reads):
        if into:
            buffer = bytearray(size)
            received += buffer[: echoing.recv_into(buffer)]
        else:
            received += echoing.recv(size)
        if len(received) >= len(data):
            break
    assert received == data


@pytest.fixture(scope="module")
def echoing(certificates):
    with transport(certificates, echo) as sock:
        yield sock


def test_a_buffer_is_filled_as_far_as_asked(echoing):
    echoing.sendall(b"abcdef")
    buffer = bytearray(b"........")
    assert echoing.recv_into(buffer, 2) == 2
    assert echoing.recv_into(memoryview(buffer)[4:]) == 4
    assert bytes(buffer) == b"ab..cdef"


def test_send_says_how_much_it_took(echoing):
    assert echoing.send(b"abc") == 3
    assert echoing.read(3) == b"abc"
    echoing.sendall(b"")
    echoing.sendall(memoryview(b"abcd").cast("H"))
    assert echoing.recv() == b"abcd"


def test_a_large_body_arrives_whole(certificates):
    body = bytes(range(256)) * 20_000
    got = []

    def talk(inner):
        got.append(inner.recv_exactly(len(body)))
        inner.sendall(b"thanks")

    with transport(certificates, talk) as sock:
        sock.sendall(body)
        assert sock.recv(6) == b"thanks"
    assert got == [body]


@pytest.mark.parametrize("method", ["recv", "recv_into", "send", "sendall"])
def test_flags_are_refused(echoing, method):
    argument = 1 if method == "recv" else bytearray(1)
    with pytest.raises(ValueError) as error:
        getattr(echoing, method)(argument, flags=1)
    assert str(error.value) == f"non-zero flags not allowed in calls to {method}"


def test_the_outer_sockets_timeout_is_a_timeout(certificates):
    with transport(certificates, until_eof) as sock:
        sock.settimeout(0.05)
        with pytest.raises(TimeoutError):
            sock.recv(1)


def test_an_end_without_notice_is_an_end_unless_it_matters(certificates):
    with transport(certificates, hang_up_rudely) as sock:
        assert sock.recv(10) == b""
        assert sock.recv_into(bytearray(10)) == 0
    with transport(certificates, hang_up_rudely, suppress_ragged_eofs=False) as sock:
        with pytest.raises(ssl.SSLError) as error:
            sock.recv(10)
        assert error.value.errno == ssl.SSL_ERROR_EOF


def test_an_end_with_notice_is_an_end(certificates):
    def talk(inner):
        inner.sendall(b"last")
        with contextlib.suppress(ssl.SSLError):
            inner.do(inner.tls.unwrap)

    with transport(certificates, talk, suppress_ragged_eofs=False) as sock:
        assert sock.recv(10) == b"last"
        assert sock.recv(10) == b""
        assert sock.unwrap() is None


# ---------------------------------------------------------------- failure


def test_a_refused_certificate_leaves_the_outer_socket_open_and_tells_the_peer(certificates):
    told = []

    def talk(sock):
        try:
            InnerServer(sock, certificates.localhost.server_context()).recv(1)
        except ssl.SSLError as error:
            told.append(error.reason)
        sock.sendall(b"still here")

    with outer(certificates, talk) as sock:
        context = ssl.create_default_context(cafile=certificates.ca)
        with pytest.raises(ssl.SSLCertVerificationError, match=r"not valid for 'example\.com'"):
            SSLTransport(sock, context, server_hostname="example.com")
        assert sock.recv(100) == b"still here"
    assert told == ["SSLV3_ALERT_BAD_CERTIFICATE"] or told == ["TLSV1_ALERT_UNKNOWN_CA"]


def test_an_alert_that_cannot_be_sent_does_not_hide_what_went_wrong(certificates):
    class Broken:
        """A peer that talks nonsense and listens to nobody."""

        sent = 0

        def sendall(self, data):
            self.sent += 1
            if self.sent > 1:
                raise BrokenPipeError

        def recv(self, size):
            return b"\x15\x03\x01 nonsense"

    context = ssl.create_default_context()
    with pytest.raises(ssl.SSLError) as error:
        SSLTransport(Broken(), context, server_hostname="example.com")
    assert not isinstance(error.value, BrokenPipeError)


def test_a_context_that_wraps_nothing_but_sockets_is_refused():
    with pytest.raises(ProxySchemeUnsupported) as error:
        SSLTransport._validate_ssl_context_for_tls_in_tls(object())
    assert str(error.value) == (
        "TLS in TLS requires SSLContext.wrap_bio() which isn't available on non-native SSLContext"
    )
    assert SSLTransport._validate_ssl_context_for_tls_in_tls(ssl.create_default_context()) is None


def test_it_is_not_a_socket(certificates):
    for name in ("shutdown", "context", "getpeername", "setsockopt", "getsockname", "pending"):
        assert not hasattr(SSLTransport, name)
    with transport(certificates, echo) as sock:
        with pytest.raises(AttributeError):
            sock.shutdown  # noqa: B018
    response = HTTPResponse(body=b"")
    with pytest.raises(ValueError) as error:
        response.shutdown()
    assert str(error.value) == "Cannot shutdown socket as self._sock_shutdown is not set"


# ---------------------------------------------------------------- files


@pytest.mark.parametrize(
    ("mode", "buffering", "kind"),
    [
        ("rb", None, io.BufferedReader),
        ("rb", -1, io.BufferedReader),
        ("wb", None, io.BufferedWriter),
        ("rwb", None, io.BufferedRWPair),
        ("r", None, io.TextIOWrapper),
        ("w", 100, io.TextIOWrapper),
        ("rb", 0, socket.SocketIO),
    ],
)
def test_files_are_of_the_kind_that_sockets_make(certificates, mode, buffering, kind):
    with transport(certificates, echo) as sock:
        with sock.makefile(mode, buffering) as file:
            assert type(file) is kind


def test_lines_go_and_come_through_files(certificates):
    with transport(certificates, echo) as sock:
        with sock.makefile("w", encoding="utf-8", newline="\r\n") as out:
            out.write("Grüße\nund mehr\n")
        with sock.makefile("r", encoding="utf-8") as lines:
            assert lines.mode == "r"
            assert [lines.readline(), lines.readline()] == ["Grüße\n", "und mehr\n"]
        with sock.makefile("rwb") as both:
            both.write(b"x\n")
            both.flush()
            assert both.readline() == b"x\n"


def test_the_socket_stays_open_until_its_files_are_closed(certificates):
    with transport(certificates, echo) as sock:
        file = sock.makefile("rb")
        sock.sendall(b"abc")
        sock.close()
        assert file.read(3) == b"abc"
        assert sock.fileno() != -1
        file.close()
        assert sock.fileno() == -1


@pytest.mark.parametrize(
    ("mode", "buffering", "text"),
    [
        ("x", None, "invalid mode 'x' (only r, w, b allowed)"),
        ("r+", None, "invalid mode 'r+' (only r, w, b allowed)"),
        ("r", 0, "unbuffered streams must be binary"),
    ],
)
def test_a_file_that_cannot_be_made_holds_nothing_open(certificates, mode, buffering, text):
    with transport(certificates, echo) as sock:
        with pytest.raises(ValueError) as error:
            sock.makefile(mode, buffering)
        assert str(error.value) == text
        sock.close()
        assert sock.fileno() == -1


def test_names_and_defaults_are_as_given():
    assert ssltransport.SSL_BLOCKSIZE == 16384
    parameters = inspect.signature(SSLTransport).parameters
    assert list(parameters) == [
        *("socket", "ssl_context", "server_hostname", "suppress_ragged_eofs")
    ]
    assert inspect.signature(SSLTransport.read).parameters["len"].default == 1024
    assert inspect.signature(SSLTransport.recv).parameters["buflen"].default == 1024


# ---------------------------------------------------------------- the loop that others know by name


class Tape:
    """Both buffers and the outer socket of a transport, and what is done with them."""

    pending = 1

    def __init__(self):
        self.done = []

    def read(self):
        return b"said"

    def write(self, data):
        self.done.append(("heard", data))

    def sendall(self, data):
        self.done.append(("sent", data))

    def recv(self, size):
        self.done.append(("recv", size))
        return b"reply"


def on_tape():
    transport = SSLTransport.__new__(SSLTransport)
    transport.socket = transport.incoming = transport.outgoing = tape = Tape()
    transport.suppress_ragged_eofs = True
    return transport, tape


@pytest.mark.parametrize(
    ("given", "handed_on"),
    [((), ()), ((5,), (5,)), ((None,), ()), ((5, None), (5,)), ((None, b"b"), (None, b"b"))],
)
def test_arguments_that_are_none_are_not_handed_on(given, handed_on):
    transport, tape = on_tape()
    assert transport._ssl_io_loop(lambda *args: args, *given) == handed_on
    assert tape.done == [("sent", b"said")]


def test_the_loop_carries_until_the_operation_is_done():
    transport, tape = on_tape()
    wants = [ssl.SSLWantReadError(), ssl.SSLWantReadError()]

    def operation(arg):
        if wants:
            raise wants.pop()
        return arg

    assert transport._ssl_io_loop(operation, arg1=7) == 7
    turn = [("sent", b"said"), ("recv", 16384), ("heard", b"reply")]
    assert tape.done == [*turn, *turn, ("sent", b"said")]


def test_whoever_replaces_the_loop_sees_every_operation():
    asked = []

    class Own(SSLTransport):
        def _ssl_io_loop(self, func, arg1=None, arg2=None):
            asked.append((func.__name__, bytes(arg1) if isinstance(arg1, memoryview) else arg1))
            return 1

    context = ssl.create_default_context()
    transport = Own(socket.socket(), context, "localhost")
    with transport.socket:
        transport.read(3)
        transport.recv(4)
        transport.recv_into(bytearray(5))
        transport.send(b"x")
        transport.sendall(b"yz")
        transport.unwrap()
    assert asked == [
        ("do_handshake", None),
        ("read", 3),
        ("read", 4),
        ("read", 5),
        ("write", b"x"),
        ("write", b"yz"),
        ("write", b"z"),
        ("unwrap", None),
    ]
