"""What a file holds is also read from the side of those who import it."""

from __future__ import annotations

from pathlib import Path

import pytest

from dropout_lint.cache.store import Store
from dropout_lint.engine import run
from dropout_lint.importers import MOST_IMPORTERS, statements

TRAINER = """
import tensorflow as tf


class Trainer:
    def __init__(self, model, optimizer, loss):
        self.model, self.optimizer, self.loss = model, optimizer, loss

    def step(self, x, y):
        with tf.GradientTape() as tape:
            loss = self.loss(y, self.model(x))
        gradients = tape.gradient(loss, self.model.trainable_variables)
        self.optimizer.apply_gradients(zip(gradients, self.model.trainable_variables))
"""
PROGRAM = """
import keras
from training.loop import Trainer

model = keras.Sequential([keras.layers.Dense(8), {layer}, keras.layers.Dense(1)])
trainer = Trainer(model, keras.optimizers.Adam(), keras.losses.MeanSquaredError())
for x, y in batches():
    trainer.step(x, y)
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def write(files):
        for name, content in files.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content)

    return write


def found(*paths, **options):
    return [(each.path, each.span.start.line, each.code) for each in run(map(Path, paths), **options).findings]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        (b"import a\nimport b", [b"import a", b"import b"]),
        (b"x = 1\n  from a import b  # why\n", [b"  from a import b  "]),
        (b"from . import a\nfrom ..a.b import (c,\n    d)\n", [b"from . import a", b"from ..a.b import (c,"]),
        (b'{"source": [\n  "import a\\n",\n', [b'  "import a\\n",']),
        (b"if x: import a\n# import b\nimportant = 'import c'\n", []),
        (b"reimport\n\nimport a, b\n", [b"import a, b"]),
        (b"import\nfrom a\nimport", []),
        (b"", []),
    ],
)
def test_import_statements_are_found_where_a_line_begins_with_one(source, expected):
    assert list(statements(source)) == expected


DROPOUT = PROGRAM.format(layer="keras.layers.Dropout(0.5)")
THROUGH = "from training.loop import Trainer\n\ndef train(model, a, b):\n    Trainer(model, a, b).step(1, 2)\n"
HANDS_ON = (
    "import keras\nfrom training.all import train\n\nif __name__ == '__main__':\n"
    "    train(keras.Sequential([keras.layers.Dense(8), keras.layers.Dropout(0.5)]), None, keras.losses.mse)\n"
)
NESTED = "import keras\nfrom training import Trainer\n" + DROPOUT.partition("Trainer\n")[2]
HERE = [("training/loop.py", 11, "KTM105")]


@pytest.mark.parametrize(
    ("others", "expected"),
    [
        pytest.param({}, [], id="nobody says what the model is"),
        pytest.param({"main.py": DROPOUT}, HERE, id="a program does"),
        pytest.param({"main.py": PROGRAM.format(layer="keras.layers.ReLU()")}, [], id="it holds nothing of the kind"),
        pytest.param({"training/all.py": THROUGH, "main.py": HANDS_ON}, HERE, id="through another module"),
        pytest.param({"training/__init__.py": "from .loop import Trainer\n", "main.py": NESTED}, HERE, id="a package"),
        pytest.param(
            {
                "main.py": DROPOUT.replace("training.loop import Trainer", "training import loop").replace(
                    "= T", "= loop.T"
                )
            },
            HERE,
            id="a folder that is no package",
        ),
        pytest.param({"main.py": DROPOUT.replace("loop", "loops")}, [], id="it imports something else"),
        pytest.param({"test_loop.py": DROPOUT}, [], id="what a unit test makes up is no program"),
        pytest.param({"main.py": "def (:\n" + DROPOUT}, [], id="what is broken says nothing, and is not reported"),
        pytest.param({".venv/lib/main.py": DROPOUT}, [], id="what is excluded"),
    ],
)
def test_a_file_is_read_with_the_programs_that_import_it(folder, others, expected):
    folder({"training/loop.py": TRAINER, **others})

    assert found("training/loop.py") == expected


def test_a_program_may_be_run_from_a_folder_above_its_own(folder):
    folder({"part/training/loop.py": TRAINER, "part/tools/main.py": DROPOUT, "other/tools/main.py": DROPOUT})

    assert found("part") == [("part/training/loop.py", 11, "KTM105")]


def test_what_an_importer_does_wrong_itself_is_not_asked_for(folder):
    folder({"training/loop.py": TRAINER, "main.py": f"{DROPOUT}\nmodel.evaluate(x_test, y_test)\nmodel.eval()\n"})

    assert found("training/loop.py") == HERE
    assert ("main.py", 11, "KTM303") in found(".")


def test_only_the_files_that_were_named_are_counted(folder):
    folder({"training/loop.py": TRAINER, "main.py": DROPOUT})
    report = run([Path("training/loop.py")])

    assert (report.files, report.candidates) == (("training/loop.py",), 1)


def test_a_file_can_be_read_alone(folder):
    folder({"training/loop.py": TRAINER, "main.py": DROPOUT})

    assert found("training/loop.py", importers=False) == []


def test_of_many_importers_some_are_read_programs_before_modules(folder):
    unaware = "from training.loop import Trainer\n"
    helpers = {f"a{number}.py": unaware for number in range(MOST_IMPORTERS)}
    main = DROPOUT + "".join(f"import a{number}\n" for number in range(MOST_IMPORTERS))
    folder({"training/loop.py": TRAINER, **helpers, "main.py": main})
    assert found("training/loop.py") == HERE

    folder({f"b{number}.py": unaware for number in range(MOST_IMPORTERS)})
    assert found("training/loop.py") == []


NET = """
import keras


class Net(keras.Model):
    def __init__(self):
        super().__init__()
        self.hidden, self.drop, self.last = keras.layers.Dense(8), keras.layers.Dropout(0.5), keras.layers.Dense(1)

    def call(self, x):
        return self.last(self.drop(self.hidden(x), training=True))


def build():
    inputs = keras.Input((4,))
    hidden = keras.layers.Dropout(0.5)(keras.layers.Dense(8)(inputs), training=True)
    return keras.Model(inputs, keras.layers.Dense(1)(hidden))
"""
TRAINED = (
    "from net import Net, build\nfor model in (Net(), build()):\n    model.compile('sgd', 'mse')\n    model.fit(x, y)\n"
)
DRAWN = (
    "import numpy as np\nfrom net import Net, build\nfor model in (Net(), build()):\n"
    "    print(np.mean([model(x) for _ in range(20)], axis=0))\n"
)


@pytest.mark.parametrize("named", [["net.py"], ["."]])
@pytest.mark.parametrize(
    ("others", "expected"),
    [
        pytest.param({}, [("net.py", 11, "KTM103")], id="nobody uses it"),
        pytest.param({"train.py": TRAINED}, [("net.py", 11, "KTM103"), ("net.py", 16, "KTM102")], id="trained"),
        pytest.param(
            {"train.py": TRAINED, "uncertainty.py": DRAWN}, [], id="trained, and drawn from by another program"
        ),
    ],
)
def test_a_program_that_draws_speaks_for_the_model_in_all_others(folder, others, expected, named):
    folder({"net.py": NET, **others})

    assert found(*named) == expected


TOWER = """
import keras


class Block(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.drop = keras.layers.Dropout(0.5)

    def call(self, x):
        return self.drop(x)


class Tower(keras.Model):
    def __init__(self):
        super().__init__()
        self.blocks = [Block(), Block()]

    def call(self, x):
        for block in self.blocks:
            x = block(x)
        return x


def build():
    return Tower()
"""


@pytest.mark.parametrize("named", ["tower.py", "."])
@pytest.mark.parametrize("made", ["Tower()", "build()"])
def test_the_call_of_a_model_is_looked_at_where_it_is_fitted(folder, made, named):
    fitted = f"from tower import Tower, build\n\nmodel = {made}\nmodel.compile('sgd', 'mse')\nmodel.fit(x, y)\n"
    folder({"tower.py": TOWER, "train.py": fitted, "pyproject.toml": "[tool.dropout-lint]\nkeras-version = '3.15'\n"})

    assert found(named) == [("tower.py", 19, "KTM403")]


FITTER = """
import keras

def fit(model, data):
    model.fit(data, epochs=3, workers=8)
"""
WITH_MODEL = """
import keras
from fitter import fit

model = keras.Sequential([keras.layers.Dense(1)])
model.compile("adam", "mse")
fit(model, data)
"""


def test_an_importer_is_asked_what_is_asked_of_the_file_whatever_was_found_before(folder, tmp_path):
    folder({"fitter.py": FITTER, "main.py": WITH_MODEL})
    store = Store(tmp_path / "kept")
    run([Path()], store=store)

    again = run([Path("fitter.py")], store=store)

    expected = [("fitter.py", 5, "KTM305")]
    assert [(each.path, each.span.start.line, each.code) for each in again.findings] == expected
    assert found("fitter.py") == found(".") == expected


def test_the_project_that_keras_core_comes_from_is_read_as_what_uses_it(folder):
    step = "from keras_core import layers\nimport keras_core as keras\n" + DROPOUT.replace("import keras\n", "")
    folder(
        {
            "keras_core/__init__.py": "from keras_core import layers\nfrom keras_core.models import Sequential\n",
            "keras_core/layers.py": "class Dropout:\n    pass\n",
            "keras_core/models.py": "class Sequential:\n    pass\n",
            "training/loop.py": TRAINER,
            "main.py": step,
        }
    )

    assert found("main.py", "training/loop.py") == HERE
