"""KTM407 and KTM408: layers whose output goes nowhere, and layers that are run past Keras."""

import textwrap

import pytest

from dropout_lint import check_source
from dropout_lint.settings import Resolver

PRELUDE = textwrap.dedent(
    """\
    import keras, numpy as np, tensorflow as tf
    from keras import layers

    class Parts(keras.Model):
        def __init__(self):
            super().__init__()
            self.dense, self.drop, self.norm = layers.Dense(4), layers.Dropout(0.5), layers.BatchNormalization()
            self.tail = keras.Sequential([layers.Dropout(0.5)])

    inputs = keras.Input((4,))
    """
)


def found(source, code, **overrides):
    program = PRELUDE + textwrap.dedent(source)
    resolver = Resolver(isolated=True, overrides={"keras-version": "3.15", "select": [code], **overrides})
    lines = program.splitlines()
    return [
        lines[finding.span.start.line - 1].strip() for finding in check_source(program, "program.py", resolver).findings
    ]


def build(body):
    return "def build(inputs):\n" + textwrap.indent(textwrap.dedent(body).strip(), "    ") + "\nbuild(inputs)\n"


def call(body, more=""):
    text = "def call(self, x, training=None):\n" + textwrap.indent(textwrap.dedent(body).strip(), "    ")
    return "class Net(Parts):\n" + textwrap.indent(text + "\n" + textwrap.dedent(more).strip(), "    ") + "\n"


# KTM407 ------------------------------------------------------------------------------------------------------

DISCARDED = {
    "statement": "layers.Dropout(0.5)(inputs)",
    "statement in a function": build("layers.GaussianNoise(0.5)(inputs)\nreturn layers.Dense(1)(inputs)"),
    "stored layer": build("drop = layers.Dropout(0.1)\nx = layers.Dense(3)(inputs)\ndrop(x)\nreturn x"),
    "made inline with weights": build("layers.BatchNormalization()(inputs)\nreturn layers.Dense(1)(inputs)"),
    "not applied": build("x = layers.Dense(3)(inputs)\nlayers.Dropout(0.5)\nreturn layers.Dense(1)(x)"),
    "name nobody reads": build("x = layers.Dense(3)(inputs)\ny = layers.Dropout(0.5)(x)\nreturn layers.Dense(1)(x)"),
    "layer nobody calls": build("x = layers.Dense(3)(inputs)\ndrop = layers.Dropout(0.5)\nreturn layers.Dense(1)(x)"),
    "forgotten add": "m = keras.Sequential()\nm.add(layers.Dense(1))\nlayers.Dropout(0.5)\n",
    "forgotten attribute": """\
        class Net(keras.Model):
            def __init__(self):
                super().__init__()
                self.dense = layers.Dense(3)
                layers.Dropout(0.5)
        """,
    "in call": call("x = self.dense(x)\nself.drop(x)\nreturn x"),
    "in call, under a name": call("x = self.dense(x)\ny = self.drop(x, training=training)\nreturn x"),
}


@pytest.mark.parametrize("source", DISCARDED.values(), ids=DISCARDED)
def test_a_layer_that_gives_its_output_to_nobody_is_found(source):
    assert len(found(source, "KTM407")) == 1


USED = {
    "assigned": build("x = layers.Dropout(0.5)(inputs)\nreturn x"),
    "returned": build("return layers.Dropout(0.5)(inputs)"),
    "add": "m = keras.Sequential()\nm.add(layers.Dropout(0.5))\n",
    "list": build("found = []\nfound.append(layers.Dropout(0.5))\nreturn found[0](layers.Dense(1)(inputs))"),
    "closure": build("d = layers.Dropout(0.5)\ndef f(x):\n    return d(x)\nx = layers.Dense(1)(inputs)\nreturn f(x)"),
    "nested name": build("x, y = layers.Dropout(0.5)(inputs), 1\nreturn x"),
    "unused on purpose": build("x = layers.Dense(1)(inputs)\n_ = layers.Dropout(0.5)(x)\nreturn x"),
    "all locals": build("x = layers.Dense(1)(inputs)\ny = layers.Dropout(0.5)(x)\nreturn locals()"),
    "no model in sight": "layers.Dropout(0.5)",
    "eager": "drop = layers.Dropout(0.5)\ndrop(np.ones((2, 2)))",
    "builds weights": build("norm = layers.BatchNormalization()\nnorm(inputs)\nreturn norm.weights"),
    "model": build("net = keras.Sequential([layers.Dropout(0.5)])\nnet(inputs)\nreturn net"),
    "no mode": build("layers.Dense(1)(inputs)\nreturn layers.Dense(2)(inputs)"),
    "own layer": """\
        class Recorder(layers.Dropout):
            def call(self, x, training=None):
                self.add_loss(tf.reduce_sum(x))
                return x
        Recorder(0.5)(inputs)
        """,
    "other library": "import torch.nn as nn\nnn.Dropout(0.5)\n",
    "unit test": """\
        class LayerTest(tf.test.TestCase):
            def test_symbolic(self):
                x = layers.Dense(1)(keras.Input((3,)))
                layers.Dropout(0.5)(x)
        """,
}


@pytest.mark.parametrize("source", USED.values(), ids=USED)
def test_statements_that_do_something_and_names_that_are_read_are_left_alone(source):
    assert found(source, "KTM407") == []


# KTM408 ------------------------------------------------------------------------------------------------------

BYPASSED = {
    "dropout": call("return self.drop.call(self.dense(x))"),
    "statistics": call("return self.norm.call(x)"),
    "in a method": call("return self.head(x)", more="def head(self, x):\n    return self.drop.call(x)"),
    "in a loop": call("for layer in [self.drop]:\n    x = layer.call(x)\nreturn x"),
    "own __call__, on": "class Net(Parts):\n    def __call__(self, x, training=True):\n"
    "        return self.drop(x, training=training)\n",
    "own __call__, fitted": "class Net(Parts):\n    def __call__(self, x, training=False):\n"
    "        return self.drop(x, training=training)\nnet = Net()\nnet.compile('adam')\nnet.fit(np.zeros((2, 4)))\n",
    "own __call__ of a layer": """\
        class Gate(layers.Layer):
            def __init__(self):
                super().__init__()
                self.drop = layers.Dropout(0.5)
            def __call__(self, x, train=False):
                return self.drop(x, training=train)
        class Net(keras.Model):
            def __init__(self):
                super().__init__()
                self.gate = Gate()
            def call(self, x, training=None):
                return self.gate(x)
        """,
}


@pytest.mark.parametrize("source", BYPASSED.values(), ids=BYPASSED)
def test_a_layer_that_is_run_past_keras_is_found(source):
    assert len(found(source, "KTM408")) == 1


HANDED_ON = {
    "with the flag": call("return self.drop.call(x, training=training)"),
    "with a literal flag": call("return self.drop.call(x, training=False)"),
    "__call__ itself": call("return self.drop.__call__(x)"),
    "nothing to tell": call("return self.dense.call(x)"),
    "whole model": call("return self.tail.call(x)"),
    "super": "class Own(layers.Dropout):\n    def call(self, x):\n        return super().call(x)\n",
    "outside any call": "drop = layers.Dropout(0.5)\nprint(drop.call(np.ones((2, 2))))\n",
    "own __call__ that ends in Keras's": "class Net(Parts):\n    def __call__(self, x, training=True):\n"
    "        return super().__call__(x, training=training)\n",
    "own __call__ without Keras": "class Net:\n    def __init__(self):\n        self.drop = layers.Dropout(0.5)\n"
    "    def __call__(self, x, training=True):\n        return self.drop(x, training=training)\n",
    "own __call__, flag passed": """\
        class Gate(layers.Layer):
            def __init__(self):
                super().__init__()
                self.drop = layers.Dropout(0.5)
            def __call__(self, x, train=False):
                return self.drop(x, training=train)
        class Net(keras.Model):
            def __init__(self):
                super().__init__()
                self.gate = Gate()
            def call(self, x, training=None):
                return self.gate(x, train=training)
        """,
    "own __call__, another switch": "class Net(Parts):\n    def __call__(self, x, verbose=True):\n"
    "        return self.drop(x)\n",
    "own __call__, in a loop": "class Net(Parts):\n    def __call__(self, x, training=False):\n"
    "        return self.drop(x, training=training)\nprint(Net()(np.ones((2, 2)), training=True))\n",
}


@pytest.mark.parametrize("source", HANDED_ON.values(), ids=HANDED_ON)
def test_calls_that_say_the_mode_are_left_alone(source):
    assert found(source, "KTM408") == []


@pytest.mark.parametrize(("head", "count"), [("", 0), ("import keras\n", 1)], ids=["notes", "a program"])
def test_lines_that_were_noted_down_are_no_program(head, count):
    program = head + "model = keras.Sequential([keras.layers.Dense(2)])\nkeras.layers.Dropout(0.2)\n"
    resolver = Resolver(isolated=True, overrides={"keras-version": "3.15"})
    assert len(check_source(program, "program.py", resolver).findings) == count
