"""The layer classes of Keras 2 and 3: which depend on the mode, through which argument, and which own weights.

Sources: the signature of every public class of keras 3.15.1 and tf_keras 2.21, and what
``tests/keras/measure_layers.py`` measures of each, built on a suitable input: how many weights it owns, and what its
output and its weights do in either mode. ``tests/keras/test_layer_tables.py`` holds this table against the installed
versions. PeepholeLSTMCell, which neither has, rests on tensorflow/python/keras/layers/recurrent.py:2521 (2.21).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    from collections.abc import Iterator

Mode = Literal[
    "dropout",  # drops units (or whole channels) in training
    "noise",  # adds noise in training
    "batch-statistics",  # normalises by the batch, and learns moving statistics, in training
    "augmentation",  # changes images in training; on by default in a bare call
    "attention-dropout",  # only with a dropout argument other than zero
    "rnn-dropout",  # only with dropout or recurrent_dropout other than zero
    "power-iteration",  # updates its estimate of the spectral norm in training
    "wrapper",  # as its inner layers, cell or function
    "foreign",  # as the wrapped module of another library
    "none",
]

TrainingParameter = Literal["absent", "none", "false", "true"]
"""What ``call`` says of ``training``: no such parameter, or its default. A class the generation lacks: ``"absent"``."""


@dataclass(frozen=True, slots=True)
class RateArgument:
    """A constructor argument that makes a layer depend on the mode unless it is zero.

    ``position2`` and ``position3`` count positional arguments without ``self``, in Keras 2 and 3 (None: keyword only,
    or not there).
    ``default`` is what holds when the argument is not given; None when it must be given.
    """

    name: str
    position2: int | None
    position3: int | None
    default: float | None = 0.0

    def position(self, generation: int) -> int | None:
        """Positional index in Keras ``generation`` (2 or 3), without ``self``."""
        return self.position2 if generation == 2 else self.position3


@dataclass(frozen=True, slots=True)
class LayerFacts:
    """What is known of one layer class.

    ``weightless`` is True when a built instance has no weights (seed generators do not count), False when its default
    configuration has some or ``adapt`` gives it state, None when it depends on what it wraps or is given. The one
    exception is ``Activation``: True, although ``Activation(PReLU())`` owns the weights of the layer it was given.

    ``default_active``: a bare ``layer(x)`` acts as in training. ``mutates``: a call in training mode changes weights
    of the layer. ``generations`` are the Keras generations that export it.
    """

    name: str
    mode: Mode
    weightless: bool | None
    rate_arguments: tuple[RateArgument, ...] = ()
    training2: TrainingParameter = "absent"
    training3: TrainingParameter = "absent"
    default_active: bool = False
    mutates: bool = False
    generations: tuple[int, ...] = (2, 3)

    @property
    def canonical_name(self) -> str:
        """``keras.layers.<name>``."""
        return f"keras.layers.{self.name}"

    @property
    def leaks_default(self) -> bool:
        """Whether the default ``training=True`` of ``call`` reaches later siblings (on Keras 3.3 to 3.15)."""
        return self.training3 == "true"

    def training_parameter(self, generation: int) -> TrainingParameter:
        """What ``call`` of Keras ``generation`` (2 or 3) says of ``training``."""
        return self.training2 if generation == 2 else self.training3


_RATE: Final = (RateArgument("rate", 0, 0, None),)
_STDDEV: Final = (RateArgument("stddev", 0, 0, None),)


def _recurrent_rates(position2: int | None, position3: int | None) -> tuple[RateArgument, ...]:
    after2 = None if position2 is None else position2 + 1
    after3 = None if position3 is None else position3 + 1
    return RateArgument("dropout", position2, position3), RateArgument("recurrent_dropout", after2, after3)


# Dropout and noise: off unless the call says training. No weights, only a seed generator in Keras 3.
_DROPOUT: Final = tuple(
    LayerFacts(name, "dropout", True, _RATE, "none", "false")
    for name in (
        "AlphaDropout",
        "Dropout",
        "GaussianDropout",
        "SpatialDropout1D",
        "SpatialDropout2D",
        "SpatialDropout3D",
    )
)

_NOISE: Final = (LayerFacts("GaussianNoise", "noise", True, _STDDEV, "none", "false"),)

# Batch statistics: used and learned iff training and trainable
# (keras/src/layers/normalization/batch_normalization.py:363, 3.15.1).
_BATCH_STATISTICS: Final = (
    LayerFacts("BatchNormalization", "batch-statistics", False, (), "none", "none", mutates=True),
    LayerFacts("SyncBatchNormalization", "batch-statistics", False, (), "none", mutates=True, generations=(2,)),
)

# On by default in a bare call. Equalization and Solarization are not random, but act in training only.
_AUGMENTATION: Final = (
    *(
        LayerFacts(name, "augmentation", True, (), "true", "true", default_active=True)
        for name in (
            "RandomBrightness",
            "RandomContrast",
            "RandomCrop",
            "RandomFlip",
            "RandomRotation",
            "RandomTranslation",
            "RandomZoom",
        )
    ),
    *(
        LayerFacts(name, "augmentation", True, (), "true", default_active=True, generations=(2,))
        for name in ("RandomHeight", "RandomWidth")
    ),
    *(
        LayerFacts(name, "augmentation", True, (), "absent", "true", default_active=True, generations=(3,))
        for name in (
            "AugMix",
            "CutMix",
            "Equalization",
            "MixUp",
            "RandAugment",
            "RandomColorDegeneration",
            "RandomColorJitter",
            "RandomElasticTransform",
            "RandomErasing",
            "RandomGaussianBlur",
            "RandomGrayscale",
            "RandomHue",
            "RandomInvert",
            "RandomPerspective",
            "RandomPosterization",
            "RandomSaturation",
            "RandomSharpness",
            "RandomShear",
            "Solarization",
        )
    ),
)

# Attention: weights or none by use_scale and score_mode. Keras 2 takes ``dropout`` by keyword only, through **kwargs.
_ATTENTION: Final = (
    LayerFacts("AdditiveAttention", "attention-dropout", None, (RateArgument("dropout", None, 1),), "none", "false"),
    LayerFacts("Attention", "attention-dropout", None, (RateArgument("dropout", None, 2),), "none", "false"),
    LayerFacts("MultiHeadAttention", "attention-dropout", False, (RateArgument("dropout", 3, 3),), "none", "none"),
    LayerFacts(
        "GroupQueryAttention",
        "attention-dropout",
        False,
        (RateArgument("dropout", None, 3),),
        "absent",
        "none",
        generations=(3,),
    ),
)

# Recurrent layers and cells: a rate outside (0, 1) silently means none (keras/src/layers/rnn/lstm.py:134,235, 3.15.1).
_RECURRENT: Final = (
    LayerFacts("LSTM", "rnn-dropout", False, _recurrent_rates(15, 15), "none", "false"),
    LayerFacts("GRU", "rnn-dropout", False, _recurrent_rates(14, 14), "none", "false"),
    LayerFacts("SimpleRNN", "rnn-dropout", False, _recurrent_rates(13, 13), "none", "false"),
    LayerFacts("LSTMCell", "rnn-dropout", False, _recurrent_rates(14, 14), "none", "false"),
    LayerFacts("GRUCell", "rnn-dropout", False, _recurrent_rates(13, 13), "none", "false"),
    LayerFacts("SimpleRNNCell", "rnn-dropout", False, _recurrent_rates(12, 12), "none", "false"),
    LayerFacts("ConvLSTM1D", "rnn-dropout", False, _recurrent_rates(24, 20), "none", "false"),
    LayerFacts("ConvLSTM2D", "rnn-dropout", False, _recurrent_rates(24, 20), "none", "false"),
    LayerFacts("ConvLSTM3D", "rnn-dropout", False, _recurrent_rates(24, 20), "none", "false"),
    LayerFacts("PeepholeLSTMCell", "rnn-dropout", False, _recurrent_rates(14, None), "none", generations=(2,)),
)

# They run on a GPU only and have no dropout: their flag changes nothing (tf_keras.api._v1).
_CUDNN: Final = tuple(
    LayerFacts(name, "none", False, (), "none", generations=(2,)) for name in ("CuDNNGRU", "CuDNNLSTM")
)

# As what they hold. TimeDistributed(BatchNormalization) mutates; the wrapper itself does not.
_WRAPPERS: Final = (
    LayerFacts("Bidirectional", "wrapper", None, (), "none", "none"),
    LayerFacts("Lambda", "wrapper", None, (), "none", "none"),
    LayerFacts("RNN", "wrapper", None, (), "none", "false"),
    LayerFacts("StackedRNNCells", "wrapper", None, (), "none", "false"),
    LayerFacts("TimeDistributed", "wrapper", None, (), "none", "none"),
    LayerFacts("Wrapper", "wrapper", None),
    LayerFacts("Pipeline", "wrapper", None, (), "absent", "true", default_active=True, generations=(3,)),
    LayerFacts("DenseFeatures", "wrapper", None, (), "none", generations=(2,)),
    LayerFacts("SequenceFeatures", "wrapper", None, (), "none", generations=(2,)),
)

# Updates its estimate under training=True even with trainable=False, and wraps a layer with a kernel.
_POWER_ITERATION: Final = (
    LayerFacts("SpectralNormalization", "power-iteration", False, (), "false", "false", mutates=True),
)

_FOREIGN: Final = (
    LayerFacts("FlaxLayer", "foreign", None, (), "absent", "false", generations=(3,)),
    LayerFacts("JaxLayer", "foreign", None, (), "absent", "false", generations=(3,)),
    LayerFacts("TFSMLayer", "foreign", None, (), "absent", "false", generations=(3,)),
    LayerFacts("TorchModuleWrapper", "foreign", None, (), "absent", "none", generations=(3,)),
)

# Their output does not depend on the mode, yet their default ``training=True`` leaks on Keras 3.3 to 3.15.
_LEAKING: Final = (
    LayerFacts("CenterCrop", "none", True, (), "absent", "true"),
    LayerFacts("Resizing", "none", True, (), "absent", "true"),
    LayerFacts("AutoContrast", "none", True, (), "absent", "true", generations=(3,)),
    LayerFacts("ContrastLimitedAdaptiveHistogramEqualization", "none", True, (), "absent", "true", generations=(3,)),
    LayerFacts("MaxNumBoundingBoxes", "none", True, (), "absent", "true", generations=(3,)),
)

# Dense and EinsumDense take ``training`` in Keras 3 for quantisation only; unquantised they ignore it.
_DENSE: Final = (
    LayerFacts("Dense", "none", False, (), "absent", "none"),
    LayerFacts("EinsumDense", "none", False, (), "absent", "none"),
)

_WEIGHTLESS_IN_BOTH: Final = (
    "Activation",
    "ActivityRegularization",
    "Add",
    "Average",
    "AveragePooling1D",
    "AveragePooling2D",
    "AveragePooling3D",
    "CategoryEncoding",
    "Concatenate",
    "Cropping1D",
    "Cropping2D",
    "Cropping3D",
    "Dot",
    "ELU",
    "Flatten",
    "GlobalAveragePooling1D",
    "GlobalAveragePooling2D",
    "GlobalAveragePooling3D",
    "GlobalMaxPooling1D",
    "GlobalMaxPooling2D",
    "GlobalMaxPooling3D",
    "HashedCrossing",
    "Hashing",
    "Identity",
    "InputLayer",
    "LeakyReLU",
    "Masking",
    "MaxPooling1D",
    "MaxPooling2D",
    "MaxPooling3D",
    "Maximum",
    "Minimum",
    "Multiply",
    "Permute",
    "ReLU",
    "RepeatVector",
    "Rescaling",
    "Reshape",
    "Softmax",
    "Subtract",
    "UnitNormalization",
    "UpSampling1D",
    "UpSampling2D",
    "UpSampling3D",
    "ZeroPadding1D",
    "ZeroPadding2D",
    "ZeroPadding3D",
)

_WEIGHTLESS_IN_2: Final = ("ThresholdedReLU",)

_WEIGHTLESS_IN_3: Final = (
    "AdaptiveAveragePooling1D",
    "AdaptiveAveragePooling2D",
    "AdaptiveAveragePooling3D",
    "AdaptiveMaxPooling1D",
    "AdaptiveMaxPooling2D",
    "AdaptiveMaxPooling3D",
    "MelSpectrogram",
)

_WEIGHTED_IN_BOTH: Final = (
    "Conv1D",
    "Conv1DTranspose",
    "Conv2D",
    "Conv2DTranspose",
    "Conv3D",
    "Conv3DTranspose",
    "DepthwiseConv1D",
    "DepthwiseConv2D",
    "Embedding",
    "GroupNormalization",
    "LayerNormalization",
    "PReLU",
    "SeparableConv1D",
    "SeparableConv2D",
    # State from ``adapt`` or a vocabulary, whether or not it is kept in variables.
    "Discretization",
    "IntegerLookup",
    "Normalization",
    "StringLookup",
    "TextVectorization",
)

_WEIGHTED_IN_2: Final = (
    "DynamicEmbedding",
    "DynamicLookup",
    "LocallyConnected1D",
    "LocallyConnected2D",
    "RandomFourierFeatures",
)

_WEIGHTED_IN_3: Final = ("RMSNormalization", "ReversibleEmbedding", "STFTSpectrogram")


def _plain(
    names: tuple[str, ...], *, weightless: bool | None, generations: tuple[int, ...] = (2, 3)
) -> Iterator[LayerFacts]:
    return (LayerFacts(name, "none", weightless, generations=generations) for name in names)


LAYERS: Final[dict[str, LayerFacts]] = {
    facts.name: facts
    for facts in (
        *_DROPOUT,
        *_NOISE,
        *_BATCH_STATISTICS,
        *_AUGMENTATION,
        *_ATTENTION,
        *_RECURRENT,
        *_CUDNN,
        *_WRAPPERS,
        *_POWER_ITERATION,
        *_FOREIGN,
        *_LEAKING,
        *_DENSE,
        *_plain(_WEIGHTLESS_IN_BOTH, weightless=True),
        *_plain(_WEIGHTLESS_IN_2, weightless=True, generations=(2,)),
        *_plain(_WEIGHTLESS_IN_3, weightless=True, generations=(3,)),
        *_plain(_WEIGHTED_IN_BOTH, weightless=False),
        *_plain(_WEIGHTED_IN_2, weightless=False, generations=(2,)),
        *_plain(_WEIGHTED_IN_3, weightless=False, generations=(3,)),
        # Bases to derive from.
        *_plain(("Layer",), weightless=None),
        *_plain(("AbstractRNNCell", "PreprocessingLayer"), weightless=None, generations=(2,)),
    )
}

_BY_CANONICAL_NAME: Final = {facts.canonical_name: facts for facts in LAYERS.values()}


def layer(name: str) -> LayerFacts | None:
    """The facts of the layer class with the canonical ``name`` (``keras.layers.Dropout``), or None."""
    return _BY_CANONICAL_NAME.get(name)


def augmentation_names() -> frozenset[str]:
    """The names of the layer classes that change their input in training by default."""
    return frozenset(facts.name for facts in LAYERS.values() if facts.mode == "augmentation")


def mode_layer_names() -> frozenset[str]:
    """The names of the layer classes that depend on the mode by themselves."""
    return frozenset(facts.name for facts in LAYERS.values() if facts.mode not in {"none", "wrapper"})


def is_layer_class(name: str) -> bool:
    """Whether the canonical ``name`` is a known layer class of Keras."""
    return name in _BY_CANONICAL_NAME
