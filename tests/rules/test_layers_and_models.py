"""KTM402, KTM403 and KTM405: who is told the mode, and by whom."""

import textwrap

import pytest

from dropout_lint import check_source
from dropout_lint.findings import Confidence, Severity
from dropout_lint.settings import Resolver

PRELUDE = textwrap.dedent(
    """\
    import functools
    import keras, numpy as np, tensorflow as tf
    from keras import layers

    class Parts(keras.Model):
        def __init__(self, base=None):
            super().__init__()
            self.base = base
            self.dense, self.drop, self.norm = layers.Dense(4), layers.Dropout(0.5), layers.BatchNormalization()
            self.resize, self.flip = layers.Resizing(4, 4), layers.RandomFlip()
            self.augment = keras.Sequential([layers.Rescaling(2.0), layers.RandomFlip()])
            self.scale = keras.Sequential([layers.Rescaling(2.0)])

    def fit(model):
        model.compile("adam", "mse")
        model.fit(np.zeros((3, 4)), np.zeros((3, 4)))

    """
)


def findings(source, code, **overrides):
    program = PRELUDE + textwrap.dedent(source)
    settings = {"keras-version": "3.15", "select": [code], "min-confidence": "low", **overrides}
    report = check_source(program, "program.py", Resolver(isolated=True, overrides=settings))
    lines = program.splitlines()
    return [(lines[finding.span.start.line - 1].strip(), finding) for finding in report.findings]


def found(source, code, **overrides):
    """The lines of the findings that are shown by default and are more than a note."""
    return [
        line
        for line, finding in findings(source, code, **overrides)
        if finding.severity is not Severity.NOTE and finding.confidence is not Confidence.LOW
    ]


def model(call, fitted=True, more=""):
    body = textwrap.indent(textwrap.dedent(more).strip() + "\n" + textwrap.dedent(call).strip(), "    ")
    return f"class Net(Parts):\n{body}\n" + ("fit(Net())\n" if fitted else "")


# KTM403 ------------------------------------------------------------------------------------------------------

UNTOLD_MODELS = {
    "no parameter": model("def call(self, x):\n    return self.drop(self.dense(x))"),
    "statistics": model("def call(self, x):\n    return self.norm(x)"),
    "keywords": model("def call(self, x, **options):\n    return self.drop(x, training=options.get('training'))"),
    "mask only": model("def call(self, x, mask=None):\n    return self.drop(x)"),
    "before a sibling in training mode": model(
        "def call(self, x):\n    return self.resize(self.norm(x), training=True)"
    ),
    "after a sibling in inference mode": model(
        "def call(self, x):\n    return self.norm(self.dense(x, training=False))"
    ),
    "in a method": model("def call(self, x):\n    return self.run(x)\ndef run(self, x):\n    return self.drop(x)"),
    "train_on_batch": model("def call(self, x):\n    return self.drop(x)", fitted=False)
    + "net = Net()\nnet.compile('adam', 'mse')\nnet.train_on_batch(np.zeros((3, 4)), np.zeros((3, 4)))\n",
    "fit that ends in that of Keras": model(
        "def call(self, x):\n    return self.drop(x)\n"
        "def fit(self, data, **options):\n    return super().fit(data, **options)",
        fitted=False,
    ),
    "layer inside that forwards": """\
        class Inner(layers.Layer):
            def __init__(self):
                super().__init__()
                self.drop = layers.Dropout(0.5)
            def call(self, x, training=None):
                return self.drop(x, training=training)
        class Net(keras.Model):
            def __init__(self):
                super().__init__()
                self.inner = Inner()
            def call(self, x):
                return self.inner(x)
        fit(Net())
        """,
    "factory": """\
        def make(size):
            class Net(keras.Model):
                def __init__(self):
                    super().__init__()
                    self.stack = [layers.Dropout(0.1) for _ in range(size)]
                def call(self, x):
                    for layer in self.stack:
                        x = layer(x)
                    return x
            return Net()
        net = make(3)
        fit(net)
        """,
    "decorator with arguments": """\
        def named(name):
            def decorate(function):
                def inner(self, *args, **kwargs):
                    return function(self, *args, **kwargs)
                return inner
            return decorate
        class Net(Parts):
            @named("net")
            def call(self, x, training=None):
                return self.drop(x, training=training)
        fit(Net())
        """,
}


@pytest.mark.parametrize("source", UNTOLD_MODELS.values(), ids=UNTOLD_MODELS)
def test_a_fitted_model_that_cannot_be_told_is_found(source):
    assert len(found(source, "KTM403")) == 1


TOLD_MODELS = {
    "fit with a loop of its own": model(
        "def call(self, x):\n    return self.drop(x)\n"
        "def fit(self, data):\n    for batch in data:\n        self.step(batch)"
    ),
    "parameter": model("def call(self, x, training=None):\n    return self.drop(x)"),
    "keyword-only parameter": model("def call(self, x, *, training=False):\n    return self.drop(x)"),
    "tf.function": model("@tf.function\ndef call(self, x, training=None):\n    return self.drop(x)"),
    "decorator that wraps": """\
        def timed(function):
            @functools.wraps(function)
            def inner(*args, **kwargs):
                return function(*args, **kwargs)
            return inner
        class Net(Parts):
            @timed
            def call(self, x, training=None):
                return self.drop(x, training=training)
        fit(Net())
        """,
    "decorator that registers": """\
        def register(function):
            print(function)
            return function
        class Net(Parts):
            @register
            def call(self, x, training=None):
                return self.drop(x)
        fit(Net())
        """,
    "nothing mode-dependent": model("def call(self, x):\n    return self.dense(x)"),
    "rate of zero": model(
        "def call(self, x):\n    return self.drop(x)",
        more="def __init__(self):\n    super().__init__()\n    self.drop = layers.Dropout(0.0)",
    ),
    "flag of its own": model("def call(self, x):\n    return self.drop(x, training=True)"),
    "own train_step": model("def call(self, x):\n    return self.drop(x)\ndef train_step(self, data):\n    return {}"),
    "layer, not model": """\
        class Inner(layers.Layer):
            def __init__(self):
                super().__init__()
                self.drop = layers.Dropout(0.5)
            def call(self, x):
                return self.drop(x)
        fit(keras.Sequential([Inner()]))
        """,
    "part of a functional model": model("def call(self, x):\n    return self.drop(x)", fitted=False)
    + "inputs = keras.Input((4,))\nfit(keras.Model(inputs, Net()(inputs)))\n",
    "trained by a loop": model("def call(self, x):\n    return self.drop(x)", fitted=False)
    + "net = Net()\nwith tf.GradientTape() as tape:\n    y = net(np.zeros((3, 4)), training=True)\n",
    "a sibling leaves them in training mode by its default": model(
        "def call(self, x):\n    return self.drop(self.norm(self.resize(x)))"
    ),
    "a sibling that is told leaves them in training mode": model(
        "def call(self, x):\n    x = self.dense(x, training=True)\n    return self.drop(self.norm(x))"
    ),
    "nobody fits it": model("def call(self, x):\n    return self.drop(x)", fitted=False),
    "functional model": "i = keras.Input((4,))\nfit(keras.Model(i, layers.Dropout(0.5)(i)))\n",
}


@pytest.mark.parametrize("source", TOLD_MODELS.values(), ids=TOLD_MODELS)
def test_a_model_that_is_told_or_does_not_care_is_left_alone(source):
    assert found(source, "KTM403") == []


def test_a_class_nobody_fits_is_a_note_of_low_confidence():
    source = model("def call(self, x):\n    return self.drop(x)", fitted=False)
    ((_, finding),) = findings(source, "KTM403")
    assert (finding.severity, finding.confidence) == (Severity.NOTE, Confidence.LOW)


@pytest.mark.parametrize("version", ["2", "2.15"])
def test_keras_2_tells_every_model(version):
    assert findings(UNTOLD_MODELS["no parameter"], "KTM403", **{"keras-version": version}) == []


# KTM402 ------------------------------------------------------------------------------------------------------

MISNAMED = {
    "is_training": model("def call(self, x, is_training=False):\n    return self.drop(x, training=is_training)"),
    "train": model("def call(self, x, train=True):\n    return self.drop(x, training=train)"),
    "negated": model("def call(self, x, train=False):\n    return self.drop(x, training=not (not train))"),
    "mode": model("def call(self, x, mode='eval'):\n    return self.drop(x, training=mode == 'train')"),
    "branch": model("def call(self, x, train=None):\n    if train:\n        x = tf.nn.dropout(x, 0.5)\n    return x"),
    "whether there is dropout": model("def call(self, x, train=False):\n    return self.drop(x) if train else x"),
    "beside a rate that is zero where nobody says it": """\
        class Block(layers.Layer):
            def __init__(self, rate=0):
                super().__init__()
                self.rate = rate
            def call(self, x, is_train=False):
                if is_train and self.rate > 0:
                    x = layers.Dropout(self.rate)(x)
                return x
        class Net(keras.Model):
            def __init__(self, rate=0):
                super().__init__()
                self.block = Block(rate)
            def call(self, x, training=None):
                return self.block(x)
        """,
    "in a method": model(
        "def call(self, x, is_training=False):\n    return self.run(x, is_training)\n"
        "def run(self, x, flag):\n    return self.drop(x, training=flag)"
    ),
    "positional before it": model(
        "def call(self, x, mask=None, is_training=False):\n    return self.drop(x, training=is_training)",
    )
    + "print(Net()(np.zeros((1, 4)), None))",
    "used, never fitted": model(
        "def call(self, x, is_training=False):\n    return self.drop(x, training=is_training)", fitted=False
    )
    + "print(Net()(np.zeros((1, 4))))",
}


@pytest.mark.parametrize("source", MISNAMED.values(), ids=MISNAMED)
def test_a_mode_under_another_name_is_found(source):
    assert len(found(source, "KTM402")) == 1


NAMED_WELL = {
    "dropout that Keras switches off": model("def call(self, x, train=True):\n    return self.drop(x) if train else x"),
    "training": model("def call(self, x, training=False):\n    return self.drop(x, training=training)"),
    "both": model("def call(self, x, is_training=False, training=None):\n    return self.drop(x, training=training)"),
    "reaches no layer": model("def call(self, x, is_training=False):\n    print(is_training)\n    return self.drop(x)"),
    "mode of something else": model("def call(self, x, mode='a'):\n    return self.drop(x) if mode == 'a' else x"),
    "no default": model("def call(self, x, is_training):\n    return self.drop(x, training=is_training)", fitted=False),
    "passed by keyword": model("def call(self, x, is_training=False):\n    return self.drop(x, training=is_training)")
    + "print(Net()(np.zeros((1, 4)), is_training=True))",
    "passed by position": model("def call(self, x, is_training=False):\n    return self.drop(x, training=is_training)")
    + "print(Net()(np.zeros((1, 4)), True))",
    "passed in a function": model(
        "def call(self, x, is_training=False):\n    return self.drop(x, training=is_training)"
    )
    + "def step(net, x):\n    return net(x, is_training=True)\n",
    "passed by a train_step": model(
        "def call(self, x, is_training=False):\n    return self.drop(x, training=is_training)\n"
        "def train_step(self, data):\n    return self(data, is_training=True)"
    ),
    "passed in a mapping": model("def call(self, x, is_training=False):\n    return self.drop(x, training=is_training)")
    + "options = dict(is_training=True)\nprint(Net()(np.zeros((1, 4)), **options))",
    "no Keras class": """\
        class Net:
            def __init__(self):
                self.drop = layers.Dropout(0.5)
            def call(self, x, is_training=False):
                return self.drop(x, training=is_training)
        print(Net().call(np.zeros((1, 4))))
        """,
    "set among the keywords": """\
        class Still(layers.Wrapper):
            def call(self, x, **kwargs):
                kwargs["training"] = False
                return self.layer(x, **kwargs)
        print(Still(layers.Dropout(0.5))(np.zeros((1, 4))))
        """,
    "kept out of the keywords": """\
        class Plain(layers.Wrapper):
            def call(self, x, **kwargs):
                kwargs.pop("training", None)
                return self.layer(x, **kwargs)
        print(Plain(layers.Dense(2))(np.zeros((1, 4))))
        """,
    "not even made": model(
        "def call(self, x, is_training=False):\n    return self.drop(x, training=is_training)", fitted=False
    ),
}


@pytest.mark.parametrize("source", NAMED_WELL.values(), ids=NAMED_WELL)
def test_a_parameter_that_somebody_passes_or_that_is_no_mode_is_left_alone(source):
    assert found(source, "KTM402") == []


# KTM405 ------------------------------------------------------------------------------------------------------


def call(body, signature="self, x, training=None"):
    return model(f"def call({signature}):\n" + textwrap.indent(textwrap.dedent(body).strip(), "    "), fitted=False)


LEAKS = {
    "False": call("x = self.dense(x, training=False)\nreturn self.drop(x)"),
    "True": call("x = self.drop(x, training=True)\nreturn self.norm(x)"),
    "unknown sibling": call("x = self.base(x, training=False)\nreturn self.drop(x)"),
    "nested expression": call("return self.drop(self.dense(x, training=False))"),
    "constant": call("FLAG = False\nx = self.base(x, training=FLAG)\nreturn self.drop(x)"),
    "attribute": call("self.flag = False\nx = self.base(x, training=self.flag)\nreturn self.drop(x)"),
    "into one branch": call("x = self.dense(x, training=False)\nif x is not None:\n    x = self.drop(x)\nreturn x"),
    "both in a branch": call("if x is not None:\n    x = self.drop(self.dense(x, training=False))\nreturn x"),
    "in a loop": call("x = self.base(x, training=False)\nfor each in [self.drop]:\n    x = each(x)\nreturn x"),
    "no parameter": call("x = self.norm(x, training=False)\nreturn self.drop(x)", "self, x"),
    "default of Resizing": call("return self.norm(self.resize(x))", "self, x"),
    "default of RandomFlip": call("return self.drop(self.flip(x))", "self, x"),
    "default in a row of layers": call("return self.drop(self.augment(x))", "self, x"),
    "method": call("return self.drop(self.features(x))\n") + "    def features(self, x):\n"
    "        return self.base(x, training=False)\n",
}


@pytest.mark.parametrize("source", LEAKS.values(), ids=LEAKS)
def test_a_leaked_flag_is_found(source):
    assert len(found(source, "KTM405")) == 1


@pytest.mark.parametrize("version", ["2", "2.15"])
def test_keras_2_restores_the_mode(version):
    assert findings(LEAKS["False"], "KTM405", **{"keras-version": version}) == []


def test_the_default_of_a_sibling_does_not_leak_in_the_version_in_development():
    assert found(LEAKS["default of Resizing"], "KTM405", **{"keras-version": "3.16"}) == []


TIGHT = {
    "forwarded": call("x = self.base(x, training=training)\nreturn self.drop(x)"),
    "told": call("x = self.base(x, training=False)\nreturn self.drop(x, training=training)"),
    "put back": call("x = self.base(x, training=False)\nx = self.dense(x, training=training)\nreturn self.drop(x)"),
    "before": call("x = self.drop(x)\nreturn self.base(x, training=False)"),
    "independent": call("x = self.base(x, training=False)\nreturn self.dense(x)"),
    "one branch only": call("if x is None:\n    x = self.base(x, training=False)\nreturn self.drop(x)"),
    "other branch": call("if x is None:\n    x = self.base(x, training=False)\nelse:\n    x = self.drop(x)\nreturn x"),
    "under the mode": call("if training:\n    x = self.drop(self.base(x, training=True))\nreturn x"),
    "by the mode": call("if not training:\n    return self.drop(self.base(x, training=False))\nreturn x"),
    "call method": call("x = self.norm.call(x, training=False)\nreturn self.drop(x)"),
    "computed": call("x = self.base(x, training=training and self.base.trainable)\nreturn self.drop(x)"),
    "no default in a row of layers": call("return self.drop(self.scale(x))", "self, x"),
    "a row of layers where the mode is known": call("return self.drop(self.augment(x))"),
    "default where the mode is known": call("return self.norm(self.resize(x))"),
    "default after a layer with one": call("return self.norm(self.resize(self.drop(x)))", "self, x"),
    "layer's default, not a model's": """\
        class Crop(layers.Layer):
            def __init__(self):
                super().__init__()
                self.resize, self.norm = layers.Resizing(4, 4), layers.BatchNormalization()
            def call(self, x):
                return self.norm(self.resize(x))
        """,
    "functional": """\
        i = keras.Input((4,))
        h = layers.BatchNormalization()(i, training=False)
        net = keras.Model(i, layers.Dropout(0.5)(h))
        """,
    "separate top-level calls": """\
        net, drop = layers.BatchNormalization(), layers.Dropout(0.5)
        print(drop(net(np.zeros((1, 4)), training=False)))
        """,
    "unit test": """\
        class LeakTest(tf.test.TestCase):
            def test_leak(self):
                class Net(Parts):
                    def call(self, x):
                        return self.drop(self.norm(x, training=False))
                self.assertAllClose(Net()(np.zeros((1, 4))), 0)
        """,
}


@pytest.mark.parametrize("source", TIGHT.values(), ids=TIGHT)
def test_a_flag_that_reaches_nobody_else_is_left_alone(source):
    assert found(source, "KTM405") == []
