"""Fixtures for every test of this folder."""

from __future__ import annotations

from tests.support.certificates import certificates  # noqa: F401  # a fixture
from tests.support.sockets import no_open_sockets  # noqa: F401  # a fixture
