"""The state of one interpretation: what runs, what has been seen, and how much more may be done."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from dropout_lint.semantics.events import (
    AttributeSet,
    Bare,
    Branch,
    Constructed,
    Event,
    Frame,
    FunctionCall,
    HandedOver,
    Loop,
    ModeCall,
    ModelUse,
    Place,
    TrainableSet,
    Unmet,
    Use,
)
from dropout_lint.semantics.models import MODEL_NAMES
from dropout_lint.semantics.passages import Course, Passage
from dropout_lint.semantics.scopes import Store, Writes
from dropout_lint.semantics.tags import serials_in, tags_of
from dropout_lint.semantics.values import (
    ClassValue,
    Const,
    External,
    Instance,
    Items,
    Mapping,
    Opaque,
    Symbolic,
    Tags,
    Value,
    alternatives,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    import libcst as cst

    from dropout_lint.semantics.arguments import Arguments
    from dropout_lint.semantics.attribute_reads import Reads
    from dropout_lint.semantics.modules import Module, Project
    from dropout_lint.semantics.naming import Assigned
    from dropout_lint.semantics.values import FunctionValue

DEEPEST_CALL = 8
DEEPEST_CONSTRUCTION = 16
"""For ``__init__`` and ``build``: what a model holds is made by layers of factories, each calling the next."""
_COUNTING = frozenset({"range", "trange", "arange", "prange"})
MOST_USES = 80
"""What is remembered of one output; the second half is kept for gradients, which come last and decide."""
_TRAINING_USES = frozenset({"gradient", "input-gradient", "train-input"})
STEPS_PER_FILE = 320_000
"""Statements and calls one entry file may cost; real files of 1,000 lines take some 10,000."""
MOST_TOLD_APART = 24
"""Events of one call whose outputs are told apart."""
CHARACTERS_PER_STEP = 50
"""Of an imported module, which has to be parsed; whether it was kept from before must not change what is found."""
NEAR = 1
"""Imports from a module that uses Keras to what is looked into whatever it costs."""
MOST_FAR_CHARACTERS = 100_000
"""Of modules farther away. They hold constants and helpers, or are another library, with all that it is made of: with
five times as much and one import more, six files of 46 repositories spend their budgets, and nothing else is found."""
EXPRESSIONS_PER_STEP = 16
"""Expressions, the smallest counted, that are evaluated in the time of one step; a statement may hold thousands."""
TAGS_PER_STEP = 32
"""Tags of a value that are handled in the time of one step."""
STEPS_PER_EVENT = 2
"""What rules have to do with an event, in steps."""


class BudgetExceeded(Exception):
    """The interpretation of a file is cut short; what was found so far stands."""


class Run:
    """One entry file being interpreted, together with what it imports."""

    def __init__(self, project: Project, steps: int = STEPS_PER_FILE) -> None:
        self.project = project
        self.store = Store()
        self.modules: dict[Any, Module | None] = {}
        self._distances: dict[Any, int] = {}
        """By path: how many imports lie between a module and the nearest before it that uses Keras, or the entry."""
        self._far_characters = 0
        self._left_alone: dict[Any, bool] = {}
        """Whether what lies too far away is not looked into, for what has been asked for."""
        self.executing: set[Any] = set()
        self.events: list[Event] = []
        self.course = Course()
        self.unmet: list[Unmet] = []
        self.untold: dict[int, Value] = {}
        """Defaults of constructors that nobody calls, by id; see `dropout_lint.semantics.defaults`."""
        self.recursed: list[Value] = []
        """What functions hand to themselves, which is not followed."""
        self.effects: dict[Any, Passage] = {}
        """What calls of project functions did to models, by the keys of ``memo``."""
        self.by_serial: dict[int, ModeCall | ModelUse | FunctionCall] = {}
        self._told_apart: dict[tuple[int, str], list[ModeCall | ModelUse | FunctionCall]] = {}
        self.zeros: list[Value] = []
        """The variables of loops that count from 0 and are on their first turn."""
        self.loops: list[Loop] = []
        self.all_loops: dict[int, Loop] = {}
        self._left: list[list[Writes]] = []
        """For each turn of a loop that runs: what was written on the paths that left it early."""
        self.tapes: list[Value] = []
        """What records gradients: ``GradientTape`` objects, functions under ``jax.grad``, losses under ``minimize``."""
        self.differentiated: dict[int, set[tuple[Any, ...]]] = {}
        """By gradient call (id of its node): the ``vars-of`` tags of the models whose weights are its arguments."""
        self.guards: list[frozenset[str]] = []
        self.branches: list[Branch] = []
        self.handed_to_unknown: set[str] = set()
        """The keywords handed to something of which nothing is known."""
        self.settled: list[frozenset[str]] = []
        """The names of conditions that are decided where we are."""
        self.facts: dict[tuple[Any, ...], bool] = {}
        self.kept: list[Value] = []
        """Unknown values that are known by their ids."""
        self.minimized: list[Value] = []
        """What is handed to the ``minimize`` of an optimizer."""
        self.updated: set[tuple[Any, ...]] = set()
        """The ``vars-of`` tags of all weights that a gradient is taken with respect to, or applied to."""
        self.memo: dict[Any, Any] = {}
        self.newest: dict[Any, int] = {}
        """For each of them, the serial before which nothing was made by it."""
        self.allocated: dict[tuple[int, Any, Any], Instance] = {}
        self.instances: list[Instance] = []
        self.called: set[int] = set()
        self.makers: set[int] = set()
        """The functions (ids of their nodes) that return what they make: each call gives another object."""
        self.activations: dict[int, int] = {}
        self.feedback: set[int] = set()
        self.functions: list[Any] = []
        self.classes: list[ClassValue] = []
        self.constants: dict[int, Const] = {}
        """The values of literals, by the ids of their nodes."""
        self.reads: Reads = {}
        self.compiled: set[int] = set()
        """The functions (ids of their nodes) handed to ``tf.function`` or ``jax.jit`` in a call."""
        self.callback_functions: dict[int, tuple[FunctionValue, str, Value | None]] = {}
        """What is handed to a callback of Keras to be called, with the hook in which it is, and whose method it is."""
        self.outputs: dict[int, Symbolic] = {}
        """What layers (by serial) made of the graph they were called in, and with that what came before them."""
        self.graph_inputs: dict[int, frozenset[str]] = {}
        """By function (id of its node): see `dropout_lint.semantics.graphs.inputs_of_graph`."""
        self.saved: dict[str, list[Value]] = {}
        """The models that the program writes to files, by path: what is loaded from there holds the same layers."""
        self.flags: dict[str, Value] = {}
        """The command line flags that the program defines, with what they are by default."""
        self.opaque_cells: dict[Any, Value] = {}
        self.generation: str | None = None
        self.names: set[str] = set()
        self.imports: set[str] = set()
        self.environment: dict[str, str] = {}
        self.generations: dict[str, str] = {}
        self.assigned: Assigned = {}
        self.entry: Module | None = None
        self.on_stack: list[int] = []
        self.pace = 0
        self.ways = 1
        """In how many ways the function being called may have been called, where choices lie within each other."""
        self._steps = steps
        self._serial = 0

    # Imports --------------------------------------------------------------------------------------------------

    def leads(self, importer: Module, path: Any) -> None:
        """A module imports the file at ``path``."""
        distance = 1 + (0 if importer.uses_keras else self._distances.get(importer.path, 0))
        self._distances[path] = min(distance, self._distances.get(path, distance))

    def is_too_far(self, path: Any) -> bool:
        """Whether enough has been followed that is as far away as ``path``, which is long and does not use Keras."""
        if self._distances.get(path, 0) <= NEAR or self._far_characters <= MOST_FAR_CHARACTERS:
            return False
        if path not in self._left_alone:
            self._left_alone[path] = not self.project.is_worth_it(path)
        return self._left_alone[path]

    def followed(self, module: Module) -> None:
        """This one is looked into."""
        if self._distances.get(module.path, 0) > NEAR and not module.uses_keras:
            self._far_characters += len(module.text)

    def step(self, cost: int = 1) -> None:
        """Pay for one step.

        Raises:
            BudgetExceeded: when there is nothing left to pay with.
        """
        self._steps -= cost
        if self._steps < 0:
            raise BudgetExceeded

    def serial(self) -> int:
        """A number nobody else has."""
        self._serial += 1
        return self._serial

    def read(self, name: External) -> None:
        """Note that something outside the project is read, and which Keras it belongs to."""
        self.names.add(name.name)
        if name.generation is not None and name.is_keras and not self.guards:
            self.generations.setdefault(name.generation, name.name)

    def set_variable(self, name: Value, value: Value) -> None:
        """``os.environ[name] = value``; what Keras reads when it is imported counts only before that."""
        known = isinstance(name, Const) and isinstance(value, Const)
        if known and not self.guards and not any(each.startswith("keras") for each in self.names):
            assert isinstance(name, Const)
            assert isinstance(value, Const)
            self.environment[str(name.value)] = str(value.value)

    # Objects --------------------------------------------------------------------------------------------------

    def allocate(self, cls: ClassValue | str, frame: Frame, node: cst.CSTNode, apart: Any = None) -> Instance:
        """The object made at ``node`` on this call path; the same one when the path is walked again.

        ``apart`` tells objects apart that are not made there but found there.
        """
        name: Any = cls if isinstance(cls, str) else id(cls.node)
        path: Any = id(frame.call.node) if frame.call else 0
        if name in MODEL_NAMES and frame.caller is not None and frame.caller.call is not None:
            # a builder may stand behind another one that chooses it
            path = (path, id(frame.caller.call.node))
        slot = (id(node), path, name if apart is None else (name, apart))
        found = self.allocated.get(slot)
        if found is None:
            found = Instance(self.serial(), cls, frame.module, node, tuple(loop.serial for loop in self.loops))
            found.made_in = id(frame.function.node) if frame.function is not None else None
            found.activation = frame
            self.allocated[slot] = found
            self.instances.append(found)
            self.store.made(found.attributes, found.arguments)
        elif found.activation is not frame:
            found.repeated = True
        return found

    def items(self, kind: str, values: tuple[Value, ...], exact: bool = True) -> Items:
        """A new container."""
        made = Items(self.serial(), kind, values, exact, tuple(loop.serial for loop in self.loops))
        self.store.made(made.cells)
        return made

    def mapping(self, entries: dict[Any, Value] | None = None) -> Mapping:
        """A new dict."""
        self.step(len(entries or ()) // TAGS_PER_STEP)
        made = Mapping(self.serial(), entries, tuple(loop.serial for loop in self.loops))
        self.store.made(made.entries)
        return made

    def attributes(self, instance: Instance) -> Mapping:
        """``instance.__dict__``: what is put there is an attribute of the object."""
        found = self.mapping()
        found.entries = instance.attributes
        return found

    # Context --------------------------------------------------------------------------------------------------

    @contextmanager
    def loop(
        self,
        node: cst.CSTNode,
        frame: Frame | None = None,
        targets: frozenset[str] = frozenset(),
        source: frozenset[str] = frozenset(),
    ) -> Iterator[Loop]:
        """Run a loop's body: values bound to its variable are tagged with its serial.

        ``source`` are the names read by what it goes over.
        """
        serial = id(node)
        if serial not in self.all_loops:
            function = id(frame.function.node) if frame is not None and frame.function is not None else 0
            self.all_loops[serial] = Loop(serial, node, function, targets, counts=not source.isdisjoint(_COUNTING))
        entered = self.all_loops[serial]
        self.loops.append(entered)
        try:
            yield entered
        finally:
            self.loops.pop()

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Run one turn of a loop: what was written before a ``break`` or ``continue`` may hold after it."""
        self._left.append([])
        try:
            yield
        finally:
            for writes in self._left.pop():
                self.store.merge(writes, Writes())

    def note_left(self, leaves: bool, writes: Writes) -> None:
        """Keep what a path wrote until the turn it leaves is over."""
        if leaves and self._left:
            self._left[-1].append(writes)

    @contextmanager
    def guarded(
        self, guard: frozenset[str], facts: dict[tuple[Any, ...], bool], branch: Branch | None = None
    ) -> Iterator[None]:
        """Run a branch under a condition that is not decided."""
        with self.block():
            self.narrow(guard, facts, branch)
            yield

    def narrow(self, guard: frozenset[str], facts: dict[tuple[Any, ...], bool], branch: Branch | None = None) -> None:
        """From here to the end of the block a condition holds that is not decided."""
        if facts:
            self.facts = {**self.facts, **facts}
        self.guards.append(guard)
        if branch is not None:
            self.branches.append(branch)

    @contextmanager
    def block(self) -> Iterator[None]:
        """What is narrowed inside ends with the block."""
        facts, guards, branches, settled = self.facts, len(self.guards), len(self.branches), len(self.settled)
        try:
            yield
        finally:
            self.facts = facts
            del self.guards[guards:], self.branches[branches:], self.settled[settled:]

    def note_training(self) -> None:
        """Weights are updated here."""
        for loop in self.loops:
            loop.trains = True

    # Events ---------------------------------------------------------------------------------------------------

    def repeat(self, slot: Any) -> None:
        """A call whose outcome is known happens again: what it did to models, it does once more."""
        known = self.effects.get(slot)
        if known is not None and known.told:
            self.course.add(known)

    def emit(self, event: Event) -> None:
        """Record an event.

        Raises:
            BudgetExceeded: when there is nothing left to pay with.
        """
        self.step(STEPS_PER_EVENT)
        self.events.append(event)
        if isinstance(event, (TrainableSet, AttributeSet)) or (
            isinstance(event, Constructed) and event.instance.keras_name is not None
        ):
            self.course.add(event)
        if isinstance(event, (ModeCall, FunctionCall)):
            self.by_serial[event.serial] = event
            self._note_feedback(event)

    def known_as(self, event: ModeCall | ModelUse | FunctionCall) -> int:
        """The serial by which outputs of an event are known.

        A block that is run a hundred times, each on what the one before it gave, would make each output carry a
        hundred marks of one and the same call. The later of them share what becomes of their outputs.
        """
        told_apart = self._told_apart.setdefault((id(event.place.node), type(event).__name__), [])
        if len(told_apart) < MOST_TOLD_APART:
            told_apart.append(event)
        elif event is not told_apart[-1]:
            event.uses = told_apart[-1].uses
        return told_apart[-1].serial

    def use(
        self, kind: str, text: str, tags: Tags, frame: Frame, node: cst.CSTNode, sources: Tags = frozenset()
    ) -> None:
        """Record what is done with a value on every event whose output it carries."""
        if kind == "gradient":
            self.updated.update(tag for tag in sources if tag[0] == "vars-of")
        serials = sorted(serials_in(tags))
        if not serials:
            return
        drawn = frozenset(tag[1] for tag in tags if tag[0] == "drawn")
        stopped = frozenset(each for each in serials if ("event", each) not in tags)
        use = Use(
            kind=kind,
            text=text,
            place=Place(frame.module, node),
            loops=tuple(loop.serial for loop in self.loops),
            frames=frame.chain(),
            sources=sources,
            partners=frozenset(serials),
            drawn=drawn,
            stopped=stopped,
            guards=tuple(self.guards) if kind == "gradient" else (),
        )
        for serial in serials:
            event = self.by_serial.get(serial)
            if event is not None and len(event.uses) < (MOST_USES if kind in _TRAINING_USES else MOST_USES // 2):
                event.uses.append(use)

    def note_sum(self, left: Value, right: Value, frame: Frame, node: cst.CSTNode) -> None:
        """``total = total + output``: an output is added to what the same call gave on an earlier turn.

        A function that adds its own result for one draw less is a loop too.
        """
        if not (self.loops or self.recursed):
            return
        one, two = self._sources(left), self._sources(right)
        turns = not {call for _, call in one - two}.isdisjoint(call for _, call in two - one)
        recursive = any(tag[0] == "recursion" for tag in tags_of(left) | tags_of(right))
        if (turns and self.loops) or (recursive and (one or two)):
            kind = "summed" if turns else "summed-by-recursion"
            self.use(kind, "summed up", tags_of(left) | tags_of(right), frame, node)

    def _sources(self, value: Value) -> set[tuple[int, int]]:
        """The events a value was computed from, each with the call it is of."""
        found = ((serial, self.by_serial.get(serial)) for serial in serials_in(tags_of(value)))
        return {(serial, id(event.place.node)) for serial, event in found if event is not None}

    def model_use(
        self,
        receiver: Value,
        kind: str,
        method: str,
        frame: Frame,
        node: cst.CSTNode,
        tags: Tags = frozenset(),
        symbolic: bool = False,
        bare: Bare | None = None,
        arguments: Arguments | None = None,
    ) -> ModelUse:
        """Record that a model is compiled, trained or run.

        Raises:
            BudgetExceeded: when there is nothing left to pay with.
        """
        self.step(STEPS_PER_EVENT)
        event = ModelUse(
            self.serial(),
            Place(frame.module, node),
            receiver,
            kind,
            method,
            frame.chain(),
            tuple(self.loops),
            tags,
            symbolic,
            bare=bare,
            arguments=arguments,
        )
        self.events.append(event)
        self.course.add(event)
        self.by_serial[event.serial] = event
        self._note_feedback(event)
        return event

    def hand_over(self, values: tuple[Value, ...], frame: Frame, node: cst.CSTNode) -> None:
        """Record that layers and models among ``values`` go into something unknown."""
        seen: set[int] = set()
        waiting = list(reversed(values))
        while waiting:
            for each in alternatives(waiting.pop()):
                if isinstance(each, Items):
                    # a list may hold another one many times over
                    waiting += reversed(each.items[:8]) if id(each) not in seen else ()
                    seen.add(id(each))
                elif isinstance(each, Instance) or (isinstance(each, Opaque) and each.key is not None):
                    event = HandedOver(Place(frame.module, node), each, frame.chain())
                    self.events.append(event)
                    self.course.add(event)

    def _note_feedback(self, event: ModeCall | ModelUse | FunctionCall) -> None:
        """A decoder's input is what it gave on the turn before: its turns are steps, not draws."""
        for serial in serials_in(event.input_tags):
            earlier = self.by_serial.get(serial)
            if earlier is not None and earlier is not event and earlier.place.node is event.place.node:
                self.feedback.add(id(event.place.node))
