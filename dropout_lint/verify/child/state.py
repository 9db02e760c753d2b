# ruff: noqa: SLF001  # Keras and TensorFlow offer no public way to what is read here
# ruff: noqa: NPY002, S311  # the generators the user's program may be using
"""Everything an experiment changes, taken before and put back after.

* Variables: every ``tf.Variable`` (and, on other backends, every Keras variable) the program has created is
  known by weak reference. That includes moving statistics, metrics, optimizer slots, seed generators.
* Random state: Python, NumPy, torch, TensorFlow's eager context, Keras 2's seed counters, which are plain Python.

TensorFlow's ``set_seed`` is not used to seed a pass: it clears the cache of eager kernels, whose counters belong
to the program. Setting the context's seed directly leaves the program's kernels alone, because a kernel is
cached by its seeds and ours differ.
"""

from __future__ import annotations

import functools
import random
import sys
import weakref
from typing import Any

from .capture import to_array

# Seeds of experiments lie far from those a program would choose.
SEED_BASE = 730_001


class Registry:
    """Objects of the program that carry state, by weak reference (variables are not hashable)."""

    def __init__(self) -> None:
        self._objects: dict[int, Any] = {}

    def add(self, instance: Any) -> None:
        """Remember an object until the program drops it."""
        key = id(instance)
        self._objects[key] = weakref.ref(instance, lambda _: self._objects.pop(key, None))

    def alive(self) -> list[Any]:
        """The objects that still exist, in the order of their creation."""
        return [found for found in (reference() for reference in list(self._objects.values())) if found is not None]


tensorflow_variables = Registry()
keras_variables = Registry()
legacy_generators = Registry()


def track(cls: Any, registry: Registry) -> None:
    """Register every instance of a class from now on."""
    original = cls.__init__

    @functools.wraps(original)
    def initialise(self: Any, *args: Any, **kwargs: Any) -> None:
        original(self, *args, **kwargs)
        registry.add(self)

    cls.__init__ = initialise


class Snapshot:
    """Values of all variables, and the random state, at one moment."""

    def __init__(self) -> None:
        self.tensors: list[tuple[Any, Any]] = []
        tensorflow = sys.modules.get("tensorflow")
        if tensorflow is not None and hasattr(tensorflow, "init_scope"):
            # Inside a trace, lift the reads out of the graph.
            with tensorflow.init_scope():
                for variable in tensorflow_variables.alive():
                    try:
                        # A tensor that shares the buffer: TensorFlow copies before the next assignment.
                        self.tensors.append((variable, variable.read_value()))
                    except Exception:  # noqa: PERF203, S112  # not initialised, or already destroyed
                        continue
        self.arrays: list[tuple[Any, Any]] = []
        for variable in keras_variables.alive():
            value = getattr(variable, "_value", None)
            if value is not None and not hasattr(value, "read_value"):
                # A copy: JAX donates buffers to compiled steps, and a donated buffer is gone.
                self.arrays.append((variable, to_array(value)))
        self.random = _random_state()

    def restore(self) -> None:
        """Put every value back."""
        for variable, value in self.tensors:
            variable.assign(value)
        for variable, value in self.arrays:
            variable.assign(value)
        _restore_random_state(self.random)

    def changed(self, variables: dict[int, str]) -> dict[str, float]:
        """Norm of the change since the snapshot of the named float variables (by id) that changed."""
        import numpy as np

        result: dict[str, float] = {}
        for variable, value in [*self.tensors, *self.arrays]:
            name = variables.get(id(variable))
            if name is None:
                continue
            before, now = np.asarray(value), np.asarray(variable)
            if before.dtype.kind == "f" and before.shape == now.shape:
                norm = float(np.linalg.norm(now.astype("float64") - before.astype("float64")))
                if norm > 0:
                    result[name] = norm
        return result


def value_of(variable: Any) -> Any:
    """The value of a variable as an array, also inside a trace; None where there is none to be had."""
    held = getattr(variable, "_value", variable)
    tensorflow = sys.modules.get("tensorflow")
    if tensorflow is not None and hasattr(held, "read_value"):
        with tensorflow.init_scope():
            try:
                return to_array(held.read_value())
            except Exception:  # not initialised yet
                return None
    return None if held is None or type(held).__name__.endswith("Tracer") else to_array(held)


def optimizer_steps() -> int:
    """Updates that all optimizers of the program have made."""
    steps = 0
    for variable in [*tensorflow_variables.alive(), *keras_variables.alive()]:
        name = str(getattr(variable, "name", "")).rpartition("/")[2].partition(":")[0]
        if name in ("iteration", "iterations", "iter") and not hasattr(getattr(variable, "_value", None), "read_value"):
            value = value_of(variable)
            steps += int(value) if value is not None and value.ndim == 0 else 0
    return steps


def seed(number: int) -> None:
    """Make what follows a function of ``number``, without touching the program's own generators' counters."""
    import numpy as np

    random.seed(SEED_BASE + number)
    np.random.seed(SEED_BASE + number)
    for place, variable in enumerate(seed_states()):
        variable.assign(np.array([SEED_BASE + number, place], "uint32"))
    for place, generator in enumerate(legacy_generators.alive()):
        if getattr(generator, "_seed", None) is not None:
            generator._seed = SEED_BASE + 1_000_003 * (number + 1) + 10_007 * place
        if getattr(generator, "_generator", None) is not None:
            generator._generator.reset_from_seed(SEED_BASE + 1_009 * number + place)
    torch = _torch()
    if torch is not None:
        # Keras draws dropout masks from torch's own generators there.
        torch.manual_seed(SEED_BASE + number)
    context = _eager_context()
    if context is not None:
        context._seed = SEED_BASE + number
        context._rng = random.Random(SEED_BASE + number)


def reseeded(arguments: Any, number: int) -> Any:
    """Arguments with other random seeds: on JAX, random state is passed by hand.

    Pairs of unsigned integers are what ``jax.random.PRNGKey`` and Keras' seed generators are.
    """
    jax = sys.modules.get("jax")
    if jax is None:
        return arguments
    import numpy as np

    place = 0

    def exchange(leaf: Any) -> Any:
        nonlocal place
        dtype = getattr(leaf, "dtype", None)
        if dtype is None:
            return leaf
        place += 1
        if str(dtype) == "uint32" and tuple(leaf.shape) == (2,):
            return jax.numpy.asarray(np.array([SEED_BASE + number, place], "uint32"))
        if str(dtype).startswith("key<"):
            return jax.random.fold_in(leaf, SEED_BASE + number) if leaf.shape == () else leaf
        return leaf

    return jax.tree_util.tree_map(exchange, arguments)


def seed_states() -> list[Any]:
    """The states of Keras 3's seed generators: they are variables, but in no ``get_weights()``."""
    found = []
    for variable in keras_variables.alive():
        name = getattr(variable, "name", "")
        if name.startswith("seed_generator_state") and tuple(variable.shape) == (2,):
            found.append(variable)
    return found


def _eager_context() -> Any:
    module = sys.modules.get("tensorflow.python.eager.context")
    return module.context() if module is not None else None


def _torch() -> Any:
    """torch, if the program computes with it."""
    module = sys.modules.get("torch")
    return module if hasattr(module, "get_rng_state") else None


def _random_state() -> dict[str, Any]:
    import numpy as np

    state: dict[str, Any] = {"python": random.getstate(), "numpy": np.random.get_state()}
    context = _eager_context()
    if context is not None:
        generator = getattr(context, "_rng", None)
        state["tensorflow"] = (context._seed, generator, generator.getstate() if generator else None)
    torch = _torch()
    if torch is not None:
        state["torch"] = torch.get_rng_state()
        state["cuda"] = torch.cuda.get_rng_state_all() if torch.cuda.is_available() else None
    state["legacy"] = [(g, g._seed) for g in legacy_generators.alive() if hasattr(g, "_seed")]
    state["keras2"] = []
    for generator in _keras2_generators():
        state["keras2"].append((generator, generator.getstate()))
    return state


def _restore_random_state(state: dict[str, Any]) -> None:
    import numpy as np

    random.setstate(state["python"])
    np.random.set_state(state["numpy"])
    if "tensorflow" in state:
        context = _eager_context()
        context._seed, context._rng, inner = state["tensorflow"]
        if context._rng is not None:
            context._rng.setstate(inner)
    if "torch" in state:
        _torch().set_rng_state(state["torch"])
        if state["cuda"] is not None:
            _torch().cuda.set_rng_state_all(state["cuda"])
    for generator, number in state["legacy"]:
        generator._seed = number
    for generator, inner in state["keras2"]:
        generator.setstate(inner)


def _keras2_generators() -> list[Any]:
    """``keras.utils.set_random_seed`` of Keras 2 keeps a Python generator for the seeds of new layers."""
    found = []
    for name in ("tf_keras.src.backend", "keras.src.backend", "keras.backend"):
        holder = getattr(sys.modules.get(name), "_SEED_GENERATOR", None)
        generator = getattr(holder, "generator", None)
        if generator is not None:
            found.append(generator)
    return found
