"""The training flag is passed by position to a Keras layer or model: Keras 3 raises.

## What it does

Finds `layer(x, True)`, `self.dropout(x, training)` and `self.encoder(x, training, mask)` where the callee is a
Keras layer or model and the flag stands in the place of its `training` parameter. Calls of plain functions that
forward the flag, `layer.call(x, training)`, and layers whose second parameter is something else are left alone.

## Why is this bad

Keras 3 accepts only tensors by position: it raises ValueError where the call is traced for the first time, in
fit(), evaluate() and predict(), often long after the program has started. Functional models raise TypeError.
Keras 2 accepts it, so this is how much older code is written. Where the Keras version is not known, the finding
is a note.

## Example

```python
def call(self, x, training=None):
    return self.dropout(self.dense(x), training)
```

## Use instead

```python
def call(self, x, training=None):
    return self.dropout(self.dense(x), training=training)
```

## Fix safety

Safe: the keyword means the same on Keras 2, and on Keras 3 the statement always raised.

## References

- https://keras.io/guides/migrating_to_keras_3/

## Evidence

Keras 3.15.1: `ValueError: Only input tensors may be passed as positional arguments. The following argument
value should be passed as a keyword argument: True (of type <class 'bool'>)`; a functional model raises
`TypeError: Functional.call() got multiple values for argument 'training'`, a Random* layer `TypeError:
DataLayer.__call__() takes 2 positional arguments but 3 were given`. A bare outer call passes None on, which is
accepted; fit and predict raise. tf_keras 2.21 accepts all.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dropout_lint.findings import Applicability, Confidence, Severity
from dropout_lint.rules.model import Change, Context, Draft, ProbeAt, Rule
from dropout_lint.rules.telling import chain_of, name_of_callee, version_text
from dropout_lint.semantics.events import ModeCall, Place
from dropout_lint.semantics.keras_calls import positional_parameters
from dropout_lint.semantics.models import is_layer, mode_of
from dropout_lint.semantics.trials import is_test_code
from dropout_lint.semantics.values import Const, Instance, Opaque, alternatives
from dropout_lint.semantics.words import is_mode_name
from dropout_lint.syntax.lazy import cst

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dropout_lint.keras.versions import Holding


def check(context: Context) -> Iterator[Draft]:
    """Yield a finding for each flag that Keras 3 does not accept by position."""
    rejected = context.where("positional-training-accepted", False)
    if not rejected.possible:
        return
    for event in context.interpretation.events:
        if (
            isinstance(event, ModeCall)
            and event.how == "positional"
            and event.direct
            and not event.callee_text.endswith(".stateless_call")
            and is_layer(event.callee)
            and _is_flag(event)
            and not is_test_code(event.frames)
        ):
            yield _draft(event, rejected, context)


def _is_flag(event: ModeCall) -> bool:
    """Whether a Python boolean stands there for sure, rather than a tensor, which is accepted."""
    flags = alternatives(event.flag)
    if all(isinstance(each, Const) and isinstance(each.value, (bool, int)) for each in flags):
        return True
    node = event.given
    if not any(isinstance(each, Opaque) for each in flags):
        return False
    if isinstance(node, (cst.Name, cst.Attribute)):
        return is_mode_name(node.value if isinstance(node, cst.Name) else node.attr.value)
    return isinstance(node, cst.Comparison) or (
        isinstance(node, cst.UnaryOperation) and isinstance(node.operator, cst.Not)
    )


def _draft(event: ModeCall, rejected: Holding, context: Context) -> Draft:
    callee = event.callee
    assert isinstance(callee, Instance)
    subject = name_of_callee(event)
    node = event.given if event.given is not None and _argument(event) is not None else event.place.node
    version = version_text(context.keras) if rejected.certain else rejected.text
    return Draft(
        place=Place(event.place.module, node),
        message=f"`{subject}` gets its training flag by position: {version} raises {_exception(callee)}",
        confidence=Confidence.HIGH,
        severity=None if rejected.certain else Severity.NOTE,
        help="pass it by keyword: training=…",
        chain=chain_of(event.frames) if len(event.frames) > 1 else (),
        fix_title="pass training by keyword",
        applicability=Applicability.SAFE,
        changes=_changes(event, callee),
        probe=ProbeAt("raises", event.place, _exception(callee)),
        keras=() if rejected.certain else rejected.versions,
    )


def _exception(callee: Instance) -> str:
    functional = callee.keras_name == "keras.Model" and "outputs" in callee.arguments
    return "TypeError" if functional or mode_of(callee) == "augmentation" else "ValueError"


def _argument(event: ModeCall) -> cst.Arg | None:
    """The argument of the call that is the flag, where it is written there."""
    call = event.place.node
    if not isinstance(call, cst.Call) or event.position is None or event.position >= len(call.args):
        return None
    argument = call.args[event.position]
    return argument if argument.value is event.given and argument.star == "" and argument.keyword is None else None


def _changes(event: ModeCall, callee: Instance) -> tuple[Change, ...]:
    """The keyword for the flag, and for what follows it by position."""
    flag = _argument(event)
    call = event.place.node
    if flag is None or not isinstance(call, cst.Call) or event.position is None:
        return ()
    names = positional_parameters(callee) or (*("inputs",) * event.position, "training")
    module = event.place.module
    changes = []
    for place, argument in enumerate(call.args[event.position :], event.position):
        if argument.keyword is not None:
            continue
        if argument.star or place >= len(names):
            return ()
        written = module.tree.code_for_node(argument.value).strip()
        changes.append(Change("replace", Place(module, argument.value), f"{names[place]}={written}"))
    return tuple(changes)


RULE = Rule(
    code="KTM109",
    name="training-positional",
    severity=Severity.ERROR,
    confidence=Confidence.HIGH,
    since="0.1.0",
    applicability=Applicability.SAFE,
    triggers=(b"training", b", True)", b", False)", b", not "),
    needs=(frozenset({"flag-by-position"}),),
    check=check,
    doc=__doc__ or "",
)
