"""What each compiled function of a model was traced with, and which assignments come too late for it.

``fit``, ``evaluate`` and ``predict`` trace the model once and call what they traced from then on, until ``compile`` or
``make_train_function``. A Python attribute that is read on the way (the rate of a dropout layer, a flag that a
``call`` asks) is a constant in there. The ``…_on_batch`` methods trace for themselves, and so does another batch
size (keras/src/backend/tensorflow/trainer.py:133-160, 3.15.1; measured on Keras 3.15.1 and tf_keras 2.21).

The passages are gone through once, like those of :mod:`dropout_lint.semantics.timeline`, with what every attribute may
have been set by and what each function saw.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from dropout_lint.semantics.attribute_reads import traced_hook
from dropout_lint.semantics.compiled_functions import called_in, compiled, trained_in
from dropout_lint.semantics.eager import run_eagerly
from dropout_lint.semantics.events import AttributeSet, Constructed, HandedOver, ModelUse
from dropout_lint.semantics.ownership import Ownership, Token, token_of, tokens_of
from dropout_lint.semantics.passages import Fork, Leave, Passage, left_by
from dropout_lint.semantics.traced_attributes import (
    COUNTERS,
    hooks_of,
    is_computed,
    is_made,
    is_plain,
    is_same,
    kind_of,
)
from dropout_lint.semantics.values import VARIABLES, Const, Instance, alternatives

if TYPE_CHECKING:
    from dropout_lint.semantics.events import Frame, Interpretation
    from dropout_lint.semantics.passages import Entry
    from dropout_lint.semantics.values import Value

MOST_STEPS = 60_000
_HOOKS = {
    "fit": "train_step",
    "train_on_batch": "train_step",
    "evaluate": "test_step",
    "test_on_batch": "test_step",
    "predict": "predict_step",
    "predict_on_batch": "predict_step",
}
"""The methods that trace, each with the step that an own model may override for it."""
_BEGINNINGS = frozenset({"on_epoch_begin", "on_batch_begin", "on_train_batch_begin"})
_ENDINGS = frozenset({"on_epoch_end", "on_batch_end", "on_train_batch_end"})

Cell = tuple[Token, str]
Settings = frozenset[AttributeSet | None]
"""What may have set an attribute last; None for what it was made with."""
Key = tuple[object, ...]
"""A compiled function: ``(model, method, batch size)``, or ``("function", id of its node, constants handed in)``."""
_MADE: Settings = frozenset({None})


@dataclass(frozen=True, slots=True)
class Late:
    """An assignment that a compiled function does not see."""

    assignment: AttributeSet
    use: ModelUse | None
    """The call that goes on as before; None for what happens in a callback while ``fit`` runs."""
    kind: str
    """``rate``, ``flag`` or ``trainable``."""
    function: str
    """What was traced: ``fit()``, the name of a function."""
    certain: bool = True


@dataclass(frozen=True, slots=True)
class _State:
    cells: dict[Cell, Settings] = field(default_factory=dict)
    traced: dict[Key, tuple[dict[Cell, Settings], bool]] = field(default_factory=dict)
    """What each function was traced with, and whether on some path it was not."""
    made: frozenset[Token] = frozenset()
    again: frozenset[Token] = frozenset()
    """What was made more than once: the token stands for several objects."""


def late_assignments(interpretation: Interpretation) -> tuple[Late, ...]:
    """The assignments that come too late, each once, the surest of it."""
    walk = _Walk(interpretation)
    walk.run()
    return tuple(walk.found.values())


class _Spent(Exception):
    """So many steps are not worth it."""


class _Walk:
    def __init__(self, interpretation: Interpretation) -> None:
        self._interpretation = interpretation
        self._ownership = Ownership(interpretation)
        self._eager = run_eagerly(interpretation)
        self._called_in = called_in(interpretation)
        self._trained_in = trained_in(interpretation)
        self._open: list[tuple[Passage, list[_State]]] = []
        self._spared: Passage | None = None
        """The first turn of a loop that has left out something which later turns do."""
        self._steps = MOST_STEPS
        self.found: dict[int, Late] = {}

    def run(self) -> None:
        try:
            state: _State | None = _State()
            stories: list[Passage] = []
            for root in self._interpretation.passages:
                self._open.append((root, []))
                for entry in root.entries:
                    if isinstance(entry, Passage) and _is_story(entry):
                        stories.append(entry)
                    elif state is not None:
                        state = self._entry(entry, state) or state
                self._open.pop()
            for story in stories:
                assert state is not None
                assert story.frame is not None
                if story.frame.hook == "callback":
                    self._callback(story, story.frame)
                elif story.frame.hook is None:
                    self._passage(story, state)
        except _Spent:
            pass

    # Paths ----------------------------------------------------------------------------------------------------

    def _passage(self, passage: Passage, state: _State) -> _State | None:
        left: list[_State] = []
        key = _key_of(passage.frame, self._interpretation)
        if key is not None and not any(_key_of(each.frame, self._interpretation) for each, _ in self._open):
            assert passage.frame is not None
            state = self._used(key, None, f"{passage.frame.name}()", None, state)
        self._open.append((passage, left))
        now: _State | None = state
        for entry in passage.entries:
            if now is None:
                break
            now = self._entry(entry, now)
        self._open.pop()
        for other in left:
            now = _merged(now, other)
        return state if passage.kind == "attempt" and now is None else now

    def _entry(self, entry: Entry, state: _State) -> _State | None:
        self._steps -= 1
        if self._steps < 0:
            raise _Spent
        if isinstance(entry, Passage):
            return self._passage(entry, state)
        if isinstance(entry, Fork):
            return self._fork(entry, state)
        if isinstance(entry, Leave):
            ended = left_by(entry, self._open)
            if ended is not None:
                ended[1].append(state)
            return None
        if isinstance(entry, AttributeSet):
            return self._set(entry, state)
        if isinstance(entry, ModelUse):
            return self._model_used(entry, state)
        if isinstance(entry, Constructed):
            return self._constructed(entry, state)
        if isinstance(entry, HandedOver):
            return self._forgotten(tokens_of(entry.value), state)
        return state

    def _fork(self, fork: Fork, state: _State) -> _State | None:
        if fork.sure is not None:
            if fork.arms[1 - fork.sure].entries:
                self._spared = next((each for each, _ in reversed(self._open) if each.kind == "turn"), None)
            return self._passage(fork.arms[fork.sure], state)
        again = self._spared is not None and all(each is not self._spared for each, _ in self._open)
        again = again and any(isinstance(each, Passage) and each.kind == "turn" for each in fork.arms[0].entries)
        if again:
            self._spared = None
        one, two = (self._passage(arm, state) for arm in fork.arms)
        if again and one is not None:
            # what the first turn was spared happens in the second, and is seen or not in a third
            one = _merged(one, self._passage(fork.arms[0], one))
        return _merged(one, two)

    # Moments --------------------------------------------------------------------------------------------------

    def _constructed(self, event: Constructed, state: _State) -> _State:
        token = token_of(event.instance)
        if token is None:
            return state
        if token in state.made:
            state = self._forgotten((token,), state)
            cells = {cell: settings for cell, settings in state.cells.items() if cell[0] != token}
            return replace(state, cells=cells, again=state.again | {token})
        return replace(state, made=state.made | {token})

    def _forgotten(self, tokens: tuple[Token, ...], state: _State) -> _State:
        """These may have been compiled, or made anew, by somebody unknown."""
        traced = {
            key: seen
            for key, seen in state.traced.items()
            if not any(self._is_in(each, key) or self._is_under(key, each) for each in tokens)
        }
        return replace(state, traced=traced) if len(traced) < len(state.traced) else state

    def _set(self, event: AttributeSet, state: _State) -> _State:
        kind = "trainable" if self._opens(event) else kind_of(event, self._interpretation)
        if not kind or traced_hook(event.frames[-1]):
            return state
        tokens = tokens_of(event.receiver)
        every = len(tokens) == 1 or bool(event.loops)
        cells = dict(state.cells)
        for token in tokens:
            before = cells.get((token, event.name), _MADE)
            cells[token, event.name] = frozenset({event}) if every else before | {event}
        return replace(state, cells=cells)

    def _model_used(self, use: ModelUse, state: _State) -> _State:
        tokens = tokens_of(use.receiver)
        if use.kind == "compile":
            return self._forgotten_models(tokens, state)
        if use.method not in _HOOKS or any(frame.hook is not None for frame in use.frames):
            return state
        for model in tokens:
            if model in self._eager:
                continue
            state = self._used((model, use.method, _batch_size(use)), model, f"{use.method}()", use, state)
            if use.method == "fit" and use.arguments is not None and "validation_data" in use.arguments.keywords:
                state = self._used((model, "evaluate", None), model, "evaluate()", use, state)
        return state

    def _forgotten_models(self, models: tuple[Token, ...], state: _State) -> _State:
        """Which is what ``compile`` does; of an unknown model, it may be any."""
        traced = {
            key: seen for key, seen in state.traced.items() if models and (key[0] == "function" or key[0] not in models)
        }
        return replace(state, traced=traced)

    def _used(self, key: Key, model: Token | None, function: str, use: ModelUse | None, state: _State) -> _State:
        if model in state.again:
            return state
        seen = state.traced.get(key)
        if seen is None:
            return replace(state, traced={**state.traced, key: (dict(state.cells), False)})
        snapshot, is_open = seen
        for cell, settings in state.cells.items():
            if cell[0] in state.again or not self._is_in(cell[0], key):
                continue
            then = snapshot.get(cell, _MADE)
            for each in settings:
                if each is None or any(is_made(frame) for frame in each.frames):
                    continue
                if each.name == "trainable" and not self._is_trained(cell, key, snapshot):
                    continue
                if self._matters(each, key) and not any(is_same(each, other) for other in then):
                    known = all(isinstance(one, Const) for one in alternatives(each.value))
                    self._add(each, use, function, certain=not is_open and known)
        if is_open:
            joined = {
                cell: snapshot.get(cell, _MADE) | state.cells.get(cell, _MADE) for cell in {**snapshot, **state.cells}
            }
            return replace(state, traced={**state.traced, key: (joined, False)})
        return state

    def _is_in(self, token: Token, key: Key) -> bool:
        """Whether the function ``key`` runs the layer ``token``."""
        if key[0] == "function":
            return any(self._ownership.contains(each, token) for each in self._called_in.get(key[1], ()))
        return self._ownership.contains(key[0], token)  # type: ignore[arg-type]

    def _is_under(self, key: Key, token: Token) -> bool:
        return key[0] != "function" and self._ownership.contains(token, key[0])  # type: ignore[arg-type]

    def _matters(self, event: AttributeSet, key: Key) -> bool:
        """Whether the function reads the attribute in a way that makes a difference."""
        if key[0] == "function":
            return True
        kind = kind_of(event, self._interpretation)
        step = _HOOKS[str(key[1])]
        if kind == "rate":
            return step == "train_step"
        return bool(hooks_of(event, self._interpretation) & {"call", "lambda", step})

    def _opens(self, event: AttributeSet) -> bool:
        """Whether it is a ``trainable`` with a known value, in a program whose own steps ask which weights to train."""
        known = (isinstance(each, Const) and isinstance(each.value, bool) for each in alternatives(event.value))
        return event.name == "trainable" and bool(self._trained_in) and all(known)

    def _is_trained(self, cell: Cell, key: Key, snapshot: dict[Cell, Settings]) -> bool:
        """Whether the function ``key`` trains what is opened or closed, and was traced after that was set before.

        What was set together with a model round it is left alone.
        """
        if key[0] != "function" or None in snapshot.get(cell, _MADE):
            return False
        if not any(self._ownership.contains(each, cell[0]) for each in self._trained_in.get(key[1], ())):
            return False
        return not any(
            name == "trainable" and other != cell[0] and self._ownership.contains(other, cell[0])
            for other, name in snapshot
        )

    def _add(self, event: AttributeSet, use: ModelUse | None, function: str, certain: bool) -> None:
        kind = "trainable" if event.name == "trainable" else kind_of(event, self._interpretation)
        before = self.found.get(id(event.place.node))
        if before is None or (certain and not before.certain):
            self.found[id(event.place.node)] = Late(event, use, kind, function, certain)

    # Callbacks ------------------------------------------------------------------------------------------------

    def _callback(self, story: Passage, frame: Frame) -> None:
        """A hook that Keras calls while ``fit`` runs: the step is traced, and goes on being used."""
        function = frame.function
        assert function is not None
        hook = self._interpretation.called_back.get(id(function.node), function.name)
        if hook not in _BEGINNINGS | _ENDINGS or self._eager or _compiles(story, set()):
            return
        for event, conditional in _assignments(story, False, set()):
            kind = kind_of(event, self._interpretation)
            if not kind or any(is_made(each) for each in event.frames):
                continue
            if kind == "flag" and not hooks_of(event, self._interpretation) & {"call", "train_step"}:
                continue
            if hook in _BEGINNINGS and not conditional and not is_computed(event.value):
                # what is set at the first begin is what the step is traced with
                continue
            self._add(event, None, "fit()", certain=True)


def _batch_size(use: ModelUse) -> object:
    given = use.arguments.keywords.get("batch_size") if use.arguments is not None else None
    return given.value.value if given is not None and isinstance(given.value, Const) else None


def _key_of(frame: Frame | None, interpretation: Interpretation) -> Key | None:
    """The compiled function that a frame runs; another number, text or object among its arguments is another trace.

    Objects are told apart as TensorFlow does, by which one it is: a second optimizer has the step traced anew.
    """
    function = compiled(frame, interpretation)
    if function is None or frame is None or any(name in COUNTERS for name in frame.parameters):
        return None
    given = ((name, _identity(each)) for name, each in frame.parameters.items())
    return ("function", id(function.node), tuple((name, identity) for name, identity in given if identity is not None))


def _identity(value: Value) -> object:
    if isinstance(value, Const):
        return value.value if is_plain(value) else None
    return ("object", value.serial) if isinstance(value, Instance) and value.cls not in VARIABLES else None


def _compiles(entry: Entry, seen: set[int]) -> bool:
    """Whether a passage compiles a model, takes its train function away, or ends the training."""
    if isinstance(entry, Passage):
        if id(entry) in seen:
            return False
        seen.add(id(entry))
        return any(_compiles(each, seen) for each in entry.entries)
    if isinstance(entry, Fork):
        return any(_compiles(each, seen) for each in entry.arms)
    if isinstance(entry, AttributeSet):
        return entry.name in {"train_function", "stop_training"}
    return isinstance(entry, ModelUse) and entry.kind == "compile"


def _assignments(entry: Entry, conditional: bool, seen: set[int]) -> list[tuple[AttributeSet, bool]]:
    """What is set in a passage, each with whether only under a condition."""
    if isinstance(entry, Passage):
        if id(entry) in seen:
            return []
        seen.add(id(entry))
        return [each for inner in entry.entries for each in _assignments(inner, conditional, seen)]
    if isinstance(entry, Fork):
        selects = "isinstance" in entry.words
        return [each for arm in entry.arms for each in _assignments(arm, conditional or not selects, seen)]
    return [(entry, conditional)] if isinstance(entry, AttributeSet) else []


def _merged(one: _State | None, two: _State | None) -> _State | None:
    """Where two paths join."""
    if one is None or two is None:
        return one or two
    if one is two:
        return one
    cells = {cell: one.cells.get(cell, _MADE) | two.cells.get(cell, _MADE) for cell in {**one.cells, **two.cells}}
    traced: dict[Key, tuple[dict[Cell, Settings], bool]] = {}
    for key in {**one.traced, **two.traced}:
        first, second = one.traced.get(key), two.traced.get(key)
        # where it is not traced yet, it will be with what is set by then
        left, left_open = first if first is not None else (one.cells, True)
        right, right_open = second if second is not None else (two.cells, True)
        joined = {cell: left.get(cell, _MADE) | right.get(cell, _MADE) for cell in {**left, **right}}
        traced[key] = (joined, left_open or right_open)
    return _State(cells, traced, one.made | two.made, one.again | two.again)


def _is_story(passage: Passage) -> bool:
    """Whether nobody calls it: a root of its own, constructors excepted."""
    frame = passage.frame
    return frame is not None and frame.assumed and frame.name != "__init__"


__all__ = ["Late", "late_assignments"]
