"""None that switches layers off, draws that move statistics, and flags that fit ignores."""

import textwrap

import pytest

from dropout_lint import check_source
from dropout_lint.findings import Severity
from dropout_lint.fixes import apply_edits
from dropout_lint.settings import Resolver

PRELUDE = textwrap.dedent(
    """\
    import keras, numpy as np, tensorflow as tf
    from keras import layers

    x, y = np.zeros((3, 4)), np.zeros(3)
    model = keras.Sequential([keras.Input((4,)), layers.BatchNormalization(), layers.Dropout(0.5), layers.Dense(2)])
    """
)
RULES = ["KTM110", "KTM111", "KTM113"]


def report(source, version="3.15"):
    program = PRELUDE + textwrap.dedent(source)
    overrides = {"select": RULES} | ({"keras-version": version} if version else {})
    return program, check_source(program, "program.py", Resolver(isolated=True, overrides=overrides)).findings


def found(source, version="3.15"):
    return [(finding.code, finding.severity.value) for finding in report(source, version)[1]]


def layer(call, extra=""):
    """A layer with dropout and batch normalisation, and this body of ``call``."""
    lines = [
        "class Block(layers.Layer):",
        "    def __init__(self):",
        "        super().__init__()",
        "        self.drop, self.norm, self.dense = layers.Dropout(0.5), layers.BatchNormalization(), layers.Dense(2)",
        "    def call(self, rows, training=None):",
        *(f"        {line}" for line in call.splitlines()),
        *(f"    {line}" for line in extra.splitlines()),
    ]
    return "\n".join(lines)


NONE = {
    "literal": (layer("return self.drop(rows, training=None)"), "self.drop(rows, training=training)"),
    "batch statistics": (layer("return self.norm(rows, training=None)"), "self.norm(rows, training=training)"),
    "no parameter": (
        layer("return self.drop(rows, training=None)").replace(", training=None):", "):"),
        "return self.drop(rows)",
    ),
    "helper method": (
        layer(
            "return self.tail(rows)",
            "def tail(self, rows, training=None):\n    return self.drop(rows, training=training)",
        ),
        "self.tail(rows, training=training)",
    ),
    "constant": (layer("MODE = None\nreturn self.drop(rows, training=MODE)"), "self.drop(rows, training=training)"),
    "list of layers": (
        layer("for each in [self.drop, self.norm]:\n    rows = each(rows, training=None)\nreturn rows"),
        "each(rows, training=training)",
    ),
}


@pytest.mark.parametrize(("source", "fixed"), NONE.values(), ids=NONE)
def test_none_is_an_answer(source, fixed):
    program, findings = report(source)
    assert [finding.code for finding in findings] == ["KTM110"]
    assert fixed in apply_edits(program, list(findings[0].fix.edits))


NOT_NONE = {
    "forwarded": layer("return self.drop(rows, training=training)"),
    "left out": layer("return self.drop(rows)"),
    "top level": "model(x, training=None)",
    "graph": "i = keras.Input((4,))\nlayers.Dropout(0.5)(i, training=None)",
    "builder": """\
        def build(rows, training=None):
            return layers.Dropout(0.5)(rows, training=training)
        build(keras.Input((4,)))
        """,
    "layer without a mode": layer("return self.dense(rows, training=None)"),
    "inherited call": """\
        class Quiet(layers.Dropout):
            def call(self, rows, training=None):
                return super().call(rows, training=None)
        """,
    "block that Keras calls": layer("return self.drop(rows, training=training)")
    + "\nclass Net(keras.Model):\n    def __init__(self):\n        super().__init__()\n        self.block = Block()\n"
    "    def call(self, rows, training=None):\n        return self.block(rows)\nNet()(x)",
    "one of two": layer("return self.drop(rows, training=training if self.built else None)"),
}


@pytest.mark.parametrize("source", NOT_NONE.values(), ids=NOT_NONE)
def test_modes_that_are_inherited(source):
    assert "KTM110" not in [code for code, _ in found(source)]


@pytest.mark.parametrize(
    ("version", "severities"), [("2", []), ("3.9", []), ("3.10", ["warning"]), ("3", ["note"]), (None, ["note"])]
)
def test_none_is_an_answer_from_3_10_on(version, severities):
    findings = found(NONE["literal"][0], version)
    assert findings == [("KTM110", severity) for severity in severities]


DRAWS = {
    "comprehension": "print(np.std([model(x, training=True) for _ in range(9)], axis=0))",
    "loop": """\
        draws = []
        for _ in range(9):
            draws.append(model(x, training=True))
        print(np.mean(np.stack(draws), axis=0))
        """,
    "function": """\
        def uncertainty(net, rows, passes=20):
            return tf.math.reduce_std(tf.stack([net(rows, training=True) for _ in range(passes)]), axis=0)
        print(uncertainty(model, x))
        """,
    "spectral": """\
        net = keras.Sequential([layers.SpectralNormalization(layers.Dense(2)), layers.Dropout(0.5)])
        for each in net.layers:
            each.trainable = False
        print(np.std([net(x, training=True) for _ in range(9)], axis=0))
        """,
    "a head on a ready-made model": """\
        base = keras.applications.ResNet50(include_top=False, pooling="avg")
        net = keras.Model(base.input, layers.Dense(2)(layers.Dropout(0.5)(base.output)))
        draws = np.stack([net(x, training=True) for _ in range(20)])
        print(draws.mean(axis=0))
        """,
    "frozen afterwards": """\
        print(np.std([model(x, training=True) for _ in range(9)], axis=0))
        model.trainable = False
        """,
}


@pytest.mark.parametrize("source", DRAWS.values(), ids=DRAWS)
def test_draws_move_statistics(source):
    assert found(source) == [("KTM111", "warning")]


QUIET_DRAWS = {
    "no batch normalisation": """\
        net = keras.Sequential([layers.Dense(2), layers.Dropout(0.5)])
        print(np.std([net(x, training=True) for _ in range(9)], axis=0))
        """,
    "frozen layers": """\
        for each in model.layers:
            if isinstance(each, layers.BatchNormalization):
                each.trainable = False
        print(np.std([model(x, training=True) for _ in range(9)], axis=0))
        """,
    "frozen model": "model.trainable = False\nprint(np.std([model(x, training=True) for _ in range(9)], axis=0))",
    "frozen when made": """\
        net = keras.Sequential([layers.BatchNormalization(trainable=False), layers.Dropout(0.5)])
        print(np.std([net(x, training=True) for _ in range(9)], axis=0))
        """,
    "a head on a ready-made model that is frozen": """\
        base = keras.applications.ResNet50(include_top=False, pooling="avg")
        base.trainable = False
        net = keras.Model(base.input, layers.Dense(2)(layers.Dropout(0.5)(base.output)))
        print(np.std([net(x, training=True) for _ in range(20)], axis=0))
        """,
    "a head on a ready-made model whose layers are frozen": """\
        base = keras.applications.ResNet50(include_top=False, pooling="avg")
        net = keras.Model(base.input, layers.Dense(2)(layers.Dropout(0.5)(base.output)))
        for layer in net.layers:
            if isinstance(layer, layers.BatchNormalization):
                layer.trainable = False
        print(np.std([net(x, training=True) for _ in range(20)], axis=0))
        """,
    "a head on a ready-made model without": """\
        base = keras.applications.VGG16(include_top=False, pooling="avg")
        net = keras.Model(base.input, layers.Dense(2)(layers.Dropout(0.5)(base.output)))
        print(np.std([net(x, training=True) for _ in range(20)], axis=0))
        """,
    "unknown model": "def run(net):\n    return np.std([net(x, training=True) for _ in range(9)], axis=0)",
    "one pass (KTM101)": "print(np.argmax(model(x, training=True), 1))",
    "training": """\
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean([model(x, training=True) for _ in range(2)])
        tape.gradient(loss, model.trainable_variables)
        """,
    "re-calibration": "for rows in [x, x, x]:\n    model(rows, training=True)",
    "pix2pix": """\
        def generate_images(generator, picture):
            # training=True is intentional here: batch statistics are wanted while predicting, as in training
            prediction = generator(picture, training=True)
            return prediction
        generate_images(model, x)
        """,
    "mean over tasks": """\
        def accuracy(tasks):
            found = []
            for support, query in tasks:
                found.append(tf.reduce_mean(model(sample(), training=True) - query))
            return np.mean(found)
        """,
    "next of an iterator": """\
        batches = iter([x, x])
        print(np.mean([np.mean(model(next(batches), training=True)) for _ in range(9)]))
        """,
    "item by the turn": """\
        frames = {0: x, 1: x}
        total = 0.0
        for number in range(2):
            total += np.mean(model(frames[number], training=True))
        print(total)
        """,
    "under a tape": """\
        def losses(rows):
            total = 0.0
            for _ in range(2):
                total += tf.reduce_mean(model(rows, training=True))
            return total
        def step(rows, optimizer):
            with tf.GradientTape() as tape:
                loss = losses(rows)
            optimizer.apply(tape.gradient(loss, model.trainable_variables))
        """,
    "dropout alone": """\
        class MCDropout(layers.Dropout):
            def call(self, rows, training=None):
                return super().call(rows, training=True)
        net = keras.Sequential([layers.BatchNormalization(), MCDropout(0.5)])
        print(np.std([net(x) for _ in range(9)], axis=0))
        """,
}


@pytest.mark.parametrize("source", QUIET_DRAWS.values(), ids=QUIET_DRAWS)
def test_draws_that_change_nothing(source):
    assert found(source) == []


def test_weights_made_by_a_call_in_training_mode_get_a_note():
    assert found("model(np.ones((2, 4)), training=True)") == [("KTM111", "note")]


BASE = """\
inputs = keras.Input((4,))
base = keras.Sequential([keras.Input((4,)), layers.Dense(4), layers.BatchNormalization()])
{before}
net = keras.Model(inputs, layers.Dense(1)(base(inputs, training=False)))
net.compile("adam", "mse")
{after}
net.fit(x, y)
"""
INERT = {
    "never frozen": ("", ""),
    "opened again": ("base.trainable = False", "net.fit(x, y)\nbase.trainable = True\nnet.compile('adam', 'mse')"),
    "opened before fit": ("base.trainable = False", "base.trainable = True"),
    "of keras.applications": ("base = keras.applications.ResNet50(include_top=False)", ""),
}


@pytest.mark.parametrize(("before", "after"), INERT.values(), ids=INERT)
def test_fit_ignores_a_flag_in_the_graph(before, after):
    assert found(BASE.format(before=before, after=after)) == [("KTM113", "note")]


FREEZE = "for each in base.layers:\n    if isinstance(each, layers.BatchNormalization):\n        each.trainable = False"
OBEYED = {
    "stays frozen": ("base.trainable = False", ""),
    "batch normalisation frozen": ("", FREEZE),
    "opened without it": ("base.trainable = False", f"base.trainable = True\n{FREEZE}\nnet.compile('adam', 'mse')"),
    "opened in vain": ("base.trainable = False", "net.fit(x, y)\nbase.trainable = True"),
    "partly frozen": (
        "base = keras.applications.ResNet50()",
        "for each in base.layers[:9]:\n    each.trainable = False",
    ),
    "frozen through a model of unknown content": (
        "def freeze(path):\n    whole = keras.models.load_model(path)\n    whole.trainable = False\nfreeze('m.keras')",
        "",
    ),
    "no batch normalisation": ("base = keras.applications.VGG16(include_top=False)", ""),
}


@pytest.mark.parametrize(("before", "after"), OBEYED.values(), ids=OBEYED)
def test_flags_in_the_graph_that_cost_nothing(before, after):
    assert found(BASE.format(before=before, after=after)) == []


@pytest.mark.parametrize("version", ["2", "3.16"])
def test_other_versions_obey_the_flag(version):
    assert found(BASE.format(before="", after=""), version) == []


def test_severities():
    assert {finding.severity for finding in report(BASE.format(before="", after=""), None)[1]} == {Severity.NOTE}
