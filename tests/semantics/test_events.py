"""How often a program's events and objects are gone through does not depend on how many: rules find them by a key."""

from __future__ import annotations

import pytest

from dropout_lint import check_source
from dropout_lint.semantics import interpreter
from dropout_lint.settings import Resolver

HEAD = """\
import keras
import numpy as np
import tensorflow as tf

optimizer = keras.optimizers.Adam()
x = tf.random.normal((4, 4))
net = keras.Sequential([keras.layers.Dense(4), keras.layers.BatchNormalization(), keras.layers.Dropout(0.5)])
net.compile("sgd", "mse")
net.fit(x, x)
"""
LAYER = "keras.layers.Dropout(0.5)"
STEP = """\
with tf.GradientTape() as tape:
    loss = tf.reduce_mean({model}(x{flag}) - x)
optimizer.apply_gradients(zip(tape.gradient(loss, {model}.trainable_variables), {model}.trainable_variables))
"""
CLASS = """\
class Net{n}(keras.Model):
    def __init__(self):
        super().__init__()
        self.drop = keras.layers.Dropout(0.5)
        self.norm = keras.layers.BatchNormalization()
        self.rate = 0.3

    def {call}:
        x = self.norm(tf.nn.dropout(x, self.rate), training=False)
        return self.drop(x, training={flag})


net{n} = Net{n}()
net{n}.compile("sgd", "mse")
net{n}.fit(x, x)
print(net{n}(x), net{n}.predict(x))
"""
PROGRAMS = {
    "calls": "print(np.std(net(x, training=True)), net(x, training=False), net(x))\n",
    "draws": "print(np.stack([net(x, training=True) for _ in range(9)]).mean(0))\n",
    "toggles": "net.trainable = False\nnet.layers[1].trainable = True\nnet.layers.trainable = False\nnet.fit(x, x)\n",
    "given": f"frozen = False\nnet.add({LAYER[:-1]}, trainable=frozen))\nnet.add(keras.layers.Dense(3))\n",
    "graphs": (
        f"i{{n}} = keras.Input((4,))\nm{{n}} = keras.Model(i{{n}}, {LAYER}(i{{n}}, training=True))\n"
        "m{n}.fit(x, x)\nm{n}.predict(x)\n"
    ),
    "builders": f"def build{{n}}(i):\n    return {LAYER}(i, training=True)\n\n\nbuild{{n}}(keras.Input((4,)))\n",
    "nested": (
        "m{n} = keras.Sequential([net, keras.layers.BatchNormalization()])\nfor layer in m{n}.layers:\n"
        "    if isinstance(layer, keras.layers.BatchNormalization):\n        layer.trainable = False\n"
    ),
    "steps": STEP.format(model="net", flag="") + STEP.format(model="net", flag=", training=False"),
    "functions": (
        "def step{n}(model, training=False):\n"
        + "".join(f"    {line}\n" for line in STEP.format(model="model", flag=", training=training").splitlines())
        + "\n\nstep{n}(net)\n"
    ),
    "teachers": f"t{{n}} = keras.Sequential([{LAYER}])\n" + STEP.format(model="net", flag=" + t{n}(x, training=True)"),
    "misnamed": CLASS.format(n="{n}", call="call(self, x, is_training=False)", flag="is_training"),
    "told": CLASS.format(n="{n}", call="call(self, x, training=True)", flag="training"),
    "deaf": CLASS.format(n="{n}", call="call(self, x)", flag="True"),
    "operator": CLASS.format(n="{n}", call="__call__(self, x, training=False)", flag="training"),
    "phases": "keras.backend.set_learning_phase(1)\nprint(net(x), net.predict(x))\n",
    "exports": (
        "m{n} = keras.Sequential([keras.layers.RandomFlip()])\ndef serve{n}(x):\n    return m{n}(x)\n"
        "keras.export.ExportArchive().add_endpoint('serve', serve{n})\n"
    ),
    "inert": (
        "i{n} = keras.Input((4,))\nm{n} = keras.Model(i{n}, net(i{n}, training=False))\n"
        "net.trainable = False\nm{n}.compile('sgd', 'mse')\nm{n}.fit(x, x)\n"
    ),
    "discarded": f"def build{{n}}():\n    h = keras.Input((4,))\n    a = {LAYER}(h)\n    return h\nbuild{{n}}()\n",
}


class Events(list):
    """Events, or objects, that know how often they have been gone through."""

    looks = 0

    def __iter__(self):
        self.looks += 1
        return super().__iter__()

    def __getitem__(self, key):
        self.looks += isinstance(key, slice) and len(self) > 9 and len(range(len(self))[key]) > 9
        return super().__getitem__(key)


def looks(program, monkeypatch):
    """How often all rules together go through the events, the objects, and the moments of a program."""
    found = []
    real = interpreter.interpret

    def interpret(*arguments):
        interpretation = real(*arguments)
        interpretation.events = Events(interpretation.events)
        interpretation.instances = Events(interpretation.instances)
        interpretation._timeline = Events(interpretation.timeline)
        found.append(interpretation)
        return interpretation

    with monkeypatch.context() as counting:
        counting.setattr(interpreter, "interpret", interpret)
        check_source(program, "program.py", Resolver(isolated=True, overrides={"min-confidence": "low"}))
    assert len(found) == 1
    return found[0].events.looks, found[0].instances.looks, found[0].timeline.looks


@pytest.mark.parametrize("name", PROGRAMS)
def test_events_are_gone_through_as_often_in_a_long_program(name, monkeypatch):
    few, many = (
        looks(HEAD + "".join(PROGRAMS[name].replace("{n}", str(number)) for number in range(times)), monkeypatch)
        for times in (3, 12)
    )

    assert many == few
