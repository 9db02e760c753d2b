"""Measures the statements of ``dropout_lint/keras/versions.py`` on one Keras, with programs of a few lines each.

Run by ``measure.py`` in a process of its own. Inputs are ones and every weight is the identity, so that an output
other than ones is dropout at work.
"""

from __future__ import annotations

import inspect
import tempfile
from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

ONES = np.ones((64, 8), dtype="float32")
ONE_IMAGES = np.ones((16, 4, 4, 1), dtype="float32")


def disturbed(output: Any) -> bool:
    """Whether an output of ones came out otherwise."""
    return bool(np.any(np.abs(np.asarray(output) - 1.0) > 1e-6))


def raises(action: Callable[[], Any]) -> bool:
    """Whether ``action`` raises."""
    try:
        action()
    except Exception:
        return True
    return False


def compiled(keras: Any, model: Any, rate: float = 0.0) -> Any:
    """The model, compiled with the distance from ones as its loss."""
    model.compile(optimizer=keras.optimizers.SGD(rate), loss="mae", run_eagerly=True)
    return model


def active_in_fit(keras: Any, model: Any) -> bool:
    """Whether dropout acts in fit: the loss is the distance from ones, and nothing is learned at rate zero."""
    history = compiled(keras, model).fit(ONES, ONES, batch_size=64, verbose=0)
    return bool(history.history["loss"][0] > 1e-6)


def subclassed(keras: Any, call: Callable[..., Any]) -> Any:
    """A Model with an identity Dense, a Dropout and ``call`` as its forward pass."""
    model_class = type("Subclassed", (keras.Model,), {"call": call})
    model = model_class()
    model.dense = keras.layers.Dense(8, kernel_initializer="identity")
    model.dropout = keras.layers.Dropout(0.5)
    model.first = keras.layers.Dropout(0.5)
    model.flip = keras.layers.RandomFlip()
    return model


def functional_flags(keras: Any) -> dict[str, bool]:
    """Flags given while a graph is built."""
    inputs = keras.Input((8,))
    model = keras.Model(inputs, keras.layers.Dropout(0.5)(inputs, training=True))
    normalised = keras.Sequential([keras.Input((8,)), keras.layers.BatchNormalization()])
    outer = keras.Model(inputs, normalised(inputs, training=False))
    compiled(keras, outer).fit(ONES, ONES, batch_size=64, verbose=0)
    moved = bool(np.any(np.asarray(normalised.layers[-1].get_weights()[2]) != 0.0))
    return {
        "functional-hardcoded-flag-honoured-by-predict": disturbed(model.predict(ONES, verbose=0)),
        "functional-hardcoded-flag-honoured-by-bare-call": disturbed(model(ONES)),
        "functional-hardcoded-flag-honoured-by-fit": not moved,
        "positional-training-accepted": not raises(lambda: keras.layers.Dropout(0.5)(inputs, True)),
    }


def subclass_flags(keras: Any) -> dict[str, bool]:
    """Flags in the ``call`` of a subclassed Model."""

    def without(self: Any, x: Any) -> Any:
        return self.dropout(self.dense(x))

    def unforwarded(self: Any, x: Any, training: Any = None) -> Any:
        return self.dropout(self.dense(x))

    def explicit_none(self: Any, x: Any, training: Any = None) -> Any:
        return self.dropout(self.dense(x), training=None)

    def after_false(self: Any, x: Any, training: Any = None) -> Any:
        return self.dropout(self.first(self.dense(x), training=False))

    def after_default(self: Any, x: Any) -> Any:
        return self.dropout(self.flip(x))

    augmenting = compiled(keras, subclassed(keras, after_default))
    return {
        "model-call-without-training-trains": active_in_fit(keras, subclassed(keras, without)),
        "unforwarded-training-reaches-sublayers": active_in_fit(keras, subclassed(keras, unforwarded)),
        "explicit-none-inherits": active_in_fit(keras, subclassed(keras, explicit_none)),
        "explicit-flag-leaks-to-siblings": not active_in_fit(keras, subclassed(keras, after_false)),
        "default-true-leaks-to-siblings": disturbed(augmenting.predict(ONE_IMAGES, verbose=0)),
    }


def learns(model: Any) -> bool:
    """Whether a fit changes the model's weights."""
    before = [np.array(weight) for weight in model.get_weights()]
    model.fit(ONES, ONES * 2.0, batch_size=64, verbose=0)
    return any(not np.array_equal(a, b) for a, b in zip(before, model.get_weights(), strict=True))


def dense_model(keras: Any) -> Any:
    """One Dense layer, compiled as a graph so that tracing decides as it does for users."""
    model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(8)])
    model.compile(optimizer=keras.optimizers.SGD(0.1), loss="mse")
    return model


def trainable_toggles(keras: Any) -> dict[str, bool]:
    """``trainable`` at various moments."""
    before_fit = dense_model(keras)
    before_fit.trainable = False
    after_fit = dense_model(keras)
    learns(after_fit)
    after_fit.trainable = False
    reopened = dense_model(keras)
    for sublayer in reopened.layers:
        sublayer.trainable = False
    reopened.trainable = True
    base = keras.Sequential([keras.Input((8,)), keras.layers.Dense(8), keras.layers.Dense(8)])
    outer = keras.Sequential([keras.Input((8,)), base])
    base.trainable = False
    base.layers[-1].trainable = True
    regularised = keras.layers.Dense(8, kernel_regularizer="l2")
    regularised.trainable = False
    regularised(ONES)
    return {
        "freeze-after-compile-effective": not learns(before_fit),
        "freeze-after-fit-effective": not learns(after_fit),
        "trainable-true-again-propagates": bool(reopened.trainable_weights),
        "frozen-parent-gates-children": not outer.trainable_weights,
        "frozen-layer-keeps-regularisation-loss": bool(regularised.losses),
    }


def served(keras: Any, layer: Any, images: Any, **flag: bool) -> Any:
    """What the SavedModel of a model of one layer answers."""
    inputs = keras.Input(images.shape[1:])
    with tempfile.TemporaryDirectory() as folder:
        keras.Model(inputs, layer(inputs, **flag)).export(folder)
        loaded = tf.saved_model.load(folder)
        return loaded.serve(tf.constant(images)).numpy()


def exports(keras: Any) -> dict[str, bool]:
    """What an exported model does."""
    images = np.random.default_rng(0).uniform(size=(16, 8, 8, 3)).astype("float32")
    flipped = served(keras, keras.layers.RandomFlip(), images)
    return {
        "export-augments": not np.allclose(flipped, images),
        "functional-hardcoded-flag-served-by-export": disturbed(
            served(keras, keras.layers.Dropout(0.5), ONE_IMAGES, training=True)
        ),
    }


def arguments_and_names(keras: Any) -> dict[str, bool]:
    """What is accepted and what exists."""
    fit = inspect.signature(keras.Model.fit).parameters
    phase = ("learning_phase", "set_learning_phase", "learning_phase_scope", "in_train_phase")
    images = np.random.default_rng(0).uniform(size=(16, 8, 8, 3)).astype("float32")
    flipped = keras.layers.RandomFlip()(images)
    string = raises(lambda: keras.layers.Dropout(0.5)(ONES, training="False"))
    nothing = raises(lambda: keras.layers.Dropout(1.0)(ONES, training=True))
    return {
        "bare-call-augments": not np.allclose(np.asarray(flipped), images),
        "string-flag-accepted": not string,
        "rate-one-accepted": not nothing,
        "learning-phase-exists": all(hasattr(keras.backend, name) for name in phase),
        "generator-methods-exist": hasattr(keras.Model, "fit_generator"),
        "workers-arguments-accepted": {"workers", "use_multiprocessing", "max_queue_size"} <= set(fit),
        "spatial-dropout-takes-trainable": not raises(lambda: keras.layers.SpatialDropout1D(0.5, trainable=False)),
    }


def measure_behaviours(keras: Any) -> dict[str, bool]:
    """The truth of each statement on this Keras, by the statement's name."""
    keras.utils.set_random_seed(0)
    return {
        **functional_flags(keras),
        **subclass_flags(keras),
        **trainable_toggles(keras),
        **exports(keras),
        **arguments_and_names(keras),
    }
