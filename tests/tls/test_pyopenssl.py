"""pyOpenSSL behind the same doors."""

from __future__ import annotations

import contextlib
import datetime as dt
import ipaddress
import logging
import os
import socket
import ssl
import subprocess
import sys
import threading
import warnings
from pathlib import Path
from unittest import mock

import pytest

pytest.importorskip("OpenSSL", reason="pyOpenSSL is not installed")

import OpenSSL
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509 import extensions as x509_extensions

import urllib3
from tests.support.certificates import PASSWORD
from tests.support.tls import answer_each, tls_server
from urllib3 import HTTPSConnectionPool, util
from urllib3.connection import HTTPSConnection
from urllib3.contrib import pyopenssl
from urllib3.contrib.pyopenssl import PyOpenSSLContext, WrappedSocket, get_subj_alt_name
from urllib3.exceptions import ProxySchemeUnsupported, SSLError
from urllib3.util import ssl_
from urllib3.util.ssl_match_hostname import CertificateError


@pytest.fixture
def injected():
    pyopenssl.inject_into_urllib3()
    yield
    pyopenssl.extract_from_urllib3()


@pytest.fixture
def a(certificates):
    with tls_server(certificates.localhost.server_context()) as server:
        yield server


def context_for(certificates, mode=ssl.CERT_REQUIRED):
    context = PyOpenSSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(certificates.ca)
    context.verify_mode = mode
    return context


@contextlib.contextmanager
def wrapped(certificates, talk=None, **kw):
    with tls_server(certificates.localhost.server_context(), talk) as server:
        with socket.create_connection(("127.0.0.1", server.port), timeout=10) as raw:
            sock = context_for(certificates).wrap_socket(raw, server_hostname="localhost", **kw)
            yield sock
            sock.close()


# ---------------------------------------------------------------- injection


def test_it_goes_in_and_out_as_often_as_one_likes():
    def state():
        return util.SSLContext, ssl_.SSLContext, util.IS_PYOPENSSL, ssl_.IS_PYOPENSSL

    native = (ssl.SSLContext, ssl.SSLContext, False, False)
    theirs = (PyOpenSSLContext, PyOpenSSLContext, True, True)
    assert pyopenssl.orig_util_SSLContext is ssl.SSLContext
    try:
        for _ in range(2):
            pyopenssl.inject_into_urllib3()
            assert state() == theirs
        for _ in range(2):
            pyopenssl.extract_from_urllib3()
            assert state() == native
    finally:
        pyopenssl.extract_from_urllib3()


def test_the_names_are_as_given():
    assert set(pyopenssl.__all__) == {"inject_into_urllib3", "extract_from_urllib3"}
    assert pyopenssl.SSL_WRITE_BLOCKSIZE == 16384


@pytest.mark.parametrize("missing", ["OpenSSL", "cryptography"])
def test_without_its_libraries_it_cannot_be_imported(missing):
    code = f"""if True:
        import sys
        sys.modules[{missing!r}] = None
        import urllib3
        try:
            import urllib3.contrib.pyopenssl
        except ImportError as error:
            print("no", {missing!r})
    """
    answer = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": str(Path(urllib3.__file__).parents[1])},
        capture_output=True,
        encoding="utf-8",
        timeout=50,
        check=True,
    )
    assert answer.stdout == f"no {missing}\n"


@pytest.mark.parametrize(
    ("module", "change", "library"),
    [
        (x509_extensions, lambda mock: delattr(mock, "get_extension_for_class"), "cryptography"),
        (OpenSSL.crypto, lambda mock: delattr(mock.return_value, "_x509"), "pyOpenSSL"),
    ],
)
def test_libraries_that_are_too_old_are_refused(monkeypatch, module, change, library):
    stand_in = mock.Mock()
    change(stand_in)
    name = "Extensions" if library == "cryptography" else "X509"
    monkeypatch.setattr(module, name, stand_in)
    with pytest.raises(ImportError, match=f"'{library}' module missing required functionality"):
        pyopenssl.inject_into_urllib3()
    assert ssl_.IS_PYOPENSSL is False
    monkeypatch.undo()
    pyopenssl.inject_into_urllib3()
    pyopenssl.extract_from_urllib3()


@pytest.mark.parametrize("module", ["cryptography.x509.extensions", "OpenSSL.crypto"])
def test_libraries_that_have_gone_since_are_an_import_error_at_the_call(monkeypatch, module):
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ImportError):
        pyopenssl.inject_into_urllib3()
    assert ssl_.IS_PYOPENSSL is False


def test_requests_go_through_it(certificates, a, injected):
    with HTTPSConnectionPool("localhost", a.port, ca_certs=certificates.ca, timeout=10) as pool:
        response = pool.request("GET", "/")
        assert (response.status, response.data) == (200, b"ok")
        conn = pool._get_conn()
        assert type(conn.sock) is WrappedSocket
        assert conn.is_verified
        assert conn.sock.selected_alpn_protocol() == "http/1.1"
        pool._put_conn(conn)
        pool.request("GET", "/")
        assert pool.num_connections == 1
    assert a.names == ["localhost"]


def test_many_connections_are_made_with_one_context(certificates, a, injected):
    own = PyOpenSSLContext(ssl.PROTOCOL_TLS_CLIENT)
    for options in ({}, {"ssl_context": own}):
        with HTTPSConnectionPool(
            "localhost", a.port, ca_certs=certificates.ca, cert_reqs="REQUIRED", **options
        ) as pool:
            for _ in range(3):
                conn = pool._new_conn()
                conn.connect()
                conn.close()


@pytest.mark.parametrize(
    ("options", "error", "text"),
    [
        (
            {"assert_hostname": "nope"},
            CertificateError,
            "hostname 'nope' doesn't match 'localhost'",
        ),
        (
            {"server_hostname": "nope"},
            CertificateError,
            "hostname 'nope' doesn't match 'localhost'",
        ),
        (
            {"ca_certs": None},
            ssl.SSLError,
            r"bad handshake: Error\(\[\('SSL routines', '', 'certificate verify failed'\)\]\)",
        ),
        ({"ca_certs": "/no/such"}, SSLError, "unable to load trusted certificates: Error"),
        ({"assert_fingerprint": "aa" * 32}, SSLError, "Fingerprints did not match"),
    ],
)
def test_what_is_refused_is_refused_here_too(certificates, a, injected, options, error, text):
    conn = HTTPSConnection(
        "localhost", a.port, timeout=10, **{"ca_certs": certificates.ca, **options}
    )
    with pytest.raises(error, match=text):
        conn.connect()
    conn.close()


def test_a_native_context_stays_native_and_its_names_are_checked_here(certificates, a, injected):
    context = ssl.create_default_context(cafile=certificates.ca)
    conn = HTTPSConnection("localhost", a.port, timeout=10, ssl_context=context)
    conn.connect()
    assert type(conn.sock) is ssl.SSLSocket
    assert context.check_hostname is True  # as it was: not checked by OpenSSL, but here
    conn.close()
    with pytest.raises(CertificateError):
        HTTPSConnection(
            "127.0.0.1", a.port, timeout=10, ssl_context=context, assert_hostname="nope"
        ).connect()


def test_what_it_cannot_do_is_not_there(certificates, injected):
    context = ssl_.create_urllib3_context()
    assert type(context) is PyOpenSSLContext
    for name in ("load_default_certs", "wrap_bio", "keylog_filename", "post_handshake_auth"):
        assert not hasattr(context, name)
    with pytest.raises(ProxySchemeUnsupported, match="isn't available on non-native SSLContext"):
        ssl_.ssl_wrap_socket(None, ssl_context=context, tls_in_tls=True)


# ---------------------------------------------------------------- contexts


def test_a_context_starts_like_this():
    context = PyOpenSSLContext(ssl.PROTOCOL_TLS)
    assert context.options == 0
    assert context.verify_flags == ssl.VERIFY_X509_TRUSTED_FIRST
    assert context.verify_mode == ssl.CERT_NONE
    assert context.check_hostname is False
    assert context.minimum_version == ssl.TLSVersion.MINIMUM_SUPPORTED
    assert context.maximum_version == ssl.TLSVersion.MAXIMUM_SUPPORTED
    assert context.protocol == OpenSSL.SSL.SSLv23_METHOD
    assert PyOpenSSLContext(ssl.PROTOCOL_TLSv1_2).protocol == OpenSSL.SSL.TLSv1_2_METHOD
    with pytest.raises(KeyError):
        PyOpenSSLContext(4711)


def test_what_is_set_is_what_is_read():
    context = PyOpenSSLContext(ssl.PROTOCOL_TLS_CLIENT)
    for mode in (ssl.CERT_NONE, ssl.CERT_OPTIONAL, ssl.CERT_REQUIRED):
        context.verify_mode = mode
        assert context.verify_mode is mode
    context.options |= ssl.OP_NO_TICKET
    assert context.options == ssl.OP_NO_TICKET
    context.verify_flags |= ssl.VERIFY_X509_STRICT
    assert context.verify_flags == ssl.VERIFY_X509_STRICT | ssl.VERIFY_X509_TRUSTED_FIRST
    context.set_default_verify_paths()
    context.set_ciphers("ECDHE+AESGCM")
    context.set_ciphers(b"ECDHE+AESGCM")
    with pytest.raises(OpenSSL.SSL.Error):
        context.set_ciphers("nonsense")


def test_versions_are_bounded(certificates, a):
    v1_2, v1_3 = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3
    for lowest, highest, spoken in ((v1_2, v1_2, "TLSv1.2"), (v1_3, v1_3, "TLSv1.3")):
        context = context_for(certificates)
        context.minimum_version, context.maximum_version = lowest, highest
        assert (context.minimum_version, context.maximum_version) == (lowest, highest)
        with socket.create_connection(("127.0.0.1", a.port), timeout=10) as raw:
            assert context.wrap_socket(raw, server_hostname="localhost").version() == spoken


@pytest.mark.parametrize("form", ["text", "bytes", "many"])
def test_authorities_are_taken_as_data(certificates, a, form):
    c = certificates
    data = {
        "text": c.ca_pem,
        "bytes": c.ca_der,
        "many": c.self_signed.der + c.ca_der,
    }[form]
    context = PyOpenSSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(cadata=data)
    with socket.create_connection(("127.0.0.1", a.port), timeout=10) as raw:
        context.wrap_socket(raw, server_hostname="localhost").close()


@pytest.mark.parametrize(
    "arguments",
    [
        {"cafile": "/no/such"},
        {},
        {"cadata": b"x"},
        {"cadata": b"\x30\x84\xff\xff\xff\xff"},
        {"cadata": "no PEM"},
        {"cadata": "\N{SNOWMAN}"},
    ],
)
def test_authorities_that_are_none_are_an_error_of_ssl(arguments):
    with pytest.raises(ssl.SSLError, match="unable to load trusted certificates: ") as error:
        PyOpenSSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(**arguments)
    assert error.value.__cause__ is not None


def test_a_client_shows_its_certificate(certificates):
    c = certificates
    chains = [
        (c.client.path,),
        (c.client.certificate, c.client.key),
        (c.client.certificate, c.client.key, "needless"),
        (c.client.certificate, c.client_key_encrypted, PASSWORD),
        (c.client.certificate, c.client_key_encrypted_traditional, PASSWORD.encode()),
    ]
    with tls_server(c.localhost.server_context(client_ca=c.ca)) as server:
        for chain in chains:
            context = context_for(c)
            for _ in range(2):
                context.load_cert_chain(*chain)
                with socket.create_connection(("127.0.0.1", server.port), timeout=10) as raw:
                    sock = context.wrap_socket(raw, server_hostname="localhost")
                    sock.sendall(b"GET / HTTP/1.1\r\n\r\n")
                    assert sock.recv(12) == b"HTTP/1.1 200"
    assert server.clients == [c.client.der] * 10


def test_a_key_that_cannot_be_used_is_an_error_of_ssl(certificates):
    c = certificates
    for chain in (
        ("/no/such",),
        (c.client.certificate,),
        (c.client.certificate, "/no/such"),
        (c.client.certificate, c.localhost.key),
        (c.client.certificate, c.client_key_encrypted),
        (c.client.certificate, c.client_key_encrypted, "wrong"),
    ):
        with pytest.raises(ssl.SSLError, match="Unable to load certificate chain: ") as error:
            PyOpenSSLContext(ssl.PROTOCOL_TLS_CLIENT).load_cert_chain(*chain)
        assert error.value.__cause__ is not None


# ---------------------------------------------------------------- sockets


def test_a_handshake_takes_no_longer_than_the_timeout():
    with socket.create_server(("127.0.0.1", 0)) as silent:
        with socket.create_connection(silent.getsockname(), timeout=0.05) as raw:
            with pytest.raises(TimeoutError, match="select timed out"):
                PyOpenSSLContext(ssl.PROTOCOL_TLS_CLIENT).wrap_socket(raw)


def test_a_handshake_that_fails_is_an_error_of_ssl_with_its_cause(certificates, a):
    context = PyOpenSSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.verify_mode = ssl.CERT_REQUIRED
    with socket.create_connection(("127.0.0.1", a.port), timeout=10) as raw:
        with pytest.raises(ssl.SSLError, match="bad handshake: Error") as error:
            context.wrap_socket(raw, server_hostname="localhost")
    assert isinstance(error.value.__cause__, OpenSSL.SSL.Error)


@pytest.mark.parametrize("name", ["127.0.0.1", None, b"localhost"])
def test_addresses_are_not_sent_as_names(certificates, a, name):
    with socket.create_connection(("127.0.0.1", a.port), timeout=10) as raw:
        context_for(certificates).wrap_socket(raw, server_hostname=name).close()
    assert a.names == ["localhost" if name == b"localhost" else None]


def test_a_socket_speaks_as_that_of_ssl(certificates):
    with wrapped(certificates) as sock:
        assert sock.fileno() == sock.socket.fileno()
        sock.settimeout(5)
        assert sock.gettimeout() == sock.socket.gettimeout() == 5
        assert sock.version() == "TLSv1.3"
        assert sock.selected_alpn_protocol() is None
        assert sock.getpeercert(binary_form=True) == certificates.localhost.der
        assert sock.getpeercert() == {
            "subject": ((("commonName", None),),),
            "subjectAltName": [("DNS", "localhost")],
        }


@pytest.mark.parametrize("binary_form", [True, False])
def test_a_peer_without_certificate_has_none(binary_form):
    class Anonymous:
        def get_peer_certificate(self):
            return None

    assert WrappedSocket(Anonymous(), None).getpeercert(binary_form) is None


def test_much_goes_and_comes(certificates):
    body = bytes(range(256)) * 4000

    def echo(sock):
        while received := sock.recv(65536):
            sock.sendall(received)

    with wrapped(certificates, echo) as sock:
        with sock.makefile("rb") as file:
            for start in range(0, len(body), 100_000):
                sock.sendall(body[start : start + 100_000])
                part = file.read(len(body[start : start + 100_000]))
                assert part == body[start : start + 100_000]
        sock.sendall(b"abcdef")
        buffer = bytearray(6)
        assert sock.recv_into(buffer, 3) + sock.recv_into(memoryview(buffer)[3:]) == 6
        assert buffer == b"abcdef"


def test_waits_end_at_the_timeout(certificates):
    stalled = threading.Event()
    with wrapped(certificates, lambda sock: stalled.wait(20)) as sock:
        sock.settimeout(0.05)
        with pytest.raises(TimeoutError, match="The read operation timed out"):
            sock.recv(1)
        with pytest.raises(TimeoutError) as error:
            sock.sendall(bytes(50_000_000))
        assert error.value.args == ()
        stalled.set()


def test_an_end_with_notice_is_an_end(certificates):
    def goodbye(sock):
        sock.unwrap()

    with wrapped(certificates, goodbye) as sock:
        assert sock.recv(10) == b""
        assert sock.recv_into(bytearray(10)) == 0
        sock.shutdown(socket.SHUT_RDWR)


def test_an_end_without_notice_is_an_end_unless_it_matters(certificates):
    def rude(sock):
        socket.socket.shutdown(sock, socket.SHUT_WR)
        with contextlib.suppress(OSError):
            sock.recv(1)

    with wrapped(certificates, rude) as sock:
        assert sock.recv(10) == b""
        assert sock.recv_into(bytearray(10)) == 0
    with wrapped(certificates, rude, suppress_ragged_eofs=False) as sock:
        with pytest.raises((OSError, ssl.SSLError), match="Unexpected EOF"):
            sock.recv(10)


def test_what_the_system_and_openssl_say_is_told_as_sockets_and_ssl_do():
    class Connection:
        def __init__(self, error):
            self.error = error

        def fail(self, *args):
            raise self.error

        recv = recv_into = send = shutdown = close = fail

    class Socket:
        def gettimeout(self):
            return 0

    reset = WrappedSocket(Connection(OpenSSL.SSL.SysCallError(104, "ECONNRESET")), Socket())
    for call in (lambda: reset.recv(1), lambda: reset.recv_into(bytearray(1))):
        with pytest.raises(ConnectionResetError, match="ECONNRESET"):
            call()
    with pytest.raises(ConnectionResetError):
        reset.sendall(b"x")
    broken = WrappedSocket(Connection(OpenSSL.SSL.Error([("a", "b", "c")])), Socket())
    with pytest.raises(ssl.SSLError, match=r"read error: Error\("):
        broken.recv(1)
    with pytest.raises(ssl.SSLError, match=r"write error: Error\("):
        broken.sendall(b"x")
    with pytest.raises(ssl.SSLError, match=r"shutdown error: Error\("):
        broken.shutdown(socket.SHUT_RD)
    assert broken.close() is None


def test_a_socket_stays_open_until_its_files_are_closed(certificates):
    with wrapped(certificates, answer_each) as sock:
        file = sock.makefile("rb")
        sock.sendall(b"GET / HTTP/1.1\r\n\r\n")
        sock.close()
        assert file.readline() == b"HTTP/1.1 200 OK\r\n"
        file.close()
        assert sock.fileno() == -1


# ---------------------------------------------------------------- names in certificates


def certificate_with(*names, broken=False):
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "common")])
    now = dt.datetime(2026, 1, 1, tzinfo=dt.timezone.utc)
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now)
        .not_valid_after(now + dt.timedelta(days=1))
    )
    if broken:
        oid = x509.SubjectAlternativeName.oid
        builder = builder.add_extension(x509.UnrecognizedExtension(oid, b"\x30"), critical=False)
    elif names:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    return OpenSSL.crypto.X509.from_cryptography(builder.sign(key, hashes.SHA256()))


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("example.com", "example.com"),
        ("*.example.com", "*.example.com"),
        (".example.com", ".example.com"),
        ("bücher.example", "xn--bcher-kva.example"),
        ("*.bücher.example", "*.xn--bcher-kva.example"),
        ("a:b", "a:b"),
        ("x" * 64 + ".com", None),
        ("", None),
    ],
)
def test_names_are_shown_in_ascii_or_not_at_all(name, shown):
    assert pyopenssl._dnsname_to_stdlib(name) == shown


def test_names_and_addresses_are_listed_as_ssl_lists_them():
    names = [
        x509.IPAddress(ipaddress.ip_address("::1")),
        x509.DNSName("*.example.com"),
        x509.DNSName("x" * 64 + ".com"),
        x509.RFC822Name("a@example.com"),
        x509.DNSName("example.com"),
    ]
    assert get_subj_alt_name(certificate_with(*names)) == [
        ("DNS", "*.example.com"),
        ("DNS", "example.com"),
        ("IP Address", "::1"),
    ]


def test_no_names_are_no_names(caplog):
    assert get_subj_alt_name(certificate_with()) == []
    assert caplog.records == []


def test_names_that_cannot_be_read_are_none_and_logged(caplog):
    with caplog.at_level(logging.WARNING, "urllib3.contrib.pyopenssl"):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            assert get_subj_alt_name(certificate_with(broken=True)) == []
    (record,) = caplog.records
    assert record.name == "urllib3.contrib.pyopenssl"
    assert record.getMessage().startswith(
        "A problem was encountered with the certificate that prevented urllib3 from finding the "
        "SubjectAlternativeName field. This can affect certificate validation. The error was "
    )
