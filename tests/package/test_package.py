"""The package itself: what it exports, what importing it does, and the functions it has of its own."""

from __future__ import annotations

import importlib
import inspect
import io
import logging
import re
import shutil
import subprocess
import sys
import warnings
from pathlib import Path

import pytest

import urllib3
from urllib3 import exceptions

SOURCE = Path(urllib3.__file__).parent


def run(code, *flags, cwd=None):
    """What a fresh Python prints that runs CODE; it must end well."""
    done = subprocess.run(
        [sys.executable, *flags, "-c", code], capture_output=True, text=True, cwd=cwd, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


# ---------------------------------------------------------------- names

HOMES = {
    "HTTPConnectionPool": "connectionpool",
    "HTTPHeaderDict": "_collections",
    "HTTPSConnectionPool": "connectionpool",
    "PoolManager": "poolmanager",
    "ProxyManager": "poolmanager",
    "HTTPResponse": "response",
    "Retry": "util.retry",
    "Timeout": "util.timeout",
    "add_stderr_logger": "",
    "connection_from_url": "connectionpool",
    "disable_warnings": "",
    "encode_multipart_formdata": "filepost",
    "make_headers": "util.request",
    "proxy_from_url": "poolmanager",
    "request": "",
    "BaseHTTPResponse": "response",
}


def test_the_exported_names_are_sixteen_in_their_order():
    assert urllib3.__all__ == tuple(HOMES)


@pytest.mark.parametrize("name", HOMES)
def test_an_exported_name_is_the_object_of_its_home(name):
    home = importlib.import_module(".".join(filter(None, ["urllib3", HOMES[name]])))
    assert getattr(urllib3, name) is getattr(home, name)
    if HOMES[name].startswith("util"):
        assert getattr(urllib3.util, name) is getattr(urllib3, name)


def test_the_version_is_that_of_the_interface():
    assert urllib3.__version__ == "2.8.0"
    assert urllib3.__license__ == "MIT"
    assert isinstance(urllib3.__author__, str)


def test_names_that_old_callers_find_here():
    assert inspect.isfunction(urllib3.request)
    for name in ("_TYPE_BODY", "_TYPE_FIELDS", "logging", "ssl", "sys", "typing", "warnings"):
        assert hasattr(urllib3, name)
    assert not hasattr(urllib3, "NullHandler")


LOADED = (
    "_base_connection _collections _request_methods _version connection connectionpool exceptions "
    "fields filepost http2 http2.probe poolmanager response util util.connection util.proxy "
    "util.request util.response util.retry util.ssl_ util.ssl_match_hostname util.ssltransport "
    "util.timeout util.url util.util util.wait"
)


def test_a_bare_import_loads_the_usual_modules_and_no_door():
    run(
        f"""
import operator, sys, urllib3
for name in {LOADED.split()}:
    assert operator.attrgetter(name)(urllib3) is sys.modules[f"urllib3.{{name}}"], name
assert not hasattr(urllib3, "contrib")
assert not [name for name in sys.modules if name.startswith("urllib3.contrib")]
"""
    )


def test_the_module_of_the_version():
    from urllib3 import _version

    assert _version.__version__ == _version.version == "2.8.0"
    assert _version.__version_tuple__ == _version.version_tuple == (2, 8, 0)
    assert _version.__commit_id__ is _version.commit_id is None
    assert _version.__all__ == [
        "__version__",
        "__version_tuple__",
        "version",
        "version_tuple",
        "__commit_id__",
        "commit_id",
    ]


# ---------------------------------------------------------------- what importing does


def test_without_ssl_the_package_is_there():
    run(
        """
import sys
sys.modules["ssl"] = sys.modules["_ssl"] = None
import urllib3
assert urllib3.util.SSLContext is None
assert not hasattr(urllib3, "ssl")
"""
    )


OTHER_SSL = """
import ssl, warnings
ssl.OPENSSL_VERSION, ssl.OPENSSL_VERSION_INFO = {}
with warnings.catch_warnings(record=True) as heard:
    warnings.simplefilter("always")
    try:
        import urllib3
    except ImportError as error:
        print("ImportError:", error)
for warning in heard:
    print(warning.category.__name__, warning.filename, warning.message)
"""
PREFIX = "urllib3 v2 only supports OpenSSL 1.1.1+, currently the 'ssl' module is compiled with"
ISSUES = "https://github.com/urllib3/urllib3/issues"


@pytest.mark.parametrize("version", ["LibreSSL 2.8.3", "OpenSSL-like 1.0", "BoringSSL"])
def test_another_library_than_openssl_is_warned_of_whatever_its_number(version):
    assert run(OTHER_SSL.format((version, (1, 0, 0)))) == (
        f"NotOpenSSLWarning {SOURCE / '__init__.py'} {PREFIX} {version!r}. See: {ISSUES}/3020\n"
    )


def test_an_openssl_that_is_too_old_is_an_import_error():
    version = "OpenSSL 1.0.2k-fips  26 Jan 2017"
    assert run(OTHER_SSL.format((version, (1, 0, 2, 11, 15)))) == (
        f"ImportError: {PREFIX} {version!r}. See: {ISSUES}/2168\n"
    )


def test_the_oldest_openssl_that_will_do_is_not_mentioned():
    assert run(OTHER_SSL.format(("OpenSSL 1.1.1", (1, 1, 1, 0, 0)))) == ""


def test_the_logger_of_the_package_says_nothing_by_itself():
    run(
        """
import logging, urllib3
logger = logging.getLogger("urllib3")
assert [type(handler) for handler in logger.handlers] == [logging.NullHandler]
assert logger.level == logging.NOTSET
assert logger.propagate
"""
    )


def test_two_filters_are_appended_and_no_other_is_touched():
    run(
        """
import warnings
before = list(warnings.filters)
import urllib3
from urllib3.exceptions import InsecurePlatformWarning, SecurityWarning
assert warnings.filters == before + [
    ("always", None, SecurityWarning, None, 0),
    ("default", None, InsecurePlatformWarning, None, 0),
]
"""
    )


def test_importing_works_where_warnings_are_errors():
    run("import urllib3", "-W", "error")


def test_a_manager_of_the_package_is_kept():
    assert isinstance(urllib3._DEFAULT_POOL, urllib3.PoolManager)
    assert dict(urllib3._DEFAULT_POOL.headers) == {}
    assert run("import urllib3; print(len(urllib3._DEFAULT_POOL.pools))") == "0\n"


# ---------------------------------------------------------------- request


class Asked:
    """A manager that gives back what it is asked."""

    def request(self, *args, **kw):
        return args, kw


DEFAULTS = {
    "body": None,
    "fields": None,
    "headers": None,
    "preload_content": True,
    "decode_content": True,
    "redirect": True,
    "retries": None,
    "timeout": 3,
    "json": None,
}


def test_a_request_asks_the_manager_of_the_moment_with_everything(monkeypatch):
    monkeypatch.setattr(urllib3, "_DEFAULT_POOL", Asked())
    assert urllib3.request("GET", "http://h") == (("GET", "http://h"), DEFAULTS)
    assert urllib3.request(url="u", method="m", json=1, timeout=None) == (
        ("m", "u"),
        DEFAULTS | {"json": 1, "timeout": None},
    )


def test_the_signature_of_request():
    parameters = inspect.signature(urllib3.request).parameters.values()
    assert [p.name for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD] == ["method", "url"]
    assert {p.name: p.default for p in parameters if p.kind is p.KEYWORD_ONLY} == DEFAULTS


def test_three_seconds_are_for_connecting_and_for_each_wait():
    timeout = urllib3.Timeout.from_float(3)
    assert (timeout.connect_timeout, timeout.read_timeout, timeout.total) == (3, 3, None)
    assert inspect.signature(urllib3.PoolManager.request).parameters.keys().isdisjoint({"timeout"})


def test_request_takes_nothing_else():
    with pytest.raises(TypeError, match=r"request\(\) got an unexpected keyword argument 'foo'"):
        urllib3.request("GET", "http://h", foo=1)


def test_a_request_has_one_body():
    with pytest.raises(TypeError) as failure:
        urllib3.request("POST", "http://h", body="x", json={})
    assert str(failure.value) == (
        "request got values for both 'body' and 'json' parameters which are mutually exclusive"
    )


# ---------------------------------------------------------------- logging


@pytest.fixture
def logger():
    """The logger of the package, which afterwards is as it was."""
    logger = logging.getLogger("urllib3")
    level, handlers = logger.level, list(logger.handlers)
    yield logger
    logger.setLevel(level)
    logger.handlers[:] = handlers


def test_the_handler_writes_to_the_standard_error_of_that_moment(logger, monkeypatch):
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    handler = urllib3.add_stderr_logger()
    assert type(handler) is logging.StreamHandler
    assert handler in logger.handlers
    assert handler.stream is sys.stderr
    assert (logger.level, handler.level) == (logging.DEBUG, logging.NOTSET)
    assert handler.formatter._fmt == "%(asctime)s %(levelname)s %(message)s"
    assert re.fullmatch(
        r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} DEBUG "
        r"Added a stderr logging handler to logger: urllib3\n",
        sys.stderr.getvalue(),
    )


def test_above_debug_the_first_line_is_not_shown(logger, monkeypatch):
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    urllib3.add_stderr_logger(logging.INFO)
    assert logger.level == logging.INFO
    assert sys.stderr.getvalue() == ""


def test_two_calls_make_two_handlers(logger):
    before = len(logger.handlers)
    assert urllib3.add_stderr_logger() is not urllib3.add_stderr_logger()
    assert len(logger.handlers) == before + 2


def test_a_vendored_copy_is_known_by_its_vendored_name(tmp_path):
    home = tmp_path / "product" / "vendor"
    shutil.copytree(SOURCE, home / "urllib3", ignore=shutil.ignore_patterns("__pycache__"))
    assert run(
        """
import logging, sys
from product.vendor import urllib3
urllib3.add_stderr_logger()
assert urllib3.util.retry.log.name == "product.vendor.urllib3.util.retry"
assert "urllib3" not in sys.modules
print([name for name, it in logging.root.manager.loggerDict.items()
       if getattr(it, "level", 0) == logging.DEBUG])
""",
        cwd=tmp_path,
    ) == ("['product.vendor.urllib3']\n")


LOGGERS = (
    "connection connectionpool poolmanager response util.retry http2.connection contrib.pyopenssl"
)


@pytest.mark.parametrize("name", LOGGERS.split())
def test_each_module_that_logs_keeps_its_logger_as_log(name):
    pytest.importorskip({"http2": "h2", "contrib": "OpenSSL"}.get(name.split(".")[0], "logging"))
    # In a Python of its own: contrib.pyopenssl warns where its package is old.
    code = f"from importlib import import_module as load; print(load('urllib3.{name}').log.name)"
    assert run(code) == f"urllib3.{name}\n"


# ---------------------------------------------------------------- warnings


def test_warnings_are_silenced_by_a_filter_in_front():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert urllib3.disable_warnings() is None
        assert warnings.filters[0] == ("ignore", None, exceptions.HTTPWarning, None, 0)
        for category in (exceptions.InsecureRequestWarning, exceptions.DependencyWarning):
            warnings.warn("m", category, stacklevel=1)
        with pytest.raises(FutureWarning):
            warnings.warn("m", FutureWarning, stacklevel=1)


def test_one_class_of_warnings_may_be_silenced_alone():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        urllib3.disable_warnings(exceptions.InsecureRequestWarning)
        warnings.warn("m", exceptions.InsecureRequestWarning, stacklevel=1)
        with pytest.raises(exceptions.SystemTimeWarning):
            warnings.warn("m", exceptions.SystemTimeWarning, stacklevel=1)


# ---------------------------------------------------------------- cost


def test_importing_loads_nothing_that_a_plain_request_can_do_without():
    dear = {"importlib.metadata", "mimetypes", "json", "zipfile", "idna", "h2", "OpenSSL"}
    dear |= {"importlib.util", "pathlib", "hashlib", "hmac", "tempfile", "urllib3.http2"}
    # What Python itself brings with what a request cannot do without (pathlib in 3.15) is not ours.
    code = (
        "import http.client, logging, ssl, sys; before = set(sys.modules); "
        "import urllib3; print(*(set(sys.modules) - before))"
    )
    assert dear.isdisjoint(run(code).split())


def test_an_idle_pool_takes_less_than_two_kilobytes():
    # 1.7 KB on CPython 3.11, 1.8 on 3.10; a lock, a list or a mapping more for each pool would be seen here.
    code = """
import tracemalloc, urllib3
urllib3.HTTPConnectionPool("first.example")
tracemalloc.start()
pools = [urllib3.HTTPConnectionPool(f"h{number}.example") for number in range(500)]
print(tracemalloc.get_traced_memory()[0] // len(pools))
"""
    assert int(run(code)) < 2000
