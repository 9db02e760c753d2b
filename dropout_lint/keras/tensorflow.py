"""TensorFlow 1 and 2 told apart by the names a program reads.

Source: ``dir()`` of tensorflow 2.21 and of its ``compat.v1``; ``tests/keras/test_tensorflow.py`` compares.
"""

from __future__ import annotations

from typing import Final

# What TensorFlow 1 has at that place and TensorFlow 2 has not.
TF1_NAMES: Final = frozenset(
    f"tensorflow.{name}"
    for name in (
        "AUTO_REUSE", "ConfigProto", "FixedLenFeature", "GPUOptions", "InteractiveSession", "Session", "Summary",
        "add_to_collection", "all_variables", "app.flags", "app.run", "assign", "assign_add", "assign_sub",
        "colocate_with", "count_up_to", "disable_eager_execution", "disable_v2_behavior", "enable_eager_execution",
        "enable_resource_variables", "flags", "get_collection", "get_default_graph", "get_default_session",
        "get_variable", "get_variable_scope", "gfile", "global_variables", "global_variables_initializer",
        "initialize_all_variables", "initialize_local_variables", "is_variable_initialized", "layers",
        "local_variables", "local_variables_initializer", "logging", "make_template", "model_variables",
        "moving_average_variables", "nn.bidirectional_dynamic_rnn", "nn.dynamic_rnn", "nn.raw_rnn", "nn.rnn_cell",
        "nn.softmax_cross_entropy_with_logits_v2", "nn.static_rnn", "nn.xw_plus_b", "placeholder",
        "placeholder_with_default", "py_func", "python_io", "random_normal", "random_shuffle", "random_uniform",
        "report_uninitialized_variables", "reset_default_graph", "set_random_seed", "sparse_placeholder",
        "sparse_to_dense", "summary.FileWriter", "summary.merge", "summary.merge_all", "tables_initializer",
        "to_double", "to_float", "to_int32", "to_int64", "train.AdadeltaOptimizer", "train.AdagradOptimizer",
        "train.AdamOptimizer", "train.GradientDescentOptimizer", "train.MomentumOptimizer",
        "train.MonitoredTrainingSession", "train.RMSPropOptimizer", "train.Saver", "train.SessionRunHook",
        "train.exponential_decay", "train.get_global_step", "train.get_or_create_global_step", "trainable_variables",
        "truncated_normal", "truncated_normal_initializer", "variable_scope", "variables_initializer",
    )
) | {"tensorflow.contrib"}  # fmt: skip

# What only TensorFlow 2 has, or came with it.
TF2_NAMES: Final = frozenset(
    f"tensorflow.{name}"
    for name in (
        "config.list_physical_devices", "config.run_functions_eagerly", "data.AUTOTUNE", "experimental.numpy",
        "function", "random.Generator", "random.stateless_normal", "summary.create_file_writer",
    )
)  # fmt: skip


def generation_by_names(names: frozenset[str]) -> int | None:
    """1 or 2 by the names a program reads; None where none of them says it."""
    if not TF1_NAMES.isdisjoint(names):
        return 1
    return 2 if not TF2_NAMES.isdisjoint(names) else None


# They switch TensorFlow 2 back to graphs and sessions.
_GRAPH_SWITCHES: Final = frozenset(
    f"tensorflow.{module}{name}"
    for module in ("", "compat.v1.")
    for name in ("disable_eager_execution", "disable_v2_behavior")
)


def runs_graphs(names: frozenset[str], generation: int | None) -> bool:
    """Whether a program builds graphs for sessions: on TensorFlow 1, or on 2 with its behaviour switched off."""
    return generation == 1 or not _GRAPH_SWITCHES.isdisjoint(names)
