"""Which Keras a file is judged by: a table of projects, and what each says."""

import json
import textwrap
from pathlib import Path

import pytest

from dropout_lint.semantics.interpreter import interpret
from dropout_lint.semantics.modules import Project
from dropout_lint.syntax.parse import parse
from dropout_lint.targets import Targets

TF = "import tensorflow as tf\nmodel = tf.keras.Sequential()\n"
KERAS = "import keras\nmodel = keras.Sequential()\n"


def target(tmp_path, files, source, setting=None, name="program.py"):
    for path, text in files.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(textwrap.dedent(text), encoding="utf-8")
    file = tmp_path / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(source, encoding="utf-8")

    def load(path):
        text = Path(path).read_text(encoding="utf-8")
        return text, parse(text, path)

    project = Project((tmp_path,), load)
    tree = parse(source, file)
    project.keep(file, source, tree)
    return Targets(setting, tmp_path).of(file, interpret(project, file, source, tree))


def judged(found):
    return (str(found.keras) if found.keras is not None else None, found.evidence)


LOCK = '[[package]]\nname = "numpy"\nversion = "1.26.0"\n\n[[package]]\nname = "{0}"\nversion = "{1}"\n'
UNKNOWN = (None, "")

PINS = {
    "exact, Keras 2": ({"requirements.txt": "tensorflow==2.15.1\n"}, TF, ("2.15", "pin")),
    "exact, Keras 3": ({"requirements.txt": "tensorflow==2.17.0\n"}, TF, ("3", "pin")),
    "upper bound": ({"requirements.txt": "tensorflow>=2.4,<2.16  # last with Keras 2\n"}, TF, ("2", "pin")),
    "open above": ({"requirements.txt": "tensorflow>=2.4\n"}, TF, UNKNOWN),
    "open above, new": ({"requirements.txt": "tensorflow>=2.16\n"}, TF, ("3", "pin")),
    "without a version": ({"requirements.txt": "tensorflow\n"}, TF, UNKNOWN),
    "compatible release": ({"requirements.txt": "tensorflow~=2.14.0\n"}, TF, ("2.14", "pin")),
    "compatible within 2": ({"requirements.txt": "tensorflow~=2.8\n"}, TF, UNKNOWN),
    "wildcard": ({"requirements.txt": "tensorflow-gpu==2.4.*\n"}, TF, ("2", "pin")),
    "first generation": ({"requirements.txt": "tensorflow-gpu==1.15.2\n"}, TF, ("2", "pin")),
    "other builds": ({"requirements.txt": "tensorflow_cpu==2.12\n"}, TF, ("2.12", "pin")),
    "platforms": (
        {
            "requirements.txt": """\
                tensorflow==2.13.0; sys_platform != "darwin"
                tensorflow-macos==2.13.0; sys_platform == "darwin"
                """
        },
        TF,
        ("2.13", "pin"),
    ),
    "Pythons that disagree": (
        {
            "requirements.txt": """\
                tensorflow==2.10.0; python_version < "3.9"
                tensorflow==2.17.0; python_version >= "3.9"
                """
        },
        TF,
        UNKNOWN,
    ),
    "keras exact": ({"requirements.txt": "keras==3.4.1\n"}, KERAS, ("3.4", "pin")),
    "keras open": ({"requirements.txt": "keras>=3.3\n"}, KERAS, ("3", "pin")),
    "keras below 3": ({"requirements.txt": "Keras<3\n"}, KERAS, ("2", "pin")),
    "keras 2 or 3": ({"requirements.txt": "keras>=2.12\n"}, KERAS, UNKNOWN),
    "both": ({"requirements.txt": "tensorflow>=2.16\nkeras==3.6.0\n"}, TF, ("3.6", "pin")),
    "keras narrows tensorflow": ({"requirements.txt": "tensorflow>=2.4\nkeras>=3\n"}, TF, ("3", "pin")),
    "preview beside TensorFlow 2.15, keras": (
        {"requirements.txt": "tensorflow==2.15.0\nkeras==3.0.5\n"},
        KERAS,
        ("3.0", "pin"),
    ),
    "preview beside TensorFlow 2.15, tf.keras": (
        {"requirements.txt": "tensorflow==2.15.0\nkeras==3.0.5\n"},
        TF,
        ("2.15", "pin"),
    ),
    "legacy alone": ({"requirements.txt": "tf-keras==2.17\n"}, TF, ("2", "pin")),
    "legacy beside": ({"requirements.txt": "tensorflow==2.17\ntf-keras\n"}, TF, UNKNOWN),
    "contradiction": (
        {"requirements.txt": "tensorflow==2.15.0\n", "requirements-new.txt": "tensorflow==2.17.0\n"},
        TF,
        UNKNOWN,
    ),
    "include": (
        {"requirements.txt": "-r requirements/base.txt\n", "requirements/base.txt": "tensorflow==2.9.1\n"},
        TF,
        ("2.9", "pin"),
    ),
    "constraint": (
        {"requirements.txt": "tensorflow\n-c limits.txt\n", "limits.txt": "tensorflow==2.18.*\n"},
        TF,
        ("3", "pin"),
    ),
    "include of itself": (
        {
            "requirements.txt": "-r requirements.txt\n-r more.txt\ntensorflow==2.9.1\n",
            "more.txt": "-r requirements.txt\n",
        },
        TF,
        ("2.9", "pin"),
    ),
    "hashes and options": (
        {"requirements.txt": "--index-url https://example.org\ntensorflow==2.13.0 \\\n  --hash=sha256:0123\n"},
        TF,
        ("2.13", "pin"),
    ),
    "wheel": (
        {"requirements.txt": "tensorflow @ https://example.org/tensorflow-2.15.0-cp311-cp311-linux_x86_64.whl\n"},
        TF,
        ("2.15", "pin"),
    ),
    "pyproject": ({"pyproject.toml": '[project]\ndependencies = ["tensorflow[and-cuda]==2.17.1"]\n'}, TF, ("3", "pin")),
    "extra": (
        {"pyproject.toml": '[project]\ndependencies = ["numpy"]\noptional-dependencies.tf = ["tensorflow<2.16"]\n'},
        TF,
        ("2", "pin"),
    ),
    "dependency before extra": (
        {"pyproject.toml": '[project]\ndependencies = ["keras>=3"]\noptional-dependencies.old = ["keras<3"]\n'},
        KERAS,
        ("3", "pin"),
    ),
    "group": (
        {"pyproject.toml": '[dependency-groups]\ndev = ["keras==3.8.0", {include-group = "x"}]\n'},
        KERAS,
        ("3.8", "pin"),
    ),
    "poetry caret": (
        {"pyproject.toml": '[tool.poetry.dependencies]\npython = "^3.9"\ntensorflow = "^2.4"\n'},
        TF,
        UNKNOWN,
    ),
    "poetry tilde": ({"pyproject.toml": '[tool.poetry.dependencies]\ntensorflow = "~2.11"\n'}, TF, ("2.11", "pin")),
    "poetry table": (
        {"pyproject.toml": '[tool.poetry.dependencies]\ntensorflow = {version = ">=2.4,<2.14", optional = true}\n'},
        TF,
        ("2", "pin"),
    ),
    "poetry exact": (
        {"pyproject.toml": '[tool.poetry.group.tf.dependencies]\nkeras = "3.10.0"\n'},
        KERAS,
        ("3.10", "pin"),
    ),
    "setup.cfg": (
        {"setup.cfg": "[options]\ninstall_requires =\n    numpy\n    tensorflow>=2.0,<2.11\n"},
        TF,
        ("2", "pin"),
    ),
    "setup.py": (
        {
            "setup.py": """\
                from setuptools import setup
                import missing_module
                REQUIRED = ["numpy", "tensorflow==2.14.0"]
                setup(name="x", install_requires=REQUIRED + ["scipy"])
                """
        },
        TF,
        ("2.14", "pin"),
    ),
    "setup.py, extras": (
        {"setup.py": "import setuptools\nsetuptools.setup(extras_require={'tf': ['tensorflow>=2.16']})\n"},
        TF,
        ("3", "pin"),
    ),
    "setup.py, computed": ({"setup.py": "from setuptools import setup\nsetup(install_requires=read())\n"}, TF, UNKNOWN),
    "Pipfile": ({"Pipfile": '[packages]\ntensorflow = "==2.15.*"\n'}, TF, ("2.15", "pin")),
    "Pipfile, any": ({"Pipfile": '[packages]\ntensorflow = "*"\n'}, TF, UNKNOWN),
    "environment.yml": (
        {"environment.yml": "name: x\ndependencies:\n  - python=3.9\n  - conda-forge::tensorflow=2.10\n"},
        TF,
        ("2.10", "pin"),
    ),
    "environment.yml, build": (
        {"environment.yml": "dependencies:\n- tensorflow-gpu=2.4.1=h30adc30_0\n"},
        TF,
        ("2", "pin"),
    ),
    "environment.yml, pip": (
        {"environment.yml": 'dependencies:\n  - pip\n  - pip:\n      - "tensorflow==2.17.0"  # new\n'},
        TF,
        ("3", "pin"),
    ),
    "environment.yml, range": ({"environment.yml": 'dependencies:\n  - "tensorflow >=2.16,<2.19"\n'}, TF, ("3", "pin")),
    "uv.lock": (
        {"uv.lock": LOCK.format("keras", "3.12.1"), "pyproject.toml": '[project]\ndependencies = ["keras"]\n'},
        KERAS,
        ("3.12", "pin"),
    ),
    "poetry.lock": ({"poetry.lock": LOCK.format("tensorflow", "2.8.0")}, TF, ("2.8", "pin")),
    "pdm.lock": ({"pdm.lock": LOCK.format("tensorflow", "2.18.0")}, TF, ("3", "pin")),
    "lock with two versions": (
        {"uv.lock": LOCK.format("tensorflow", "2.15.1") + LOCK.format("tensorflow", "2.18.0")},
        TF,
        UNKNOWN,
    ),
    "Pipfile.lock": (
        {"Pipfile.lock": json.dumps({"default": {"tensorflow": {"version": "==2.6.2"}}, "develop": {}})},
        TF,
        ("2.6", "pin"),
    ),
    "conda-lock.yml": (
        {"conda-lock.yml": "package:\n- name: tensorflow\n  version: 2.12.1\n  manager: conda\n"},
        TF,
        ("2.12", "pin"),
    ),
    "explicit conda lock": (
        {"conda-linux-64.lock": "@EXPLICIT\nhttps://conda.anaconda.org/x/linux-64/keras-3.9.0-pyh753f3f9_0.conda\n"},
        KERAS,
        ("3.9", "pin"),
    ),
    "another package": ({"requirements.txt": "tensorflow-probability==0.24\nkeras-tuner==1.4\n"}, TF, UNKNOWN),
}


@pytest.mark.parametrize(("files", "source", "expected"), PINS.values(), ids=PINS)
def test_pins(tmp_path, files, source, expected):
    assert judged(target(tmp_path, files, source)) == expected


DAMAGED = {
    "TOML": {"pyproject.toml": "[project\ndependencies = ["},
    "deep TOML": {"pyproject.toml": "a = " + "[" * 20000},
    "JSON": {"Pipfile.lock": "{" * 100000},
    "Python": {"setup.py": "setup(install_requires=["},
    "deep Python": {"setup.py": "x = " + "(" * 5000 + ")" * 5000},
    "INI": {"setup.cfg": "install_requires\n=\x00"},
    "wrong types": {"pyproject.toml": "project = 3\ntool.poetry = [1]\n"},
    "wrong types inside": {"pyproject.toml": "[project]\ndependencies = [1, {a = 2}]\noptional-dependencies = 7\n"},
    "requirement": {"requirements.txt": "tensorflow==\n-r\n-r \x00\n@@@\n"},
    "too large": {"requirements.txt": "tensorflow==2.17.0\n" + "#" * 3_000_000},
}


@pytest.mark.parametrize("files", DAMAGED.values(), ids=DAMAGED)
def test_damaged_files_say_nothing(tmp_path, files):
    assert judged(target(tmp_path, files, TF)) == UNKNOWN


def test_a_damaged_file_does_not_silence_the_one_beside_it(tmp_path):
    files = {"pyproject.toml": "[", "requirements.txt": "tensorflow==2.17.0\n"}
    assert judged(target(tmp_path, files, TF)) == ("3", "pin")


def test_setup_py_is_never_run(tmp_path):
    files = {"setup.py": "open('ran', 'w').close()\nfrom setuptools import setup\nsetup()\n"}
    target(tmp_path, files, TF)
    assert not (tmp_path / "ran").exists()


def test_the_nearest_folder_that_says_something_decides(tmp_path):
    files = {
        "requirements.txt": "tensorflow==2.17.0\n",
        "old/requirements.txt": "tensorflow==2.10.0\n",
        "old/deep/requirements.txt": "numpy\n",
    }
    found = target(tmp_path, files, TF, name="old/deep/program.py")
    assert judged(found) == ("2.10", "pin")
    assert found.reason == "tensorflow==2.10.0 in requirements.txt"
    assert [path.relative_to(tmp_path).as_posix() for path in found.consulted] == [
        "old/deep/requirements.txt",
        "old/requirements.txt",
    ]


def test_what_lies_outside_the_repository_does_not_count(tmp_path):
    (tmp_path / "inner" / ".git").mkdir(parents=True)
    found = target(tmp_path, {"requirements.txt": "tensorflow==2.17.0\n"}, TF, name="inner/program.py")
    assert judged(found) == UNKNOWN


ORDER = {
    "tf_keras before the setting": ("import tf_keras\n", "3.15", ("2", "import")),
    "tf_keras before pins": ("import tf_keras as keras\n", None, ("2", "import")),
    "setting before pins": (TF, "2", ("2", "setting")),
    "pins before syntax": ("from tensorflow import keras\nkeras.backend.learning_phase()\n", None, ("3", "pin")),
    "legacy variable": ('import os\nos.environ["TF_USE_LEGACY_KERAS"] = "1"\n' + TF, "3.15", ("2", "environment")),
    "legacy variable by default": (
        'import os\nos.environ.setdefault("TF_USE_LEGACY_KERAS", "1")\n' + TF,
        None,
        ("2", "environment"),
    ),
    "legacy variable, too late": (TF + 'import os\nos.environ["TF_USE_LEGACY_KERAS"] = "1"\n', None, ("3", "pin")),
    "legacy variable off": ('import os\nos.environ["TF_USE_LEGACY_KERAS"] = "0"\n' + TF, None, ("3", "pin")),
    "legacy variable, another Keras": (
        'import os\nos.environ["TF_USE_LEGACY_KERAS"] = "1"\n' + KERAS,
        None,
        ("3", "pin"),
    ),
    "legacy variable under a condition": (
        'import os, sys\nif len(sys.argv) > 1:\n    os.environ["TF_USE_LEGACY_KERAS"] = "1"\n' + TF,
        None,
        ("3", "pin"),
    ),
}


@pytest.mark.parametrize(("source", "setting", "expected"), ORDER.values(), ids=ORDER)
def test_evidence_has_an_order(tmp_path, source, setting, expected):
    assert judged(target(tmp_path, {"requirements.txt": "tensorflow==2.17.0\n"}, source, setting)) == expected


SYNTAX = {
    "nothing": (TF, UNKNOWN),
    "private Keras 2": ("from tensorflow.python.keras import backend as K\n", ("2", "syntax")),
    "learning phase": ("from tensorflow.keras import backend as K\nK.set_learning_phase(0)\n", ("2", "syntax")),
    "generators": (KERAS + "model.fit_generator(data)\n", ("2", "syntax")),
    "TensorFlow 1": ("import tensorflow as tf\nx = tf.placeholder(tf.float32)\n", ("2", "syntax")),
    "TensorFlow 1, session": (TF + "with tf.Session() as session:\n    pass\n", ("2", "syntax")),
    "compatibility module": ("import tensorflow.compat.v1 as tf\nx = tf.placeholder(tf.float32)\n", UNKNOWN),
    "ops": ("from keras import ops\n", ("3", "syntax")),
    "ops by attribute": ("import keras\nkeras.ops.mean([1.0])\n", ("3", "syntax")),
    "random": ("import keras\nkeras.random.normal((2,))\n", ("3", "syntax")),
    "saving is of both": ("import keras\nkeras.saving.load_model('m.keras')\n", UNKNOWN),
    "both": ("import keras\nkeras.ops.mean(1)\nkeras.backend.learning_phase()\n", UNKNOWN),
    "argument of an optimizer": ("import keras\nkeras.optimizers.Adam(lr=0.1)\n", ("2", "syntax")),
    "argument of a model": ("import keras\nkeras.Model(input=1, output=2)\n", ("2", "syntax")),
    "argument of fit": ("import keras\nmodel = keras.Sequential()\nmodel.fit(1, nb_epoch=3)\n", ("2", "syntax")),
    "method of a metric": ("import keras\nseen = keras.metrics.Mean()\nseen.reset_states()\n", ("2", "syntax")),
    "package for Keras 2": (KERAS + "import tensorflow_addons as tfa\ntfa.optimizers.AdamW(1)\n", ("2", "syntax")),
    "an lr of another library": (KERAS + "import torch\ntorch.optim.Adam(lr=0.1)\n", UNKNOWN),
    "an own layer": ("from tensorflow.keras.layers import Layer\n", UNKNOWN),
}


@pytest.mark.parametrize(("source", "expected"), SYNTAX.values(), ids=SYNTAX)
def test_syntax_decides_last(tmp_path, source, expected):
    assert judged(target(tmp_path, {}, source)) == expected


BACKENDS = {
    "not said": (KERAS, None),
    "jax": ('import os\nos.environ["KERAS_BACKEND"] = "jax"\n' + KERAS, "jax"),
    "torch": ('import os\nos.environ.update(KERAS_BACKEND="torch")\n' + KERAS, "torch"),
    "too late": (KERAS + 'import os\nos.environ["KERAS_BACKEND"] = "jax"\n', None),
    "Keras 2": ("import tf_keras\n", "tensorflow"),
    "unknown backend": ('import os\nos.environ["KERAS_BACKEND"] = "mxnet"\n' + KERAS, None),
    "jax is imported": ("import jax\n" + KERAS, None),
}


@pytest.mark.parametrize(("source", "backend"), BACKENDS.values(), ids=BACKENDS)
def test_backends(tmp_path, source, backend):
    assert target(tmp_path, {}, source).backend == backend


def test_a_module_that_is_imported_first_may_set_it(tmp_path):
    files = {"config.py": 'import os\nos.environ["KERAS_BACKEND"] = "jax"\n'}
    assert target(tmp_path, files, "import config\n" + KERAS).backend == "jax"
    files = {"config.py": 'import os\nos.environ["TF_USE_LEGACY_KERAS"] = "1"\nREADY = True\n'}
    assert judged(target(tmp_path, files, "from config import READY\n" + TF)) == ("2", "environment")
