"""Whatever is done to a project between two runs: what the cache says is what a run without it says."""

from __future__ import annotations

import contextlib
import io
import json
import os
import shutil
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dropout_lint.cache import replay
from dropout_lint.cache.facts import TICK
from dropout_lint.cache.store import Store
from dropout_lint.cli import main
from dropout_lint.engine import run
from dropout_lint.output.json_report import json_report

EXAMPLES = int(os.environ.get("CACHE_EXAMPLES", "20"))

TRAIN = """\
import keras
import numpy as np
from lib.config import FLAG
from mode import MODE

model = keras.Sequential([keras.layers.Dense(3), keras.layers.Dropout(0.5)])

def evaluate(x, y):
    return np.mean(np.argmax(model(x, training=FLAG), 1) == y)

def predict(x):
    return np.argmax(model(x, training=MODE), 1)

print(evaluate(np.ones((2, 4)), np.ones(2)), predict(np.ones((2, 4))))
"""
SERVE = """\
from pkg import helper
from train import model

def serve(x):
    return helper.run(model, x, True)
"""
LOOP = """\
import tensorflow as tf

def step(model, optimizer, loss, x, y):
    with tf.GradientTape() as tape:
        value = loss(y, model(x))
    optimizer.apply_gradients(zip(tape.gradient(value, model.trainable_variables), model.trainable_variables))
"""
FAR = """\
import keras
from near import step
import aside

model = keras.Sequential([keras.layers.Dense(3), keras.layers.Dropout(0.5), keras.layers.Dense(1)])
optimizer, loss = keras.optimizers.Adam(), keras.losses.MeanSquaredError()
for x, y in batches():
    step(model, optimizer, loss, x, y)
print(model(1, training=True))
"""
LATE = "def optional():\n    from late import nets\n    return nets\n"
USE = """\
import late

def evaluate(x):
    return late.optional().build()(x, training=True)

print(evaluate([[1.0]]))
"""
BOOK = "from train import model\nimport numpy as np\nprint(np.argmax(model(np.ones((2, 4)), training=True), 1))"
FILES = {
    "train.py": (TRAIN, TRAIN.replace("MODE)", "True)"), TRAIN.replace("training=FLAG", "training=not FLAG")),
    "lib/config.py": ("FLAG = True \n", "FLAG = False\n", "from lib.other import FLAG\n", "def (\n"),
    "lib/other.py": ("FLAG = True \n", "FLAG = False\n"),
    "lib/__init__.py": ("", "FLAG = 1\n"),
    "mode.py": ("MODE = True \n", "MODE = False\n", "from lib.config import FLAG as MODE\n"),
    "mode/__init__.py": ("MODE = True \n", "MODE = False\n"),
    "keras.py": ("class Sequential: pass\n",),
    "serve.py": (SERVE, SERVE.replace("True", "None"), "import train  # dropout-lint: ignore[KTM101] none\n"),
    "pkg/helper.py": (
        "import numpy as np\n\ndef run(m, x, flag):\n    return np.argmax(m(x, training=flag), 1)\n",
        "import numpy as np\n\ndef run(m, x, flag):\n    return np.argmax(m(x, flag), 1)\n",
    ),
    "pkg/loop.py": (LOOP, LOOP.replace("model(x)", "model(x, training=True)")),
    # of what imports it from afar only some rules are asked for, unless what it imports besides says something of them
    "far.py": (FAR, FAR.replace("True", "False")),
    "near.py": ("from nearer import step\n",),
    "nearer.py": ("from pkg.loop import step\n",),
    "aside.py": ("x = 1\n", "import tensorflow as tf\nwith tf.GradientTape() as tape:\n    pass\n"),
    # what a package imports in a function counts for who mentions that
    "use.py": (USE, USE.replace("optional()", "other"), "from use import evaluate\n"),
    "late/__init__.py": (LATE, LATE.replace("optional", "other"), f"{LATE}other = optional()\n", ""),
    "late/nets.py": (
        "import keras\n\ndef build():\n    return keras.Sequential([keras.layers.Dropout(0.5)])\n",
        "import numpy\n\ndef build():\n    return numpy.ones\n",
    ),
    "pkg/helper/__init__.py": ("def run(m, x, flag):\n    return m(x, training=False)\n",),
    "pkg/requirements.txt": ("keras==2.15\n",),
    "requirements.txt": ("keras==3.15.0\n", "keras==2.15.0\n", "-r other.txt\n", ""),
    "requirements/note.md": ("",),
    "requirements/base.txt": ("keras==2.15.0\n",),
    "other.txt": ("tensorflow==2.15.1\n", "keras==3.10.0\n"),
    "setup.py": ("from setuptools import setup\nsetup(install_requires=['tf_keras'])\n",),
    "dropout-lint.toml": (
        "",
        'keras-version = "2"\n',
        'stochastic-inference = ["evaluate"]\n',
        'src = ["pkg"]\n',
        'select = ["KTM1"]\n',
        'min-confidence = "low"\n',
        '[severity]\nKTM101 = "note"\n',
    ),
    "book.ipynb": (json.dumps({"cells": [{"cell_type": "code", "source": BOOK, "metadata": {}, "outputs": []}]}),),
}
START = (
    "train.py", "lib/config.py", "lib/__init__.py", "serve.py", "pkg/helper.py", "requirements.txt", "pkg/loop.py",
    "far.py", "near.py", "nearer.py", "aside.py", "use.py", "late/__init__.py", "late/nets.py",
)  # fmt: skip

PROGRAMS = st.sampled_from(sorted(name for name in FILES if name.endswith(".py")))
WRITES = st.sampled_from([("write", name, text) for name, texts in FILES.items() for text in texts])
EDITS = st.one_of(
    WRITES,
    WRITES,
    # as an editor, a checkout or a restored backup leaves it: with the time of what was there before
    WRITES.map(lambda edit: ("write back in time", *edit[1:])),
    st.tuples(st.sampled_from(["delete", "touch"]), st.sampled_from(sorted({*FILES, "lib", "pkg", "mode"}))),
    st.tuples(st.just("rename"), PROGRAMS, PROGRAMS),
    st.just(("nothing",)),
    st.tuples(st.just("check"), st.sampled_from(["train.py", "serve.py", "far.py", "pkg", "use.py"])),
)


def apply(edit):
    kind, *rest = edit
    if kind in ("check", "nothing"):
        return
    path = Path(rest[0])
    # what cannot be done to the project as it stands is not done
    with contextlib.suppress(OSError):
        if kind == "delete":
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        elif kind == "touch":
            os.utime(path)
        elif kind == "rename":
            Path(rest[1]).parent.mkdir(parents=True, exist_ok=True)
            path.replace(rest[1])
        else:
            before = path.stat() if path.exists() else None
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(rest[1])
            if before is not None and kind == "write back in time":
                os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


@contextlib.contextmanager
def project(directory, tick):
    """The project as it is at first, as the working directory."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr("dropout_lint.cache.facts.TICK", tick)
        shutil.rmtree(directory, ignore_errors=True)
        directory.mkdir()
        monkeypatch.chdir(directory)
        Path(".git").mkdir()
        for name in START:
            apply(("write", name, FILES[name][0]))
        yield


def agree(directory, edits, tick, *, processes=False):
    with project(directory, tick):
        for edit in (("nothing",), ("nothing",), *edits, ("nothing",)):
            apply(edit)
            paths = [Path(edit[1] if edit[0] == "check" and Path(edit[1]).exists() else "")]
            kept = run(paths, store=Store(Path("cache").absolute()), processes=processes)
            anew = run(paths)
            assert kept == anew
            assert json_report(kept) == json_report(anew)


TICKS = pytest.mark.parametrize(
    "tick",
    [
        pytest.param(TICK, id="just written"),
        # as it would be some seconds later: statuses are trusted
        pytest.param(-(10**18), id="settled"),
    ],
)


@TICKS
@settings(max_examples=3, deadline=None, suppress_health_check=list(HealthCheck))
@given(edits=st.lists(EDITS, min_size=3, max_size=6))
def test_results_are_those_of_a_run_without_a_cache(tmp_path_factory, tick, edits):
    agree(tmp_path_factory.getbasetemp() / "edited", edits, tick)


@settings(max_examples=2, deadline=None, suppress_health_check=list(HealthCheck))
@given(edits=st.lists(EDITS, min_size=3, max_size=6))
def test_so_they_are_where_other_processes_do_the_work(tmp_path_factory, edits):
    agree(tmp_path_factory.getbasetemp() / "edited", edits, -(10**18), processes=True)


@TICKS
@pytest.mark.slow
@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
@given(edits=st.lists(EDITS, min_size=4, max_size=12))
def test_results_are_those_of_a_run_without_a_cache_whatever_is_done(tmp_path_factory, tick, edits):
    agree(tmp_path_factory.getbasetemp() / "edited", edits, tick)


def printed(*arguments):
    """Exit status and standard output of a command line, and whether it was replayed."""
    arguments = list(arguments)
    out = io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(io.StringIO()):
        key = replay.key_of(arguments)
        code = replay.replay(key, arguments)
        again = code is not None
        if not again:
            with pytest.raises(SystemExit) as ended:
                main(arguments, key=key)
            code = ended.value.code
    return code, out.getvalue(), again


def replays(directory, edits, target):
    with project(directory, -(10**18)):
        for edit in (("nothing",), *edits):
            apply(edit)
            if not Path(target).exists():
                continue
            for _ in range(2):
                assert printed(target)[:2] == printed(target, "--no-cache")[:2]


TARGETS = pytest.mark.parametrize("target", [".", "train.py", "pkg", "lib"])


@TARGETS
@settings(max_examples=1, deadline=None, suppress_health_check=list(HealthCheck))
@given(edits=st.lists(EDITS, min_size=3, max_size=6))
def test_what_is_replayed_is_what_a_run_would_say(tmp_path_factory, target, edits):
    replays(tmp_path_factory.getbasetemp() / "replayed", edits, target)


@TARGETS
@pytest.mark.slow
@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
@given(edits=st.lists(EDITS, min_size=4, max_size=12))
def test_what_is_replayed_is_what_a_run_would_say_whatever_is_done(tmp_path_factory, target, edits):
    replays(tmp_path_factory.getbasetemp() / "replayed", edits, target)
