"""`trainable` is set to a text or a function, which counts as True, or to None, which counts as False.

## What it does

Finds `trainable` set to a string (`"False"`), to text from outside (an environment variable, a command line option
without a type, an entry of a configuration file), to a command line option with `type=bool`, to a function that was to
be called, and to None; by assignment or as an argument of a layer's constructor.

## Why is this bad

`layer.trainable = "False"` freezes nothing: every text but the empty one is true. Nothing warns. Constructors are
stricter and raise, for anything but a boolean.

0 and 1, NumPy's booleans, and what is compared or parsed on the way are left alone.

## Example

```python
config = configparser.ConfigParser()
config.read("train.ini")
base.trainable = config["base"]["trainable"]  # the text "no" opens it
```

## Use instead

```python
config = configparser.ConfigParser()
config.read("train.ini")
base.trainable = config["base"].getboolean("trainable")
```

## Fix safety

Unsafe: what trains may change. There is a fix where the text is written in the statement itself.

## References

- https://docs.python.org/3/library/argparse.html#type
- https://docs.python.org/3/library/configparser.html#supported-datatypes

## Evidence

Keras 3.15.1: after `layer.trainable = "False"` it is True, after None it is False; on a model so are all its layers.
tf_keras 2.21 keeps the text, which counts as True: the weights are among `trainable_weights`.
`Dense(2, trainable="False")` and `Dense(2, trainable=None)`: ValueError on Keras 3.15.1, TypeError on tf_keras 2.21.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dropout_lint.findings import Applicability, Confidence, Severity
from dropout_lint.rules.model import Change, Context, Draft, ProbeAt, Rule
from dropout_lint.rules.telling import chain_of, version_text
from dropout_lint.semantics.attribute_reads import defines
from dropout_lint.semantics.events import Place, TrainableSet
from dropout_lint.semantics.models import weightless
from dropout_lint.semantics.receivers import sureness_by_trainable
from dropout_lint.semantics.texts import Text, text_of
from dropout_lint.semantics.trials import is_test_code
from dropout_lint.semantics.values import Bound, Const, FunctionValue, Opaque, Value, alternatives
from dropout_lint.syntax.lazy import cst
from dropout_lint.syntax.walk import walk

if TYPE_CHECKING:
    from collections.abc import Iterator

Accident = Text | Const | FunctionValue | Bound


def check(context: Context) -> Iterator[Draft]:
    """Yield a finding for each `trainable` that is set to something that only counts as a boolean."""
    for event in context.interpretation.events:
        if not isinstance(event, TrainableSet) or is_test_code(event.frames):
            continue
        if any(defines(each, "trainable") for each in alternatives(event.receiver)):
            continue
        accidents = [_accident(each, event.how == "constructor") for each in alternatives(event.value)]
        found = [each for each in accidents if each is not None]
        if not found or len(found) < len(accidents) or all(weightless(each) for each in alternatives(event.receiver)):
            continue
        confidence = sureness_by_trainable(event.receiver, event.receiver_text, event.frames, context.interpretation)
        if confidence is not None:
            yield _draft(event, found[0], confidence, context)


def _accident(value: Value, constructs: bool) -> Accident | None:
    """What counts as a boolean by accident; a constructor takes nothing but booleans, 0 and 1 no more than texts."""
    if isinstance(value, Opaque):
        return text_of(value)
    if isinstance(value, Const):
        fits = isinstance(value.value, bool) if constructs else not isinstance(value.value, (str, type(None)))
        return None if fits else value
    return value if isinstance(value, (FunctionValue, Bound)) else None


def _draft(event: TrainableSet, accident: Accident, confidence: Confidence, context: Context) -> Draft:
    none = isinstance(accident, Const) and not accident.value
    constructs = event.how == "constructor"
    text = event.receiver_text
    subject = f"`{text}(trainable=…)` gets" if constructs else f"`{text}.trainable` is set to"
    return Draft(
        place=event.place,
        message=f"{subject} {_what(accident)}: {_consequence(accident, constructs, context)}",
        confidence=Confidence.MEDIUM if none and confidence is Confidence.HIGH and not constructs else confidence,
        severity=Severity.WARNING if none and not constructs else None,
        label="not a boolean",
        help=_help(accident),
        chain=chain_of(event.frames) if len(event.frames) > 1 else (),
        fix_title="make it a boolean",
        applicability=Applicability.UNSAFE,
        changes=_changes(event, accident),
        probe=None if constructs else ProbeAt("toggle", event.place),
    )


def _what(accident: Accident) -> str:
    if isinstance(accident, Const):
        return f"the text {accident.value!r}" if isinstance(accident.value, str) else repr(accident.value)
    if isinstance(accident, FunctionValue):
        return f"the function {accident.name}()"
    if isinstance(accident, Bound):
        return f"the method {accident.function.name}()"
    return accident.described


def _consequence(accident: Accident, constructs: bool, context: Context) -> str:
    if isinstance(accident, Text) and accident.source == "argparse-bool":
        return f"`--{accident.name} False` is True"
    if constructs:
        if context.generation is None:
            return "Keras 3 raises ValueError, Keras 2 TypeError"
        return f"{version_text(context.keras)} raises {'TypeError' if context.generation == 2 else 'ValueError'}"
    if isinstance(accident, Const) and not accident.value:
        return "it counts as False, so the weights are frozen"
    return "it counts as True whatever it says, so the weights are trained"


def _help(accident: Accident) -> str:
    if isinstance(accident, Const):
        return "set it to True or False"
    if isinstance(accident, (FunctionValue, Bound)):
        return "call it"
    return accident.remedy


def _changes(event: TrainableSet, accident: Accident) -> tuple[Change, ...]:
    if not isinstance(accident, Const) or accident.origin is None or event.container is None:
        return ()
    origin = accident.origin
    said = {"false": "False", "0": "False", "no": "False", "true": "True", "1": "True", "yes": "True"}
    flag = said.get(str(accident.value).lower())
    if (
        flag is None
        or not isinstance(origin.node, (cst.SimpleString, cst.Integer))
        or origin.module is not event.place.module
    ):
        return ()
    if not any(each is origin.node for each in walk(event.container)):
        return ()
    return (Change("replace", Place(origin.module, origin.node), flag),)


RULE = Rule(
    code="KTM207",
    name="trainable-not-boolean",
    severity=Severity.ERROR,
    confidence=Confidence.HIGH,
    since="0.1.0",
    applicability=Applicability.UNSAFE,
    triggers=(b"trainable",),
    needs=(frozenset({"trainable-set", "trainable-given"}),),
    wide="trains",
    check=check,
    doc=__doc__ or "",
)
