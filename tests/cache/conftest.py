"""A project, and runs over it with and without a cache."""

from __future__ import annotations

from pathlib import Path

import pytest

from dropout_lint.analysis import Analysis
from dropout_lint.cache.store import Store
from dropout_lint.engine import run

TRAIN = """\
import keras
import numpy as np
from flags import FLAG
import missing

model = keras.Sequential([keras.layers.Dense(3), keras.layers.Dropout(0.5)])

def evaluate(x, y):
    return np.mean(np.argmax(model(x, training=FLAG), 1) == y)

print(evaluate(np.ones((2, 4)), np.ones(2)))
"""


@pytest.fixture
def top(write):
    """The cache of a project in which one file has a finding that depends on another file."""
    write("train.py", TRAIN)
    write("flags.py", "FLAG = True\n")
    write("plain.py", "import os\n")
    return Path(".dropout_lint_cache").absolute()


@pytest.fixture
def check(top):
    """Checks the project with the cache, and counts what is analysed anew."""

    def checked(**overrides):
        store = Store(top)
        report = run([Path()], store=store, **overrides)
        return report, sorted(Path(name).name for new in store.new.values() for name in new), store

    return checked


@pytest.fixture
def analysed(monkeypatch):
    """The names of the files that are analysed, as they come."""
    names = []
    real = Analysis.check

    def check(self, path, text, speakers=None):
        names.append(path.name)
        return real(self, path, text, speakers)

    monkeypatch.setattr(Analysis, "check", check)
    return names
