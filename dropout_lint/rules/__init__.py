"""The rules, in the order of their codes.

Adding one takes its module, its line here and its fixtures.
"""

from __future__ import annotations

from dropout_lint.rules import (
    augmentation_in_export,
    augmentation_in_inference,
    call_bypassed,
    call_defaults_to_training,
    changed_after_trace,
    dropout_on_output,
    dropout_op_always_on,
    dropout_rate_out_of_range,
    frozen_call_inert,
    gan_toggle_stale,
    keep_prob_as_rate,
    keep_prob_removed,
    keras3_removed_argument,
    layer_created_in_call,
    layer_result_discarded,
    learning_phase_forced,
    learning_phase_removed,
    mode_attribute_without_effect,
    model_call_without_training,
    nested_batchnorm_missed,
    stochastic_pass_mutates_batchnorm,
    teacher_in_training_mode,
    torch_mode_method,
    trainable_after_compile,
    trainable_as_mode_switch,
    trainable_as_training,
    trainable_comparison,
    trainable_not_boolean,
    trainable_on_non_layer,
    trainable_on_weightless_layer,
    trainable_overwritten,
    trainable_true_noop,
    training_false_in_training,
    training_hardcoded_in_call,
    training_hardcoded_in_graph,
    training_inverted,
    training_leaks_to_sibling,
    training_missing_in_training,
    training_none_forwarded,
    training_not_accepted,
    training_parameter_misnamed,
    training_positional,
    training_true_in_inference,
    training_truthy_string,
)
from dropout_lint.rules.model import Rule

REGISTRY: tuple[Rule, ...] = (
    training_true_in_inference.RULE,
    training_hardcoded_in_graph.RULE,
    training_hardcoded_in_call.RULE,
    training_false_in_training.RULE,
    training_missing_in_training.RULE,
    training_inverted.RULE,
    training_truthy_string.RULE,
    training_not_accepted.RULE,
    training_positional.RULE,
    training_none_forwarded.RULE,
    stochastic_pass_mutates_batchnorm.RULE,
    teacher_in_training_mode.RULE,
    frozen_call_inert.RULE,
    trainable_on_weightless_layer.RULE,
    trainable_as_mode_switch.RULE,
    trainable_after_compile.RULE,
    trainable_overwritten.RULE,
    trainable_true_noop.RULE,
    trainable_comparison.RULE,
    trainable_not_boolean.RULE,
    gan_toggle_stale.RULE,
    trainable_as_training.RULE,
    nested_batchnorm_missed.RULE,
    trainable_on_non_layer.RULE,
    learning_phase_forced.RULE,
    learning_phase_removed.RULE,
    torch_mode_method.RULE,
    mode_attribute_without_effect.RULE,
    keras3_removed_argument.RULE,
    call_defaults_to_training.RULE,
    training_parameter_misnamed.RULE,
    model_call_without_training.RULE,
    dropout_op_always_on.RULE,
    training_leaks_to_sibling.RULE,
    layer_created_in_call.RULE,
    layer_result_discarded.RULE,
    call_bypassed.RULE,
    changed_after_trace.RULE,
    dropout_rate_out_of_range.RULE,
    keep_prob_as_rate.RULE,
    keep_prob_removed.RULE,
    dropout_on_output.RULE,
    augmentation_in_inference.RULE,
    augmentation_in_export.RULE,
)


FAMILIES: tuple[tuple[str, ...], ...] = (
    (
        "KTM109",
        "KTM107",
        "KTM106",
        "KTM209",
        "KTM601",
        "KTM112",
        "KTM103",
        "KTM102",
        "KTM101",
        "KTM104",
        "KTM405",
    ),
    ("KTM208", "KTM203"),
    ("KTM503", "KTM502", "KTM501"),
    ("KTM402", "KTM403"),
    ("KTM108", "KTM406"),
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
