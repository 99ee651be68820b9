"""Through a real SOCKS proxy, with and without a password, to sites with and without TLS."""

from __future__ import annotations

import contextlib
import shutil
import socket
import ssl
import subprocess
import threading
import time

import pytest

from tests.support.scripted import Call, serve
from urllib3.exceptions import NewConnectionError, SSLError

pytest.importorskip("socks", reason="PySocks is missing")
trustme = pytest.importorskip("trustme", reason="trustme is missing")
from urllib3.contrib.socks import SOCKSProxyManager  # noqa: E402 - importing it needs PySocks

SCHEMES = ("socks5", "socks5h")  # all that microsocks speaks


def answer(request):
    body = request.line.encode()
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)


@contextlib.contextmanager
def microsocks(*flags):
    """The proxy, on a port that was free a moment ago; another one if it has been taken since."""
    program = shutil.which("microsocks")
    if program is None:
        pytest.skip("microsocks is missing")
    while True:
        with socket.create_server(("127.0.0.1", 0)) as sock:
            port = sock.getsockname()[1]
        command = [program, "-i", "127.0.0.1", "-p", str(port), *flags]
        process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        try:
            if listens(process, port):
                yield port
                return
        finally:
            process.kill()
            process.wait()


def listens(process, port):
    """Wait until *process* takes connections; False if it ends instead."""
    while process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except ConnectionRefusedError:
            time.sleep(0.01)
        else:
            return True
    return False


@pytest.fixture(scope="module")
def open_proxy():
    with microsocks() as port:
        yield port


@pytest.fixture(scope="module")
def guarded_proxy():
    with microsocks("-u", "bob", "-P", "p@ss") as port:
        yield port


@pytest.fixture(scope="module")
def authority():
    return trustme.CA()


@pytest.fixture
def secure_site(authority):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    names = []
    context.sni_callback = lambda sock, name, context: names.append(name)
    with serve(handler=answer, tls=context) as server:
        server.names = names
        yield server


@pytest.fixture
def ca_file(authority, tmp_path):
    path = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(path)
    return str(path)


@pytest.mark.external("microsocks")
@pytest.mark.parametrize("scheme", SCHEMES)
def test_requests_reach_the_site(scheme, open_proxy):
    with (
        serve(handler=answer) as site,
        SOCKSProxyManager(f"{scheme}://127.0.0.1:{open_proxy}", retries=False) as http,
    ):
        for path in ("/a", "/b"):
            assert http.request("GET", site.url(path)).data.decode() == f"GET {path} HTTP/1.1"
        assert site.connections == 1
        assert site.requests[0].get("host") == f"127.0.0.1:{site.port}"


@pytest.mark.external("microsocks")
@pytest.mark.parametrize(
    ("auth", "kw"),
    [("bob:p%40ss@", {}), ("", {"username": "bob", "password": "p@ss"})],
)
def test_a_password_opens_the_guarded_proxy(auth, kw, guarded_proxy):
    with serve(handler=answer) as site:
        url = f"socks5h://{auth}127.0.0.1:{guarded_proxy}"
        with SOCKSProxyManager(url, retries=False, **kw) as http:
            assert http.request("GET", site.url()).status == 200


@pytest.mark.external("microsocks")
@pytest.mark.parametrize(
    ("auth", "text"),
    [
        ("bob:wrong@", "SOCKS5 authentication failed"),
        ("bob@", "All offered SOCKS5 authentication methods were rejected"),
        ("", "All offered SOCKS5 authentication methods were rejected"),
    ],
)
def test_without_the_right_password_it_stays_shut(auth, text, guarded_proxy):
    url = f"socks5h://{auth}127.0.0.1:{guarded_proxy}"
    with SOCKSProxyManager(url, retries=False) as http:
        with pytest.raises(NewConnectionError) as caught:
            http.request("GET", "http://127.0.0.1:9/")
        assert str(caught.value).endswith(f"Failed to establish a new connection: {text}")


@pytest.mark.external("microsocks")
@pytest.mark.parametrize("scheme", SCHEMES)
def test_tls_runs_through_the_proxy_to_the_site(scheme, open_proxy, secure_site, ca_file):
    url = f"{scheme}://127.0.0.1:{open_proxy}"
    with SOCKSProxyManager(url, ca_certs=ca_file, retries=False) as http:
        response = http.request("GET", secure_site.url("/s"), preload_content=False)
        assert response.connection.is_verified
        assert response.connection.proxy_is_verified is None
        assert not response.connection.has_connected_to_proxy
        assert response.read() == b"GET /s HTTP/1.1"
        assert secure_site.names == ["localhost"]
    with SOCKSProxyManager(url, retries=False) as http:
        with pytest.raises(SSLError, match="CERTIFICATE_VERIFY_FAILED"):
            http.request("GET", secure_site.url("/s"))


@pytest.mark.external("microsocks")
def test_a_site_that_refuses_is_told_by_the_proxy(open_proxy):
    with socket.socket() as bound_but_not_listening:
        bound_but_not_listening.bind(("127.0.0.1", 0))
        port = bound_but_not_listening.getsockname()[1]
        with SOCKSProxyManager(f"socks5h://127.0.0.1:{open_proxy}", retries=False) as http:
            with pytest.raises(NewConnectionError) as caught:
                http.request("GET", f"http://127.0.0.1:{port}/")
            assert str(caught.value) == (
                f"SOCKSConnection(host='127.0.0.1', port={port}): "
                "Failed to establish a new connection: 0x05: Connection refused"
            )


def test_a_failed_handshake_inside_closes_the_way_through_the_proxy():
    # A scripted proxy that is also the site: it grants the connection, then speaks no TLS.
    ended = threading.Event()

    def grant_and_talk_nonsense(sock):
        assert sock.recv(3) == b"\5\1\0"
        sock.sendall(b"\5\0")
        sock.recv(100)
        sock.sendall(b"\5\0\0\1" + bytes(6) + b"this is not TLS\r\n")
        with contextlib.suppress(ConnectionResetError):
            while sock.recv(65536):
                pass
        ended.set()

    with serve([Call(grant_and_talk_nonsense)]) as proxy:
        url = f"socks5h://127.0.0.1:{proxy.port}"
        with SOCKSProxyManager(url, retries=False, timeout=5) as http:
            with pytest.raises(SSLError):
                http.request("GET", "https://site.example/")
            assert ended.wait(5)
