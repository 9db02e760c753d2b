"""Names in a tree, and what they say."""

from __future__ import annotations

import ast
from functools import lru_cache

from dropout_lint.keras.layers import LAYERS, mode_layer_names
from dropout_lint.semantics.words import MODE_WORDS, words

__all__ = [
    "TRACERS",
    "WITH_LAYERS",
    "asks_a_model",
    "dotted",
    "held_in",
    "is_class",
    "is_keras_layer",
    "is_mode",
    "is_mode_layer",
    "is_self",
    "is_slip",
    "is_step",
    "is_super",
    "last_name",
    "may_hold_state",
    "names_a_phase",
    "root_of",
]

_MODE_LAYERS = tuple(sorted(mode_layer_names()))
_LONGEST = 12
WITH_LAYERS = frozenset(
    {"GradientTape", "InteractiveSession", "Module", "Session", "compat", "contrib", "estimator", "function", "keras"}
    | {"layers", "nn", "optimizers", "saved_model"}
)
"""The parts of TensorFlow that have layers or models, or run them."""
TRACERS = frozenset({"function", "jit"})
"""What compiles functions is called, in TensorFlow and in JAX."""


def last_name(node: ast.AST) -> str:
    """The last name of a reference: ``c`` of ``a.b.c``; empty for what is none."""
    kind = type(node)  # asked of nearly every node there is: nobody derives from these
    return node.id if kind is ast.Name else node.attr if kind is ast.Attribute else ""  # type: ignore[attr-defined]


def dotted(node: ast.expr) -> str:
    """A reference as it is written: ``self.base.drop``; with an empty part for what is no name."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute) and len(parts) < _LONGEST:
        parts.append(node.attr)
        node = node.value
    parts.append(node.id if isinstance(node, ast.Name) else "")
    return ".".join(reversed(parts))


def root_of(node: ast.expr) -> str:
    """The first name of a reference: ``a`` of ``a.b.c``; empty for what starts otherwise."""
    while isinstance(node, ast.Attribute):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""


def held_in(node: ast.expr) -> ast.expr:
    """What an element is taken out of, or the reference itself."""
    return node.value if isinstance(node, ast.Subscript) else node


def is_self(node: ast.expr) -> bool:
    """Whether this is ``self``."""
    return isinstance(node, ast.Name) and node.id == "self"


def is_super(node: ast.expr) -> bool:
    """Whether this is ``super()``."""
    return isinstance(node, ast.Call) and last_name(node.func) == "super"


@lru_cache(maxsize=16384)
def is_mode(name: str) -> bool:
    """Whether a variable, an argument or an attribute is named like the training flag."""
    return name.lower().lstrip("_") in MODE_WORDS


@lru_cache(maxsize=16384)
def is_class(name: str) -> bool:
    """Whether a name is written like a class, and not like one that is raised or that describes."""
    return name.lstrip("_")[:1].isupper() and not name.endswith(("Error", "Exception", "Warning", "Shape", "Spec"))


@lru_cache(maxsize=16384)
def is_mode_layer(name: str) -> bool:
    """Whether a class is named like a layer of Keras whose mode matters."""
    return any(each in name for each in _MODE_LAYERS)


def may_hold_state(name: str) -> bool:
    """Whether objects of a class may have weights or a mode: all but some layers of Keras."""
    facts = LAYERS.get(name)
    return facts is None or facts.mode != "none" or not facts.weightless


@lru_cache(maxsize=16384)
def names_a_phase(text: str) -> bool:
    """Whether a text is one that says what a program is at: ``train``, ``eval``."""
    return not _PHASES.isdisjoint(words(text))


_PHASES = frozenset(
    {"train", "training", "trn", "fit", "test", "testing", "eval", "evaluate", "evaluation", "val", "valid"}
    | {"validation", "dev", "infer", "inference", "predict", "prediction", "serve"}
)


@lru_cache(maxsize=16384)
def is_step(name: str) -> bool:
    """Whether a function is named like the step of a training or an evaluation loop."""
    return name.endswith("_step") and _NO_STEPS.isdisjoint(words(name))


_NO_STEPS = frozenset(
    {"decode", "denoise", "generate", "get", "global", "infer", "inference", "next", "num", "sample", "time", "set"}
)


def is_keras_layer(name: str) -> bool:
    """Whether Keras has a layer of this name."""
    return name in LAYERS


@lru_cache(maxsize=16384)
def asks_a_model(name: str) -> bool:
    """Whether a function is called like one that trains a model or asks it for something."""
    return not _ASKING.isdisjoint(words(name))


_ASKING = frozenset(
    {
        "accuracy", "act", "backprop", "caption", "classify", "decode", "demo", "detect", "distill", "embed", "eval",
        "evaluate", "evaluates", "evaluation", "experiment", "export", "extract", "finetune", "fit", "forecast",
        "generate", "grad", "gradient", "gradients", "infer", "inference", "infers", "learn", "loss", "main",
        "measure", "optimize", "predict", "predictions", "predicts", "pretrain", "recognize", "recommend", "run",
        "sample", "score", "scoring", "serve", "serving", "step", "test", "tests", "train", "training", "trains",
        "transcribe", "translate", "update", "val", "valid", "validate", "validates", "validation",
    }
)  # fmt: skip


@lru_cache(maxsize=16384)
def is_slip(name: str) -> bool:
    """Whether an attribute is called nearly like ``trainable``."""
    lowered = name.lower()
    if not 7 <= len(name) <= 14 or "t" not in lowered or ("abl" not in lowered and "rain" not in lowered):
        return False
    from dropout_lint.semantics.spelling import is_misspelt

    return is_misspelt(name)
