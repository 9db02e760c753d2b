# ruff: noqa: SLF001  # Keras and TensorFlow offer no public way to what is read here
"""What is known and in progress during one run: probes, boundaries, modes, the arm being played."""

from __future__ import annotations

import sys
import threading
import time
from typing import TYPE_CHECKING, Any

from . import instrument, state
from .boundaries import KERAS_KINDS, TRAINING_KINDS, Boundary
from .capture import Capture
from .flavour import Flavour, training_default, training_position
from .importing import read_source
from .modes import ModeTrace, mode_dependent, user_frame
from .objects import Dropped, Made, Unread
from .observing import Modes, Weights, defined_at
from .toggles import Toggle

if TYPE_CHECKING:
    from .job import Job, Probe
    from .results import Results

# Executions measured per probe, and how fast the distance between them grows: cheap ones (a call), dear ones
# (functions have to be traced again), and validation during fit, which the evaluation after it matters more than.
SAMPLES = {"cheap": (48, 1.1), "dear": (5, 2.0), "fit": (2, 8.0)}
SECONDS_PER_PROBE = 60.0


class Sample:
    """Which executions of one sort are measured: the first ones, then ever more spread."""

    def __init__(self, sort: str) -> None:
        self._most, self._growth = SAMPLES[sort]
        self._seen = 0
        self._next = 1
        self._taken = 0

    def takes(self) -> bool:
        """Count an execution; True when it belongs to the sample."""
        self._seen += 1
        if self._seen < self._next or self._taken >= self._most:
            return False
        self._taken += 1
        self._next = max(self._seen + 1, int(self._seen * self._growth))
        return True


class Count:
    """How often a probe was reached, how often measured, and why not."""

    def __init__(self) -> None:
        self.reached = 0
        self.eligible = 0
        self.measured = 0
        self.raised = 0
        self.samples = {sort: Sample(sort) for sort in SAMPLES}
        self.seconds = 0.0
        self.reasons: dict[str, int] = {}
        self.errors: list[str] = []

    def skip(self, reason: str) -> None:
        """Note why an execution was not measured."""
        self.reasons[reason] = self.reasons.get(reason, 0) + 1


class Session:
    """The one object all hooks share."""

    def __init__(self, job: Job, results: Results) -> None:
        self.job = job
        self.start = time.perf_counter()
        self.results = results
        self.probes: dict[int, Probe] = {probe.id: probe for probe in job.probes}
        self.counts: dict[int, Count] = {probe.id: Count() for probe in job.probes}
        self.toggles: dict[int, Toggle] = {p.id: Toggle(p) for p in job.probes if p.kind == "toggle"}
        self.below: dict[int, Modes] = {p.id: Modes(p) for p in job.probes if p.kind in ("mode", "nested")}
        self.weights: dict[int, Weights] = {p.id: Weights(p) for p in job.probes if p.kind == "weights"}
        self.made: dict[int, Made] = {p.id: Made(p) for p in job.probes if p.kind == "made"}
        self.unread: dict[int, Unread] = {p.id: Unread(p) for p in job.probes if p.kind == "unread"}
        self.dropped: dict[int, Dropped] = {p.id: Dropped(p) for p in job.probes if p.kind == "output"}
        # Definitions whose calls are watched: probe and lines, and which classes take their `call` from there.
        self.definitions: list[tuple[Probe, tuple[int, int]]] = []
        self._defined: dict[type, list[Probe]] = {}
        # Layers (by id) that are watched by themselves, and the numbers of their probes.
        self._watched: dict[int, tuple[Any, list[int]]] = {}
        # The layer whose call is the outermost one in progress, or was the last.
        self.outermost: Any = None
        # Numbers of the "mode" probes that are being executed.
        self.inside: list[int] = []
        self.flavours: list[Flavour] = []
        self.capture = Capture()
        self.trace = ModeTrace()
        self.main_thread = threading.get_ident()
        self.boundaries: list[Boundary] = []
        # (mode, why) of the layer calls in progress, outermost first.
        self.calls: list[tuple[Any, str, Any]] = []
        # While an arm is played: the probe measured, and whether it plays its counterfactual.
        self.playing: Probe | None = None
        self.counterfactual = False
        self.pass_number = 0
        # Depth of `stateless_call`: Keras runs `call` there without `__call__`, on JAX in every step.
        self.stateless = 0
        self.ran_in_training: dict[str, int] = {}
        self.batch_coupled = False
        # Layers called by flagged graph-building calls, and probes known to sit inside a traced function.
        self.graph_layers: dict[int, tuple[Any, Probe]] = {}
        self.known: dict[tuple[int, str], tuple[Any, list[Probe]]] = {}
        self.coupled_probes: set[int] = set()
        # Copies of traced functions, by (function, probe, whether it is the counterfactual arm).
        self.copies: dict[tuple[int, int, bool], Any] = {}
        self._anchors: dict[int, tuple[str, int, int] | None] = {}

    # What the run is

    def flavour_of(self, layer: Any) -> Flavour | None:
        """The Keras a layer belongs to, None for what is no layer."""
        return next((flavour for flavour in self.flavours if isinstance(layer, flavour.layer_class)), None)

    def sublayers(self, target: Any) -> list[Any]:
        """A layer and everything inside it; a foreign object is alone."""
        flavour = self.flavour_of(target)
        return flavour.sublayers(target) if flavour else [target]

    def forced(self, probe: Probe) -> bool:
        """True when the probe plays its counterfactual now."""
        if probe.id in self.job.force:
            return True
        return self.counterfactual and self.playing is not None and self.playing.id == probe.id

    @property
    def on_main_thread(self) -> bool:
        """Only the program's main thread is measured; data-loading threads are left alone."""
        return threading.get_ident() == self.main_thread

    def in_graph(self) -> bool:
        """True while a trace is being made."""
        return any(flavour.in_graph() for flavour in self.flavours)

    def building(self) -> bool:
        """True while layers run only to find shapes."""
        return any(flavour.building() for flavour in self.flavours)

    # What is only observed

    def reach(self, probe: Probe) -> None:
        """A flagged place is executed, and nothing more is done there."""
        count = self.counts[probe.id]
        if self.playing is None:
            count.reached += 1
            count.eligible += 1
            if count.reached == 1:
                self.results.write("reached", probe=probe.id)

    def watch(self, layer: Any, probe: Probe) -> None:
        """From now on, what runs in this layer is told to a "mode" probe."""
        numbers = self._watched.setdefault(id(layer), (layer, []))[1]
        if probe.id not in numbers:
            numbers.append(probe.id)

    def watching(self, layer: Any) -> list[int]:
        """The "mode" probes at this layer, or at the definition of its ``call``."""
        numbers = list(self._watched[id(layer)][1]) if id(layer) in self._watched else []
        return numbers + [probe.id for probe in self._at_definition(layer) if probe.kind == "mode"]

    def defaulting(self, layer: Any) -> Probe | None:
        """The "default" probe at the definition of this layer's ``call``."""
        return next((probe for probe in self._at_definition(layer) if probe.kind == "default"), None)

    def _at_definition(self, layer: Any) -> list[Probe]:
        if not self.definitions:
            return []
        cls = type(layer)
        if cls not in self._defined:
            self._defined[cls] = [p for p, lines in self.definitions if defined_at(cls, p, lines)]
        return self._defined[cls]

    def trained(self, kind: str, where: Any) -> None:
        """``fit`` or ``train_on_batch`` is over."""
        for weights in self.weights.values():
            weights.measure(self, kind, where)
        if kind != "train_on_batch":
            for modes in self.below.values():
                modes.write(self)

    # Which execution to measure

    def due(self, probe: Probe, sort: str) -> bool:
        """Count an execution of a sort, and decide whether it is measured."""
        count = self.counts[probe.id]
        count.reached += 1
        count.eligible += 1
        return count.samples[sort].takes() and count.seconds <= SECONDS_PER_PROBE

    def on_path(self, probe: Probe) -> bool:
        """True unless the flag was chosen in another call and that call is not on the stack."""
        if probe.anchor is None:
            return True
        if probe.id not in self._anchors:
            path, span = probe.anchor["path"], tuple(probe.anchor["span"])
            try:
                lines = instrument.enclosing_call_lines(read_source(path), span)
            except (OSError, SyntaxError, ValueError, IndexError):
                lines = None
            self._anchors[probe.id] = (path, *lines) if lines else None
        anchor = self._anchors[probe.id]
        if anchor is None:
            return True
        frame: Any = sys._getframe(1)
        while frame is not None:
            if frame.f_code.co_filename == anchor[0] and anchor[1] <= frame.f_lineno <= anchor[2]:
                return True
            frame = frame.f_back
        # AutoGraph runs converted copies of the callers: their frames have other names.
        return self.in_graph() and not any(b.kind in TRAINING_KINDS for b in self.boundaries)

    def unit(self, probe: Probe) -> Any:
        """The boundary to repeat for a probe reached now, ``"site"``, or a reason in words why there is none."""
        for boundary in self.boundaries:
            if boundary.kind in KERAS_KINDS:
                return boundary
        if any(boundary.kind in TRAINING_KINDS for boundary in self.boundaries):
            return "reached only while training"
        traced = self.in_graph()
        kinds = ("function",) if traced else ("layer",)
        for boundary in self.boundaries:
            if boundary.kind in kinds:
                return boundary if probe.kind != "call" or traced else "site"
        if traced:
            return "traced"
        return "site"

    def touch(self, boundary: Boundary, probe: Probe) -> None:
        """Note that a probe sits inside a boundary; remember the state, for nothing was computed there yet."""
        if boundary.before is None:
            boundary.before = state.Snapshot()
        if all(other.id != probe.id for other in boundary.touched):
            boundary.touched.append(probe)

    # Modes

    def resolve(self, flavour: Flavour, layer: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, str]:
        """The mode a call is about to run in, and why, by the order of ``Layer.__call__``.

        Keras 3: explicit, else the outer call's, else the default. Keras 2: None is never explicit, and a global
        learning phase stands before the default.
        """
        explicit = kwargs.get("training")
        given = "training" in kwargs
        if not given:
            position = training_position(layer.call)
            if position is not None and len(args) > position:
                explicit, given = args[position], True
        inherited = flavour.inherited_training()
        if given and (explicit is not None or (flavour.generation >= 3 and inherited is None)):
            return explicit, "explicit"
        if inherited is not None:
            return inherited, "inherited"
        default = training_default(layer.call)
        return default, "default"

    def observe(self, layer: Any, given: Any) -> None:
        """A built-in layer's own ``call`` runs with ``given``."""
        if not self.on_main_thread or self.building() or not mode_dependent(layer):
            return
        mode, why, where = self.calls[-1] if self.calls else (given, "direct", None)
        if self.inside and self.playing is None:
            phase = next((b.kind for b in reversed(self.boundaries) if b.kind not in ("layer", "function")), "call")
            for number in dict.fromkeys(self.inside):
                self.below[number].add(self, layer, phase, given if given is not None else mode)
        if self.playing is not None:
            if given is True or (isinstance(given, int) and bool(given)):
                self.ran_in_training[layer.name] = self.ran_in_training.get(layer.name, 0) + 1
                self.batch_coupled = self.batch_coupled or "Normalization" in type(layer).__name__
        elif self.job.trace:
            phase = next((b.kind for b in reversed(self.boundaries) if b.kind not in ("layer", "function")), "call")
            self.trace.record(phase, layer, given if given is not None else mode, why, where)

    def where(self) -> tuple[str, int] | None:
        """The user's line that is being executed."""
        return user_frame(self.job.project)

    def finish(self) -> None:
        """Write what is known at the end of the program."""
        self.trained("program", None)
        for made in self.made.values():
            made.write(self)
        for unread in self.unread.values():
            unread.write(self)
        for probe in self.job.probes:
            count = self.counts[probe.id]
            toggle = self.toggles.get(probe.id)
            self.results.write(
                "summary",
                probe=probe.id,
                reached=toggle.executions if toggle else count.reached,
                eligible=count.eligible,
                measured=count.measured,
                raised=count.raised,
                reasons=count.reasons,
                errors=count.errors,
            )
        if self.job.trace:
            self.results.write("modes", events=self.trace.events())


def elapsed_since(start: float) -> float:
    """Seconds since a moment of ``time.perf_counter``."""
    return time.perf_counter() - start
