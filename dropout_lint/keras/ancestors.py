"""Which public Keras classes derive from which, so that an ``isinstance`` test can be answered without Keras.

Source: the method resolution orders of keras 3.15.1 and tf_keras 2.21, which ``tests/keras/test_ancestors.py``
compares with this table.
"""

from __future__ import annotations

from typing import Final

from dropout_lint.keras.layers import is_layer_class, layer

# Public ancestors besides Layer, with the generations in which they are one.
ANCESTORS: Final[dict[str, tuple[tuple[str, tuple[int, ...]], ...]]] = {
    "AdditiveAttention": (("Attention", (3,)),),
    "Bidirectional": (("Wrapper", (2,)),),
    "Conv1DTranspose": (("Conv1D", (2,)),),
    "Conv2DTranspose": (("Conv2D", (2,)),),
    "Conv3DTranspose": (("Conv3D", (2,)),),
    "ConvLSTM1D": (("RNN", (2, 3)),),
    "ConvLSTM2D": (("RNN", (2, 3)),),
    "ConvLSTM3D": (("RNN", (2, 3)),),
    "CuDNNGRU": (("RNN", (2,)),),
    "CuDNNLSTM": (("RNN", (2,)),),
    "Discretization": (("PreprocessingLayer", (2,)),),
    "FlaxLayer": (("JaxLayer", (3,)),),
    "GRU": (("RNN", (2, 3)),),
    "IntegerLookup": (("PreprocessingLayer", (2,)),),
    "LSTM": (("RNN", (2, 3)),),
    "Normalization": (("PreprocessingLayer", (2,)),),
    "PeepholeLSTMCell": (("LSTMCell", (2,)),),
    "ReversibleEmbedding": (("Embedding", (3,)),),
    "SimpleRNN": (("RNN", (2, 3)),),
    "SpatialDropout1D": (("Dropout", (2, 3)),),
    "SpatialDropout2D": (("Dropout", (2, 3)),),
    "SpatialDropout3D": (("Dropout", (2, 3)),),
    "SpectralNormalization": (("Wrapper", (2, 3)),),
    "StringLookup": (("PreprocessingLayer", (2,)),),
    "TextVectorization": (("PreprocessingLayer", (2,)),),
    "TimeDistributed": (("Wrapper", (2, 3)),),
}

_MODELS: Final = frozenset({"keras.Model", "keras.Sequential"})


def derives(name: str, ancestor: str, generation: int | None = None) -> bool | None:
    """Whether the class with the canonical ``name`` is ``ancestor`` or derives from it in Keras ``generation``.

    Without a generation, None when the generations disagree; None as well when ``name`` is no known class of Keras.
    """
    if name in _MODELS:
        return ancestor in {name, "keras.Model", "keras.layers.Layer"}
    if not is_layer_class(name):
        return None
    if ancestor in {name, "keras.layers.Layer"}:
        return True
    for base, generations in ANCESTORS.get(name.rpartition(".")[2], ()):
        if f"keras.layers.{base}" == ancestor:
            if generation is not None:
                return generation in generations
            return True if generations == (2, 3) or not _in_both(name, ancestor) else None
    return False


def _in_both(name: str, ancestor: str) -> bool:
    facts = [layer(name), layer(ancestor)]
    return all(each is not None and each.generations == (2, 3) for each in facts)
