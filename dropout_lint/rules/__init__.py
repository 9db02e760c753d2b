"""The rules, in the order of their codes.

Adding one takes its module, its line here and its fixtures.
"""

from __future__ import annotations

from dropout_lint.rules import (
    teacher_in_training_mode,
    trainable_as_mode_switch,
    trainable_on_weightless_layer,
    training_false_in_training,
    training_hardcoded_in_call,
    training_hardcoded_in_graph,
    training_inverted,
    training_missing_in_training,
    training_true_in_inference,
)
from dropout_lint.rules.model import Rule

REGISTRY: tuple[Rule, ...] = (
    training_true_in_inference.RULE,
    training_hardcoded_in_graph.RULE,
    training_hardcoded_in_call.RULE,
    training_false_in_training.RULE,
    training_missing_in_training.RULE,
    training_inverted.RULE,
    teacher_in_training_mode.RULE,
    trainable_on_weightless_layer.RULE,
    trainable_as_mode_switch.RULE,
)


FAMILIES: tuple[tuple[str, ...], ...] = (
    ("KTM109", "KTM107", "KTM106", "KTM601", "KTM112", "KTM103", "KTM102", "KTM101"),
    ("KTM208", "KTM203"),
)
"""Rules that may speak of one line, the most specific first; only that one is heard."""


def find_rule(name: str) -> Rule | None:
    """The rule with this code or name, or None."""
    wanted = name.strip().casefold()
    for rule in REGISTRY:
        if wanted in {rule.code.casefold(), rule.name.casefold()}:
            return rule
    return None


__all__ = ["FAMILIES", "REGISTRY", "Rule", "find_rule"]
