"""What people ask about modes is answered in the documentation of the rule that they end up at."""

from __future__ import annotations

import pytest

from dropout_lint.rules import REGISTRY, find_rule

ANSWERS = [
    ("Must dropout be switched off for predict or evaluate?", "KTM101", "by themselves"),
    ("fit and evaluate disagree on the same data?", "KTM101", "`fit()` averages over an epoch, in training mode"),
    ("Does inference have to be scaled back?", "KTM101", "inference is the identity"),
    ("trainable or training?", "KTM202", "What one call does is the business of `training=`"),
    ("When does trainable take effect?", "KTM203", "set the flags, compile, then fit; and compile again"),
    ("How is Monte Carlo dropout done?", "KTM111", "np.stack([model(x, training=True) for _ in range(100)])"),
    ("Why has Monte Carlo dropout through predict no spread?", "KTM102", "through `predict()` yields zero spread"),
    ("What replaces the learning phase?", "KTM302", "takes `training` as a parameter of its `call`"),
    ("What do loops of one's own pass?", "KTM105", "`training=True` under the tape, `training=False` in evaluation"),
    ("keep_prob or rate?", "KTM502", "`1 - keep_prob` is right"),
    ("Why do predictions depend on the batch?", "KTM103", "depends on what else is in it"),
]


@pytest.mark.parametrize(("question", "code", "answer"), ANSWERS, ids=[question for question, *_ in ANSWERS])
def test_questions_are_answered(question, code, answer):
    assert answer in " ".join(find_rule(code).doc.split())


@pytest.mark.parametrize("rule", REGISTRY, ids=lambda rule: rule.code)
def test_documentation_refers_to_nothing_that_readers_do_not_have(rule):
    assert "measured facts" not in rule.doc
