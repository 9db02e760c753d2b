"""The mutants of ``python -m benchmarks.mutants``: made where they change something, told apart by how they fare."""

from collections import Counter

from benchmarks.mutants.__main__ import findings, mutants, outcome
from benchmarks.mutants.program import Program

LAYER = """
import keras
from keras import layers


class Net(keras.Model):
    def __init__(self):
        super().__init__()
        self.hidden, self.drop = layers.Dense(8), layers.{layer}

    def call(self, x, training=None):
        return self.drop(self.hidden(x), training=training)


model = Net()
model.compile("adam", "mse")
model.fit(x, y)
print(model.predict(x))
"""


def made(text):
    return [mutant for mutant, _ in mutants(Program(text))]


def test_flags_are_mutated_where_a_layer_depends_on_them():
    flags = {
        "KTM103",
        "KTM104",
        "KTM106",
        "KTM107",
        "KTM109",
        "KTM110",
        "KTM209",
        "KTM401",
        "KTM402",
        "KTM403",
        "KTM408",
    }
    assert flags <= {mutant.codes[0] for mutant in made(LAYER.format(layer="Dropout(0.3)"))}
    assert not flags & {mutant.codes[0] for mutant in made(LAYER.format(layer="LayerNormalization()"))}


def test_what_keras_2_takes_is_no_mutant_there():
    of_keras_3 = {"KTM109", "KTM110", "KTM302", "KTM305", "KTM403", "KTM405"}
    text = LAYER.format(layer="Dropout(0.3)").replace("keras", "tf_keras")
    assert not of_keras_3 & {mutant.codes[0] for mutant in made(text)}


def test_a_program_that_means_to_be_random_is_not_made_so():
    text = (
        LAYER.format(layer="Dropout(0.3)")
        .replace("class Net", "class MonteCarloNet")
        .replace("Net()", "MonteCarloNet()")
    )
    assert not {"KTM101", "KTM103"} & {mutant.codes[0] for mutant in made(text)}


SMALL = """
import keras

model = keras.Sequential([keras.Input((4,)), keras.layers.Dropout(0.3), keras.layers.Dense(1)])
model.compile("adam", "mse")
model.fit(x, y)
print((model.predict(x) > 0.5).mean())
"""


def test_every_mutant_of_a_small_program_is_told_of():
    before = findings(SMALL)
    told = Counter(outcome(mutant, findings(text) - before) for mutant, text in mutants(Program(SMALL)))
    assert set(told) == {"rule", "note"}
