"""Play both arms on the same inputs, and put everything back.

The program's own call has been made first, with its own random state; what it left behind is saved, the arms are
played from the state *before* the call, and the saved state is restored. So the program goes on as if nothing
had happened. Of what the program's Python does meanwhile, counters and lists of its modules are put back and what it
prints is swallowed; what it changes in objects of its own is not.
"""

from __future__ import annotations

import contextlib
import io
import logging
import sys
import time
import warnings
from typing import TYPE_CHECKING, Any

from . import state
from .capture import OUTPUTS, to_array
from .flavour import leaves
from .globals_kept import Globals
from .observation import Observation, describe, difference, row_differences, same
from .resampling import PASSES, given_to, metrics_of, resampled, taken
from .session import Session, elapsed_since

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .boundaries import Boundary
    from .job import Probe

MOST_PASSES = 100
SECONDS_FOR_MORE_PASSES = 8.0


@contextlib.contextmanager
def undisturbed(session: Session, probe: Probe) -> Iterator[None]:
    """Silence, and the present state restored afterwards, whatever happens in between."""
    after, own = state.Snapshot(), Globals(session.job.project)
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
        own.restore()


def observe(session: Session, boundary: Boundary, before: Any, seed: int) -> Observation:
    """One pass from a given state with a given seed."""
    before.restore()
    session.pass_number = session.job.seed + seed
    state.seed(session.pass_number)
    session.capture.start()
    assert boundary.play is not None
    metrics, result = boundary.play()
    captured = session.capture.take()
    given = taken(captured)
    everything = tuple(array for array in (to_array(leaf) for leaf in leaves(result)) if array is not None)
    pieces = captured.pop(OUTPUTS, None)
    if pieces:
        outputs, batches = _joined(pieces), tuple(int(piece.shape[0]) if piece.ndim else 1 for piece in pieces)
    else:
        outputs = next((array for array in everything if array.ndim and array.dtype.kind in "fiu"), None)
        batches = (int(outputs.shape[0]),) if outputs is not None else ()
    rows = {name: _joined([_per_row(piece) for piece in found]) for name, found in captured.items()}
    return Observation(metrics, outputs, rows, batches, everything, given)


def _joined(pieces: list[Any]) -> Any:
    import numpy as np

    try:
        return np.concatenate(pieces)
    except ValueError:  # scalars, or batches of different shape
        return None


def _per_row(values: Any) -> Any:
    return values.reshape(values.shape[0], -1).mean(axis=1) if values.ndim > 1 else values


def measure(session: Session, probe: Probe, boundary: Boundary) -> None:
    """Play the arms and write the record; a failure of ours is noted and never becomes the program's."""
    count = session.counts[probe.id]
    try:
        record = play(session, probe, boundary)
    except Exception as error:
        count.errors.append(f"{type(error).__name__}: {error}"[:500])
        return
    if record is None:
        count.skip("its data cannot be had again")
        return
    count.measured += 1
    count.seconds += record["seconds"]
    session.results.write(
        "measurement",
        probe=probe.id,
        boundary={"kind": boundary.kind, "in_fit": boundary.in_fit, "where": boundary.where},
        execution=count.reached,
        **record,
    )


def play(session: Session, probe: Probe, boundary: Boundary) -> dict[str, Any] | None:
    """Both arms of a probe at a boundary; the record for the parent, or None if the call cannot be repeated."""
    start = time.perf_counter()
    before = boundary.before
    session.ran_in_training, session.batch_coupled = {}, False
    metrics = metrics_of(session.flavour_of(boundary.owner), boundary.owner)
    with undisturbed(session, probe), given_to(metrics, session.capture):
        variables = _model_variables(session, boundary)
        with _arm(boundary):
            as_written = [observe(session, boundary, before, 0)]
            changed_as_written = before.changed(variables)
            while len(as_written) < session.job.passes:
                as_written.append(observe(session, boundary, before, len(as_written)))
                _forget(as_written[PASSES:])
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
                _forget(as_written[PASSES:])
        session.capture.stop()
        intervals = resampled(metrics, as_written, fixed, coupled=coupled, seed=session.job.seed)
    state_changed = {name: norm for name, norm in changed_as_written.items() if name not in changed_fixed}
    record = describe(session.results, as_written, fixed, coupled=coupled, intervals=intervals)
    record["state"] = sorted(state_changed.items())
    record["ran_in_training"] = ran
    record["seconds"] = elapsed_since(start)
    return record


def _forget(observations: list[Observation]) -> None:
    """Rows that no interval needs."""
    for observation in observations:
        observation.given = {}


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
            toggle.redo()
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
        "values": [bool(value) for value in toggle.values if isinstance(value, (bool, int, float))],
        "seconds": elapsed_since(start),
    }


def compare_unread(session: Session, probe: Probe, boundary: Boundary) -> dict[str, Any]:
    """A boundary with what a flagged call gives, and with nonsense in its place, compared to the last bit."""
    start = time.perf_counter()
    session.ran_in_training = {}
    with undisturbed(session, probe):
        with _arm(boundary):
            as_written = observe(session, boundary, boundary.before, 0)
            repeated = observe(session, boundary, boundary.before, 0)
        session.counterfactual = True
        with _arm(boundary):
            spoilt = observe(session, boundary, boundary.before, 0)
    return {
        "max_abs_difference": difference(as_written, spoilt),
        "repeatable": same(as_written, repeated),
        "metrics": [
            {"name": name, "as_written": [value], "fixed": [spoilt.metrics.get(name)]}
            for name, value in as_written.metrics.items()
        ],
        "rows": int(sum(as_written.batches)),
        "ran_in_training": dict(session.ran_in_training),
        "layers": [],
        "values": [],
        "seconds": elapsed_since(start),
    }
