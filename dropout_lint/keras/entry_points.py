"""Where a mode is chosen: what makes a model, what runs it in which mode, what Keras calls back, what makes gradients.

Names are canonical (``names.canonical``) or, outside Keras, dotted import paths as ``consumers.plain`` gives them.

Sources: public attributes of ``Model``, ``Callback`` and ``Optimizer`` in keras 3.15.1 and tf_keras 2.21, which
``tests/keras/test_entry_points.py`` compares with these tables; for predict_proba and predict_classes, which both lack,
tensorflow/python/keras/engine/sequential.py:413-460 (2.21).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

Phase = Literal["training", "inference"]

# ---------------------------------------------------------------------------------------------- making models

MODEL_CLASSES: Final = frozenset(
    {
        "keras.Model",
        "keras.Sequential",
        "keras.experimental.LinearModel",
        "keras.experimental.WideDeepModel",
        "keras.premade.LinearModel",
        "keras.premade.WideDeepModel",
    }
)

# They return a model whose layers are not in the source.
MODEL_LOADERS: Final = frozenset(
    {
        "keras.models.load_model",
        "keras.models.model_from_config",
        "keras.models.model_from_json",
        "keras.models.model_from_yaml",
        "keras.layers.deserialize",
        "keras.Model.from_config",
        "keras.Sequential.from_config",
        "tensorflow.saved_model.load",
        "tensorflow_hub.load",
    }
)

# They return a model with the layers of their first argument.
MODEL_COPIES: Final = frozenset(
    {"keras.models.clone_model", "keras.models.clone_and_build_model", "copy.deepcopy", "copy.copy"}
)

# Functions of TensorFlow's model optimization toolkit that do so: they give the layers of a model without what was
# put round them (tensorflow_model_optimization/python/core/sparsity/keras/prune.py and
# .../core/clustering/keras/cluster.py, 0.8).
MODEL_STRIPPERS: Final = frozenset(
    {
        "tensorflow_model_optimization.sparsity.keras.strip_pruning",
        "tensorflow_model_optimization.clustering.keras.strip_clustering",
    }
)

# Classes of other packages that are Keras layers or models, of unknown content.
FOREIGN_MODEL_PREFIXES: Final = ("keras_cv.models.", "keras_hub.models.", "keras_nlp.models.")
FOREIGN_LAYERS: Final = frozenset({"tensorflow_hub.KerasLayer"})


@dataclass(frozen=True, slots=True)
class ApplicationFacts:
    """What a model of ``keras.applications`` holds: whether BatchNormalization, and when Dropout.

    ``dropout`` is ``"always"``, ``"with-top"`` (only with ``include_top=True``, the default) or ``"never"``. None of
    them has a hard-coded flag or augmentation. Source: one model of each family of keras 3.15.1 and tf_keras 2.21,
    built with and without its top.
    """

    name: str
    batch_normalization: bool
    dropout: Literal["always", "with-top", "never"]
    generations: tuple[int, ...] = (2, 3)


_REGNET_SIZES: Final = ("002", "004", "006", "008", "016", "032", "040", "064", "080", "120", "160", "320")

_APPLICATION_FAMILIES: Final[
    tuple[tuple[tuple[str, ...], bool, Literal["always", "with-top", "never"], tuple[int, ...]], ...]
] = (
    (("VGG16", "VGG19"), False, "never", (2, 3)),
    (tuple(f"ConvNeXt{size}" for size in ("Tiny", "Small", "Base", "Large", "XLarge")), False, "never", (2, 3)),
    (("DenseNet121", "DenseNet169", "DenseNet201"), True, "never", (2, 3)),
    (tuple(f"EfficientNetB{size}" for size in range(8)), True, "always", (2, 3)),
    (
        tuple(f"EfficientNetV2{size}" for size in ("B0", "B1", "B2", "B3", "S", "M", "L")),
        True,
        "always",
        (2, 3),
    ),
    (("InceptionResNetV2", "InceptionV3", "Xception"), True, "never", (2, 3)),
    (("MobileNet", "MobileNetV3Small", "MobileNetV3Large"), True, "with-top", (2, 3)),
    (("MobileNetV2", "NASNetLarge", "NASNetMobile"), True, "never", (2, 3)),
    (("ResNet50", "ResNet101", "ResNet152", "ResNet50V2", "ResNet101V2", "ResNet152V2"), True, "never", (2, 3)),
    (tuple(f"ResNetRS{depth}" for depth in (50, 101, 152, 200, 270, 350, 420)), True, "with-top", (2,)),
    (tuple(f"RegNet{kind}{size}" for kind in "XY" for size in _REGNET_SIZES), True, "never", (2,)),
)

APPLICATIONS: Final[dict[str, ApplicationFacts]] = {
    f"keras.applications.{name}": ApplicationFacts(name, batch_normalization, dropout, generations)
    for names, batch_normalization, dropout, generations in _APPLICATION_FAMILIES
    for name in names
}


def application(name: str) -> ApplicationFacts | None:
    """The facts of the model with the canonical ``name`` (``keras.applications.ResNet50``), or None."""
    return APPLICATIONS.get(name)


def makes_model(name: str) -> bool:
    """Whether calling the canonical ``name`` returns a Keras model."""
    return (
        name in MODEL_CLASSES
        or name in APPLICATIONS
        or name in MODEL_LOADERS
        or name in {"keras.models.clone_model", "keras.models.clone_and_build_model"}
        or name.startswith(FOREIGN_MODEL_PREFIXES)
    )


# ------------------------------------------------------------------------------------------ methods of a model

# They run the model in training mode, whatever flag was set before.
TRAINING_METHODS: Final = frozenset({"fit", "fit_generator", "train_on_batch"})

# They run the model in inference mode, whatever flag was set before.
INFERENCE_METHODS: Final = frozenset(
    {
        "evaluate",
        "evaluate_generator",
        "predict",
        "predict_classes",
        "predict_generator",
        "predict_on_batch",
        "predict_proba",
        "test_on_batch",
    }
)

# Those of the above that Keras 3 no longer has: AttributeError.
REMOVED_METHODS: Final = frozenset(
    {"evaluate_generator", "fit_generator", "predict_classes", "predict_generator", "predict_proba"}
)

# predict_classes and predict_proba left tf.keras with TensorFlow 2.6, so they are missing in tf_keras too.
REMOVED_FROM_KERAS_2: Final = frozenset({"predict_classes", "predict_proba"})

# Arguments of fit, evaluate and predict that Keras 3 rejects.
REMOVED_ARGUMENTS: Final = frozenset({"max_queue_size", "use_multiprocessing", "workers"})

# What evaluate raises for an argument it does not know; the other methods leave that to Python.
_REJECTIONS: Final[dict[tuple[str, int], str]] = {("evaluate", 3): "ValueError"}


def rejection(method: str, generation: int) -> str:
    """The exception with which a method of a Keras 2 or 3 model rejects an argument that it does not know."""
    if generation == 3 and method in REMOVED_METHODS:
        return "AttributeError"
    return _REJECTIONS.get((method, generation), "TypeError")


# Serving: they trace the model as a bare call or save it.
EXPORT_METHODS: Final = frozenset({"export", "save"})

# They only create weights; their output, if any, is thrown away.
BUILD_METHODS: Final = frozenset({"build", "compute_output_shape", "compute_output_spec", "summary"})

# ------------------------------------------------------------------------------------------------------- hooks

# Overrides that Keras calls in a known mode. ``call`` runs in either.
STEP_HOOKS: Final[dict[str, Phase]] = {
    "train_step": "training",
    "make_train_function": "training",
    "test_step": "inference",
    "make_test_function": "inference",
    "predict_step": "inference",
    "make_predict_function": "inference",
}

CALL_HOOKS: Final = frozenset({"__call__", "call", "symbolic_call", "stateless_call"})

# While train hooks run the mode of the model is not set by them: what a callback itself calls is inference in intent.
CALLBACK_HOOKS: Final[dict[str, Phase]] = {
    "on_batch_begin": "training",
    "on_batch_end": "training",
    "on_epoch_begin": "training",
    "on_epoch_end": "training",
    "on_train_batch_begin": "training",
    "on_train_batch_end": "training",
    "on_train_begin": "training",
    "on_train_end": "training",
    "on_test_batch_begin": "inference",
    "on_test_batch_end": "inference",
    "on_test_begin": "inference",
    "on_test_end": "inference",
    "on_predict_batch_begin": "inference",
    "on_predict_batch_end": "inference",
    "on_predict_begin": "inference",
    "on_predict_end": "inference",
}

# Classes whose overrides are such hooks.
CALLBACK_CLASSES: Final = frozenset({"keras.callbacks.Callback", "keras.callbacks.LambdaCallback"})


def method_phase(name: str) -> Phase | None:
    """The mode in which a Model method runs the model: ``fit`` trains, ``predict`` infers, others None."""
    if name in TRAINING_METHODS:
        return "training"
    if name in INFERENCE_METHODS:
        return "inference"
    return None


def hook_phase(name: str) -> Phase | None:
    """The phase during which Keras calls the overridden method ``name`` of a Model or Callback; None for others."""
    return STEP_HOOKS.get(name) or CALLBACK_HOOKS.get(name)


# ----------------------------------------------------------------------------------------------------- metrics

METRIC_METHODS: Final = frozenset({"update_state", "result", "reset_state", "reset_states"})

METRIC_CLASS_PREFIX: Final = "keras.metrics."
LOSS_CLASS_PREFIX: Final = "keras.losses."

# Metrics that only average what they are given, often a training loss: no evidence of evaluation.
TRACKERS: Final = frozenset({"keras.metrics.Mean", "keras.metrics.MeanTensor", "keras.metrics.Sum"})


def is_metric_class(name: str) -> bool:
    """Whether the canonical ``name`` is a class of ``keras.metrics``."""
    return (
        name.startswith(METRIC_CLASS_PREFIX) and name[len(METRIC_CLASS_PREFIX) :][:1].isupper() and name.count(".") == 2
    )


def is_metric_function(name: str) -> bool:
    """Whether the canonical ``name`` is a function of ``keras.metrics`` that scores predictions."""
    tail = name[len(METRIC_CLASS_PREFIX) :]
    return (
        name.startswith(METRIC_CLASS_PREFIX)
        and tail.isidentifier()
        and tail.islower()
        and tail not in {"deserialize", "get", "serialize"}
    )


def is_loss(name: str) -> bool:
    """Whether the canonical ``name`` is a loss: a class, or a function, of ``keras.losses``."""
    tail = name[len(LOSS_CLASS_PREFIX) :]
    return (
        name.startswith(LOSS_CLASS_PREFIX) and tail.isidentifier() and tail not in {"deserialize", "get", "serialize"}
    )


# --------------------------------------------------------------------------------------------------- gradients

GRADIENT_TAPES: Final = frozenset({"tensorflow.GradientTape", "tensorflow.autodiff.GradientTape"})
TAPE_METHODS: Final = frozenset({"batch_jacobian", "gradient", "jacobian"})

GRADIENT_FUNCTIONS: Final = frozenset(
    {
        "jax.grad",
        "jax.value_and_grad",
        "jax.jacfwd",
        "jax.jacrev",
        "jax.vjp",
        "keras.backend.gradients",
        "tensorflow.gradients",
    }
)

# They change weights by gradients; with ``minimize`` the loss is a closure.
OPTIMIZER_METHODS: Final = frozenset({"apply", "apply_gradients", "get_updates", "minimize", "stateless_apply"})
BACKWARD_METHODS: Final = frozenset({"backward"})

COMPILED_FUNCTIONS: Final = frozenset(
    {
        "jax.jit",
        "jax.pmap",
        "keras.backend.function",
        "tensorflow.autograph.experimental.do_not_convert",
        "tensorflow.autograph.to_graph",
        "tensorflow.function",
        "tensorflow.contrib.eager.defun",
    }
)

# -------------------------------------------------------------------- functions that act like a layer in training

# Dropout at every call, in every mode.
DROPOUT_FUNCTIONS: Final = frozenset(
    {
        "keras.backend.dropout",
        "keras.random.dropout",
        "tensorflow.nn.dropout",
        "tensorflow.nn.experimental.general_dropout",
        "tensorflow.nn.experimental.stateless_dropout",
        "tensorflow.python.ops.nn.dropout",
        "tensorflow.python.ops.nn_ops.dropout",
    }
)

# Their second argument is the probability to keep, not to drop: the TensorFlow 1 function, here in its full spelling.
KEEP_PROBABILITY_FUNCTIONS: Final = frozenset({"tensorflow.compat.v1.nn.dropout"})

# TensorFlow 1 layers with a flag of their own; the default is inference, except in contrib.
TF1_LAYERS: Final[dict[str, str]] = {
    "tensorflow.layers.batch_normalization": "training",
    "tensorflow.layers.dropout": "training",
    "tensorflow.contrib.layers.batch_norm": "is_training",
    "tensorflow.contrib.layers.dropout": "is_training",
    "tensorflow.contrib.slim.batch_norm": "is_training",
    "tensorflow.contrib.slim.dropout": "is_training",
}

# ------------------------------------------------------------------------------------ the global learning phase

LEARNING_PHASE: Final = frozenset(
    {
        "keras.backend.in_test_phase",
        "keras.backend.in_train_phase",
        "keras.backend.learning_phase",
        "keras.backend.learning_phase_scope",
        "keras.backend.set_learning_phase",
        "keras.backend.symbolic_learning_phase",
    }
)
