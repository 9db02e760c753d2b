"""KTM211: `trainable` on what is neither a layer nor a model."""

import textwrap

import pytest

from dropout_lint import check_source
from dropout_lint.settings import Resolver

PRELUDE = textwrap.dedent(
    """\
    import keras, numpy as np, helpers
    from keras import layers

    inputs = keras.Input((4,))
    hidden = layers.Dense(8)
    model = keras.Sequential([layers.Dense(8), layers.Dense(2)])
    """
)


def found(source, version="3.15", notes=False):
    """The lines that KTM211 finds in ``source``, which follows the prelude."""
    program = PRELUDE + textwrap.dedent(source)
    overrides = {"select": ["KTM211"]} | ({"keras-version": version} if version else {})
    report = check_source(program, "program.py", Resolver(isolated=True, overrides=overrides))
    lines = program.splitlines()
    return [
        lines[finding.span.start.line - 1].strip()
        for finding in report.findings
        if notes or finding.severity.value != "note"
    ]


WRAPPED = """\
class Net(keras.Model):
    def __init__(self):
        super().__init__()
        self.blocks = [layers.Dense(8), layers.Dense(2)]
        self.pair = (layers.Dense(8), layers.Dense(2))
    def call(self, x):
        return self.blocks[1](self.blocks[0](x))
net = Net()
"""

FOUND = {
    "a tensor": "x = hidden(inputs)\nx.trainable = False",
    "a tensor, where the layer was meant": "x = layers.Dense(8, name='a')(inputs)\nx.trainable = True",
    "a tensor made in a loop": "x = inputs\nfor _ in range(3):\n    x = layers.Dense(8)(x)\nx.trainable = False",
    "an input": "inputs.trainable = False",
    "the output of a model": "model.output.trainable = False",
    "a tensor in a builder": """\
        def build(size):
            i = keras.Input((size,))
            embedded = layers.Embedding(10, 4)(i)
            embedded.trainable = False
            return keras.Model(i, layers.Flatten()(embedded))
        """,
    "the list of layers": "model.layers.trainable = False",
    "a slice of the layers": "model.layers[:-1].trainable = False",
    "the layers of a ready-made model": "keras.applications.VGG16().layers.trainable = False",
    "a slice of those of a ready-made model": "keras.applications.VGG16().layers[:-4].trainable = False",
    "a list of its own": "frozen = [layer for layer in model.layers]\nfrozen.trainable = False",
    "by setattr": "setattr(model.layers, 'trainable', False)",
    "a plain object round a model": """\
        class Classifier:
            def __init__(self, net):
                self.net = net
            def predict(self, x):
                return self.net.predict(x)
        classifier = Classifier(model)
        classifier.trainable = False
        """,
    "a list that is an attribute of a model, on Keras 3": WRAPPED + "net.blocks.trainable = False",
    "a tuple that is an attribute of a model": WRAPPED + "net.pair.trainable = False",
}


@pytest.mark.parametrize("source", FOUND.values(), ids=FOUND.keys())
def test_flags_on_what_is_no_layer_are_found(source):
    assert len(found(source)) == 1


LEFT_ALONE = {
    "a layer": "hidden.trainable = False",
    "a model": "model.trainable = False",
    "a layer of the list": "model.layers[0].trainable = False",
    "each of the layers": "for layer in model.layers[:-1]:\n    layer.trainable = False",
    "each of those of a ready-made model": (
        "for layer in keras.applications.VGG16().layers[2:-4]:\n    layer.trainable = False"
    ),
    "one of a slice of a ready-made model": "keras.applications.VGG16().layers[:-4][2].trainable = False",
    "a variable": "hidden(inputs)\nhidden.kernel.trainable = False",
    "a parameter": "def freeze(net):\n    net.trainable = False",
    "something unknown": "helpers.NET.trainable = False",
    "what an unknown function makes of a tensor": "encoder = helpers.encoder(inputs)\nencoder.trainable = False",
    "what an unknown class makes of a tensor": "base = helpers.Net(input_tensor=inputs)\nbase.trainable = False",
    "a model that a function returns": """\
        def encoder(tensor):
            return keras.Model(tensor, hidden(tensor))
        encoder(inputs).trainable = False
        """,
    "a layer or a tensor": "x = hidden if helpers.FLAG else hidden(inputs)\nx.trainable = False",
    "a class that defines it": """\
        class Classifier:
            trainable = True
            def __init__(self, net):
                self.net = net
        Classifier(model).trainable = False
        """,
    "a class with a property": """\
        class Classifier:
            def __init__(self, net):
                self.net = net
            @property
            def trainable(self):
                return self.net.trainable
            @trainable.setter
            def trainable(self, value):
                self.net.trainable = value
        Classifier(model).trainable = False
        """,
    "a class that sets it itself": """\
        class Classifier:
            def __init__(self, net):
                self.net, self.trainable = net, True
        Classifier(model).trainable = False
        """,
    "a class that reads it": """\
        class Classifier:
            def __init__(self, net):
                self.net = net
            def weights(self):
                return self.net.trainable_weights if self.trainable else []
        classifier = Classifier(model)
        classifier.trainable = False
        """,
    "a class that hands attributes on": """\
        class Classifier:
            def __init__(self, net):
                self.__dict__["net"] = net
                self.other = net
            def __setattr__(self, name, value):
                setattr(self.net, name, value)
        Classifier(model).trainable = False
        """,
    "a class with an unknown base": """\
        class Classifier(helpers.Base):
            def __init__(self, net):
                self.net = net
        Classifier(model).trainable = False
        """,
    "an object that holds no model": """\
        class Options:
            def __init__(self):
                self.rate = 0.1
        options = Options()
        options.trainable = False
        """,
    "an estimator of another library": """\
        import sklearn.linear_model
        estimator = sklearn.linear_model.Ridge()
        estimator.trainable = False
        """,
}


@pytest.mark.parametrize("source", LEFT_ALONE.values(), ids=LEFT_ALONE.keys())
def test_flags_that_mean_something_are_left_alone(source):
    assert found(source, notes=True) == []


def test_a_wrapped_list_hands_the_flag_on_on_keras_2():
    on_list, on_tuple = WRAPPED + "net.blocks.trainable = False", WRAPPED + "net.pair.trainable = False"
    assert found(on_list, "2", notes=True) == []
    assert found(on_list, None) == []
    assert found(on_list, None, notes=True) == ["net.blocks.trainable = False"]
    assert found(on_tuple, "2") == ["net.pair.trainable = False"]
