"""Certificates for every test of this folder."""

from __future__ import annotations

from tests.support.certificates import certificates  # noqa: F401  # a fixture
