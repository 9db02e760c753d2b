"""A method or argument that Keras 3 removed is used: `fit_generator`, `predict_classes`, `workers=`.

## What it does

Finds `fit_generator`, `evaluate_generator`, `predict_generator`, `predict_classes` and `predict_proba` of
models, and `workers`, `use_multiprocessing` and `max_queue_size` among the arguments of `fit`, `evaluate` and
`predict`. The receiver has to be a Keras model; where it is not known what it is, the name has to be one that
no other library in sight has. Classes with such methods of their own, scikit-learn estimators, and code that is
prepared for their absence are left alone. Where the Keras version is not known, or only these very names speak for
Keras 2, it is a note.

## Why is this bad

The methods raise AttributeError, the arguments TypeError (`evaluate`: ValueError). `predict_classes` and
`predict_proba` are missing from Keras 2 as well, since TensorFlow 2.6.

## Example

```python
model.fit_generator(batches, steps_per_epoch=100, workers=4)
```

## Use instead

```python
model.fit(batches, steps_per_epoch=100)  # workers is an argument of keras.utils.PyDataset now
```

## Fix safety

Safe for the arguments of `fit`, `evaluate` and `predict` where the Keras version is known: the statement always
raised. Unsafe for the methods, and where it is not known: on Keras 2 the arguments decide how data are loaded.

## References

- https://keras.io/guides/migrating_to_keras_3/

## Evidence

Keras 3.15.1: `TypeError: TensorFlowTrainer.fit() got an unexpected keyword argument 'workers'`, `ValueError:
Arguments not recognized: {'workers': 1}` of evaluate, `AttributeError: 'Sequential' object has no attribute
'fit_generator'`. tf_keras 2.21 takes the arguments and has the generator methods; `predict_classes` and
`predict_proba` are missing there too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dropout_lint.findings import Applicability, Confidence, Severity
from dropout_lint.keras.entry_points import REMOVED_ARGUMENTS, REMOVED_FROM_KERAS_2, REMOVED_METHODS, rejection
from dropout_lint.rules.model import Change, Context, Draft, ProbeAt, Rule
from dropout_lint.rules.telling import chain_of, version_text
from dropout_lint.semantics.events import MethodCall, Place
from dropout_lint.semantics.intent import knows_only_keras, prepared_for_absence, uses_keras
from dropout_lint.semantics.receivers import sureness
from dropout_lint.semantics.values import Opaque, alternatives
from dropout_lint.syntax.lazy import cst

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dropout_lint.keras.versions import Holding

_METHODS = frozenset({"fit", "evaluate", "predict"})
_UNMISTAKABLE = frozenset(
    {
        "evaluate_generator",
        "fit_generator",
        "max_queue_size",
        "predict_classes",
        "predict_generator",
        "use_multiprocessing",
    }
)
"""Names of methods and arguments that only Keras has, and who took them over: the receiver may be anything else."""
_HAVE_THEM_TOO = frozenset({"deepchem"})
"""Libraries whose models have methods of these names to this day."""


def check(context: Context) -> Iterator[Draft]:
    """Yield a finding for each method or argument that is gone."""
    for event in context.interpretation.events:
        if not isinstance(event, MethodCall) or prepared_for_absence(event):
            continue
        if event.name in REMOVED_METHODS:
            draft = _method(event, context)
        elif event.name in _METHODS:
            draft = _arguments(event, context)
        else:
            draft = None
        if draft is not None:
            yield draft


def _sureness(event: MethodCall, names: tuple[str, ...], context: Context) -> Confidence | None:
    sure = sureness(event.receiver, event.receiver_text, event.frames, context.interpretation, model=True)
    known = any(not isinstance(each, Opaque) for each in alternatives(event.receiver))
    if (sure is None or sure is Confidence.LOW) and not known and not _UNMISTAKABLE.isdisjoint(names):
        if event.name in _UNMISTAKABLE and _may_have_it(event, context):
            return sure
        return Confidence.MEDIUM if uses_keras(event.frames) or knows_only_keras(context.interpretation) else None
    return sure


def _may_have_it(event: MethodCall, context: Context) -> bool:
    """Whether a class of the project, or of a library it uses, has such a method.

    One of the project that only passes it on calls it of something else.
    """
    if not _HAVE_THEM_TOO.isdisjoint(context.interpretation.imports):
        return True
    passes_on = event.frames[-1].name == event.name
    return not passes_on and any(event.name in cls.attributes for cls in context.interpretation.classes)


def _method(event: MethodCall, context: Context) -> Draft | None:
    missing = context.declared.where("generator-methods-exist", False)
    since_long = event.name in REMOVED_FROM_KERAS_2
    if not missing.possible and not since_long:
        return None
    confidence = _sureness(event, (event.name,), context)
    if confidence is None:
        return None
    certain = missing.certain
    if certain:
        where = f"{version_text(context.keras)} has no"
    elif since_long:
        where = "Keras 3, and TensorFlow since 2.6, have no"
    else:
        where = f"{missing.text} has no"
    return _draft(
        event,
        _name(event),
        f"{where} `{event.name}()`: AttributeError",
        confidence,
        missing,
        "predict() gives the probabilities; argmax or a threshold makes classes of them"
        if since_long
        else f"use {event.name.partition('_')[0]}(), which takes generators",
        _renamed(event),
        Applicability.UNSAFE,
    )


def _arguments(event: MethodCall, context: Context) -> Draft | None:
    rejected = context.declared.where("workers-arguments-accepted", False)
    gone = tuple(name for name in event.arguments.keywords if name in REMOVED_ARGUMENTS)
    if not gone or not rejected.possible:
        return None
    confidence = _sureness(event, gone, context)
    if confidence is None:
        return None
    version = version_text(context.keras) if rejected.certain else rejected.text
    told = f"`{gone[0]}=`" if len(gone) == 1 else f"{', '.join(f'`{name}=`' for name in gone[:-1])} and `{gone[-1]}=`"
    given = _given(event, gone)
    return _draft(
        event,
        given[0] if given else _name(event),
        f"{version} takes no {told} in {event.name}(): it raises {rejection(event.name, 3)}",
        confidence,
        rejected,
        "leave it out; keras.utils.PyDataset takes these arguments now",
        _without(event, given) if len(given) == len(gone) else (),
        Applicability.SAFE if rejected.certain else Applicability.UNSAFE,
    )


def _draft(
    event: MethodCall,
    node: cst.CSTNode,
    message: str,
    confidence: Confidence,
    holding: Holding,
    remedy: str,
    changes: tuple[Change, ...],
    applicability: Applicability,
) -> Draft:
    return Draft(
        place=Place(event.place.module, node),
        message=message,
        confidence=confidence,
        severity=None if holding.certain else Severity.NOTE,
        help=remedy,
        chain=chain_of(event.frames) if len(event.frames) > 1 else (),
        fix_title="leave it out" if event.name in _METHODS else f"use {event.name.partition('_')[0]}()",
        applicability=applicability,
        changes=changes,
        probe=ProbeAt("raises", Place(event.place.module, node), "AttributeError or TypeError or ValueError"),
        keras=() if holding.certain else holding.versions,
    )


def _name(event: MethodCall) -> cst.CSTNode:
    """The name of the method where it is called."""
    call = event.place.node
    func = call.func if isinstance(call, cst.Call) else call
    return func.attr if isinstance(func, cst.Attribute) else func


def _given(event: MethodCall, names: tuple[str, ...]) -> list[cst.Arg]:
    """Those of the arguments that the call itself spells, in order."""
    call = event.place.node
    if not isinstance(call, cst.Call):
        return []
    return [each for each in call.args if each.keyword is not None and each.keyword.value in names]


def _without(event: MethodCall, given: list[cst.Arg]) -> tuple[Change, ...]:
    call = event.place.node
    if isinstance(call, cst.Call) and len(call.args) > 1 and given and given[0] is call.args[0]:
        # what comes first takes the comma behind it along: one at a time, so that no two edits meet
        given = given[:1] if given[1:2] != [call.args[1]] else []
    module = event.place.module
    return tuple(Change("remove-argument", Place(module, each), call=event.place) for each in given)


_SAME_IN_ITS_PLACE = {
    "fit_generator": frozenset(
        {
            "callbacks", "class_weight", "epochs", "initial_epoch", "shuffle", "steps_per_epoch", "validation_data",
            "validation_freq", "validation_steps", "verbose",
        }
    ),
    "evaluate_generator": frozenset({"callbacks", "steps", "verbose"}),
    "predict_generator": frozenset({"callbacks", "steps", "verbose"}),
}  # fmt: skip
"""Keywords of the generator methods that their successors know by the same name."""


def _renamed(event: MethodCall) -> tuple[Change, ...]:
    """``fit_generator(batches, epochs=3, workers=4)`` → ``fit(batches, epochs=3)``."""
    call = event.place.node
    same = _SAME_IN_ITS_PLACE.get(event.name)
    if same is None or not isinstance(call, cst.Call) or not call.args:
        return ()
    first, rest = call.args[0], call.args[1:]
    if first.star or first.keyword is not None:
        return ()
    for each in rest:
        if each.keyword is None or each.keyword.value not in same | REMOVED_ARGUMENTS:
            return ()
    name = _name(event)
    gone = _given(event, tuple(REMOVED_ARGUMENTS))
    return (
        Change("replace", Place(event.place.module, name), event.name.partition("_")[0]),
        *_without(event, gone),
    )


RULE = Rule(
    code="KTM305",
    name="keras3-removed-argument",
    severity=Severity.WARNING,
    confidence=Confidence.HIGH,
    since="0.1.0",
    applicability=Applicability.SAFE,
    triggers=(
        b"_generator",
        b"predict_classes",
        b"predict_proba",
        b"workers",
        b"use_multiprocessing",
        b"max_queue_size",
    ),
    needs=(frozenset({"removed-argument"}),),
    worded=True,
    of_tests=True,
    check=check,
    doc=__doc__ or "",
)
