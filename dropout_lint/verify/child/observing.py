"""Findings that need no second arm: what happened is the evidence.

* ``Statements``: a statement was executed so often, and raised;
* ``Modes``: the layers below a place ran in training mode in so many of their executions, and the moving statistics
  among them moved or stayed;
* ``Weights``: how far the weights of a layer moved in the training that followed.

Everything is written as it is learned, in totals: of several events of one probe the last one counts.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from . import state
from .modes import is_user_file, known_place, source_line

if TYPE_CHECKING:
    import types

    from .job import Probe
    from .session import Session

FIRST_TRAININGS = 20
"""Trainings after which weights are compared each time; from there on ever more spread, and at the end."""


def user_frames(traceback: types.TracebackType | None, project: tuple[str, ...]) -> list[dict[str, Any]]:
    """The frames of the user's own code in a traceback, innermost last."""
    frames: list[dict[str, Any]] = []
    while traceback is not None:
        code = traceback.tb_frame.f_code
        if is_user_file(code.co_filename, project):
            text = source_line(code.co_filename, traceback.tb_lineno)
            path, line = known_place(code.co_filename, traceback.tb_lineno)
            frames.append({"path": path, "line": line, "function": code.co_name, "text": text})
        traceback = traceback.tb_next
    return frames


class Watch:
    """``with __dropout_lint__.watch(3, 5):`` around a flagged statement, on the statement's own line."""

    def __init__(self, session: Session, probes: list[Probe]) -> None:
        self._session = session
        self._probes = probes

    def __enter__(self) -> None:
        for probe in self._probes:
            self._session.reach(probe)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: types.TracebackType | None,
    ) -> None:
        if isinstance(error, Exception) and not isinstance(error, (StopIteration, StopAsyncIteration)):
            for probe in self._probes:
                raised(self._session, probe, error, traceback)


def raised(session: Session, probe: Probe, error: BaseException, traceback: Any) -> None:
    """A flagged statement raised: the first time is written down."""
    count = session.counts[probe.id]
    count.raised += 1
    if count.raised > 1 or session.playing is not None:
        return
    frames = user_frames(traceback, session.job.project)
    session.results.write(
        "raised",
        probe=probe.id,
        # Raised by what the statement calls in Keras or Python, not in code of the user's own further down.
        direct=len(frames) <= 1,
        types=[cls.__name__ for cls in type(error).__mro__],
        exception={"type": type(error).__name__, "message": str(error)[:2000], "frames": frames[:1] or frames},
    )


class Modes:
    """What ran below one place: per layer, executions in training mode and in inference; moving statistics."""

    def __init__(self, probe: Probe) -> None:
        self.probe = probe
        # (layer, phase) to executions in inference and in training.
        self._counts: dict[tuple[str, str], list[int]] = {}
        self._statistics: dict[int, tuple[str, Any, Any]] = {}
        self._next = 1

    def add(self, session: Session, layer: Any, phase: str, mode: Any) -> None:
        """One execution of a layer whose result depends on the mode."""
        on = bool(mode) if mode is None or isinstance(mode, (bool, int, str)) else None
        if on is None:
            session.counts[self.probe.id].skip("the mode is a tensor")
            return
        self._counts.setdefault((layer.name, phase), [0, 0])[on] += 1
        for name in ("moving_mean", "moving_variance"):
            variable = getattr(layer, name, None)
            if variable is not None and id(variable) not in self._statistics:
                value = state.value_of(variable)
                if value is not None:
                    self._statistics[id(variable)] = (f"{layer.name}/{name}", variable, value)
        total = sum(map(sum, self._counts.values()))
        if total >= self._next:
            self._next = total * 2
            self.write(session)

    def write(self, session: Session) -> None:
        """The totals so far."""
        if not self._counts:
            return
        import numpy as np

        moved = {}
        for name, variable, before in self._statistics.values():
            now = state.value_of(variable)
            if now is not None and now.shape == before.shape:
                moved[name] = float(np.linalg.norm(now.astype("float64") - before.astype("float64")))
        session.results.write(
            "modes-below",
            probe=self.probe.id,
            layers=[
                {"layer": name, "phase": phase, "inference": off, "training": on}
                for (name, phase), (off, on) in self._counts.items()
            ],
            statistics=moved,
            steps=state.optimizer_steps(),
        )


class Weights:
    """One object whose ``trainable`` (or what was meant by it) was set: how far its weights moved from there on."""

    def __init__(self, probe: Probe) -> None:
        self.probe = probe
        self.trainings = 0
        self._target: Any = None
        self._first: dict[int, tuple[str, Any, Any]] = {}
        self._latest: dict[int, tuple[str, Any, Any]] = {}
        self._steps = 0
        self._fresh = False
        self._next = 1

    def start(self, session: Session, target: Any) -> None:
        """The flagged statement is about to be carried out on ``target``."""
        if self._target is not target:
            self._first, self._target = {}, target
        self._latest = {}
        self._fresh = True
        if not self._first:
            self._steps = state.optimizer_steps()
        self.complete(session)

    def complete(self, session: Session) -> None:
        """Remember the values of weights that were not there before."""
        if self._target is None:
            return
        for name, variable in _trained(session, self._target):
            for kept in (self._first, self._latest):
                if id(variable) not in kept:
                    value = state.value_of(variable)
                    if value is not None and value.dtype.kind == "f":
                        kept[id(variable)] = (name, variable, value)

    def measure(self, session: Session, kind: str, where: Any) -> None:
        """A training ended: how far the weights are from where they were at the statement."""
        if self._target is None:
            return
        self.trainings += 1
        if kind != "program" and self.trainings < self._next:
            return
        self._next = self.trainings + 1 if self.trainings < FIRST_TRAININGS else int(self.trainings * 1.5)
        since_first, since_latest = _distances(self._first), _distances(self._latest)
        session.results.write(
            "weights",
            probe=self.probe.id,
            kind=kind,
            where=where,
            layer=str(getattr(self._target, "name", type(self._target).__name__)),
            flag=_flag(self._target),
            # The first training after the statement shows what the statement did, before another one undoes it.
            fresh=self._fresh,
            variables=len(self._first),
            since_first=since_first,
            since_latest=since_latest,
            steps=state.optimizer_steps() - self._steps,
        )
        self._fresh = False


def _flag(target: Any) -> Any:
    flag = getattr(target, "trainable", None)
    return flag if isinstance(flag, bool) else None


def _trained(session: Session, target: Any) -> list[tuple[str, Any]]:
    """Weights that training can move, whatever their flags say now; moving statistics are not among them."""
    found: list[tuple[str, Any]] = []
    for each in target if isinstance(target, (list, tuple)) else [target]:
        if session.flavour_of(each) is None:
            continue
        for layer in session.sublayers(each):
            for attribute in ("_trainable_variables", "_trainable_weights"):
                for variable in getattr(layer, attribute, None) or ():
                    name = str(getattr(variable, "name", "")).rpartition("/")[2].partition(":")[0]
                    found.append((f"{layer.name}/{name}", variable))
    return found


def _distances(kept: dict[int, tuple[str, Any, Any]]) -> dict[str, float]:
    import numpy as np

    result: dict[str, float] = {}
    for name, variable, before in kept.values():
        now = state.value_of(variable)
        if now is not None and now.shape == before.shape:
            norm = float(np.linalg.norm(now.astype("float64") - before.astype("float64")))
            result[name] = max(norm, result.get(name, 0.0))
    return result


class Stateful:
    """Moving statistics before and after one flagged call."""

    def __init__(self, session: Session, owner: Any) -> None:
        self._kept: dict[int, tuple[str, Any, Any]] = {}
        if session.flavour_of(owner) is None:
            return
        for layer in session.sublayers(owner):
            for attribute in ("_non_trainable_variables", "_non_trainable_weights"):
                for variable in getattr(layer, attribute, None) or ():
                    value = state.value_of(variable)
                    if value is not None and value.dtype.kind == "f":
                        name = str(getattr(variable, "name", "")).rpartition("/")[2].partition(":")[0]
                        self._kept[id(variable)] = (f"{layer.name}/{name}", variable, value)

    def changed(self) -> dict[str, float]:
        """Norms of the changes, where there are any."""
        return {name: norm for name, norm in _distances(self._kept).items() if norm > 0}


def defined_at(cls: Any, probe: Probe, lines: tuple[int, int]) -> bool:
    """True when ``cls`` takes its ``call`` from these lines of the probe's file."""
    for base in cls.__mro__:
        call = base.__dict__.get("call")
        for function in _unwrapped(call):
            code = getattr(function, "__code__", None)
            if code is not None and _inside(code, probe, lines):
                return True
        if call is not None:
            return False
    return False


def _unwrapped(function: Any) -> list[Any]:
    found: list[Any] = []
    while function is not None and len(found) < 10:
        found.append(function)
        # A decorator without functools.wraps keeps what it wraps in a cell.
        inner = getattr(function, "__wrapped__", None) or getattr(function, "python_function", None)
        if inner is None:
            cells = [cell.cell_contents for cell in getattr(function, "__closure__", None) or () if _filled(cell)]
            inner = next((value for value in cells if callable(value) and hasattr(value, "__code__")), None)
        function = inner
    return found


def _filled(cell: Any) -> bool:
    try:
        return cell.cell_contents is not None
    except ValueError:
        return False


def _inside(code: Any, probe: Probe, lines: tuple[int, int]) -> bool:
    path, first = known_place(code.co_filename, code.co_firstlineno)
    return path in {probe.path, os.path.realpath(probe.path)} and lines[0] <= first <= lines[1]
