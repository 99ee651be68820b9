"""Retry: what it counts, what it allows, how long it waits.  Nothing is sent."""

from __future__ import annotations

import copy
import logging
import pickle
import sys
import traceback
import warnings

import pytest
from hypothesis import given
from hypothesis import strategies as st

import urllib3
from tests.support.tables import check, outcome, rows
from urllib3 import exceptions as X
from urllib3.response import HTTPResponse
from urllib3.util import retry as M
from urllib3.util.retry import RequestHistory, Retry


class Sub(Retry):
    pass


ERRORS = {
    "CE": X.ConnectTimeoutError("c"),
    "NE": X.NewConnectionError(None, "n"),
    "RE": X.ReadTimeoutError(None, "/", "r"),
    "PE": X.ProtocolError("p"),
    "SE": X.SSLError("s"),
    "IR": X.IncompleteRead(1, 2),
    "VE": ValueError("v"),
}
CE, RE, VE = ERRORS["CE"], ERRORS["RE"], ERRORS["VE"]


def resp(status, **headers):
    fields = {name.replace("_", "-"): value for name, value in headers.items()}
    return HTTPResponse(status=status, headers=fields)


def state(retry):
    return retry.total, retry.connect, retry.read, retry.redirect, retry.status, retry.other


def inc(retry, method="GET", url="/", **kw):
    return state(retry.increment(method, url, **kw))


def entries(count, redirects=()):
    return tuple(
        RequestHistory("GET", "/", None, None, "/x" if number in redirects else None)
        for number in range(count)
    )


NOW = 1_700_000_000.0  # Tue, 14 Nov 2023 22:13:20 GMT


class Clock:
    """Stands for the modules ``time`` and ``random`` where Retry looks for them."""

    def __init__(self):
        self.sleeps = []

    def time(self):
        return NOW

    def sleep(self, seconds):
        self.sleeps.append(seconds)

    def random(self):
        return 0.5


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(M, "time", clock)
    monkeypatch.setattr(M, "random", clock)
    return clock


def back_off(count, redirects=(), **kw):
    return Retry(**kw, history=entries(count, redirects)).get_backoff_time()


def names(clock):
    def sleeps(count, header, **kw):
        clock.sleeps.clear()
        response = resp(503, **({"Retry_After": header} if header else {}))
        retry = Retry(**kw, history=entries(count))
        assert retry.sleep(None if header is None else response) is None
        return list(clock.sleeps)

    def parse(text, **kw):
        return Retry(**kw).parse_retry_after(text)

    functions = {"st": state, "inc": inc, "bo": back_off, "pra": parse, "slp": sleeps, "resp": resp}
    return {"R": Retry, "Sub": Sub, "X": X, "pickle": pickle, **functions, **ERRORS}


@pytest.mark.parametrize("row", rows("retry"))
def test_the_table_of_retries(row, clock):
    check(row, names(clock))


# ---------------------------------------------------------------- the class


def test_a_history_entry_has_five_fields_all_required():
    assert RequestHistory._fields == ("method", "url", "error", "status", "redirect_location")
    assert RequestHistory._field_defaults == {}


def test_one_class_under_three_names():
    assert urllib3.Retry is urllib3.util.Retry is Retry


def test_the_defaults_of_the_class():
    allowed, removed = Retry.DEFAULT_ALLOWED_METHODS, Retry.DEFAULT_REMOVE_HEADERS_ON_REDIRECT
    assert allowed == {"HEAD", "GET", "PUT", "DELETE", "OPTIONS", "TRACE"}
    assert removed == {"Cookie", "Authorization", "Proxy-Authorization"}
    obeyed = Retry.RETRY_AFTER_STATUS_CODES
    assert obeyed == {413, 429, 503}
    assert {type(names) for names in (allowed, removed, obeyed)} == {frozenset}
    assert Retry.DEFAULT_BACKOFF_MAX == 120
    assert Retry.DEFAULT_RETRY_AFTER_MAX == 6 * 60 * 60
    assert state(Retry.DEFAULT) == (3, None, None, None, None, None)
    assert type(Sub.DEFAULT) is Retry


def test_defaults_of_parameters_are_bound_when_the_class_is_made(monkeypatch):
    monkeypatch.setattr(Retry, "DEFAULT_BACKOFF_MAX", 1)
    monkeypatch.setattr(Retry, "DEFAULT_RETRY_AFTER_MAX", 1)
    monkeypatch.setattr(Retry, "DEFAULT_ALLOWED_METHODS", frozenset())
    monkeypatch.setattr(Retry, "DEFAULT_REMOVE_HEADERS_ON_REDIRECT", frozenset())
    made = Retry()
    assert (made.backoff_max, made.retry_after_max) == (120, 21600)
    assert "GET" in made.allowed_methods
    assert "cookie" in made.remove_headers_on_redirect


def test_the_default_policy_is_read_at_each_use(monkeypatch):
    none = Retry(0)
    monkeypatch.setattr(Retry, "DEFAULT", none)
    assert Retry.from_int(None) is none
    assert urllib3.HTTPConnectionPool("h").retries is none


def test_the_statuses_that_obey_retry_after_may_be_overridden():
    class Teapots(Retry):
        RETRY_AFTER_STATUS_CODES = frozenset([418])

    assert Teapots().is_retry("GET", 418, has_retry_after=True)
    one = Retry()
    one.RETRY_AFTER_STATUS_CODES = [418]
    assert one.is_retry("GET", 418, has_retry_after=True)
    assert not one.new().is_retry("GET", 418, has_retry_after=True)


@pytest.mark.parametrize(
    "name",
    [
        "BACKOFF_MAX",
        "DEFAULT_METHOD_WHITELIST",
        "DEFAULT_REDIRECT_HEADERS_BLACKLIST",
        "method_whitelist",
    ],
)
def test_names_of_1_x_are_gone(name):
    assert not hasattr(Retry(), name)


def test_an_empty_collection_of_methods_warns_the_caller():
    with pytest.warns(FutureWarning) as heard:
        Retry(allowed_methods=[])
    (warning,) = heard
    assert warning.filename == __file__
    assert str(warning.message) == (
        "Using an empty collection for 'allowed_methods' option to retry on any verb is deprecated "
        "and will skip retries for all verbs in urllib3 v3.0. "
        "Instead use Retry(..., allowed_methods=None)."
    )


def test_each_step_of_such_a_policy_warns_again_about_the_library():
    with pytest.warns(FutureWarning):
        retry = Retry(allowed_methods=[])
    with pytest.warns(FutureWarning) as heard:
        retry.increment("GET", "/")
    assert [warning.filename for warning in heard] == [M.__file__]


@pytest.mark.parametrize("methods", [None, False])
def test_any_method_can_be_asked_for_without_a_warning(methods):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert Retry(allowed_methods=methods).is_retry("BREW", 503, has_retry_after=True)


def test_nothing_else_is_checked():
    assert Retry("many", connect="few").total == "many"
    assert Retry(remove_headers_on_redirect="Ab").remove_headers_on_redirect == {"a", "b"}
    assert Retry(remove_headers_on_redirect=()).remove_headers_on_redirect == frozenset()


@given(
    st.integers(1, 5),
    st.sampled_from([{"error": CE}, {"error": RE}, {"error": VE}, {"response": resp(500)}, {}]),
)
def test_no_step_changes_the_policy_it_starts_from(total, what):
    retry = Retry(total, connect=5, read=5, status=5, other=5, history=entries(1))
    before = copy.copy(retry.__dict__)
    following = retry.increment("GET", "/", **what)
    assert retry.__dict__ == before
    assert following.total == total - 1
    assert following.history[:-1] == retry.history
    assert sum(filter(None, state(following)[1:])) >= 19  # at most one other count fell by one


def test_a_policy_can_be_hashed_copied_and_pickled():
    retry = Retry(3, backoff_factor=0.5)
    assert len({retry, retry, Retry(3)}) == 2
    for twin in (copy.copy(retry), copy.deepcopy(retry), pickle.loads(pickle.dumps(retry))):
        assert twin is not retry
        assert twin.__dict__ == retry.__dict__
    assert str(retry) == repr(retry)


def test_a_subclass_with_a_parameter_of_its_own_overrides_new():
    class Named(Retry):
        def __init__(self, *args, name="?", **kw):
            super().__init__(*args, **kw)
            self.name = name

        def new(self, **kw):
            return super().new(**{"name": self.name, **kw})

    assert Named(3, name="n").increment("GET", "/").name == "n"


def test_a_number_made_into_a_policy_is_logged(caplog):
    caplog.set_level(logging.DEBUG, M.__name__)
    made = Retry.from_int(5)
    assert caplog.messages == [f"Converted retries value: 5 -> {made!r}"]
    caplog.clear()
    Retry.from_int(made)
    Retry.from_int(None)
    assert caplog.messages == []


def test_each_step_is_logged(caplog):
    caplog.set_level(logging.DEBUG, M.__name__)
    following = Retry(3).increment("GET", "/u")
    assert caplog.messages == [f"Incremented Retry for (url='/u'): {following!r}"]


# ---------------------------------------------------------------- errors that come out


def caught():
    try:
        raise X.ReadTimeoutError(None, "/", "r")
    except X.ReadTimeoutError as error:
        return error, sys.exc_info()[2]


def test_with_retries_disabled_the_very_error_comes_out_with_its_own_traceback():
    error, stack = caught()
    with pytest.raises(X.ReadTimeoutError) as raised:
        Retry(False).increment("GET", "/", error=error, _stacktrace=stack)
    assert raised.value is error
    assert error.__cause__ is None
    assert any(frame.name == "caught" for frame in traceback.extract_tb(error.__traceback__))


@pytest.mark.parametrize("options", [{"read": False}, {"allowed_methods": ["PUT"]}])
def test_an_error_that_must_not_be_retried_comes_out_itself(options):
    error, stack = caught()
    with pytest.raises(X.ReadTimeoutError) as raised:
        Retry(3, **options).increment("GET", "/", error=error, _stacktrace=stack)
    assert raised.value is error


def test_an_exhausted_policy_names_its_reason_as_cause():
    with pytest.raises(X.MaxRetryError) as raised:
        Retry(0).increment("GET", "/u", error=CE, _pool="P")
    assert raised.value.reason is raised.value.__cause__ is CE
    assert (raised.value.pool, raised.value.url) == ("P", "/u")
    with pytest.raises(X.MaxRetryError) as raised:
        Retry(0).increment("GET", "/u", response=resp(500))
    assert isinstance(raised.value.__cause__, X.ResponseError)
    assert str(raised.value.reason) == "too many 500 error responses"


def test_a_response_that_is_falsy_is_as_good_as_none():
    class Empty:
        status = 500

        def __bool__(self):
            return False

        def get_redirect_location(self):
            raise AssertionError

    assert Retry(3, status=3).increment("GET", "/", response=Empty()).status == 3


# ---------------------------------------------------------------- seams


def test_subclasses_may_decide_what_kind_an_error_is():
    class Mine(Retry):
        def _is_connection_error(self, err):
            return err is VE

        def _is_read_error(self, err):
            return err is CE

        def _is_method_retryable(self, method):
            return method == "BREW"

    mine = Mine(3, connect=3, read=3)
    assert mine.increment("GET", "/", error=VE).connect == 2
    assert mine.increment("BREW", "/", error=CE).read == 2
    with pytest.raises(X.ConnectTimeoutError):
        mine.increment("GET", "/", error=CE)
    assert mine.is_retry("BREW", 503, has_retry_after=True)
    assert not mine.is_retry("GET", 503, has_retry_after=True)


def test_sleeping_goes_through_the_module_that_tests_patch(monkeypatch):
    slept = []
    monkeypatch.setattr("urllib3.util.retry.time.sleep", slept.append)
    Retry(backoff_factor=1, history=entries(2))._sleep_backoff()
    Retry(history=entries(2))._sleep_backoff()
    assert slept == [2.0]


def test_sleep_for_retry_obeys_the_server_even_where_sleep_would_not(clock):
    retry = Retry(respect_retry_after_header=False)
    assert retry.sleep_for_retry(resp(503, Retry_After="2")) is True
    assert retry.sleep_for_retry(resp(503, Retry_After="0")) is False
    assert retry.sleep_for_retry(resp(503)) is False
    assert clock.sleeps == [2]


@given(
    st.integers(0, 40),
    st.floats(0, 1e6),
    st.floats(0, 1e6),
    st.floats(0, 1e6),
)
def test_a_back_off_is_never_negative_and_never_above_its_limit(count, factor, jitter, limit):
    seconds = back_off(count, backoff_factor=factor, backoff_jitter=jitter, backoff_max=limit)
    assert 0 <= seconds <= limit
    assert count > 1 or seconds == 0


def test_a_date_that_no_calendar_has_is_an_invalid_header():
    # urllib3 2.8.0 lets the ValueError or OverflowError of the calendar through.
    for date in ("1 Jan 10000 00:00:00 GMT", "Tue, 14 Nov 99999999999 22:13:20 GMT"):
        with pytest.raises(X.InvalidHeader):
            Retry().parse_retry_after(date)


def test_a_number_longer_than_python_reads_is_still_a_number():
    assert Retry().parse_retry_after("9" * 5000) == 21600
    assert Retry().parse_retry_after("0" * 5000 + "5") == 5
    assert Retry().parse_retry_after("5\x1f") == 5
    with pytest.raises(X.InvalidHeader):
        Retry().parse_retry_after("0" * 500_000 + "x")


UNREADABLE = ("0.129", "1m0s", "soon", "", "0, 0", "-1", "5;x", "Wed, 99 Foo 2026 00:00:00 GMT")


@pytest.mark.parametrize("value", UNREADABLE)
def test_what_nobody_can_read_is_ignored_and_the_back_off_taken(value, monkeypatch, caplog):
    slept = []
    monkeypatch.setattr("time.sleep", slept.append)
    retry = Retry(9, backoff_factor=0.5)
    for _ in range(3):
        retry = retry.increment(response=resp(503))
    caplog.set_level(logging.WARNING, "urllib3")
    retry.sleep(resp(503, Retry_After=value))
    assert slept == [2]
    assert [record.getMessage() for record in caplog.records] == [
        f"Invalid Retry-After header: {value}: ignored"
    ]
    assert not retry.sleep_for_retry(resp(503, Retry_After=value))
    with pytest.raises(X.InvalidHeader):
        retry.parse_retry_after(value)


@pytest.mark.parametrize("value", UNREADABLE)
def test_a_subclass_still_has_its_say(value, monkeypatch):
    slept = []
    monkeypatch.setattr("time.sleep", slept.append)

    class Capped(Retry):
        def get_retry_after(self, response):
            return min(super().get_retry_after(response) or 4, 5)

    class Lenient(Retry):
        def parse_retry_after(self, retry_after):
            return 7

    class Own(Retry):
        def sleep_for_retry(self, response):
            slept.append(self.get_retry_after(response))
            return True

    for policy in (Capped, Lenient, Own):
        policy(3).sleep(resp(503, Retry_After=value))
    assert slept == [4, 7, None]


@given(st.one_of(st.text(), st.from_regex(r"\s*[0-9]{1,30}\s*", fullmatch=True)))
def test_any_retry_after_is_seconds_within_bounds_or_an_error_that_shows_it(text):
    found = outcome(lambda: 0 <= Retry().parse_retry_after(text) <= 21600)
    shown = text.encode("unicode_escape").decode("ascii")
    assert found in ("True", f"raises InvalidHeader: Invalid Retry-After header: {shown}")
