"""Builds every public layer of one Keras on a small input and measures its weights and its behaviour in either mode.

Run by ``measure.py`` in a process of its own. It knows nothing of the table that its figures are compared with.
"""

from __future__ import annotations

import importlib
import inspect
from typing import Any

import numpy as np
import tensorflow as tf

RATE_NAMES = {"dropout", "recurrent_dropout", "rate", "stddev"}

RANDOM = np.random.default_rng(0)
VECTOR = RANDOM.normal(size=(8, 6)).astype("float32")
SERIES = RANDOM.normal(size=(4, 8, 6)).astype("float32")
IMAGES = RANDOM.uniform(0, 255, size=(8, 16, 16, 3)).astype("float32")
VOLUME = RANDOM.normal(size=(2, 6, 6, 6, 3)).astype("float32")
FILM1 = RANDOM.normal(size=(2, 3, 6, 3)).astype("float32")
FILM2 = RANDOM.normal(size=(2, 3, 6, 6, 3)).astype("float32")
FILM3 = RANDOM.normal(size=(2, 3, 4, 4, 4, 3)).astype("float32")
SOUND = RANDOM.normal(size=(2, 1024)).astype("float32")
NUMBERS = np.array([[1, 2, 3], [3, 2, 1]], dtype="int64")
LABELS = np.eye(8, dtype="float32")

# Public names that are built here in no useful way; the table's rows for them rest on their source alone.
SKIPPED = {
    "FlaxLayer": "needs flax",
    "JaxLayer": "wraps a JAX function",
    "TFSMLayer": "needs a SavedModel",
    "TorchModuleWrapper": "needs torch",
    "CuDNNGRU": "needs a GPU",
    "CuDNNLSTM": "needs a GPU",
    "DenseFeatures": "needs feature columns",
    "AbstractRNNCell": "abstract",
    "PreprocessingLayer": "abstract",
    "DynamicEmbedding": "needs a parameter server",
    "DynamicLookup": "needs a parameter server",
    "SequenceFeatures": "needs feature columns",
    "Layer": "abstract",
}


def recipes(keras: Any, generation: int) -> dict[str, tuple[list[Any], dict[str, Any], Any]]:
    """Constructor arguments and an input for each class that needs more than the defaults and a vector."""
    layers = keras.layers
    dense = layers.Dense
    pool = {"pool_size": 2}
    convolution = {"filters": 2, "kernel_size": 2}
    table: dict[str, tuple[list[Any], dict[str, Any], Any]] = {
        "Activation": (["relu"], {}, VECTOR),
        "BatchNormalization": ([], {}, VECTOR),
        "Bidirectional": ([layers.LSTM(2)], {}, SERIES),
        "CategoryEncoding": ([], {"num_tokens": 5}, NUMBERS),
        "CenterCrop": ([8, 8], {}, IMAGES),
        "Dense": ([3], {}, VECTOR),
        "Discretization": ([], {"bin_boundaries": [0.0, 1.0]}, VECTOR),
        "Dot": ([], {"axes": -1}, [VECTOR, VECTOR]),
        "EinsumDense": (["ab,bc->ac"], {"output_shape": 3}, VECTOR),
        "Embedding": ([5, 2], {}, NUMBERS),
        "GroupNormalization": ([], {"groups": 3}, VECTOR),
        "HashedCrossing": ([], {"num_bins": 5}, (NUMBERS[:, :1], NUMBERS[:, 1:2])),
        "Hashing": ([], {"num_bins": 5}, NUMBERS),
        "IntegerLookup": ([], {"vocabulary": [1, 2, 3]}, NUMBERS),
        "Lambda": ([lambda x: x * 2.0], {}, VECTOR),
        "MaxNumBoundingBoxes": ([4], {}, None),
        "MelSpectrogram": ([], {"fft_length": 256}, SOUND),
        "Normalization": ([], {}, VECTOR),
        "Permute": ([(2, 1)], {}, SERIES),
        "Pipeline": ([[layers.RandomFlip()]], {}, IMAGES),
        "RepeatVector": ([2], {}, VECTOR),
        "Rescaling": ([0.5], {}, VECTOR),
        "Reshape": ([(3, 2)], {}, VECTOR),
        "Resizing": ([8, 8], {}, IMAGES),
        "ReversibleEmbedding": ([5, 2], {}, NUMBERS),
        "RNN": ([layers.LSTMCell(2)], {}, SERIES),
        "STFTSpectrogram": ([], {}, SOUND[:, :, None]),
        "SpectralNormalization": ([dense(3)], {}, VECTOR),
        "StackedRNNCells": ([[layers.LSTMCell(2)]], {}, None),
        "StringLookup": ([], {"vocabulary": ["a", "b"]}, None),
        "TextVectorization": ([], {"vocabulary": ["a", "b"]}, None),
        "TimeDistributed": ([dense(3)], {}, SERIES),
        "Wrapper": ([dense(3)], {}, None),
        "InputLayer": ([], {"shape" if generation == 3 else "input_shape": (6,)}, None),
        "Attention": ([], {}, [SERIES, SERIES]),
        "AdditiveAttention": ([], {}, [SERIES, SERIES]),
        "MultiHeadAttention": ([2, 3], {}, ("spread", SERIES, SERIES)),
        "GroupQueryAttention": (
            [],
            {"head_dim": 2, "num_query_heads": 2, "num_key_value_heads": 1},
            ("spread", SERIES, SERIES),
        ),
        "RandomCrop": ([8, 8], {}, IMAGES),
        "RandomColorJitter": ([], {"brightness_factor": 0.5}, IMAGES),
        "RandomShear": ([], {"x_factor": 0.5, "y_factor": 0.5}, IMAGES),
        "RandomTranslation": ([0.5, 0.5], {}, IMAGES),
        "RandomZoom": ([0.5], {}, IMAGES),
        "RandomHeight": ([0.5], {}, IMAGES),
        "RandomWidth": ([0.5], {}, IMAGES),
        "RandomPosterization": ([4], {}, IMAGES),
        "Solarization": ([], {"addition_factor": 0.5, "threshold_factor": 0.5}, IMAGES),
        "CutMix": ([], {}, {"images": IMAGES, "labels": LABELS}),
        "MixUp": ([], {}, {"images": IMAGES, "labels": LABELS}),
        "LocallyConnected1D": ([2, 2], {}, SERIES),
        "LocallyConnected2D": ([2, 2], {}, IMAGES),
        "RandomFourierFeatures": ([4], {}, VECTOR),
        "GRUCell": ([2], {}, ("state", VECTOR, 1)),
        "LSTMCell": ([2], {}, ("state", VECTOR, 2)),
        "SimpleRNNCell": ([2], {}, ("state", VECTOR, 1)),
        "GRU": ([2], {}, SERIES),
        "LSTM": ([2], {}, SERIES),
        "SimpleRNN": ([2], {}, SERIES),
        "ConvLSTM1D": ([2, 2], {}, FILM1),
        "ConvLSTM2D": ([2, 2], {}, FILM2),
        "ConvLSTM3D": ([2, 2], {}, FILM3),
        "SpatialDropout1D": ([0.5], {}, SERIES),
        "SpatialDropout2D": ([0.5], {}, IMAGES),
        "SpatialDropout3D": ([0.5], {}, VOLUME),
    }
    for name in ("AlphaDropout", "Dropout", "GaussianDropout", "GaussianNoise"):
        table[name] = ([0.5], {}, VECTOR)
    for name in ("Add", "Average", "Concatenate", "Maximum", "Minimum", "Multiply", "Subtract"):
        table[name] = ([], {}, [VECTOR, VECTOR])
    for rank, data in ((1, SERIES), (2, IMAGES), (3, VOLUME)):
        for name in ("Conv", "SeparableConv", "DepthwiseConv"):
            table[f"{name}{rank}D"] = ([], {"kernel_size": 2} if name == "DepthwiseConv" else convolution, data)
        table[f"Conv{rank}DTranspose"] = ([], convolution, data)
        for name in ("AveragePooling", "MaxPooling"):
            table[f"{name}{rank}D"] = ([], pool, data)
        for name in ("AdaptiveAveragePooling", "AdaptiveMaxPooling"):
            table[f"{name}{rank}D"] = ([2], {}, data)
        for name in ("Cropping", "UpSampling", "ZeroPadding", "GlobalAveragePooling", "GlobalMaxPooling"):
            table[f"{name}{rank}D"] = ([], {}, data)
    return table


def default_recipe(name: str, constructor: inspect.Signature) -> tuple[list[Any], dict[str, Any], Any]:
    """Random and other image layers take images and, where they must be given one, a factor; the rest take a vector."""
    parameters = constructor.parameters
    augments = name.startswith("Rand") or name in {
        "AugMix",
        "AutoContrast",
        "ContrastLimitedAdaptiveHistogramEqualization",
        "Equalization",
    }
    needs_factor = "factor" in parameters and parameters["factor"].default is inspect.Parameter.empty
    return ([0.5] if needs_factor else []), {}, IMAGES if augments else VECTOR


def training_parameter(layer_class: Any) -> str:
    """What the signature of ``call`` says of ``training``."""
    parameters = inspect.signature(layer_class.call).parameters
    if "training" not in parameters:
        return "absent"
    return str(parameters["training"].default).lower()


def rate_positions(constructor: inspect.Signature) -> dict[str, int]:
    """Positional index of each argument that is a rate, without ``self``."""
    names = [name for name in constructor.parameters if name != "self"]
    return {name: index for index, name in enumerate(names) if name in RATE_NAMES}


def weights(layer: Any) -> list[Any]:
    """The variables of a layer without the state of random generators."""
    return [
        weight
        for weight in layer.weights
        if "seed_generator" not in getattr(weight, "path", "") and "StateVar" not in weight.name
    ]


def arrays(output: Any) -> list[Any]:
    """The tensors of an output as arrays."""
    if isinstance(output, dict):
        return [array for key in sorted(output) for array in arrays(output[key])]
    if isinstance(output, (list, tuple)):
        return [array for item in output for array in arrays(item)]
    return [value_of(output)]


def value_of(tensor: Any) -> Any:
    """A tensor or variable as an array."""
    return tensor.numpy() if hasattr(tensor, "numpy") else np.asarray(tensor)


def differ(left: Any, right: Any) -> bool:
    """Whether two outputs differ in shape or value."""
    first, second = arrays(left), arrays(right)
    return any(a.shape != b.shape or not np.allclose(a, b, atol=1e-5) for a, b in zip(first, second, strict=True))


def call(layer: Any, data: Any, **flag: bool) -> Any:
    """One call, after dropping any cached dropout mask (tf_keras reuses it in eager calls)."""
    cell = getattr(layer, "cell", layer)
    for name in ("reset_dropout_mask", "reset_recurrent_dropout_mask"):
        if hasattr(cell, name):
            getattr(cell, name)()
    if isinstance(data, tuple) and isinstance(data[0], str):
        if data[0] == "spread":
            return layer(*data[1:], **flag)
        state = [tf.zeros((len(data[1]), 2))] * data[2]
        return layer(data[1], state, **flag)
    if isinstance(data, dict):
        data = dict(data)
    return layer(data, **flag)


def measure(layer: Any, data: Any, *, accepts_training: bool) -> dict[str, Any]:
    """The weights of a layer, and what its output and its weights do in either mode."""
    if data is None:
        return {"weights": len(weights(layer))}
    flags = ({"training": False}, {"training": True}) if accepts_training else ({}, {})
    call(layer, data, **flags[0])
    inference = call(layer, data, **flags[0])
    bare = [call(layer, data) for _ in range(2)]
    before = [value_of(weight) for weight in weights(layer)]
    training = [call(layer, data, **flags[1]) for _ in range(3)]
    after = [value_of(weight) for weight in weights(layer)]
    return {
        "weights": len(before),
        "mode_dependent": any(differ(inference, output) for output in training),
        "active_by_default": any(differ(inference, output) for output in bare),
        "mutates": any(not np.allclose(a, b) for a, b in zip(before, after, strict=True)),
    }


def public_layers(keras: Any) -> dict[str, Any]:
    """Every exported layer class, by its public name, experimental ones included."""
    modules = [keras.layers]
    if hasattr(keras.layers, "experimental"):
        modules += [keras.layers.experimental, keras.layers.experimental.preprocessing]
    found: dict[str, Any] = {}
    for module in modules:
        for name in dir(module):
            value = getattr(module, name)
            if inspect.isclass(value) and issubclass(value, keras.layers.Layer):
                found.setdefault(name, value)
    if hasattr(keras, "experimental"):
        first = importlib.import_module("tf_keras.api._v1.keras.layers")
        found.update(CuDNNGRU=first.CuDNNGRU, CuDNNLSTM=first.CuDNNLSTM)
        found["SequenceFeatures"] = keras.experimental.SequenceFeatures
    return found


def measure_layers(keras: Any, generation: int) -> dict[str, Any]:
    """What was measured of each public layer class, by its public name."""
    table = recipes(keras, generation)
    report: dict[str, Any] = {}
    for name, layer_class in sorted(public_layers(keras).items()):
        constructor = inspect.signature(layer_class.__init__)
        entry: dict[str, Any] = {
            "path": f"{layer_class.__module__}.{layer_class.__name__}",
            "training": training_parameter(layer_class),
            "rates": rate_positions(constructor),
            "ancestors": [each.__name__ for each in layer_class.__mro__[1:]],
        }
        report[name] = entry
        if name in SKIPPED:
            entry["skipped"] = SKIPPED[name]
            continue
        recipe = table.get(layer_class.__name__) or table.get(name) or default_recipe(name, constructor)
        arguments, keywords, data = recipe
        keras.utils.set_random_seed(0)
        try:
            entry.update(
                measure(layer_class(*arguments, **keywords), data, accepts_training=entry["training"] != "absent")
            )
            if "dropout" in entry["rates"] or name in {"Attention", "AdditiveAttention"}:
                entry["with_dropout"] = measure(
                    layer_class(*arguments, dropout=0.5, **keywords), data, accepts_training=True
                )
        except Exception as error:
            entry["error"] = f"{type(error).__name__}: {error}"
    return report
