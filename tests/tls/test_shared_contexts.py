"""One context, several connections: none of them verifies less, or trusts others, than it asked."""

from __future__ import annotations

import contextlib
import itertools
import os
import socket
import ssl
import subprocess
import sys
import threading
from pathlib import Path
from unittest import mock

import pytest

pytest.importorskip("OpenSSL", reason="pyOpenSSL is not installed")

import OpenSSL.crypto

import urllib3
from tests.support.certificates import PASSWORD, make
from tests.support.tls import tls_server, tunnel_to
from urllib3 import HTTPSConnectionPool, PoolManager, ProxyManager
from urllib3._network import contexts, files
from urllib3._network.contexts import Demand, asking, own_verify_mode
from urllib3._network.files import FilesThen
from urllib3.connection import HTTPSConnection
from urllib3.contrib.pyopenssl import PyOpenSSLContext
from urllib3.exceptions import MaxRetryError, SSLError
from urllib3.util import ssl_
from urllib3.util.ssl_ import create_urllib3_context
from urllib3.util.ssl_match_hostname import CertificateError

REQUIRED, OPTIONAL, NONE = ssl.CERT_REQUIRED, ssl.CERT_OPTIONAL, ssl.CERT_NONE

pytestmark = pytest.mark.filterwarnings("ignore::urllib3.exceptions.InsecureRequestWarning")


@pytest.fixture(scope="session")
def strangers(tmp_path_factory):
    """Certificates of an authority that no test trusts unless it says so."""
    return make(tmp_path_factory.mktemp("strangers"))


@pytest.fixture
def known(certificates):
    with tls_server(certificates.localhost.server_context()) as server:
        yield server


@pytest.fixture
def unknown(strangers):
    with tls_server(strangers.localhost.server_context()) as server:
        yield server


@pytest.fixture
def elsewhere(certificates):
    """A server whose certificate is for other names than ``localhost``."""
    with tls_server(certificates.example.server_context()) as server:
        yield server


def trusting(certificates, mode=REQUIRED, checks_name=False):
    context = create_urllib3_context()
    context.load_verify_locations(certificates.ca)
    context.check_hostname = checks_name
    context.verify_mode = mode
    return context


def by_pool(server, context, options):
    return HTTPSConnectionPool(
        "localhost", server.port, ssl_context=context, retries=False, timeout=10, **options
    )


def by_manager(server, context, options):
    manager = PoolManager(ssl_context=context, retries=False, timeout=10, **options)
    return manager.connection_from_url(f"https://localhost:{server.port}")


def outcome(pool):
    try:
        return pool.request("GET", "/").status
    except SSLError:
        return "refused"
    finally:
        pool.close()


# ---------------------------------------------------------------- a caller's context

#: How each asks one context, and whether the server with the unknown authority is let through.
ASKED = {
    "the context's own": ({}, "refused"),
    "required": ({"cert_reqs": "CERT_REQUIRED"}, "refused"),
    "optional": ({"cert_reqs": "CERT_OPTIONAL"}, "refused"),
    "another name": ({"assert_hostname": "localhost"}, "refused"),
    "no name": ({"assert_hostname": False}, "refused"),
    "nothing": ({"cert_reqs": "CERT_NONE"}, 200),
}


@pytest.mark.parametrize("way", [by_pool, by_manager])
@pytest.mark.parametrize(
    "order", list(itertools.permutations(["the context's own", "required", "no name", "nothing"]))
)
def test_in_every_order_each_verifies_what_it_asked(certificates, unknown, way, order):
    context = trusting(certificates)
    for asked in order:
        options, expected = ASKED[asked]
        assert outcome(way(unknown, context, options)) == expected
        assert Demand.of(context) == (REQUIRED, False)


@pytest.mark.parametrize("way", [by_pool, by_manager])
def test_at_the_same_time_each_verifies_what_it_asked(certificates, unknown, way):
    results = {asked: set() for asked in ASKED}
    for _ in range(12):
        context = trusting(certificates)
        gate = threading.Barrier(len(ASKED))

        def ask(asked, context=context, gate=gate):
            gate.wait(10)
            results[asked].add(outcome(way(unknown, context, ASKED[asked][0])))

        with switching_often():
            in_threads([lambda asked=asked: ask(asked) for asked in ASKED])
        assert Demand.of(context) == (REQUIRED, False)
    assert results == {asked: {expected} for asked, (_, expected) in ASKED.items()}


def test_at_the_same_time_each_checks_the_name_it_asked(certificates, elsewhere):
    asked = {
        "the host": ({}, "refused"),
        "none": ({"assert_hostname": False}, 200),
        "the right one": ({"assert_hostname": "example.com"}, 200),
        "a wrong one": ({"assert_hostname": "example.org"}, "refused"),
    }
    results = {name: set() for name in asked}
    context = trusting(certificates, checks_name=True)

    def ask(name):
        for _ in range(10):
            results[name].add(outcome(by_pool(elsewhere, context, asked[name][0])))

    with switching_often():
        in_threads([lambda name=name: ask(name) for name in asked])
    assert results == {name: {expected} for name, (_, expected) in asked.items()}
    assert Demand.of(context) == (REQUIRED, True)


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_the_same_context_to_a_proxy_and_through_it(certificates, strangers, unknown, order):
    """TLS in TLS: the proxy is known, the origin is not."""
    cases = [
        ({}, "refused"),
        ({"cert_reqs": "CERT_NONE"}, 200),
        ({"assert_hostname": False}, "refused"),
    ]
    context = trusting(certificates)
    with tls_server(certificates.localhost.server_context(), through(unknown.port)) as proxy:
        for options, expected in [cases[index] for index in order]:
            with ProxyManager(
                f"https://localhost:{proxy.port}",
                proxy_ssl_context=context,
                ssl_context=context,
                retries=False,
                timeout=10,
                **options,
            ) as manager:
                pool = manager.connection_from_url(f"https://localhost:{unknown.port}")
                assert outcome(pool) == expected
            assert Demand.of(context) == (REQUIRED, False)


def test_a_proxys_context_verifies_although_a_pool_asks_it_not_to(certificates, unknown, known):
    context = trusting(certificates)
    assert outcome(by_pool(unknown, context, {"cert_reqs": "CERT_NONE"})) == 200
    with (
        ProxyManager(
            f"https://localhost:{unknown.port}",
            proxy_ssl_context=context,
            retries=False,
            timeout=10,
        ) as manager,
        pytest.raises(urllib3.exceptions.ProxyError, match="CERTIFICATE_VERIFY_FAILED"),
    ):
        manager.request("GET", f"https://localhost:{known.port}/")


def through(port):
    """What an HTTP proxy does for the length of one connection."""

    def talk(sock):
        head = b""
        while b"\r\n\r\n" not in head:
            received = sock.recv(65536)
            if not received:
                return  # refused
            head += received
        sock.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        tunnel_to(port)(sock)

    return talk


@pytest.mark.parametrize(
    ("own", "asked", "is_verified"),
    [
        (Demand(NONE, False), {"cert_reqs": "CERT_REQUIRED"}, True),
        (Demand(OPTIONAL, False), {"cert_reqs": "CERT_REQUIRED"}, True),
        (Demand(REQUIRED, False), {"cert_reqs": "CERT_NONE"}, False),
        (Demand(REQUIRED, True), {"cert_reqs": "CERT_OPTIONAL"}, False),
        (Demand(REQUIRED, True), {"assert_hostname": "localhost"}, True),
        (Demand(NONE, False), {}, False),
    ],
)
def test_what_counts_is_what_the_connection_asked(certificates, known, own, asked, is_verified):
    context = trusting(certificates, own.verify_mode, own.check_hostname)
    conn = HTTPSConnection("localhost", known.port, timeout=10, ssl_context=context, **asked)
    conn.connect()
    assert conn.is_verified is is_verified
    assert conn.sock.context is context
    assert Demand.of(context) == own
    conn.close()


def test_a_connection_that_left_it_to_the_context_asks_what_that_says_when_it_opens(
    certificates, unknown
):
    """A pool opens one connection again and again, whenever the server has closed it."""
    context = trusting(certificates, NONE)
    with by_pool(unknown, context, {}) as pool:
        assert pool.request("GET", "/", headers={"Connection": "close"}).status == 200
        pool.pool.queue[-1].close()
        context.verify_mode = REQUIRED
        with pytest.raises(SSLError):
            pool.request("GET", "/")
        assert pool.num_connections == 1
    with by_pool(unknown, context, {"cert_reqs": "CERT_NONE"}) as pool:
        assert pool.request("GET", "/").status == 200


@pytest.mark.parametrize(
    "asked",
    [
        {"cert_reqs": "CERT_REQUIRED"},
        {"assert_hostname": "localhost"},
        {"assert_fingerprint": "ab" * 32},
        {"cert_file": "/no/such/file"},
        {"ca_certs": "/no/such/file"},
    ],
)
def test_a_context_is_put_back_when_the_handshake_fails(certificates, unknown, asked):
    for own in (Demand(NONE, False), Demand(REQUIRED, True)):
        context = trusting(certificates, own.verify_mode, own.check_hostname)
        conn = HTTPSConnection("localhost", unknown.port, timeout=10, ssl_context=context, **asked)
        with contextlib.suppress(OSError, SSLError, CertificateError):
            conn.connect()
        conn.close()
        assert Demand.of(context) == own


def test_no_other_connection_waits_for_a_handshake_that_stalls(certificates, known):
    context = trusting(certificates)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        stalled = HTTPSConnection(
            "localhost", silent.getsockname()[1], ssl_context=context, cert_reqs="CERT_NONE"
        )
        thread = threading.Thread(target=lambda: in_vain(stalled.connect))
        thread.start()
        peer, _ = silent.accept()
        assert peer.recv(1)  # the hello: the handshake has begun
        assert outcome(by_pool(known, context, {})) == 200
        assert outcome(by_pool(known, context, {"assert_hostname": False})) == 200
        peer.close()
        thread.join(10)
        stalled.close()


def in_vain(operation):
    with contextlib.suppress(OSError):
        operation()


# ---------------------------------------------------------------- the moment itself


class Recorded:
    """A context of nobody's class, whose attributes are plain."""

    __hash__ = None

    def __init__(self, **attributes):
        self.__dict__.update(attributes)

    def __eq__(self, other):
        return True  # a wrapper might


def test_the_owner_is_asked_and_not_whoever_has_borrowed_it(certificates):
    context = trusting(certificates)
    seen, demand = asking(
        context, NONE, True, lambda: (context.verify_mode, own_verify_mode(context))
    )
    assert seen == (NONE, REQUIRED)
    assert demand == (NONE, False)
    assert own_verify_mode(context) == REQUIRED


def test_whoever_asks_something_else_waits_as_long_as_its_socket_would(certificates):
    context = trusting(certificates)
    with socket.socket() as impatient:
        impatient.settimeout(0.01)

        def other():
            with pytest.raises(TimeoutError, match="others who use the same ssl_context"):
                asking(context, REQUIRED, False, lambda: None, impatient)

        asking(context, NONE, True, lambda: in_threads([other]))
    assert Demand.of(context) == (REQUIRED, False)


def test_whoever_waits_goes_on_when_the_context_is_back(certificates):
    context = trusting(certificates)
    seen = []
    begun = threading.Event()

    def other():
        begun.set()
        asking(context, REQUIRED, False, lambda: seen.append(context.verify_mode))

    thread = threading.Thread(target=other)

    def first():
        thread.start()
        begun.wait(10)
        seen.append(context.verify_mode)

    asking(context, NONE, True, first)
    thread.join(10)
    assert seen == [NONE, REQUIRED]


def test_whoever_asks_the_same_does_not_wait(certificates):
    context = trusting(certificates)
    seen = []

    def other():
        asking(context, NONE, True, lambda: seen.append(context.verify_mode))

    asking(
        context, NONE, True, lambda: in_threads([other, other]) or seen.append(context.verify_mode)
    )
    assert seen == [NONE, NONE, NONE]
    assert Demand.of(context) == (REQUIRED, False)


def test_a_signal_handler_may_ask_something_else_in_between(certificates):
    context = trusting(certificates)

    def interrupted():
        before = context.verify_mode
        within, _ = asking(context, REQUIRED, False, lambda: context.verify_mode)
        return before, within, context.verify_mode

    assert asking(context, NONE, True, interrupted)[0] == (NONE, REQUIRED, NONE)
    assert Demand.of(context) == (REQUIRED, False)


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit, GeneratorExit, OSError])
def test_it_is_put_back_whatever_is_raised(certificates, error):
    context = trusting(certificates, checks_name=True)

    def make():
        assert context.check_hostname is False
        raise error

    with pytest.raises(error):
        asking(context, REQUIRED, True, make)
    assert Demand.of(context) == (REQUIRED, True)
    assert contexts._loans == {}


def test_an_exception_while_it_is_put_back_does_not_leave_it_changed():
    class Interrupted:
        check_hostname = False
        interruptions = 0

        def __init__(self):
            self.mode = REQUIRED

        @property
        def verify_mode(self):
            return self.mode

        @verify_mode.setter
        def verify_mode(self, value):
            if value == REQUIRED and not self.interruptions:
                self.interruptions += 1
                raise KeyboardInterrupt
            self.mode = value

    context = Interrupted()
    with pytest.raises(KeyboardInterrupt):
        asking(context, NONE, False, lambda: None)
    assert (context.mode, context.interruptions) == (REQUIRED, 1)
    assert contexts._loans == {}


def test_what_could_not_be_put_back_is_put_back_by_the_next(certificates, monkeypatch):
    context = trusting(certificates, checks_name=True)

    def interrupted(context):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        asking(context, REQUIRED, True, lambda: patch.setattr(contexts, "_give_back", interrupted))
    assert context.check_hostname is False
    assert own_verify_mode(context) == REQUIRED
    seen, demand = asking(context, OPTIONAL, False, lambda: Demand.of(context))
    assert seen == demand == (OPTIONAL, True)
    assert Demand.of(context) == (REQUIRED, True)
    assert contexts._loans == {}


def test_a_context_may_be_anything_and_lacks_afterwards_what_it_lacked_before():
    bare = Recorded()
    assert asking(bare, NONE, True, lambda: dict(vars(bare)))[0] == {
        "verify_mode": NONE,
        "check_hostname": False,
    }
    assert vars(bare) == {}
    full = Recorded(verify_mode=OPTIONAL, check_hostname=True)
    assert asking(full, REQUIRED, False, lambda: dict(vars(full)))[1] == (REQUIRED, True)
    assert vars(full) == {"verify_mode": OPTIONAL, "check_hostname": True}


def test_a_context_may_be_a_mock():
    context = mock.MagicMock()
    mode = context.verify_mode
    _, demand = asking(context, NONE, True, lambda: None)
    assert demand == (NONE, False)
    assert context.verify_mode is mode


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_child_of_fork_finds_the_context_as_its_owner_left_it(certificates):
    code = f"""
import os, ssl, threading, warnings
from urllib3._network.contexts import Demand, asking
warnings.simplefilter("ignore")
context = ssl.create_default_context(cafile={certificates.ca!r})
borrowed, done = threading.Event(), threading.Event()
thread = threading.Thread(
    target=asking,
    args=(context, ssl.CERT_REQUIRED, True, lambda: borrowed.set() or done.wait(20)),
)
thread.start()
borrowed.wait(10)
assert context.check_hostname is False
child = os.fork()
if child == 0:
    import signal
    signal.alarm(10)
    before = Demand.of(context)
    within, _ = asking(context, ssl.CERT_REQUIRED, False, lambda: Demand.of(context))
    os._exit(0 if before == within == (ssl.CERT_REQUIRED, True) else 3)
status = os.waitpid(child, 0)[1]
assert context.check_hostname is False
done.set()
thread.join()
assert context.check_hostname is True
print("status", status)
"""
    assert run(code) == "status 0\n"


def run(code):
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": str(Path(urllib3.__file__).parents[1])},
        capture_output=True,
        encoding="utf-8",
        timeout=50,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@contextlib.contextmanager
def switching_often():
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        yield
    finally:
        sys.setswitchinterval(before)


def in_threads(operations):
    """Run each in a thread; raises what the first of them raised."""
    raised = []

    def guarded(operation):
        try:
            operation()
        except BaseException as error:
            raised.append(error)

    threads = [threading.Thread(target=guarded, args=(operation,)) for operation in operations]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    if raised:
        raise raised[0]


# ---------------------------------------------------------------- contexts of others


class Whole(ssl.SSLContext):
    """Like truststore's: what it asks is read after the handshake, within ``wrap_socket``."""

    def wrap_socket(self, sock, server_hostname=None, **kw):
        secured = super().wrap_socket(sock, server_hostname=server_hostname, **kw)
        self.asked.append((self.verify_mode, self.check_hostname))
        return secured


def test_a_context_with_a_wrapping_of_its_own_is_asked_until_that_returns(certificates, known):
    context = Whole(ssl.PROTOCOL_TLS_CLIENT)
    context.asked = []
    context.load_verify_locations(certificates.ca)
    assert outcome(by_pool(known, context, {"assert_hostname": "localhost"})) == 200
    assert outcome(by_pool(known, context, {})) == 200
    assert context.asked == [(REQUIRED, False), (REQUIRED, True)]


def test_one_that_makes_its_own_contexts_has_each_connection_make_one(
    certificates, known, monkeypatch
):
    monkeypatch.setattr(ssl_, "SSLContext", type("Its", (Whole,), {"asked": []}))
    with HTTPSConnectionPool("localhost", known.port, ca_certs=certificates.ca) as pool:
        assert context_of_next(pool) is not context_of_next(pool)


def test_pyopenssls_context_verifies_what_each_asks_although_it_was_used(certificates, unknown):
    context = PyOpenSSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(certificates.ca)
    context.verify_mode = REQUIRED
    for asked in ["the context's own", "nothing", "required", "nothing", "the context's own"]:
        options, expected = ASKED[asked]
        assert outcome(by_pool(unknown, context, options)) == expected
        assert context.verify_mode == REQUIRED


def test_pyopenssls_context_checks_the_name_if_it_says_so(certificates, elsewhere, known):
    context = PyOpenSSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(certificates.ca)
    context.verify_mode = REQUIRED
    context.check_hostname = True
    assert outcome(by_pool(known, context, {})) == 200
    assert outcome(by_pool(elsewhere, context, {})) == "refused"
    assert outcome(by_pool(elsewhere, context, {"assert_hostname": "example.com"})) == 200


# ---------------------------------------------------------------- a context that is kept


def context_of_next(pool):
    conn = pool._new_conn()
    conn.connect()
    context = conn.sock.context
    conn.close()
    return context


CHANGES = {
    "verify_mode": lambda context, c: unverified(context),
    "check_hostname": lambda context, c: setattr(context, "check_hostname", False),
    "verify_flags": lambda context, c: setattr(context, "verify_flags", 0),
    "options": lambda context, c: setattr(context, "options", 0),
    "minimum_version": lambda context, c: setattr(
        context, "minimum_version", ssl.TLSVersion.MINIMUM_SUPPORTED
    ),
    "maximum_version": lambda context, c: setattr(
        context, "maximum_version", ssl.TLSVersion.TLSv1_2
    ),
    "common name": lambda context, c: setattr(context, "hostname_checks_common_name", True),
    "post_handshake_auth": lambda context, c: setattr(context, "post_handshake_auth", False),
    "keylog_filename": lambda context, c: setattr(context, "keylog_filename", os.devnull),
    "any attribute": lambda context, c: setattr(context, "sslsocket_class", ssl.SSLSocket),
    "authorities": lambda context, c: context.load_verify_locations(c.ca),
    "the system's": lambda context, c: context.load_default_certs(),
    "default paths": lambda context, c: context.set_default_verify_paths(),
    "client certificate": lambda context, c: context.load_cert_chain(c.client.path),
    "ciphers": lambda context, c: context.set_ciphers("ALL:@SECLEVEL=0"),
    "ALPN": lambda context, c: context.set_alpn_protocols(["theirs"]),
    "a method kept for later": lambda context, c: context.load_verify_locations,
    "past the instance": lambda context, c: ssl.SSLContext.check_hostname.__set__(context, False),
    "past its class": lambda context, c: object.__setattr__(context, "check_hostname", False),
}


def unverified(context):
    context.check_hostname = False
    context.verify_mode = NONE


@pytest.mark.parametrize("change", CHANGES)
def test_a_context_that_its_holder_changes_affects_no_other_connection(
    certificates, strangers, known, change
):
    with PoolManager(ca_certs=certificates.ca, timeout=10) as manager:
        pools = [
            manager.connection_from_host(host, known.port, "https")
            for host in ("localhost", "localhost.")
        ]
        first = context_of_next(pools[0])
        assert context_of_next(pools[0]) is first
        original = described(first)
        CHANGES[change](first, strangers)
        later = context_of_next(pools[0])
        assert later is not first
        assert described(later) == original
        assert context_of_next(pools[0]) is later


def described(context):
    return (
        Demand.of(context),
        context.verify_flags,
        context.options,
        context.minimum_version,
        context.maximum_version,
        context.keylog_filename,
        context.cert_store_stats(),
        len(context.get_ciphers()),
    )


def test_whom_a_holder_trusts_others_do_not(certificates, strangers, known, unknown):
    with PoolManager(ca_certs=certificates.ca, retries=False, timeout=10) as manager:
        pool = manager.connection_from_host("localhost", known.port, "https")
        context_of_next(pool).load_verify_locations(strangers.ca)
        with pytest.raises(SSLError):
            manager.request("GET", f"https://localhost:{unknown.port}/")


def test_it_is_a_context_of_ssl_as_ever(certificates, known):
    with HTTPSConnectionPool("localhost", known.port, ca_certs=certificates.ca) as pool:
        context = context_of_next(pool)
    assert isinstance(context, ssl.SSLContext)
    assert repr(context).startswith("<ssl.SSLContext object at ")
    assert context.protocol == ssl.PROTOCOL_TLS_CLIENT
    context.extra = 1
    del context.extra
    assert context.get_ca_certs()


@contextlib.contextmanager
def in_mid_handshake(identity, act):
    """A server that does *act* when it has heard the client's hello, and then goes on."""
    context = identity.server_context()
    with tls_server(context) as server:
        context.sni_callback = lambda sock, name, ctx: act()
        yield server


@pytest.mark.parametrize("tunnelled", [False, True])
def test_a_handshake_under_way_asks_what_it_asked(certificates, strangers, known, tunnelled):
    with contextlib.ExitStack() as stack:
        options = {"ca_certs": certificates.ca, "retries": False, "timeout": 10}
        if tunnelled:
            target = []
            proxy = stack.enter_context(
                tls_server(
                    certificates.localhost.server_context(), lambda sock: through(target[0])(sock)
                )
            )
            proxy_url = f"https://localhost:{proxy.port}"
            manager = stack.enter_context(ProxyManager(proxy_url, **options))
        else:
            manager = stack.enter_context(PoolManager(**options))
        own = stack.enter_context(PoolManager(**options))
        own._contexts = manager._contexts
        holder = own.connection_from_host("localhost", known.port, "https")
        held = []
        act = lambda: unverified(held[0])  # noqa: E731
        for identity, expected in ((strangers.localhost, "refused"), (certificates.localhost, 200)):
            held[:] = [context_of_next(holder)]
            with in_mid_handshake(identity, act) as server:
                if tunnelled:
                    target[:] = [server.port]
                pool = manager.connection_from_url(f"https://localhost:{server.port}")
                assert outcome(pool) == expected
            assert held[0].verify_mode == NONE


def test_a_handshake_under_way_does_not_trust_who_is_added_to_its_context(
    certificates, strangers, known
):
    with PoolManager(ca_certs=certificates.ca, timeout=10) as manager:
        holder = manager.connection_from_host("localhost", known.port, "https")
        held = context_of_next(holder)

        def act():
            held.load_verify_locations(strangers.ca)

        with in_mid_handshake(strangers.localhost, act) as server:
            url = f"https://localhost:{server.port}/"
            with pytest.raises(SSLError, match="changed during the handshake"):
                manager.request("GET", url, retries=False)
            with pytest.raises(MaxRetryError, match="CERTIFICATE_VERIFY_FAILED"):
                manager.request("GET", url, retries=1)  # by a context that nobody has touched


def test_a_context_that_is_changed_before_its_use_is_replaced(certificates):
    first, second = (trusting(certificates) for _ in range(2))
    for context in (first, second):
        assert contexts.observe(context)
    first.check_hostname = True
    kept = contexts.Kept(first, lambda: second)
    kept.wrap_bio(ssl.MemoryBIO(), ssl.MemoryBIO(), server_hostname="localhost")
    assert kept.context is second
    assert kept.demand == (REQUIRED, False)


def test_a_context_whose_changes_cannot_be_noted_is_not_kept(certificates, known, monkeypatch):
    class Last(ssl.SSLContext):
        def __init_subclass__(cls):
            raise TypeError("nobody inherits from this class")

    assert contexts.observe(object()) is False
    monkeypatch.setattr(ssl_, "SSLContext", Last)
    with HTTPSConnectionPool("localhost", known.port, ca_certs=certificates.ca) as pool:
        first = context_of_next(pool)
        assert type(first) is Last
        assert context_of_next(pool) is not first


# ---------------------------------------------------------------- files


def put(path, text, like=None):
    """Write in place, and put the time of modification back, as ``rsync -t`` does."""
    Path(path).write_text(text)
    if like is not None:
        os.utime(path, ns=(like.st_atime_ns, like.st_mtime_ns))


def stat_of(path):
    return path.stat() if path.exists() else None


def padded(pem, size):
    return pem + "\n" * (size - len(pem))


@pytest.mark.parametrize("is_old", [False, True])
def test_authorities_rewritten_in_place_are_seen(
    certificates, strangers, known, tmp_path, monkeypatch, is_old
):
    if is_old:
        monkeypatch.setattr(files, "_COARSEST_STEP", 0)  # the times of change tell
    size = max(len(certificates.ca_pem), len(strangers.ca_pem)) + 1
    path = tmp_path / "ca.pem"
    put(path, padded(strangers.ca_pem, size))
    then = path.stat()
    with HTTPSConnectionPool("localhost", known.port, ca_certs=str(path), retries=False) as pool:
        for pem, expected in [
            (strangers.ca_pem, "refused"),
            (certificates.ca_pem, 200),
            (strangers.ca_pem, "refused"),
        ]:
            put(path, padded(pem, size), like=then)
            if is_old:
                wait_for_another_time_of_change(path)
            conn = pool._new_conn()
            try:
                conn.connect()
                seen = 200
            except ssl.SSLError:
                seen = "refused"
            conn.close()
            assert seen == expected
        assert path.stat().st_mtime_ns == then.st_mtime_ns


def wait_for_another_time_of_change(path):
    before = path.stat().st_ctime_ns
    while path.stat().st_ctime_ns == before:
        path.chmod(0o600)


def hashed(folder, pem):
    """The certificate under the name by which OpenSSL finds it in a directory: a link to a file."""
    folder.mkdir(exist_ok=True)
    loaded = OpenSSL.crypto.load_certificate(OpenSSL.crypto.FILETYPE_PEM, pem.encode())
    link = folder / f"{loaded.subject_name_hash():08x}.0"
    (folder / "authority.pem").write_text(pem)
    if not link.is_symlink():
        link.symlink_to("authority.pem")
    return link


@pytest.mark.parametrize("counts", [True, False])
@pytest.mark.parametrize("named", ["ca_cert_dir", "SSL_CERT_DIR", "one of two", "bytes"])
def test_authorities_in_a_directory_are_looked_at_anew(
    certificates, known, tmp_path, monkeypatch, named, counts
):
    monkeypatch.setattr(contexts, "_counting_is_safe", counts)
    folder = tmp_path / "authorities"
    link = hashed(folder, certificates.ca_pem)
    options = {"ca_cert_dir": str(folder)}
    if named == "SSL_CERT_DIR":
        options = {}
        monkeypatch.setenv("SSL_CERT_DIR", str(folder))
        monkeypatch.setenv("SSL_CERT_FILE", "/no/such")
    elif named == "one of two":
        options = {"ca_cert_dir": f"/no/such{os.pathsep}{folder}"}
    elif named == "bytes":
        options = {"ca_cert_dir": os.fsencode(folder)}
    target = folder / "authority.pem"
    with HTTPSConnectionPool("localhost", known.port, retries=False, **options) as pool:

        def is_trusted():
            conn = pool._new_conn()
            try:
                conn.connect()
            except ssl.SSLError:
                return False
            finally:
                conn.close()
            return True

        assert is_trusted()
        assert context_of_next(pool) is context_of_next(pool)
        target.write_text("")
        assert not is_trusted()
        target.write_text(certificates.ca_pem)
        assert is_trusted()
        link.unlink()
        assert not is_trusted()
        link.symlink_to(target)
        assert is_trusted()


def test_a_directory_is_looked_at_only_for_what_a_context_has_found_there(
    certificates, known, tmp_path, monkeypatch
):
    """What the file holds is not looked for in the directory; without the file it is."""
    looked = []
    list_entries = files._entries_of
    monkeypatch.setattr(
        files, "_entries_of", lambda path: looked.append(path) or list_entries(path)
    )
    monkeypatch.setattr(contexts, "_counting_is_safe", True)
    folder = tmp_path / "authorities"
    hashed(folder, certificates.ca_pem)
    options = {"ca_certs": certificates.ca, "ca_cert_dir": str(folder)}
    with HTTPSConnectionPool("localhost", known.port, **options) as pool:
        first = context_of_next(pool)
        assert context_of_next(pool) is first
        assert len(looked) == 1  # when the context was built
        pool.ca_certs = None
        second = context_of_next(pool)
        assert context_of_next(pool) is second
        assert len(looked) == 3


def test_a_file_that_is_named_by_the_environment_is_looked_at_anew(
    certificates, strangers, known, tmp_path, monkeypatch
):
    path = tmp_path / "default.pem"
    monkeypatch.setenv("SSL_CERT_FILE", str(path))
    monkeypatch.setenv("SSL_CERT_DIR", "/no/such")
    with HTTPSConnectionPool("localhost", known.port, retries=False) as pool:
        with pytest.raises(ssl.SSLError):
            context_of_next(pool)
        path.write_text(certificates.ca_pem)
        assert context_of_next(pool) is context_of_next(pool)
        path.write_text(strangers.ca_pem)
        with pytest.raises(ssl.SSLError):
            context_of_next(pool)


def test_a_client_certificate_rewritten_in_place_is_shown(certificates, tmp_path):
    c = certificates
    mine, key = tmp_path / "mine.pem", tmp_path / "key.pem"
    with tls_server(c.localhost.server_context(client_ca=c.ca)) as server:
        with HTTPSConnectionPool(
            "localhost", server.port, ca_certs=c.ca, cert_file=str(mine), key_file=str(key)
        ) as pool:
            for identity in (c.client, c.example, c.client):
                put(mine, Path(identity.certificate).read_text(), stat_of(mine))
                put(key, Path(identity.key).read_text(), stat_of(key))
                pool.request("GET", "/", headers={"Connection": "close"})
                pool.pool.queue[-1].close()
        assert server.clients == [c.client.der, c.example.der, c.client.der]


def test_files_are_compared_by_content_as_long_as_their_times_may_not_tell(tmp_path, monkeypatch):
    path = tmp_path / "file"
    path.write_text("one")
    then = FilesThen([str(path)])
    states = dict.fromkeys([str(path)], files._state_of(str(path)))
    monkeypatch.setattr(files, "_state_of", lambda path: states[path])  # a coarse clock
    assert then.are_unchanged()
    path.write_text("two")
    assert not then.are_unchanged()
    path.write_text("one")
    assert then.are_unchanged()
    monkeypatch.setattr(files, "_COARSEST_STEP", 0)
    assert then.are_unchanged()
    assert not then._contents  # from here on its times tell


def test_what_cannot_be_looked_at_is_not_taken_for_unchanged(tmp_path, monkeypatch):
    path = tmp_path / "file"
    path.write_text("one")
    then = FilesThen([str(path)])

    def refuse(*args, **kw):
        raise OSError(24, "Too many open files")

    monkeypatch.setattr("builtins.open", refuse)
    assert not then.are_unchanged()
    monkeypatch.undo()
    assert then.are_unchanged()
    folder = FilesThen([])
    folder.add_directories(str(tmp_path))
    assert folder.are_unchanged()
    monkeypatch.setattr(os, "listdir", refuse)
    assert not folder.are_unchanged()


def test_files_that_appear_and_vanish_are_changes(tmp_path):
    path = tmp_path / "file"
    then = FilesThen([str(path), None, ""])
    assert then.are_unchanged()
    path.write_text("")
    assert not then.are_unchanged()
    now = FilesThen([str(path)])
    path.unlink()
    assert not now.are_unchanged()


def test_a_directory_of_too_many_files_is_not_relied_on(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "_MAX_ENTRIES", 2)
    then = FilesThen([])
    then.add_directories(str(tmp_path))
    for number in range(3):
        (tmp_path / f"0000000{number}.0").write_text("")
        now = FilesThen([])
        now.add_directories(str(tmp_path))
        assert not then.are_unchanged()
        assert now.are_unchanged() is (number < 2)


# ---------------------------------------------------------------- trust that could not be loaded


class Short(ssl.SSLContext):
    """A context on a machine that is out of descriptors: OpenSSL says nothing, and loads nothing."""

    is_short = True

    def load_default_certs(self, purpose=ssl.Purpose.SERVER_AUTH):
        if not self.is_short:
            super().load_default_certs(purpose)


Short.load_default_certs.__module__ = "ssl"


def test_a_context_without_the_trust_it_should_have_is_not_kept(
    certificates, known, tmp_path, monkeypatch
):
    monkeypatch.setenv("SSL_CERT_FILE", certificates.ca)
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path))
    monkeypatch.setattr(ssl_, "SSLContext", Short)
    with HTTPSConnectionPool("localhost", known.port, retries=False) as pool:
        with pytest.raises(ssl.SSLError):
            context_of_next(pool)
        monkeypatch.setattr(Short, "is_short", False)
        assert context_of_next(pool) is context_of_next(pool)


def test_nor_is_certifi_taken_for_a_store_that_could_not_be_read(certificates, monkeypatch):
    monkeypatch.setattr(ssl_, "SSLContext", Short)
    paths = ssl.get_default_verify_paths()._replace(cafile=certificates.ca, capath=None)
    monkeypatch.setattr(ssl, "get_default_verify_paths", lambda: paths)
    context = create_urllib3_context()
    assert ssl_.load_default_trust(context) is False
    assert context.cert_store_stats()["x509"] == 0


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs limits of POSIX")
def test_a_process_that_was_out_of_descriptors_recovers(certificates, known):
    code = f"""
import os, resource, urllib3
os.environ["SSL_CERT_FILE"] = {certificates.ca!r}
os.environ["SSL_CERT_DIR"] = "/no/such"
http = urllib3.PoolManager(retries=False, timeout=10)
url = "https://localhost:{known.port}/"
try:
    http.request("GET", "https://127.0.0.1:1/")
except urllib3.exceptions.HTTPError:
    pass
manager = urllib3.PoolManager(retries=False, timeout=10)
resource.setrlimit(resource.RLIMIT_NOFILE, (48, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
taken = []
try:
    while True:
        taken.append(os.open(os.devnull, os.O_RDONLY))
except OSError:
    pass
os.close(taken.pop())
try:
    manager.request("GET", url)
except urllib3.exceptions.HTTPError as error:
    print(type(error).__name__)
for fd in taken:
    os.close(fd)
print(manager.request("GET", url).status)
"""
    assert run(code).splitlines()[-1] == "200"


# ---------------------------------------------------------------- options that cannot be hashed


@pytest.mark.parametrize(
    "password", [bytearray(PASSWORD.encode()), PASSWORD.encode(), lambda: PASSWORD]
)
def test_a_password_may_be_of_any_kind_that_ssl_takes(certificates, password):
    c = certificates
    with tls_server(c.localhost.server_context(client_ca=c.ca)) as server:
        with HTTPSConnectionPool(
            "localhost",
            server.port,
            ca_certs=c.ca,
            cert_file=c.client.certificate,
            key_file=c.client_key_encrypted,
            key_password=password,
        ) as pool:
            assert pool.request("GET", "/").status == 200
            assert context_of_next(pool) is not None


def test_authorities_may_be_a_buffer_that_changes(certificates, strangers, known):
    data = bytearray(certificates.ca_der)
    with HTTPSConnectionPool("localhost", known.port, ca_cert_data=data, retries=False) as pool:
        context_of_next(pool)
        data[:] = strangers.ca_der
        with pytest.raises(ssl.SSLError):
            context_of_next(pool)


# ---------------------------------------------------------------- contexts that are mocks


def test_a_mock_in_the_place_of_the_class_of_contexts(monkeypatch):
    made = mock.MagicMock()
    made.wrap_socket.return_value.getpeercert.return_value = {
        "subjectAltName": (("DNS", "localhost"),)
    }
    monkeypatch.setattr(ssl_, "SSLContext", mock.Mock(return_value=made))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        conn = HTTPSConnection("localhost", listener.getsockname()[1], timeout=10)
        conn.connect()
        made.load_default_certs.assert_called_once_with()
        (sock,), named = made.wrap_socket.call_args
        assert named == {"server_hostname": "localhost"}
        assert conn.sock is made.wrap_socket.return_value
        conn.close()
        sock.close()


def test_the_loading_of_default_trust_is_looked_up_on_the_object(certificates, known, monkeypatch):
    calls = []

    def create(**kw):
        context = create_urllib3_context(**kw)
        context.load_default_certs = lambda: calls.append(
            context.load_verify_locations(certificates.ca)
        )
        return context

    monkeypatch.setattr(urllib3.connection, "create_urllib3_context", create)
    with HTTPSConnectionPool("localhost", known.port, retries=False) as pool:
        assert pool.request("GET", "/").status == 200
    assert calls == [None]
