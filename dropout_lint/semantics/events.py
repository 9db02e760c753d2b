"""What the interpreter reports: mode events in the order of execution, each with how it was reached.

Rules are functions over these events; they never walk a tree.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeVar

from dropout_lint.semantics.values import NO_TAGS, Tags, Value

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence

    import libcst as cst

    from dropout_lint.semantics.arguments import Arguments
    from dropout_lint.semantics.attribute_reads import Reads
    from dropout_lint.semantics.choices import Choice
    from dropout_lint.semantics.modules import Module
    from dropout_lint.semantics.naming import Assigned
    from dropout_lint.semantics.passages import Passage
    from dropout_lint.semantics.polarity import Polarity
    from dropout_lint.semantics.values import Argument, ClassValue, FunctionValue, Instance


@dataclass(frozen=True, slots=True, eq=False)
class Place:
    """A node in a module."""

    module: Module
    node: cst.CSTNode


SUPER_CALL = "super().call"
"""How a call of the Keras class's own ``call`` reads."""

Branch = tuple[int, bool]
"""An arm that is taken: the id of the node that decides, and how it comes out."""

OFF = "<no training>"
"""Stands among the names of a condition that says, by the branch that is taken, that this is inference."""


@dataclass(slots=True, eq=False)
class Frame:
    """One activation of a function, or of a module's body."""

    function: FunctionValue | None
    module: Module
    caller: Frame | None
    call: Place | None
    """The call expression in the caller; None where a framework or nobody calls."""
    arguments: dict[str, Argument] = field(default_factory=dict)
    defaulted: frozenset[str] = frozenset()
    receiver: Value | None = None
    hook: str | None = None
    """``train_step``, ``test_step``, ``predict_step``, ``call``, ``callback-training``, ``callback-inference``, …"""
    assumed: bool = False
    """Nobody calls it: it is interpreted with unknown parameters."""
    returns: list[Value] = field(default_factory=list)
    depth: int = 0
    pending: list[Any] = field(default_factory=list)
    comment: str = ""
    """The comments on the statement that runs, and above the statements it stands with."""
    parameters: dict[str, Value] = field(default_factory=dict)
    """What each parameter is bound to on entry, defaults included."""
    conditions: int = 0
    """How many conditions that are not decided stand round the call, of those that an event lists as its guards."""
    makes: bool = False
    """An object is being made: ``__init__`` or ``build`` runs, or something that they call."""
    on_yield: Callable[[Any], None] | None = None
    """The body of the ``with`` statement that a context manager's ``yield`` lets run."""

    @property
    def name(self) -> str:
        """The function's name; ``<module>`` for a module's body."""
        return self.function.name if self.function is not None else "<module>"

    @property
    def owner(self) -> ClassValue | None:
        """The class whose method it is."""
        return self.function.owner if self.function is not None else None

    def chain(self) -> tuple[Frame, ...]:
        """Outermost first."""
        frames: list[Frame] = []
        frame: Frame | None = self
        while frame is not None:
            frames.append(frame)
            frame = frame.caller
        return tuple(reversed(frames))


def path_of(frames: tuple[Frame, ...]) -> tuple[int, ...]:
    """The calls (ids of their nodes) by which a line was reached, outermost first."""
    return tuple(id(frame.call.node) for frame in frames if frame.call is not None)


@dataclass(slots=True, eq=False)
class Loop:
    """A loop, comprehension or mapping call while it runs."""

    serial: int
    node: cst.CSTNode
    function: int = 0
    """The id of the function's node it stands in; 0 in a module's body."""
    targets: frozenset[str] = frozenset()
    """The names it binds on every turn."""
    trains: bool = False
    """Whether weights are updated in it: then its turns are not draws from one model."""
    counts: bool = False
    """Whether its turns are only counted (``range``): nothing in it is data."""


@dataclass(frozen=True, slots=True, eq=False)
class Use:
    """One thing that was done with a mode event's output."""

    kind: str
    """``metric``, ``decision``, ``score``, ``saved``, ``shown``, ``aggregated``, ``summed``, ``gradient``,
    ``input-gradient``, ``gated``, ``added``, ``subtracted``, ``train-input``, ``inference-input``, ``compared``,
    ``bootstrapped``, ``returned``, ``exported``, ``dropped``, ``mixed``; in a session ``stepped`` and ``measured``."""
    text: str
    place: Place
    loops: tuple[int, ...]
    frames: tuple[Frame, ...]
    sources: Tags = NO_TAGS
    """For a gradient: the tags of what it is taken with respect to; ``("vars-of", …)`` names whose weights. For a run
    of a session: those of what it is fed."""
    partners: frozenset[int] = frozenset()
    """The events whose outputs are in what is used."""
    drawn: frozenset[int] = frozenset()
    """The loops whose turns were collected in what is used."""
    stopped: frozenset[int] = frozenset()
    """The events whose outputs went through ``stop_gradient`` on the way: no gradient gets back to them."""
    guards: tuple[frozenset[str], ...] = ()
    """For a gradient: the names of the conditions under which it is taken."""


class Used:
    """Something whose output is put to use."""

    __slots__ = ()
    uses: list[Use]

    def used(self, *kinds: str) -> list[Use]:
        """The uses of these kinds."""
        return [use for use in self.uses if use.kind in kinds]


@dataclass(slots=True, eq=False)
class ModeCall(Used):
    """A layer or model is called with an explicit flag."""

    serial: int
    place: Place
    callee: Value
    callee_text: str
    flag: Value
    choice: Choice
    """The expression that chooses the flag on this path: what a reader has to change."""
    how: str
    """``keyword``, ``positional``, ``mapping`` (``**kwargs``), ``partial``, ``default``."""
    frames: tuple[Frame, ...]
    graph: bool
    """A symbolic tensor goes in: a functional graph is being built."""
    loops: tuple[Loop, ...]
    input_tags: Tags
    callee_loops: tuple[int, ...]
    guards: tuple[frozenset[str], ...]
    tape: bool
    discarded: bool = False
    comment: str = ""
    """What comments say on the statement that chooses the flag, and right above it."""
    tapes: tuple[Value, ...] = ()
    branches: tuple[Branch, ...] = ()
    callee_names: frozenset[tuple[int, str]] = frozenset()
    """The names the callee is read from on this path, each with the function (id of its node, or 0) it is read in."""
    direct: bool = True
    """False where ``layer.call(...)`` is used rather than ``layer(...)``."""
    settled: tuple[frozenset[str], ...] = ()
    """The names of the conditions round it that came out one way on this path."""
    given: cst.CSTNode | None = None
    """The expression that hands the flag over in this very call; None where nothing in it does."""
    position: int | None = None
    """Where the flag stands among the positional arguments, if it does."""
    polarity: Polarity | None = None
    """Which way round the expression of the flag says the mode, where it says it."""
    uses: list[Use] = field(default_factory=list)


@dataclass(slots=True, eq=False)
class LayerCall:
    """A known layer or model is called, with or without a flag."""

    serial: int
    place: Place
    callee: Instance
    callee_text: str
    flag: Argument | None
    """The ``training`` argument; None where the call leaves it out."""
    arguments: Arguments
    frames: tuple[Frame, ...]
    loops: tuple[Loop, ...]
    guards: tuple[frozenset[str], ...]
    branches: tuple[Branch, ...]
    graph: bool
    direct: bool
    """False where ``layer.call(...)`` or ``super().call(...)`` is used rather than ``layer(...)``."""

    @property
    def text_is_super(self) -> bool:
        """Whether it is ``super().call(...)`` or ``super().__call__(...)``."""
        return self.callee_text == SUPER_CALL


@dataclass(slots=True, eq=False)
class NoneForwarded:
    """A layer or model is called with ``training=None``."""

    serial: int
    place: Place
    callee: Value
    callee_text: str
    choice: Choice
    how: str
    frames: tuple[Frame, ...]
    graph: bool
    direct: bool


def choosing_call(event: ModeCall | NoneForwarded) -> Frame | None:
    """The innermost ``call`` in which, or below which, the mode is chosen that ``event`` hands over."""
    found: Frame | None = None
    for frame in event.frames:
        if frame.hook == "call":
            found = frame
        if frame is event.choice.frame:
            return found
    return None


@dataclass(slots=True, eq=False)
class TrainableSet:
    """``receiver.trainable = value``, or ``trainable=`` handed to a constructor."""

    serial: int
    place: Place
    receiver: Value
    receiver_text: str
    value: Value
    frames: tuple[Frame, ...]
    loops: tuple[Loop, ...]
    how: str
    """``attribute``, ``setattr`` or ``constructor``."""
    node: cst.CSTNode | None = None
    """The statement (attribute) or argument (constructor)."""
    container: cst.CSTNode | None = None
    """The statement that would be empty without it."""


@dataclass(frozen=True, slots=True, eq=False)
class Bare:
    """A call of a layer or model that says nothing of the mode."""

    choice: Choice
    """The call that leaves the flag out, or the expression that makes it None, followed outwards through parameters."""
    default: Value
    """What the project's own ``call`` takes then; None where it has no such parameter, or is not the project's."""
    callee_text: str
    guards: tuple[frozenset[str], ...]
    tapes: tuple[Value, ...]
    comment: str = ""
    none: bool = False
    """It says None, rather than nothing."""
    required: bool = False
    """The project's own ``call`` cannot do without: Keras 2 hands it None, Keras 3 raises TypeError (measured)."""


@dataclass(slots=True, eq=False)
class ModelUse(Used):
    """A model is compiled, trained, run or saved; a gradient is applied.

    ``kind`` is ``compile``, ``train``, ``inference``, ``save``, ``gradient``, ``call`` (directly, in no known mode),
    or ``layer-call``: of a layer that is no model, where gradients are taken and no ``call`` is under way, or of one
    that acts by default, such as the augmenting ones, without a flag.
    """

    serial: int
    place: Place
    receiver: Value
    kind: str
    method: str
    frames: tuple[Frame, ...]
    loops: tuple[Loop, ...]
    input_tags: Tags = NO_TAGS
    symbolic: bool = False
    bare: Bare | None = None
    """For a call that hands over no flag, or None for one: how it came to that."""
    uses: list[Use] = field(default_factory=list)
    arguments: Arguments | None = None
    """What a method was given, where one was called."""


@dataclass(slots=True, eq=False)
class HandedOver:
    """A layer or model goes into something unknown, which may do anything to it."""

    place: Place
    value: Value
    frames: tuple[Frame, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Unmet:
    """A toggle that does not happen: of the layers of a loop, none is of the class that is asked for."""

    toggle: TrainableSet
    among: tuple[Value, ...]


@dataclass(slots=True, eq=False)
class Constructed:
    """A Keras object, or one of a project class, is made."""

    serial: int
    place: Place
    instance: Instance
    arguments: Arguments
    frames: tuple[Frame, ...]
    loops: tuple[Loop, ...]
    guards: tuple[frozenset[str], ...]
    settled: tuple[frozenset[str], ...] = ()
    """The names of the conditions round it that came out one way on this path."""


@dataclass(slots=True, eq=False)
class AttributeSet:
    """``receiver.name = value`` on anything that may be a layer or model; ``trainable`` included."""

    serial: int
    place: Place
    receiver: Value
    receiver_text: str
    name: str
    value: Value
    frames: tuple[Frame, ...]
    loops: tuple[Loop, ...]


@dataclass(slots=True, eq=False)
class MethodCall:
    """A method that is not the project's is called on a Keras object or on something unknown."""

    serial: int
    place: Place
    receiver: Value
    receiver_text: str
    name: str
    arguments: Arguments
    frames: tuple[Frame, ...]
    loops: tuple[Loop, ...]
    guards: tuple[frozenset[str], ...]


@dataclass(slots=True, eq=False)
class FunctionCall(Used):
    """A function of Keras, TensorFlow or JAX is called, under its canonical name."""

    serial: int
    place: Place
    name: str
    arguments: Arguments
    frames: tuple[Frame, ...]
    loops: tuple[Loop, ...]
    guards: tuple[frozenset[str], ...]
    comment: str = ""
    settled: tuple[frozenset[str], ...] = ()
    """The names of the conditions round it that came out one way on this path."""
    uses: list[Use] = field(default_factory=list)

    @property
    def input_tags(self) -> Tags:
        """The tags of everything that goes in."""
        return self.arguments.tags()


@dataclass(slots=True, eq=False)
class Discarded:
    """An expression stands as a statement: what it gives goes nowhere."""

    serial: int
    place: Place
    value: Value
    frames: tuple[Frame, ...]
    meant: AttributeSet | None = None
    """Of ``receiver.name == value``: what a single ``=`` would have done."""


Moment = ModelUse | TrainableSet | AttributeSet
"""What the order of things is told in: what is done to models and layers."""
Event = (
    ModeCall
    | LayerCall
    | NoneForwarded
    | TrainableSet
    | ModelUse
    | HandedOver
    | Constructed
    | AttributeSet
    | MethodCall
    | FunctionCall
    | Discarded
)


@dataclass(slots=True, eq=False)
class Interpretation:
    """Everything that is known of one entry file."""

    module: Module
    events: list[Event]
    loops: dict[int, Loop]
    instances: list[Instance]
    classes: list[ClassValue] = field(default_factory=list)
    """The project classes that were defined, those of imported modules included."""
    handed_to_unknown: frozenset[str] = frozenset()
    """The keywords that are handed to something of which nothing is known."""
    feedback: frozenset[int] = frozenset()
    """Ids of call nodes whose input depends on their own earlier output."""
    updated: Tags = NO_TAGS
    """The ``vars-of`` tags of all weights that a gradient is taken with respect to, or applied to."""
    generation: str | None = None
    """"2" or "3" where an import decides which Keras it is."""
    exhausted: str | None = None
    """Why the interpretation was cut short, if it was."""
    assigned: Assigned = field(default_factory=dict)
    """What names and attributes were bound to; see `naming.names_of`."""
    imports: frozenset[str] = frozenset()
    """The packages that are imported whatever happens: ``tf_keras``, ``tensorflow``."""
    environment: dict[str, str] = field(default_factory=dict)
    """The environment variables that are set before Keras is read."""
    generations: dict[str, str] = field(default_factory=dict)
    """The Keras generations by whose own names the program reads Keras, each with the first such name."""
    names: frozenset[str] = frozenset()
    """What is read from outside the project, under canonical names: ``tensorflow.placeholder``, ``keras.ops``."""
    reads: Reads = field(default_factory=dict)
    """Which attributes the project reads, and of what; see :mod:`dropout_lint.semantics.attribute_reads`."""
    called_back: dict[int, str] = field(default_factory=dict)
    """The functions (ids of their nodes) that a callback of Keras calls, each with the hook in which it does."""
    compiled: frozenset[int] = frozenset()
    """The functions (ids of their nodes) that are handed to ``tf.function`` or ``jax.jit`` rather than decorated."""
    passages: tuple[Passage, ...] = ()
    """What `timeline` tells, with the structure of its execution; see :mod:`dropout_lint.semantics.passages`."""
    unmet: tuple[Unmet, ...] = ()
    """The toggles that the tests of a loop keep from all its layers."""
    recursed: tuple[Value, ...] = ()
    """What functions hand to themselves, which is not followed."""
    _timeline: list[Moment] | None = None
    _trainings: tuple[list[ModelUse], dict[int, int]] | None = None
    _indexes: dict[tuple[Any, ...], dict[Hashable, list[Any]]] = field(default_factory=dict)
    _answers: dict[tuple[Any, ...], Any] = field(default_factory=dict)

    @property
    def timeline(self) -> list[Moment]:
        """The moments in the order in which they happen.

        Unlike in ``events``, a function that is called again with what it was called with before does here what it
        did before.
        """
        if self._timeline is None:
            from dropout_lint.semantics.passages import LONGEST_TIMELINE, flattened

            self._timeline = flattened(self.passages, LONGEST_TIMELINE)
        return self._timeline

    def trainings_before(self, event: Event) -> Iterator[ModelUse]:
        """The events that come before ``event`` and update weights, in order."""
        if self._trainings is None:
            found: list[ModelUse] = []
            counts: dict[int, int] = {}
            for each in self.events:
                counts[id(each)] = len(found)
                if isinstance(each, ModelUse) and each.kind in {"train", "gradient"}:
                    found.append(each)
            self._trainings = found, counts
        trainings, before = self._trainings
        return islice(trainings, before.get(id(event), len(trainings)))

    def instance(self, serial: object) -> Instance | None:
        """The object with this serial, if the program makes it."""
        return self.once(_by_serial).get(serial)

    def once(self, answer: Callable[..., Answer], *arguments: Hashable) -> Answer:
        """What ``answer`` (a function of a module) says of the whole, given ``arguments``: it is asked once.

        What is kept of that goes with the interpretation, and the trees with both.
        """
        key = (answer, *arguments)
        if key not in self._answers:
            self._answers[key] = answer(self, *arguments)
        return self._answers[key]  # type: ignore[no-any-return]

    def mode_calls(self, by: Callable[[ModeCall], Hashable], key: Hashable) -> Sequence[ModeCall]:
        """The mode calls of which ``by`` (a function of a module, which is asked once for each) says ``key``.

        Who compares every call with every other is quadratic in what a source can repeat at will.
        """
        return self.that((ModeCall,), by, key)

    def calls(self, by: Callable[[ModeCall | ModelUse], Hashable], key: Hashable) -> Sequence[ModeCall | ModelUse]:
        """The same of mode calls and uses of models together."""
        return self.that((ModeCall, ModelUse), by, key)

    def that(self, kinds: tuple[type, ...], by: Callable[[Kind], Hashable], key: Hashable) -> Sequence[Kind]:
        """The same of events of any ``kinds``, those of which ``by`` says None left out."""
        return self._indexed(kinds, by, _alone, key)

    def among(self, kinds: tuple[type, ...], by: Callable[[Kind], Iterable[Hashable]], key: Hashable) -> Sequence[Kind]:
        """The events among whose keys, of which ``by`` gives any number, is ``key``; each once, in order."""
        return self._indexed(kinds, by, dict.fromkeys, key)

    def _indexed(
        self,
        kinds: tuple[type, ...],
        by: Callable[[Any], Any],
        keys_of: Callable[[Any], Iterable[Hashable]],
        key: Hashable,
    ) -> Sequence[Any]:
        name = (by, keys_of, kinds)
        if name not in self._indexes:
            index: dict[Hashable, list[Any]] = {}
            for event in self.events:
                if isinstance(event, kinds):
                    for each in keys_of(by(event)):
                        index.setdefault(each, []).append(event)
            self._indexes[name] = index
        return self._indexes[name].get(key, ())


Answer = TypeVar("Answer")
Kind = TypeVar("Kind")


def _alone(key: Hashable) -> tuple[Hashable, ...]:
    return (key,) if key is not None else ()


def _by_serial(interpretation: Interpretation) -> dict[object, Instance]:
    return {each.serial: each for each in interpretation.instances}
