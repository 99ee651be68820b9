"""What every test shares: a known environment, repeatable random input, a header line."""

from __future__ import annotations

import os
import platform
import ssl
from pathlib import Path

import pytest

from tests.support.certificates import certificates  # noqa: F401  # a fixture
from tests.support.sockets import no_open_sockets  # noqa: F401  # a fixture

# A proxy or a CA bundle of the machine that runs the tests must not change what they see.
AMBIENT = (
    *(f"{scheme}_proxy" for scheme in ("http", "https", "all", "no")),
    *(f"{scheme}_PROXY" for scheme in ("HTTP", "HTTPS", "ALL", "NO")),
    "REQUESTS_CA_BUNDLE",
    "CURL_CA_BUNDLE",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "SSLKEYLOGFILE",
)


def pytest_configure(config: pytest.Config) -> None:
    for name in AMBIENT:
        os.environ.pop(name, None)
    fix_random_input()


def fix_random_input() -> None:
    """Let hypothesis draw the same examples in every run: a failure seen once is seen again."""
    try:
        from hypothesis import settings
    except ImportError:  # the tests also run in environments that hold another urllib3 alone
        return
    settings.register_profile("same-every-time", derandomize=True, deadline=None, database=None)
    settings.register_profile("search", max_examples=5000, deadline=None)
    settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "same-every-time"))


def pytest_report_header() -> str:
    import urllib3

    where = Path(urllib3.__file__).parent
    python = f"Python {platform.python_version()}, {ssl.OPENSSL_VERSION}"
    return f"urllib3 {urllib3.__version__} at {where}, {python}"
