"""TLS options by name, contexts with safe settings, and Pythons without ``ssl``."""

from __future__ import annotations

import inspect
import os
import ssl
import subprocess
import sys
from pathlib import Path

import pytest

import urllib3
from urllib3.exceptions import ProxySchemeUnsupported
from urllib3.util import ssl_
from urllib3.util.ssl_ import (
    create_urllib3_context,
    is_ipaddress,
    resolve_cert_reqs,
    resolve_ssl_version,
)


def run(code, **environment):
    """What CODE prints in a fresh interpreter that imports the package under test."""
    answer = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        env={**os.environ, "PYTHONPATH": str(Path(urllib3.__file__).parents[1]), **environment},
        capture_output=True,
        encoding="utf-8",
        timeout=50,
        check=False,
    )
    assert answer.stderr == ""
    return answer.stdout.strip()


# ---------------------------------------------------------------- names


@pytest.mark.parametrize(
    ("candidate", "constant"),
    [
        (None, ssl.CERT_REQUIRED),
        ("CERT_NONE", ssl.CERT_NONE),
        ("NONE", ssl.CERT_NONE),
        ("OPTIONAL", ssl.CERT_OPTIONAL),
        ("REQUIRED", ssl.CERT_REQUIRED),
        (ssl.CERT_OPTIONAL, ssl.CERT_OPTIONAL),
        (0, 0),
        (4711, 4711),
        ("PROTOCOL_TLS", ssl.PROTOCOL_TLS),
    ],
)
def test_what_is_demanded_of_a_certificate_goes_by_name_or_constant(candidate, constant):
    assert resolve_cert_reqs(candidate) == constant


@pytest.mark.parametrize(
    ("candidate", "constant"),
    [
        (None, ssl.PROTOCOL_TLS),
        ("TLSv1_2", ssl.PROTOCOL_TLSv1_2),
        ("PROTOCOL_TLSv1_2", ssl.PROTOCOL_TLSv1_2),
        (ssl.PROTOCOL_TLS_CLIENT, ssl.PROTOCOL_TLS_CLIENT),
    ],
)
def test_the_protocol_goes_by_name_or_constant(candidate, constant):
    assert resolve_ssl_version(candidate) == constant


@pytest.mark.parametrize(
    ("resolve", "name", "text"),
    [
        (resolve_cert_reqs, "FOO", "module 'ssl' has no attribute 'CERT_FOO'"),
        (resolve_cert_reqs, "none", "module 'ssl' has no attribute 'CERT_none'"),
        (resolve_ssl_version, "x", "module 'ssl' has no attribute 'PROTOCOL_x'"),
    ],
)
def test_a_name_that_ssl_does_not_know_is_an_attribute_error(resolve, name, text):
    with pytest.raises(AttributeError) as error:
        resolve(name)
    assert str(error.value) == text


@pytest.mark.parametrize(
    "hostname",
    [
        *("1.2.3.4", "256.256.256.256", "1.2.3", "1", "2130706433", "0x7f000001", "0x7f.1"),
        *("0177.0.0.1", "::1", "::ffff:1.2.3.4", "fe80::1%eth0", "fe80::1%25eth0", b"1.2.3.4"),
    ],
)
def test_every_spelling_of_an_address_that_resolvers_take_is_an_address(hostname):
    assert is_ipaddress(hostname) is True


@pytest.mark.parametrize(
    "hostname",
    [
        *("[::1]", "1.2.3.4.", "1.2.3.4 ", "1.2.3.4.5", "1.2.3.x", "::g", "-1", "", "localhost"),
        *("example.com", "é", b"localhost"),
    ],
)
def test_everything_else_is_a_name(hostname):
    assert is_ipaddress(hostname) is False


def test_bytes_that_are_not_ascii_are_no_host():
    with pytest.raises(UnicodeDecodeError):
        is_ipaddress("é".encode())


# ---------------------------------------------------------------- contexts


def test_a_context_is_for_clients_and_strict_and_trusts_nobody():
    context = create_urllib3_context()
    assert context.protocol == ssl.PROTOCOL_TLS_CLIENT
    assert context.minimum_version == ssl.TLSVersion.TLSv1_2
    assert context.maximum_version == ssl.TLSVersion.MAXIMUM_SUPPORTED
    assert (context.verify_mode, context.check_hostname) == (ssl.CERT_REQUIRED, True)
    assert context.hostname_checks_common_name is False
    assert context.post_handshake_auth is True
    assert context.get_ca_certs() == []
    base = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).options
    assert context.options == base | ssl.OP_NO_TICKET | ssl.OP_NO_COMPRESSION | ssl.OP_NO_SSLv3


def test_chains_are_checked_strictly_where_python_does_so_itself():
    flags = create_urllib3_context().verify_flags
    strict = ssl.VERIFY_X509_STRICT | ssl.VERIFY_X509_PARTIAL_CHAIN
    assert flags & strict == (strict if sys.version_info >= (3, 13) else 0)
    assert flags & ssl.VERIFY_X509_TRUSTED_FIRST
    assert create_urllib3_context(verify_flags=0x20).verify_flags & strict == 0x20


def test_options_are_added_and_zero_adds_none():
    base = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).options
    assert create_urllib3_context(options=0).options == base
    assert create_urllib3_context(options=ssl.OP_NO_TICKET).options == base | ssl.OP_NO_TICKET


def test_versions_are_bounded_as_asked():
    context = create_urllib3_context(
        ssl_minimum_version=ssl.TLSVersion.TLSv1_3, ssl_maximum_version=ssl.TLSVersion.TLSv1_3
    )
    assert context.minimum_version == context.maximum_version == ssl.TLSVersion.TLSv1_3


def test_ciphers_are_chosen_and_bad_ones_refused():
    context = create_urllib3_context(ciphers="ECDHE-RSA-AES128-GCM-SHA256")
    assert "ECDHE-RSA-AES128-GCM-SHA256" in [cipher["name"] for cipher in context.get_ciphers()]
    ours = [cipher["name"] for cipher in create_urllib3_context(ciphers="").get_ciphers()]
    assert ours == [c["name"] for c in ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).get_ciphers()]
    with pytest.raises(ssl.SSLError, match=r"No cipher can be selected\."):
        create_urllib3_context(ciphers="nonsense")


@pytest.mark.parametrize(
    ("cert_reqs", "checks_name"),
    [
        (None, True),
        (ssl.CERT_REQUIRED, True),
        (2, True),
        (ssl.CERT_OPTIONAL, False),
        (ssl.CERT_NONE, False),
    ],
)
def test_openssl_checks_the_name_where_a_certificate_is_required(cert_reqs, checks_name):
    context = create_urllib3_context(cert_reqs=cert_reqs)
    assert context.verify_mode == (2 if cert_reqs is None else cert_reqs)
    assert context.check_hostname is checks_name


def test_names_of_constants_are_not_resolved_here():
    with pytest.raises(TypeError):
        create_urllib3_context(cert_reqs="CERT_NONE")


def test_one_version_alone_is_deprecated_and_the_warning_names_the_caller():
    with pytest.warns(FutureWarning) as caught:
        context = create_urllib3_context(ssl.PROTOCOL_TLSv1_2)
    assert context.protocol == ssl.PROTOCOL_TLS_CLIENT
    assert context.minimum_version == context.maximum_version == ssl.TLSVersion.TLSv1_2
    text = (
        "'ssl_version' option is deprecated and will be removed in urllib3 v3.0. "
        "Instead use 'ssl_minimum_version'"
    )
    assert [(str(warning.message), warning.filename) for warning in caught] == [(text, __file__)]


def test_a_version_that_nobody_knows_bounds_nothing():
    with pytest.warns(FutureWarning):
        context = create_urllib3_context(4711)
    assert context.minimum_version == ssl.TLSVersion.MINIMUM_SUPPORTED
    assert context.maximum_version == ssl.TLSVersion.MAXIMUM_SUPPORTED


@pytest.mark.parametrize("version", [None, ssl.PROTOCOL_TLS, ssl.PROTOCOL_TLS_CLIENT])
def test_any_version_is_no_version_and_warns_of_nothing(version):
    maximum = ssl.TLSVersion.TLSv1_2
    assert create_urllib3_context(version, ssl_maximum_version=maximum).maximum_version == maximum


@pytest.mark.parametrize("bound", ["ssl_minimum_version", "ssl_maximum_version"])
def test_one_version_and_bounds_contradict_each_other(bound):
    with pytest.raises(ValueError) as error:
        create_urllib3_context(ssl.PROTOCOL_TLSv1_2, **{bound: ssl.TLSVersion.TLSv1_2})
    assert str(error.value) == (
        "Can't specify both 'ssl_version' and either 'ssl_minimum_version' or 'ssl_maximum_version'"
    )


def test_session_keys_are_logged_where_the_environment_says(tmp_path, monkeypatch):
    monkeypatch.delenv("SSLKEYLOGFILE", raising=False)
    assert create_urllib3_context().keylog_filename is None
    monkeypatch.setenv("SSLKEYLOGFILE", "")
    assert create_urllib3_context().keylog_filename is None
    monkeypatch.setenv("KEYS", str(tmp_path))
    monkeypatch.setenv("SSLKEYLOGFILE", "$KEYS/log")
    assert create_urllib3_context().keylog_filename == str(tmp_path / "log")
    monkeypatch.setenv("SSLKEYLOGFILE", str(tmp_path / "none" / "log"))
    with pytest.raises(FileNotFoundError):
        create_urllib3_context()


def test_the_class_of_contexts_is_looked_up_when_one_is_made(monkeypatch):
    class Theirs(ssl.SSLContext):
        pass

    monkeypatch.setattr(ssl_, "SSLContext", Theirs)
    assert type(create_urllib3_context()) is Theirs
    monkeypatch.setattr(ssl_, "IS_PYOPENSSL", True)
    assert create_urllib3_context().check_hostname is False
    monkeypatch.setattr(ssl_, "SSLContext", None)
    with pytest.raises(TypeError) as error:
        create_urllib3_context()
    assert str(error.value) == "Can't create an SSLContext object without an ssl module"


def test_tls_in_tls_without_ssl_says_what_is_missing(monkeypatch):
    monkeypatch.setattr(ssl_, "SSLTransport", None)
    with pytest.raises(ProxySchemeUnsupported) as error:
        ssl_.ssl_wrap_socket(None, ssl_context=create_urllib3_context(), tls_in_tls=True)
    assert str(error.value) == "TLS in TLS requires support for the 'ssl' module"


# ---------------------------------------------------------------- the module


@pytest.mark.parametrize(
    "name",
    [
        *("ALPN_PROTOCOLS", "IS_PYOPENSSL", "SSLContext", "assert_fingerprint"),
        *("create_urllib3_context", "resolve_cert_reqs", "resolve_ssl_version", "ssl_wrap_socket"),
    ],
)
def test_the_tools_are_handed_on_by_util(name):
    assert getattr(urllib3.util, name) is getattr(ssl_, name)


@pytest.mark.parametrize("name", ["DEFAULT_CIPHERS", "HAS_SNI"])
def test_names_of_the_past_are_gone(name):
    assert not hasattr(ssl_, name)


def test_what_is_there_is_there():
    assert ssl_.ALPN_PROTOCOLS == ["http/1.1"]
    assert ssl_.IS_PYOPENSSL is False
    assert ssl_.PROTOCOL_SSLv23 == ssl_.PROTOCOL_TLS == ssl.PROTOCOL_TLS
    assert ssl_.ssl is ssl
    assert ssl_.HAS_NEVER_CHECK_COMMON_NAME is ssl.HAS_NEVER_CHECK_COMMON_NAME
    assert {
        ssl.PROTOCOL_TLSv1: ssl.TLSVersion.TLSv1,
        ssl.PROTOCOL_TLSv1_1: ssl.TLSVersion.TLSv1_1,
        ssl.PROTOCOL_TLSv1_2: ssl.TLSVersion.TLSv1_2,
    } == ssl_._SSL_VERSION_TO_TLS_VERSION


def test_without_ssl_everything_imports_and_plain_http_is_there():
    code = """if True:
        import sys
        sys.modules["ssl"] = sys.modules["_ssl"] = None
        import urllib3
        from urllib3.util import ssl_
        assert ssl_.SSLContext is ssl_.SSLTransport is None
        assert not ssl_.HAS_NEVER_CHECK_COMMON_NAME and not hasattr(ssl_, "ssl")
        assert (ssl_.PROTOCOL_TLS, ssl_.PROTOCOL_TLS_CLIENT, ssl_.PROTOCOL_SSLv23) == (2, 16, 2)
        assert ssl_.OP_NO_SSLv2 | ssl_.OP_NO_SSLv3 | ssl_.OP_NO_TICKET == 0x3004000
        assert (ssl_.VERIFY_X509_PARTIAL_CHAIN, ssl_.VERIFY_X509_STRICT) == (0x80000, 0x20)
        urllib3.HTTPConnectionPool("localhost")
        try:
            ssl_.create_urllib3_context()
        except TypeError as error:
            print(error)
    """
    assert run(code) == "Can't create an SSLContext object without an ssl module"


LIBRE = """if True:
    import ssl, warnings
    ssl.OPENSSL_VERSION, ssl.OPENSSL_VERSION_INFO = {version!r}, {info!r}
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            import urllib3
            from urllib3.util import ssl_
            print(ssl_.HAS_NEVER_CHECK_COMMON_NAME)
        except ImportError as error:
            print(error)
    for warning in caught:
        print(warning.category.__name__, warning.message)
"""
COMPILED = "urllib3 v2 only supports OpenSSL 1.1.1+, currently the 'ssl' module is compiled with "
ISSUES = "See: https://github.com/urllib3/urllib3/issues/"


def test_a_library_that_passes_for_openssl_is_warned_of_and_not_believed():
    said = run(LIBRE.format(version="LibreSSL 2.8.3", info=(2, 0, 0, 0, 0)))
    assert said == f"False\nNotOpenSSLWarning {COMPILED}'LibreSSL 2.8.3'. {ISSUES}3020"


@pytest.mark.parametrize(
    ("version", "is_reliable"),
    [
        ("OpenSSL 1.1.1", True),
        ("OpenSSL 3.0.19 27 Jan 2026", True),
        ("LibreSSL 3.3.6", False),
        ("OpenSSLlike 1", False),
        ("openssl 3", False),
        ("", False),
    ],
)
def test_only_openssl_itself_is_relied_on_to_leave_common_names_alone(version, is_reliable):
    assert ssl_._is_has_never_check_common_name_reliable(version) is is_reliable
    assert ssl_._is_has_never_check_common_name_reliable(openssl_version=version) is is_reliable


def test_an_openssl_that_is_too_old_is_refused():
    said = run(LIBRE.format(version="OpenSSL 1.1.0l", info=(1, 1, 0, 12, 15)))
    assert said == f"{COMPILED}'OpenSSL 1.1.0l'. {ISSUES}2168"


def test_unverified_requests_are_warned_of_each_time_unless_a_program_says_otherwise():
    from urllib3.exceptions import (
        HTTPWarning,
        InsecureRequestWarning,
        SecurityWarning,
        SystemTimeWarning,
    )

    for warning in (InsecureRequestWarning, SystemTimeWarning):
        assert issubclass(warning, SecurityWarning)
    assert issubclass(SecurityWarning, HTTPWarning)
    code = """if True:
        import warnings
        before = len(warnings.filters)
        import urllib3
        for action, _, category, *_ in warnings.filters[before:]:
            print(action, category.__name__)
    """
    assert run(code) == "always SecurityWarning\ndefault InsecurePlatformWarning"


def test_only_those_who_pin_certificates_pay_for_hash_functions():
    code = """if True:
        import sys
        before = set(sys.modules)
        import urllib3
        print({"hashlib", "hmac", "certifi"} & set(sys.modules) - before)
    """
    assert run(code) == "set()"


def test_public_functions_take_their_options_in_the_given_order():
    assert list(inspect.signature(create_urllib3_context).parameters) == [
        *("ssl_version", "cert_reqs", "options", "ciphers"),
        *("ssl_minimum_version", "ssl_maximum_version", "verify_flags"),
    ]
    assert list(inspect.signature(ssl_.ssl_wrap_socket).parameters) == [
        *("sock", "keyfile", "certfile", "cert_reqs", "ca_certs", "server_hostname"),
        *("ssl_version", "ciphers", "ssl_context", "ca_cert_dir", "key_password"),
        *("ca_cert_data", "tls_in_tls"),
    ]
