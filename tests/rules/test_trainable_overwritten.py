"""KTM204: of several toggles that one undoes, the first is told, each time."""

from __future__ import annotations

import pytest

from dropout_lint.engine import check_source
from dropout_lint.settings import Resolver

UNDOES_FOUR = """\
import keras
one, two, three, four, five = (keras.layers.Dense(3), keras.layers.Dense(3), keras.layers.Dense(3),
    keras.layers.Dense(3), keras.layers.Dense(3))
base = keras.Sequential([one, two, three, four, five])
one.trainable = False
two.trainable = False
three.trainable = False
four.trainable = False
base.trainable = True
base.compile("adam", "mse")
base.fit(x, y)
"""


def test_the_first_of_several_contradictions_is_told_each_time():
    resolver = Resolver(isolated=True, overrides={"keras-version": "2.15"})
    # which of a set comes first depends on where its elements lie in memory: several programs lie in several places
    told = [
        [
            (finding.code, step.line)
            for finding in check_source(UNDOES_FOUR, resolver=resolver).findings
            for step in finding.chain
        ]
        for _ in range(8)
    ]

    assert told == [[("KTM204", 5)]] * 8


PRELUDE = """\
import keras, tensorflow as tf
from keras import layers
base = keras.Sequential([layers.Dense(3), layers.Dense(3)])
optimizer = keras.optimizers.Adam()
"""
HEAD = """\
inputs = keras.Input((3,))
model = keras.Model(inputs, layers.Dense(1)(base(inputs)))
model.compile("adam", "mse")
model.fit(x, y)
"""
STEP = """\
with tf.GradientTape() as tape:
    loss = tf.reduce_mean(base(x, training=True))
optimizer.apply_gradients(zip(tape.gradient(loss, {of}.trainable_variables), {of}.trainable_variables))
"""


@pytest.mark.parametrize(
    ("between", "codes"),
    [
        pytest.param("", ["KTM204"], id="for nothing"),
        pytest.param(STEP.format(of="base"), [], id="a step of its own"),
        pytest.param(STEP.format(of="somebody"), [], id="a step of what is not known"),
        pytest.param(STEP.format(of="layers.Dense(2)"), ["KTM204"], id="a step of something else"),
    ],
)
def test_a_step_of_the_programs_own_uses_what_was_set(between, codes):
    chosen = "base.layers[0].trainable = False\n" + between + "base.trainable = True\n"
    program = PRELUDE + chosen + "base.compile('adam', 'mse')\nbase.fit(x, y)\n"
    settings = {"keras-version": "2.15", "select": ["KTM204"]}
    report = check_source(program, resolver=Resolver(isolated=True, overrides=settings))
    assert [finding.code for finding in report.findings] == codes


def test_a_layer_by_its_position_may_be_the_frozen_model_itself():
    again = "model.layers[1].trainable = True\nmodel.compile('adam', 'mse')\nmodel.fit(x, y)\n"
    program = PRELUDE + "base.trainable = False\n" + HEAD + again
    report = check_source(program, resolver=Resolver(isolated=True, overrides={"keras-version": "2.15"}))
    assert report.findings == ()
