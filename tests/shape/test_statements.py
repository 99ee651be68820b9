"""Every numbered statement of behaviour is tested, or says why it is not."""

from __future__ import annotations

import ast

import pytest

from tests.shape import statements


def test_every_statement_is_claimed_by_a_test_or_excused_with_a_reason() -> None:
    assert [" ".join(label) for label in statements.uncovered()] == []


def test_no_test_claims_a_statement_that_does_not_exist() -> None:
    assert statements.unknown() == []


def test_no_statement_is_excused_that_a_test_covers() -> None:
    assert statements.needless_excuses() == []


def test_every_excuse_gives_a_reason() -> None:
    assert all(isinstance(why, str) and why for why in statements.excused().values())


def test_a_mark_may_name_several_statements_and_ranges() -> None:
    tree = ast.parse('@pytest.mark.spec("pool P1", "pool P3..P5")\ndef test(): ...')
    labels = [label for text in statements.marks(tree) for label in statements.parse(text)]
    assert labels == [("pool", "P1"), ("pool", "P3"), ("pool", "P4"), ("pool", "P5")]


@pytest.mark.parametrize("text", ["P14", "pool", "pool 14", "pool P14, P15"])
def test_a_label_without_chapter_or_number_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a label"):
        statements.parse(text)


def test_the_id_of_a_row_counts_only_where_it_is_unambiguous() -> None:
    assert statements.resolve("PX3") == [("pool", "PX3")]
    assert statements.resolve("P3") == []  # three chapters have a P3
    assert statements.resolve("proxy P3") == [("proxy", "P3")]
