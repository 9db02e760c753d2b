"""`keep_prob=` is handed to something that no longer takes it: TypeError.

## What it does

Finds `keep_prob=` in calls of `tf.nn.dropout` in TensorFlow 2, and for Keras dropout layers, which never had it.

## Why is this bad

TensorFlow 2 renamed the argument to `rate` and turned its meaning round: what was kept is now dropped. The call
raises TypeError. Renaming the argument without turning the value round would drop what was kept.

`tf.compat.v1.nn.dropout` and programs for TensorFlow 1 are left alone.

## Example

```python
hidden = tf.nn.dropout(hidden, keep_prob=0.8)
```

## Use instead

```python
hidden = tf.nn.dropout(hidden, rate=1 - 0.8)
```

## Fix safety

Unsafe: the call raised before, and what it is guarded by may now run.

## References

- https://www.tensorflow.org/api_docs/python/tf/nn/dropout

## Evidence

TensorFlow 2.21: `tf.nn.dropout(x, keep_prob=.8)` raises TypeError, "Got an unexpected keyword argument
'keep_prob'"; Keras 3.15.1 and tf_keras 2.21: `Dropout(keep_prob=.8)` raises TypeError, the argument `rate` is
missing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dropout_lint.findings import Applicability, Confidence, Severity
from dropout_lint.keras.layers import layer as layer_facts
from dropout_lint.rules.model import Change, Context, Draft, ProbeAt, Rule
from dropout_lint.rules.telling import argument_at, chain_of
from dropout_lint.semantics.events import Constructed, FunctionCall, Place
from dropout_lint.syntax.lazy import cst

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dropout_lint.semantics.values import Argument

_FUNCTIONS = frozenset({"tensorflow.nn.dropout", "tensorflow.compat.v2.nn.dropout", "keras.random.dropout"})


def check(context: Context) -> Iterator[Draft]:
    """Yield a finding for each ``keep_prob=`` that nobody takes."""
    for event in context.interpretation.events:
        if isinstance(event, FunctionCall) and event.name in _FUNCTIONS:
            given = event.arguments.keywords.get("keep_prob")
            version = context.tensorflow if event.name == "tensorflow.nn.dropout" else 2
            if given is not None and version != 1:
                yield _draft(
                    event, given, "tf.nn.dropout" if version != 2 or "nn" in event.name else event.name, version
                )
        elif isinstance(event, Constructed) and isinstance(event.instance.cls, str):
            given = event.arguments.keywords.get("keep_prob")
            facts = layer_facts(event.instance.cls)
            if given is not None and facts is not None and facts.mode == "dropout":
                yield _draft(event, given, event.instance.class_name, 2)


def _draft(event: Constructed | FunctionCall, given: Argument, shown: str, version: int | None) -> Draft:
    module = event.frames[-1].module
    function = isinstance(event, FunctionCall)
    called = f"{shown}()" if function else shown
    where = "in TensorFlow 2 " if shown == "tf.nn.dropout" else ""
    node = argument_at(event.place.node, given.node) if given.node is not None else event.place.node
    return Draft(
        place=Place(module, node),
        message=f"{called} {where}takes no `keep_prob`: the call raises TypeError",
        confidence=Confidence.HIGH if version == 2 else Confidence.MEDIUM,
        severity=None if version == 2 else Severity.NOTE,
        label="it is called `rate` now, and says what to drop"
        if function
        else "it is called `rate`, and says what to drop",
        help="write rate=1 minus it",
        chain=chain_of(event.frames) if len(event.frames) > 1 else (),
        fix_title="write rate=1 minus it",
        applicability=Applicability.UNSAFE,
        changes=_changes(Place(module, node), given.node),
        probe=ProbeAt("raises", Place(module, node), "TypeError"),
    )


def _changes(place: Place, value: cst.CSTNode | None) -> tuple[Change, ...]:
    if value is None or not isinstance(place.node, cst.Arg) or place.node.keyword is None:
        return ()
    text = place.module.tree.code_for_node(value).strip()
    simple = isinstance(value, (cst.Name, cst.Attribute, cst.Subscript, cst.Call, cst.Float, cst.Integer))
    return (Change("replace", place, f"rate=1 - {text}" if simple else f"rate=1 - ({text})"),)


RULE = Rule(
    code="KTM503",
    name="keep-prob-removed",
    severity=Severity.ERROR,
    confidence=Confidence.HIGH,
    since="0.1.0",
    applicability=Applicability.UNSAFE,
    triggers=(b"keep_prob",),
    needs=(frozenset({"keep-prob-given"}),),
    local=True,
    of_tests=True,
    check=check,
    doc=__doc__ or "",
)
