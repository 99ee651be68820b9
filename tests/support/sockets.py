"""A fixture for tests after which no socket may be left open.

Make it known to a folder by importing it in its ``conftest.py``; ask for it with
``pytestmark = pytest.mark.usefixtures("no_open_sockets")``.
"""

from __future__ import annotations

import gc
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

DESCRIPTORS = Path("/proc/self/fd")


def open_sockets() -> set[str]:
    """The open sockets of this process, by inode; none where there is no /proc."""
    found = set()
    for descriptor in DESCRIPTORS.iterdir() if DESCRIPTORS.is_dir() else ():
        try:
            target = str(descriptor.readlink())
        except OSError:
            continue  # the descriptor of this very listing
        if target.startswith("socket:"):
            found.add(target)
    return found


@pytest.fixture
def no_open_sockets() -> Iterator[None]:
    """Fail the test if it leaves a socket open, or leaves closing one to the collector."""
    before = open_sockets()
    yield
    # Before the collector runs: what only it would close was left open by us.
    left = open_sockets() - before
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", ResourceWarning)
        gc.collect()
    assert not left, f"left open: {sorted(left)}"
    assert not caught, [str(warning.message) for warning in caught]
