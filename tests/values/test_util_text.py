"""Text and bytes, one into the other; an error raised again."""

from __future__ import annotations

import contextlib
import gc
import inspect
import weakref

import pytest

from tests.support.tables import check, rows
from urllib3.util.util import reraise, to_bytes, to_str


@pytest.mark.parametrize("row", rows("data-text"))
def test_the_table_of_text_and_bytes(row):
    check(row, {"reraise": reraise, "to_bytes": to_bytes, "to_str": to_str})


@pytest.mark.parametrize(("convert", "value"), [(to_bytes, b"\xff"), (to_str, "\ud800")])
def test_what_needs_no_change_is_the_same_object(convert, value):
    assert convert(value, "ascii", "strict") is value


@pytest.mark.parametrize("convert", [to_bytes, to_str])
def test_the_parameters_have_their_names_and_order(convert):
    assert list(inspect.signature(convert).parameters) == ["x", "encoding", "errors"]


class Fault(Exception):
    """One that can be referred to weakly."""


def raised():
    try:
        raise Fault
    except Fault as error:
        return error


def lines(error):
    found, tb = [], error.__traceback__
    while tb is not None:
        found.append(tb.tb_frame.f_code.co_name)
        tb = tb.tb_next
    return found


def test_the_error_itself_is_raised_whatever_its_type_is_said_to_be():
    error = Fault()
    with pytest.raises(Fault) as caught:
        reraise(KeyError, error)
    assert caught.value is error


def test_a_traceback_that_is_given_is_kept_and_without_one_the_old_one_is_dropped():
    error = raised()
    with pytest.raises(Fault):
        reraise(Fault, error, error.__traceback__)
    assert "raised" in lines(error)
    with pytest.raises(Fault):
        reraise(Fault, error)
    assert "raised" not in lines(error)


def test_an_error_raised_again_is_gone_when_nobody_holds_it():
    gc.disable()
    try:
        error = raised()
        gone = weakref.ref(error)
        with contextlib.suppress(Fault):
            reraise(Fault, error, error.__traceback__)
        del error
        assert gone() is None
    finally:
        gc.enable()
