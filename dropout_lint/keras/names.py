"""One canonical spelling for each thing of Keras, however public code reaches it.

The spellings are ``keras.layers.<Class>``, ``keras.Model``, ``keras.Sequential``, ``keras.Input``,
``keras.models.<function>``, ``keras.callbacks.<C>``, ``keras.metrics.<M>``, ``keras.losses.<L>``,
``keras.optimizers.<O>``, ``keras.optimizers.schedules.<S>``, ``keras.applications.<Name>``, ``keras.backend.<f>``,
``keras.ops.<f>``, ``keras.random.<f>``, ``keras.utils.<f>``; everything else keeps its path below ``keras``.

Sources: the module trees of keras 3.15.1, tf_keras 2.21 and ``tensorflow.python.keras`` (2.21), the module names of
standalone keras 2, and the import lines of public repositories.
"""

from __future__ import annotations

from typing import Final

KERAS_PACKAGES: Final = frozenset({"keras", "keras_core", "tensorflow", "tf_keras"})
"""Packages that Keras is imported from."""
NEVER_OF_A_PROJECT: Final = KERAS_PACKAGES | {"jax", "numpy", "torch"}
"""Packages that are looked for nowhere: a folder of a project that is called so is not what a program means."""

PREFIXES: Final[tuple[tuple[str, str | None], ...]] = (
    # Longest first: the first that fits wins. The second item is the generation the import proves.
    ("tensorflow.python.keras._impl.keras", "2"),
    ("tensorflow.python.keras.api._v1.keras", "2"),
    ("tensorflow.python.keras.api._v2.keras", "2"),
    ("tensorflow.keras.api._v1.keras", "2"),
    ("tensorflow.keras.api._v2.keras", "2"),
    ("tensorflow.contrib.keras.api.keras", "2"),
    ("tensorflow.contrib.keras.python.keras", "2"),
    ("tensorflow.contrib.keras", "2"),
    ("tensorflow.python.keras", "2"),
    ("tensorflow_core.python.keras", "2"),
    ("tensorflow_core.keras", "2"),
    ("tensorflow._api.v1.compat.v1.keras", None),
    ("tensorflow._api.v1.compat.v2.keras", None),
    ("tensorflow._api.v2.compat.v1.keras", None),
    ("tensorflow._api.v2.compat.v2.keras", None),
    ("tensorflow._api.v1.keras", "2"),
    ("tensorflow._api.v2.v2.keras", None),
    ("tensorflow._api.v2.keras", None),
    ("tensorflow.compat.v1.compat.v2.keras", None),
    ("tensorflow.compat.v1.keras", None),
    ("tensorflow.compat.v2.keras", None),
    ("tensorflow.keras", None),
    ("tf.keras", None),
    ("tf_keras.api._v1.keras", "2"),
    ("tf_keras.api._v2.keras", "2"),
    ("tf_keras.src", "2"),
    ("tf_keras.api", "2"),
    ("tf_keras", "2"),
    ("keras._tf_keras.keras", "3"),
    ("keras.api._tf_keras.keras", "3"),
    ("keras.api._v1.keras", "2"),
    ("keras.api._v2.keras", "2"),
    ("keras.src.api", None),
    ("keras.src", None),
    ("keras.api", None),
    ("keras", None),
    # The preview of Keras 3, published under its own name in 2023.
    ("keras_core.src", "3"),
    ("keras_core", "3"),
)

_ADDED: Final = (
    # tensorflow_addons/layers/spectral_normalization.py (0.23): the arguments and the behaviour of what Keras has since
    # 2.13, it normalises ``if training`` and at no other time.
    "tensorflow_addons.layers.SpectralNormalization",
    "tensorflow_addons.layers.spectral_normalization.SpectralNormalization",
)

_PRIVATE_PREFIXES: Final = frozenset(
    {"keras.src", "keras.src.api", "keras.api", "keras_core.src", "tf_keras.src", "tf_keras.api"}
)

ROOT_CLASSES: Final[dict[str, str]] = {
    # Classes that live in many modules and have one canonical home.
    "Model": "keras.Model",
    "Functional": "keras.Model",
    "Network": "keras.Model",
    "Container": "keras.Model",
    "Sequential": "keras.Sequential",
    "Input": "keras.Input",
    "Layer": "keras.layers.Layer",
    "BaseLayer": "keras.layers.Layer",
    "InputLayer": "keras.layers.InputLayer",
    "InputSpec": "keras.InputSpec",
    "Callback": "keras.callbacks.Callback",
    "Metric": "keras.metrics.Metric",
    "Loss": "keras.losses.Loss",
    "Optimizer": "keras.optimizers.Optimizer",
    "Initializer": "keras.initializers.Initializer",
    "Regularizer": "keras.regularizers.Regularizer",
    "Constraint": "keras.constraints.Constraint",
    "KerasTensor": "keras.KerasTensor",
    "Variable": "keras.Variable",
}

_ROOT_CLASS_HOMES: Final = frozenset({"", "backend", "engine", "models", "legacy", "base_layer", "training"})

LAYER_ALIASES: Final[dict[str, str]] = {
    # Second public names (keras/src/layers/**: the lists handed to @keras_export).
    "AvgPool1D": "AveragePooling1D",
    "AvgPool2D": "AveragePooling2D",
    "AvgPool3D": "AveragePooling3D",
    "MaxPool1D": "MaxPooling1D",
    "MaxPool2D": "MaxPooling2D",
    "MaxPool3D": "MaxPooling3D",
    "GlobalAvgPool1D": "GlobalAveragePooling1D",
    "GlobalAvgPool2D": "GlobalAveragePooling2D",
    "GlobalAvgPool3D": "GlobalAveragePooling3D",
    "GlobalMaxPool1D": "GlobalMaxPooling1D",
    "GlobalMaxPool2D": "GlobalMaxPooling2D",
    "GlobalMaxPool3D": "GlobalMaxPooling3D",
    "Convolution1D": "Conv1D",
    "Convolution2D": "Conv2D",
    "Convolution3D": "Conv3D",
    "Convolution1DTranspose": "Conv1DTranspose",
    "Convolution2DTranspose": "Conv2DTranspose",
    "Convolution3DTranspose": "Conv3DTranspose",
    "SeparableConvolution1D": "SeparableConv1D",
    "SeparableConvolution2D": "SeparableConv2D",
    "DepthwiseConvolution2D": "DepthwiseConv2D",
    "Deconvolution2D": "Conv2DTranspose",
    "Deconvolution3D": "Conv3DTranspose",
    "Deconv2D": "Conv2DTranspose",
    "Deconv3D": "Conv3DTranspose",
    # Keras 3 exports the class GroupedQueryAttention under this name.
    "GroupedQueryAttention": "GroupQueryAttention",
    # Generations that lived side by side in tf.keras 1.14 to 2.15.
    "BatchNormalizationV1": "BatchNormalization",
    "BatchNormalizationV2": "BatchNormalization",
    "BatchNormalizationBase": "BatchNormalization",
    "SyncBatchNormalizationV2": "SyncBatchNormalization",
    "LayerNormalizationV1": "LayerNormalization",
    "LSTMV1": "LSTM",
    "LSTMV2": "LSTM",
    "LSTMCellV1": "LSTMCell",
    "LSTMCellV2": "LSTMCell",
    "GRUV1": "GRU",
    "GRUV2": "GRU",
    "GRUCellV1": "GRUCell",
    "GRUCellV2": "GRUCell",
    "DenseFeaturesV1": "DenseFeatures",
    "DenseFeaturesV2": "DenseFeatures",
    "NormalizationV1": "Normalization",
    "NormalizationV2": "Normalization",
    "TextVectorizationV1": "TextVectorization",
    "TextVectorizationV2": "TextVectorization",
}

FUNCTION_ALIASES: Final[dict[str, str]] = {
    # Short names of losses and metrics (keras/src/losses/losses.py, tf_keras/src/losses.py).
    "mse": "mean_squared_error",
    "MSE": "mean_squared_error",
    "mae": "mean_absolute_error",
    "MAE": "mean_absolute_error",
    "mape": "mean_absolute_percentage_error",
    "MAPE": "mean_absolute_percentage_error",
    "msle": "mean_squared_logarithmic_error",
    "MSLE": "mean_squared_logarithmic_error",
    "kld": "kl_divergence",
    "KLD": "kl_divergence",
    "kullback_leibler_divergence": "kl_divergence",
    "logcosh": "log_cosh",
    "cosine": "cosine_similarity",
    "cosine_proximity": "cosine_similarity",
}

MODEL_FUNCTIONS: Final = frozenset(
    {
        "clone_model",
        "clone_and_build_model",
        "load_model",
        "model_from_config",
        "model_from_json",
        "model_from_yaml",
        "save_model",
    }
)

_MODEL_FUNCTION_HOMES: Final = frozenset({"models", "saving", "engine"})

LAYER_FUNCTIONS: Final = frozenset(
    {"add", "average", "concatenate", "deserialize", "dot", "maximum", "minimum", "multiply", "serialize", "subtract"}
)

# Packages whose classes are reachable both directly and through submodules; the submodule is dropped.
_FLAT_PACKAGES: Final = frozenset(
    {
        "applications",
        "callbacks",
        "constraints",
        "initializers",
        "layers",
        "losses",
        "metrics",
        "optimizers",
        "regularizers",
    }
)

# Layer classes whose module is not below ``layers``.
_LAYERS_ELSEWHERE: Final = frozenset(
    {
        "FlaxLayer",
        "JaxLayer",
        "PeepholeLSTMCell",
        "PreprocessingLayer",
        "SequenceFeatures",
        "TFSMLayer",
        "TorchModuleWrapper",
    }
)

_RENAMED_PACKAGES: Final[dict[str, str]] = {
    "optimizer_v1": "optimizers",
    "optimizer_v2": "optimizers",
    "optimizer_experimental": "optimizers",
    "feature_column": "layers",
    "layers_experimental": "layers",
}

_OPS_MODULES: Final = frozenset({"numpy", "nn", "math", "core", "linalg", "function", "einops"})

_BACKEND_MODULES: Final = frozenset({"tensorflow_backend", "theano_backend", "cntk_backend", "load_backend", "common"})

_LEGACY_PACKAGES: Final = frozenset({"backend", "layers", "losses", "preprocessing", "models"})

# Packages that one generation alone has, in a path without ``src``.
_GENERATION_OF_PACKAGE: Final[dict[str, str]] = {
    "ops": "3",
    "random": "3",
    "tree": "3",
    "distribution": "3",
    "dtype_policies": "3",
    "quantizers": "3",
    "engine": "2",
    "estimator": "2",
    "experimental": "2",
    "optimizer_v1": "2",
    "optimizer_v2": "2",
    "premade": "2",
    "feature_column": "2",
}


def canonical(dotted: str) -> tuple[str, str | None] | None:
    """The canonical name of ``dotted`` and the Keras generation its path proves (``"2"``, ``"3"`` or None).

    ``dotted`` is an import path through any alias-free spelling (``tensorflow.keras.layers.Dropout``,
    ``keras.layers.core.Dropout``); None when it does not lead into Keras. What follows a class is kept
    (``keras.models.Model.fit`` is ``keras.Model.fit``), and a canonical name is its own canonical name.
    """
    if "keras" not in dotted:
        return _added(dotted) if dotted.startswith("tensorflow_addons.") else None
    for prefix, generation in PREFIXES:
        if dotted == prefix:
            return "keras", generation
        if dotted.startswith(prefix) and dotted[len(prefix)] == ".":
            parts = dotted[len(prefix) + 1 :].split(".")
            if generation is not None or prefix in _PRIVATE_PREFIXES:
                return _spelling(parts), generation
            return _spelling(parts), _generation(parts)
    return None


def _added(dotted: str) -> tuple[str, str] | None:
    """The layer of Keras that one of TensorFlow Addons has become, for Keras 2 alone."""
    for name in _ADDED:
        if dotted == name or dotted.startswith(f"{name}."):
            return f"keras.layers.SpectralNormalization{dotted[len(name) :]}", "2"
    return None


def _generation(parts: list[str]) -> str | None:
    head = parts[0]
    if head == "layers" and len(parts) > 2 and not _is_class(parts[1]):
        return "2"  # Keras 3 keeps the modules of layers under keras.src; keras.layers.experimental is gone too
    if head == "utils" and len(parts) > 2 and parts[1].endswith("_utils"):
        return "2"
    if head == "wrappers" and len(parts) > 1 and parts[1] == "scikit_learn":
        return "2"
    return _GENERATION_OF_PACKAGE.get(head)


def _is_class(part: str) -> bool:
    return part[:1].isupper()


def _spelling(parts: list[str]) -> str:
    if len(parts) > 1 and parts[0] == "legacy" and parts[1] in _LEGACY_PACKAGES:
        parts = parts[1:]
    parts = [_RENAMED_PACKAGES.get(parts[0], parts[0]), *parts[1:]]
    for index, part in enumerate(parts):
        if _is_class(part):
            return ".".join((_class_name(parts[:index], part), *parts[index + 1 :]))
    return _function_name(parts)


def _class_name(modules: list[str], name: str) -> str:
    head = modules[0] if modules else ""
    if name in FUNCTION_ALIASES and head in {"losses", "metrics"}:
        return f"keras.{head}.{FUNCTION_ALIASES[name]}"
    if name in ROOT_CLASSES and (head in _ROOT_CLASS_HOMES or ROOT_CLASSES[name].startswith(f"keras.{head}.")):
        return ROOT_CLASSES[name]
    if head == "layers":
        # Model and Input are importable from keras.layers and its submodules; nothing else is shared.
        return ROOT_CLASSES.get(name) or f"keras.layers.{LAYER_ALIASES.get(name, name)}"
    if name in _LAYERS_ELSEWHERE:
        return f"keras.layers.{name}"
    if head == "optimizers" and any("schedule" in module for module in modules[1:]):
        return f"keras.optimizers.schedules.{name}"
    if head in _FLAT_PACKAGES:
        return f"keras.{head}.{name}"
    if head in {"random", "utils"}:
        return f"keras.{head}.{name}"
    return ".".join(("keras", *modules, name))


def _function_name(parts: list[str]) -> str:
    head, name = parts[0], parts[-1]
    if name in MODEL_FUNCTIONS and head in _MODEL_FUNCTION_HOMES:
        return f"keras.models.{name}"
    if head == "layers" and name in LAYER_FUNCTIONS:
        return f"keras.layers.{name}"
    if head in {"losses", "metrics"} and len(parts) > 1:
        return f"keras.{head}.{FUNCTION_ALIASES.get(name, name)}"
    if head == "backend" and len(parts) > 2:
        if parts[1] in _BACKEND_MODULES:
            return ".".join(("keras", "backend", *parts[2:]))
        if parts[1] == "random":
            return f"keras.random.{name}"
    if head == "ops" and len(parts) > 2 and parts[1] in _OPS_MODULES:
        return f"keras.ops.{name}"
    if head == "random" and len(parts) > 2:
        return f"keras.random.{name}"
    if head == "utils" and len(parts) > 2 and parts[1].endswith("_utils"):
        return f"keras.utils.{name}"
    return ".".join(("keras", *parts))
