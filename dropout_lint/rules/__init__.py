"""The rules, in the order of their codes.

Adding one takes its module, its line here and its fixtures.
"""

from __future__ import annotations

from dropout_lint.rules import (
    call_bypassed,
    dropout_op_always_on,
    model_call_without_training,
    trainable_as_mode_switch,
    trainable_on_weightless_layer,
    training_hardcoded_in_call,
    training_hardcoded_in_graph,
    training_leaks_to_sibling,
    training_parameter_misnamed,
    training_true_in_inference,
)
from dropout_lint.rules.model import Rule

REGISTRY: tuple[Rule, ...] = (
    training_true_in_inference.RULE,
    training_hardcoded_in_graph.RULE,
    training_hardcoded_in_call.RULE,
    trainable_on_weightless_layer.RULE,
    trainable_as_mode_switch.RULE,
    training_parameter_misnamed.RULE,
    model_call_without_training.RULE,
    dropout_op_always_on.RULE,
    training_leaks_to_sibling.RULE,
    call_bypassed.RULE,
)


FAMILIES: tuple[tuple[str, ...], ...] = (
    ("KTM109", "KTM107", "KTM106", "KTM601", "KTM112", "KTM103", "KTM102", "KTM101", "KTM405"),
    ("KTM208", "KTM203"),
    ("KTM402", "KTM403"),
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
