"""Whether a source uses Keras, by its text alone."""

from __future__ import annotations

import re

__all__ = ["names_keras", "uses_keras"]

_KERAS = (b"keras", b"tensorflow")
_USE = re.compile(
    rb"^[ \t>.]*(?:import|from)[ \t][^\n#]*(?:keras|tensorflow)|(?<![\w.])(?:keras|tf_keras)\.[a-zA-Z]"
    rb"|(?<![\w.])tf\.(?:keras|layers|nn|compat|contrib|function|GradientTape|Module)\b"
    rb"|(?:import_module|__import__)\([ \t]*[\"'](?:keras|tensorflow|tf_keras)",
    re.MULTILINE,
)
_CALLED_LIKE_KERAS = re.compile(
    rb"^[ \t>.]*(?:import|from)[ \t](?![^\n#]*(?<!\w)(?:keras|tensorflow|tf_keras))[^\n#]*keras", re.MULTILINE
)
_TORCH = re.compile(rb"^[ \t]*(?:import|from)[ \t]+\w*torch", re.MULTILINE)
_KERAS_ALONE = (b"BatchNormalization(", b"Conv2D(", b"Sequential([", b"Input(shape")


def names_keras(data: bytes) -> bool:
    """Whether Keras occurs in a source, if only in a comment."""
    return any(name in data for name in _KERAS)


def uses_keras(data: bytes) -> bool:
    """Whether a source imports Keras, or calls it by the names that it is imported as."""
    return _uses(data) if names_keras(data) else _is_pasted(data)


def _uses(data: bytes) -> bool:
    """Whether a file uses Keras; what only has it in its name is one of PyTorch where that is imported, too."""
    found = _USE.search(data)
    if found is None or _CALLED_LIKE_KERAS.match(found[0]) is None or _TORCH.search(data) is None:
        return found is not None
    return _USE.search(_CALLED_LIKE_KERAS.sub(b"", data)) is not None


def _is_pasted(data: bytes) -> bool:
    """Whether a file has lost its imports and makes layers as one mostly does with Keras."""
    return b"import" not in data and any(each in data for each in _KERAS_ALONE)
