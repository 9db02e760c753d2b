# ruff: noqa: SLF001  # Keras and TensorFlow offer no public way to what is read here
"""Which layer ran in which mode, in which phase, and why: the mode trace.

Two observations meet here. ``Layer.__call__`` tells how the mode was resolved (explicit, inherited, default) and
where the call stands in the user's code; the layer's own ``call`` tells which value really arrived. Only layers whose
result depends on the mode are recorded. Inside a trace Python runs once, so counts are counts of traced executions.
"""

from __future__ import annotations

import functools
import inspect
import linecache
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .flavour import Flavour, training_position

if TYPE_CHECKING:
    import types

INSTALLED = ("/site-packages/", "/dist-packages/")
OWN_FOLDER = str(Path(__file__).absolute().parent)
GENERATED = "__autograph_generated_file"
ALIASES: dict[str, tuple[str, int]] = {}
"""Names under which a kernel compiles cells, to the notebook and the lines before the cell."""

CONTAINERS = ("Sequential", "Functional", "Model", "TimeDistributed", "Bidirectional", "RNN", "Wrapper")


def mode_dependent(layer: Any) -> bool:
    """True when the mode can change what this layer computes, with its present rates and flags."""
    names = {cls.__name__ for cls in type(layer).__mro__}
    if names & {"BatchNormalization", "BatchNormalizationBase", "SyncBatchNormalization"}:
        return bool(getattr(layer, "trainable", True))
    if "SpectralNormalization" in names or any(name.startswith("Random") for name in names):
        return True
    if any("Dropout" in name or "GaussianNoise" in name for name in names):
        return getattr(layer, "rate", getattr(layer, "stddev", 1)) not in (0, 0.0)
    if names & {"LSTM", "GRU", "SimpleRNN", "LSTMCell", "GRUCell", "SimpleRNNCell", "ConvLSTM"}:
        return bool(getattr(layer, "dropout", 0) or getattr(layer, "recurrent_dropout", 0))
    if any(name.endswith("Attention") for name in names):
        return bool(getattr(layer, "_dropout", getattr(layer, "dropout", 0)))
    return False


def patch_layers(flavour: Flavour, observe: Any) -> None:
    """Make every built-in layer that takes ``training`` tell ``observe(layer, value)`` what it was given."""
    done = set()
    for candidate in list(vars(flavour.module.layers).values()):
        for cls in getattr(candidate, "__mro__", ()):
            call = cls.__dict__.get("call")
            if cls in done or not inspect.isfunction(call) or cls.__name__ in CONTAINERS:
                continue
            done.add(cls)
            position = training_position(call)
            if position is not None:
                cls.call = _observed(call, position, observe)


def _observed(call: Any, position: int, observe: Any) -> Any:
    # `wraps` also keeps `__module__`, by which AutoGraph knows that Keras' code is not to be converted, and the
    # signature, by which Keras knows that `call` takes `training`.
    @functools.wraps(call)
    def observed(self: Any, *args: Any, **kwargs: Any) -> Any:
        given = kwargs.get("training")
        if given is None and len(args) >= position:
            given = args[position - 1]
        observe(self, given)
        return call(self, *args, **kwargs)

    # Keras 2 reads defaults with `getfullargspec`, which does not look through `__wrapped__`: without this, layers that
    # train unless told otherwise (augmentation) would not.
    observed.__signature__ = inspect.signature(call)  # type: ignore[attr-defined]
    return observed


def user_frame(project: tuple[str, ...]) -> tuple[str, int] | None:
    """File and line of the innermost frame of the user's own code, or None."""
    frame: types.FrameType | None = sys._getframe(1)
    generated = False
    while frame is not None:
        path = frame.f_code.co_filename
        if GENERATED in path:
            generated = True
        elif is_user_file(path, project):
            if not generated:
                return known_place(path, frame.f_lineno)
            break
        frame = frame.f_back
    return _mapped_frame(project) if generated else None


def known_place(path: str, line: int) -> tuple[str, int]:
    """File and line as the parent knows them."""
    name, shift = ALIASES.get(path, (path, 0))
    return name, line + shift


def is_user_file(path: str, project: tuple[str, ...]) -> bool:
    """True for files of the project; installed packages and generated code are none."""
    if path in ALIASES:
        return True
    if not path.startswith(project) or path.startswith(OWN_FOLDER):
        return False
    return not any(part in path for part in INSTALLED)


def _mapped_frame(project: tuple[str, ...]) -> tuple[str, int] | None:
    """AutoGraph's generated code, mapped back to the user's lines by TensorFlow itself."""
    try:
        from tensorflow.python.util import tf_stack  # type: ignore[import-not-found,import-untyped,unused-ignore]

        frames = tf_stack.extract_stack()
    except Exception:  # a private module: absent or changed
        return None
    for frame in reversed(list(frames)):
        if is_user_file(frame.filename, project) and GENERATED not in frame.filename:
            return known_place(frame.filename, frame.lineno)
    return None


class ModeTrace:
    """Mode events, counted."""

    def __init__(self) -> None:
        self._counts: dict[tuple[Any, ...], int] = {}
        self.training_runs: list[str] = []

    def record(self, phase: str, layer: Any, mode: Any, why: str, where: tuple[str, int] | None) -> None:
        """Count one execution of a layer."""
        key = (phase, layer.name, type(layer).__name__, _plain_mode(mode), why, where)
        self._counts[key] = self._counts.get(key, 0) + 1

    def events(self) -> list[dict[str, Any]]:
        """All events in order of first appearance."""
        return [
            {
                "phase": phase,
                "layer": name,
                "class": kind,
                "training": mode,
                "why": why,
                "path": where[0] if where else None,
                "line": where[1] if where else None,
                "executions": count,
            }
            for (phase, name, kind, mode, why, where), count in self._counts.items()
        ]


def _plain_mode(mode: Any) -> Any:
    if mode is None or isinstance(mode, bool):
        return bool(mode)
    return bool(mode) if isinstance(mode, (int, str)) else "symbolic"


def source_line(path: str, line: int) -> str:
    """One line of the user's text as they wrote it."""
    if path in ALIASES or path.endswith(".ipynb"):
        return linecache.getline(path, line).strip()
    try:
        with Path(path).open(encoding="utf-8", errors="replace") as stream:
            for number, text in enumerate(stream, 1):
                if number == line:
                    return text.strip()
    except OSError:
        return linecache.getline(path, line).strip()
    return ""
