"""The training flag is a string or a function, which is true whatever it says.

## What it does

Finds a flag that is text: a string constant (`"False"`), an environment variable, a command line option without
`type=` or with `type=str`, an entry of a configuration file, `input()`. Also a command line option with
`type=bool`, which is True for every text but the empty one, and a function that is handed over where its result
was meant.

## Why is this bad

`"False"`, `"0"` and `"eval"` are true. Keras 3 takes any value that is true for training=True: dropout drops,
and BatchNormalization uses the statistics of the batch, although the text says the opposite. Keras 2 raises
TypeError for a string when the layer decides.

Values that are compared, parsed or turned into a number on the way are left alone, and so are 0, 1 and NumPy
booleans.

## Example

```python
parser.add_argument("--training", type=bool, default=False)
...
model(x, training=args.training)  # True for `--training False`
```

## Use instead

```python
parser.add_argument("--training", action="store_true")
...
model(x, training=args.training)
```

## Fix safety

Unsafe: it changes what the model computes. There is a fix for a constant, and for a variable of the
environment, which is compared with the text that means yes.

## References

- https://docs.python.org/3/library/argparse.html#type

## Evidence

Keras 3.15.1: `Dropout(.5)(x, training="False")` drops half of the units, and a model with BatchNormalization
called like this moves its statistics. tf_keras 2.21: `TypeError: … Argument `pred` must be a Tensor, or a
Python bool, or 1 or 0`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dropout_lint.findings import Applicability, Confidence, Severity
from dropout_lint.rules.model import Change, Context, Draft, ProbeAt, Rule
from dropout_lint.rules.telling import argument_at, chain_of, label_of, name_of_callee, version_text
from dropout_lint.semantics.events import ModeCall, Place
from dropout_lint.semantics.models import content
from dropout_lint.semantics.receivers import sureness
from dropout_lint.semantics.texts import Text, text_of
from dropout_lint.semantics.trials import is_test_code
from dropout_lint.semantics.values import (
    Bound,
    ClassValue,
    Const,
    FunctionValue,
    Instance,
    Method,
    Opaque,
    Value,
    alternatives,
)
from dropout_lint.syntax.lazy import cst

if TYPE_CHECKING:
    from collections.abc import Iterator


def check(context: Context) -> Iterator[Draft]:
    """Yield a finding for each flag that is true by being a text or a function."""
    for event in context.interpretation.events:
        if not isinstance(event, ModeCall) or is_test_code(event.frames) or _decides_itself(event):
            continue
        found = _accidents(event.flag)
        if not found or content(event.callee).empty:
            continue
        confidence = _confidence(event, context)
        if confidence is not None:
            yield _draft(event, found[0], confidence, context)


def _accidents(flag: Value) -> list[Text | Const | FunctionValue | Bound]:
    """What makes the flag true by accident, if all that it may be does."""
    found: list[Text | Const | FunctionValue | Bound] = []
    for each in alternatives(flag):
        if isinstance(each, Opaque):
            text = text_of(each)
            if text is None:
                return []
            found.append(text)
        elif isinstance(each, (FunctionValue, Bound)) or (isinstance(each, Const) and isinstance(each.value, str)):
            if isinstance(each, Const) and not each.value:
                continue
            found.append(each)
        elif not (isinstance(each, Const) and each.value is None):
            # somebody has made a boolean of it, at least on this way
            return []
    return found


def _decides_itself(event: ModeCall) -> bool:
    """Whether a `call` of the project takes the value first: it may know what to do with it."""
    return event.direct and any(
        isinstance(each, Instance) and isinstance(each.cls, ClassValue) and each.cls.find("call") is not None
        for each in alternatives(event.callee)
    )


def _confidence(event: ModeCall, context: Context) -> Confidence | None:
    if any(isinstance(each, Method) for each in alternatives(event.callee)):
        return None
    sure = sureness(event.callee, event.callee_text, event.frames, context.interpretation)
    return Confidence.MEDIUM if sure is Confidence.HIGH and not content(event.callee).layers else sure


def _draft(
    event: ModeCall, accident: Text | Const | FunctionValue | Bound, confidence: Confidence, context: Context
) -> Draft:
    anchor = Place(event.choice.place.module, argument_at(event.choice.call, event.choice.place.node))
    subject = name_of_callee(event)
    is_bool = isinstance(accident, Text) and accident.source == "argparse-bool"
    changes = _changes(event, accident)
    return Draft(
        place=anchor,
        message=f"`{subject}` gets {_what(accident)} as its training flag: {_consequence(is_bool, accident, context)}",
        confidence=confidence,
        label=label_of(content(event.callee)) if context.generation == 3 or is_bool else "",
        help=_help(accident),
        chain=(*chain_of(event.frames), (event.place, f"{subject}(…)")) if len(event.frames) > 1 else (),
        fix_title="make it a boolean",
        applicability=Applicability.UNSAFE,
        changes=changes,
        probe=ProbeAt("graph-call" if event.graph else "call", event.place, False),
    )


def _what(accident: Text | Const | FunctionValue | Bound) -> str:
    if isinstance(accident, Const):
        return f"the string {accident.value!r}"
    if isinstance(accident, FunctionValue):
        return f"the function {accident.name}()"
    if isinstance(accident, Bound):
        return f"the method {accident.function.name}()"
    return accident.described


def _consequence(is_bool: bool, accident: Text | Const | FunctionValue | Bound, context: Context) -> str:
    if is_bool and isinstance(accident, Text):
        return f"`--{accident.name} False` is True"
    told = "a function is always true" if isinstance(accident, (FunctionValue, Bound)) else "any text is true"
    if isinstance(accident, Const):
        told = "it is true"
    if context.generation == 2:
        return f"{version_text(context.keras)} raises TypeError"
    if context.generation == 3:
        return f"{told}, and {version_text(context.keras)} runs in training mode"
    return f"{told} for Keras 3, and Keras 2 raises TypeError"


def _help(accident: Text | Const | FunctionValue | Bound) -> str:
    if isinstance(accident, Const):
        return "pass True or False"
    if isinstance(accident, (FunctionValue, Bound)):
        return "call it"
    return accident.remedy


def _changes(event: ModeCall, accident: Text | Const | FunctionValue | Bound) -> tuple[Change, ...]:
    place = event.choice.place
    node = place.node
    if node is event.choice.call or isinstance(node, cst.Arg):
        return ()
    if isinstance(accident, Const) and isinstance(node, cst.SimpleString):
        said = {"false": "False", "0": "False", "no": "False", "true": "True", "1": "True", "yes": "True"}
        flag = said.get(accident.value.lower())
        return (Change("replace", place, flag),) if flag is not None else ()
    if isinstance(accident, Text) and accident.source == "os.environ" and len(alternatives(event.flag)) == 1:
        if not accident.says_yes_or_no:
            return ()
        written = place.module.tree.code_for_node(node).strip()
        return (Change("replace", place, f'{written} == "{accident.yes}"'),)
    return ()


RULE = Rule(
    code="KTM107",
    name="training-truthy-string",
    severity=Severity.ERROR,
    confidence=Confidence.HIGH,
    since="0.1.0",
    applicability=Applicability.UNSAFE,
    triggers=(b"training",),
    needs=(frozenset({"flag-other", "flag-by-position"}),),
    check=check,
    doc=__doc__ or "",
)
