"""A training step runs what it trains with `training=False`, or `call` hard-codes it on dropout or batch normalisation.

## What it does

Finds `model(x, training=False)` whose output enters a loss that is differentiated with respect to the weights of that
model, and `self.dropout(x, training=False)` with a literal flag inside `call`, for layers that the class itself makes,
alone or in a `Sequential`.

## Why is this bad

An explicit flag wins over what `fit()` asks for, and outside `fit()` it is all there is. Dropout never drops anything,
and BatchNormalization trains against the statistics it was initialised with and never learns others, on Keras 2 and on
Keras 3.

Frozen layers and models, teachers and target networks, ready-made or loaded backbones (fine-tuned with their
statistics on purpose), a second pass beside one in training mode, and calls under a condition on the mode are left
alone.

## Example

```python
with tf.GradientTape() as tape:
    loss = loss_fn(y, model(x, training=False))
gradients = tape.gradient(loss, model.trainable_variables)
```

## Use instead

```python
with tf.GradientTape() as tape:
    loss = loss_fn(y, model(x, training=True))
gradients = tape.gradient(loss, model.trainable_variables)
```

## Fix safety

Unsafe: it changes what is trained.

## References

- https://keras.io/guides/writing_a_custom_training_loop_in_tensorflow/

## Evidence

Keras 3.15.1 and tf_keras 2.21: batch statistics are used and learned only where
`training` and `trainable` are both true. The programs in fixtures/training-false-in-training print in how many steps
dropout ran, and whether the moving mean moved.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dropout_lint.findings import Applicability, Confidence, Severity
from dropout_lint.rules.model import Change, Context, Draft, ProbeAt, Rule
from dropout_lint.rules.telling import argument_at, chain_of, name_of_callee, stays_inactive
from dropout_lint.semantics.events import MethodCall, ModeCall, ModelUse, Place, choosing_call
from dropout_lint.semantics.intent import is_handed_in
from dropout_lint.semantics.learning import Learner, asks_for_mode
from dropout_lint.semantics.models import content, inner_layers, is_layer, is_model, mode_of, ready_made
from dropout_lint.semantics.signatures import own_call, sees
from dropout_lint.semantics.trials import is_test_code
from dropout_lint.semantics.values import Const, FunctionValue, Instance, alternatives, truth
from dropout_lint.semantics.words import is_mode_name, role_of_name
from dropout_lint.syntax.lazy import cst

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dropout_lint.semantics.events import Frame, Interpretation
    from dropout_lint.semantics.values import ClassValue

_LOADERS = frozenset({"from_pretrained", "from_preset", "load_weights", "restore", "set_weights"})
"""What brings weights, and statistics with them."""
_IF_THERE = frozenset({"exists", "isfile", "is_file", "isdir", "is_dir", "latest_checkpoint"})


def check(context: Context) -> Iterator[Draft]:
    """Yield a finding for each call in inference mode of what is being trained."""
    learner = Learner(context.interpretation)
    for event in context.interpretation.events:
        if not isinstance(event, ModeCall) or not _says_false(event) or event.graph or is_test_code(event.frames):
            continue
        frame = choosing_call(event)
        if frame is not None:
            guarded = any(is_mode_name(name) for guard in event.guards for name in guard)
            left = guarded or _made_for_training_too(event, context)
            draft = _in_call(event, frame, learner) if not left else None
        elif not any(each.hook == "call" for each in event.frames):
            draft = _in_step(event, learner)
        else:
            draft = None
        if draft is not None:
            yield draft


def _says_false(event: ModeCall) -> bool:
    flag = event.flag
    if not event.choice.spelled or (event.polarity is not None and event.polarity.explicit):
        # computed, from a mode or something else
        return False
    return isinstance(flag, Const) and flag.value is not None and truth(flag) is False


def _in_step(event: ModeCall, learner: Learner) -> Draft | None:
    """A model that learns from this very call."""
    learning = learner.of(event)
    if learning is None or not learning.trained or _left_out(event) or asks_for_mode(event.guards, learning.use):
        return None
    if role_of_name(event.choice.frame.name) == "inference" or learner.trained_beside(event.callee, learning):
        return None
    layers = _switched(event, learner)
    if not layers or ready_made(event.callee):
        return None
    subject = name_of_callee(event)
    return _draft(
        event,
        f"`{subject}` is trained here with training=False: {stays_inactive(layers)}",
        Confidence.HIGH,
        f"pass {event.choice.parameter}=True",
        "True",
        ProbeAt("mode", event.place, True),
    )


def _made_for_training_too(event: ModeCall, context: Context) -> bool:
    """Whether the program makes another copy of the model, which is to train."""
    return is_handed_in(event) and bool(context.interpretation.mode_calls(_choice_if_on, id(event.choice.place.node)))


def _choice_if_on(event: ModeCall) -> int | None:
    """By what calls in training mode are found: the expression that chooses it (its id)."""
    return id(event.choice.place.node) if truth(event.flag) is True else None


def _left_out(event: ModeCall) -> bool:
    """Whether the flag is the default of a helper that is called without it: that call misses one."""
    return event.choice.place.node is event.choice.call


def _in_call(event: ModeCall, frame: Frame, learner: Learner) -> Draft | None:
    """A layer, or a row of them, that the class makes and switches off for good."""
    callee = event.callee
    if not is_layer(callee) or not isinstance(callee, Instance) or frame.owner is None:
        return None
    all_off = _turns_all_off(event, callee, frame, learner)
    if is_model(callee) and not all_off and not _is_own_row(callee, frame.owner):
        return None
    if not isinstance(callee.cls, str) and not all_off:
        # a layer of the project may mean something else by the flag
        return None
    if not event.direct or any(each.name == "__call__" for each in event.frames):
        return None
    layers = tuple(
        layer for layer in learner.mode_layers(event)[0] if mode_of(layer) not in {"augmentation", "power-iteration"}
    )
    if not layers or (isinstance(frame.receiver, Instance) and frame.receiver.serial in learner.frozen_in(event)):
        return None
    if event.guards or not _written_there(event) or _left_out(event):
        # a switch decides, or whoever wrote the method that has the default
        return None
    statistics = all(mode_of(layer) == "batch-statistics" for layer in layers)
    parameters = frame.function.node.params if frame.function is not None else None
    names = [each.name.value for each in (*parameters.params, *parameters.kwonly_params)] if parameters else []
    forwards = "training" in names and event.choice.frame is frame
    return _draft(
        event,
        f"{frame.owner.name}.call() runs `{event.callee_text}` with training=False: {stays_inactive(layers)}",
        Confidence.MEDIUM
        if not statistics or all_off or _learns_from_scratch(event, frame, learner)
        else Confidence.LOW,
        "pass the mode on: training=training" if "training" in names else "leave the flag out",
        "training" if forwards else None,
        ProbeAt("mode", event.place, "phase"),
    )


def _turns_all_off(event: ModeCall, callee: Instance, frame: Frame, learner: Learner) -> bool:
    """Whether a ``call`` that takes the mode and never looks at it says False to the parts that its class makes.

    One of them alone may be a backbone that knows its statistics, unless it is a row of layers; who says False to a
    single layer, or loads weights, may want it frozen.
    """
    call = frame.function
    if call is None or frame.owner is None or event.choice.frame is not frame or not learner.never_looks_at_mode(call):
        return False
    if not _is_made_in(callee, frame.owner) or ready_made(callee) or _loads(learner):
        return False
    if isinstance(callee.cls, str) and not is_model(callee):
        return False
    own = own_call(callee)
    if own is not None and not sees(own, "training"):
        return False
    if is_model(callee) and _is_own_row(callee, frame.owner):
        return True
    return any(
        other.callee_text != event.callee_text and bool(learner.mode_layers(other)[0])
        for other in learner.interpretation.mode_calls(_function_if_off, id(event.frames[-1].function))
    )


def _function_if_off(event: ModeCall) -> int | None:
    """By what calls are found that say False: the function in which they stand (its id)."""
    return id(event.frames[-1].function) if _says_false(event) else None


def _is_made_in(callee: Instance, owner: ClassValue) -> bool:
    methods = [each for cls in owner.ancestry() for each in cls.attributes.values()]
    return any(isinstance(each, FunctionValue) and id(each.node) == callee.made_in for each in methods)


def _is_own_row(callee: Instance, owner: ClassValue) -> bool:
    """Whether a model is a ``Sequential`` that the class has made of layers: no backbone that knows its statistics."""
    return (
        callee.keras_name == "keras.Sequential"
        and _is_made_in(callee, owner)
        and content(callee).complete
        and not any(is_model(each) or ready_made(each) for each in inner_layers(callee) or ())
    )


def _learns_from_scratch(event: ModeCall, frame: Frame, learner: Learner) -> bool:
    """Whether the program makes the layer, trains, and loads no weights: nothing could fill the statistics."""
    trained = learner.interpretation.once(_trained)
    made = isinstance(frame.receiver, Instance) and (not _assumed(frame) or _is_fitted(event, frame, trained))
    return made and bool(trained) and not _loads(learner)


def _trained(interpretation: Interpretation) -> frozenset[int]:
    """What is trained (the ids of all that it may be)."""
    return frozenset(
        id(one)
        for each in interpretation.events
        if isinstance(each, ModelUse) and each.kind in {"train", "gradient"}
        for one in alternatives(each.receiver)
    )


def _loads(learner: Learner) -> bool:
    """Whether the program brings weights from elsewhere, and statistics with them."""
    return learner.interpretation.once(_loads_weights)


def _loads_weights(interpretation: Interpretation) -> bool:
    events = interpretation.events
    return any(isinstance(each, MethodCall) and each.name in _LOADERS and not _goes_on(each) for each in events)


def _is_fitted(event: ModeCall, frame: Frame, trained: frozenset[int]) -> bool:
    """Whether Keras calls a row of layers in ``fit()``, and `call` itself says False, not a branch of its own.

    A ``train_step`` of the project need not go through ``call``. Of a single layer, statistics that stay as they are
    may be meant.
    """
    outermost = frame.chain()[0]
    if event.choice.frame is not frame or not is_model(event.callee):
        return False
    own = outermost.owner is not None and isinstance(outermost.owner.find("train_step"), FunctionValue)
    return not own and id(outermost.receiver) in trained


def _goes_on(event: MethodCall) -> bool:
    """Whether weights are loaded only where there are some already: then training was begun by this program."""
    return any(not _IF_THERE.isdisjoint(guard) for guard in event.guards)


def _assumed(frame: Frame) -> bool:
    """Whether nobody in sight calls what runs here."""
    return any(each.assumed for each in frame.chain())


def _written_there(event: ModeCall) -> bool:
    """Whether the call itself says False, rather than a name that something may have set."""
    node = event.choice.place.node
    return not isinstance(node, cst.Name) or node.value == "False"


def _switched(event: ModeCall, learner: Learner) -> tuple[Instance, ...]:
    """The layers that the flag keeps in inference mode."""
    settled = learner.settled(event.callee)
    return tuple(
        layer
        for layer in learner.mode_layers(event)[0]
        if layer.serial not in settled and mode_of(layer) != "augmentation"
    )


def _draft(
    event: ModeCall, message: str, confidence: Confidence, help_text: str, replacement: str | None, probe: ProbeAt
) -> Draft:
    choice = event.choice
    anchor = Place(choice.place.module, argument_at(choice.call, choice.place.node))
    return Draft(
        place=anchor,
        message=message,
        confidence=confidence,
        help=help_text,
        chain=(*chain_of(event.frames), (event.place, f"{name_of_callee(event)}(…)"))
        if choice.frame is not event.frames[-1]
        else (),
        fix_title=help_text,
        applicability=Applicability.UNSAFE,
        changes=(Change("replace", choice.place, replacement),) if replacement is not None else (),
        probe=probe,
    )


RULE = Rule(
    code="KTM104",
    name="training-false-in-training",
    severity=Severity.WARNING,
    confidence=Confidence.HIGH,
    since="0.1.0",
    applicability=Applicability.UNSAFE,
    triggers=(b"training",),
    needs=(frozenset({"flag-false", "flag-other", "flag-by-position"}), frozenset({"fits", "chosen-in-call"})),
    wide="trains",
    check=check,
    doc=__doc__ or "",
)
