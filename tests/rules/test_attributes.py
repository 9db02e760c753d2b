"""Attributes and methods that are not what they look like: what is found, what stays silent."""

import textwrap

import pytest

from dropout_lint import check_source
from dropout_lint.findings import Severity
from dropout_lint.fixes import apply_edits
from dropout_lint.semantics.spelling import is_misspelt
from dropout_lint.settings import Resolver

PRELUDE = textwrap.dedent(
    """\
    import argparse, configparser, os
    import keras, numpy as np, tensorflow as tf, elsewhere
    from keras import layers

    model = keras.Sequential([keras.Input((4,)), layers.Dense(8), layers.Dropout(0.5), layers.BatchNormalization()])
    base = keras.applications.MobileNetV2(include_top=False)
    x, y = np.zeros((3, 4)), np.zeros(3)
    """
)
RULES = ["KTM206", "KTM207", "KTM209", "KTM303", "KTM304"]


def report(source, version="3.15", select=RULES):
    program = PRELUDE + textwrap.dedent(source)
    overrides = {"select": select} | ({"keras-version": version} if version else {})
    return program, check_source(program, "program.py", Resolver(isolated=True, overrides=overrides)).findings


def found(source, version="3.15", select=RULES):
    """The codes of the findings in ``source``, which follows the prelude."""
    return [finding.code for finding in report(source, version, select)[1]]


FOUND = {
    # KTM206
    "a comparison in a loop": ("KTM206", "for layer in base.layers:\n    layer.trainable == False"),
    "a comparison with `is`": ("KTM206", "model.trainable is False"),
    "a comparison of a slice's layers": ("KTM206", "for layer in base.layers[:-4]:\n    layer.trainable == False"),
    "a comparison in a function of its own": ("KTM206", "def freeze(network):\n    network.trainable == False"),
    "a misspelt layer": ("KTM206", "model.layers[0].trainble = False"),
    "a misspelt layer by name": ("KTM206", 'base.get_layer("block_1").Trainable = False'),
    "misspelt by setattr": ("KTM206", 'setattr(model, "trianable", False)'),
    "misspelt in a comprehension's helper": (
        "KTM206",
        "def freeze(layer):\n    layer.tranable = False\n[freeze(layer) for layer in base.layers]",
    ),
    "misspelt by a class of the project": (
        "KTM206",
        """\
        class Encoder(keras.Model):
            def freeze(self):
                self.is_trainable = False
        """,
    ),
    # KTM207
    "a text": ("KTM207", 'base.trainable = "False"'),
    "a text through a function": ("KTM207", 'def freeze(net, flag):\n    net.trainable = flag\nfreeze(base, "no")'),
    "the environment": ("KTM207", 'model.layers[0].trainable = os.environ["TRAINABLE"]'),
    "a configuration": (
        "KTM207",
        'c = configparser.ConfigParser()\nfor layer in base.layers:\n    layer.trainable = c.get("base", "trainable")',
    ),
    "an option without a type": (
        "KTM207",
        'p = argparse.ArgumentParser()\np.add_argument("--train-base")\nbase.trainable = p.parse_args().train_base',
    ),
    "a function": ("KTM207", "def frozen():\n    return True\nbase.trainable = frozen"),
    "None": ("KTM207", "base.trainable = None"),
    "an empty text": ("KTM207", 'base.trainable = ""'),
    "0 in a constructor": ("KTM207", "layers.Dense(3, trainable=0)"),
    "a text in a constructor": ("KTM207", 'layers.Dense(3, trainable="False")'),
    # KTM209
    "of the model": ("KTM209", "model(x, training=model.trainable)"),
    "of a layer of the model": ("KTM209", "model(x, training=model.layers[0].trainable)"),
    "of a layer, in a call": (
        "KTM209",
        """\
        class Block(layers.Layer):
            def __init__(self):
                super().__init__()
                self.norm = layers.BatchNormalization()
            def call(self, x, training=None):
                return self.norm(x, training=self.norm.trainable)
        """,
    ),
    "as a boolean": ("KTM209", "model(x, training=bool(model.trainable))"),
    # KTM303
    "eval": ("KTM303", "model.eval()"),
    "train": ("KTM303", "base.train(True)"),
    "of a layer": ("KTM303", "model.layers[1].eval()"),
    "a chain": ("KTM303", "net = base.eval()"),
    "parameters": ("KTM303", "print(sum(p.size for p in model.parameters()))"),
    "requires_grad_": ("KTM303", "base.requires_grad_(False)"),
    "of a model from a file": ("KTM303", 'net = keras.models.load_model("net.keras")\nnet.eval()'),
    "of a parameter that is a model": ("KTM303", "def score(net):\n    net.eval()\n    return net(x)\nscore(model)"),
    "of a global": ("KTM303", "def score():\n    model.eval()"),
    "of a class of the project": ("KTM303", "class Net(keras.Model):\n    pass\nNet().eval()"),
    # KTM304
    "training": ("KTM304", "model.training = False"),
    "training of all layers": ("KTM304", "for layer in base.layers:\n    layer.training = False"),
    "requires_grad": ("KTM304", "for layer in model.layers:\n    layer.requires_grad = False"),
    "requires_grad of the layers of something": (
        "KTM304",
        "def freeze(encoder):\n    for layer in encoder.layers[:-2]:\n        layer.requires_grad = False",
    ),
    "requires_grad of weights": ("KTM304", "for weight in model.trainable_weights:\n    weight.requires_grad = False"),
    "the rate": ("KTM304", "model.layers[1].p = 0"),
    "frozen": ("KTM304", "base.frozen = True"),
    "of something that is asked for its layers by name": (
        "KTM304",
        "def convert(backbone):\n    port(backbone.get_layer('embedding').kernel)\n    backbone.training = False",
    ),
    "by setattr": ("KTM304", 'setattr(model, "training", False)'),
    "of a class that does not read it": (
        "KTM304",
        """\
        class Net(keras.Model):
            def call(self, x, training=None):
                return x
        net = Net()
        net.is_training = True
        """,
    ),
    "of an object of another class than the one that reads it": (
        "KTM304",
        """\
        class Agent:
            def __init__(self):
                self.training = True
            def act(self):
                return 1 if self.training else 0
        model.training = False
        """,
    ),
}


@pytest.mark.parametrize("name", FOUND)
def test_found(name):
    code, source = FOUND[name]
    assert found(source) == [code]


SILENT = {
    "a property under another name": """\
        class Block(layers.Dense):
            @property
            def Trainable(self):
                return self.chosen
            @Trainable.setter
            def Trainable(self, value):
                self.chosen = value
        Block(3).Trainable = False
        """,
    "a property that takes words": """\
        class Block(layers.Dense):
            @property
            def trainable(self):
                return self.chosen
            @trainable.setter
            def trainable(self, value):
                self.chosen = value
        Block(3).trainable = "frozen"
        """,
    "a property for the mode": """\
        class Block(layers.Dense):
            @property
            def training(self):
                return self.chosen
            @training.setter
            def training(self, value):
                self.chosen = value
        Block(3).training = True
        """,
    "what a torch module is wrapped in": "layers.TorchModuleWrapper(elsewhere.module).eval()",
    "a comparison that decides": "if model.trainable == False:\n    print(1)",
    "a comparison that is asserted": "assert model.trainable == True",
    "a comparison that is kept": "frozen = model.trainable == False",
    "a comparison of something else": "model.name == 'net'",
    "a comparison that is not equality": "model.trainable > 0",
    "a plain object's own attribute": "class Part:\n    pass\npart = Part()\npart.Trainable = False",
    "an attribute that the class reads": """\
        class Net(keras.Model):
            def build(self, shape):
                self.w = self.add_weight(shape=(), trainable=self.is_trainable)
        net = Net()
        net.is_trainable = False
        """,
    "what Keras itself reads": "class Dense(layers.Dense):\n    def __init__(self):\n        super().__init__(3)\n        self._trainable = False\nDense()",
    "a collection under a similar name": """\
        class Net(keras.Model):
            def __init__(self):
                super().__init__()
                self.trainables = []
        """,
    "another word": "model.traceable = True\nmodel.untrainable = True",
    "0 and 1": "model.trainable = 0\nmodel.trainable = 1",
    "a NumPy boolean": "model.trainable = np.bool_(False)",
    "a text that is compared": 'model.trainable = os.environ.get("TRAIN", "0") == "1"',
    "a parsed text": 'c = configparser.ConfigParser()\nmodel.trainable = c.getboolean("base", "trainable")',
    "a text that is a number": 'model.trainable = bool(int(os.environ.get("TRAIN", "0")))',
    "a text of a plain object": 'class Part:\n    pass\npart = Part()\npart.trainable = "no"',
    "a parameter that may be anything": "def freeze(net, trainable=None):\n    net.trainable = trainable",
    "a switch": 'p = argparse.ArgumentParser()\np.add_argument("--t", action="store_true")\nmodel.trainable = p.parse_args().t',
    "the mode and the flag": """\
        class Norm(layers.BatchNormalization):
            def call(self, x, training=None):
                return super().call(x, training=training and self.trainable)
        """,
    "an option called trainable": """\
        p = argparse.ArgumentParser()
        p.add_argument("--trainable", action="store_true")
        model(x, training=p.parse_args().trainable)
        """,
    "a parameter called trainable": "def step(net, trainable):\n    return net(x, training=trainable)",
    "no layer that depends on the mode": """\
        net = keras.Sequential([layers.Dense(2)])
        net(x, training=net.trainable)
        """,
    "after a test of the backend": """\
        def export():
            if keras.backend.backend() != "torch":
                raise ValueError("only on torch")
            model.eval()
        """,
    "under a test of the backend": "if keras.config.backend() == 'torch':\n    model.eval()",
    "a tensor's eval": "def show(tensor):\n    return tensor.eval()",
    "a symbolic tensor's eval": "keras.Input((3,)).eval()",
    "something from elsewhere": "elsewhere.model.eval()\nelsewhere.build().train()",
    "a parameter called model": "def score(model):\n    model.eval()\n    model.train()\n    model.training = False",
    "a class that defines it": """\
        class Net(keras.Model):
            def eval(self):
                return self
            def parameters(self):
                return self.trainable_variables
        net = Net().eval()
        net.parameters()
        """,
    "a class that inherits from elsewhere": """\
        class Net(keras.Model, elsewhere.Module):
            pass
        Net().eval()
        net = Net()
        net.training = False
        """,
    "a class with another base that is not known": """\
        from elsewhere import Base
        class Net(Base):
            pass
        Net().eval()
        net = Net()
        net.frozen = True
        """,
    "where it exists": 'if hasattr(model, "eval"):\n    model.eval()',
    "tried": "try:\n    model.eval()\nexcept AttributeError:\n    pass",
    "one of several libraries": """\
        def score(net):
            net.eval()
            net.training = False
            return net(x)
        score(model)
        score(elsewhere.build())
        """,
    "a model with classes of its own": 'net = keras.models.load_model("n.keras", custom_objects=elsewhere.classes)\nnet.eval()',
    "a model of a class that has it": """\
        @keras.saving.register_keras_serializable()
        class Net(keras.Model):
            def eval(self):
                return self
        keras.models.load_model("net.keras").eval()
        """,
    "a callback's model": "class Watch(keras.callbacks.Callback):\n    def on_epoch_end(self, epoch, logs=None):\n        self.model.eval()",
    "a global that was something else before": """\
        net = elsewhere.Module()
        def step():
            net.zero_grad()
            net.training = True
        net = keras.Sequential([layers.Dropout(0.5)])
        """,
    "the mode, noted in a call": """\
        class Net(keras.Model):
            def call(self, x, training=None):
                self.training = training
                return x
        """,
    "read in a call": """\
        class Net(keras.Model):
            def call(self, x):
                return self.drop(x, training=self.is_training)
        net = Net()
        net.is_training = True
        """,
    "read by a base": """\
        class Base(keras.Model):
            def call(self, x):
                return x * 2 if self.training else x
        class Net(Base):
            pass
        net = Net()
        net.training = True
        """,
    "read by a helper": "def run(net):\n    return net(x, training=net.training)\nmodel.training = True\nrun(model)",
    "read by getattr": 'model.training = True\nmodel(x, training=getattr(model, "training", False))',
    "noted in the constructor": """\
        class Drop(layers.Layer):
            def __init__(self, p, training):
                super().__init__()
                self.p = p
                self.training = training
        """,
    "p of something that drops nothing": "model.layers[0].p = 2",
    "an agent's mode": "class Agent:\n    pass\nagent = Agent()\nagent.training = True",
    "a mode that is an object": "model.training = elsewhere.Schedule()",
    "what Keras has": "base.trainable = False\nmodel.name2 = 'n'\nmodel.layers[1].rate = 0.1",
}


@pytest.mark.parametrize("name", SILENT)
def test_silent(name):
    assert found(SILENT[name]) == []


@pytest.mark.parametrize(
    "environment", ['import os\nos.environ["KERAS_BACKEND"] = "torch"\nimport keras', "import torch\nimport keras"]
)
def test_methods_and_attributes_of_modules_exist_on_the_torch_backend(environment):
    source = (
        f"{environment}\nmodel = keras.Sequential([keras.layers.Dropout(0.5)])\nmodel.eval()\nmodel.training = False\n"
    )
    overrides = {"select": ["KTM303", "KTM304"], "keras-version": "3.15"}
    assert check_source(source, "program.py", Resolver(isolated=True, overrides=overrides)).findings == ()


FIXED = {
    "layer = model.layers[0]\nlayer.trainable == False\n": "layer = model.layers[0]\nlayer.trainable = False\n",
    "base.trainble = False\n": "base.trainable = False\n",
    'base.trainable = "False"\n': "base.trainable = False\n",
    'layers.Dense(3, trainable="yes")\n': "layers.Dense(3, trainable=True)\n",
    "model.eval()\nmodel(x)\n": "model(x)\n",
    "def score(net):\n    net.eval()\nscore(model)\n": "def score(net):\n    pass\nscore(model)\n",
}


@pytest.mark.parametrize("source", FIXED)
def test_fixes(source):
    program, findings = report(source)
    edits = [edit for finding in findings for edit in finding.fix.edits]
    assert apply_edits(program, edits) == PRELUDE + FIXED[source]


@pytest.mark.parametrize("source", ['FLAG = "False"\nbase.trainable = FLAG\n', "net = model.eval()\n"])
def test_what_takes_more_than_a_word_has_no_fix(source):
    assert [finding.fix for finding in report(source)[1]] == [None]


def test_none_is_a_warning_and_a_text_is_an_error():
    assert [each.severity for each in report('base.trainable = None\nbase.trainable = "no"')[1]] == [
        Severity.WARNING,
        Severity.ERROR,
    ]


@pytest.mark.parametrize(
    ("version", "told"),
    [("3.15", "Keras 3.15 raises ValueError"), ("2", "Keras 2 raises TypeError"), (None, "Keras 3")],
)
def test_what_a_constructor_raises(version, told):
    (finding,) = report('layers.Dense(3, trainable="no")', version)[1]
    assert told in finding.message


@pytest.mark.parametrize(
    "name", ["trainble", "Trainable", "trainabel", "traniable", "trianabel", "tranable", "trainables", "isTrainable"]
)
def test_slips_of_the_fingers(name):
    assert is_misspelt(name)


@pytest.mark.parametrize(
    "name",
    [
        "trainable",
        "_trainable",
        "training",
        "trainer",
        "traceable",
        "tradeable",
        "untrainable",
        "non_trainable",
        "drainable",
    ],
)
def test_words_of_their_own(name):
    assert not is_misspelt(name)
