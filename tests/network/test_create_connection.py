"""Opening a connection: names, addresses in turn, options, failures."""

from __future__ import annotations

import contextlib
import gc
import socket
import weakref

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import urllib3
from tests.support.scripted import serve
from tests.support.tables import check, rows
from urllib3.exceptions import LocationParseError
from urllib3.util import connection as C
from urllib3.util.connection import create_connection

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
V4 = (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("1.2.3.4", 80))
A = (2, socket.SOCK_STREAM, 6, "", ("a", 1))
B = (10, socket.SOCK_STREAM, 6, "", ("b", 2, 0, 0))


class O:  # noqa: E742  # the name that the tables show
    def __init__(self, **attributes):
        self.__dict__.update(attributes)


# ---------------------------------------------------------------- with a resolver of our own


class Network:
    """Stands for the resolver and for sockets, and keeps what was asked of them."""

    def __init__(self, infos=(V4,), fail=None):
        self.infos = infos
        self.fail = fail or {}
        self.calls = []

    def getaddrinfo(self, host, port, family, kind):
        assert kind is socket.SOCK_STREAM
        self.calls.append(("gai", host, port, family.name))
        return self.infos

    def socket(self, family, kind, proto):
        self.calls.append(("socket", int(family), int(kind), proto))
        return Pretended(self)


class Pretended:
    def __init__(self, network):
        self.network = network

    def __getattr__(self, name):
        return lambda *args: self.network.calls.append((name, *args))

    def connect(self, place):
        self.network.calls.append(("connect", place))
        if place in self.network.fail:
            raise self.network.fail[place]


@pytest.fixture
def cc(monkeypatch):
    def run(address, infos=(V4,), fail=None, **kw):
        network = Network(infos, fail)
        with monkeypatch.context() as patched:
            patched.setattr(socket, "getaddrinfo", network.getaddrinfo)
            patched.setattr(socket, "socket", network.socket)
            try:
                made = create_connection(address, **kw)
            except Exception as error:
                return f"{type(error).__name__}: {error}", network.calls
        assert isinstance(made, Pretended)
        return "connected", network.calls

    return run


@pytest.mark.parametrize("row", rows("create-connection"))
def test_the_table_of_connections(row, cc, monkeypatch):
    monkeypatch.setattr(C, "HAS_IPV6", True)

    def v4(call):
        with monkeypatch.context() as patched:
            patched.setattr(C, "HAS_IPV6", False)
            return call()

    check(row, {"A": A, "B": B, "C": C, "cc": cc, "o": O, "v4": v4})


def test_the_seams_of_other_programs_are_looked_up_at_each_call(cc, monkeypatch):
    set_options = []
    monkeypatch.setattr(C, "allowed_gai_family", lambda: socket.AF_INET6)
    monkeypatch.setattr(C, "_set_socket_options", lambda *args: set_options.append(args[1]))
    result, calls = cc(("h", 80), socket_options=[(1, 2, 3)])
    assert result == "connected"
    assert calls[0] == ("gai", "h", 80, "AF_INET6")
    assert set_options == [[(1, 2, 3)]]


def test_no_options_are_nothing_to_set():
    assert C._set_socket_options(None, None) is None
    assert C._TYPE_SOCKET_OPTIONS is not None


def test_an_error_of_the_resolver_comes_out_as_it_is(monkeypatch):
    error = socket.gaierror(socket.EAI_NONAME, "who?")

    def fail(*_):
        raise error

    monkeypatch.setattr(socket, "getaddrinfo", fail)
    with pytest.raises(socket.gaierror) as raised:
        create_connection(("h", 80))
    assert raised.value is error


@pytest.mark.parametrize(("timeout", "error"), [(-1, ValueError), ("soon", TypeError)])
def test_a_timeout_that_is_none_is_an_error_of_the_caller(timeout, error):
    # The socket is closed, too: an open one would be a ResourceWarning here.
    with pytest.raises(error):
        create_connection(("127.0.0.1", 9), timeout=timeout)
    gc.collect()


def test_each_address_has_the_whole_timeout(cc):
    failure = {("a", 1): OSError("e1")}
    _, calls = cc(("h", 80), [A, B], failure, timeout=7)
    assert calls.count(("settimeout", 7)) == 2
    assert calls[-1] == ("connect", ("b", 2, 0, 0))


def test_a_failure_leaves_no_reference_cycle(monkeypatch):
    watched = []

    class Refused(OSError):
        def __init__(self, *_):
            super().__init__("no")
            watched.append(weakref.ref(self))

    def refuse(*_):
        raise Refused

    monkeypatch.setattr(socket, "getaddrinfo", lambda *_: [A, B])
    monkeypatch.setattr(socket, "socket", refuse)
    gc.disable()  # so that only counting references frees anything
    try:
        with contextlib.suppress(Refused):
            create_connection(("h", 80))
        assert [error() for error in watched] == [None, None]
    finally:
        gc.enable()


def test_a_first_address_that_refuses_does_not_keep_the_pool_alive(monkeypatch):
    with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as unused:
        refusing = unused.getsockname()[1]
    gc.disable()  # so that only counting references frees anything
    try:
        with serve(handler=lambda _: OK) as server:
            places = [("127.0.0.1", refusing), ("127.0.0.1", server.port)]
            found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", place) for place in places]
            monkeypatch.setattr(socket, "getaddrinfo", lambda *_: found)
            with urllib3.PoolManager(retries=False) as http:
                assert http.request("GET", "http://two.example/").data == b"ok"
            monkeypatch.undo()
    finally:
        gc.enable()


# ---------------------------------------------------------------- names


NAME = st.lists(st.text("ab-_*", max_size=70), max_size=4).map(".".join)


@given(st.one_of(NAME, st.text(max_size=80)))
@example(".")
@example("a..")
@example("")
@example("a" * 63 + "." + "b" * 64)
def test_a_name_is_refused_exactly_where_the_idna_codec_refuses_it(name):
    try:
        name.encode("idna")
        fine = True
    except UnicodeError:
        fine = False
    if fine:
        C._check_labels(name)
    else:
        with pytest.raises(LocationParseError) as refusal:
            C._check_labels(name)
        assert str(refusal.value) == f"Failed to parse: '{name}', label empty or too long"
        assert refusal.value.__suppress_context__ or refusal.value.__context__ is None


# ---------------------------------------------------------------- with real sockets


@pytest.fixture
def listener():
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server


def test_a_real_socket_gets_its_options_and_timeout(listener):
    options = [(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)]
    with create_connection(listener.getsockname(), 7, socket_options=options) as sock:
        assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        assert sock.gettimeout() == 7
        assert sock.getpeername() == listener.getsockname()


def test_nothing_is_set_that_was_not_asked_for(listener):
    with create_connection(listener.getsockname()) as sock:
        assert not sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        assert sock.gettimeout() is None


def test_it_comes_from_the_address_that_was_asked_for(listener):
    source = ("127.0.0.1", 0)
    with create_connection(listener.getsockname(), source_address=source) as sock:
        accepted, place = listener.accept()
        accepted.close()
        assert place == sock.getsockname()


def test_an_address_where_nobody_listens_is_passed_over(listener, monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as gone:
        nobody = gone.getsockname()
    kind = (socket.AF_INET, socket.SOCK_STREAM, 0, "")
    found = [(*kind, nobody), (*kind, listener.getsockname())]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_: found)
    with create_connection(("h", 80), timeout=30) as sock:
        assert sock.getpeername() == listener.getsockname()


def test_an_address_where_nobody_listens_is_the_error_of_the_system():
    with socket.create_server(("127.0.0.1", 0)) as gone:
        nobody = gone.getsockname()
    with pytest.raises(ConnectionRefusedError):
        create_connection(nobody, timeout=30)


def test_whether_there_is_ipv6_is_found_by_binding(monkeypatch):
    assert C._has_ipv6("::1") is C.HAS_IPV6
    assert C._has_ipv6("not an address") is False
    monkeypatch.setattr(socket, "has_ipv6", False)
    assert C._has_ipv6("::1") is False


def test_brackets_are_no_part_of_an_address():
    if not C.HAS_IPV6:
        pytest.skip("this machine has no IPv6")
    with (
        socket.create_server(("::1", 0), family=socket.AF_INET6) as server,
        create_connection(("[::1]", server.getsockname()[1])) as sock,
    ):
        assert sock.getpeername()[0] == "::1"
