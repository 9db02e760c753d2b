"""What Keras makes of a rate that is none: which layers raise, when, and which go on in silence.

Source: every class below, built and called in both modes with 50, 1.5, -0.1, 1.0, True, "0.5", None and nan on keras
3.15.1 and tf_keras 2.21 (TensorFlow 2.21, CPU); the checks in the constructors of keras 3.3.3, 3.6 and 3.10 are the
same by their source. ``tests/keras/test_rates.py`` measures the table again.
"""

from __future__ import annotations

import math
from typing import Final, Literal

Problem = Literal["above", "one", "negative", "not-a-number", "text", "none"]

_RAISES_AT_ONCE: Final = "the constructor raises ValueError"
_WRONG_TYPE: Final = "the constructor raises TypeError"
_FIRST_CALL: Final = "the first call raises ValueError"
_FIRST_CALL_TYPE: Final = "the first call raises TypeError"
_FIRST_TRAINING: Final = "the first call in training mode raises ValueError"
_FIRST_TRAINING_TYPE: Final = "the first call in training mode raises TypeError"
_DIVIDES_BY_ZERO: Final = "the first call in training mode raises ZeroDivisionError"
_ALL_DROPPED: Final = "everything is dropped in training, so the output is zero"
_NOTHING: Final = "it is silently ignored, nothing is ever dropped"
_NO_NOISE: Final = "it is silently ignored, no noise is ever applied"

Outcomes = dict[Problem, str]

_DROPOUT: Final[dict[int, Outcomes]] = {
    2: {
        "above": _RAISES_AT_ONCE,
        "one": _FIRST_TRAINING,
        "negative": _RAISES_AT_ONCE,
        "not-a-number": _RAISES_AT_ONCE,
        "text": _FIRST_TRAINING,
        "none": _FIRST_TRAINING,
    },
    3: {
        "above": _RAISES_AT_ONCE,
        "one": _ALL_DROPPED,
        "negative": _RAISES_AT_ONCE,
        "not-a-number": _RAISES_AT_ONCE,
        "text": _WRONG_TYPE,
        "none": _WRONG_TYPE,
    },
}

_GAUSSIAN_DROPOUT: Final[dict[int, Outcomes]] = {
    2: {
        "above": _NO_NOISE,
        "one": _NO_NOISE,
        "negative": _NO_NOISE,
        "not-a-number": _NO_NOISE,
        "text": _FIRST_CALL_TYPE,
        "none": _FIRST_CALL_TYPE,
    },
    3: {**_DROPOUT[3], "one": _DIVIDES_BY_ZERO},
}

# A standard deviation may be 1, and in Keras 2 anything.
_NOISE: Final[dict[int, Outcomes]] = {
    2: {
        "not-a-number": "the output is nan in training",
        "text": _FIRST_TRAINING_TYPE,
        "none": _FIRST_TRAINING,
    },
    3: {problem: outcome for problem, outcome in _DROPOUT[3].items() if problem != "one"},
}

_RECURRENT: Final[dict[int, Outcomes]] = {
    2: {
        "above": _FIRST_TRAINING,
        "one": _FIRST_TRAINING,
        "negative": _NOTHING,
        "not-a-number": _NOTHING,
        "text": _WRONG_TYPE,
        "none": _WRONG_TYPE,
    },
    3: {
        "above": _NOTHING,
        "one": _NOTHING,
        "negative": _NOTHING,
        "not-a-number": _NOTHING,
        "text": _WRONG_TYPE,
        "none": _WRONG_TYPE,
    },
}
_SIMPLE_RECURRENT: Final[dict[int, Outcomes]] = {
    2: _RECURRENT[2],
    3: {**_RECURRENT[3], "above": _ALL_DROPPED, "one": _ALL_DROPPED},
}
_CONVOLUTIONAL_RECURRENT: Final[dict[int, Outcomes]] = {
    2: {**_RECURRENT[2], "above": _NOTHING, "one": _NOTHING},
    3: _RECURRENT[3],
}

_HEADS: Final[dict[int, Outcomes]] = {
    2: {
        "above": _FIRST_CALL,
        "one": _FIRST_TRAINING,
        "negative": _FIRST_CALL,
        "not-a-number": _FIRST_CALL,
        "text": _FIRST_TRAINING,
        "none": _FIRST_TRAINING,
    },
    3: {
        "above": _FIRST_CALL,
        "one": _ALL_DROPPED,
        "negative": _FIRST_CALL,
        "not-a-number": _FIRST_CALL,
        "text": _FIRST_CALL_TYPE,
        "none": _FIRST_CALL_TYPE,
    },
}

_ATTENTION: Final[dict[int, Outcomes]] = {
    2: {
        "above": _FIRST_TRAINING,
        "one": _FIRST_TRAINING,
        "negative": _NOTHING,
        "not-a-number": _NOTHING,
        "text": _FIRST_CALL_TYPE,
        "none": _FIRST_CALL_TYPE,
    },
    3: {
        "above": _FIRST_TRAINING,
        "one": _ALL_DROPPED,
        "negative": _NOTHING,
        "not-a-number": _NOTHING,
        "text": _WRONG_TYPE,
        "none": _WRONG_TYPE,
    },
}

_LAYERS: Final[dict[str, dict[int, Outcomes]]] = {
    **dict.fromkeys(("Dropout", "SpatialDropout1D", "SpatialDropout2D", "SpatialDropout3D"), _DROPOUT),
    **dict.fromkeys(("AlphaDropout", "GaussianDropout"), _GAUSSIAN_DROPOUT),
    "GaussianNoise": _NOISE,
    **dict.fromkeys(("LSTM", "GRU", "LSTMCell", "GRUCell", "PeepholeLSTMCell"), _RECURRENT),
    **dict.fromkeys(("SimpleRNN", "SimpleRNNCell"), _SIMPLE_RECURRENT),
    **dict.fromkeys(("ConvLSTM1D", "ConvLSTM2D", "ConvLSTM3D"), _CONVOLUTIONAL_RECURRENT),
    **dict.fromkeys(("MultiHeadAttention", "GroupQueryAttention"), _HEADS),
    **dict.fromkeys(("Attention", "AdditiveAttention"), _ATTENTION),
}

_RAISES: Final[Outcomes] = dict.fromkeys(
    ("above", "one", "negative", "not-a-number", "text", "none"), "the call raises ValueError"
)
_KEEPS: Final[Outcomes] = {problem: outcome for problem, outcome in _RAISES.items() if problem != "one"}


DROPOUT_ARGUMENTS: Final[dict[str, tuple[str, int]]] = {
    # Functions that drop, the argument that says how much, and where it stands.
    "keras.backend.dropout": ("level", 1),
    "keras.random.dropout": ("rate", 1),
    "tensorflow.nn.dropout": ("rate", 1),
    "tensorflow.nn.experimental.stateless_dropout": ("rate", 1),
    "tensorflow.nn.experimental.general_dropout": ("rate", 1),
    "tensorflow.compat.v1.layers.dropout": ("rate", 1),
    "tensorflow.layers.dropout": ("rate", 1),
    # classes of TensorFlow 1, made here and called elsewhere
    "tensorflow.compat.v1.layers.Dropout": ("rate", 0),
    "tensorflow.layers.Dropout": ("rate", 0),
    "tensorflow.compat.v2.nn.dropout": ("rate", 1),
}

_FUNCTIONS: Final[dict[str, dict[int, Outcomes]]] = {
    "keras.backend.dropout": {2: _RAISES},
    "keras.random.dropout": {3: {**_KEEPS, "one": _ALL_DROPPED}},
    "tensorflow.compat.v2.nn.dropout": {2: _RAISES, 3: _RAISES},
    "tensorflow.nn.dropout": {2: _RAISES, 3: _RAISES},
    "tensorflow.nn.experimental.general_dropout": {2: _RAISES, 3: _RAISES},
    "tensorflow.nn.experimental.stateless_dropout": {2: _RAISES, 3: _RAISES},
}


def problem_of(value: object) -> Problem | None:
    """What is wrong with ``value`` as a fraction to drop, or None where nothing is or it is no constant of a kind."""
    if value is None:
        return "none"
    if isinstance(value, str):
        return "text"
    if not isinstance(value, (bool, int, float)):
        return None
    if isinstance(value, float) and math.isnan(value):
        return "not-a-number"
    if value > 1:
        return "above"
    if value == 1:
        return "one"
    return "negative" if value < 0 else None


def outcome(name: str, problem: Problem, generation: int) -> str | None:
    """What Keras ``generation`` does with such a rate of the class or function ``name`` (canonical or bare), or None.

    None where it is right there, or where it was not measured.
    """
    facts = _LAYERS.get(name.rpartition(".")[2]) if name.startswith("keras.layers.") or "." not in name else None
    facts = facts or _FUNCTIONS.get(name)
    return facts.get(generation, {}).get(problem) if facts is not None else None
