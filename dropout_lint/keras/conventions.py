"""What names stand for that nobody imports one by one: after a star import, and in code that lost its imports.

Sources: ``__all__`` of the modules of keras 2.15 and 3.15, and the import lines of the guides on keras.io.
"""

from __future__ import annotations

from functools import cache
from typing import Final

from dropout_lint.keras.layers import LAYERS

__all__ = ["OTHER_FRAMEWORKS", "ROOT_NAMES", "conventional_names", "star_names"]

_MODULES: Final = ("callbacks", "initializers", "layers", "losses", "metrics", "models", "optimizers", "regularizers")
_FROM_MODELS: Final = ("Model", "Sequential", "load_model", "clone_model", "model_from_json")

ROOT_NAMES: Final = {"K": "keras.backend", "keras": "keras", "np": "numpy", "tf": "tensorflow"}
"""Names that no other framework has for its parts."""

OTHER_FRAMEWORKS: Final = frozenset(
    {
        *("bigdl", "chainer", "cntk", "fastai", "fastbook", "flax", "haiku", "jittor", "lasagne", "mindspore", "mxnet"),
        *("oneflow", "paddle", "sonnet", "tensorlayer", "tensorpack", "tflearn", "torch", "trax", "zoo.pipeline"),
    }
)
"""Frameworks some of whose layers are called like those of Keras."""


def star_names(module: str) -> tuple[str, ...]:
    """What ``from keras.layers import *`` binds, as far as it matters."""
    if module == "keras.layers":
        return (*LAYERS, "Input", "Layer")
    if module == "keras.models":
        return _FROM_MODELS
    if module == "keras":
        return ("Model", "Sequential", "Input", "backend", "ops", *_MODULES)
    return ()


@cache
def conventional_names() -> dict[str, str]:
    """By the name that everybody has for it: the import path of a part of Keras, TensorFlow or NumPy."""
    return {
        **{name: f"keras.layers.{name}" for name in star_names("keras.layers")},
        **{name: f"keras.models.{name}" for name in _FROM_MODELS},
        **{name: f"keras.{name}" for name in _MODULES},
        **ROOT_NAMES,
    }
