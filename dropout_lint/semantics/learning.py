"""Whose weights learn from a call: what the gradients that its output enters are taken with respect to."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from dropout_lint.semantics.differentiation import UPDATES
from dropout_lint.semantics.events import AttributeSet, FunctionCall, MethodCall, ModeCall, ModelUse, TrainableSet
from dropout_lint.semantics.models import content, inner_layers, is_layer, weightless
from dropout_lint.semantics.own_modes import drawing, own_mode
from dropout_lint.semantics.signatures import is_read, sees
from dropout_lint.semantics.tags import tags_of
from dropout_lint.semantics.values import (
    UNKNOWN,
    ClassValue,
    Const,
    FunctionValue,
    Instance,
    Items,
    Mapping,
    OneOf,
    Opaque,
    Symbolic,
    Value,
    alternatives,
    leaves,
    truth,
)
from dropout_lint.semantics.words import is_mode_name, words

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterator

    from dropout_lint.semantics.events import Interpretation, Use

Call = ModeCall | ModelUse | FunctionCall


@dataclass(frozen=True, slots=True)
class Learning:
    """What gradients do with one call: whether its weights are among what is updated (None: not known)."""

    trained: bool | None
    use: Use


@dataclass(slots=True)
class _Owner:
    serial: Any
    parts: frozenset[int]


@dataclass(eq=False)
class Learner:
    """Answers for one interpretation."""

    interpretation: Interpretation
    _parts: dict[int, frozenset[int]] = field(default_factory=dict)
    _frozen_in: dict[int, frozenset[int]] = field(default_factory=dict)
    _deaf: dict[int, bool] = field(default_factory=dict)
    _held_by: dict[int, tuple[Instance, ...]] = field(default_factory=dict)

    def of(self, event: Call, stopped: bool = False) -> Learning | None:
        """What learns from ``event``; None where its output enters no gradient, or one with respect to inputs.

        With ``stopped``, an output behind ``stop_gradient`` counts as well: others learn from it.
        """
        if event.used("input-gradient"):
            return None
        uses = [use for use in event.used("gradient") if stopped or event.serial not in use.stopped]
        taken = [use for use in uses if use.sources or use.text not in UPDATES]
        found = [Learning(self._trained(callee_of(event), use), use) for use in taken or uses]
        return next((each for answer in (True, None, False) for each in found if each.trained is answer), None)

    def trains(self, value: Value) -> bool:
        """Whether any gradient in sight is taken with respect to the weights of ``value``, whoever is called."""
        if "*" in self._updated.get(None, ()):
            return True
        reached: set[Any] = {None}
        if isinstance(value, Instance):
            reached |= {value.serial, *self.parts(value)}
        elif isinstance(value, Opaque) and value.key is not None and value.key[0] == "instance":
            reached.add(value.key[1])
        return any(self._same(value, owner) is not False for each in reached for owner in self._updated.get(each, ()))

    @cached_property
    def _updated(self) -> dict[Any, list[Any]]:
        """Whose weights are updated, by what is inside (its serial); under None those of which no object is known."""
        found: dict[Any, list[Any]] = {}
        for owner in {tag[1] for tag in self.interpretation.updated}:
            known = isinstance(owner, int)
            for each in {owner, *self.parts(self._instances.get(owner))} if known else (None,):
                found.setdefault(each, []).append(owner)
        return found

    @cached_property
    def _instances(self) -> dict[int, Instance]:
        return {each.serial: each for each in self.interpretation.instances}

    def _trained(self, callee: Value, use: Use) -> bool | None:
        owners = _owners(use)
        if "*" in owners:
            return True
        if not owners:
            return None
        if all(isinstance(each, Instance) and self.weightless(each) for each in alternatives(callee)):
            # dropout of its own, between what learns
            return True
        answers = {self._same(one, owner) for one in alternatives(callee) for owner in owners}
        if True in answers:
            return True
        return None if None in answers else False

    def _same(self, callee: Value, owner: Any) -> bool | None:
        """Whether the weights of ``owner`` are those of ``callee``, or part of them, or hold them."""
        if owner is None:
            return None
        if isinstance(owner, int):
            instance = self._instances.get(owner)
            if isinstance(callee, Instance):
                if callee.serial == owner or callee.serial in self.parts(instance):
                    return True
                return owner in self.parts(callee) or (None if self._share(instance, callee) else False)
            key = callee.key if isinstance(callee, Opaque) else None
            return key is not None and key[0] == "instance" and (key[1] == owner or key[1] in self.parts(instance))
        if isinstance(callee, Opaque):
            key = callee.key
            return key is not None and (key[: len(owner)] == owner or owner[: len(key)] == key)
        return owner[0] == "instance" and (
            isinstance(callee, Instance) and (owner[1] == callee.serial or owner[1] in self.parts(callee))
        )

    def _share(self, one: Instance | None, other: Instance) -> bool:
        """Whether two models have layers in common, as a functional model made of parts of another."""
        common = [self._instances[each] for each in self.parts(one) & self.parts(other) if each in self._instances]
        apart: set[int] = set()
        for each in common:
            if each.repeated:
                # one for each of the two, and so is what it holds
                apart |= self.parts(each)
        return any(each.serial not in apart for each in common)

    def parts(self, value: Instance | None) -> frozenset[int]:
        """The serials of the layers and models inside ``value``, itself included."""
        if value is None:
            return frozenset()
        if value.serial not in self._parts:
            self._parts[value.serial] = _reach(value)
        return self._parts[value.serial]

    @cached_property
    def frozen(self) -> frozenset[int]:
        """The serials of layers and models that are frozen, or inside what is, and not opened again."""
        return self._frozen_until(None)

    def frozen_in(self, event: Call) -> frozenset[int]:
        """The same for one call: not what is frozen only afterwards, to go on without it."""
        moment = self._moment_of(event)
        if moment is None:
            return self.frozen
        if id(moment) not in self._frozen_in:
            self._frozen_in[id(moment)] = self._frozen_until(moment)
        return self._frozen_in[id(moment)]

    def never_looks_at_mode(self, call: FunctionValue) -> bool:
        """Whether a ``call`` takes the mode and does not read it; asked once, since it may have many layers."""
        if id(call) not in self._deaf:
            self._deaf[id(call)] = sees(call, "training") and not is_read(call, "training")
        return self._deaf[id(call)]

    def _moment_of(self, event: Call) -> Call | None:
        """When a call happens: of a step that Keras calls, the first ``fit()``; None where nobody in sight comes by."""
        outermost = event.frames[0] if event.frames else None
        if outermost is None or not outermost.assumed:
            return event
        return self._first_fits.get(id(outermost.receiver)) if outermost.hook == "train_step" else None

    @cached_property
    def _first_fits(self) -> dict[int, ModelUse]:
        """By what is trained (its id): the first training that somebody in sight comes by."""
        found: dict[int, ModelUse] = {}
        for each in self.interpretation.events:
            if isinstance(each, ModelUse) and each.kind == "train" and not (each.frames and each.frames[0].assumed):
                found.setdefault(id(each.receiver), each)
        return found

    @cached_property
    def _toggles(self) -> list[tuple[int, TrainableSet]]:
        """The toggles, each with its place among the events."""
        events = enumerate(self.interpretation.events)
        return [(place, each) for place, each in events if isinstance(each, TrainableSet)]

    @cached_property
    def _places(self) -> dict[int, int]:
        return {id(each): place for place, each in enumerate(self.interpretation.events)}

    def _frozen_until(self, moment: Call | None) -> frozenset[int]:
        states: dict[int, bool | None] = {}
        for event in self.interpretation.timeline if moment is None else self._toggles_before(moment):
            if not isinstance(event, TrainableSet):
                continue
            for each in _receivers(event.receiver):
                serial = each.serial if isinstance(each, Instance) else _serial_of(each)
                if serial is not None:
                    states[serial] = truth(event.value)
        found: set[int] = set()
        for serial, state in states.items():
            if state is False:
                found |= self.parts(self._instances.get(serial)) | {serial}
        return frozenset(found)

    def _toggles_before(self, moment: Call) -> Iterator[TrainableSet]:
        """What may be set before a call: also what comes later in the same loop, or where nobody in sight comes by."""
        end = self._places.get(id(moment), len(self._places))
        loops = {loop.serial for loop in moment.loops}
        for place, event in self._toggles:
            again = not loops.isdisjoint(loop.serial for loop in event.loops)
            if place < end or again or (event.frames and event.frames[0].assumed):
                yield event

    def mode_layers(self, event: Call) -> tuple[tuple[Instance, ...], bool]:
        """The layers in what is called that a flag would switch and that learn; whether these are all there may be."""
        callee, frozen = callee_of(event), self.frozen_in(event)
        if any(isinstance(each, Instance) and each.serial in frozen for each in alternatives(callee)):
            return (), True
        return tuple(layer for layer in self._held(callee) if layer.serial not in frozen), content(callee).complete

    def _held(self, callee: Value) -> tuple[Instance, ...]:
        """The layers in ``callee`` that depend on the mode; also those of the project that ask for it themselves."""
        if id(callee) not in self._held_by:
            self._held_by[id(callee)] = self._found_in(callee)
        return self._held_by[id(callee)]

    def _found_in(self, callee: Value) -> tuple[Instance, ...]:
        held = content(callee).layers
        known = {layer.serial for layer in held}
        parts = {
            serial for each in alternatives(callee) if isinstance(each, Instance) for serial in self.parts(each) - known
        }
        instances = (self._instances[serial] for serial in sorted(parts) if serial in self._instances)
        return (*held, *(each for each in instances if own_mode(each) != "none" or each.serial in self._drawing))

    @cached_property
    def _drawing(self) -> frozenset[int]:
        return drawing(self.interpretation)

    def weightless(self, value: Instance) -> bool:
        """Whether nothing in ``value`` is known, or may, have weights."""
        seen: set[int] = set()
        waiting: list[Value] = [value]
        while waiting:
            each = waiting.pop()
            if not isinstance(each, Instance):
                return False
            inside = inner_layers(each) if each.keras_name == "keras.Sequential" else None
            if inside is None and weightless(each) is not True:
                return False
            if id(each) not in seen:
                seen.add(id(each))
                waiting += inside or ()
        return True

    def trained_beside(self, callee: Value, learning: Learning) -> bool:
        """Whether the same gradient comes through a call of the same model in training mode: two passes on purpose."""
        key = (id(callee), id(learning.use.place.node))
        return bool(self.interpretation.among((ModeCall,), _gradients_if_on, key))

    def fitted_meanwhile(self, value: Value, event: Call) -> bool:
        """Whether Keras trains ``value`` too: batch by batch, in a loop round ``event``, or inside a larger model."""
        if not isinstance(value, Instance):
            return False
        if any(
            self.interpretation.among((ModelUse,), _fits_of, (id(value), when))
            for when in ("by-batches", *(loop.serial for loop in event.loops))
        ):
            return True
        return value.serial not in self.frozen and bool(self._fitted_round.get(value.serial, set()) - {id(value)})

    @cached_property
    def _fitted_round(self) -> dict[int, set[int]]:
        """By what is inside (its serial): the models that are trained with all their parts (their ids)."""
        found: dict[int, set[int]] = {}
        seen: set[int] = set()
        for each in self.interpretation.events:
            if isinstance(each, ModelUse) and each.kind == "train" and isinstance(each.receiver, Instance):
                if id(each.receiver) not in seen and _trains_parts(each.receiver):
                    for serial in self.parts(each.receiver):
                        found.setdefault(serial, set()).add(id(each.receiver))
                seen.add(id(each.receiver))
        return found

    def averaged(self, value: Value) -> bool:
        """Whether the program computes the weights of ``value`` itself: a running average, or steps of its own."""
        parts = self.parts(value) if isinstance(value, Instance) else frozenset()
        return self.interpretation.once(_is_averaged, value) or any(
            self.interpretation.among((AttributeSet,), _computes_weights, each) for each in parts
        )

    @cached_property
    def phase_is_set(self) -> bool:
        """Whether the program sets the global learning phase to training: Keras 2 obeys it in calls without a flag."""
        return any(
            isinstance(event, FunctionCall)
            and event.name in {"keras.backend.set_learning_phase", "keras.backend.learning_phase_scope"}
            and any(truth(value) is not False for value in event.arguments.values)
            for event in self.interpretation.events
        )

    def settled(self, callee: Value) -> frozenset[int]:
        """The serials of layers in ``callee`` whose mode is written down inside, whatever its caller says."""
        found: set[int] = set(self._settled_in_graphs)
        for each in alternatives(callee):
            if isinstance(each, Instance):
                for serial in self.parts(each):
                    found |= self._settled_in_calls.get(serial, frozenset())
        return frozenset(found)

    @cached_property
    def _settled_in_graphs(self) -> frozenset[int]:
        return frozenset(
            layer.serial
            for event in self.interpretation.events
            if isinstance(event, ModeCall) and event.graph and isinstance(event.flag, Const)
            for layer in self._held(event.callee)
        )

    @cached_property
    def _settled_in_calls(self) -> dict[int, set[int]]:
        found: dict[int, set[int]] = {}
        for event in self.interpretation.events:
            if not isinstance(event, ModeCall) or event.graph or _handed_down(event.flag):
                continue
            for frame in event.frames:
                if frame.hook != "call" or not isinstance(frame.receiver, Instance):
                    continue
                given = frame.arguments.get("training")
                if given is None or isinstance(given.value, Opaque):
                    layers = {layer.serial for layer in self._held(event.callee)}
                    found.setdefault(frame.receiver.serial, set()).update(layers)
        return found


def _handed_down(flag: Value) -> bool:
    """Whether a flag is the ``training`` that some ``call`` was handed."""
    return (
        isinstance(flag, Opaque) and flag.key is not None and flag.key[0] == "parameter" and flag.key[-1] == "training"
    )


def asks_for_mode(guards: tuple[frozenset[str], ...], gradient: Use) -> bool:
    """Whether a condition round a call asks for the mode; one that stands round the gradient too chooses no call.

    In ``if args.train: fit(model)`` the whole training step is meant.
    """
    outside = 0
    for one, two in zip(guards, gradient.guards, strict=False):
        if one is not two:
            break
        outside += 1
    return any(is_mode_name(name) for guard in guards[outside:] for name in guard)


def callee_of(event: Call) -> Value:
    """What is called."""
    if isinstance(event, ModeCall):
        return event.callee
    return event.receiver if isinstance(event, ModelUse) else UNKNOWN


def _trains_parts(value: Instance) -> bool:
    """Whether ``fit`` is Keras's own: with a ``train_step`` of the project, gradients tell what is trained."""
    return not (isinstance(value.cls, ClassValue) and value.cls.find("train_step") is not None)


def _gradients_if_on(event: ModeCall) -> Iterator[tuple[int, int]]:
    """What is called in training mode, with each gradient (id of its node) that comes through the call."""
    if truth(event.flag) is True:
        for use in event.used("gradient"):
            yield id(event.callee), id(use.place.node)


def _fits_of(event: ModelUse) -> Iterator[tuple[int, object]]:
    """What is trained, with the loops round that, or that it is trained batch by batch."""
    if event.kind == "train":
        if event.method == "train_on_batch":
            yield id(event.receiver), "by-batches"
        for loop in event.loops:
            yield id(event.receiver), loop.serial


def _is_averaged(interpretation: Interpretation, value: Value) -> bool:
    own = ("vars-of", value.serial if isinstance(value, Instance) else getattr(value, "key", None))
    return any(
        _mixes(event, own) for key in (own, id(value)) for event in interpretation.among((MethodCall,), _set_in, key)
    ) or bool(interpretation.among((AttributeSet,), _keeps_weights, id(value)))


_MIXING = frozenset({"assign", "assign_add", "assign_sub", "set_weights"})


def _set_in(event: MethodCall) -> Iterator[Hashable]:
    """By what calls are found that set weights: whose these are, by their tags, and the id of what is called on."""
    if event.name in _MIXING:
        yield id(event.receiver)
        yield from (tag for tag in tags_of(event.receiver) if tag[0] == "vars-of")


def _mixes(event: MethodCall, own: tuple[Any, ...]) -> bool:
    """Whether weights are set to something computed from themselves, rather than to a copy."""
    if event.name in {"assign_sub", "assign_add"}:
        return True
    tags = event.arguments.tags()
    others = any(tag[0] == "vars-of" and tag != own for tag in tags)
    return own in tags and others


def _keeps_weights(event: AttributeSet) -> Iterator[int]:
    """What (ids) weights are put into as an attribute: ``copy.fast_weights = [...]``."""
    if {"weights", "variables", "params", "kernel"} & set(words(event.name)):
        yield from map(id, alternatives(event.receiver))


_WEIGHTS = frozenset({"kernel", "bias", "gamma", "beta", "embeddings"})


def _computes_weights(event: AttributeSet) -> Iterator[int]:
    """The layers (their serials) that get a weight computed from weights: ``layer.kernel = other.kernel - step``."""
    if event.name.rpartition("_")[2] in _WEIGHTS and any(tag[0] in {"vars", "vars-of"} for tag in tags_of(event.value)):
        for each in alternatives(event.receiver):
            serial = each.serial if isinstance(each, Instance) else _serial_of(each)
            if serial is not None:
                yield serial


def _owners(use: Use) -> frozenset[Any]:
    return frozenset(tag[1] for tag in use.sources if tag[0] == "vars-of")


def _receivers(value: Value) -> tuple[Value, ...]:
    return leaves(value) if isinstance(value, Items) else alternatives(value)


def _serial_of(value: Value) -> int | None:
    """The object behind ``model.layers[i]`` where the layer itself is not known."""
    if isinstance(value, Opaque) and value.key is not None and value.key[0] == "instance":
        serial = value.key[1]
        return serial if isinstance(serial, int) else None
    return None


def _reach(value: Instance) -> frozenset[int]:
    found: set[int] = set()
    seen: set[int] = set()
    waiting: list[Value] = [value]
    while waiting and len(seen) < 2_000:
        each = waiting.pop()
        if isinstance(each, OneOf):
            waiting += each.values
        elif isinstance(each, Symbolic):
            waiting += each.layers
        elif isinstance(each, (Items, Mapping)):
            if each.serial not in seen:
                seen.add(each.serial)
                waiting += each.items if isinstance(each, Items) else each.entries.values()
        elif isinstance(each, Instance) and each.serial not in seen:
            seen.add(each.serial)
            if is_layer(each):
                found.add(each.serial)
            waiting += each.attributes.values()
            waiting += [part for name, part in each.arguments.items() if _is_part(name, part)]
    return frozenset(found | {value.serial})


def _is_part(name: str, value: Value) -> bool:
    """Whether a constructor's argument is part of what it makes: a copy is not made of its original's layers."""
    if name == "outputs":
        return not isinstance(value, Instance)
    return name in {"layer", "cell", "forward_layer", "backward_layer", "__holds__"} and not isinstance(value, Const)
