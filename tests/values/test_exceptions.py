"""Errors and warnings: who is caught by whom, what they say, and how they travel."""

from __future__ import annotations

import copy
import http.client
import pickle
import warnings
from socket import gaierror

import pytest

from tests.support.tables import check, rows
from urllib3 import exceptions as X


class P:
    """A pool or a connection; as text it is known at sight, and it cannot be pickled."""

    def __repr__(self):
        return "POOL"

    def __reduce__(self):
        raise TypeError("a pool is not data")


class C:
    """A response that counts its body."""

    length_remaining = 7

    def tell(self):
        return 12


def rt(error):
    return pickle.loads(pickle.dumps(error))


NAMES = {"C": C, "P": P, "X": X, "gaierror": gaierror, "rt": rt}


@pytest.mark.parametrize("row", rows("data-exceptions"))
def test_the_table_of_errors(row):
    check(row, NAMES)


# ---------------------------------------------------------------- hierarchy

BASES = {
    "HTTPError": "Exception",
    "HTTPWarning": "Warning",
    "PoolError": "HTTPError",
    "RequestError": "PoolError",
    "SSLError": "HTTPError",
    "ProxyError": "HTTPError",
    "DecodeError": "HTTPError",
    "ProtocolError": "HTTPError",
    "MaxRetryError": "RequestError",
    "HostChangedError": "RequestError",
    "TimeoutStateError": "HTTPError",
    "TimeoutError": "HTTPError",
    "ReadTimeoutError": "TimeoutError RequestError",
    "ConnectTimeoutError": "TimeoutError",
    "HandshakeTimeoutError": "ConnectTimeoutError ReadTimeoutError",
    "NewConnectionError": "ConnectTimeoutError HTTPError",
    "NameResolutionError": "NewConnectionError",
    "EmptyPoolError": "PoolError",
    "FullPoolError": "PoolError",
    "ClosedPoolError": "PoolError",
    "LocationValueError": "ValueError HTTPError",
    "LocationParseError": "LocationValueError",
    "URLSchemeUnknown": "LocationValueError",
    "ResponseError": "HTTPError",
    "SecurityWarning": "HTTPWarning",
    "InsecureRequestWarning": "SecurityWarning",
    "NotOpenSSLWarning": "SecurityWarning",
    "SystemTimeWarning": "SecurityWarning",
    "InsecurePlatformWarning": "SecurityWarning",
    "DependencyWarning": "HTTPWarning",
    "ResponseNotChunked": "ProtocolError ValueError",
    "BodyNotHttplibCompatible": "HTTPError",
    "IncompleteRead": "HTTPError IncompleteRead",
    "InvalidChunkLength": "HTTPError IncompleteRead",
    "InvalidHeader": "HTTPError",
    "ProxySchemeUnknown": "AssertionError URLSchemeUnknown",
    "ProxySchemeUnsupported": "ValueError",
    "HeaderParsingError": "HTTPError",
    "UnrewindableBodyError": "HTTPError",
}


@pytest.mark.parametrize("name", BASES)
def test_each_class_has_its_bases_in_order_and_lives_in_exceptions(name):
    found = getattr(X, name)
    assert found.__name__ == name
    assert " ".join(base.__name__ for base in found.__bases__) == BASES[name]
    assert found.__module__ == X.__name__


def test_there_are_no_other_classes():
    ours = {
        name for name, value in vars(X).items() if getattr(value, "__module__", "") == X.__name__
    }
    assert {name for name in ours if not name.startswith("_")} == set(BASES) | {"ConnectionError"}


def test_what_an_except_clause_catches():
    for connecting in (X.ConnectTimeoutError, X.NewConnectionError, X.NameResolutionError):
        assert issubclass(connecting, X.ConnectTimeoutError)
        assert issubclass(connecting, X.TimeoutError)
        assert not issubclass(connecting, X.PoolError)
    for framing in (X.IncompleteRead, X.InvalidChunkLength):
        assert issubclass(framing, http.client.HTTPException)
        assert issubclass(framing, http.client.IncompleteRead)
        assert not issubclass(framing, X.ProtocolError)
    assert issubclass(X.LocationParseError, ValueError)
    assert issubclass(X.ProxySchemeUnknown, AssertionError)
    assert issubclass(X.ProxySchemeUnknown, ValueError)
    assert not issubclass(X.TimeoutError, TimeoutError)


def test_names_that_are_handed_on_and_names_that_are_gone():
    import email.errors

    assert not hasattr(X, "__all__")
    assert X.httplib_IncompleteRead is http.client.IncompleteRead
    assert X.MessageDefect is email.errors.MessageDefect
    assert not hasattr(X, "SNIMissingWarning")
    assert not hasattr(X, "SubjectAltNameWarning")


# ---------------------------------------------------------------- attributes and text


def test_the_reason_of_a_max_retry_error_is_the_causing_error_itself():
    reason = X.ResponseError("too many")
    error = X.MaxRetryError(P(), "/u", reason)
    assert error.reason is reason
    assert error.url == "/u"
    assert str(error) == (
        "POOL: Max retries exceeded with url: /u (Caused by ResponseError('too many'))"
    )


@pytest.mark.parametrize(
    "error",
    [
        X.NewConnectionError(P(), "m"),
        X.NameResolutionError("h", P(), gaierror(-2, "N")),
    ],
)
def test_the_pool_of_a_connection_error_is_a_deprecated_name_of_its_connection(error):
    with pytest.warns(FutureWarning) as heard:
        assert error.pool is error.conn
    assert [str(warning.message) for warning in heard] == [
        "The 'pool' property is deprecated and will be removed in urllib3 v3.0. Use 'conn' instead."
    ]
    assert heard[0].filename == __file__


def test_an_invalid_chunk_length_asks_the_response_when_it_is_made():
    response = C()
    error = X.InvalidChunkLength(response, b"zz")
    response.length_remaining = 0
    assert (error.partial, error.expected) == (12, 7)
    assert (error.response, error.length, error.args) == (response, b"zz", (response, b"zz"))
    assert str(error) == repr(error)


def test_an_incomplete_read_counts_bytes_as_whole_numbers():
    assert str(X.IncompleteRead(3.0, 5.9)) == "IncompleteRead(3 bytes read, 5 more expected)"


def test_a_proxys_scheme_is_in_the_text_alone():
    error = X.ProxySchemeUnknown("ftp")
    assert error.args == (str(error),)
    assert not hasattr(error, "scheme")


# ---------------------------------------------------------------- pickling

RECIPES = [
    *(
        (error(P(), "m"), {"pool": None, "_message": "m"}, "None: m")
        for error in (X.PoolError, X.EmptyPoolError, X.FullPoolError, X.ClosedPoolError)
    ),
    *(
        (error(P(), "/u", "m"), {"pool": None, "url": "/u", "_message": "m"}, "None: m")
        for error in (X.RequestError, X.ReadTimeoutError)
    ),
    (X.NewConnectionError(P(), "m"), {"conn": None, "_message": "m"}, "None: m"),
    (
        X.NameResolutionError("h", P(), "no such name"),
        {"conn": None, "_host": "h", "_reason": "no such name"},
        "None: Failed to resolve 'h' (no such name)",
    ),
    (
        X.HostChangedError(P(), "/u", 7),
        {"pool": None, "url": "/u", "retries": 7},
        "None: Tried to open a foreign host with url: /u",
    ),
]


def by_class(value):
    return type(value).__name__ if isinstance(value, BaseException) else ""


@pytest.mark.parametrize("travel", [rt, copy.copy, copy.deepcopy])
@pytest.mark.parametrize(("error", "attributes", "text"), RECIPES, ids=by_class)
def test_an_error_that_names_a_pool_comes_back_without_it(error, attributes, text, travel):
    back = travel(error)
    assert type(back) is type(error)
    assert str(back) == text
    assert {name: getattr(back, name) for name in attributes} == attributes


def test_the_reason_of_a_max_retry_error_travels():
    back = rt(X.MaxRetryError(P(), "/u", X.ReadTimeoutError(P(), "/u", "late")))
    assert type(back.reason) is X.ReadTimeoutError
    assert back.reason.args == ("None: late",)


WHOLE = [
    X.HTTPError("a", 1),
    X.SSLError("a"),
    X.DecodeError("text", ValueError("x").args),
    X.ProtocolError("a", "b"),
    X.ConnectTimeoutError("a"),
    X.TimeoutStateError("a"),
    X.LocationValueError("a"),
    X.LocationParseError("loc"),
    X.URLSchemeUnknown("s"),
    X.ProxySchemeUnknown("ftp"),
    X.ProxySchemeUnknown(None),
    X.ProxySchemeUnsupported("a"),
    X.HeaderParsingError([], "x"),
    X.HeaderParsingError(None, b"x"),
    X.IncompleteRead(3, 5),
    X.ResponseNotChunked("a"),
    X.BodyNotHttplibCompatible("a"),
    X.InvalidHeader("a"),
    X.UnrewindableBodyError("a"),
    X.ResponseError("a"),
    X.InsecureRequestWarning("a"),
]


@pytest.mark.parametrize("travel", [rt, copy.copy, copy.deepcopy])
@pytest.mark.parametrize("error", WHOLE, ids=by_class)
def test_every_other_error_comes_back_as_it_was(error, travel):
    error.seen_by = "somebody"
    back = travel(error)
    assert type(back) is type(error)
    assert (str(back), back.args, vars(back)) == (str(error), error.args, vars(error))


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_every_protocol_of_pickle_will_do(protocol):
    back = pickle.loads(pickle.dumps(X.LocationParseError("loc"), protocol))
    assert (str(back), back.location) == ("Failed to parse: loc", "loc")


def test_errors_with_errors_and_responses_in_them_travel():
    proxy = rt(X.ProxyError("m", OSError(2, "x")))
    assert (proxy.args[0], proxy.original_error.errno) == ("m", 2)
    chunk = rt(X.InvalidChunkLength(C(), b"zz"))
    assert (chunk.partial, chunk.expected, chunk.length) == (12, 7, b"zz")


class Named(X.LocationParseError):
    """A program's own, with a constructor of its own."""

    def __init__(self, location, *, why):
        super().__init__(location)
        self.why = why


def test_a_subclass_with_another_constructor_travels_too():
    back = rt(Named("loc", why="because"))
    assert (type(back), back.location, back.why) == (Named, "loc", "because")
    assert str(back) == "Failed to parse: loc"


# ---------------------------------------------------------------- warnings


def test_every_warning_class_is_of_one_family():
    family = [
        value
        for value in vars(X).values()
        if isinstance(value, type) and issubclass(value, Warning)
    ]
    assert len(family) == 7
    for category in family:
        with pytest.warns(X.HTTPWarning):
            warnings.warn("m", category, stacklevel=1)
