"""Who is trusted, which name is checked, what is said when it goes wrong: real handshakes."""

from __future__ import annotations

import contextlib
import datetime as dt
import hashlib
import logging
import os
import shutil
import socket
import ssl
import threading
import typing

import pytest

import urllib3
from tests.support.certificates import PASSWORD, make
from tests.support.tls import tls_server
from urllib3 import HTTPSConnectionPool, PoolManager, Retry, connection
from urllib3.connection import HTTPSConnection
from urllib3.exceptions import (
    InsecureRequestWarning,
    MaxRetryError,
    ProtocolError,
    ProxySchemeUnsupported,
    ReadTimeoutError,
    SSLError,
    SystemTimeWarning,
)
from urllib3.util import connection as util_connection
from urllib3.util import ssl_
from urllib3.util.ssl_ import create_urllib3_context, ssl_wrap_socket
from urllib3.util.ssl_match_hostname import CertificateError

SERVERS = {"A": "localhost", "E": "example", "I": "addresses", "N": "self_signed"}


@contextlib.contextmanager
def server_of(certificates, letter, **kw):
    identity = getattr(certificates, SERVERS[letter])
    with tls_server(identity.server_context(**kw)) as server:
        yield server


@contextlib.contextmanager
def connected(server, host="localhost", **options):
    conn = HTTPSConnection(host, server.port, timeout=10, **options)
    try:
        conn.connect()
        yield conn
    finally:
        conn.close()


@contextlib.contextmanager
def pool_for(server, **kw):
    kw.setdefault("retries", False)
    with HTTPSConnectionPool("localhost", server.port, timeout=10, **kw) as pool:
        yield pool


def status(conn):
    conn.request("GET", "/")
    return conn.getresponse().status


def sha256(identity):
    return hashlib.sha256(identity.der).hexdigest()


@pytest.fixture(autouse=True)
def dialled(monkeypatch):
    """The hosts that were dialled.  Not every machine resolves ``localhost.``: the dot goes."""
    hosts = []
    create = util_connection.create_connection

    def dial(address, *args, **kw):
        hosts.append(address[0])
        return create((address[0].rstrip("."), address[1]), *args, **kw)

    monkeypatch.setattr(util_connection, "create_connection", dial)
    return hosts


@pytest.fixture
def a(certificates):
    with server_of(certificates, "A") as server:
        yield server


@pytest.fixture
def e(certificates):
    with server_of(certificates, "E") as server:
        yield server


# ---------------------------------------------------------------- outcomes


class Case(typing.NamedTuple):
    server: str
    options: typing.Callable[[typing.Any], dict[str, typing.Any]]
    verified: bool | None = None  # None = refused
    error: type[Exception] | None = None
    text: str = ""
    host: str = "localhost"
    sni: str | None = "localhost"
    version: str = "TLSv1.3"


def ca(**more):
    return lambda c: {"ca_certs": c.ca, **more}


def unverified_context():
    context = create_urllib3_context(cert_reqs=ssl.CERT_NONE)
    assert context.check_hostname is False
    return context


def trusting(path, **attributes):
    context = ssl.create_default_context(cafile=path)
    for name, value in attributes.items():
        setattr(context, name, value)
    return context


Refused = ssl.SSLCertVerificationError

CASES = {
    "the authority is trusted": Case("A", ca(), True),
    "nobody trusted has signed it": Case(
        "A", lambda c: {}, error=Refused, text="unable to get local issuer certificate"
    ),
    "no check, by name": Case("A", lambda c: {"cert_reqs": "CERT_NONE"}, False),
    "no check, by short name": Case("A", lambda c: {"cert_reqs": "NONE"}, False),
    "no check, by number": Case("A", lambda c: {"cert_reqs": 0}, False),
    "no check, by constant": Case("A", lambda c: {"cert_reqs": ssl.CERT_NONE}, False),
    "optional and not trusted": Case("A", lambda c: {"cert_reqs": "OPTIONAL"}, error=Refused),
    "optional and trusted": Case("A", ca(cert_reqs="CERT_OPTIONAL"), False),
    "optional and of another": Case(
        "E",
        ca(cert_reqs="CERT_OPTIONAL"),
        error=CertificateError,
        text="hostname 'localhost' doesn't match either of 'example.com', '*.wild.example'",
    ),
    "of another": Case(
        "E",
        ca(),
        error=Refused,
        text="Hostname mismatch, certificate is not valid for 'localhost'.",
    ),
    "names are not checked": Case("E", ca(assert_hostname=False), True),
    "another name is asserted": Case("E", ca(assert_hostname="a.wild.example"), True),
    "another name is asserted, in vain": Case(
        "E", ca(assert_hostname="a.b.wild.example"), error=CertificateError, text="doesn't match"
    ),
    "an empty name asserts nothing": Case("A", ca(assert_hostname=""), True),
    "an empty name does not switch the check off": Case(
        "E", ca(assert_hostname=""), error=Refused, text="Hostname mismatch"
    ),
    "no check, whatever is asserted": Case(
        "E", lambda c: {"cert_reqs": "CERT_NONE", "assert_hostname": "nope.com"}, False
    ),
    "another name in SNI, with a dot": Case(
        "E", ca(server_hostname="example.com."), True, sni="example.com"
    ),
    "one name in SNI and another asserted": Case(
        "A",
        ca(server_hostname="foo.example", assert_hostname="localhost"),
        True,
        sni="foo.example",
    ),
    "a dot behind the host": Case("A", ca(), True, host="localhost."),
    "an address": Case("I", ca(), True, host="127.0.0.1", sni=None),
    "an address that is not in it": Case(
        "A",
        ca(),
        error=Refused,
        text="IP address mismatch, certificate is not valid for '127.0.0.1'.",
        host="127.0.0.1",
        sni=None,
    ),
    "an asserted address in brackets": Case("I", ca(assert_hostname="[::1]"), True),
    "an address with a zone": Case("I", ca(server_hostname="::1%eth0"), True, sni=None),
    "an address with brackets and zone": Case(
        "I", ca(server_hostname="[::1%25eth0]"), True, sni=None
    ),
    "a fingerprint alone": Case(
        "A",
        lambda c: {"cert_reqs": "CERT_NONE", "assert_fingerprint": sha256(c.localhost).upper()},
        True,
    ),
    "a fingerprint does not replace trust": Case(
        "A", lambda c: {"assert_fingerprint": sha256(c.localhost)}, error=Refused
    ),
    "a fingerprint replaces the name": Case(
        "E", lambda c: {"ca_certs": c.ca, "assert_fingerprint": sha256(c.example)}, True
    ),
    "the wrong fingerprint": Case(
        "A",
        lambda c: {"ca_certs": c.ca, "assert_fingerprint": sha256(c.example)},
        error=SSLError,
        text="Fingerprints did not match",
    ),
    "a common name is no name": Case(
        "N", lambda c: {"ca_certs": c.self_signed.certificate}, error=Refused, text="Hostname"
    ),
    "a common name is no asserted name": Case(
        "N",
        lambda c: {"ca_certs": c.self_signed.certificate, "assert_hostname": "localhost"},
        error=CertificateError,
        text="no appropriate subjectAltName fields were found",
    ),
    "a common name is no optional name": Case(
        "N",
        lambda c: {"ca_certs": c.self_signed.certificate, "cert_reqs": "CERT_OPTIONAL"},
        error=CertificateError,
        text="no appropriate subjectAltName fields were found",
    ),
    "a common name, allowed by the caller's context": Case(
        "N", lambda c: {"ssl_context": trusting(c.self_signed.certificate)}, True
    ),
    "a common name, checked here": Case(
        "N",
        lambda c: {"ssl_context": trusting(c.self_signed.certificate, check_hostname=False)},
        True,
    ),
    "authorities as text": Case("A", lambda c: {"ca_cert_data": c.ca_pem}, True),
    "authorities in DER": Case("A", lambda c: {"ca_cert_data": c.ca_der}, True),
    "authorities as text in bytes": Case(
        "A",
        lambda c: {"ca_cert_data": c.ca_pem.encode()},
        error=SSLError,
        text="not enough data: cadata does not contain a certificate",
        sni="nobody asked",
    ),
    "no such file": Case(
        "A",
        lambda c: {"ca_certs": "/no/such"},
        error=SSLError,
        text="No such file or directory",
        sni="nobody asked",
    ),
    "no such directory": Case("A", lambda c: {"ca_cert_dir": "/no/such"}, error=Refused),
    "at most TLS 1.2": Case(
        "A", ca(ssl_maximum_version=ssl.TLSVersion.TLSv1_2), True, version="TLSv1.2"
    ),
    "any version, in the old way": Case("A", ca(ssl_version=ssl.PROTOCOL_TLS), True),
    "a context that trusts nobody": Case(
        "A", lambda c: {"ssl_context": ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)}, error=Refused
    ),
    "a context, and an authority for it": Case(
        "A", lambda c: {"ssl_context": create_urllib3_context(), "ca_certs": c.ca}, True
    ),
    "a context without checks": Case("A", lambda c: {"ssl_context": unverified_context()}, False),
    "a context without checks, overruled": Case(
        "A",
        lambda c: {
            "ssl_context": unverified_context(),
            "cert_reqs": "CERT_REQUIRED",
            "ca_certs": c.ca,
        },
        True,
    ),
    "a context without checks, overruled, of another": Case(
        "E",
        lambda c: {
            "ssl_context": unverified_context(),
            "cert_reqs": "CERT_REQUIRED",
            "ca_certs": c.ca,
        },
        error=CertificateError,
        text="doesn't match either of",
    ),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_outcomes_of_a_handshake(certificates, case):
    with server_of(certificates, case.server) as server:
        options = case.options(certificates)
        if case.error is None:
            with connected(server, case.host, **options) as conn:
                assert conn.is_verified is case.verified
                assert conn.sock.version() == case.version
                assert conn.sock.selected_alpn_protocol() == "http/1.1"
                assert status(conn) == 200
        else:
            with pytest.raises(case.error) as error, connected(server, case.host, **options):
                pass
            assert case.text in str(error.value)
        assert server.names == ([] if case.sni == "nobody asked" else [case.sni])


def test_true_asserts_the_name_of_the_host(certificates, a, e):
    with connected(a, ca_certs=certificates.ca, assert_hostname=True) as conn:
        assert conn.is_verified
    with (
        pytest.raises(Refused, match="Hostname mismatch"),
        connected(e, ca_certs=certificates.ca, assert_hostname=True),
    ):
        pass


def test_one_version_alone_is_warned_of_for_each_connection(certificates, a):
    with pool_for(a, ca_certs=certificates.ca, ssl_version="TLSv1_2") as pool:
        for _ in range(2):
            conn = pool._new_conn()
            with pytest.warns(FutureWarning, match="'ssl_version' option is deprecated"):
                conn.connect()
            assert conn.sock.version() == "TLSv1.2"
            conn.close()


# ---------------------------------------------------------------- client certificates


def test_a_client_shows_its_certificate(certificates):
    c = certificates
    shown = [
        {"cert_file": c.client.certificate, "key_file": c.client.key},
        {"cert_file": c.client.path},
        {"cert_file": c.client.path, "key_file": c.client.key, "key_password": "needless"},
        {
            "cert_file": c.client.certificate,
            "key_file": c.client_key_encrypted,
            "key_password": PASSWORD,
        },
        {
            "cert_file": c.client.certificate,
            "key_file": c.client_key_encrypted_traditional,
            "key_password": PASSWORD,
        },
        {
            "ssl_context": trusting(c.ca),
            "cert_file": c.client.certificate,
            "key_file": c.client.key,
        },
    ]
    with server_of(c, "A", client_ca=c.ca) as server:
        for options in shown:
            with connected(server, ca_certs=c.ca, **options) as conn:
                assert status(conn) == 200
        assert server.clients == [c.client.der] * len(shown)


@pytest.mark.parametrize(
    ("options", "error", "text"),
    [
        (
            lambda c: {"cert_file": c.client.certificate, "key_file": c.client_key_encrypted},
            SSLError,
            "Client private key is encrypted, password is required",
        ),
        (
            lambda c: {"key_file": c.client_key_encrypted_traditional},
            SSLError,
            "Client private key is encrypted, password is required",
        ),
        (
            lambda c: {
                "cert_file": c.client.certificate,
                "key_file": c.client_key_encrypted,
                "key_password": "wrong",
            },
            ssl.SSLError,
            None,
        ),
        (lambda c: {"cert_file": c.client.certificate}, ssl.SSLError, "PEM lib"),
        (lambda c: {"cert_file": "/no/such"}, FileNotFoundError, "No such file"),
        (lambda c: {"key_file": "/no/such"}, FileNotFoundError, "No such file"),
    ],
)
def test_a_key_that_cannot_be_used_is_an_error_before_the_handshake(
    certificates, a, options, error, text
):
    with pytest.raises(error, match=text):
        with connected(a, ca_certs=certificates.ca, **options(certificates)):
            pass
    assert a.names == []


def test_a_key_without_certificate_shows_nothing(certificates, a):
    key = certificates.client.key
    with connected(a, ca_certs=certificates.ca, key_file=key) as conn:
        assert status(conn) == 200


# ---------------------------------------------------------------- a caller's context


class Watched(ssl.SSLContext):
    """A context that notes what is done to it."""

    def __new__(cls):
        context = super().__new__(cls, ssl.PROTOCOL_TLS_CLIENT)
        context.done = []
        return context

    def __setattr__(self, name, value):
        if "done" in self.__dict__:
            self.done.append(name)
        super().__setattr__(name, value)

    def load_verify_locations(self, *args):
        self.done.append("load_verify_locations")
        super().load_verify_locations(*args)

    def load_default_certs(self, *args):
        self.done.append("load_default_certs")

    def load_cert_chain(self, *args):
        self.done.append("load_cert_chain")
        super().load_cert_chain(*args)


def test_a_callers_context_is_left_as_it_was(certificates, a):
    context = Watched()
    context.load_verify_locations(certificates.ca)
    del context.done[:]
    with pool_for(a, ssl_context=context) as pool:
        for _ in range(2):
            conn = pool._new_conn()
            assert conn.ssl_context is context
            assert status(conn) == 200
            assert conn.sock.context is context
            conn.close()
    assert context.done == []
    assert (context.verify_mode, context.check_hostname) == (ssl.CERT_REQUIRED, True)


@pytest.mark.parametrize(
    "options",
    [
        {"assert_hostname": "localhost"},
        {"assert_hostname": False},
        {"assert_fingerprint": "the right one"},
    ],
)
def test_a_callers_context_checks_no_names_where_they_are_checked_here(certificates, a, options):
    if "assert_fingerprint" in options:
        options = {"assert_fingerprint": sha256(certificates.localhost)}
    context = Watched()
    context.load_verify_locations(certificates.ca)
    del context.done[:]
    with connected(a, ssl_context=context, server_hostname="localhost", **options):
        assert context.done == ["check_hostname", "check_hostname"]
        assert context.check_hostname is True


@pytest.mark.parametrize(
    ("name", "value"), [("IS_PYOPENSSL", True), ("HAS_NEVER_CHECK_COMMON_NAME", False)]
)
def test_names_are_checked_here_where_the_library_cannot_be_relied_on(
    certificates, e, monkeypatch, name, value
):
    monkeypatch.setattr(ssl_, name, value)
    with pytest.raises(CertificateError), connected(e, ca_certs=certificates.ca):
        pass


def test_a_context_that_checks_names_contradicts_no_check_at_all(certificates, a):
    options = {"ssl_context": trusting(certificates.ca), "cert_reqs": "CERT_NONE"}
    text = "Cannot set verify_mode to CERT_NONE when check_hostname is enabled"
    with pytest.raises(ValueError, match=text), connected(a, **options):
        pass
    with pool_for(a, retries=3, **options) as pool, pytest.raises(ValueError, match=text):
        pool.request("GET", "/")


def test_authorities_and_certificate_are_added_to_a_callers_context(certificates):
    c = certificates
    context = Watched()
    with server_of(c, "A", client_ca=c.ca) as server:
        for _ in range(2):
            with connected(
                server, ssl_context=context, ca_certs=c.ca, cert_file=c.client.path
            ) as conn:
                assert status(conn) == 200
    assert context.done == ["load_verify_locations", "load_cert_chain"] * 2
    assert context.cert_store_stats()["x509_ca"] == 1


def test_versions_count_for_nothing_beside_a_callers_context(certificates, a):
    options = {"ssl_version": "TLSv1_2", "ssl_maximum_version": ssl.TLSVersion.TLSv1_2}
    with connected(a, ssl_context=trusting(certificates.ca), **options) as conn:
        assert conn.sock.version() == "TLSv1.3"


def test_protocols_that_a_caller_set_give_way_to_ours(certificates, a):
    context = trusting(certificates.ca)
    context.set_alpn_protocols(["theirs"])
    with connected(a, ssl_context=context) as conn:
        assert conn.sock.selected_alpn_protocol() == "http/1.1"


class Foreign:
    """As much of a context as is asked for, on top of a native one."""

    check_hostname = False
    verify_mode = ssl.CERT_NONE

    def __init__(self):
        self._native = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self._native.check_hostname = False
        self._native.verify_mode = ssl.CERT_NONE

    def set_alpn_protocols(self, protocols):
        self._native.set_alpn_protocols(protocols)

    def wrap_socket(self, sock, server_hostname=None):
        return self._native.wrap_socket(sock, server_hostname=server_hostname)


def test_a_context_may_be_anything_that_wraps_sockets(a):
    context = Foreign()
    with connected(a, ssl_context=context) as conn:
        assert (status(conn), conn.is_verified) == (200, False)
    sock = socket.create_connection(("127.0.0.1", a.port))
    with sock, pytest.raises(ProxySchemeUnsupported, match=r"requires SSLContext\.wrap_bio\(\)"):
        ssl_wrap_socket(sock, ssl_context=context, tls_in_tls=True)


# ---------------------------------------------------------------- ssl_wrap_socket by itself


def dial(server):
    return socket.create_connection(("127.0.0.1", server.port), timeout=10)


def test_a_socket_is_secured_by_itself(certificates, a):
    with ssl_wrap_socket(dial(a), ca_certs=certificates.ca, server_hostname="localhost") as sock:
        assert type(sock) is ssl.SSLSocket
        assert sock.selected_alpn_protocol() == "http/1.1"
        assert sock.context.verify_mode == ssl.CERT_REQUIRED
    assert a.names == ["localhost"]


def test_the_options_of_a_new_context_are_not_resolved_here(certificates, a):
    with dial(a) as sock, pytest.raises(TypeError):
        ssl_wrap_socket(sock, cert_reqs="CERT_NONE")
    with pytest.warns(FutureWarning):
        sock = ssl_wrap_socket(
            dial(a),
            cert_reqs=ssl.CERT_NONE,
            ssl_version=ssl.PROTOCOL_TLSv1_2,
            ciphers="ECDHE+AESGCM",
        )
    with sock:
        assert sock.version() == "TLSv1.2"
        assert all("GCM" in c["name"] or "TLS_" in c["name"] for c in sock.context.get_ciphers())


def test_beside_a_context_they_count_for_nothing(certificates, a):
    with ssl_wrap_socket(
        dial(a),
        ssl_context=trusting(certificates.ca),
        cert_reqs=ssl.CERT_NONE,
        ssl_version=ssl.PROTOCOL_TLSv1_2,
        ciphers="nonsense",
        server_hostname="localhost",
    ) as sock:
        assert (sock.version(), sock.context.verify_mode) == ("TLSv1.3", ssl.CERT_REQUIRED)


def test_a_new_context_trusts_the_system_and_a_callers_does_not(certificates, a, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", certificates.ca)
    ssl_wrap_socket(dial(a), server_hostname="localhost").close()
    with pytest.raises(Refused):
        ssl_wrap_socket(dial(a), server_hostname="localhost", ssl_context=create_urllib3_context())


def test_authorities_that_cannot_be_read_keep_their_cause(a):
    with dial(a) as sock, pytest.raises(SSLError) as error:
        ssl_wrap_socket(sock, ca_certs="/no/such")
    assert isinstance(error.value.__cause__, FileNotFoundError)
    assert error.value.args == (error.value.__cause__,)


# ---------------------------------------------------------------- trust where there is none


@pytest.fixture
def empty_machine(monkeypatch, tmp_path):
    """A machine whose trust store is an empty directory."""

    class Empty(ssl.SSLContext):
        def load_default_certs(self, purpose=None):
            pass

    Empty.load_default_certs.__module__ = "ssl"
    paths = ssl.get_default_verify_paths()._replace(cafile=None, capath=str(tmp_path))
    monkeypatch.setattr(ssl_.ssl, "get_default_verify_paths", lambda: paths)
    monkeypatch.setattr(ssl_, "SSLContext", Empty)
    return tmp_path


def authorities_by_default():
    context = create_urllib3_context()
    ssl_.load_default_trust(context)
    return context.cert_store_stats()["x509_ca"]


def test_where_the_system_trusts_nobody_the_list_of_certifi_is_trusted(empty_machine, a):
    assert authorities_by_default() > 50
    with pytest.raises(Refused), connected(a):
        pass


def test_it_is_not_where_somebody_has_said_whom_to_trust(empty_machine, monkeypatch):
    (empty_machine / "12345678.0").write_text("an authority")
    assert authorities_by_default() == 0
    (empty_machine / "12345678.0").unlink()
    monkeypatch.setenv("SSL_CERT_DIR", "/no/such")
    assert authorities_by_default() == 0


def test_it_is_not_where_a_context_gets_its_trust_elsewhere(empty_machine):
    ssl_.SSLContext.load_default_certs.__module__ = "truststore"
    assert authorities_by_default() == 0


def test_without_certifi_nobody_is_trusted(empty_machine, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "certifi", None)
    assert authorities_by_default() == 0


# ---------------------------------------------------------------- contexts that are kept


@pytest.fixture
def made(monkeypatch):
    """The contexts made while the test runs."""
    contexts = []

    def create(*args, **kw):
        contexts.append(create_urllib3_context(*args, **kw))
        return contexts[-1]

    monkeypatch.setattr(ssl_, "create_urllib3_context", create)
    return contexts


def connect_once(pool):
    conn = pool._new_conn()
    conn.connect()
    context = conn.sock.context
    conn.close()
    return context


def test_connections_of_a_pool_share_one_context(certificates, a, made):
    with pool_for(a, ca_certs=certificates.ca) as pool:
        assert connect_once(pool) is connect_once(pool)
    assert len(made) == 1


def test_pools_of_a_manager_share_it_too_and_managers_do_not(certificates, a, made):
    for _ in range(2):
        with PoolManager(ca_certs=certificates.ca) as manager:
            for host in ("localhost", "localhost."):
                connect_once(manager.connection_from_host(host, a.port, "https"))
    assert len(made) == 2


def test_names_to_assert_do_not_make_contexts_of_their_own(certificates, a, e, made):
    with PoolManager(ca_certs=certificates.ca) as manager:
        for options in (
            {"assert_hostname": "localhost"},
            {"assert_hostname": False},
            {"assert_fingerprint": sha256(certificates.localhost)},
        ):
            connect_once(manager.connection_from_host("localhost", a.port, "https", options))
    assert len(made) == 1
    assert made[0].check_hostname is False


def test_options_that_differ_make_contexts_that_differ(certificates, a, made):
    c = certificates
    options = [
        {"ca_certs": c.ca},
        {"ca_cert_data": c.ca_pem},
        {"cert_reqs": "CERT_NONE"},
        {"cert_reqs": "CERT_NONE", "assert_hostname": False},
        {"ca_certs": c.ca, "ssl_maximum_version": ssl.TLSVersion.TLSv1_2},
        {"ca_certs": c.ca, "cert_file": c.client.path},
    ]
    with PoolManager() as manager:
        for _ in range(2):
            for option in options:
                connect_once(manager.connection_from_host("localhost", a.port, "https", option))
    assert len(made) == len(options)


def test_what_requests_writes_on_a_pool_counts_from_the_next_connection_on(certificates, a):
    with pool_for(a, ca_certs=certificates.ca) as pool:
        connect_once(pool)
        pool.ca_certs = None
        with pytest.raises(Refused):
            connect_once(pool)
        pool.cert_reqs = "CERT_NONE"
        assert connect_once(pool).verify_mode == ssl.CERT_NONE


def test_rotated_authorities_are_seen(certificates, a, tmp_path):
    other = make(tmp_path)
    trusted = tmp_path / "trusted.pem"
    shutil.copy(certificates.ca, trusted)
    with pool_for(a, ca_certs=str(trusted)) as pool:
        connect_once(pool)
        os.replace(other.ca, trusted)
        with pytest.raises(Refused):
            connect_once(pool)


def test_a_rotated_client_certificate_is_shown(certificates, tmp_path):
    c = certificates
    mine = tmp_path / "mine.pem"
    shutil.copy(c.client.path, mine)
    with server_of(c, "A", client_ca=c.ca) as server:
        with pool_for(server, ca_certs=c.ca, cert_file=str(mine)) as pool:
            for identity in (c.client, c.example):
                shutil.copy(identity.path, tmp_path / "next.pem")
                os.replace(tmp_path / "next.pem", mine)
                pool.request("GET", "/", headers={"Connection": "close"})
                pool.pool.queue[-1].close()
        assert server.clients == [c.client.der, c.example.der]


def test_the_environment_and_what_was_injected_are_part_of_it(certificates, a, made, monkeypatch):
    class Theirs(ssl.SSLContext):
        pass

    with pool_for(a, cert_reqs="CERT_NONE") as pool:
        connect_once(pool)
        monkeypatch.setenv("SSL_CERT_FILE", certificates.ca)
        connect_once(pool)
        monkeypatch.setattr(ssl_, "ALPN_PROTOCOLS", ["other", "http/1.1"])
        connect_once(pool)
        monkeypatch.setattr(ssl_, "SSLContext", Theirs)
        assert isinstance(connect_once(pool), Theirs)
    assert len(made) == 4


def test_threads_that_start_together_make_one_context(certificates, a, made):
    start = threading.Barrier(8)
    with pool_for(a, ca_certs=certificates.ca, maxsize=8) as pool:

        def work():
            start.wait(10)
            pool.request("GET", "/")

        threads = [threading.Thread(target=work) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(20)
    assert len(made) == 1
    assert len(a.names) >= 1


def test_a_context_that_could_not_be_made_is_made_again(certificates, a, tmp_path):
    path = tmp_path / "late.pem"
    with pool_for(a, ca_certs=str(path)) as pool:
        with pytest.raises(SSLError, match="No such file"):
            connect_once(pool)
        shutil.copy(certificates.ca, path)
        connect_once(pool)


def test_a_child_of_fork_uses_no_context_of_its_parent(monkeypatch):
    from urllib3._network.tls import ContextMemo, TlsPolicy

    memo, policy = ContextMemo(), TlsPolicy(cert_reqs=ssl.CERT_NONE, ca_cert_dir="/no/such")
    parents = memo.get(policy)
    assert memo.get(policy) is parents
    monkeypatch.setattr(os, "getpid", lambda: -1)
    childs = memo.get(policy)
    assert childs is not parents
    assert memo.get(policy) is childs


def test_a_fork_waits_for_threads_that_are_inside_openssl_but_not_for_its_own():
    from urllib3._network import tls

    other = -1
    naps = []

    def nap(seconds):
        naps.append(seconds)
        if len(naps) == 3:
            tls._inside_openssl.remove(other)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tls.time, "sleep", nap)
        tls._inside_openssl[:] = [threading.get_ident(), other]
        tls._wait_for_other_threads()
        assert len(naps) == 3
        tls._wait_for_other_threads()
        assert len(naps) == 3
    tls._inside_openssl.clear()


def test_the_number_of_contexts_is_bounded_and_the_oldest_goes_first():
    from urllib3._network.tls import ContextMemo, TlsPolicy

    memo = ContextMemo()
    policies = [
        TlsPolicy(cert_reqs=ssl.CERT_NONE, ca_cert_dir=f"/no/such/{number}")
        for number in range(memo.MAX_CONTEXTS + 1)
    ]
    contexts = [memo.get(policy) for policy in policies]
    assert len(memo._kept) == memo.MAX_CONTEXTS
    assert memo.get(policies[-1]) is contexts[-1]
    assert memo.get(policies[1]) is contexts[1]
    assert memo.get(policies[0]) is not contexts[0]
    assert memo.get(policies[1]) is contexts[1]


# ---------------------------------------------------------------- seams


def test_whoever_replaces_the_wrapping_gets_every_option_and_a_new_context(
    certificates, a, monkeypatch
):
    calls = []

    def wrap(**kw):
        calls.append(dict(kw))
        return ssl_wrap_socket(**kw)

    monkeypatch.setattr(connection, "ssl_wrap_socket", wrap)
    c = certificates
    with pool_for(a, ca_certs=c.ca, cert_file=c.client.certificate, key_file=c.client.key) as pool:
        connect_once(pool)
        connect_once(pool)
    first, second = (call.pop("ssl_context") for call in calls)
    assert first is not second
    for call in calls:
        assert type(call.pop("sock")) is socket.socket
    assert calls == 2 * [
        {
            "keyfile": c.client.key,
            "certfile": c.client.certificate,
            "key_password": None,
            "ca_certs": c.ca,
            "ca_cert_dir": None,
            "ca_cert_data": None,
            "server_hostname": "localhost",
            "tls_in_tls": False,
        }
    ]


def test_whoever_replaces_the_making_of_contexts_makes_each(certificates, a, monkeypatch):
    calls = []

    def create(**kw):
        calls.append(kw)
        return create_urllib3_context(**kw)

    monkeypatch.setattr(connection, "create_urllib3_context", create)
    monkeypatch.setenv("SSL_CERT_FILE", certificates.ca)
    with pool_for(a) as pool:
        connect_once(pool)
        connect_once(pool)
    assert calls == 2 * [
        {
            "ssl_version": ssl.PROTOCOL_TLS,
            "ssl_minimum_version": None,
            "ssl_maximum_version": None,
            "cert_reqs": ssl.CERT_REQUIRED,
        }
    ]


def test_whoever_replaces_the_check_of_names_is_asked(certificates, e, monkeypatch):
    asked = []
    monkeypatch.setattr(connection, "match_hostname", lambda *args: asked.append(args[1:]))
    with connected(e, ca_certs=certificates.ca, assert_hostname="any.name"):
        assert asked == [("any.name", False)]


# ---------------------------------------------------------------- errors and warnings


def test_the_wrong_name_is_logged_and_told_and_the_socket_closed(
    certificates, e, monkeypatch, caplog
):
    wrapped = []

    def wrap(**kw):
        wrapped.append(ssl_wrap_socket(**kw))
        return wrapped[-1]

    monkeypatch.setattr(connection, "ssl_wrap_socket", wrap)
    with caplog.at_level(logging.WARNING, "urllib3.connection"):
        with pytest.raises(CertificateError) as error:
            with connected(e, ca_certs=certificates.ca, assert_hostname="nope"):
                pass
    cert = error.value._peer_cert
    assert ("DNS", "example.com") in cert["subjectAltName"]
    assert [(r.name, r.levelname, r.getMessage()) for r in caplog.records] == [
        (
            "urllib3.connection",
            "WARNING",
            f"Certificate did not match expected hostname: nope. Certificate: {cert}",
        )
    ]
    assert wrapped[0].fileno() == -1


def test_nothing_stays_open_after_a_failed_handshake(certificates, e):
    for options in (
        {"ca_certs": certificates.ca},
        {"ca_certs": certificates.ca, "assert_hostname": "nope"},
        {"ca_certs": "/no/such"},
        {"cert_reqs": "CERT_NONE", "assert_fingerprint": "aa" * 32},
        {"cert_file": "/no/such"},
    ):
        conn = HTTPSConnection("localhost", e.port, timeout=10, **options)
        with pytest.raises((OSError, ValueError, SSLError)):
            conn.connect()
        assert conn.is_closed


@contextlib.contextmanager
def silent_server():
    """One that accepts connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


def test_a_handshake_takes_no_longer_than_the_timeout():
    with silent_server() as port:
        conn = HTTPSConnection("localhost", port, timeout=0.2)
        with pytest.raises(TimeoutError, match="The handshake operation timed out"):
            conn.connect()
        conn.close()


def test_a_pool_says_so_as_a_read_timeout_of_the_time_to_connect():
    with silent_server() as port:
        timeout = urllib3.Timeout(connect=0.2, read=7)
        with HTTPSConnectionPool("localhost", port, timeout=timeout, retries=False) as pool:
            with pytest.raises(ReadTimeoutError) as error:
                pool.request("GET", "/")
    assert str(error.value) == (
        f"HTTPSConnectionPool(host='localhost', port={port}): Read timed out. (read timeout=0.2)"
    )
    assert isinstance(error.value.__cause__, TimeoutError)


def test_a_peer_that_hangs_up_is_an_error_of_tls():
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def hang_up():
            for _ in range(2):
                sock, _ = listener.accept()
                sock.recv(65536)
                sock.close()

        thread = threading.Thread(target=hang_up, daemon=True)
        thread.start()
        port = listener.getsockname()[1]
        conn = HTTPSConnection("localhost", port, timeout=10)
        with pytest.raises(ssl.SSLEOFError):
            conn.connect()
        conn.close()
        with HTTPSConnectionPool("localhost", port, timeout=10, retries=False) as pool:
            with pytest.raises(SSLError) as error:
                pool.request("GET", "/")
        assert isinstance(error.value.args[0], ssl.SSLEOFError)
        thread.join(10)


@pytest.mark.parametrize(
    ("options", "error", "inner"),
    [
        (lambda c: {}, SSLError, ssl.SSLCertVerificationError),
        (lambda c: {"ca_certs": c.ca, "assert_hostname": "x"}, SSLError, CertificateError),
        (lambda c: {"ca_certs": "/no/such"}, SSLError, FileNotFoundError),
        (lambda c: {"cert_file": "/no/such"}, ProtocolError, "Connection aborted."),
        (lambda c: {"cert_reqs": "nonsense"}, AttributeError, None),
        (lambda c: {"ssl_version": "nonsense"}, AttributeError, None),
    ],
)
def test_what_a_pool_makes_of_it(certificates, e, options, error, inner):
    with pool_for(e, **options(certificates)) as pool, pytest.raises(error) as caught:
        pool.request("GET", "/")
    assert type(caught.value) is error
    if isinstance(inner, type):
        assert type(caught.value.args[0]) is inner
        assert str(caught.value) == str(caught.value.args[0])
    elif inner:
        assert caught.value.args[0] == inner


def test_tls_errors_are_retried_until_the_budget_is_spent(e):
    with pool_for(e, retries=Retry(2)) as pool, pytest.raises(MaxRetryError) as error:
        pool.request("GET", "/x")
    assert len(e.names) == 3
    text = str(error.value)
    assert text.startswith(
        f"HTTPSConnectionPool(host='localhost', port={e.port}): Max retries exceeded with url: /x "
        "(Caused by SSLError(SSLCertVerificationError(1, '[SSL: CERTIFICATE_VERIFY_FAILED] "
        "certificate verify failed: unable to get local issuer certificate (_ssl.c:"
    )
    assert isinstance(error.value.reason, SSLError)


def test_a_clock_in_the_past_is_warned_of_at_each_handshake(certificates, a, monkeypatch):
    monkeypatch.setattr(connection, "RECENT_DATE", dt.date(9999, 1, 1))
    for _ in range(2):
        with pytest.warns(SystemTimeWarning) as caught:
            with connected(a, ca_certs=certificates.ca):
                pass
        text = (
            "System time is way off (before 9999-01-01). "
            "This will probably lead to SSL verification errors"
        )
        assert [str(warning.message) for warning in caught] == [text]


def test_each_request_that_nobody_verified_is_warned_of(a):
    with pool_for(a, cert_reqs="CERT_NONE") as pool:
        for _ in range(2):
            with pytest.warns(InsecureRequestWarning) as caught:
                pool.request("GET", "/")
            text = (
                "Unverified HTTPS request is being made to host 'localhost'. Adding certificate "
                "verification is strongly advised. See: https://urllib3.readthedocs.io/en/latest/"
                "advanced-usage.html#tls-warnings"
            )
            assert [str(warning.message) for warning in caught] == [text]
    assert len(a.names) == 1


def test_the_handshake_follows_the_dialling(certificates, a, dialled):
    told = []
    conn = HTTPSConnection("localhost.", a.port, timeout=10, ca_certs=certificates.ca)
    conn._connect_callback = lambda event, **kw: told.append((event, conn.sock))
    conn.connect()
    conn.close()
    assert (told, dialled, a.names) == ([("before connect", None)], ["localhost."], ["localhost"])


def test_a_connection_knows_what_was_verified_until_it_is_closed(certificates, a):
    with connected(a, ca_certs=certificates.ca) as conn:
        assert (conn.is_verified, conn.proxy_is_verified) == (True, None)
        assert conn.has_connected_to_proxy is False
        assert conn.ssl_context is None
    assert conn.is_verified is False
