"""What urllib3 2.8.0 has pickled loads here, says the same, and works."""

from __future__ import annotations

import base64
import copy
import pickle
import sys

import pytest

from tests.support.tables import rows
from urllib3 import HTTPConnectionPool, PoolManager
from urllib3.exceptions import ProtocolError
from urllib3.poolmanager import PoolKey, key_fn_by_scheme
from urllib3.util import parse_url
from urllib3.util.timeout import _DEFAULT_TIMEOUT

ROWS = rows("pickles")
BY_NAME = {row.values[0]["id"]: row.values[0] for row in ROWS}
# Longer than 2.8.0's, or of parts that every version of Python shows in its own way.
SHOWN_OTHERWISE = {"pool key", "pool key with all"}


def load(name):
    return pickle.loads(base64.b64decode(BY_NAME[name]["pickle"]))


def shown(value):
    if isinstance(value, (set, frozenset)):
        return f"{type(value).__name__} of {sorted(value)}"
    return "an object" if " at 0x" in repr(value) else ascii(value)


@pytest.mark.parametrize("row", ROWS)
def test_a_value_says_what_it_said(row):
    value = load(row["id"])
    assert type(value).__name__ == row["type"]
    if row["id"] not in SHOWN_OTHERWISE:
        assert shown(value) == row["value"]
    for name, text in row["attributes"].items():
        found = shown(getattr(value, name))
        lost = row["id"] == "HostChangedError" and name == "retries"  # not in the pickle
        assert lost or text in (found, "an object"), name
    again = pickle.loads(pickle.dumps(value)) if " not read" not in row["id"] else value
    assert type(again) is type(value)


def test_timeouts_work():
    for name in ("timeout", "timeout by default", "timeout of one number"):
        timeout = load(name)
        clone = timeout.clone()
        assert (clone.total, clone.connect_timeout) == (timeout.total, timeout.connect_timeout)
        assert (
            HTTPConnectionPool("h", timeout=timeout)._get_timeout(_DEFAULT_TIMEOUT) is not timeout
        )
        copy.deepcopy(timeout).start_connect()
    timeout = load("timeout")
    timeout.total = -1
    with pytest.raises(ValueError, match="less than or equal to 0"):
        timeout.clone()


def test_retries_work():
    for name in ("retry", "retry with back-off", "retry by default", "retry that is used"):
        retry = load(name)
        left = retry.increment("GET", "/y", error=ProtocolError("gone"))
        assert left.total == retry.total - 1
        assert len(left.history) == len(retry.history) + 1
        left.sleep()
    assert load("retry with back-off").parse_retry_after("99") == 9


def test_keys_name_the_same_pool():
    with PoolManager() as manager:
        pool = manager.connection_from_pool_key(
            load("pool key"), {"scheme": "http", "host": "h", "port": 80}
        )
        made = key_fn_by_scheme["http"]({"scheme": "http", "host": "h", "port": 80})
        assert manager.pools.get(made) is pool
    assert load("pool key with all") == PoolKey(*range(29))
    assert PoolManager(**load("settings of a manager")).connection_pool_kw["timeout"] == 3


def test_the_rest_works():
    fields = load("header fields")
    fields.add("A", "3")
    assert fields.getlist("a") == ["1", "2", "3"]
    assert load("URL") == parse_url("http://u:p@h:80/p?q#f")
    assert load("marker of the default timeout") is _DEFAULT_TIMEOUT
    assert (load("response").data, load("response").status) == (b"body", 200)
    response = load("response not read")
    assert [response.read(2), response.read(), response.read()] == [b"bo", b"dy", b""]
    assert load("InvalidChunkLength").response.status == 0


@pytest.mark.skipif(sys.implementation.name != "cpython", reason="of CPython's making")
def test_our_own_responses_still_travel():
    response = pickle.loads(pickle.dumps(load("response")))
    assert (response.data, response.headers["a"]) == (b"body", "b")
