"""What a program says of its Keras by how it uses it: arguments, methods and packages that Keras 3 no longer takes.

Each raises on keras 3.15.1 (``ValueError`` or ``TypeError`` for arguments, ``AttributeError`` for methods), so that a
program with it runs on Keras 2 only. ``tests/keras/test_syntax.py`` tries them.
"""

from __future__ import annotations

from typing import Final

KERAS_2_ARGUMENTS: Final[tuple[tuple[str, frozenset[str]], ...]] = (
    ("keras.optimizers.", frozenset({"lr"})),
    ("keras.layers.", frozenset({"batch_input_shape", "init"})),
    ("keras.Model", frozenset({"input", "output"})),
    ("keras.callbacks.ModelCheckpoint", frozenset({"period"})),
)
"""Prefixes of canonical class names, with the keywords of their constructors."""

KERAS_2_METHODS: Final = frozenset({"evaluate_generator", "fit_generator", "predict_generator"})
"""Methods by whose names alone a model of Keras 2 is known."""

KERAS_2_METRIC_METHODS: Final = frozenset({"reset_states"})

KERAS_2_METHOD_ARGUMENTS: Final = frozenset({"nb_epoch", "sample_weight_mode"})
"""Keywords of ``fit`` and ``compile``."""

KERAS_2_PACKAGES: Final = ("tensorflow_addons.",)
"""Packages that are made for Keras 2 alone (tensorflow_addons ended with TensorFlow 2.15)."""


def is_keras_2_argument(class_name: str, keyword: str) -> bool:
    """Whether the constructor of the class with this canonical name takes ``keyword`` on Keras 2 only."""
    return any(class_name.startswith(prefix) and keyword in names for prefix, names in KERAS_2_ARGUMENTS)
