"""Defaults of `call`, and layers that are made in it: what is found, what stays silent."""

import textwrap

import pytest

from dropout_lint import check_source
from dropout_lint.fixes import apply_edits
from dropout_lint.settings import Resolver

PRELUDE = textwrap.dedent(
    """\
    import functools
    import keras, numpy as np, tensorflow as tf
    from keras import layers

    x = np.zeros((3, 4))
    """
)


def report(source, select, version="3.15"):
    program = PRELUDE + textwrap.dedent(source)
    overrides = {"select": select} | ({"keras-version": version} if version else {})
    return program, check_source(program, "program.py", Resolver(isolated=True, overrides=overrides)).findings


def found(source, select, version="3.15"):
    """The text of the line of each finding in ``source``, which follows the prelude."""
    program, findings = report(source, select, version)
    lines = program.splitlines()
    return [lines[finding.span.start.line - 1].strip() for finding in findings]


DEFAULTS = {
    "layer": """\
        class Block(layers.Layer):
            def __init__(self):
                super().__init__()
                self.drop = layers.Dropout(0.5)
            def call(self, rows, training=True):
                return self.drop(rows, training=training)
        """,
    "model": """\
        class Net(keras.Model):
            def __init__(self):
                super().__init__()
                self.norm = layers.BatchNormalization()
            def call(self, rows, training=True):
                return self.norm(rows, training=training)
        """,
    "not forwarded": """\
        class Block(layers.Layer):
            def __init__(self):
                super().__init__()
                self.drop = layers.Dropout(0.5)
            def call(self, rows, training=True):
                return self.drop(rows)
        """,
    "integer": """\
        class Block(layers.Layer):
            def __init__(self):
                super().__init__()
                self.drop = layers.Dropout(0.5)
            def call(self, rows, *, training=1):
                return self.drop(rows, training=training)
        """,
    "constant": """\
        TRAIN = True
        class Block(layers.Layer):
            def __init__(self):
                super().__init__()
                self.drop = layers.Dropout(0.5)
            def call(self, rows, mask=None, training=TRAIN):
                return self.drop(rows, training=training)
        """,
    "list of layers": """\
        class Net(keras.Model):
            def __init__(self, depth):
                super().__init__()
                self.blocks = [layers.LSTM(4, dropout=0.2, return_sequences=True) for _ in range(depth)]
            def call(self, rows, training=True):
                for block in self.blocks:
                    rows = block(rows, training=training)
                return rows
        """,
    "nested layer": """\
        class Inner(layers.Layer):
            def __init__(self):
                super().__init__()
                self.drop = layers.Dropout(0.5)
            def call(self, rows, training=None):
                return self.drop(rows, training=training)
        class Outer(keras.Model):
            def __init__(self):
                super().__init__()
                self.inner = Inner()
            def call(self, rows, training=True):
                return self.inner(rows, training)
        """,
    "project base class": """\
        class Base(layers.Layer):
            def __init__(self):
                super().__init__()
                self.drop = layers.Dropout(0.5)
        class Block(Base):
            def call(self, rows, training=True):
                return self.drop(rows, training=training)
        """,
    "sequential": """\
        class Net(keras.Model):
            def __init__(self):
                super().__init__()
                self.body = keras.Sequential([layers.Dense(3), layers.SpatialDropout1D(0.5)])
            def call(self, rows, training=True):
                return self.body(rows, training=training)
        """,
    "function under the flag": """\
        class Block(layers.Layer):
            def call(self, rows, training=True):
                if training:
                    rows = tf.nn.dropout(rows, 0.3)
                return rows
        """,
    "rate by the flag": """\
        class Block(layers.Layer):
            def call(self, rows, training=True):
                return tf.nn.dropout(rows, rate=0.3 * tf.cast(training, tf.float32))
        """,
    "subclass of dropout": """\
        class Drop(layers.Dropout):
            def call(self, rows, training=True):
                return super().call(rows, training=training)
        """,
    "in a helper": """\
        class Block(layers.Layer):
            def __init__(self):
                super().__init__()
                self.drop = layers.Dropout(0.5)
            def body(self, rows, training):
                return self.drop(rows, training=training)
            def call(self, rows, training=True):
                return self.body(rows, training)
        """,
}


@pytest.mark.parametrize("version", ["2", "3.15", None])
@pytest.mark.parametrize("source", DEFAULTS.values(), ids=DEFAULTS)
def test_defaults_of_true_are_found(source, version):
    (line,) = found(source, ["KTM401"], version)
    assert line.startswith("def call(self")


def test_the_default_becomes_none():
    program, (finding,) = report(DEFAULTS["layer"], ["KTM401"])
    assert "def call(self, rows, training=None):" in apply_edits(program, list(finding.fix.edits))


@pytest.mark.parametrize(("version", "notes"), [("2", 0), ("3.15", 2), ("3.16", 0)])
def test_notes_say_what_it_does_to_others(version, notes):
    (finding,) = report(DEFAULTS["layer"], ["KTM401"], version)[1]
    assert len(finding.notes) == notes


@pytest.mark.parametrize(
    ("uses", "confidence"),
    [
        ("", "medium"),
        ("net = Net()\nnet.compile('adam', 'mse')\nnet.fit(x, x)", "medium"),
        ("net = Net()\nprint(net(x))", "high"),
        ("net = Net()\nnet(x, training=True)\nnet(x)", "high"),
        ("net = Net()\nnet(x, training=True)\nnet(x, training=False)", "low"),
        ("net = Net()\nfor mode in (True, False):\n    net(x, training=mode)", "low"),
        ("net = Net()\nnet(x, training=False)\nrows = keras.Input((4,))\nkeras.Model(rows, net(rows))", "medium"),
    ],
)
def test_who_calls_it_decides_how_sure_it_is(uses, confidence):
    source = textwrap.dedent(DEFAULTS["model"]) + uses + "\n"
    program = PRELUDE + source
    overrides = {"select": ["KTM401"], "keras-version": "3.15", "min-confidence": "low"}
    (finding,) = check_source(program, "program.py", Resolver(isolated=True, overrides=overrides)).findings
    assert finding.confidence.value == confidence


OTHER_DEFAULTS = {
    "None": DEFAULTS["layer"].replace("training=True", "training=None"),
    "False": DEFAULTS["layer"].replace("training=True", "training=False"),
    "required": DEFAULTS["layer"].replace("training=True", "training"),
    "nothing depends on the mode": """\
        class Block(layers.Layer):
            def __init__(self):
                super().__init__()
                self.dense = layers.Dense(3)
            def call(self, rows, training=True):
                return self.dense(rows)
        """,
    "zero rate": """\
        class Block(layers.Layer):
            def __init__(self):
                super().__init__()
                self.drop = layers.Dropout(0.0)
            def call(self, rows, training=True):
                return self.drop(rows, training=training)
        """,
    "unknown part": """\
        class Block(layers.Layer):
            def __init__(self, inner):
                super().__init__()
                self.inner = inner
            def call(self, rows, training=True):
                return self.inner(rows, training=training)
        """,
    "frozen part": """\
        class Block(layers.Layer):
            def __init__(self):
                super().__init__()
                self.norm = layers.BatchNormalization()
            def call(self, rows, training=True):
                return self.norm(rows, training=False)
        """,
    "augmentation": """\
        class Augment(layers.Layer):
            def __init__(self):
                super().__init__()
                self.flip = layers.RandomFlip("horizontal")
            def call(self, rows, training=True):
                return self.flip(rows, training=training)
        """,
    "own augmentation": """\
        class Jitter(layers.Layer):
            def call(self, rows, training=True):
                if training:
                    rows = tf.image.random_brightness(rows, 0.2)
                return rows
        """,
    "base of Keras's augmentation": """\
        class Flip(layers.RandomFlip):
            def __init__(self):
                super().__init__()
                self.drop = layers.Dropout(0.1)
            def call(self, rows, training=True):
                return self.drop(rows, training=training)
        """,
    "Monte Carlo": """\
        class MCDropout(layers.Dropout):
            def call(self, rows, training=True):
                return super().call(rows, training=training)
        """,
    "builder": """\
        def call(rows, training=True):
            return layers.Dropout(0.5)(rows, training=training)
        class Builder:
            def __init__(self):
                self.drop = layers.Dropout(0.5)
            def call(self, rows, training=True):
                return self.drop(rows, training=training)
        """,
    "another library": """\
        import flax.linen as nn
        class Block(nn.Module):
            def setup(self):
                self.drop = nn.Dropout(0.5)
            def call(self, rows, training=True):
                return self.drop(rows, deterministic=not training)
        """,
    "call operator": """\
        class Runner:
            def __init__(self):
                self.drop = layers.Dropout(0.5)
            def __call__(self, rows, training=True):
                return self.drop(rows, training=training)
        """,
    "other flag": """\
        class Block(layers.Layer):
            def __init__(self):
                super().__init__()
                self.drop = layers.Dropout(0.5)
            def call(self, rows, scale=True, training=None):
                return self.drop(rows, training=training)
        """,
}


@pytest.mark.parametrize("source", OTHER_DEFAULTS.values(), ids=OTHER_DEFAULTS)
def test_other_defaults_are_left_alone(source):
    assert found(source, ["KTM401"]) == []


def layer(body, before="", base="layers.Layer", init=""):
    own = f"    def __init__(self):\n        super().__init__()\n        {init}\n" if init else ""
    return f"{before}class Block({base}):\n{own}    def call(self, rows, training=None):\n{textwrap.indent(body, ' ' * 8)}\n"


CREATED = {
    "dense": layer("return layers.Dense(4)(rows)"),
    "batch normalisation": layer("return layers.BatchNormalization()(rows, training=training)"),
    "dropout": layer("return layers.Dropout(0.5)(rows, training=training)"),
    "model": layer("return layers.Dense(4)(rows)", base="keras.Model"),
    "kept in a variable": layer("dense = layers.Dense(4)\nreturn dense(rows)"),
    "kept on self without a test": layer("self.dense = layers.Dense(4)\nreturn self.dense(rows)"),
    "under a switch": layer(
        "if self.wide:\n    rows = layers.Dense(4)(rows)\nreturn rows", init="self.wide = functools.wraps"
    ),
    "under the mode": layer("if training:\n    rows = layers.Dropout(0.3)(rows, training=True)\nreturn rows"),
    "in a loop": layer("for units in (8, 4):\n    rows = layers.Dense(units)(rows)\nreturn rows"),
    "in a helper": layer(
        "return widened(rows)", before="def widened(rows):\n    return layers.Dense(8)(rows)\n"
    ),
    "in a method": layer("return self.widened(rows)\ndef widened(self, rows):\n    return layers.Dense(8)(rows)").replace(
        "        def widened(self, rows):\n            return", "    def widened(self, rows):\n        return"
    ),
    "project layer": layer(
        "return Inner()(rows, training=training)",
        before="class Inner(layers.Layer):\n    def __init__(self):\n        super().__init__()\n        self.dense = layers.Dense(2)\n"
        "    def call(self, rows):\n        return self.dense(rows)\n",
    ),
    "sequential": layer("return keras.Sequential([layers.Dense(2), layers.Dropout(0.1)])(rows)"),
    "chosen by a function": layer(
        "return tf.cond(training, lambda: layers.Dropout(0.5)(rows, training=True), lambda: rows)"
    ),
    "a graph is built, and it is called": """\
        class Net(keras.Model):
            def call(self, rows):
                return layers.Dense(3)(rows)
            def graph(self):
                inputs = keras.Input((4,))
                return keras.Model(inputs, self.call(inputs))
        Net().graph()
        Net()(x)
        """,
    "under a rate that is zero by default": """\
        class Base(layers.Layer):
            def call(self, rows, training=None):
                return self.passed_on(rows, training=training)
            def passed_on(self, rows, **options):
                return self.message(rows, **options)
        class Block(Base):
            def __init__(self, rate: float = 0.0, kind="mean"):
                super().__init__()
                self.rate, self.kind = rate, kind
            def message(self, rows, **options):
                training = options.get("training")
                if self.kind == "pooled" and self.rate > 0 and training:
                    rows = layers.Dropout(self.rate)(rows, training=True)
                return rows
        """,
    "of a rate that is zero by default": """\
        class Block(layers.Layer):
            def __init__(self, rate=0.0):
                super().__init__()
                self.rate = rate
            def call(self, rows):
                return layers.Dropout(self.rate)(rows)
        """,
    "wrapped": layer("return layers.Bidirectional(layers.LSTM(3))(rows)"),
    "partial": layer("return dense(4)(rows)", before="dense = functools.partial(layers.Dense, activation='relu')\n"),
}  # fmt: skip


@pytest.mark.parametrize("source", CREATED.values(), ids=CREATED)
def test_layers_that_are_made_in_call_are_found(source):
    assert len(found(source, ["KTM406"])) == 1


CREATED_ELSEWHERE = {
    "kept by another object": """\
        class Cache:
            def __init__(self):
                self.made = {}
            def dense(self, name):
                if name not in self.made:
                    self.made[name] = layers.Dense(4)
                return self.made[name]
        cache = Cache()
        class Block(layers.Layer):
            def call(self, rows):
                return cache.dense("first")(rows)
        """,
    "made by somebody who keeps it": """\
        class Block(keras.Model):
            def built(self):
                return layers.Dense(3)
            def call(self, rows):
                return tf.compat.v1.keras.utils.get_or_create_layer("dense", self.built)(rows)
        """,
    "a graph is built out of it": """\
        class Net(keras.Model):
            def call(self, rows):
                return layers.Dense(3)(rows)
            def graph(self):
                inputs = keras.Input((4,))
                return keras.Model(inputs, self.call(inputs))
        net = Net().graph()
        net.compile("adam", "mse")
        net.fit(x, x)
        """,
    "constructor": layer("return self.dense(rows)", init="self.dense = layers.Dense(3)"),
    "build": """\
        class Block(layers.Layer):
            def build(self, shape):
                self.dense = layers.Dense(shape[-1])
            def call(self, rows):
                return self.dense(rows)
        """,
    "no weights and no mode": layer("return layers.ReLU()(layers.Flatten()(layers.Add()([rows, rows])))"),
    "zero rate": layer("return layers.Dropout(0.0)(rows)"),
    "a rate that is zero wherever it is made": """\
        class Block(layers.Layer):
            def __init__(self, rate=0.0):
                super().__init__()
                self.rate = rate
            def call(self, rows):
                if self.rate > 0:
                    rows = layers.Dropout(self.rate)(rows)
                return rows
        Block()(x)
        """,
    "the same without a test": """\
        class Block(layers.Layer):
            def __init__(self, rate=0.0):
                super().__init__()
                self.rate = rate
            def call(self, rows):
                return layers.Dropout(self.rate)(rows)
        Block()(x)
        """,
    "a switch that is off by default": """\
        class Block(layers.Layer):
            def __init__(self, rate=0.0):
                super().__init__()
                self.rate, self.old = rate, False
            def call(self, rows):
                if self.old and self.rate > 0:
                    rows = layers.Dropout(self.rate)(rows)
                return rows
        """,
    "kept under a test": layer(
        "if self.dense is None:\n    self.dense = layers.Dense(4)\nreturn self.dense(rows)", init="self.dense = None"
    ),
    "kept unless it exists": layer(
        "if not hasattr(self, 'dense'):\n    self.dense = layers.Dense(4)\nreturn self.dense(rows)"
    ),
    "kept in a dictionary": layer(
        "if 4 not in self.made:\n    self.made[4] = layers.Dense(4)\nreturn self.made[4](rows)", init="self.made = {}"
    ),
    "built on demand": layer(
        "if not self.built:\n    self.build(rows.shape)\nreturn self.dense(rows)\n"
    )
    + "    def build(self, shape):\n        self.dense = layers.Dense(3)\n",
    "cached helper": layer(
        "return dense(4)(rows)", before="@functools.lru_cache\ndef dense(units):\n    return layers.Dense(units)\n"
    ),
    "builder": """\
        class Builder:
            def __init__(self, units):
                self.units = units
            def __call__(self, rows):
                return layers.Dense(self.units)(rows)
            def call(self, rows):
                return layers.Dropout(0.5)(rows)
        inputs = keras.Input((4,))
        keras.Model(inputs, Builder(3)(inputs))
        """,
    "flax": """\
        import flax.linen as nn
        class Block(nn.Module):
            @nn.compact
            def __call__(self, rows, training=False):
                return nn.Dropout(0.5)(nn.Dense(3)(rows), deterministic=not training)
        """,
    "haiku": """\
        import haiku as hk
        class Block(hk.Module):
            def __call__(self, rows):
                return hk.Linear(3)(rows)
        """,
    "loss": """\
        class Loss(keras.losses.Loss):
            def call(self, y_true, y_pred):
                return keras.losses.MeanSquaredError()(y_true, y_pred)
        """,
    "functional builder": "def body(rows):\n    return layers.Dropout(0.5)(layers.Dense(4)(rows))\nbody(keras.Input((4,)))",
    "of a class nobody knows": "from somewhere import Base\nclass Block(Base):\n    def call(self, rows):\n        return layers.Dense(3)(rows)",
}  # fmt: skip


@pytest.mark.parametrize("source", CREATED_ELSEWHERE.values(), ids=CREATED_ELSEWHERE)
def test_layers_that_are_made_elsewhere_are_left_alone(source):
    assert found(source, ["KTM406"]) == []


@pytest.mark.parametrize(("version", "severities"), [("2", []), ("3.15", ["error"]), (None, ["note"])])
def test_dropout_has_a_state_on_keras_3_only(version, severities):
    findings = report(CREATED["dropout"], ["KTM406"], version)[1]
    assert [finding.severity.value for finding in findings] == severities


@pytest.mark.parametrize(
    ("guard", "told"),
    [
        ("training and self.rate > 0", "fit() or predict() raises ValueError"),
        ("self.rate > 0", "fit() and predict() raise ValueError"),
    ],
)
def test_a_layer_that_is_made_in_one_mode_fails_in_that_mode(guard, told):
    source = f"""\
        class Net(keras.Model):
            def __init__(self, rate):
                super().__init__()
                self.rate = rate
            def call(self, x, training=None):
                if {guard}:
                    x = layers.Dropout(self.rate)(x, training=training)
                return x
        """
    (finding,) = report(source, ["KTM406"])[1]
    assert finding.message.endswith(f"on Keras 3.15 {told}")


def test_a_class_taken_for_a_layer_is_said_once():
    source = """\
        class Norms(keras.Model):
            def __init__(self):
                super().__init__()
                self.norms = []
                for _ in range(2):
                    self.norms.append(layers.BatchNormalization)
            def call(self, rows, training=None):
                for norm in self.norms:
                    rows = norm(rows, training=training)
                return rows
        """
    assert [each.code for each in report(source, ["KTM108", "KTM406"])[1]] == ["KTM108"]
    assert [each.code for each in report(source, ["KTM406"])[1]] == ["KTM406"]
