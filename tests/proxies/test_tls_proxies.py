"""TLS through proxies, to proxies, and both at once: who is verified by which settings."""

from __future__ import annotations

import contextlib
import hashlib
import logging
import re
import ssl
import warnings

import pytest

import urllib3
from tests.support.certificates import Certificates, make
from tests.support.scripted import Call, Recv, Reset, Send, serve
from tests.support.tls import tls_server, tunnel_to
from urllib3 import HTTPSConnectionPool, ProxyManager
from urllib3.connection import HTTPSConnection
from urllib3.exceptions import (
    InsecureRequestWarning,
    MaxRetryError,
    ProxyError,
    ProxySchemeUnsupported,
    SSLError,
)
from urllib3.util import parse_url
from urllib3.util.ssl_match_hostname import CertificateError

ESTABLISHED = b"HTTP/1.1 200 Connection established\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


@pytest.fixture(scope="session")
def others(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    """The world of the proxy: another authority, another localhost."""
    return make(tmp_path_factory.mktemp("others"))


def relay(port):
    """A step of a script: from here on the connection is a tunnel to that port."""
    return Call(tunnel_to(port))


class World:
    """A target with TLS, and a proxy before it."""

    def __init__(self, scheme, target, proxy, seen):
        self.scheme, self.target, self.proxy, self.seen = scheme, target, proxy, seen
        self.https = f"https://localhost:{target.port}/p?q#f"
        self.http = "http://dest.example/b"

    def proxy_url(self, host="localhost"):
        return f"{self.scheme}://{host}:{self.proxy.port}"

    @property
    def connects(self):
        return [request.raw for request in self.proxy.requests]


@contextlib.contextmanager
def world(
    certificates, others, scheme="https", tunnels=True, target="localhost", proxy="localhost"
):
    """TARGET and PROXY name the certificates that are shown."""
    context = None
    seen = {"names": [], "protocols": []}
    note = Call(lambda sock: seen["protocols"].append(sock.selected_alpn_protocol()))
    if scheme == "https":
        context = getattr(others, proxy).server_context()
        context.sni_callback = lambda sock, name, ctx: seen["names"].append(name)
    identity = getattr(certificates, target)
    with tls_server(identity.server_context(), record := Recorder()) as server:
        server.received = record.received
        script = [Recv(), Send(ESTABLISHED), relay(server.port)] if tunnels else [OK, Recv()]
        if scheme == "https":
            script.insert(0, note)
        with serve(script, list(script), tls=context) as proxy:
            yield World(scheme, server, proxy, seen)


class Recorder:
    """What a target does: keeps each request and answers it."""

    def __init__(self):
        self.received = []

    def __call__(self, sock):
        data = b""
        while chunk := sock.recv(65536):
            data += chunk
            while b"\r\n\r\n" in data:
                head, _, data = data.partition(b"\r\n\r\n")
                self.received.append(head + b"\r\n\r\n")
                sock.sendall(OK)


@contextlib.contextmanager
def manager_for(url, certificates, others, **kw):
    """Keywords may name contexts and paths: see the table."""
    values = {
        "CA1": certificates.ca,
        "CA2": others.ca,
        "CTX1": lambda: ssl.create_default_context(cafile=certificates.ca),
        "CTX2": lambda: ssl.create_default_context(cafile=others.ca),
        "NOCHECK": lambda: trusting_all(),
        "PRINT2": hashlib.sha256(others.localhost.der).hexdigest(),
    }
    made = {}
    for name, value in kw.items():
        found = values.get(value, value) if isinstance(value, str) else value
        made[name] = found() if callable(found) else found
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        manager = ProxyManager(url, timeout=10, retries=False, **made)
    with manager:
        yield manager


def trusting_all():
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


# ---------------------------------------------------------------- how far a connection got


@pytest.mark.parametrize(
    ("scheme", "secure", "forwarding", "flags", "kind"),
    [
        ("http", True, False, (True, False, True, False, True), "SSLSocket"),
        ("https", False, False, (False, True, True, True, False), "SSLSocket"),
        ("https", True, False, (True, True, True, False, True), "SSLTransport"),
        ("https", True, True, (False, True, True, True, False), "SSLSocket"),
    ],
)
def test_how_far_each_route_got(certificates, others, scheme, secure, forwarding, flags, kind):
    tunnels = secure and not forwarding
    with world(certificates, others, scheme, tunnels) as place:
        with manager_for(
            place.proxy_url(),
            certificates,
            others,
            proxy_ssl_context="CTX2",
            ca_certs="CA1",
            use_forwarding_for_https=forwarding,
        ) as manager:
            url = place.https if secure else place.http
            response = manager.request("GET", url, preload_content=False)
            conn = response._connection
            assert flags == (
                conn.is_verified,
                conn.proxy_is_verified,
                conn.has_connected_to_proxy,
                conn.proxy_is_forwarding,
                conn.proxy_is_tunneling,
            )
            assert type(conn.sock).__name__ == kind
            assert response.read() == b"ok"


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_what_proxy_and_target_receive_through_a_tunnel(certificates, others, scheme, caplog):
    caplog.set_level(logging.DEBUG, "urllib3.connectionpool")
    with world(certificates, others, scheme) as place:
        with manager_for(
            place.proxy_url(),
            certificates,
            others,
            proxy_ssl_context="CTX2",
            ca_certs="CA1",
            headers={"X-D": "2"},
            proxy_headers={"proxy-authorization": "Basic dTpw", "X-P": "1"},
        ) as manager:
            for _ in range(2):
                assert manager.request("GET", place.https).data == b"ok"
    authority = f"localhost:{place.target.port}"
    assert place.connects == [
        (
            f"CONNECT {authority} HTTP/1.1\r\nproxy-authorization: Basic dTpw\r\nX-P: 1\r\n"
            f"Host: {authority}\r\n\r\n"
        ).encode()
    ]
    request = (
        f"GET /p?q HTTP/1.1\r\nHost: {authority}\r\nAccept-Encoding: identity\r\n"
        "User-Agent: python-urllib3/2.8.0\r\nX-D: 2\r\n\r\n"
    ).encode()
    assert place.target.received == [request, request]
    assert place.target.names == ["localhost"]
    assert place.seen["names"] == (["localhost"] if scheme == "https" else [])
    started = [line for line in caplog.messages if line.startswith("Starting new")]
    assert started == [f"Starting new HTTPS connection (1): {authority}"]


def test_a_proxy_with_tls_is_offered_a_protocol_too(certificates, others):
    with world(certificates, others) as place:
        with manager_for(
            place.proxy_url(), certificates, others, proxy_ssl_context="CTX2", ca_certs="CA1"
        ) as manager:
            manager.request("GET", place.https)
    assert place.seen["protocols"] == ["http/1.1"]
    assert place.target.protocols == ["http/1.1"]


@pytest.mark.parametrize("forwarding", [False, True])
def test_what_a_forwarding_proxy_with_tls_receives(certificates, others, forwarding):
    with world(certificates, others, tunnels=False) as place:
        with manager_for(
            place.proxy_url(),
            certificates,
            others,
            proxy_ssl_context="CTX2",
            use_forwarding_for_https=forwarding,
            proxy_headers={"X-P": "1"},
        ) as manager:
            url = f"https://localhost:{place.target.port}/b" if forwarding else place.http
            manager.request("GET", url)
    host = url.split("/")[2]
    assert place.connects == [
        (
            f"GET {url} HTTP/1.1\r\nAccept-Encoding: identity\r\n"
            f"User-Agent: python-urllib3/2.8.0\r\nAccept: */*\r\nHost: {host}\r\nX-P: 1\r\n\r\n"
        ).encode()
    ]
    assert place.seen["names"] == ["localhost"]


def test_an_http_proxy_never_forwards_https(certificates, others):
    with world(certificates, others, "http") as place:
        with manager_for(
            place.proxy_url(),
            certificates,
            others,
            ca_certs="CA1",
            use_forwarding_for_https=True,
        ) as manager:
            manager.request("GET", place.https)
    assert place.connects[0].startswith(b"CONNECT ")


# ---------------------------------------------------------------- by which settings

S, P, F = "https target", "http target", "https target, forwarded"
TABLE = [
    # target, keywords, verified: (target, proxy), warned of an insecure request
    (S, {"proxy_ssl_context": "CTX2", "ca_certs": "CA1"}, (True, True), False),
    (P, {"ca_certs": "CA2"}, (False, True), False),
    (S, {"cert_reqs": "CERT_NONE"}, (False, False), True),
    (S, {"proxy_ssl_context": "CTX2", "cert_reqs": "CERT_NONE"}, (False, True), False),
    (S, {"proxy_ssl_context": "NOCHECK", "ca_certs": "CA1"}, (True, False), False),
    (P, {"proxy_ssl_context": "NOCHECK", "ca_certs": "CA1"}, (False, False), True),
    (P, {"ssl_context": "CTX2"}, (False, True), False),
    (F, {"ssl_context": "CTX2"}, (False, True), False),
    (
        S,
        {
            "proxy_ssl_context": "NOCHECK",
            "proxy_assert_fingerprint": "PRINT2",
            "ca_certs": "CA1",
        },
        (True, True),
        False,
    ),
    (F, {"proxy_ssl_context": "CTX2", "assert_hostname": "wrong"}, (False, True), False),
    (F, {"proxy_ssl_context": "CTX2", "assert_fingerprint": "aa" * 32}, (False, True), False),
    (F, {"proxy_ssl_context": "CTX2", "cert_file": "/no/such"}, (False, True), False),
    (F, {"proxy_ssl_context": "CTX2", "server_hostname": "wrong"}, (False, True), False),
]


@pytest.mark.parametrize(("target", "kw", "verified", "warned"), TABLE)
def test_who_is_verified_by_which_settings(certificates, others, target, kw, verified, warned):
    with world(certificates, others, tunnels=target == S) as place:
        forwarding = {"use_forwarding_for_https": True} if target == F else {}
        with manager_for(place.proxy_url(), certificates, others, **kw, **forwarding) as manager:
            url = place.http if target == P else place.https
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always")
                response = manager.request("GET", url, preload_content=False)
            conn = response._connection
            assert (conn.is_verified, conn.proxy_is_verified) == verified
            response.read()
    insecure = [each for each in caught if each.category is InsecureRequestWarning]
    assert bool(insecure) == warned
    if warned:
        assert "being made to host 'localhost'" in str(insecure[0].message)


@pytest.mark.parametrize(
    ("target", "kw", "text"),
    [
        (S, {"ca_certs": "CA1"}, "unable to get local issuer certificate|self.signed"),
        (S, {"proxy_ssl_context": "CTX1", "cert_reqs": "CERT_NONE"}, "certificate verify failed"),
        (S, {"ssl_context": "CTX2"}, "certificate verify failed"),
        (
            S,
            {"proxy_ssl_context": "CTX2", "proxy_assert_hostname": "nope"},
            r"CertificateError\(\"hostname 'nope' doesn't match 'localhost'\"\)",
        ),
        (
            P,
            {"proxy_ssl_context": "CTX2", "proxy_assert_fingerprint": "aa" * 32},
            r'SSLError\(\'Fingerprints did not match. Expected "aa',
        ),
    ],
)
def test_a_proxy_that_is_not_trusted_is_the_one_to_blame(certificates, others, target, kw, text):
    with world(certificates, others, tunnels=target == S) as place:
        with manager_for(place.proxy_url(), certificates, others, **kw) as manager:
            with pytest.raises(ProxyError, match=text) as caught:
                manager.request("GET", place.http if target == P else place.https)
    assert caught.value.args[0] == "Unable to connect to proxy"
    assert type(caught.value.original_error) is SSLError
    assert place.connects == []


@pytest.mark.parametrize("name", ["localhost", False, None])
def test_the_name_of_a_proxy_may_be_another(certificates, others, name):
    with world(certificates, others) as place:
        with manager_for(
            place.proxy_url("127.0.0.1"),
            certificates,
            others,
            proxy_ssl_context="CTX2",
            ca_certs="CA1",
            proxy_assert_hostname=name,
        ) as manager:
            if name is None:
                with pytest.raises(ProxyError, match="IP address mismatch, certificate is not"):
                    manager.request("GET", place.https)
            else:
                assert manager.request("GET", place.https).data == b"ok"


def test_names_for_the_target_are_not_for_the_proxy(certificates, others):
    with world(certificates, others) as place:
        with manager_for(
            place.proxy_url(),
            certificates,
            others,
            proxy_ssl_context="CTX2",
            ca_certs="CA1",
            server_hostname="sni.example",
            assert_hostname="localhost",
        ) as manager:
            assert manager.request("GET", place.https).data == b"ok"
    assert place.target.names == ["sni.example"]
    assert place.seen["names"] == ["localhost"]


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize(
    ("kw", "text"),
    [
        ({"ca_certs": "CA2"}, "certificate verify failed"),
        ({"ca_certs": "CA1", "assert_fingerprint": "aa" * 32}, "Fingerprints did not match"),
        ({"ca_certs": "CA1", "assert_hostname": "nope"}, "hostname 'nope' doesn't match"),
    ],
)
def test_a_target_that_is_not_trusted_is_not_the_proxys_fault(
    certificates, others, scheme, kw, text
):
    with world(certificates, others, scheme) as place:
        with manager_for(
            place.proxy_url(), certificates, others, proxy_ssl_context="CTX2", **kw
        ) as manager:
            with pytest.raises(SSLError, match=text):
                manager.request("GET", place.https)
    assert len(place.connects) == 1
    assert place.target.received == []


def test_an_unverified_target_is_warned_of_by_the_proxys_name(certificates, others):
    with world(certificates, others, "http") as place:
        with manager_for(
            place.proxy_url("127.0.0.1"), certificates, others, cert_reqs="CERT_NONE"
        ) as manager:
            with pytest.warns(InsecureRequestWarning, match="to host '127.0.0.1'"):
                manager.request("GET", place.https)


def test_tls_in_tls_needs_a_context_that_can(certificates, others):
    class Foreign:
        """A context without ``wrap_bio``."""

        verify_mode = ssl.CERT_NONE
        check_hostname = False

        def wrap_socket(self, *args, **kw):
            raise AssertionError("TLS must go through the tunnel")

        def set_alpn_protocols(self, protocols):
            pass

        def load_default_certs(self):
            pass

    with world(certificates, others) as place:
        with manager_for(
            place.proxy_url(), certificates, others, proxy_ssl_context="CTX2", ssl_context=Foreign()
        ) as manager:
            with pytest.raises(ProxySchemeUnsupported, match="TLS in TLS requires"):
                manager.request("GET", place.https)
    assert len(place.connects) == 1


@pytest.mark.parametrize("tunnels", [False, True])
def test_a_connection_made_by_hand_needs_no_settings_for_the_proxy(certificates, others, tunnels):
    """In 2.8.0 the tunnel is an AttributeError."""
    with world(certificates, others, tunnels=tunnels) as place:
        conn = HTTPSConnection(
            "localhost",
            place.proxy.port,
            timeout=10,
            proxy=parse_url(place.proxy_url()),
            cert_reqs="CERT_NONE",
        )
        if tunnels:
            conn.set_tunnel("localhost", place.target.port, scheme="https")
        conn.request("GET", "/")
        assert conn.getresponse().data == b"ok"
        conn.close()


def test_a_proxy_that_breaks_off_the_handshake(certificates, others):
    hello = Call(lambda sock: sock.recv(5))
    with serve([hello, Reset()], [hello, Reset()]) as proxy:
        with ProxyManager(f"https://localhost:{proxy.port}", timeout=10) as manager:
            with pytest.raises(ProxyError, match="Unable to connect to proxy"):
                manager.request("GET", "https://a.test/", retries=False)
            with pytest.raises(MaxRetryError) as caught:
                manager.request("GET", "https://a.test/", retries=0)
    assert type(caught.value.reason) is ProxyError


def test_the_dot_at_the_end_of_a_target_is_for_the_proxy_alone(certificates, others):
    with world(certificates, others, "http") as place:
        with manager_for(place.proxy_url(), certificates, others, ca_certs="CA1") as manager:
            manager.request("GET", f"https://localhost.:{place.target.port}/")
    assert place.connects[0].startswith(b"CONNECT localhost.:")
    assert place.target.names == ["localhost"]


@pytest.mark.parametrize("version", ["TLSv1_2", "TLSv1_3"])
def test_tickets_make_a_fresh_connection_look_used(certificates, version):
    with tls_server(certificates.localhost.server_context()) as server:
        wanted = ssl.TLSVersion[version]
        conn = HTTPSConnection(
            "localhost",
            server.port,
            timeout=10,
            ca_certs=certificates.ca,
            ssl_minimum_version=wanted,
            ssl_maximum_version=wanted,
        )
        conn.connect()
        if version == "TLSv1_3":
            assert urllib3.util.wait_for_read(conn.sock, 10)
            assert not conn.is_connected
        else:
            assert conn.is_connected
        conn.request("GET", "/")
        assert conn.getresponse().data == b"ok"
        assert conn.is_connected
        conn.close()


def test_a_certificate_error_of_the_proxy_tells_both_names(certificates, others):
    pool = HTTPSConnectionPool(
        "target.test",
        _proxy=parse_url("https://localhost:1"),
        _proxy_config=urllib3.connection.ProxyConfig(None, False, None, None),
    )
    conn = pool._new_conn()
    error = urllib3.connection._wrap_proxy_error(
        SSLError(CertificateError("hostname 'nope' doesn't match 'localhost'")), conn.proxy.scheme
    )
    assert re.search("nope.*localhost", str(error))
