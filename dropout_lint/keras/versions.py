"""Which Keras versions there are, and the measured behaviour that differs between them.

"All versions" in a source means: measured with tf_keras 2.21, keras 3.3.3, 3.5, 3.6, 3.8, 3.9.2, 3.10, 3.11.3, 3.12,
3.13.2, 3.14, 3.15.0, 3.15.1 and the development snapshot 3.16.0.dev2026102704 on TensorFlow; "both" means keras 3.15.1
and tf_keras 2.21. Keras 3.0 to 3.2 and the torch backend were not measured.
``tests/keras/measure_behaviours.py`` measures every statement again on the installed ``keras`` and ``tf_keras``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True, order=True)
class KerasVersion:
    """A Keras generation, 2 or 3, and the minor version where it is known (None: any of the generation)."""

    generation: int
    minor: int | None = None

    def __str__(self) -> str:
        """``2``, ``3`` or ``3.15``."""
        return str(self.generation) if self.minor is None else f"{self.generation}.{self.minor}"


FIRST_MEASURED_MINOR: Final = 3
LAST_RELEASED_MINOR: Final = 15
DEVELOPMENT_MINOR: Final = 16

SUPPORTED: Final[tuple[KerasVersion, ...]] = (
    KerasVersion(2),
    *(KerasVersion(3, minor) for minor in range(FIRST_MEASURED_MINOR, LAST_RELEASED_MINOR + 1)),
)

# The first TensorFlow whose tf.keras is Keras 3 (release notes of 2.16; tensorflow/python/util/lazy_loader.py).
FIRST_TENSORFLOW_WITH_KERAS_3: Final = (2, 16)

_VERSION: Final = re.compile(r"([23])(?:\.(\d{1,4})(?:\.[0-9A-Za-z.+-]+)?)?(?:\.[x*])?")


def parse_version(text: str) -> KerasVersion:
    """The version a user wrote: ``"2"``, ``"3"``, ``"3.15"``, ``"3.15.1"``; the minor of a Keras 2 decides nothing.

    Raises ValueError, with a message for the user, for anything that is not a Keras 2 or 3 version.
    """
    match = _VERSION.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"not a Keras version: {text!r} (examples: 2, 3, 3.{LAST_RELEASED_MINOR})")
    return KerasVersion(int(match[1]), None if match[2] is None else int(match[2]))


def is_supported(version: KerasVersion) -> bool:
    """Whether the measurements cover ``version``: Keras 2, and Keras 3 from 3.3 up to the newest measured release."""
    if version.generation == 2 or version.minor is None:
        return True
    return FIRST_MEASURED_MINOR <= version.minor <= LAST_RELEASED_MINOR


def is_in_development(version: KerasVersion) -> bool:
    """Whether ``version`` is newer than the newest measured release, so that messages must say so."""
    return version.generation == 3 and version.minor is not None and version.minor >= DEVELOPMENT_MINOR


def generation_of_tensorflow(major: int, minor: int) -> int:
    """The Keras generation that ``tf.keras`` is in TensorFlow ``major.minor`` (unless TF_USE_LEGACY_KERAS is set)."""
    return 3 if (major, minor) >= FIRST_TENSORFLOW_WITH_KERAS_3 else 2


@dataclass(frozen=True, slots=True)
class Behaviour:
    """One statement about Keras that is true on some versions and false on others.

    ``keras3`` holds ``(first minor, truth)`` pairs in ascending order; each lasts until the next. ``jax`` is the truth
    on the JAX backend of Keras 3.10 to 3.15 where it was measured apart (None: as on TensorFlow, or unmeasured).
    """

    name: str
    statement: str
    keras2: bool
    keras3: tuple[tuple[int, bool], ...]
    source: str
    jax: bool | None = None


BEHAVIOURS: Final[dict[str, Behaviour]] = {
    behaviour.name: behaviour
    for behaviour in (
        Behaviour(
            "functional-hardcoded-flag-honoured-by-predict",
            "training=True given while a functional graph is built is active in predict and evaluate",
            keras2=True,
            keras3=((3, False), (16, True)),
            source="all versions; keras/src/models/functional.py:695-709 (3.15.1); keras PR #23364",
            jax=False,
        ),
        Behaviour(
            "functional-hardcoded-flag-honoured-by-fit",
            "base(x, training=False) in a functional graph keeps BatchNormalization in inference while fit runs",
            keras2=True,
            keras3=((3, False), (16, True)),
            source="all versions; keras/src/models/functional.py:695-709 (3.15.1); keras #20285",
            jax=False,
        ),
        Behaviour(
            "functional-hardcoded-flag-honoured-by-bare-call",
            "training=True given while a functional graph is built is active in a bare model(x)",
            keras2=True,
            keras3=((3, True),),
            source="all versions",
            jax=True,
        ),
        Behaviour(
            "functional-hardcoded-flag-served-by-export",
            "training=True given while a functional graph is built is active in the exported SavedModel",
            keras2=True,
            keras3=((3, True),),
            source="3.6 and later, tf_keras 2.21 (3.3, 3.5 not obtained); keras/src/export/saved_model.py:356 (3.15.1)",
        ),
        Behaviour(
            "export-augments",
            "model.export() of a model with Random* layers serves augmented outputs",
            # Keras 2 has export() since 2.13; the SavedModel that its model.save(folder) writes does not augment.
            keras2=True,
            keras3=((3, True),),
            source="3.6 and later, tf_keras (3.3, 3.5 not obtained); keras/src/export/saved_model.py:356 (3.15.1); "
            "tf_keras/src/export/export_lib.py:415 (2.21)",
        ),
        Behaviour(
            "bare-call-augments",
            "model(x) without training applies Random* layers",
            keras2=True,
            keras3=((3, True),),
            source="all versions",
            jax=True,
        ),
        Behaviour(
            "model-call-without-training-trains",
            "a Model whose call has no training parameter runs its dropout in fit and learns batch statistics",
            keras2=True,
            keras3=((3, False),),
            source="all versions; keras/src/backend/tensorflow/trainer.py:58 (3.15.1)",
            jax=False,
        ),
        Behaviour(
            "unforwarded-training-reaches-sublayers",
            "call(self, x, training=None) that does not forward training still switches sublayers in fit",
            keras2=True,
            keras3=((3, True),),
            source="all versions; keras/src/layers/layer.py:1188 (3.15.1)",
            jax=False,
        ),
        Behaviour(
            "explicit-none-inherits",
            "training=None given to a sublayer means the mode of the enclosing call",
            keras2=True,
            keras3=((3, True), (10, False)),
            source="all versions",
            jax=False,
        ),
        Behaviour(
            "explicit-flag-leaks-to-siblings",
            "an explicit training= on one sublayer reaches later sublayers called without it",
            keras2=False,
            keras3=((3, True),),
            source="all versions; keras/src/layers/layer.py:1079 (3.15.1); on JAX not in predict",
        ),
        Behaviour(
            "default-true-leaks-to-siblings",
            "a layer whose call defaults to training=True switches later sublayers called without training",
            keras2=False,
            keras3=((3, True), (16, False)),
            source="all versions; keras PR #23166",
            jax=False,
        ),
        Behaviour(
            "freeze-after-compile-effective",
            "trainable changed after compile and before the first fit takes effect in that fit",
            keras2=False,
            keras3=((3, True),),
            source="all versions; tf_keras/src/engine/training_utils.py:155-174 (2.21)",
            jax=True,
        ),
        Behaviour(
            "freeze-after-fit-effective",
            "trainable changed after a fit takes effect in the next fit without compile, if nothing is traced anew",
            keras2=False,
            keras3=((3, False),),
            source="both; keras/src/backend/tensorflow/trainer.py:255 (3.15.1)",
        ),
        Behaviour(
            "trainable-true-again-propagates",
            "model.trainable = True on a model whose flag already is True sets it on all sublayers",
            keras2=True,
            keras3=((3, False),),
            source="both; keras/src/backend/tensorflow/trackable.py:18 (3.15.1)",
            jax=True,
        ),
        Behaviour(
            "frozen-parent-gates-children",
            "a sublayer opened inside a frozen model does not train through an outer model",
            keras2=True,
            keras3=((3, False),),
            source="both",
        ),
        Behaviour(
            "frozen-layer-keeps-regularisation-loss",
            "a frozen layer's kernel_regularizer still adds to the loss",
            keras2=True,
            keras3=((3, False),),
            source="all versions",
            jax=False,
        ),
        Behaviour(
            "positional-training-accepted",
            "layer(x, True) passes True as training",
            keras2=True,
            keras3=((3, False),),
            source="all versions",
            jax=False,
        ),
        Behaviour(
            "string-flag-accepted",
            "training='False' is taken as truthy (otherwise it raises TypeError)",
            keras2=False,
            keras3=((3, True),),
            source="both",
        ),
        Behaviour(
            "learning-phase-exists",
            "keras.backend has learning_phase, set_learning_phase, learning_phase_scope and in_train_phase",
            keras2=True,
            keras3=((3, False),),
            source="both",
        ),
        Behaviour(
            "generator-methods-exist",
            "Model has fit_generator, evaluate_generator and predict_generator",
            keras2=True,
            keras3=((3, False),),
            source="both",
        ),
        Behaviour(
            "workers-arguments-accepted",
            "fit, evaluate and predict take workers, use_multiprocessing and max_queue_size",
            keras2=True,
            keras3=((3, False),),
            source="both",
        ),
        Behaviour(
            "rate-one-accepted",
            "Dropout(1.0) is accepted and zeroes everything in training",
            keras2=False,
            keras3=((3, True),),
            source="both",
            jax=True,
        ),
        Behaviour(
            "spatial-dropout-takes-trainable",
            "SpatialDropout1D/2D/3D accept trainable= in their constructor",
            keras2=True,
            keras3=((3, False),),
            source="both",
        ),
    )
}


def behaviour(name: str, version: KerasVersion | None, backend: str | None = None) -> bool | None:
    """Whether the statement ``name`` of ``BEHAVIOURS`` is true on ``version``.

    None when it was not measured there, or when it differs among what ``version`` stands for: a Keras 3 without a minor
    is all of 3.3 to 3.15, and no version at all is every supported one. ``backend`` ``"jax"`` asks for
    the JAX column, measured on Keras 3.10 to 3.15. Raises KeyError for an unknown name.
    """
    fact = BEHAVIOURS[name]
    if version is None:
        answers = {behaviour(name, KerasVersion(2)), behaviour(name, KerasVersion(3))}
        return answers.pop() if len(answers) == 1 else None
    if version.generation == 2:
        return fact.keras2
    minors = range(FIRST_MEASURED_MINOR, LAST_RELEASED_MINOR + 1) if version.minor is None else (version.minor,)
    on_jax = (
        fact.jax if backend == "jax" and (version.minor is None or 10 <= version.minor <= LAST_RELEASED_MINOR) else None
    )
    if on_jax is not None:
        return on_jax
    truths = {_truth(fact, minor) for minor in minors}
    return truths.pop() if len(truths) == 1 else None


def _truth(fact: Behaviour, minor: int) -> bool | None:
    truth: bool | None = None
    for first, value in fact.keras3:
        if minor >= first:
            truth = value
    return truth


@dataclass(frozen=True, slots=True)
class Holding:
    """On which of the Keras versions that a file may run on a statement is true.

    ``versions`` are those, as a reader writes them (``("2", "3.3", …)``); ``candidates`` is how many there are in all.
    """

    versions: tuple[str, ...]
    candidates: int

    @property
    def certain(self) -> bool:
        """True on every version the file may run on."""
        return bool(self.versions) and len(self.versions) == self.candidates

    @property
    def possible(self) -> bool:
        """True on at least one of them."""
        return bool(self.versions)

    @property
    def text(self) -> str:
        """The versions in words: ``Keras 2 and Keras 3.3 to 3.9``; ``Keras`` where it is true on all of both."""
        if not self.versions or (self.certain and self.candidates > 1 and "2" in self.versions):
            return "Keras"
        minors = sorted(int(each[2:]) for each in self.versions if each.startswith("3."))
        told = ["Keras 2"] if "2" in self.versions else []
        if minors == list(range(FIRST_MEASURED_MINOR, LAST_RELEASED_MINOR + 1)):
            told.append("Keras 3")
        else:
            told += [f"Keras 3.{one}" if one == two else f"Keras 3.{one} to 3.{two}" for one, two in _ranges(minors)]
        return " and ".join(told)


def _ranges(numbers: list[int]) -> list[tuple[int, int]]:
    found: list[tuple[int, int]] = []
    for number in numbers:
        if found and found[-1][1] == number - 1:
            found[-1] = (found[-1][0], number)
        else:
            found.append((number, number))
    return found


def candidates(version: KerasVersion | None) -> tuple[KerasVersion, ...]:
    """The versions that ``version`` may stand for: all supported ones (None), those of a generation, or itself."""
    if version is None:
        return SUPPORTED
    if version.minor is None:
        return tuple(each for each in SUPPORTED if each.generation == version.generation)
    return (KerasVersion(2),) if version.generation == 2 else (version,)


def where(name: str, version: KerasVersion | None, truth: bool = True, backend: str | None = None) -> Holding:
    """On which versions that ``version`` may stand for the statement ``name`` of ``BEHAVIOURS`` is ``truth``.

    Raises KeyError for an unknown name.
    """
    possible = candidates(version)
    return Holding(tuple(str(each) for each in possible if behaviour(name, each, backend) is truth), len(possible))


def on_generation(generation: int, version: KerasVersion | None) -> Holding:
    """The versions of one generation among those that ``version`` may stand for."""
    possible = candidates(version)
    return Holding(tuple(str(each) for each in possible if each.generation == generation), len(possible))
