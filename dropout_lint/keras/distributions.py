"""Which Keras comes with which distribution on PyPI.

Sources: the metadata of tensorflow 2.13.1 (``keras<2.14,>=2.13.1``), 2.15.1 (``keras<2.16,>=2.15.0``), 2.16.2
(``keras>=3.0.0``), 2.17.1 (``keras>=3.2.0``), 2.18.1 and 2.19.1 (``keras>=3.5.0``), 2.20.0 (``keras>=3.10.0``) and
2.21.0 (``keras>=3.12.0``). From TensorFlow 2.6 to 2.15 the minor of both is the same; before, ``tf.keras`` is part of
TensorFlow.
"""

from __future__ import annotations

from typing import Final

TENSORFLOW: Final = frozenset(
    {
        "intel-tensorflow",
        "tensorflow",
        "tensorflow-aarch64",
        "tensorflow-cpu",
        "tensorflow-gpu",
        "tensorflow-intel",
        "tensorflow-macos",
        "tensorflow-mkl",
        "tensorflow-rocm",
    }
)
KERAS: Final = frozenset({"keras", "keras-gpu", "keras-nightly"})
LEGACY: Final = "tf-keras"
DISTRIBUTIONS: Final = TENSORFLOW | KERAS | {LEGACY}

# What there is, and a little of what there will be: a bound that is open above must not run out of versions.
TENSORFLOW_VERSIONS: Final = (*((1, minor) for minor in range(16)), *((2, minor) for minor in range(31)))
KERAS_VERSIONS: Final = (
    *((1, minor) for minor in range(3)),
    *((2, minor) for minor in range(16)),
    *((3, minor) for minor in range(31)),
)
MOST_PATCHES: Final = 10

_FIRST_MINOR_OF_KERAS_3: Final = {16: 0, 17: 2, 18: 5, 19: 5, 20: 10, 21: 12}


def brings(tensorflow: tuple[int, int], keras: tuple[int, int]) -> bool:
    """Whether ``tf.keras`` of a TensorFlow can be this version of the package keras."""
    major, minor = tensorflow
    if major < 2 or minor < 6:
        return keras[0] < 3
    if minor <= 15:
        return keras == (2, minor)
    return keras[0] == 3 and keras[1] >= _FIRST_MINOR_OF_KERAS_3.get(minor, 12)
