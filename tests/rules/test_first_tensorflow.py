"""Flags in the graphs of TensorFlow 1."""

import textwrap

import pytest

from dropout_lint import check_source
from dropout_lint.settings import Resolver

PRELUDE = "import tensorflow.compat.v1 as tf\n\ntf.disable_v2_behavior()\n"

GRAPHS = {
    "dropout": ("def network(x):\n    return tf.layers.dropout(x, rate=0.4, training=True)\n", ["KTM102"]),
    "positional": ("def network(x):\n    return tf.layers.dropout(x, 0.4, None, None, True)\n", ["KTM102"]),
    "batch normalisation": (
        "def network(x):\n    return tf.layers.batch_normalization(x, training=True)\n",
        ["KTM102"],
    ),
    "at the top": ("x = tf.placeholder(tf.float32)\ny = tf.layers.dropout(x, training=True)\n", ["KTM102"]),
    "placeholder": (
        "mode = tf.placeholder(tf.bool)\ndef network(x):\n    return tf.layers.dropout(x, training=mode)\n",
        [],
    ),
    "parameter": ("def network(x, is_training):\n    return tf.layers.dropout(x, training=is_training)\n", []),
    "parameter that is True here": (
        "def network(x, is_training):\n    return tf.layers.dropout(x, training=is_training)\n\nnetwork(1, True)\nnetwork(1, False)\n",
        [],
    ),
    "guarded": (
        "def network(x, is_training):\n    if is_training:\n        x = tf.layers.dropout(x, training=True)\n    return x\n",
        [],
    ),
    "guarded by an estimator's mode": (
        "def model_fn(features, labels, mode):\n    x = features\n    if mode == tf.estimator.ModeKeys.TRAIN:\n        x = tf.layers.dropout(x, training=True)\n    return x\n",
        [],
    ),
    "built for training": ("def build_train_graph(x):\n    return tf.layers.dropout(x, training=True)\n", []),
    "Monte Carlo": ("def mc_dropout(x):\n    return tf.layers.dropout(x, training=True)\n", []),
    "False": ("def network(x):\n    return tf.layers.dropout(x, training=False)\n", []),
    "dense": ("def network(x):\n    return tf.layers.dense(x, 8)\n", []),
    "generator": (
        "def generator(z):\n    return tf.layers.batch_normalization(z, training=True)\n",
        [],
    ),
}


@pytest.mark.parametrize(("source", "expected"), GRAPHS.values(), ids=GRAPHS)
def test_flags_in_graphs_of_the_first_generation(source, expected):
    report = check_source(PRELUDE + textwrap.dedent(source), "program.py", Resolver(isolated=True))
    assert [each.code for each in report.findings] == expected


def test_the_first_spelling_and_contrib():
    source = (
        "import tensorflow as tf\n\n\ndef network(x):\n    x = tf.layers.dropout(x, training=True)\n"
        "    return tf.contrib.layers.batch_norm(x, is_training=True)\n"
    )
    report = check_source(source, "program.py", Resolver(isolated=True))
    assert [each.span.start.line for each in report.findings] == [5, 6]
