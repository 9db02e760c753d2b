"""The ways to run something: a script or module as ``__main__``, a function, a model on data."""

from __future__ import annotations

import builtins
import importlib
import importlib.machinery
import importlib.util
import os
import sys
import types
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import cells, importing
from .synthetic import SYNTHETIC_ROWS, synthetic

if TYPE_CHECKING:
    from .session import Session


def run(session: Session, texts: importing.EditedTexts) -> None:
    """Run what the job names; whatever it raises is the program's."""
    job = session.job
    if job.kind in ("script", "notebook"):
        _run_main(session, job.script, job.argv, texts, str(Path(job.script).parent), None)
    elif job.kind == "module":
        _run_module(session, texts)
    elif job.kind == "entry":
        _see_home(session)
        sys.argv[:] = [job.script, *job.argv]
        function_of(job.name)()
    else:
        _see_home(session)
        sys.argv[:] = [job.script, *job.argv]
        _run_model(session)


def _run_main(session: Session, script: str, argv: Any, texts: importing.EditedTexts, folder: str, spec: Any) -> None:
    module = types.ModuleType("__main__")
    module.__dict__.update(
        __file__=script,
        __builtins__=builtins,
        __cached__=None,
        __spec__=spec,
        __loader__=importlib.machinery.SourceFileLoader("__main__", script),
    )
    if spec is not None:
        module.__dict__["__package__"] = spec.parent
    sys.modules["__main__"] = module
    sys.argv[:] = [script, *argv]
    sys.path.insert(0, folder)
    if session.job.kind == "notebook":
        cells.run_here(session, texts, module)
        return
    text = texts.get(script)
    source = importing.read_source(script) if text is None else text
    exec(compile(source, script, "exec", dont_inherit=True), module.__dict__)


def _see_home(session: Session) -> None:
    """The folder the user stands in comes first, also where the program runs in a copy of it."""
    home = session.job.home
    for folder in (Path(home) / "src", Path(home)):
        if folder.is_dir() and str(folder) not in sys.path:
            sys.path.insert(0, str(folder))


def _run_module(session: Session, texts: importing.EditedTexts) -> None:
    """As ``python -m`` does: parents imported, the module itself executed as ``__main__`` with its spec."""
    _see_home(session)
    name = session.job.name
    spec = importlib.util.find_spec(name)
    if spec is not None and spec.submodule_search_locations is not None:
        spec = importlib.util.find_spec(name + ".__main__")
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError(f"No module named {name!r}")
    _run_main(session, spec.origin, session.job.argv, texts, sys.path[0], spec)


def function_of(text: str) -> Any:
    """The function that ``package.module:function`` names."""
    module, _, name = text.partition(":")
    return getattr(importlib.import_module(module), name)


# A model, measured without training


def _run_model(session: Session) -> None:
    """Evaluate, predict and call a model, each once: what sits inside it is measured there."""
    job = session.job
    model = _model(job.name)
    _mark_saved(session, model)
    inputs, targets, made_up = _data(job, model)
    rows = _rows(inputs)
    session.results.write("data", synthetic=made_up, rows=rows, evaluated=targets is not None)
    if targets is not None and getattr(model, "optimizer", None) is not None:
        model.evaluate(inputs, targets, verbose=0)
    elif _is_dataset(inputs) and getattr(model, "optimizer", None) is not None and _labelled(inputs):
        model.evaluate(inputs, verbose=0)
    model.predict(inputs, verbose=0)
    if not _is_dataset(inputs):
        model(_tensors(_cut(inputs, SYNTHETIC_ROWS)))


def _model(name: str) -> Any:
    if ":" in name and not os.path.exists(name):  # noqa: PTH110  # a text that may be no path at all
        return function_of(name)()
    if name.endswith((".h5", ".hdf5")) and importlib.util.find_spec("tf_keras") and _is_legacy():
        keras: Any = importlib.import_module("tf_keras")
    else:
        keras = importlib.import_module("keras")
    if Path(name).is_dir():
        # Keras 3 does not load a SavedModel as a model; its Keras 2 still does.
        keras = importlib.import_module("tf_keras") if importlib.util.find_spec("tf_keras") else keras
    return keras.models.load_model(name)


def _is_legacy() -> bool:
    return os.environ.get("TF_USE_LEGACY_KERAS", "").lower() in ("1", "true")


def _mark_saved(session: Session, model: Any) -> None:
    """Flags recorded in a saved graph are measured as if the call that built it were flagged."""
    saved = [p for p in session.job.probes if p.path == session.job.script and p.kind == "graph-call"]
    if not saved:
        return
    for layer in session.sublayers(model):
        for node in getattr(layer, "_inbound_nodes", ()):
            arguments = getattr(node, "arguments", None)
            kwargs = getattr(arguments, "kwargs", None) or getattr(node, "call_kwargs", None) or {}
            if kwargs.get("training") is True:
                session.graph_layers[id(layer)] = (layer, saved[0])


def _data(job: Any, model: Any) -> tuple[Any, Any, bool]:
    if job.data is None:
        return synthetic(model, job.most_rows or SYNTHETIC_ROWS), None, True
    if ":" in job.data and not os.path.exists(job.data):  # noqa: PTH110  # as above
        found = function_of(job.data)()
    else:
        import numpy as np

        with np.load(job.data) as stored:
            found = _arrays({name: stored[name] for name in stored.files})
    inputs, targets = found if isinstance(found, tuple) and len(found) == 2 else (found, None)
    if job.most_rows and not _is_dataset(inputs):
        inputs, targets = _cut(inputs, job.most_rows), _cut(targets, job.most_rows)
    elif job.most_rows and hasattr(inputs, "unbatch"):
        inputs = inputs.unbatch().take(job.most_rows).batch(32)
    return inputs, targets, False


def _arrays(stored: dict[str, Any]) -> tuple[Any, Any]:
    """Inputs and targets among the arrays of a file: ``x`` and ``y`` (with or without ``_test`` and the like)."""
    for suffix in ("", "_test", "_val", "_eval", "_train"):
        if "x" + suffix in stored:
            return stored["x" + suffix], stored.get("y" + suffix)
        if "X" + suffix in stored:
            return stored["X" + suffix], stored.get("y" + suffix, stored.get("Y" + suffix))
    targets = next((stored.pop(name) for name in ("y", "labels", "targets") if name in stored), None)
    return (next(iter(stored.values())) if len(stored) == 1 else stored), targets


def _is_dataset(inputs: Any) -> bool:
    return hasattr(inputs, "element_spec") or (hasattr(inputs, "__getitem__") and hasattr(inputs, "on_epoch_end"))


def _labelled(inputs: Any) -> bool:
    spec = getattr(inputs, "element_spec", None)
    return spec is None or (isinstance(spec, tuple) and len(spec) > 1)


def _cut(data: Any, rows: int) -> Any:
    if isinstance(data, (list, tuple)):
        return type(data)(_cut(each, rows) for each in data)
    if isinstance(data, dict):
        return {name: _cut(each, rows) for name, each in data.items()}
    return None if data is None else data[:rows]


def _tensors(data: Any) -> Any:
    """What a bare call takes: Keras converts arrays itself, but not data frames."""
    return data.to_numpy() if hasattr(data, "iloc") else data


def _rows(data: Any) -> int | None:
    if isinstance(data, (list, tuple)):
        return _rows(data[0]) if data else 0
    if isinstance(data, dict):
        return _rows(next(iter(data.values()))) if data else 0
    shape = getattr(data, "shape", None)
    return int(shape[0]) if shape else None
