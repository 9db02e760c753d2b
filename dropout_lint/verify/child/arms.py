"""Play both arms on the same inputs, and put everything back.

The program's own call has been made first, with its own random state; what it left behind is saved, the arms are
played from the state *before* the call, and the saved state is restored. So the program goes on as if nothing
had happened. What cannot be put back is what the program's Python does at trace time (appending to a list, say);
what it prints is swallowed.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import logging
import sys
import time
import warnings
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from . import state
from .capture import OUTPUTS, to_array
from .flavour import leaves
from .session import Session, elapsed_since

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from .boundaries import Boundary
    from .job import Probe

MOST_PASSES = 100
SECONDS_FOR_MORE_PASSES = 8.0


@dataclass
class Observation:
    """What one pass gave: metrics by name, per-row values by metric, outputs of shape (rows, ...), batch sizes."""

    metrics: dict[str, float]
    outputs: Any = None
    rows: dict[str, Any] = field(default_factory=dict)
    batches: tuple[int, ...] = ()
    everything: tuple[Any, ...] = ()


@contextlib.contextmanager
def undisturbed(session: Session, probe: Probe) -> Iterator[None]:
    """Silence, and the present state restored afterwards, whatever happens in between."""
    after = state.Snapshot()
    stdout, stderr, disabled = sys.stdout, sys.stderr, logging.root.manager.disable
    session.playing = probe
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            sys.stdout = sys.stderr = io.StringIO()
            logging.disable(logging.CRITICAL)
            yield
    finally:
        sys.stdout, sys.stderr = stdout, stderr
        logging.disable(disabled)
        session.playing, session.counterfactual = None, False
        session.capture.stop()
        after.restore()


def observe(session: Session, boundary: Boundary, before: Any, seed: int) -> Observation:
    """One pass from a given state with a given seed."""
    before.restore()
    state.seed(session.job.seed + seed)
    session.capture.start()
    assert boundary.play is not None
    metrics, result = boundary.play()
    captured = session.capture.take()
    everything = tuple(array for array in (to_array(leaf) for leaf in leaves(result)) if array is not None)
    pieces = captured.pop(OUTPUTS, None)
    if pieces:
        outputs, batches = _joined(pieces), tuple(int(piece.shape[0]) if piece.ndim else 1 for piece in pieces)
    else:
        outputs = next((array for array in everything if array.ndim and array.dtype.kind in "fiu"), None)
        batches = (int(outputs.shape[0]),) if outputs is not None else ()
    rows = {name: _joined([_per_row(piece) for piece in found]) for name, found in captured.items()}
    return Observation(metrics, outputs, rows, batches, everything)


def _joined(pieces: list[Any]) -> Any:
    import numpy as np

    try:
        return np.concatenate(pieces)
    except ValueError:  # scalars, or batches of different shape
        return None


def _per_row(values: Any) -> Any:
    return values.reshape(values.shape[0], -1).mean(axis=1) if values.ndim > 1 else values


def play(session: Session, probe: Probe, boundary: Boundary) -> dict[str, Any] | None:
    """Both arms of a probe at a boundary; the record for the parent, or None if the call cannot be repeated."""
    start = time.perf_counter()
    before = boundary.before
    session.ran_in_training, session.batch_coupled = {}, False
    with undisturbed(session, probe):
        variables = _model_variables(session, boundary)
        with _arm(boundary):
            as_written = [observe(session, boundary, before, 0)]
            changed_as_written = before.changed(variables)
            while len(as_written) < session.job.passes:
                as_written.append(observe(session, boundary, before, len(as_written)))
            if session.batch_coupled:
                # Remembered: a function traced for an earlier execution shows nothing to Python in a later one.
                session.coupled_probes.add(probe.id)
            ran, coupled = dict(session.ran_in_training), probe.id in session.coupled_probes
            session.counterfactual = True
            with _arm(boundary):
                fixed = [observe(session, boundary, before, 0)]
                changed_fixed = before.changed(variables)
                fixed.append(observe(session, boundary, before, 1))
                if not same(fixed[0], fixed[1]):
                    # Something else is random, too: its fixed value is a mean as well.
                    while len(fixed) < session.job.passes:
                        fixed.append(observe(session, boundary, before, len(fixed)))
            session.counterfactual = False
            limit = time.perf_counter() + SECONDS_FOR_MORE_PASSES
            while len(as_written) < MOST_PASSES and time.perf_counter() < limit and _passes_scarce(as_written, fixed):
                as_written.append(observe(session, boundary, before, len(as_written)))
    state_changed = {name: norm for name, norm in changed_as_written.items() if name not in changed_fixed}
    record = describe(session, as_written, fixed, coupled=coupled)
    record["state"] = sorted(state_changed.items())
    record["ran_in_training"] = ran
    record["seconds"] = elapsed_since(start)
    return record


@contextlib.contextmanager
def _arm(boundary: Boundary) -> Iterator[None]:
    if boundary.arm is None:
        yield
    else:
        with boundary.arm():
            yield


def _model_variables(session: Session, boundary: Boundary) -> dict[int, str]:
    """Names of the weights (by id) of the model at the boundary, seed generators and metrics left out."""
    names: dict[int, str] = {}
    for layer in session.sublayers(boundary.owner) if session.flavour_of(boundary.owner) else ():
        own = [
            *(getattr(layer, "_trainable_variables", None) or ()),
            *(getattr(layer, "_trainable_weights", None) or ()),
        ]
        own += [*(getattr(layer, "_non_trainable_variables", None) or ())]
        own += [*(getattr(layer, "_non_trainable_weights", None) or ())]
        for variable in own:
            name = f"{layer.name}/{str(variable.name).rpartition('/')[2].partition(':')[0]}"
            names[id(variable)] = name
            names[id(getattr(variable, "_value", variable))] = name
    return names


def same(one: Observation, other: Observation) -> bool:
    """True when two passes agree to the last bit."""
    return difference(one, other) == 0.0


def difference(one: Observation, other: Observation) -> float:
    """The largest absolute difference over metrics, results and outputs; infinite where shapes differ."""
    import numpy as np

    largest = 0.0
    if one.metrics.keys() != other.metrics.keys() or len(one.everything) != len(other.everything):
        return float("inf")
    pairs: list[tuple[Any, Any]] = [(np.asarray(one.metrics[n]), np.asarray(other.metrics[n])) for n in one.metrics]
    pairs += list(zip(one.everything, other.everything))  # noqa: B905  # equal lengths; `strict` is of Python 3.10
    if one.outputs is not None and other.outputs is not None:
        pairs.append((one.outputs, other.outputs))
    for left, right in pairs:
        if left.shape != right.shape:
            return float("inf")
        if left.size and not np.array_equal(left, right, equal_nan=left.dtype.kind == "f"):
            apart = np.abs(left.astype("float64") - right.astype("float64"))
            largest = max(largest, float(np.nanmax(apart)) if not np.isnan(apart).all() else float("inf"))
    return largest


def _passes_scarce(as_written: list[Observation], fixed: list[Observation]) -> bool:
    """True while the error from passes exceeds a quarter of the error from rows (decision 5)."""
    import numpy as np

    for name in as_written[0].rows:
        differences = row_differences(as_written, fixed, name)
        values = [observation.metrics.get(name) for observation in as_written]
        if differences is None or len(differences) < 2 or None in values:
            continue
        from_rows = float(np.std(differences, ddof=1)) / len(differences) ** 0.5
        from_passes = float(np.std(np.array(values, "float64"), ddof=1)) / len(values) ** 0.5
        if from_passes > from_rows / 4 > 0:
            return True
    return False


def row_differences(as_written: list[Observation], fixed: list[Observation], name: str) -> Any:
    """Per row: mean over passes of the metric as written, minus fixed; None where rows are not what was averaged.

    The rows must reproduce the reported metric up to a constant shared by both arms (a regularisation term):
    with sample weights, masks or several outputs they do not, and then there is no interval.
    """
    import numpy as np

    left: list[Any] = [observation.rows.get(name) for observation in as_written]
    right: list[Any] = [observation.rows.get(name) for observation in fixed]
    if any(rows is None or rows.shape != left[0].shape for rows in [*left, *right]) or not left[0].size:
        return None
    values = np.mean(left, axis=0, dtype="float64") - np.mean(right, axis=0, dtype="float64")
    reported = np.mean([o.metrics.get(name, np.nan) for o in as_written]) - np.mean(
        [o.metrics.get(name, np.nan) for o in fixed]
    )
    scale = abs(reported) + 1e-6
    return values if abs(values.mean() - reported) <= 1e-3 * scale + 1e-6 else None


def describe(
    session: Session, as_written: list[Observation], fixed: list[Observation], *, coupled: bool
) -> dict[str, Any]:
    """The numbers of one measured execution, with arrays over rows in a file of their own."""
    first = as_written[0]
    arrays: dict[str, Any] = {}
    metrics = []
    for name in first.metrics:
        differences = row_differences(as_written, fixed, name)
        if differences is not None:
            arrays["metric:" + name] = differences
        metrics.append(
            {
                "name": name,
                "as_written": [observation.metrics.get(name) for observation in as_written],
                "fixed": [observation.metrics.get(name) for observation in fixed],
            }
        )
    outputs = _compare_outputs([o.outputs for o in as_written], [o.outputs for o in fixed], arrays)
    return {
        "passes": len(as_written),
        "rows": int(sum(first.batches)),
        "batches": list(first.batches),
        "batch_coupled": coupled,
        "metrics": metrics,
        "outputs": outputs,
        "arrays": session.results.write_arrays(arrays) if arrays else None,
    }


def _compare_outputs(as_written: list[Any], fixed: list[Any], arrays: dict[str, Any]) -> dict[str, Any] | None:
    """Divergence and class changes per row, averaged over passes."""
    import numpy as np

    usable = [o for o in [*as_written, *fixed] if o is not None and o.ndim and o.shape == as_written[0].shape]
    if len(usable) != len(as_written) + len(fixed) or not usable[0].size:
        return None
    rows = usable[0].shape[0]
    reference = np.mean(fixed, axis=0, dtype="float64")
    apart = [np.abs(o.astype("float64") - reference) for o in as_written]
    distance = np.mean([np.sqrt((a.reshape(rows, -1) ** 2).mean(axis=1)) for a in apart], axis=0)
    scale = float(reference.std())
    result: dict[str, Any] = {
        "rows": rows,
        "shape": list(usable[0].shape),
        "max_abs_difference": float(max(a.max() for a in apart)),
        "scale": scale,
        "classes": None,
        # The same call on the same rows again is no new evidence; equal fixed outputs tell.
        "digest": hashlib.sha256(reference.tobytes()).hexdigest(),
    }
    arrays["divergence"] = distance
    classify, kind = _classifier(usable)
    if classify is not None:
        labels = [classify(o).reshape(rows, -1) for o in as_written]
        expected = classify(reference).reshape(rows, -1)
        arrays["flips"] = np.mean([(label != expected).mean(axis=1) for label in labels], axis=0)
        between = [(labels[place] != labels[place - 1]).mean() for place in range(1, len(labels))]
        result["classes"] = kind
        result["changed_between_calls"] = float(np.mean(between)) if between else 0.0
    else:
        steps = range(1, len(as_written))
        repeated = [np.abs(as_written[n].astype("float64") - as_written[n - 1]).max() for n in steps]
        result["changed_between_calls"] = None
        result["max_abs_between_calls"] = float(max(repeated)) if repeated else 0.0
    return result


def _classifier(outputs: list[Any]) -> tuple[Callable[[Any], Any] | None, str | None]:
    """How to read classes off outputs: the threshold 0.5 for one probability, the largest of several scores."""
    shape = outputs[0].shape
    if len(shape) == 1 or shape[-1] == 1:
        if all(float(o.min()) >= 0 and float(o.max()) <= 1 for o in outputs):
            return lambda o: o > 0.5, "threshold"
        return None, None
    return (lambda o: o.argmax(axis=-1)), "largest"


def compare_toggle(session: Session, probe: Probe, boundary: Boundary) -> dict[str, Any]:
    """A boundary with the toggle and without it, same state and seed, compared to the last bit."""
    from .toggles import set_flags, trainable_flags

    start = time.perf_counter()
    toggle = session.toggles[probe.id]
    targets = [target for target, _ in toggle.before.values()]
    flags = trainable_flags(session.sublayers(boundary.owner) + targets)
    session.ran_in_training = {}
    with undisturbed(session, probe):
        try:
            with _arm(boundary):
                toggled = observe(session, boundary, boundary.before, 0)
                repeated = observe(session, boundary, boundary.before, 0)
                ran = dict(session.ran_in_training)
            toggle.undo()
            with _arm(boundary):
                untoggled = observe(session, boundary, boundary.before, 0)
        finally:
            set_flags(flags)
    inside = {layer.name for target in targets for layer in session.sublayers(target)}
    return {
        "max_abs_difference": difference(toggled, untoggled),
        "repeatable": same(toggled, repeated),
        "metrics": [
            {"name": name, "as_written": [toggled.metrics[name]], "fixed": [untoggled.metrics.get(name)]}
            for name in toggled.metrics
        ],
        "rows": int(sum(toggled.batches)),
        "ran_in_training": {name: count for name, count in ran.items() if name in inside},
        "layers": sorted(layer.name for layer in targets if hasattr(layer, "name")),
        "values": [bool(value) for value in toggle.values],
        "seconds": elapsed_since(start),
    }
