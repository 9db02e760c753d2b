"""Dropout, noise or batch statistics computed by hand in `call` or a Lambda, in every mode.

## What it does

Finds, in the `call` of a layer or model and in Lambda layers, where nothing asks for the mode:

- functions that drop units: `tf.nn.dropout`, `keras.random.dropout`, `K.dropout`, `stateless_dropout`; these also in
  functional graphs, where Keras 2 takes them and Keras 3 raises;
- random numbers of a fixed scale added to, or multiplied as `1 + noise` with, what the layer was given;
- what is given multiplied with a mask that is drawn: `tf.floor(keep + tf.random.uniform(shape))`, a draw compared with
  a fixed rate (stochastic depth, DropPath, DropConnect);
- `tf.nn.moments` over the batch axis, subtracted from what it was taken of;

and in the graphs of TensorFlow 1 `tf.nn.dropout` with a number for a rate, where one and the same graph is trained
(`minimize`) and, in another run of the session, measured.

## Why is this bad

A function does not know the mode. Unlike the layers (`Dropout`, `GaussianNoise`, `BatchNormalization`), it acts in
`evaluate()` and `predict()` as it does in `fit()`: predictions are random, or depend on what else is in the batch.
With a fixed seed they are repeatable and wrong.

A guard is anything that asks for the mode or for a switch: `if training:`, `K.in_train_phase`, `tf.cond`,
`tf.where(training, …)`, a rate computed from the flag, a rate that `call` is given or that the program changes later.
Noise whose scale is computed from the inputs (variational autoencoders, Gumbel softmax, diffusion) or learned is part
of the model and left alone, as are layers that say that they stay random in inference.

## Example

```python
def call(self, x):
    return tf.nn.dropout(self.dense(x), self.rate)
```

## Use instead

```python
def call(self, x, training=None):
    return self.dropout(self.dense(x), training=training)
```

## Fix safety

Unsafe: it changes what the model computes. A dropout function is replaced by its input (use a `Dropout` layer instead
to have it in training); the scale of noise is made zero outside training where `call` has the flag.

## References

- https://keras.io/api/layers/regularization_layers/dropout/
- https://www.tensorflow.org/api_docs/python/tf/nn/dropout

## Evidence

keras 3.15.1 and tf_keras 2.21: all of these functions are active in evaluate and
predict; the stateless ones repeat themselves. With batch statistics by hand a prediction moves by 1.17 with the batch
it is in, and is 0 for a batch of one. On a symbolic tensor tf_keras keeps `tf.nn.dropout` and `K.dropout` in predict;
keras 3.15.1 raises ValueError. TensorFlow 2.21, `compat.v1`: with `keep_prob=0.7` the accuracy of a trained graph is
another one in each run (0.93 to 0.96), with a rate of `tf.placeholder_with_default(0.0, ())` 1.0 in all. The programs
in fixtures/dropout-op-always-on print what predict repeats.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dropout_lint.findings import Applicability, Confidence, Severity
from dropout_lint.keras.entry_points import DROPOUT_FUNCTIONS, KEEP_PROBABILITY_FUNCTIONS
from dropout_lint.rules import session_dropout
from dropout_lint.rules.model import Change, Context, Draft, ProbeAt, Rule
from dropout_lint.rules.telling import chain_of
from dropout_lint.semantics.conditions import guard_words
from dropout_lint.semantics.events import AttributeSet, Frame, FunctionCall, Place
from dropout_lint.semantics.intent import class_says_intent, switches, text_means_it, way_says_intent
from dropout_lint.semantics.noise import follows_mode
from dropout_lint.semantics.signatures import parameter
from dropout_lint.semantics.tags import OUTPUTS, tags_of
from dropout_lint.semantics.trials import is_test_code
from dropout_lint.semantics.values import Const, Instance, Items, Opaque, Symbolic, Value, alternatives
from dropout_lint.semantics.words import says_intent, words
from dropout_lint.syntax.lazy import cst

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dropout_lint.semantics.values import Argument

_SCALES = ("stddev", "maxval")
_DISTORTION = frozenset(
    {
        "augment", "augmentation", "random", "mask", "masked", "masking", "cutout", "cutmix", "mixup", "erase",
        "erasing", "corrupt", "corruption",
    }
)  # fmt: skip
"""Words in the name of a layer that hides parts of its input for a purpose of its own, where it is put to work."""
_NO_QUESTION = frozenset({"self", "None", "True", "False", "__name__"})


def check(context: Context) -> Iterator[Draft]:
    """Yield a finding for each operation of training that nothing keeps out of inference."""
    for event in context.interpretation.events:
        if not isinstance(event, FunctionCall):
            continue
        kind = _kind(event)
        if kind is None:
            continue
        position = _layer_code(event)
        if position is None and kind == "dropout" and _in_graph(event):
            position = len(event.frames) - 1
        if position is None and kind == "dropout":
            draft = session_dropout.draft(event, context)
            if draft is not None:
                yield draft
        if position is None or _guarded(event, kind, position, context) or _meant(event, kind):
            continue
        yield _draft(event, kind, position, context)


def _kind(event: FunctionCall) -> str | None:
    """What an operation does that belongs to training only, or None."""
    if event.name in DROPOUT_FUNCTIONS or event.name in KEEP_PROBABILITY_FUNCTIONS:
        return "dropout" if _drops(event) else None
    if any(use.kind == "dropped" for use in event.uses):
        return "mask" if not any(use.kind == "mixed" for use in event.uses) else None
    if any(use.kind == "added" for use in event.uses):
        return "noise" if not any(use.kind == "mixed" for use in event.uses) else None
    if event.name.endswith(".moments") and any(use.kind == "subtracted" for use in event.uses):
        return "statistics" if _over_the_batch(event) else None
    return None


def _drops(event: FunctionCall) -> bool:
    given, keeps = _rate(event)
    if given is None:
        return False
    return all(_fixed(each, keeps) for each in alternatives(given.value))


def _rate(event: FunctionCall) -> tuple[Argument | None, bool]:
    """The argument that says how much is dropped, and whether it says how much is kept."""
    for name, keeps in (("rate", False), ("level", False), ("keep_prob", True)):
        if name in event.arguments.keywords:
            return event.arguments.keywords[name], keeps
    return event.arguments.get("rate", 1), event.name in KEEP_PROBABILITY_FUNCTIONS


def _fixed(value: Value, keeps: bool) -> bool:
    """Whether a rate is the same in every mode, and not that of no dropout."""
    if isinstance(value, Const):
        return isinstance(value.value, (int, float)) and value.value != (1 if keeps else 0)
    return isinstance(value, Opaque) and not any(
        tag[0] in OUTPUTS | {"mode", "input", "fed", "vars"} for tag in tags_of(value)
    )


def _over_the_batch(event: FunctionCall) -> bool:
    given = event.arguments.get("axes", 1)
    axes = given.value if given is not None else None
    listed = axes.items if isinstance(axes, Items) else (axes,)
    return any(isinstance(each, Const) and each.value == 0 for each in listed)


def _layer_code(event: FunctionCall) -> int | None:
    """The position of the frame of the ``call`` or Lambda in which the operation runs, entered in an open mode."""
    inner = [number for number, frame in enumerate(event.frames) if frame.hook in {"call", "lambda"}]
    if not inner:
        return None
    frame = event.frames[inner[-1]]
    if frame.hook == "lambda":
        return inner[-1]
    owner = frame.owner
    return 0 if inner == [0] and owner is not None and owner.keras_base is not None else None


def _in_graph(event: FunctionCall) -> bool:
    """Whether the function becomes a part of a functional graph: on Keras 2, for Keras 3 refuses."""
    return any(isinstance(each, Symbolic) for value in event.arguments.values for each in alternatives(value))


def _guarded(event: FunctionCall, kind: str, position: int, context: Context) -> bool:
    """Whether the mode, or somebody, decides that the operation runs."""
    if any(use.kind == "gated" for use in event.uses):
        return True
    own = _names_of_arguments(event)
    if any(_asks(guard, own) for guard in (*event.guards, *event.settled)):
        return True
    frame = event.frames[position]
    handed = frame.parameters.values() if frame.hook == "call" else ()
    given, _ = _rate(event) if kind == "dropout" else (None, False)
    if given is not None and (follows_mode(given.value) or any(given.value is value for value in handed)):
        return True
    return _changed_elsewhere(event, own, context)


def _names_of_arguments(event: FunctionCall) -> frozenset[str]:
    nodes = [each.node for each in (*event.arguments.positional, *event.arguments.keywords.values())]
    return frozenset().union(*(guard_words(node) for node in nodes if isinstance(node, cst.BaseExpression)))


def _asks(guard: frozenset[str], own: frozenset[str]) -> bool:
    """Whether a condition is a question about more than the rate itself, or whether something is there."""
    names = {name for name in guard - _NO_QUESTION if not name.startswith("except ")}
    if any(switches(name) for name in names):
        return True
    return bool(names - own) and "None" not in guard


def _changed_elsewhere(event: FunctionCall, names: frozenset[str], context: Context) -> bool:
    """Whether an attribute that sets the rate is changed outside the constructor: a switch of its own."""
    receiver = event.frames[0].receiver
    if not isinstance(receiver, Instance):
        return False
    return any(context.interpretation.among((AttributeSet,), _changed, (name, id(receiver.cls))) for name in names)


def _changed(event: AttributeSet) -> Iterator[tuple[str, int]]:
    """What is set outside the constructor: the attribute, and the class (its id) of each object it may be of."""
    if event.frames[-1].name not in {"__init__", "build"}:
        for each in alternatives(event.receiver):
            if isinstance(each, Instance):
                yield event.name, id(each.cls)


def _meant(event: FunctionCall, kind: str) -> bool:
    if is_test_code(event.frames) or text_means_it(event.comment) or way_says_intent(event.frames):
        return True
    if any(says_intent(name) for name in _names_of_arguments(event)):
        return True
    owners = [frame.owner for frame in event.frames if frame.owner is not None]
    if kind == "mask" and any(not _DISTORTION.isdisjoint(words(each.name)) for each in owners):
        return True
    receiver = event.frames[0].receiver
    return isinstance(receiver, Instance) and not isinstance(receiver.cls, str) and class_says_intent(receiver.cls)


def _draft(event: FunctionCall, kind: str, position: int, context: Context) -> Draft:
    frame = event.frames[position]
    title, changes = _fix(event, kind, frame)
    played = {"dropout": "identity", "noise": "zero"}.get(kind)
    return Draft(
        place=event.place,
        message=_message(event, kind, frame, context),
        confidence=Confidence.HIGH if kind == "dropout" else Confidence.MEDIUM,
        label={
            "dropout": "drops units in every mode",
            "noise": "drawn in every mode",
            "mask": "decides in every mode what is dropped",
            "statistics": "of the batch in every mode",
        }[kind],
        help=_help(kind, frame),
        chain=chain_of(event.frames[position:]) if len(event.frames) > position + 1 else (),
        fix_title=title,
        applicability=Applicability.UNSAFE if changes else None,
        changes=changes,
        probe=ProbeAt("op", event.place, played) if played is not None else None,
    )


def _message(event: FunctionCall, kind: str, frame: Frame, context: Context) -> str:
    if frame.hook not in {"call", "lambda"}:
        name = f"{_short(event.name)}()"
        if not context.on(2).possible:
            return f"Keras 3 refuses {name} in a functional graph (ValueError), and it would not know the mode"
        return f"{name} in a functional graph does not know the mode: on Keras 2 it drops units in predict() too"
    where = f"{frame.owner.name}.call()" if frame.owner is not None and frame.hook == "call" else "a Lambda layer"
    name = f"{_short(event.name)}()"
    if kind == "dropout":
        return f"{where} uses {name} without asking for the mode: it drops units in evaluate() and predict() too"
    if kind == "mask":
        return (
            f"{where} multiplies with a mask that {name} draws without asking for the mode: "
            "it drops in evaluate() and predict() too"
        )
    if kind == "noise":
        return f"{where} adds what {name} draws without asking for the mode: predictions are noisy too"
    return (
        f"{where} normalises with the statistics of the batch in every mode: "
        "a prediction depends on what else is in its batch"
    )


def _short(name: str) -> str:
    for full, short in (("tensorflow.", "tf."), ("keras.backend.", "K.")):
        if name.startswith(full):
            return short + name[len(full) :]
    return name


def _help(kind: str, frame: Frame) -> str:
    layer = {"noise": "GaussianNoise", "statistics": "BatchNormalization"}.get(kind, "Dropout")
    if frame.hook != "call":
        return f"use a {layer} layer, which follows the mode"
    return f"use a {layer} layer, which follows the mode, or take training=None in call() and ask for it"


def _fix(event: FunctionCall, kind: str, frame: Frame) -> tuple[str, tuple[Change, ...]]:
    module = event.place.module
    if kind == "dropout":
        first = event.arguments.positional[0].node if event.arguments.positional else None
        if isinstance(first, (cst.Name, cst.Attribute, cst.Call, cst.Subscript)):
            text = module.tree.code_for_node(first).strip()
            return "leave the dropout out", (Change("replace", event.place, text),)
    if kind == "noise" and frame.function is not None and parameter(frame.function, "training") is not None:
        for name in _SCALES:
            given = event.arguments.keywords.get(name)
            if given is not None and isinstance(given.node, (cst.Name, cst.Attribute, cst.Float, cst.Integer)):
                text = module.tree.code_for_node(given.node).strip()
                change = Change("replace", Place(module, given.node), f"{text} if training else 0.0")
                return "make the noise zero outside training", (change,)
    return "", ()


RULE = Rule(
    code="KTM404",
    name="dropout-op-always-on",
    severity=Severity.ERROR,
    confidence=Confidence.HIGH,
    since="0.1.0",
    applicability=Applicability.UNSAFE,
    triggers=(b"dropout", b"moments", b"random"),
    needs=(frozenset({"random"}),),
    local=True,
    check=check,
    doc=__doc__ or "",
)
