"""Which rules selectors leave on."""

from __future__ import annotations

import pytest

from dropout_lint.selection import Selection, UnknownRule, check_selector


@pytest.mark.parametrize(
    ("select", "ignore", "code", "on"),
    [
        (["ALL"], [], "KTM101", True),
        (["KTM1"], [], "KTM101", True),
        (["KTM2"], [], "KTM101", False),
        (["KTM101"], [], "KTM101", True),
        (["training-true-in-inference"], [], "KTM101", True),
        (["ALL"], ["KTM1"], "KTM101", False),
        (["ALL"], ["ALL"], "KTM101", False),
        (["KTM1"], ["KTM101"], "KTM101", False),
        (["KTM101"], ["KTM1"], "KTM101", True),
        (["training-true-in-inference"], ["KTM1", "ALL"], "KTM101", True),
        (["KTM101"], ["training-true-in-inference"], "KTM101", False),
        (["KTM10"], ["KTM1"], "KTM101", True),
        ([], [], "KTM101", False),
        (["KTM101"], [], "KTM990", True),
        (["KTM101"], [], "KTM991", True),
        (["ALL"], ["KTM990"], "KTM990", False),
        (["ALL"], ["not-analysed"], "KTM991", False),
        (["ALL"], ["KTM9"], "KTM991", False),
    ],
)
def test_the_more_specific_selector_decides(select, ignore, code, on):
    assert Selection(tuple(select), tuple(ignore)).enables(code) is on


@pytest.mark.parametrize("selector", ["ALL", "KTM", "KTM1", "KTM10", "KTM101", "training-true-in-inference", "KTM990"])
def test_codes_prefixes_names_and_all_are_known(selector):
    check_selector(selector)


@pytest.mark.parametrize(
    ("selector", "near"),
    [
        ("ktm101", "KTM101"),
        ("KTM1O1", "KTM101"),
        ("all", "ALL"),
        ("training_true_in_inference", "training-true-in-inference"),
        ("Training-True-In-Inference", "training-true-in-inference"),
        ("sintax-error", "syntax-error"),
    ],
)
def test_what_is_not_known_gets_the_nearest_as_a_suggestion(selector, near):
    with pytest.raises(UnknownRule, match=f'^unknown rule "{selector}"; did you mean "{near}"\\?$'):
        check_selector(selector)


@pytest.mark.parametrize("selector", ["", "E501", "KTM8", "xyz"])
def test_what_is_near_nothing_is_simply_unknown(selector):
    with pytest.raises(UnknownRule, match=f'^unknown rule "{selector}"'):
        check_selector(selector)
