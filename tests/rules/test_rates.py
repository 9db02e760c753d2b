"""Rates and keep probabilities, as they reach layers and functions."""

import textwrap

import pytest

from dropout_lint import check_source
from dropout_lint.settings import Resolver

PRELUDE = "import functools\nimport keras\nimport tensorflow as tf\nfrom keras import layers\n"


def found(source, version="3.15", prelude=PRELUDE):
    program = prelude + textwrap.dedent(source)
    overrides = {"keras-version": version} if version is not None else {}
    report = check_source(program, "program.py", Resolver(isolated=True, overrides=overrides))
    lines = program.splitlines()
    return [
        (each.code, each.severity.value, lines[each.span.start.line - 1].strip())
        for each in report.findings
        if each.code.startswith("KTM5")
    ]


def codes(source, **options):
    return [code for code, _, _ in found(source, **options)]


RATES = {
    "per cent": ("layers.Dropout(50)", ["KTM501"]),
    "above one": ("layers.SpatialDropout2D(rate=1.5)", ["KTM501"]),
    "negative": ("layers.Dropout(-0.1)", ["KTM501"]),
    "one": ("layers.Dropout(1.0)", ["KTM501"]),
    "true": ("layers.LSTM(8, dropout=True)", ["KTM501"]),
    "text": ("layers.Dropout('0.5')", ["KTM501"]),
    "none, written": ("layers.Dropout(None)", ["KTM501"]),
    "constant": ("RATE = 30\nlayers.Dropout(RATE)", ["KTM501"]),
    "default": ("def block(rate=20):\n    return layers.Dropout(rate)\n", ["KTM501"]),
    "parameter": ("def block(rate):\n    return layers.Dropout(rate)\nblock(20)", ["KTM501"]),
    "attribute": (
        """\
        class Block(layers.Layer):
            def __init__(self):
                super().__init__()
                self.rate = 40
                self.drop = layers.Dropout(self.rate)
        """,
        ["KTM501"],
    ),
    "partial": ("make = functools.partial(layers.Dropout, rate=25)\nmake()", ["KTM501"]),
    "own subclass": ("class Noise(layers.Dropout):\n    pass\nNoise(12)", ["KTM501"]),
    "own constructor": (
        "class Noise(layers.Dropout):\n    def __init__(self):\n        super().__init__(12)\nNoise()",
        ["KTM501"],
    ),
    "recurrent": ("layers.GRU(8, recurrent_dropout=20)", ["KTM501"]),
    "attention": ("layers.MultiHeadAttention(2, 8, dropout=10)", ["KTM501"]),
    "noise above one": ("layers.GaussianNoise(2.0)", ["KTM501"]),
    "function": ("keras.random.dropout(x, 1.5)", ["KTM501"]),
    "TensorFlow's function": ("tf.nn.dropout(x, rate=50)", ["KTM501"]),
    "fraction": ("layers.Dropout(0.5)", []),
    "zero": ("layers.Dropout(0)\nlayers.LSTM(8, dropout=0.0)", []),
    "noise of one": ("layers.GaussianNoise(1.0)", []),
    "computed": ("layers.Dropout(50 / 100)", []),
    "layer of TensorFlow 1": (
        "def hidden(x, keep_prob):\n    return tf.layers.Dropout(keep_prob)(x), tf.compat.v1.layers.Dropout(rate=keep_prob)(x)\n",
        ["KTM502", "KTM502"],
    ),
    "layer of TensorFlow 1, complement": (
        "def hidden(x, keep_prob):\n    return tf.layers.Dropout(1 - keep_prob)(x)\n",
        [],
    ),
    "complement": ("keep = 0.8\nlayers.Dropout(1 - keep)", []),
    "unknown": ("def block(rate):\n    return layers.Dropout(rate)\n", []),
    "none, by default": ("def block(rate=None):\n    return layers.Dropout(rate)\n", []),
    "none, guarded": ("def block(rate=None):\n    if rate:\n        return layers.Dropout(rate)\nblock()", []),
    "another class": ("class Dropout:\n    def __init__(self, rate):\n        pass\nDropout(50)", []),
    "units": ("layers.LSTM(50)\nlayers.Dense(100)", []),
    "seed": ("layers.Dropout(0.5, None, 42)", []),
    "keeps all in the compatibility module": ("tf.compat.v1.nn.dropout(x, 1.0)", []),
}


@pytest.mark.parametrize(("source", "expected"), RATES.values(), ids=RATES)
def test_rates(source, expected):
    assert codes(source) == expected


BY_VERSION = {
    "noise": ("layers.GaussianNoise(25.0)", {"2": [], "3": ["error"], None: ["note"]}),
    "one": ("layers.Dropout(1.0)", {"2": ["error"], "3": ["error"], None: ["error"]}),
    "recurrent": ("layers.LSTM(8, dropout=30)", {"2": ["error"], "3": ["error"], None: ["error"]}),
    "backend function": ("keras.backend.dropout(x, 2.0)", {"2": ["error"], "3": [], None: ["note"]}),
}


@pytest.mark.parametrize(("source", "expected"), BY_VERSION.values(), ids=BY_VERSION)
def test_what_differs_between_versions_is_a_note_where_the_version_is_not_known(source, expected):
    severities = {version: [each for _, each, _ in found(source, version=version)] for version in expected}
    assert severities == expected


SKIPS = """\
def block(x, n, survival_probability=0.9):
    if {}:
        x = layers.Dropout(survival_probability)(x)
    return x

def net(x, n):
    return block(x, n, survival_probability=0.2 * n / 7)
"""
KEPT = {
    "parameter": ("def block(keep_prob):\n    return layers.Dropout(keep_prob)\n", ["KTM502"]),
    "constant": ("KEEP_PROB = 0.9\nlayers.Dropout(KEEP_PROB)", ["KTM502"]),
    "camel case": ("keepProb = 0.9\nlayers.Dropout(keepProb)", ["KTM502"]),
    "item": ("config = {'dropout_keep_prob': 0.9}\nlayers.Dropout(config['dropout_keep_prob'])", ["KTM502"]),
    "get": ("def block(config):\n    return layers.Dropout(config.get('keep_prob', 0.9))\n", ["KTM502"]),
    "attribute of options": ("def block(args):\n    return layers.Dropout(rate=args.keep_rate)\n", ["KTM502"]),
    "other name on the way": (
        "def block(amount):\n    return layers.Dropout(amount)\n\ndef net(keep_prob):\n    return block(keep_prob)\n",
        ["KTM502"],
    ),
    "variable on the way": (
        "def block(keep_prob):\n    p = float(keep_prob)\n    return layers.Dropout(p)\n",
        ["KTM502"],
    ),
    "one minus the rate": ("def block(dropout_rate):\n    return layers.Dropout(1 - dropout_rate)\n", ["KTM502"]),
    "function": ("def hidden(x, keep_prob):\n    return tf.nn.dropout(x, keep_prob)\n", ["KTM502"]),
    "recurrent": ("def block(keep_prob):\n    return layers.LSTM(8, dropout=keep_prob)\n", ["KTM502"]),
    "complement": ("def block(keep_prob):\n    return layers.Dropout(1 - keep_prob)\n", []),
    "complement in a variable": (
        "def block(keep_prob):\n    rate = 1.0 - keep_prob\n    return layers.Dropout(rate)\n",
        [],
    ),
    "complement under the same name": (
        "def block(keep_prob):\n    keep_prob = 1 - keep_prob\n    return layers.Dropout(keep_prob)\n",
        [],
    ),
    "the caller calls it a rate": (
        "def block(keep_prob):\n    return layers.Dropout(keep_prob)\n\ndef net(dropout_rate):\n    return block(dropout_rate)\n",
        [],
    ),
    "the caller hands over the complement": (
        "def block(keep_prob):\n    return layers.Dropout(keep_prob)\n\ndef net(keep_prob):\n    return block(1 - keep_prob)\n",
        [],
    ),
    "made of a rate": (
        "def block(survival_probability):\n    return layers.Dropout(survival_probability)\n\ndef net(drop_connect_rate, n):\n    p = share_of(drop_connect_rate, n)\n    return block(survival_probability=p)\n",
        [],
    ),
    "made of something else": (
        "def block(survival_probability):\n    return layers.Dropout(survival_probability)\n\ndef net(depth, n):\n    p = share_of(depth, n)\n    return block(survival_probability=p)\n",
        ["KTM502"],
    ),
    "nothing is dropped where it is zero": (SKIPS.format("survival_probability"), []),
    "nothing is dropped where it is not above zero": (SKIPS.format("survival_probability > 0.0"), []),
    "nothing is dropped unless it is below one": (SKIPS.format("survival_probability < 1"), ["KTM502"]),
    "it may be missing": (SKIPS.replace("=0.9", "=None").format("survival_probability"), ["KTM502"]),
    "it is known": (SKIPS.replace("0.2 * n / 7", "0.9").format("survival_probability"), ["KTM502"]),
    "something else is zero": (SKIPS.format("n"), ["KTM502"]),
    "a rate": ("def block(dropout_rate):\n    return layers.Dropout(dropout_rate)\n", []),
    "compatibility module": ("def hidden(x, keep_prob):\n    return tf.compat.v1.nn.dropout(x, keep_prob)\n", []),
    "TensorFlow 1": (
        "keep_prob = tf.placeholder(tf.float32)\ny = tf.nn.dropout(x, keep_prob)\n",
        [],
    ),
    "keeping something else": ("def block(keep_dims):\n    return layers.Dropout(0.5), keep_dims\n", []),
}


@pytest.mark.parametrize(("source", "expected"), KEPT.values(), ids=KEPT)
def test_keep_probabilities(source, expected):
    assert codes(source) == expected


def test_half_is_half():
    assert [severity for _, severity, _ in found("keep_prob = 0.5\nlayers.Dropout(keep_prob)")] == ["note"]


REMOVED = {
    "function": ("tf.nn.dropout(x, keep_prob=0.8)", ["KTM503"]),
    "mapping": ("options = {'keep_prob': 0.8}\ntf.nn.dropout(x, **options)", ["KTM503"]),
    "layer": ("layers.Dropout(keep_prob=0.8)", ["KTM503"]),
    "compatibility module": ("tf.compat.v1.nn.dropout(x, keep_prob=0.8)", []),
    "TensorFlow 1": ("with tf.Session() as s:\n    tf.nn.dropout(x, keep_prob=0.8)", []),
    "own function": ("def dropout(x, keep_prob):\n    return x\ndropout(1, keep_prob=0.8)", []),
    "own layer": (
        "class Drop(layers.Layer):\n    def __init__(self, keep_prob):\n        super().__init__()\nDrop(keep_prob=0.8)",
        [],
    ),
}


@pytest.mark.parametrize(("source", "expected"), REMOVED.values(), ids=REMOVED)
def test_removed_keep_prob(source, expected):
    assert codes(source) == expected


COMPILE = "\nmodel.compile('adam', 'mse')\n"
OUTPUTS = {
    "sequential": (
        "model = keras.Sequential([layers.Dense(3, activation='softmax'), layers.Dropout(0.5)])",
        ["KTM504"],
    ),
    "positional activation": (
        "model = keras.Sequential([layers.Dense(1, 'sigmoid'), layers.Dropout(0.5)])",
        ["KTM504"],
    ),
    "activation layer": (
        "model = keras.Sequential([layers.Dense(1), layers.Activation('softmax'), layers.Dropout(0.5)])",
        ["KTM504"],
    ),
    "activation function": (
        "model = keras.Sequential([layers.Dense(1, activation=tf.nn.softmax), layers.Dropout(0.5)])",
        ["KTM504"],
    ),
    "functional": (
        "i = keras.Input((4,))\nmodel = keras.Model(i, layers.Dropout(0.5)(layers.Dense(2, activation='softmax')(i)))",
        ["KTM504"],
    ),
    "added": (
        "model = keras.Sequential()\nmodel.add(layers.Dense(2, activation='softmax'))\nmodel.add(layers.Dropout(0.5))",
        ["KTM504"],
    ),
    "before": ("model = keras.Sequential([layers.Dropout(0.5), layers.Dense(3, activation='softmax')])", []),
    "relu": ("model = keras.Sequential([layers.Dense(3, activation='relu'), layers.Dropout(0.5)])", []),
    "linear": ("model = keras.Sequential([layers.Dense(3), layers.Dropout(0.5)])", []),
    "two outputs": (
        "i = keras.Input((4,))\nh = layers.Dense(2, activation='softmax')(i)\nmodel = keras.Model(i, [layers.Dropout(0.5)(h), h])",
        [],
    ),
    "in the middle": (
        "model = keras.Sequential([layers.Dense(3, activation='sigmoid'), layers.Dropout(0.5), layers.Dense(1)])",
        [],
    ),
}


@pytest.mark.parametrize(("source", "expected"), OUTPUTS.values(), ids=OUTPUTS)
def test_dropout_on_the_output(source, expected):
    assert codes(source + COMPILE) == expected


def test_a_model_that_is_never_compiled_may_be_a_part():
    assert codes(OUTPUTS["sequential"][0]) == []
