# ruff: noqa: SLF001  # Keras and TensorFlow offer no public way to what is read here
"""Where Keras 2 and Keras 3 differ, as far as the experiments care.

``import keras`` may be either (TensorFlow up to 2.15 brings Keras 2 under that name); ``tf_keras`` is
Keras 2. The first number of the version decides, never the name.
"""

from __future__ import annotations

import inspect
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

TRAINER_METHODS = ("fit", "evaluate", "predict", "train_on_batch", "test_on_batch", "predict_on_batch")


class Flavour:
    """One Keras as imported by the user's program."""

    def __init__(self, module: Any) -> None:
        self.module = module
        self.version: str = getattr(module, "__version__", "")
        self.generation = int(self.version.split(".")[0] or 0)
        self.layer_class: Any = module.layers.Layer
        self.model_class: Any = module.Model
        self.backend: str = module.backend.backend() if self.generation >= 3 else "tensorflow"

    def trainer_class(self, method: str) -> Any:
        """The class that defines ``evaluate`` and the like (a backend's trainer on Keras 3)."""
        return next((c for c in self.model_class.__mro__ if method in c.__dict__), None)

    def inherited_training(self) -> Any:
        """``training`` of the call that is being executed, or None outside any.

        Keras 3 keeps it in a global attribute (``.training`` before 3.10, ``get_value`` since); Keras 2 in
        ``base_layer_utils.call_context()``.
        """
        if self.generation >= 3:
            state = sys.modules["keras.src.backend.common.global_state"]
            context = state.get_global_attribute("current_call_ctx")
        else:
            package = self.layer_class.__module__.rpartition(".")[0]
            context = sys.modules[package + ".base_layer_utils"].call_context()
        return getattr(context, "training", None)

    def building(self) -> bool:
        """True while ``call`` runs only to find shapes or create variables: nothing is computed there."""
        if self.generation < 3:
            return False
        scope = sys.modules.get("keras.src.backend.common.symbolic_scope")
        return bool(scope and scope.in_symbolic_scope())

    def symbolic(self, args: Any, kwargs: Any) -> bool:
        """True when a call builds a functional graph."""
        return any(type(value).__name__ == "KerasTensor" for value in leaves((args, kwargs)))

    def in_graph(self) -> bool:
        """True while a TensorFlow graph is traced, or JAX traces."""
        tensorflow = sys.modules.get("tensorflow")
        if self.backend == "jax":
            clean = getattr(sys.modules.get("jax._src.core"), "trace_state_clean", None)
            return clean is not None and not clean()
        return bool(tensorflow and not tensorflow.executing_eagerly())

    def sublayers(self, layer: Any) -> list[Any]:
        """A layer and everything inside it."""
        try:
            return list(layer._flatten_layers())
        except Exception:  # a foreign object, or one that is not built yet
            return [layer]


def recorded_by_tape() -> bool:
    """True while a gradient tape of the program's own is open: it is training by hand."""
    # TensorFlow has moved it from one module to the other.
    for name in ("tensorflow.python.eager.record", "tensorflow.python.eager.tape"):
        recording = getattr(sys.modules.get(name), "could_possibly_record", None)
        if recording is not None:
            return bool(recording())
    return False


def training_default(call: Any) -> Any:
    """The default of ``training`` in a ``call``'s signature, None if it has none."""
    try:
        default = inspect.signature(call).parameters["training"].default
    except (KeyError, TypeError, ValueError):
        return None
    return None if default is inspect.Parameter.empty else default


def training_position(call: Any) -> int | None:
    """The place of ``training`` among the positional parameters, None if it is not one."""
    try:
        names = [
            name
            for name, parameter in inspect.signature(call).parameters.items()
            if parameter.kind in (parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD)
        ]
    except (TypeError, ValueError):
        return None
    return names.index("training") if "training" in names else None


def leaves(value: Any) -> Iterator[Any]:
    """The leaves of nested dicts, lists and tuples."""
    if isinstance(value, dict):
        for item in value.values():
            yield from leaves(item)
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from leaves(item)
    else:
        yield value
