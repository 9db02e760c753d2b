"""How ``evaluate``, ``predict`` and the like are made again, in arms of their own."""

from __future__ import annotations

import contextlib
import sys
from typing import TYPE_CHECKING, Any

from . import boundaries

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from .session import Session

FUNCTION_ATTRIBUTES = {
    "evaluate": "test_function",
    "test_on_batch": "test_function",
    "predict": "predict_function",
    "predict_on_batch": "predict_function",
}


def repeat_trainer(
    session: Session, original: Any, method: str, model: Any, arguments: dict[str, Any], again: Callable[[], Any]
) -> tuple[Callable[[], Any], Callable[[], Any]]:
    """How to repeat ``evaluate`` and the like on recorded data, through a function traced for the arm."""
    for name in ("_use_cached_eval_dataset", "callbacks"):
        arguments.pop(name, None)
    if "verbose" in arguments or method in ("evaluate", "predict"):
        arguments["verbose"] = 0
    flavour = session.flavour_of(model)
    on_tensorflow = flavour is not None and flavour.backend == "tensorflow"
    metrics_wanted = method in ("evaluate", "test_on_batch")
    if metrics_wanted:
        arguments["return_dict"] = True

    def repeat() -> Any:
        data = again()
        if data is None:
            raise RuntimeError("the data of this call cannot be had again")
        given = dict(arguments, x=data)
        for name in ("y", "sample_weight"):
            if given.get(name) is not None:
                given[name] = boundaries.first_rows(given[name], session.job.most_rows)
        result = original(model, **given)
        if not metrics_wanted:
            return {}, result
        return {name: float(value) for name, value in result.items()}, None

    @contextlib.contextmanager
    def arm() -> Iterator[None]:
        attribute = FUNCTION_ATTRIBUTES[method]
        compiled = "_jit_compile" if "_jit_compile" in model.__dict__ else "jit_compile"
        saved = getattr(model, attribute, None), getattr(model, compiled, None)
        setattr(model, attribute, None)
        if flavour is not None and flavour.backend == "jax":
            # `jax.jit` of an equal bound method would find what the other arm compiled.
            sys.modules["jax"].clear_caches()
        if saved[1] and on_tensorflow:
            # XLA cannot hand values out to Python; both arms are without it.
            setattr(model, compiled, False)
        try:
            yield
        finally:
            setattr(model, attribute, saved[0])
            if saved[1] and on_tensorflow:
                setattr(model, compiled, saved[1])

    return repeat, arm
