"""Timeout: limits, the clock, and what is left."""

from __future__ import annotations

import copy
import decimal
import pickle
import socket
import types
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

import urllib3
from tests.support.tables import check, rows
from urllib3.exceptions import TimeoutStateError
from urllib3.util import timeout as M
from urllib3.util.timeout import _DEFAULT_TIMEOUT, Timeout


class Sub(Timeout):
    pass


NAMES = {
    "D": Timeout.DEFAULT_TIMEOUT,
    "Fraction": Fraction,
    "Sub": Sub,
    "T": Timeout,
    "copy": copy,
    "decimal": decimal,
    "pickle": pickle,
    "socket": socket,
}


@pytest.fixture
def clock(monkeypatch):
    clock = types.SimpleNamespace(now=0.0)
    clock.monotonic = lambda: clock.now
    monkeypatch.setattr(M, "time", clock)
    return clock


@pytest.mark.parametrize("row", rows("timeout"))
def test_the_table_of_timeouts(row, clock):
    def read_timeout(elapsed, *args, **kw):
        timeout = Timeout(*args, **kw)
        timeout.start_connect()
        clock.now += elapsed
        return timeout.read_timeout

    check(row, {**NAMES, "rt": read_timeout})


def test_one_class_under_three_names():
    assert urllib3.Timeout is urllib3.util.Timeout is Timeout


def test_the_marker_for_the_default_is_the_only_one_of_its_kind():
    marker = Timeout.DEFAULT_TIMEOUT
    assert marker is _DEFAULT_TIMEOUT is M._TYPE_DEFAULT.token
    assert list(M._TYPE_DEFAULT) == [marker]
    assert marker.value == -1
    assert marker is copy.deepcopy(marker) is pickle.loads(pickle.dumps(marker))


def test_values_are_kept_as_given_and_the_clock_is_not_running():
    half = Fraction(1, 2)
    timeout = Timeout(3, half, 2.0)
    assert (timeout.total, timeout._connect, timeout._read) == (3, half, 2.0)
    assert timeout._connect is half
    assert timeout._start_connect is None


@pytest.mark.parametrize("value", ["5", [1], object, 1j, 0, -1, True])
def test_what_is_no_limit_is_refused_without_a_cause_in_view(value):
    with pytest.raises(ValueError) as refusal:
        Timeout(value)
    assert refusal.value.__cause__ is None
    assert refusal.value.__suppress_context__ or refusal.value.__context__ is None


def test_a_value_is_checked_by_a_method_that_returns_it():
    assert Timeout._validate_timeout(5, "total") == 5
    assert Timeout._validate_timeout(None, "total") is None
    with pytest.raises(ValueError, match="Attempted to set anything timeout to -1"):
        Timeout._validate_timeout(-1, "anything")


def test_a_total_assigned_later_is_checked_by_clone():
    timeout = Timeout(5)
    timeout.total = -1
    assert timeout.connect_timeout == -1
    with pytest.raises(ValueError, match="Attempted to set total timeout to -1"):
        timeout.clone()
    timeout.total = 7
    assert timeout.clone().total == 7


def test_a_subclass_shows_its_own_name():
    assert (
        repr(Sub(5))
        == str(Sub(5))
        == f"Sub(connect={_DEFAULT_TIMEOUT!r}, read={_DEFAULT_TIMEOUT!r}, total=5)"
    )


def test_the_clock_starts_once_and_is_monotonic(clock):
    timeout = Timeout(5)
    clock.now = 10.0
    assert timeout.start_connect() == 10.0
    clock.now = 12.5
    assert timeout.get_connect_duration() == 2.5
    with pytest.raises(TimeoutStateError, match="already been started"):
        timeout.start_connect()
    with pytest.raises(TimeoutStateError, match="has not started"):
        timeout.clone().get_connect_duration()


def test_the_default_of_sockets_is_asked_through_a_name_of_the_module(monkeypatch):
    monkeypatch.setattr(M, "getdefaulttimeout", lambda: 7)
    assert Timeout.resolve_default_timeout(_DEFAULT_TIMEOUT) == 7
    assert Timeout().read_timeout == 7
    assert Timeout.resolve_default_timeout(None) is None


LIMIT = st.one_of(st.none(), st.just(_DEFAULT_TIMEOUT), st.floats(0.001, 1e6))


@given(LIMIT, LIMIT, LIMIT, st.floats(0, 1e6))
def test_no_wait_exceeds_its_own_limit_nor_what_is_left_of_the_total(total, connect, read, elapsed):
    if total is _DEFAULT_TIMEOUT:
        total = None
    timeout = Timeout(total, connect, read).clone()
    limits = [limit for limit in (total, connect) if isinstance(limit, float)]
    if limits:
        assert timeout.connect_timeout == min(limits)
    timeout.start_connect()
    timeout._start_connect -= elapsed
    left = timeout.read_timeout
    if isinstance(read, float):
        assert left <= read
    if total is not None:
        assert 0 <= left <= max(0, total - elapsed)


def test_a_subclass_may_write_a_number_for_the_default() -> None:
    """For type checkers, too: ``mypy`` reads this file."""

    class Patient(Timeout):
        DEFAULT_TIMEOUT = 30.0

    assert Patient(connect=Patient.DEFAULT_TIMEOUT).connect_timeout == 30.0
