"""What becomes of each assignment to `trainable`: which compile, which first training step reads it, and which never.

The passages of an interpretation are gone through once for a Keras generation, with the flags of every layer and what
each model's train function was built with (:mod:`dropout_lint.semantics.flags`). Arms of a branch are gone through
apart and joined: a toggle that a ``compile`` may have read on some path is not reported. What nobody calls is a story
of its own, which begins where the module's body and the constructors end.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from dropout_lint.semantics.calls import COMPILED
from dropout_lint.semantics.choices import toggled_at
from dropout_lint.semantics.eager import run_eagerly
from dropout_lint.semantics.events import Constructed, HandedOver, ModelUse, TrainableSet
from dropout_lint.semantics.flags import (
    DEFAULT,
    UNKNOWN,
    Consumed,
    Flags,
    Function,
    Setting,
    Settings,
    State,
    is_consumed,
    merged,
    toggles_in,
    values_of,
)
from dropout_lint.semantics.judgement import Judge, Verdict
from dropout_lint.semantics.models import is_layer, is_model, weightless
from dropout_lint.semantics.ownership import Ownership, Token, all_layers, is_some_of, token_of, tokens_of
from dropout_lint.semantics.passages import Fork, Leave, Passage, left_by
from dropout_lint.semantics.selection import goes_over_slice
from dropout_lint.semantics.values import NONE, Instance, Opaque, alternatives, truth

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from dropout_lint.semantics.events import Interpretation
    from dropout_lint.semantics.passages import Entry

MOST_STEPS = 60_000
_TRAINING_HOOKS = ("on_epoch_", "on_batch_", "on_train_")


def verdicts(interpretation: Interpretation, generation: int, backend: str | None = None) -> tuple[Verdict, ...]:
    """The verdicts on one Keras generation, each toggle's surest."""
    return interpretation.once(_verdicts, generation, backend)


def _verdicts(interpretation: Interpretation, generation: int, backend: str | None) -> tuple[Verdict, ...]:
    walk = _Walk(interpretation, generation, backend)
    if any(isinstance(each, TrainableSet) for each in interpretation.timeline):
        walk.run()
    return walk.found


def by_toggle(
    interpretation: Interpretation, kind: str, generations: tuple[int, ...], backend: str | None = None
) -> list[dict[int, Verdict]]:
    """The verdicts of a kind, toggle by toggle in the order of the program: by generation, the surest of each."""
    found: dict[int, dict[int, Verdict]] = {}
    for generation in generations:
        for each in verdicts(interpretation, generation, backend):
            if each.kind == kind:
                known = found.setdefault(id(toggled_at(each.toggle).node), {})
                before = known.get(generation)
                if before is None or (each.certain, each.known) > (before.certain, before.known):
                    known[generation] = each
    return list(found.values())


def toggles_a_trained_model(interpretation: Interpretation, verdict: Verdict) -> bool:
    """Whether a toggle goes unseen by a model round the one it is of, and that one is trained on its own.

    So it is where it is trained inside a third model that was compiled before: it is opened again for that one.
    """
    receivers = set(tokens_of(verdict.toggle.receiver))
    if verdict.model in receivers or not any(is_model(each) for each in alternatives(verdict.toggle.receiver)):
        return False
    ownership = ownership_of(interpretation)
    trained: set[Token] = set()
    compiled: set[Token] = set()
    for event in interpretation.timeline:
        if isinstance(event, ModelUse) and event.kind == "train":
            trained.update(tokens_of(event.receiver))
        elif isinstance(event, ModelUse) and event.kind == "gradient":
            trained.update(("object", tag[1]) for tag in event.input_tags if tag[0] == "vars-of")
        elif isinstance(event, ModelUse) and event.kind == "compile" and event.serial < verdict.toggle.serial:
            compiled.update(tokens_of(event.receiver))
    return not receivers.isdisjoint(trained) or any(
        ownership.contains(other, receiver)
        for other in trained & compiled - {verdict.model}
        for receiver in receivers
        if truth(verdict.toggle.value) is True
    )


def ownership_of(interpretation: Interpretation) -> Ownership:
    """Which layer belongs to which model."""
    return interpretation.once(Ownership)


class _Spent(Exception):
    """So many steps are not worth it."""


class _Walk:
    """One way through all passages, on one generation."""

    def __init__(self, interpretation: Interpretation, generation: int, backend: str | None) -> None:
        self._interpretation = interpretation
        self._ownership = ownership_of(interpretation)
        self._generation = generation
        self._spreads_again = generation == 2 or backend == "jax"
        """Whether a model's flag spreads where it has the value already."""
        self._eager = run_eagerly(interpretation) if generation == 3 else frozenset()
        self._loaded = frozenset(
            ("object", each.serial)
            for each in interpretation.instances
            if each.cls == "keras.Model" and "outputs" not in each.arguments
        )
        self._steps = MOST_STEPS
        self._open: list[tuple[Passage, list[tuple[str, State]]]] = []
        self._selecting = 0
        self._watcher: Instance | None = None
        """The callback whose hook is gone through."""
        self._recompiled: set[Token] = set()
        """What it compiles although it is what ``fit`` runs."""
        self._judge = Judge(self._ownership, generation, self._loaded)

    @property
    def found(self) -> tuple[Verdict, ...]:
        """The verdicts, in the order of what is set: sets hold it by the way, and these have no order of their own."""
        return tuple(sorted(self._judge.found.values(), key=lambda verdict: verdict.toggle.serial))

    def run(self) -> None:
        try:
            state = State()
            stories: list[Passage] = []
            makings: dict[int, Passage] = {}
            for root in self._interpretation.passages:
                self._open.append((root, []))
                for entry in root.entries:
                    if not (isinstance(entry, Passage) and entry.frame is not None and entry.frame.assumed):
                        state = self._entry(entry, state) or state
                    elif entry.frame.name == "__init__":
                        makings[id(entry.frame.receiver)] = entry
                    else:
                        stories.append(entry)
                self._open.pop()
            for story in stories:
                # a method nobody calls, of an object nobody makes: it is made before
                assert story.frame is not None
                making = makings.get(id(story.frame.receiver))
                made = self._passage(making, state) if making is not None else state
                self._story(story, made or state)
        except _Spent:
            pass

    # Paths ----------------------------------------------------------------------------------------------------

    def _story(self, story: Passage, state: State) -> None:
        frame = story.frame
        assert frame is not None
        if frame.hook == "callback" and frame.name.startswith(_TRAINING_HOOKS) and frame.name != "on_train_end":
            self._callback(story, state)
        elif frame.hook in {None, "callback", "callback-inference"}:
            self._passage(story, state)

    def _passage(self, passage: Passage, state: State) -> State | None:
        left: list[tuple[str, State]] = []
        self._open.append((passage, left))
        now: State | None = state
        for entry in passage.entries:
            if now is None:
                break
            now = self._entry(entry, now)
        self._open.pop()
        for kind, other in left:
            # the turns of a loop over layers that `continue` leave out these layers, not what is done to others
            now = merged(now, other, self._ownership, state if kind == "selected" else None)
        if passage.kind == "attempt" and now is None:
            now = state
        return now

    def _entry(self, entry: Entry, state: State) -> State | None:
        self._steps -= 1
        if self._steps < 0:
            raise _Spent
        if isinstance(entry, Passage):
            return self._passage(entry, state)
        if isinstance(entry, Fork):
            return self._fork(entry, state)
        if isinstance(entry, Leave):
            self._leave(entry, state)
            return None
        if isinstance(entry, TrainableSet):
            return self._toggled(entry, state)
        if isinstance(entry, ModelUse):
            return self._used(entry, state)
        if isinstance(entry, Constructed):
            return self._constructed(entry, state)
        if isinstance(entry, HandedOver):
            return self._handed_over(entry, state)
        if entry.name == "train_function" and self._generation == 3:
            # `model.train_function = None`: the next training builds it anew
            return self._forgotten(tokens_of(entry.receiver), state)
        if entry.name == "stop_training" and truth(entry.value) is not False:
            # the fit round a callback ends here: whoever goes on will have thought of compiling
            return None if any(frame.hook == "callback" for frame in entry.frames) else state
        return state

    def _fork(self, fork: Fork, state: State) -> State | None:
        selects = not fork.words.isdisjoint(self._selects())
        self._selecting += selects
        one = self._passage(fork.arms[0], state)
        two = self._passage(fork.arms[1], state)
        self._selecting -= selects
        return merged(one, two, self._ownership, state if selects else None)

    def _selects(self) -> frozenset[str]:
        """The names that the innermost loop over layers binds, within one function."""
        for passage, _ in reversed(self._open):
            if passage.selects:
                return passage.selects
            if passage.kind == "function":
                break
        return frozenset()

    def _leave(self, leave: Leave, state: State) -> None:
        ended = left_by(leave, self._open)
        if ended is not None:
            passage, left = ended
            left.append(("selected" if self._selecting and passage.selects else "left", state))

    # Moments --------------------------------------------------------------------------------------------------

    def _constructed(self, event: Constructed, state: State) -> State:
        token = token_of(event.instance)
        if token is None:
            return state
        if token in state.made:
            return replace(self._forgotten((token,), state), again=state.again | {token})
        return replace(state, made=state.made | {token})

    def _handed_over(self, event: HandedOver, state: State) -> State:
        value = event.value
        tokens = list(tokens_of(value))
        if isinstance(value, Instance) and not is_layer(value):
            tokens += [token for each in value.attributes.values() for token in tokens_of(each)]
        return self._forgotten(tuple(tokens), state)

    def _forgotten(self, tokens: tuple[Token, ...], state: State) -> State:
        """Something unknown may have compiled these models, or the models that these layers are in."""
        functions = {
            model: function
            for model, function in state.functions.items()
            if not any(
                self._ownership.contains(model, each) or self._ownership.contains(each, model) for each in tokens
            )
        }
        return replace(state, functions=functions) if len(functions) < len(state.functions) else state

    def _toggled(self, toggle: TrainableSet, state: State) -> State:
        if any(frame.hook in {"call", "train_step", "test_step"} for frame in toggle.frames):
            return state
        flags = dict(state.flags)
        undone = {each for each in state.undone if each[0] is not toggle}
        ignored = {each for each in state.ignored if each[0] is not toggle}
        repeated = {each for each in state.repeated if each[0] is not toggle}
        selected = bool(self._selecting) or goes_over_slice(toggle)
        values = {truth(each) for each in alternatives(toggle.value)}
        value = next(iter(values)) if len(values) == 1 else None
        for token in self._receivers(toggle):
            partial = selected or is_some_of(token)
            before = self._judge.flags(state, token)
            same = value is not None and values_of(before) == {value}
            inside = [each for each in self._judge.inside(token, flags) if each != token]
            if same and partial and not any(each.direct for each in before):
                repeated.add((toggle, token))
            if same and not self._spreads_again:
                if value is True and self._is_made_here(token):
                    ignored |= _frozen_apart(toggle, state, flags, inside)
            else:
                if value is not None:
                    undone |= self._chosen_apart(toggle, value, token, state, flags, inside)
                    undone |= self._chosen_again(toggle, value, token, state)
                spread = frozenset(Setting(each, toggle, False, partial) for each in values)
                members = self._ownership.members(token)
                flags.update(dict.fromkeys((*inside, *members.ordered), spread))
                self._judge.knows(members.ordered)
                if not members.complete and self._is_model(token):
                    flags[all_layers(token)] = spread
                    self._judge.knows((all_layers(token),))
                self._cover(token, flags, spread)
            if not (same and toggles_in(before)):
                flags[token] = frozenset(Setting(each, toggle, True, partial) for each in values)
            self._judge.knows((token,))
        return replace(
            state,
            flags=flags,
            used=state.used - {toggle},
            consumed=_unread(toggle, state.consumed),
            beside=state.beside - {toggle} if toggle in state.beside else state.beside,
            undone=frozenset(undone),
            ignored=frozenset(ignored),
            repeated=frozenset(repeated),
        )

    def _chosen_apart(
        self, toggle: TrainableSet, value: bool, model: Token, state: State, flags: Flags, inside: list[Token]
    ) -> set[tuple[TrainableSet, TrainableSet, Token]]:
        """The layers that were chosen among others, for nothing yet, when ``toggle`` sets all to ``value``."""
        members = [
            token
            for token in self._ownership.members(model).ordered
            if (layer := self._ownership.object_of(token)) is None or weightless(layer) is not True
        ]
        found = set()
        for child in inside:
            for each in flags[child]:
                if not each.direct or each.toggle is None or each.value is not (not value) or each.toggle in state.used:
                    continue
                rest = [token for token in members if each.toggle not in toggles_in(flags.get(token, DEFAULT))]
                if each.partial or rest:
                    found.add((toggle, each.toggle, child))
        return found

    def _chosen_again(
        self, toggle: TrainableSet, value: bool, model: Token, state: State
    ) -> set[tuple[TrainableSet, TrainableSet, Token]]:
        """The layers that were singled out for the value they had, when ``toggle`` gives all of them the other."""
        return {
            (toggle, other, token)
            for other, token in state.repeated
            if truth(other.value) is not value and token != model and self._ownership.contains(model, token)
        }

    def _receivers(self, toggle: TrainableSet) -> tuple[Token, ...]:
        """What is set: all of several layers in a loop over them, otherwise one of them."""
        found = tokens_of(toggle.receiver)
        return found if len(found) < 2 or self._selects() else (("some", found),)

    def _cover(self, token: Token, flags: dict[Token, Settings], spread: Settings) -> None:
        """``for layer in model.layers``: what was set on single places among them is overwritten."""
        if token[0] == "place" and token[1][-2:] == ("layers", "[]"):
            root = token[1][:-2]
            for each in list(flags):
                if each[0] == "place" and each != token and len(each[1]) > len(root) and each[1][: len(root)] == root:
                    flags[each] = spread

    def _is_model(self, token: Token) -> bool:
        instance = self._ownership.object_of(token)
        return instance is not None and is_model(instance)

    def _is_made_here(self, token: Token) -> bool:
        return token[0] == "object" and token not in self._loaded

    def _used(self, use: ModelUse, state: State) -> State:
        models = [each for each in tokens_of(use.receiver) if each not in state.again]
        if use.kind == "compile":
            if not tokens_of(use.receiver):
                # whichever model this is, it may be any of them
                return replace(state, functions={})
            for model in models:
                state = self._compiled(use, model, _without_unknown(model, state))
            for model in [each for each in tokens_of(use.receiver) if each not in models]:
                state = self._forgotten((model,), state)
        elif use.kind == "train":
            for model in models:
                state = self._trained(use, model, state)
        elif use.kind == "gradient":
            state = self._stepped(use, state)
        return state

    def _stepped(self, use: ModelUse, state: State) -> State:
        """The program itself updates weights: whatever was set in these models, or in any, was set for that."""
        owners = {tag[1] for tag in use.input_tags if tag[0] == "vars-of"}
        known = owners and all(isinstance(owner, int) for owner in owners)
        inside = [each for owner in owners for each in self._judge.inside(("object", owner), state.flags)]
        toggles = [toggles_in(state.flags[each]) for each in (inside if known else state.flags)]
        return replace(state, used=state.used.union(*toggles))

    def _read(self, model: Token, state: State, compiles: bool) -> State:
        """A train function is built: it reads every flag inside the model."""
        members = self._ownership.members(model)
        everything = compiles and not members.complete and members.tokens == frozenset()
        inside = list(state.flags) if everything else self._judge.inside(model, state.flags)
        toggles = frozenset().union(*(toggles_in(state.flags[each]) for each in inside)) if inside else frozenset()
        consumed = state.consumed
        if compiles:
            consumed = {**consumed, model: consumed.get(model, frozenset()) | toggles}
        waiting = frozenset(each for each in state.repeated if not self._ownership.contains(model, each[1]))
        return replace(state, used=state.used | toggles, consumed=consumed, repeated=waiting)

    def _is_running(self, use: ModelUse, model: Token) -> bool:
        """Whether a model is the one that the callback is called for."""
        if self._watcher is None:
            return False
        unknown = any(
            isinstance(each, Instance) and each.node is self._watcher.node for each in alternatives(use.receiver)
        )
        return unknown or model in tokens_of(self._watcher.attributes.get("model", NONE))

    def _compiled(self, use: ModelUse, model: Token, state: State) -> State:
        before = state.functions.get(model)
        if use.method == "compile" and self._is_running(use, model):
            self._recompiled.add(model)
        remakes = use.method == "make_train_function"
        if remakes and self._generation == 2:
            return state
        self._judge.contradictions(use, model, state)
        state = self._read(model, _set_for(use, self._judge.inside(model, state.flags), state), compiles=True)
        if remakes:
            function = Function(state.flags, False, before.compiled if before is not None else None)
        else:
            function = Function(state.flags if self._generation == 2 else None, False, state.flags)
        return replace(state, functions={**state.functions, model: function})

    def _trained(self, use: ModelUse, model: Token, state: State) -> State:
        if any(frame.hook is not None for frame in use.frames):
            return state
        self._judge.contradictions(use, model, state)
        function = state.functions.get(model)
        if function is not None and function.flags is not None and model not in self._eager:
            self._judge.compare(use, model, function, state)
            if function.open:
                joined = merged(State(function.flags), State(state.flags), self._ownership)
                assert joined is not None
                function = Function(joined.flags, False, function.compiled)
        else:
            if self._generation == 3:
                self._judge.first(use, model, function, state)
            known = function is not None or self._generation == 3
            unseen = {} if known else dict.fromkeys(self._judge.inside(model, state.flags), UNKNOWN)
            function = Function({**state.flags, **unseen}, False, function.compiled if function is not None else None)
        state = self._read(model, state, compiles=False)
        return replace(state, functions={**state.functions, model: function})

    # Callbacks ------------------------------------------------------------------------------------------------

    def _callback(self, story: Passage, state: State) -> None:
        """A hook that Keras calls while ``fit`` runs: the train function is built, and goes on being used."""
        frame = story.frame
        assert frame is not None
        receiver = frame.receiver
        if not isinstance(receiver, Instance):
            return
        models = tokens_of(receiver.attributes.get("model", Opaque())) or tuple(_models_of(story, set()))
        models = tuple(each for each in models if each not in self._eager)
        starts = frame.name in {"on_train_begin", "on_epoch_begin"}
        if self._generation == 3 and frame.name == "on_train_begin":
            return
        functions = {**state.functions, **{each: Function(state.flags) for each in models}}
        self._recompiled.clear()
        self._watcher = receiver
        after = self._passage(story, replace(state, functions=functions, consumed={}))
        self._watcher = None
        if after is None:
            return
        for model, toggles in after.consumed.items() if frame.name != "on_train_begin" else ():
            for toggle in toggles if model in self._recompiled else ():
                if toggle.frames[0] is frame:
                    self._judge.recompiled(toggle, model)
        for model in models:
            function = after.functions.get(model)
            if function is None or function.flags is None:
                continue
            if self._generation == 3 and starts and function.flags is state.flags:
                # what happens at every begin happens before the first trace too
                function = replace(function, flags={**function.flags, **_always(state, after)})
            self._judge.compare(None, model, function, after)


def _unread(toggle: TrainableSet, consumed: Consumed) -> Consumed:
    """What was read before ``toggle`` is set once more."""
    if not is_consumed(toggle, consumed):
        return consumed
    return {model: toggles - {toggle} if toggle in toggles else toggles for model, toggles in consumed.items()}


def _without_unknown(model: Token, state: State) -> State:
    """What is known of train functions where ``model`` is compiled: it may be in a model of unknown layers, or that."""
    unknown = _is_unknown(model)
    functions = {
        each: function
        for each, function in state.functions.items()
        if each == model or not (unknown or _is_unknown(each))
    }
    return replace(state, functions=functions) if len(functions) < len(state.functions) else state


def _is_unknown(model: Token) -> bool:
    """Whether nothing is known of a model but that it is compiled."""
    return model[0] == "place" and model[1][0] == COMPILED


def _set_for(use: ModelUse, inside: list[Token], state: State) -> State:
    """What is set for a ``compile`` in one go with flags that it reads is meant for it, too.

    The trainers of Keras 2's GANs freeze all parts but one before each ``compile``, whether they hold them or not.
    """
    here = use.frames[-1]

    def fresh(flags: Iterable[Settings]) -> Iterator[TrainableSet]:
        unread = (toggle for settings in flags for toggle in toggles_in(settings) - state.used)
        return (toggle for toggle in unread if here in toggle.frames)

    if next(fresh(state.flags[each] for each in inside), None) is None:
        return state
    return replace(state, beside=state.beside | set(fresh(state.flags.values())))


def _frozen_apart(
    toggle: TrainableSet, state: State, flags: Flags, inside: list[Token]
) -> set[tuple[TrainableSet, TrainableSet, Token]]:
    """The layers that were frozen one by one, and trained like that, when ``toggle`` is to open them."""
    return {
        (toggle, each.toggle, child)
        for child in inside
        for each in flags[child]
        if each.direct and each.value is False and each.toggle is not None and each.toggle in state.used
    }


def _always(before: State, after: State) -> dict[Token, Settings]:
    """The flags that are set on every path."""
    return {
        token: settings
        for token, settings in after.flags.items()
        if all(each.toggle is not None for each in settings) and settings.isdisjoint(before.flags.get(token, DEFAULT))
    }


def _models_of(entry: Entry, seen: set[int]) -> list[Token]:
    """The models of which something is set in a passage: the one a callback is handed."""
    if isinstance(entry, Passage):
        if id(entry) in seen:
            return []
        seen.add(id(entry))
        return [token for each in entry.entries for token in _models_of(each, seen)]
    if isinstance(entry, Fork):
        return [token for each in entry.arms for token in _models_of(each, seen)]
    if isinstance(entry, TrainableSet):
        return [
            ("object", token[1][1]) if token[0] == "place" and token[1][0] == "instance" else token
            for token in tokens_of(entry.receiver)
        ]
    return []


__all__ = ["Verdict", "by_toggle", "ownership_of", "toggles_a_trained_model", "verdicts"]
