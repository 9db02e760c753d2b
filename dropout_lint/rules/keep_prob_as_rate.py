"""A probability to keep is handed over where the probability to drop is asked for.

## What it does

Finds a value that is called a keep probability (a parameter, constant, attribute, dictionary key or
command-line option on its way) as the rate of a dropout layer, as `dropout=` of a recurrent or attention layer,
and as the second argument of `tf.nn.dropout` in TensorFlow 2.

## Why is this bad

Until TensorFlow 1.12, `tf.nn.dropout(x, 0.9)` kept nine units in ten. The rate of a Keras layer, and of
`tf.nn.dropout` in TensorFlow 2, is the fraction to drop: the same 0.9 drops nine in ten. Nothing raises; the
model just learns badly.

`1 - keep_prob` is right, and so is `tf.nn.dropout` in TensorFlow 1 and in `tf.compat.v1`. Where the caller calls
the value a dropout rate after all, or the layer is left out where it is zero (`if survival_probability > 0:`), nothing
is reported.

## Example

```python
def head(keep_prob=0.8):
    return keras.Sequential([keras.layers.Dropout(keep_prob), keras.layers.Dense(10)])
```

## Use instead

```python
def head(keep_prob=0.8):
    return keras.Sequential([keras.layers.Dropout(1 - keep_prob), keras.layers.Dense(10)])
```

## Fix safety

Unsafe: it changes what is dropped.

## References

- https://www.tensorflow.org/api_docs/python/tf/nn/dropout
- https://www.tensorflow.org/api_docs/python/tf/compat/v1/nn/dropout

## Evidence

Keras 3.15.1: the fixture `flagged_command_line.py` reaches a test loss more than twice that of its fixed twin.
TensorFlow 2.21: of a million ones `tf.nn.dropout(x, 0.9)` leaves a tenth, `tf.compat.v1.nn.dropout(x, 0.9)` nine
tenths.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dropout_lint.findings import Applicability, Confidence, Severity
from dropout_lint.rules.model import Change, Context, Draft, Rule
from dropout_lint.rules.telling import chain_of
from dropout_lint.semantics.events import FunctionCall, Place
from dropout_lint.semantics.rates import GivenRate, rates_of, said_to_keep, written_at
from dropout_lint.semantics.trials import is_test_code
from dropout_lint.syntax.lazy import cst
from dropout_lint.syntax.walk import last_name, walk

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dropout_lint.semantics.events import Interpretation


def check(context: Context) -> Iterator[Draft]:
    """Yield a finding for each keep probability that is taken for a rate."""
    for rate in rates_of(context.interpretation, context.generation):
        if is_test_code(rate.event.frames) or not isinstance(rate.node, cst.CSTNode):
            continue
        keeps = said_to_keep(rate.names)
        if keeps is None or rate.receiver == "keras.layers.GaussianNoise":
            continue
        if not keeps.complement and _nothing_is_dropped_at_zero(rate, context):
            continue
        draft = _draft(rate, keeps.name, keeps.complement, context)
        if draft is not None:
            yield draft


def _nothing_is_dropped_at_zero(rate: GivenRate, context: Context) -> bool:
    """Whether the layer is left out where the value is zero: it drops then, whatever it is called.

    ``if keep_prob:`` may ask as well whether there is one.
    """
    frame = rate.event.frames[-1]
    if rate.constants or not isinstance(rate.node, (cst.Name, cst.Attribute)) or frame.function is None:
        return False
    name = last_name(rate.node)
    parameters = frame.function.node.params
    if any(
        each.name.value == name and isinstance(each.default, cst.Name) and each.default.value == "None"
        for each in (*parameters.params, *parameters.kwonly_params)
    ):
        return False
    return id(rate.node) in context.interpretation.once(_run_unless_zero, frame.function.node).get(name, ())


def _run_unless_zero(_: Interpretation, function: cst.CSTNode) -> dict[str, set[int]]:
    """By name, what of a function is run only if the value of that name is not zero (the ids of the nodes)."""
    found: dict[str, set[int]] = {}
    for each in walk(function):
        if isinstance(each, (cst.If, cst.IfExp)):
            for name in _said_not_to_be_zero(each.test):
                found.setdefault(name, set()).update(map(id, walk(each.body)))
    return found


def _said_not_to_be_zero(test: cst.BaseExpression) -> Iterator[str]:
    """The name in ``rate``, ``rate > 0`` and ``rate != 0``, alone or with others."""
    waiting = [test]
    while waiting:
        each = waiting.pop()
        if isinstance(each, cst.BooleanOperation) and isinstance(each.operator, cst.And):
            waiting += (each.left, each.right)
        elif isinstance(each, cst.Comparison) and len(each.comparisons) == 1:
            sign, other = each.comparisons[0].operator, each.comparisons[0].comparator
            zero = isinstance(other, (cst.Integer, cst.Float)) and not other.value.strip("0._")
            if zero and isinstance(sign, (cst.GreaterThan, cst.NotEqual)):
                waiting.append(each.left)
        elif isinstance(each, (cst.Name, cst.Attribute)):
            yield last_name(each)


def _draft(rate: GivenRate, name: str, complement: bool, context: Context) -> Draft | None:
    positional = isinstance(rate.event, FunctionCall) and rate.argument not in rate.event.arguments.keywords
    renamed = positional and rate.receiver == "tensorflow.nn.dropout"
    if renamed and context.tensorflow == 1:
        return None
    node = rate.node
    assert isinstance(node, cst.CSTNode)
    if not written_at(rate):
        return None
    values = {constant.value for constant in rate.constants}
    equal = bool(values) and values == {0.5} and len(rate.constants) > 0
    unknown = renamed and context.tensorflow is None
    value = next(iter(values)) if len(values) == 1 else None
    share = isinstance(value, float) and 0 < value < 1 and not equal
    shown = f"{rate.shown}()" if isinstance(rate.event, FunctionCall) else rate.shown
    what = f"1 - `{name}`" if complement else f"`{name}`"
    asked = "the second argument" if renamed else f"`{rate.argument}`"
    consequence = (
        f"{value:.0%} of the units are dropped instead of {1 - value:.0%}"  # type: ignore[operator]
        if share
        else "what should be kept is dropped"
        if not equal
        else "it makes no difference as long as it is 0.5"
    )
    return Draft(
        place=Place(rate.event.frames[-1].module, node),
        message=(
            f"{what} is a probability to keep, and {asked} of {shown} is the fraction to drop"
            f"{' in TensorFlow 2' if renamed else ''}: {consequence}"
        ),
        confidence=Confidence.MEDIUM if renamed or complement else Confidence.HIGH,
        severity=Severity.NOTE if equal or unknown else None,
        label="the fraction to drop is wanted here",
        help="hand over 1 minus it",
        chain=chain_of(rate.event.frames) if len(rate.event.frames) > 1 else (),
        fix_title="hand over 1 minus it",
        applicability=Applicability.UNSAFE,
        changes=_changes(rate, node),
    )


def _changes(rate: GivenRate, node: cst.CSTNode) -> tuple[Change, ...]:
    if not isinstance(node, (cst.Name, cst.Attribute, cst.Subscript, cst.Call)):
        return ()
    module = rate.event.frames[-1].module
    return (Change("replace", Place(module, node), f"1 - {module.tree.code_for_node(node).strip()}"),)


RULE = Rule(
    code="KTM502",
    name="keep-prob-as-rate",
    severity=Severity.WARNING,
    confidence=Confidence.HIGH,
    since="0.1.0",
    applicability=Applicability.UNSAFE,
    triggers=(b"keep", b"retain", b"Keep", b"KEEP", b"surviv", b"1 - ", b"1.0 - ", b"1. - ", b"1-", b"1.0-"),
    needs=(frozenset({"keeps"}), frozenset({"takes-rate"})),
    check=check,
    doc=__doc__ or "",
)
