"""Flags that are texts, that nobody takes, or that stand by position: what is found, what stays silent."""

import textwrap

import pytest

from dropout_lint import check_source
from dropout_lint.findings import Severity
from dropout_lint.fixes import apply_edits
from dropout_lint.settings import Resolver

PRELUDE = textwrap.dedent(
    """\
    import argparse, configparser, functools, json, os, sys
    import keras, numpy as np, tensorflow as tf
    from keras import layers

    model = keras.Sequential([keras.Input((4,)), layers.Dense(8), layers.Dropout(0.5), layers.Dense(2)])
    x, y = np.zeros((3, 4)), np.zeros(3)
    parser = argparse.ArgumentParser()
    """
)
RULES = ["KTM107", "KTM108", "KTM109"]


def report(source, version="3.15", select=RULES):
    program = PRELUDE + textwrap.dedent(source)
    overrides = {"select": select} | ({"keras-version": version} if version else {})
    return program, check_source(program, "program.py", Resolver(isolated=True, overrides=overrides)).findings


def found(source, version="3.15", select=RULES):
    """The codes of the findings in ``source``, which follows the prelude."""
    return [finding.code for finding in report(source, version, select)[1]]


TEXTS = {
    "constant": 'model(x, training="False")',
    "constant in a graph": 'layers.Dropout(0.5)(keras.Input((4,)), training="train")',
    "environment": 'model(x, training=os.environ.get("TRAINING", "0"))',
    "environment by item": 'model(x, training=os.environ["TRAINING"])',
    "environment in lower case": 'model(x, training=os.getenv("TRAINING").lower())',
    "through a constant and a function": """\
        FLAG = os.environ.get("TRAINING", "false")
        def answer(net, rows, training=FLAG):
            return net(rows, training=training)
        print(answer(model, x))
        """,
    "option with type=bool": """\
        parser.add_argument("--training", type=bool, default=False)
        model(x, training=parser.parse_args().training)
        """,
    "option without a type": """\
        parser.add_argument("--training", default=False)
        args = parser.parse_args()
        def answer(rows):
            return model(rows, training=args.training)
        print(answer(x))
        """,
    "option with type=str": """\
        parser.add_argument("--mode", type=str, choices=["train", "test"])
        model(x, training=parser.parse_args().mode)
        """,
    "flag of absl": """\
        from absl import flags
        flags.DEFINE_string("training", "False", "")
        model(x, training=flags.FLAGS.training)
        """,
    "argument of the process": "model(x, training=sys.argv[1])",
    "typed in": 'model(x, training=input("training? "))',
    "configuration": """\
        config = configparser.ConfigParser()
        config.read("scores.ini")
        model(x, training=config["scoring"]["training"])
        """,
    "configuration by method": """\
        config = configparser.ConfigParser()
        model(x, training=config.get("scoring", "training"))
        """,
    "JSON": """\
        options = json.loads('{"training": "False"}')
        model(x, training=options["training"])
        """,
    "dictionary": """\
        CONFIG = {"model": {"training": "false"}}
        model(x, **CONFIG["model"])
        """,
    "one of two constants": 'model(x, training="eval" if len(sys.argv) > 1 else "train")',
    "function": """\
        def is_training():
            return False
        model(x, training=is_training)
        """,
    "method": """\
        class Phase:
            def training(self):
                return False
        phase = Phase()
        model(x, training=phase.training)
        """,
    "inside a call": """\
        class Head(layers.Layer):
            def __init__(self, mode="eval"):
                super().__init__()
                self.mode, self.drop = mode, layers.Dropout(0.5)
            def call(self, rows):
                return self.drop(rows, training=self.mode)
        """,
}


@pytest.mark.parametrize("source", TEXTS.values(), ids=TEXTS)
def test_texts_and_functions_are_no_flags(source):
    assert found(source) == ["KTM107"]


BOOLEANS = {
    "integer": "model(x, training=1)",
    "NumPy": "model(x, training=np.bool_(False))",
    "comparison": 'model(x, training=os.environ.get("TRAINING", "0") == "1")',
    "membership": 'model(x, training=os.environ.get("TRAINING", "").lower() in ("1", "true"))',
    "number": 'model(x, training=int(os.environ.get("TRAINING", "0")))',
    "bool": 'model(x, training=bool(os.environ.get("TRAINING")))',
    "JSON value": "model(x, training=json.loads('{\"training\": false}')['training'])",
    "JSON file": "model(x, training=json.load(open('options.json'))['training'])",
    "switch": """\
        parser.add_argument("--training", action="store_true")
        model(x, training=parser.parse_args().training)
        """,
    "own parser": """\
        def yes(text):
            return text.lower() in {"1", "yes"}
        parser.add_argument("--training", type=yes, default=False)
        model(x, training=parser.parse_args().training)
        """,
    "int option": """\
        parser.add_argument("--training", type=int, default=0)
        model(x, training=parser.parse_args().training)
        """,
    "boolean entry": """\
        config = configparser.ConfigParser()
        model(x, training=config.getboolean("scoring", "training"))
        """,
    "made a boolean on one way": """\
        flag = os.environ.get("TRAINING", "0")
        if flag in ("0", "false"):
            flag = False
        model(x, training=flag)
        """,
    "own protocol": """\
        class Block(layers.Layer):
            def __init__(self):
                super().__init__()
                self.drop = layers.Dropout(0.5)
            def call(self, rows, training="eval"):
                return self.drop(rows, training=training == "train")
        Block()(x, training="train")
        """,
    "not Keras": """\
        def simulate(rows, training):
            return rows
        simulate(x, training="yes")
        robot.act(x, training="yes")
        """,
    "nothing depends on the mode": 'keras.Sequential([layers.Dense(2)])(x, training="no")',
    "parameter": """\
        def answer(rows, training):
            return model(rows, training=training)
        """,
}


@pytest.mark.parametrize("source", BOOLEANS.values(), ids=BOOLEANS)
def test_booleans_are_left_alone(source):
    assert found(source) == []


def test_a_text_is_compared_with_the_text_that_means_yes():
    program, (finding,) = report('model(x, training=os.environ.get("TRAINING", "False"))\n')
    fixed = apply_edits(program, list(finding.fix.edits))
    assert 'training=os.environ.get("TRAINING", "False") == "True")' in fixed


@pytest.mark.parametrize(("version", "told"), [("3.15", "training mode"), ("2", "TypeError"), (None, "Keras 2 raises")])
def test_the_message_says_what_happens_on_this_version(version, told):
    (finding,) = report('model(x, training="False")', version)[1]
    assert (finding.severity, told in finding.message) == (Severity.ERROR, True)


REJECTED = {
    "layer": ("layers.Dropout(0.5, training=True)", "ValueError"),
    "spatial": ("layers.SpatialDropout1D(0.5, training=True)", "TypeError"),
    "recurrent": ("layers.LSTM(4, training=False)", "ValueError"),
    "sequential": ("keras.Sequential([layers.Dense(2)], training=False)", "TypeError"),
    "application": ("keras.applications.VGG16(weights=None, training=False)", "TypeError"),
    "by keywords": ('OPTIONS = {"training": True}\nlayers.Dropout(0.5, **OPTIONS)', "ValueError"),
    "partial": ("functools.partial(layers.Dropout, training=True)(0.5)", "ValueError"),
    "own layer": (
        """\
        class Block(layers.Layer):
            def __init__(self, **kwargs):
                super().__init__(**kwargs)
        Block(training=True)
        """,
        "ValueError",
    ),
    "own layer without constructor": ("class Block(layers.Layer):\n    pass\nBlock(training=True)", "ValueError"),
    "predict": ("model.predict(x, training=False)", "TypeError"),
    "evaluate": ("model.evaluate(x, y, training=False)", "ValueError"),
    "fit": ("model.fit(x, y, training=True)", "TypeError"),
    "batches": ("model.train_on_batch(x, y, training=True)", "TypeError"),
    "compile": ('model.compile("adam", "mse", training=True)', "TypeError"),
    "compiled elsewhere": (
        """\
        def score(net):
            net.compile(optimizer="adam", loss="mse")
            return net.predict(x, training=False)
        """,
        "TypeError",
    ),
    "method of a subclass": (
        """\
        class Net(keras.Model):
            def call(self, rows):
                return rows
        Net().predict(x, training=True)
        """,
        "TypeError",
    ),
}


@pytest.mark.parametrize(("source", "exception"), REJECTED.values(), ids=REJECTED)
def test_what_takes_no_flag_raises(source, exception):
    (finding,) = report(source)[1]
    assert (finding.code, finding.message.endswith(f"raises {exception}")) == ("KTM108", True)


ACCEPTED = {
    "constructor parameter": """\
        class Block(layers.Layer):
            def __init__(self, training=False, **kwargs):
                super().__init__(**kwargs)
                self.training = training
        Block(training=True)
        """,
    "taken out of the keywords": """\
        class Block(layers.Layer):
            def __init__(self, **kwargs):
                self.flag = kwargs.pop("training", None)
                super().__init__(**kwargs)
        Block(training=True)
        """,
    "own predict": """\
        class Net(keras.Model):
            def predict(self, rows, training=False):
                return self(rows, training=training)
        Net().predict(x, training=True)
        """,
    "agent": "agent.predict(x, training=False)",
    "other library": "from sklearn.svm import SVC\nSVC().fit(x, y, training=True)",
    "call": "model(x, training=True)",
    "layer of other libraries": "from flax import linen\nlinen.Dropout(0.5, training=True)",
}


@pytest.mark.parametrize("source", ACCEPTED.values(), ids=ACCEPTED)
def test_what_takes_a_flag_of_its_own_is_left_alone(source):
    assert found(source) == []


def test_keras_3_ignores_the_flag_of_a_functional_model():
    source = "i = keras.Input((4,))\nkeras.Model(i, layers.Dense(1)(i), training=True)"
    (finding,) = report(source)[1]
    assert (finding.severity, "ignores" in finding.message) == (Severity.WARNING, True)
    assert "raises TypeError" in report(source, "2")[1][0].message


POSITIONAL = {
    "literal": ("layers.Dropout(0.5)(x, True)", "layers.Dropout(0.5)(x, training=True)"),
    "model": ("model(x, False)", "model(x, training=False)"),
    "parameter in call": (
        """\
        class Block(layers.Layer):
            def __init__(self):
                super().__init__()
                self.drop = layers.Dropout(0.5)
            def call(self, rows, training=None):
                return self.drop(rows, training)
        """,
        "self.drop(rows, training=training)",
    ),
    "with others behind it": (
        """\
        class Encoder(layers.Layer):
            def call(self, rows, training, mask):
                return rows
        class Net(keras.Model):
            def __init__(self):
                super().__init__()
                self.encoder = Encoder()
            def call(self, rows, mask, training=None):
                return self.encoder(rows, training, mask)
        """,
        "self.encoder(rows, training=training, mask=mask)",
    ),
    "condition": ('model(x, sys.argv[1] == "training")', 'model(x, training=sys.argv[1] == "training")'),
    "negation": ("def run(rows, is_test):\n    return model(rows, not is_test)", "model(rows, training=not is_test)"),
}


@pytest.mark.parametrize(("source", "fixed"), POSITIONAL.values(), ids=POSITIONAL)
def test_flags_by_position_get_their_keyword(source, fixed):
    program, findings = report(source)
    assert [finding.code for finding in findings] == ["KTM109"]
    assert fixed in apply_edits(program, [edit for finding in findings for edit in finding.fix.edits])


NOT_POSITIONAL = {
    "keyword": "model(x, training=True)",
    "None": "model(x, None)",
    "project function": """\
        def answer(net, rows, training):
            return net(rows, training=training)
        answer(model, x, True)
        """,
    "other second argument": """\
        class Mask(layers.Layer):
            def call(self, rows, inverted):
                return rows
        Mask()(x, True)
        """,
    "tensor": "layers.MultiHeadAttention(2, 2)(x, x)",
    "call method": """\
        class Quiet(layers.Dropout):
            def call(self, rows, training=None):
                return super().call(rows, training)
        """,
    "unknown second argument": "def run(rows, states):\n    return layers.LSTM(3)(rows, states)",
    "mask": """\
        class Block(layers.Layer):
            def call(self, rows, mask=None, training=None):
                return rows
        Block()(x, x)
        """,
    "own call operator": """\
        class Runner:
            def __call__(self, rows, training):
                return model(rows, training=training)
        Runner()(x, True)
        """,
}


@pytest.mark.parametrize("source", NOT_POSITIONAL.values(), ids=NOT_POSITIONAL)
def test_what_is_no_flag_by_position_is_left_alone(source):
    assert "KTM109" not in found(source)


@pytest.mark.parametrize(("version", "severities"), [("2", []), (None, [Severity.NOTE]), ("3", [Severity.ERROR])])
def test_keras_2_accepts_flags_by_position(version, severities):
    findings = report("layers.Dropout(0.5)(x, True)", version)[1]
    assert [finding.severity for finding in findings] == severities


def test_a_note_on_the_way_of_passing_silences_no_error():
    source = "model.compile('adam', 'mse')\nmodel.fit(x, y)\nprint(np.argmax(model(x, True), 1))"
    assert "KTM101" in found(source, None, ["KTM1"])
