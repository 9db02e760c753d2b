"""What Keras 3 removed and what the learning phase of Keras 2 does: what is found, what stays silent."""

import textwrap

import pytest

from dropout_lint import check_source
from dropout_lint.analysis import Analysis
from dropout_lint.findings import Applicability, Severity
from dropout_lint.fixes import apply_edits
from dropout_lint.keras.versions import KerasVersion
from dropout_lint.rules import find_rule
from dropout_lint.rules.model import Context
from dropout_lint.settings import Resolver
from dropout_lint.sources.text import read_text

PRELUDE = textwrap.dedent(
    """\
    import keras, numpy as np, tensorflow as tf
    from keras import backend as K, layers

    model = keras.Sequential([keras.Input((4,)), layers.Dense(8), layers.Dropout(0.5), layers.Dense(2)])
    x, y = np.zeros((3, 4)), np.zeros(3)
    """
)
RULES = ["KTM301", "KTM302", "KTM305"]


def report(source, version="3.15"):
    program = PRELUDE + textwrap.dedent(source)
    overrides = {"select": RULES} | ({"keras-version": version} if version else {})
    return program, check_source(program, "program.py", Resolver(isolated=True, overrides=overrides)).findings


def found(source, version="3.15"):
    return [finding.code for finding in report(source, version)[1]]


REMOVED = {
    "set": "K.set_learning_phase(0)",
    "read": "K.learning_phase()",
    "by tf.keras": "tf.keras.backend.set_learning_phase(1)",
    "by compat": "tf.compat.v1.keras.backend.set_learning_phase(1)",
    "imported": "from tensorflow.keras.backend import set_learning_phase\nset_learning_phase(0)",
    "scope": "with K.learning_phase_scope(1):\n    model(x)",
    "function": "run = K.function([model.input, K.learning_phase()], [model.output])",
    "in a layer": """\
        class Noise(layers.Layer):
            def call(self, rows):
                return K.in_train_phase(rows + 1, rows)
        """,
    "in a helper": "def reset():\n    K.clear_session()\n    K.set_learning_phase(0)",
}


@pytest.mark.parametrize("source", REMOVED.values(), ids=REMOVED)
def test_keras_3_has_no_learning_phase(source):
    assert found(source) == ["KTM302"]


PREPARED = {
    "hasattr": "if hasattr(K, 'set_learning_phase'):\n    K.set_learning_phase(0)",
    "version": "if keras.__version__.startswith('2'):\n    K.set_learning_phase(0)",
    "try": "try:\n    K.set_learning_phase(0)\nexcept AttributeError:\n    pass",
    "bare except": "try:\n    K.set_learning_phase(0)\nexcept:\n    pass",
    "clear_session": "K.clear_session()",
    "own function": "def learning_phase():\n    return 1\nlearning_phase()",
    "of another library": "import phases\nphases.set_learning_phase(1)",
    "text": "print('set_learning_phase(1)')",
}


@pytest.mark.parametrize("source", PREPARED.values(), ids=PREPARED)
def test_who_is_prepared_is_left_alone(source):
    assert found(source) == []


@pytest.mark.parametrize(("version", "severities"), [("2", []), (None, []), ("3", [Severity.ERROR])])
def test_who_uses_the_phase_is_taken_to_run_on_keras_2(version, severities):
    assert [finding.severity for finding in report("K.learning_phase()", version)[1]] == severities


@pytest.mark.parametrize(("evidence", "notes"), [("syntax", 1), ("pin", 0), ("setting", 0)])
def test_the_removed_names_themselves_are_no_evidence(evidence, notes):
    # what the rule sees of a version: who calls what Keras 3 removed may be on Keras 3 all the same
    context = Context(None, KerasVersion(2), evidence=evidence)
    assert bool(context.declared.where("learning-phase-exists", False).possible) == bool(notes)


FORCED = {
    "validation in the loop that trains": """\
        optimizer, seen = keras.optimizers.Adam(), keras.metrics.MeanSquaredError("train_error")
        for epoch in range(3):
            K.set_learning_phase(1)
            for rows, wanted in batches:
                with tf.GradientTape() as tape:
                    loss = tf.reduce_mean(model(rows) - wanted)
                optimizer.apply_gradients(zip(tape.gradient(loss, model.trainable_variables), model.trainable_variables))
                seen.update_state(wanted, model(rows))
            pass
            for rows, wanted in val_batches:
                print(np.mean(model(rows)))
        """,
    "bare call": "K.set_learning_phase(1)\nprint(model(x))",
    "after fit": "K.set_learning_phase(True)\nmodel.compile('adam', 'mse')\nmodel.fit(x, y)\nprint(model(x))",
    "part of a model": "K.set_learning_phase(1)\nprint(keras.Model(model.input, model.layers[2].output)(x))",
    "predict": "K.set_learning_phase(1)\nprint(model.predict(x))",
    "evaluate in a function": "def run():\n    K.set_learning_phase(1)\n    model.evaluate(x, y)\nrun()",
    "Monte Carlo by predict": "K.set_learning_phase(1)\nprint(np.std([model.predict(x) for _ in range(9)], axis=0))",
    "scope that is never entered": "K.learning_phase_scope(1)\nprint(model(x))",
}


@pytest.mark.parametrize("source", FORCED.values(), ids=FORCED)
def test_a_phase_that_stays_set(source):
    assert found(source, "2") == ["KTM301"]


def test_in_a_graph_of_tensorflow_1_predict_obeys_the_phase():
    graph = "tf.compat.v1.disable_v2_behavior()\nK.set_learning_phase({})\nmodel.compile('sgd', 'mse')\n"
    assert found(graph.format(1) + "print(model.predict(x))", "2") == ["KTM301"]
    assert found(graph.format(0) + "model.fit(x, y)", "2") == []
    assert found(graph.format(1) + "tf.compat.v1.reset_default_graph()\nprint(model.predict(x))", "2") == []
    assert found("K.set_learning_phase(1)\ntf.compat.v1.reset_default_graph()\nprint(model(x))", "2") == ["KTM301"]
    assert found(graph.format(1) + "print(np.std([model.predict(x) for _ in range(9)], axis=0))", "2") == []


NOT_FORCED = {
    "metric of the batch that is trained on": """\
        optimizer, seen = keras.optimizers.Adam(), keras.metrics.MeanSquaredError("train_error")
        for epoch in range(3):
            K.set_learning_phase(1)
            for rows, wanted in batches:
                with tf.GradientTape() as tape:
                    loss = tf.reduce_mean(model(rows) - wanted)
                optimizer.apply_gradients(zip(tape.gradient(loss, model.trainable_variables), model.trainable_variables))
                seen.update_state(wanted, model(rows))
            K.set_learning_phase(0)
            for rows, wanted in val_batches:
                print(np.mean(model(rows)))
        """,
    "named": "def epistemic_uncertainty():\n    K.set_learning_phase(1)\n    return model.predict(x)",
    "set back": "K.set_learning_phase(1)\nmodel.fit(x, y)\nK.set_learning_phase(0)\nprint(model(x))",
    "cleared": "K.set_learning_phase(1)\nmodel.fit(x, y)\nK.clear_session()\nprint(model(x))",
    "training alone": "K.set_learning_phase(1)\nmodel.fit(x, y)",
    "Monte Carlo by calls": "K.set_learning_phase(1)\nprint(np.std([model(x) for _ in range(9)], axis=0))",
    "inference": "K.set_learning_phase(0)\nprint(model.predict(x))",
    "scope": "with K.learning_phase_scope(0):\n    print(model(x))",
    "parameter": "def phase(value):\n    K.set_learning_phase(value)",
    "nothing depends on it": "K.set_learning_phase(1)\nkeras.Sequential([layers.Dense(2)]).predict(x)",
    "the part before the dropout": "K.set_learning_phase(1)\nprint(keras.Model(model.input, model.layers[0].output)(x))",
    "explicit flag": "K.set_learning_phase(1)\nprint(model(x, training=False))",
}


@pytest.mark.parametrize("source", NOT_FORCED.values(), ids=NOT_FORCED)
def test_a_phase_that_harms_nobody(source):
    assert found(source, "2") == []


def test_a_phase_of_0_before_fit_is_a_note():
    (finding,) = report("K.set_learning_phase(0)\nmodel.compile('adam', 'mse')\nmodel.fit(x, y)", "2")[1]
    assert (finding.code, finding.severity) == ("KTM301", Severity.NOTE)


GONE = {
    "generator": ("model.fit_generator(batches, steps_per_epoch=3)", "model.fit(batches, steps_per_epoch=3)"),
    "generator with workers": ("model.fit_generator(batches, epochs=3, workers=4)", "model.fit(batches, epochs=3)"),
    "prediction": ("model.predict_generator(batches, steps=3)", "model.predict(batches, steps=3)"),
    "evaluation": ("model.evaluate_generator(batches, 3)", None),
    "of something unknown": ("def run(net, batches):\n    net.fit_generator(batches)", "net.fit(batches)"),
    "attribute": (
        "class Trainer:\n    def run(self, batches):\n        self.model.fit_generator(batches)",
        "self.model.fit(batches)",
    ),
    "made by a subclass": (
        """\
        class Base:
            def __init__(self):
                self.body()
                self.net.compile(optimizer="adam", loss="mse")
            def body(self):
                self.net = None
            def fit_generator(self, batches):
                pass
            def fit(self, batches):
                self.net.fit_generator(batches)
        """,
        "self.net.fit(batches)",
    ),
    "members of an ensemble": (
        """\
        class Ensemble:
            def __init__(self, members):
                self.members = members
            def fit_generator(self, batches):
                for member in self.members:
                    member.fit_generator(batches)
        """,
        "member.fit(batches)",
    ),
    "classes": ("model.predict_classes(x)", None),
    "probabilities": ("model.predict_proba(x)", None),
    "workers": ("model.fit(x, y, workers=4)", "model.fit(x, y)"),
    "two arguments": ("model.fit(x, workers=4, use_multiprocessing=True)", "model.fit(x)"),
    "between others": ("model.fit(x, y, workers=4, epochs=2)", "model.fit(x, y, epochs=2)"),
    "first argument": ("model.evaluate(workers=4, x=x)", "model.evaluate(x=x)"),
    "queue": ("model.predict(x, max_queue_size=3)", "model.predict(x)"),
    "loaded": ("keras.models.load_model('m.keras').predict(x, workers=2)", "predict(x)"),
    "compiled elsewhere": (
        "def run(net):\n    net.compile(optimizer='adam', loss='mse')\n    net.fit(x, y, workers=3)",
        "net.fit(x, y)",
    ),
    "a model of a library, compiled": (
        "import segmentation_models as sm\nnet = sm.Unet()\nnet.compile(keras.optimizers.Adam())\nnet.fit_generator(x)",
        "net.fit(x)",
    ),
    "queue of something unknown": ("def run(net):\n    net.fit(x, y, max_queue_size=3)", "net.fit(x, y)"),
    "queue of something unknown, beside a class that fits": (
        """\
        class Trainer:
            def fit(self, batches):
                return model.fit(batches)
        def run(net):
            net.fit(x, y, max_queue_size=3)
        """,
        "net.fit(x, y)",
    ),
    "by keywords": ("OPTIONS = {'workers': 3}\nmodel.fit(x, y, **OPTIONS)", None),
}


@pytest.mark.parametrize(("source", "fixed"), GONE.values(), ids=GONE)
def test_what_keras_3_removed(source, fixed):
    program, findings = report(source)
    assert [finding.code for finding in findings] == ["KTM305"]
    assert (findings[0].fix is not None) == (fixed is not None)
    if fixed is not None:
        assert fixed in apply_edits(program, list(findings[0].fix.edits)).removeprefix(PRELUDE)


KEPT = {
    "a model of another library": "import torchbearer\nnet = torchbearer.Trial()\nnet.compile(x)\nnet.fit_generator(x)",
    "a model of a library with generators of its own": """\
        from deepchem.models import GraphConvModel
        from recipes import make_model
        def run(batches):
            made = make_model(GraphConvModel)
            made.fit_generator(batches)
        """,
    "workers of a loader": "from torch.utils.data import DataLoader\nDataLoader(x, workers=3)",
    "workers of something unknown": "forest.fit(x, y, workers=3)",
    "estimator": "from sklearn.svm import SVC\nSVC().predict_proba(x)",
    "fitted estimator": "from sklearn.svm import SVC\nSVC().fit(x, y).predict_proba(x)",
    "pipeline": "def run(pipeline):\n    return pipeline.predict_proba(x)",
    "boosting": "import xgboost\nxgboost.XGBClassifier().fit(x, y).predict_proba(x)",
    "own method": """\
        class Net(keras.Model):
            def fit_generator(self, batches):
                return self.fit(batches)
        Net().fit_generator(x)
        """,
    "own wrapper": """\
        class Trainer:
            def __init__(self):
                self.model = model
            def fit(self, batches, workers=1):
                return self.model.fit(batches)
        Trainer().fit(x, workers=3)
        """,
    "something of a project with such a method": """\
        class Trainer:
            def fit_generator(self, batches):
                return model.fit(batches)
        def run(trainer):
            trainer.fit_generator(x)
        """,
    "prepared": "if hasattr(model, 'fit_generator'):\n    model.fit_generator(x)\nelse:\n    model.fit(x)",
    "try": "try:\n    model.predict_classes(x)\nexcept AttributeError:\n    model.predict(x)",
    "class for older versions": """\
        if keras.__version__ < "2.2.5":
            class Model(keras.Model):
                def fit(self, rows, *args):
                    return self.fit_generator(rows, *args)
        """,
    "data set": "keras.utils.PyDataset(workers=3, use_multiprocessing=True)",
    "what stays": "model.fit(x, y, epochs=2, batch_size=3)",
}


@pytest.mark.parametrize("source", KEPT.values(), ids=KEPT)
def test_what_others_have_under_the_same_name(source):
    assert found(source) == []


@pytest.mark.parametrize(
    ("version", "expected"),
    [
        ("3.15", (Severity.WARNING, Applicability.SAFE)),
        (None, (Severity.NOTE, Applicability.UNSAFE)),
    ],
)
def test_only_a_known_version_makes_the_fix_safe(version, expected):
    (finding,) = report("model.fit(x, y, workers=4)", version)[1]
    assert (finding.severity, finding.fix.applicability) == expected


def test_keras_2_takes_all_of_it_but_what_it_lost_itself():
    assert found("model.fit(x, y, workers=4)\nmodel.fit_generator(x)", "2") == []
    (finding,) = report("model.predict_classes(x)", "2")[1]
    assert finding.severity is Severity.NOTE


ONLY_KERAS = "import keras\nlayers = keras.layers\n"


@pytest.mark.parametrize(
    ("backend", "expected"),
    [(ONLY_KERAS, ["KTM305"]), (f"import torch\n{ONLY_KERAS}", []), ("import numpy\nlayers = []\n", [])],
)
def test_a_module_may_know_keras_by_another_one(backend, expected, tmp_path):
    (tmp_path / "backend.py").write_text(backend)
    program = tmp_path / "ensemble.py"
    program.write_text(
        "import backend as K\nprint(K.layers)\ndef run(members, batches):\n"
        "    for member in members:\n        member.predict_generator(batches)\n"
    )
    settings = Resolver(isolated=True, overrides={"select": RULES, "keras-version": "3.15"}).of(tmp_path)
    analysis = Analysis(settings, tmp_path)
    assert bool(analysis.speakers(program, program.read_bytes())) is (backend.startswith("import numpy") is False)
    assert [each.code for each in analysis.check(program, read_text(program))] == expected


def test_triggers_cover_the_names():
    rule = find_rule("KTM305")
    for name in ("fit_generator", "predict_proba", "workers", "max_queue_size"):
        assert any(trigger in name.encode() for trigger in rule.triggers)
