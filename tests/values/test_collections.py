"""Header fields by name, and the mapping that forgets what was not used for longest."""

from __future__ import annotations

import collections.abc
import copy
import operator
import pickle
import threading
from collections import OrderedDict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.tables import check, rows
from urllib3 import _collections
from urllib3._collections import (
    HTTPHeaderDict,
    HTTPHeaderDictItemView,
    RecentlyUsedContainer,
    ensure_can_construct_http_header_dict,
)

H, R = HTTPHeaderDict, RecentlyUsedContainer


def test_the_names_of_the_module():
    assert _collections.__all__ == ["RecentlyUsedContainer", "HTTPHeaderDict"]
    assert hasattr(_collections, "ValidHTTPHeaderSource")


# ---------------------------------------------------------------- RecentlyUsedContainer


def go(maxsize, keys, act=lambda container: None):
    gone = []
    container = R(maxsize, gone.append)
    for key in keys:
        container[key] = key.upper()
    act(container)
    return list(container._container.items()), gone


@pytest.mark.parametrize("row", rows("data-recently-used"))
def test_the_table_of_recent_use(row):
    check(row, {"R": R, "go": go, "operator": operator})


def test_a_container_keeps_ten_unless_told_and_shows_what_it_is_made_of():
    container: RecentlyUsedContainer[int, str] = RecentlyUsedContainer[int, str]()
    assert isinstance(container, collections.abc.MutableMapping)
    for number in range(12):
        container[number] = str(number)
    assert container.keys() == set(range(2, 12))
    assert container.dispose_func is None
    assert container._maxsize == 10
    assert isinstance(container._container, OrderedDict)
    assert type(container.lock) is type(threading.RLock())


def test_the_function_that_disposes_may_be_changed():
    container, gone = R(1), []
    container["a"] = "A"
    container.dispose_func = gone.append
    container["b"] = "B"
    assert gone == ["A"]


def test_writing_an_existing_key_evicts_no_other():
    container = R(3)
    container.update(a=1, b=2, c=3)
    container._maxsize = 1
    container["a"] = 4
    assert container.keys() == {"a", "b", "c"}


def test_what_is_popped_is_returned_and_disposed_of():
    gone = []
    container = R(2, gone.append)
    container["a"] = "A"
    assert container.pop("a") == "A"
    assert gone == ["A"]


def lock_is_free(container):
    """Whether another thread can take the lock now."""
    taken = []

    def attempt():
        if container.lock.acquire(blocking=False):
            taken.append(True)
            container.lock.release()

    thread = threading.Thread(target=attempt)
    thread.start()
    thread.join()
    return bool(taken)


ACTS = {
    "a new key": lambda container: container.__setitem__("c", "C"),
    "an old key": lambda container: container.__setitem__("a", "A2"),
    "deletion": lambda container: container.__delitem__("a"),
    "clearing": lambda container: container.clear(),
}


@pytest.mark.parametrize("act", ACTS.values(), ids=ACTS)
def test_values_are_disposed_of_when_the_lock_is_free_again(act):
    free = []
    container = R(2, lambda value: free.append(lock_is_free(container)))
    container.update(a="A", b="B")
    act(container)
    assert free
    assert all(free)


@pytest.mark.parametrize("act", ACTS.values(), ids=ACTS)
def test_an_error_of_disposing_reaches_the_caller_who_finds_the_change_made(act):
    def refuse(value):
        raise OSError(value)

    container = R(2, refuse)
    container.update(a="A", b="B")
    with pytest.raises(OSError, match="A"):
        act(container)
    assert container._container.get("a") != "A"


def test_none_is_disposed_of_like_any_value():
    gone = []
    container = R(1, gone.append)
    container["a"] = None
    container["b"] = None
    assert gone == [None]


class Counted:
    """A lock that counts how often it is taken."""

    def __init__(self):
        self.taken = 0

    def __enter__(self):
        self.taken += 1

    def __exit__(self, *error):
        pass


READS = {
    "item": lambda container: container["a"],
    "get": lambda container: container.get("a"),
    "membership": lambda container: "a" in container,
    "length": len,
    "keys": lambda container: container.keys(),
}


@pytest.mark.parametrize("act", [*READS.values(), *ACTS.values()], ids=[*READS, *ACTS])
def test_every_operation_takes_the_lock(act):
    container = R(2)
    container.update(a="A", b="B")
    container.lock = lock = Counted()
    act(container)
    assert lock.taken == 1


def test_the_keys_are_a_copy():
    container = R(2)
    container.update(a="A", b="B")
    container.keys().clear()
    assert container.keys() == {"a", "b"}
    assert list(container._container) == ["a", "b"]


def test_a_container_cannot_be_pickled():
    with pytest.raises(TypeError):
        pickle.dumps(R())


# ---------------------------------------------------------------- HTTPHeaderDict


class K:
    """No mapping, and no iterable either."""

    def keys(self):
        return ["A", "b"]

    def __getitem__(self, name):
        return f"{name}!"

    __iter__ = None


class Sub(H):
    """A program's own."""


def do(*acts):
    headers = H([("A", "1"), ("b", "2")])
    for act in acts:
        act(headers)
    return headers


NAMES = {
    "H": H,
    "K": K,
    "Sub": Sub,
    "collections": collections,
    "copy": copy,
    "do": do,
    "ens": ensure_can_construct_http_header_dict,
    "operator": operator,
    "pickle": pickle,
}


@pytest.mark.parametrize("row", rows("data-header-dict"))
def test_the_table_of_header_fields(row):
    check(row, NAMES)


@pytest.mark.parametrize(
    "act",
    [
        lambda headers: headers["X-\xe9"],
        lambda headers: headers[b"x-\xe9"],
        lambda headers: headers.get(b"x-\xe9"),
        lambda headers: headers.getlist(b"x-\xe9")[0],
        lambda headers: headers.setdefault(b"x-\xe9", "other"),
        lambda headers: headers.pop(b"x-\xe9"),
        lambda headers: (b"X-\xe9" in headers) and "1",
        lambda headers: headers.discard(b"x-\xe9") or headers.get("x-\xe9", "1"),
        lambda headers: headers.__delitem__(b"x-\xe9") or headers.get("x-\xe9", "1"),
    ],
)
def test_a_name_of_bytes_is_latin_1_everywhere(act):
    assert act(H({"X-\xe9": "1"})) == "1"


@pytest.mark.parametrize(
    "act",
    [
        lambda headers: headers[1],
        lambda headers: headers.__setitem__(1, "x"),
        lambda headers: headers.__delitem__(1),
        lambda headers: headers.add(1, "x"),
        lambda headers: headers.get(1),
        lambda headers: headers.getlist(1),
        lambda headers: headers.discard(1),
        lambda headers: headers.pop(1, None),
        lambda headers: headers.setdefault(1, "x"),
    ],
)
def test_a_name_of_another_type_is_an_attribute_error(act):
    with pytest.raises(AttributeError):
        act(H())


@pytest.mark.parametrize(
    "join",
    [
        lambda headers: headers["c"],
        lambda headers: headers.get("c"),
        repr,
        lambda headers: list(headers.itermerged()),
        lambda headers: list(headers.values()),
        lambda headers: headers == {"c": "1"},
        lambda headers: headers.add("c", "2", combine=True),
    ],
)
def test_a_value_of_another_type_is_harmless_until_it_is_joined(join):
    headers = H({"c": 1})
    assert list(headers.items()) == list(headers.iteritems()) == [("c", 1)]
    assert headers.getlist("c") == [1]
    with pytest.raises(TypeError):
        join(headers)


def test_a_copy_of_another_one_is_independent():
    first = H([("A", "1"), ("a", "2")])
    second = H(first, B="3")
    second.add("a", "4")
    assert list(first.items()) == [("A", "1"), ("A", "2")]
    assert list(second.items()) == [("A", "1"), ("A", "2"), ("A", "4"), ("B", "3")]


def test_a_dict_may_be_extended_by_its_own_live_view():
    headers = H([("a", "1"), ("b", "2")])
    headers.extend(headers.items())
    assert list(headers.items()) == [("a", "1"), ("a", "1"), ("b", "2"), ("b", "2")]


def test_extending_calls_add_of_a_subclass():
    class Shouting(H):
        def add(self, key, val, *, combine=False):
            super().add(key, val.upper(), combine=combine)

    assert list(Shouting([("a", "x")], b="y").items()) == [("a", "X"), ("b", "Y")]


def test_the_first_entry_is_the_one_that_is_popped():
    headers = H([("a", "1"), ("b", "2"), ("A", "3")])
    assert headers.popitem() == ("a", "1, 3")
    assert headers.popitem() == ("b", "2")
    assert not headers


def test_a_list_of_values_is_the_callers_own():
    headers = H(a="1")
    headers.getlist("a").append("2")
    assert headers["a"] == "1"


def test_text_and_repr_are_the_same():
    headers = H([("A", "1"), ("a", "2")])
    assert str(headers) == repr(headers) == "HTTPHeaderDict({'A': '1, 2'})"


def test_what_is_compared_is_made_a_dict_of_the_same_class():
    class Stripped(H):
        def add(self, key, val, *, combine=False):
            super().add(key, val.strip(), combine=combine)

    assert Stripped(a="1") == {"A": " 1 "}
    assert (Stripped(a="1") != {"A": " 1 "}) is False


def test_a_deep_copy_and_a_pickled_one_are_independent():
    for twin in (copy.deepcopy, lambda headers: pickle.loads(pickle.dumps(headers))):
        headers = Sub([("A", "1"), ("a", "2")])
        other = twin(headers)
        other.add("a", "3")
        assert type(other) is Sub
        assert headers.getlist("a") == ["1", "2"]
        assert other.getlist("a") == ["1", "2", "3"]


def test_merging_changes_neither_operand_and_merging_in_place_keeps_the_object():
    left, right = H(a="1"), H(A="2", b="3")
    merged = left | right
    merged.add("b", "4")
    assert (dict(left), dict(right)) == ({"a": "1"}, {"A": "2", "b": "3"})
    same = left
    same |= right
    assert same is left
    assert list(left.items()) == [("a", "1"), ("a", "2"), ("b", "3")]


def test_a_request_that_loses_its_body_loses_what_described_it():
    entity = ["Encoding", "Language", "Location", "Type", "Length"]
    about = [
        *(f"Content-{name}" for name in entity),
        "Digest",
        "Last-Modified",
        "Transfer-Encoding",
    ]
    headers = H([(name.upper(), "x") for name in about] + [("Accept", "y")])
    assert headers._prepare_for_method_change() is headers
    assert dict(headers) == {"Accept": "y"}


def test_the_container_is_a_dict_of_lists():
    headers = H([("Set-Cookie", "a"), ("SET-COOKIE", "b")])
    assert headers._container == {"set-cookie": ["Set-Cookie", "a", "b"]}
    assert headers._has_value_for_header("set-COOKIE", "b")
    assert not headers._has_value_for_header("Set-Cookie", "a, b")
    assert not headers._has_value_for_header("Cookie", "b")
    other = H({"set-cookie": "c", "d": "e"})
    other._copy_from(headers)
    assert list(other.items()) == [("Set-Cookie", "a"), ("Set-Cookie", "b"), ("d", "e")]
    assert other._container["set-cookie"] is not headers._container["set-cookie"]


def test_a_view_is_a_set_in_name_only():
    view = H([("a", "1"), ("A", "2")]).items()
    assert isinstance(view, set)
    assert isinstance(view, HTTPHeaderDictItemView)
    assert ("A", "1") in view
    assert not any(
        odd in view for odd in [("a",), ("a", "1", "x"), (1, "1"), ("a", 1), ("b", "1"), "a1", None]
    )


# ---------------------------------------------------------------- properties

NAME = st.sampled_from(["Accept", "ACCEPT", "accept", "Set-Cookie", "set-cookie", "X", "x", "Y"])
PAIRS = st.lists(st.tuples(NAME, st.text(max_size=4)))


@given(PAIRS)
def test_the_quick_way_from_pairs_is_the_long_way(pairs):
    quick, long = H._from_pairs(pairs), H(pairs)
    assert list(quick._container.items()) == list(long._container.items())
    assert type(Sub._from_pairs(pairs)) is Sub


@given(PAIRS)
def test_nothing_that_was_put_in_is_lost_or_changes_its_order(pairs):
    headers = H(pairs)
    assert len(headers.items()) == len(pairs)
    for name, _ in pairs:
        assert headers.getlist(name) == [v for n, v in pairs if n.lower() == name.lower()]
    assert [n.lower() for n in headers] == list(dict.fromkeys(n.lower() for n, _ in pairs))


@given(PAIRS, PAIRS)
def test_merging_is_adding_the_one_after_the_other(left, right):
    assert list((H(left) | H(right)).items()) == list(H([*left, *right]).items())
    assert list((left | H(right)).items()) == list(H([*left, *right]).items())


@given(PAIRS)
def test_joined_values_make_an_equal_dict(pairs):
    headers = H(pairs)
    assert headers == dict(headers)
    assert headers == H(headers.itermerged())
