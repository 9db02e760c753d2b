"""`model.trainable` is toggled around evaluate, predict or a call, as if it switched dropout on or off.

## What it does

Finds `model.trainable = True` right before `predict()`, `evaluate()` or a direct call with no training after
it, and `model.trainable = False` … inference … `model.trainable = True`.

## Why is this bad

`trainable` decides which weights get gradients when the train function is built. It does not choose the mode:
`evaluate()`, `predict()` and `model(x)` run in inference mode whatever it says. "Uncertainty" measured like
this is exactly zero. What one call does is the business of `training=`. The two meet in one place only:
BatchNormalization that is frozen runs in inference mode, also with `training=True`.

Freezing before `compile()` and `fit()`, and feature extraction with a frozen model, are left alone.

## Example

```python
model.trainable = True
draws = np.stack([model.predict(x) for _ in range(20)])
model.trainable = False
```

## Use instead

```python
draws = np.stack([model(x, training=True) for _ in range(20)])
```

## Fix safety

Unsafe: `trainable` is left as it was, which a later `compile()` and `fit()` would notice.

## References

- https://keras.io/getting_started/faq/#whats-the-difference-between-the-training-argument-in-call-and-the-trainable-attribute

## Evidence

Keras 3.15.1: the standard deviation over 20 `predict()` passes after
`model.trainable = True` is 0.000000 for a model with `Dropout(0.4)`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dropout_lint.findings import Applicability, Confidence, Severity
from dropout_lint.rules.model import Change, Context, Draft, ProbeAt, Rule
from dropout_lint.rules.telling import assignment_of, chain_of
from dropout_lint.semantics.choices import toggled_at
from dropout_lint.semantics.events import HandedOver, ModeCall, ModelUse, TrainableSet
from dropout_lint.semantics.joining import fingerprint
from dropout_lint.semantics.models import content, inner_layers, is_layer, is_model, mode_of
from dropout_lint.semantics.trials import is_test_code
from dropout_lint.semantics.values import Instance, Opaque, Value, alternatives, truth

if TYPE_CHECKING:
    from collections.abc import Iterator

    Step = TrainableSet | ModelUse | HandedOver
    History = list[Step]


def check(context: Context) -> Iterator[Draft]:
    """Yield a finding for each toggle that stands for a mode switch."""
    for history in _histories(context):
        yield from _toggles(history)


def subject_of(value: Value) -> tuple[Any, ...] | None:
    """What identifies the model whose flag is set: the object, or the place it comes from; its layers stand for it."""
    if isinstance(value, Instance):
        return fingerprint(value) if is_layer(value) else None
    if isinstance(value, Opaque) and value.key is not None:
        key = value.key
        if len(key) > 2 and key[-1] == "[]" and key[-2] == "layers":
            key = key[:-2]
        return ("opaque", key)
    return None


def _histories(context: Context) -> Iterator[History]:
    """What happens to each model, in order."""
    found: dict[Any, History] = {}
    members = _members(context)
    for event in context.interpretation.events:
        if any(frame.name == "__init__" for frame in event.frames) or any(
            frame.hook == "call" for frame in event.frames
        ):
            # how a model is put together, and what it does inside, is no evaluation
            continue
        if isinstance(event, TrainableSet) and event.how != "constructor":
            subjects = _subjects(event.receiver, members)
        elif isinstance(event, ModelUse) and not event.symbolic:
            if event.kind == "gradient":
                for history in found.values():
                    history.append(event)
                continue
            subjects = [subject_of(event.receiver)]
            if event.kind in {"compile", "train"}:
                held = _held(event.receiver)
                if held is None:
                    subjects += [each for each in found if each not in subjects]
                else:
                    subjects += [fingerprint(each) for each in held]
        elif isinstance(event, HandedOver):
            subjects = [subject_of(event.value)]
        elif isinstance(event, ModeCall) and not event.graph and event.direct and not _has_statistics(event.callee):
            # the flag decides, and the toggle nothing: only frozen batch normalisation would hear of it
            subjects = [subject_of(event.callee)]
            use = ModelUse(event.serial, event.place, event.callee, "call", "__call__", event.frames, event.loops)
            if event.used("gradient"):
                continue
            event = use  # noqa: PLW2901  # told as what it is here: a use
        else:
            continue
        for subject in subjects:
            if subject is not None:
                found.setdefault(subject, []).append(event)
    return iter(found.values())


def _held(model: Value) -> list[Instance] | None:
    """The models and layers a model is put together from, to whatever depth; None where that is not known."""
    held: list[Instance] = []
    seen: set[int] = set()
    waiting = [model]
    while waiting:
        for each in alternatives(waiting.pop()):
            inner = inner_layers(each) if isinstance(each, Instance) else None
            if inner is None:
                return None
            if id(each) not in seen:
                seen.add(id(each))
                held += [one for part in inner for one in alternatives(part) if isinstance(one, Instance)]
                waiting += [part for part in inner if is_model(part)]
    return held


def _has_statistics(callee: Value) -> bool:
    """Whether the callee holds, or may hold, a layer whose mode ``trainable`` is part of."""
    held = content(callee)
    return not held.complete or any(mode_of(layer) == "batch-statistics" for layer in held.layers)


def _members(context: Context) -> dict[frozenset[int], Instance]:
    """Models by the set of their layers, to know a loop over all of them."""
    found: dict[frozenset[int], Instance] = {}
    for instance in context.interpretation.instances:
        if is_model(instance):
            layers = inner_layers(instance)
            if layers:
                found[frozenset(id(each) for each in layers)] = instance
    return found


def _subjects(receiver: Value, members: dict[frozenset[int], Instance]) -> list[tuple[Any, ...] | None]:
    several = alternatives(receiver)
    if len(several) > 1:
        model = members.get(frozenset(id(each) for each in several))
        if model is not None:
            return [fingerprint(model)]
    return [subject_of(each) for each in several]


def _toggles(history: History) -> Iterator[Draft]:
    reported: set[int] = set()
    for position, event in enumerate(history):
        if not isinstance(event, TrainableSet) or is_test_code(event.frames):
            continue
        wanted = truth(event.value)
        before = _before_inference(history, position)
        if before is None or wanted is None or _opens_again(history, position):
            continue
        used, closing = before
        if wanted is False and (closing is None or not (truth(closing.value) is True or _restores(closing))):
            continue
        if closing is not None and truth(closing.value) is wanted:
            continue
        last = closing if closing is not None else event
        if _trained_next(history, history.index(last)):
            continue
        for toggle in (event, closing):
            if toggle is not None and toggle.serial not in reported:
                reported.add(toggle.serial)
                yield _draft(toggle, used, closes=toggle is closing)


def _opens_again(history: History, position: int) -> bool:
    """Whether a toggle ends what something else was trained in, or may have been, rather than begins what follows."""
    toggle = history[position]
    opens = isinstance(toggle, TrainableSet) and truth(toggle.value) is not False
    trained = False
    for event in reversed(history[:position]):
        if isinstance(event, HandedOver):
            return opens
        if isinstance(event, ModelUse):
            if event.kind not in {"compile", "train", "gradient"}:
                return False
            trained = trained or event.kind != "compile"
        elif not _same_statement(event, toggle):
            return trained and truth(event.value) is False and opens
    return False


def _restores(event: TrainableSet) -> bool:
    """Whether a flag is set back to what it was before: ``model.trainable = before``."""
    value = event.value
    return isinstance(value, Opaque) and value.key is not None and value.key[-1] == "trainable"


def _before_inference(history: History, position: int) -> tuple[ModelUse, TrainableSet | None] | None:
    """The inference right after a toggle, and the toggle that closes it; None where training comes first."""
    used: ModelUse | None = None
    for event in history[position + 1 :]:
        if isinstance(event, TrainableSet):
            if used is None:
                if _same_statement(event, history[position]):
                    continue
                return None
            return used, (event if not _same_statement(event, history[position]) else None)
        if isinstance(event, HandedOver):
            return None
        if event.kind in {"inference", "call"}:
            used = used or event
        elif event.kind in {"train", "compile", "gradient"}:
            return None
    return (used, None) if used is not None else None


def _same_statement(one: Step, two: Step) -> bool:
    return one.place.node is two.place.node


def _trained_next(history: History, position: int) -> bool:
    for event in history[position + 1 :]:
        if isinstance(event, (TrainableSet, HandedOver)):
            continue
        return event.kind in {"compile", "gradient"}
    return False


def _draft(event: TrainableSet, used: ModelUse, closes: bool) -> Draft:
    what = f"{used.method}()" if used.kind == "inference" else "a call"
    known = is_layer(alternatives(event.receiver)[0])
    held = content(used.receiver)
    consequence = "runs in inference mode with either value"
    toggle = f"{assignment_of(event)} {'after' if closes else 'before'} {what}"
    at = toggled_at(event)
    message = f"{toggle} is no mode switch: {what} {consequence}"
    return Draft(
        place=at,
        message=message,
        confidence=Confidence.HIGH
        if known and not closes and (held.layers or not held.complete)
        else Confidence.MEDIUM,
        label="does not switch dropout",
        help="for stochastic passes call model(x, training=True); for inference nothing has to be switched",
        chain=chain_of(event.frames) if len(event.frames) > 1 else (),
        fix_title="remove it",
        applicability=Applicability.UNSAFE,
        changes=(Change("remove-statement", event.place),) if at is event.place else (),
        probe=ProbeAt("toggle", event.place),
    )


RULE = Rule(
    code="KTM202",
    name="trainable-as-mode-switch",
    severity=Severity.WARNING,
    confidence=Confidence.HIGH,
    since="0.1.0",
    applicability=Applicability.UNSAFE,
    triggers=(b"trainable",),
    needs=(frozenset({"trainable-set"}),),
    wide="trains",
    check=check,
    doc=__doc__ or "",
)
