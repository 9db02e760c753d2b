"""A functional graph is built with `training=True` on a layer: always on, or silently ignored, depending on the Keras.

## What it does

Finds `layer(x, training=True)` where `x` is a symbolic tensor (or the layer is applied where it is made), for
layers and nested models whose behaviour depends on the mode. In TensorFlow 1 code: `training=True` written out for
`tf.layers.dropout`, `tf.layers.batch_normalization` and those of `tf.contrib`.

In a saved model (`.keras`): flags that its graph records. Up to 3.15 Keras records the default of a layer, too, so a
recorded False says nothing there; 3.16 (in development) obeys it.

## Why is this bad

The flag is recorded in the graph. On Keras 2 (and on 3.16, in development) the layer then runs in training
mode in `evaluate()` and `predict()` too: results are random, and BatchNormalization depends on the batch. On
Keras 3.3 to 3.15 `fit()`, `evaluate()` and `predict()` overwrite the flag, so it is ignored there, while a
bare `model(x)` and `export()` still obey it: the same model answers differently depending on how it is
called, and a Monte Carlo recipe through `predict()` yields zero spread.

Models that are meant to be stochastic (by name, that of the file or its folder included, or because some program of the
project puts their outputs over several passes together) are left alone where the recipe works.

## Example

```python
inputs = keras.Input((16,))
h = keras.layers.Dense(32, activation="relu")(inputs)
h = keras.layers.Dropout(0.5)(h, training=True)
model = keras.Model(inputs, keras.layers.Dense(1)(h))
```

## Use instead

```python
inputs = keras.Input((16,))
h = keras.layers.Dense(32, activation="relu")(inputs)
h = keras.layers.Dropout(0.5)(h)
model = keras.Model(inputs, keras.layers.Dense(1)(h))
```

For Monte Carlo dropout on Keras 3 call the model itself, several times: `model(x, training=True)`.

## Fix safety

Unsafe: it changes what the model computes wherever the flag was obeyed.

## References

- https://keras.io/guides/functional_api/
- https://github.com/keras-team/keras/issues/20285

## Evidence

Keras 3.15.1 and tf_keras 2.21: with `Dropout(.5)(x, training=True)` two
`predict()` calls differ on tf_keras and agree to the last bit on Keras 3.3 to 3.15.1, where two bare calls
differ. A functional model with one Dropout, saved by 3.15.1 and fitted by 3.16.0.dev2026102704 on ones with the mean
absolute error against them: 0.0 (dropout off), where 3.15.1 itself and a Sequential model give 1.0. TensorFlow 2.21:
`tf.compat.v1.layers.dropout` works with tf_keras and raises AttributeError with Keras 3.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from dropout_lint.findings import Applicability, Confidence, Severity
from dropout_lint.keras.layers import layer as layer_facts
from dropout_lint.keras.versions import DEVELOPMENT_MINOR, behaviour, is_in_development
from dropout_lint.rules import first_tensorflow
from dropout_lint.rules.model import Change, Context, Draft, ProbeAt, Rule, Saved, SavedContext
from dropout_lint.rules.telling import argument_at, chain_of, label_of, name_of_callee, stays_active, version_text
from dropout_lint.semantics.events import Frame, ModeCall, ModelUse, Place
from dropout_lint.semantics.intent import builds_generator, docstring, drawn_passes, says_it_is_meant
from dropout_lint.semantics.learning import Learner, callee_of
from dropout_lint.semantics.models import Content, calls_in_graph, content, is_layer, layers_used, mode_of
from dropout_lint.semantics.roles import role_of, role_of_use
from dropout_lint.semantics.trials import is_test_code
from dropout_lint.semantics.values import Const, Instance, Method, Opaque, alternatives, truth
from dropout_lint.semantics.words import says_intent, text_says_intent
from dropout_lint.syntax.lazy import cst

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dropout_lint.keras.layers import LayerFacts
    from dropout_lint.semantics.events import Interpretation
    from dropout_lint.sources.artifact import SavedLayer

_HONOURED = "functional-hardcoded-flag-honoured-by-predict"


def check(context: Context) -> Iterator[Draft]:
    """Yield a finding for each flag that is written into a functional graph."""
    graphs: _Graphs | None = None
    for event in context.interpretation.events:
        if isinstance(event, ModeCall) and event.graph and truth(event.flag) is True and not _ignored(event, context):
            graphs = graphs or _Graphs(Learner(context.interpretation))
            draft = _draft(event, context) if not graphs.is_for_training(event) else None
            if draft is not None:
                yield draft
    yield from first_tensorflow.drafts(context)


def check_saved(context: SavedContext) -> Iterator[Saved]:
    """Yield a finding for each flag that a saved graph records on purpose, and one for those that 3.16 will obey.

    Up to 3.15 Keras records the default of a layer too: False for dropout, True for augmentation. Those say nothing.
    """
    recorded: list[SavedLayer] = []
    for layer in context.artifact.layers:
        facts = None if layer.custom else layer_facts(f"keras.layers.{layer.class_name}")
        flags = [node.flag for node in layer.nodes]
        if False in flags and facts is not None and facts.mode in {"dropout", "noise", "rnn-dropout"}:
            recorded += [layer] if _acts(layer, facts) else []
        if True in flags and not (facts is not None and facts.leaks_default):
            parts = [each for each in context.artifact.layers if each.place.startswith(f"{layer.place}.")]
            if any(_depends_on_mode(each) for each in (layer, *parts)):
                yield _saved_true(layer, context)
    written = context.written_by
    if recorded and written is not None and written.generation == 3 and not is_in_development(written):
        yield from _saved_false(recorded, context)


def _depends_on_mode(layer: SavedLayer) -> bool:
    """Whether the mode changes what a saved layer does by itself, or may: nothing is known of a custom one."""
    facts = None if layer.custom else layer_facts(f"keras.layers.{layer.class_name}")
    if facts is None:
        return layer.custom
    return facts.mode not in {"none", "wrapper"} and _acts(layer, facts)


def _acts(layer: SavedLayer, facts: LayerFacts) -> bool:
    return not facts.rate_arguments or any(layer.config.get(rate.name) for rate in facts.rate_arguments)


def _saved_true(layer: SavedLayer, context: SavedContext) -> Saved:
    honoured = behaviour(_HONOURED, context.keras) if context.keras is not None else None
    if honoured is True:
        consequence = "it stays in training mode in evaluate() and predict() too"
    elif honoured is False:
        consequence = "evaluate() and predict() ignore it, a bare model(x) and export() obey it"
    else:
        consequence = (
            "Keras 2 obeys it in evaluate() and predict(), Keras 3.3 to 3.15 only in a bare model(x) and in export()"
        )
    return Saved(
        f"{layer.shown}: the graph calls {layer.class_name} with training=true: {consequence}",
        Confidence.HIGH if layer.class_name == "BatchNormalization" else Confidence.MEDIUM,
        help="build the model without the flag, load the weights into it and save it again",
        probe="graph-call",
    )


def _saved_false(layers: list[SavedLayer], context: SavedContext) -> Iterator[Saved]:
    coming = context.setting is not None and is_in_development(context.setting)
    if context.setting is not None and not coming:
        return
    others = f" and {len(layers) - 1} more" if len(layers) > 1 else ""
    yield Saved(
        f"{layers[0].shown}{others}: the graph records training=false for {layers[0].class_name}, as Keras "
        f"{context.artifact.keras_version} does for every such layer, and Keras 3.16 (in development) obeys it: there "
        "fit() trains without dropout",
        Confidence.HIGH,
        severity=None if coming else Severity.NOTE,
        help="build the model anew and load the weights into it before training on",
        keras=(f"3.{DEVELOPMENT_MINOR}",),
    )


def _ignored(event: ModeCall, context: Context) -> bool:
    if event.discarded or any(frame.hook == "call" for frame in event.frames) or is_test_code(event.frames):
        return True
    if any(frame.name == "summary" and frame.owner is not None for frame in event.frames):
        # an own `summary()` makes a graph to count its weights
        return True
    if _is_own_default(event):
        return True
    if any(isinstance(each, Method) for each in alternatives(event.callee)):
        return True
    if isinstance(event.flag, Const) and isinstance(event.flag.value, str):
        return True
    if event.how == "positional" and context.generation != 2:
        return True
    if event.used("gradient") and isinstance(event.callee, Opaque):
        return True
    held = content(event.callee)
    return held.empty or bool(
        held.layers and held.complete and all(mode_of(layer) == "augmentation" for layer in held.layers)
    )


def _is_own_default(event: ModeCall) -> bool:
    """Whether a method that nobody calls makes a graph of its object's own ``call``, to draw it or to count weights.

    Where that ``call`` takes True by default, it is told of the default.
    """
    if len(event.frames) < 2 or not event.frames[0].assumed:
        return False
    method, call = event.frames[:2]
    own = call.name == "call" and call.receiver is method.receiver and method.owner is not None
    return own and "training" in call.defaulted


class _Graphs:
    """What the calls of a program that are part of graphs, and those of whole models, have layers of in common."""

    def __init__(self, learner: Learner) -> None:
        self.learner = learner
        self._layers: dict[int, dict[int, Instance]] = {}
        self._switched_off: set[int] = set()
        self._serials: dict[int, set[int]] = {}
        self._users: dict[int, list[ModelUse | ModeCall]] = {}
        self._predicting: dict[int, Instance] = {}
        for each in learner.interpretation.events:
            if not isinstance(each, (ModelUse, ModeCall)):
                continue
            held = {id(layer): layer for layer in content(callee_of(each)).layers}
            if isinstance(each, ModeCall) and each.graph:
                self._layers.setdefault(id(each.place.node), {}).update(held)
                if truth(each.flag) is False:
                    self._switched_off.update(held)
                else:
                    self._serials.setdefault(id(each.place.node), set()).add(each.serial)
            elif isinstance(each, ModeCall) or not each.symbolic:
                for layer in held:
                    self._users.setdefault(layer, []).append(each)
            if isinstance(each, ModelUse) and each.kind == "inference" and isinstance(each.receiver, Instance):
                self._predicting[id(each.receiver)] = each.receiver

    def is_for_training(self, event: ModeCall) -> bool:
        """Whether the graph is for training alone.

        Then another one over the same layers is evaluated instead, or nobody evaluates a model with them unless it is
        frozen, and loops of the program's own train one. So it is where an encoder is trained before it is used: its
        weights go on, in another graph or frozen. Frozen batch normalisation is in inference mode whatever its flag
        says.
        """
        layers = self._layers[id(event.place.node)]
        if not self._switched_off.isdisjoint(layers):
            return not self._is_predicted_with(event)
        can_freeze = all(mode_of(layer) == "batch-statistics" for layer in layers.values())
        held: dict[int, list[Instance]] = {}
        users: dict[int, ModelUse | ModeCall] = {}
        for key, layer in layers.items():
            for user in self._users.get(key, ()):
                users[id(user)] = user
                held.setdefault(id(user), []).append(layer)
        learns = False
        for key, user in users.items():
            frozen = can_freeze and all(layer.serial in self.learner.frozen_in(user) for layer in held[key])
            if user.used("gradient") or frozen:
                learns = True
            elif _evaluates(user, self.learner):
                return False
        return learns

    def _is_predicted_with(self, event: ModeCall) -> bool:
        """Whether a model of the very graph is evaluated, although there is another one for that."""
        return not self._predicted_with.isdisjoint(self._serials[id(event.place.node)])

    @cached_property
    def _predicted_with(self) -> frozenset[int]:
        """The serials of all calls that graphs are made of whose models are evaluated."""
        return frozenset().union(*map(calls_in_graph, self._predicting.values()))


def _evaluates(event: ModelUse | ModeCall, learner: Learner) -> bool:
    """Whether a model is run as it will be when it has learned."""
    if isinstance(event, ModelUse):
        if event.kind != "call":
            return event.kind in {"train", "inference"}
        return role_of_use(event, learner.interpretation).kind == "inference"
    return role_of(event, learner.interpretation).kind == "inference"


def _draft(event: ModeCall, context: Context) -> Draft | None:
    held = content(event.callee)
    draws = _draws_from(event, context)
    meant = bool(draws) or _means_it(event) or builds_generator(event, context.interpretation)
    honoured = _honoured(context)
    through_predict = bool(draws) and all(draw.by_predict for draw in draws)
    anchor = Place(event.choice.place.module, argument_at(event.choice.call, event.choice.place.node))
    if meant and (honoured is not False or not through_predict):
        return Draft(anchor, "", Confidence.HIGH) if any(draw.known for draw in draws) else None
    known = is_layer(event.callee)
    subject = name_of_callee(event)
    if meant:
        message = (
            f"`{subject}` is always on by its flag, but {version_text(context.keras)} ignores it in predict(): "
            "the spread over passes is exactly 0"
        )
        help_text = "call the model itself for every pass: model(x, training=True)"
    else:
        message = (
            f"training=True is written into the graph for `{subject}`: {_consequence(context, stays_active(held))}"
        )
        help_text = "leave the flag out: fit() turns the layer on, evaluate() and predict() turn it off"
    return Draft(
        place=anchor,
        message=message,
        confidence=_confidence(held, context) if known else Confidence.LOW,
        label=label_of(held) if honoured else "",
        help=help_text,
        notes=_notes(context),
        chain=chain_of(event.frames) if len(event.frames) > 1 and event.choice.frame is not event.frames[-1] else (),
        fix_title="" if meant else "leave training=True out",
        applicability=Applicability.UNSAFE,
        changes=()
        if meant or anchor.node is event.choice.place.node
        else (Change("remove-argument", anchor, call=Place(anchor.module, event.choice.call)),),
        probe=ProbeAt("graph-call", event.place, "inherit"),
    )


def _confidence(held: Content, context: Context) -> Confidence:
    """How sure it is that the flag is a mistake.

    Hard-coded dropout is mostly meant (34 of 41 in public code), hard-coded batch statistics hardly ever; where the
    program shows how the model is used, several draws would have been seen.
    """
    if not held.layers:
        return Confidence.MEDIUM
    if any(mode_of(layer) not in {"dropout", "noise", "rnn-dropout"} for layer in held.layers):
        return Confidence.HIGH
    return Confidence.HIGH if _used(held, context) else Confidence.LOW


def _used(held: Content, context: Context) -> bool:
    """Whether a model with these layers is trained or run in sight."""
    used = layers_used(context.interpretation, "train", "inference", "call")
    return any(layer.serial in used for layer in held.layers)


def _honoured(context: Context) -> bool | None:
    return behaviour(_HONOURED, context.keras) if context.keras is not None else None


def _consequence(context: Context, active: str) -> str:
    honoured = _honoured(context)
    if honoured is True:
        return f"{active} in evaluate() and predict() too"
    if honoured is False:
        return "evaluate() and predict() ignore it, a bare model(x) and export() obey it"
    return "Keras 2 obeys it in evaluate() and predict(), Keras 3.3 to 3.15 only in a bare model(x) and in export()"


def _notes(context: Context) -> tuple[str, ...]:
    honoured = _honoured(context)
    if honoured is False:
        return (
            f"on {version_text(context.keras)} predict() and a bare model(x) of this model disagree",
            "Keras 2 and 3.16 (in development) obey the flag everywhere",
        )
    return ()


def _means_it(event: ModeCall) -> bool:
    if says_it_is_meant(event):
        return True
    for frame in event.frames:
        if frame.function is None:
            continue
        if says_intent(frame.name) or text_says_intent(_docstring(frame)):
            return True
        if any(says_intent(name) and truth(argument.value) is not False for name, argument in frame.arguments.items()):
            return True
    variable = event.callee.arguments.get("__variable__") if isinstance(event.callee, Instance) else None
    return isinstance(variable, Const) and says_intent(str(variable.value))


def _docstring(frame: Frame) -> str:
    function = frame.function
    return docstring(function.node) if function is not None and isinstance(function.node, cst.FunctionDef) else ""


@dataclass(frozen=True, slots=True)
class _Draw:
    """How a model is drawn from."""

    by_predict: bool
    known: bool
    """Whether it is known which model that is."""


def _draws_from(event: ModeCall, context: Context) -> set[_Draw]:
    """How models with this layer are used that draw several times from one input."""
    draws = context.interpretation.once(_draws)
    wanted = [layer.serial for layer in content(event.callee).layers]
    if not wanted and isinstance(event.callee, Instance):
        wanted = [event.callee.serial]
    return set().union(*(draws.get(each, ()) for each in (None, *wanted)))


def _draws(interpretation: Interpretation) -> dict[int | None, set[_Draw]]:
    """The same by the layers (their serials) that are in such a model; under None those of unknown models."""
    found: dict[int | None, set[_Draw]] = {}
    for event in drawn_passes(interpretation):
        if isinstance(event, ModelUse) and event.kind not in {"inference", "call"}:
            continue
        if isinstance(event, ModeCall) and event.graph:
            continue
        receiver = callee_of(event)
        draw = _Draw(isinstance(event, ModelUse) and event.kind == "inference", not isinstance(receiver, Opaque))
        for each in content(receiver).layers if draw.known else ():
            found.setdefault(each.serial, set()).add(draw)
        if not draw.known:
            found.setdefault(None, set()).add(draw)
    return found


RULE = Rule(
    code="KTM102",
    name="training-hardcoded-in-graph",
    severity=Severity.WARNING,
    confidence=Confidence.HIGH,
    since="0.1.0",
    applicability=Applicability.UNSAFE,
    triggers=(b"training", b", True)"),
    needs=(frozenset({"flag-true", "flag-other", "flag-true-default", "flag-by-position"}),),
    check=check,
    check_saved=check_saved,
    doc=__doc__ or "",
)
