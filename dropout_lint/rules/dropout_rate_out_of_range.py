"""A dropout rate is not a fraction below 1: it raises, drops everything, or silently does nothing.

## What it does

Finds rates such as 50, 1.5, -0.1, 1.0, `True` or `"0.5"` for dropout and noise layers, the `dropout=` and
`recurrent_dropout=` of recurrent layers, the `dropout=` of attention layers, `tf.nn.dropout`,
`keras.random.dropout` and `keras.backend.dropout`, also through constants, parameters and defaults.

## Why is this bad

What happens depends on the layer and on the Keras. `Dropout(50)` raises at once. `Dropout(1.0)` raises in the
first training call of Keras 2 and zeroes every unit on Keras 3, so nothing behind it learns.
`LSTM(dropout=50)` raises in the first training call of Keras 2; on Keras 3 it trains without any dropout and
never says so, while `SimpleRNN(dropout=50)` drops all of its input.

## Example

```python
keras.layers.LSTM(64, dropout=30)
```

## Use instead

```python
keras.layers.LSTM(64, dropout=0.3)
```

## Fix safety

There is no fix: the rate that is meant is not in the source.

## References

- https://keras.io/api/layers/regularization_layers/dropout/
- https://keras.io/api/layers/recurrent_layers/lstm/

## Evidence

Keras 3.15.1 and tf_keras 2.21, every layer with a rate against 50, 1.5, -0.1, 1.0, `True`, `"0.5"`, None and
nan, in both modes: on Keras 3 the output of `LSTM(4, dropout=50)` in training mode equals that in inference
mode, `SimpleRNN(4, dropout=50)` puts out zeros, `Dropout(50)` raises ValueError and `Dropout("0.5")`
TypeError.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dropout_lint.findings import Confidence, Severity
from dropout_lint.keras.layers import layer as layer_facts
from dropout_lint.keras.rates import Problem, outcome, problem_of
from dropout_lint.rules.model import Context, Draft, ProbeAt, Rule, Saved, SavedContext
from dropout_lint.rules.telling import chain_of
from dropout_lint.semantics.events import FunctionCall
from dropout_lint.semantics.rates import GivenRate, rates_of, written_at
from dropout_lint.semantics.trials import is_test_code

if TYPE_CHECKING:
    from collections.abc import Iterator

_SAYS: dict[Problem, str] = {
    "above": "is above 1",
    "one": "is not below 1",
    "negative": "is negative",
    "not-a-number": "is not a number",
    "text": "is a string",
    "none": "is not a number",
}


def check(context: Context) -> Iterator[Draft]:
    """Yield a finding for each rate that is none."""
    for rate in rates_of(context.interpretation, context.generation):
        if is_test_code(rate.event.frames) or _first_version(rate, context):
            continue
        for constant in rate.constants:
            problem = problem_of(constant.value)
            if problem is None or (problem == "none" and not written_at(rate)):
                continue
            draft = _draft(rate, constant.value, problem, context)
            if draft is not None:
                yield draft
                break


def _first_version(rate: GivenRate, context: Context) -> bool:
    """``tf.nn.dropout(x, 1.0)`` of TensorFlow 1 keeps everything."""
    positional = isinstance(rate.event, FunctionCall) and rate.argument not in rate.event.arguments.keywords
    return positional and rate.receiver.startswith("tensorflow.") and context.tensorflow != 2


def _draft(rate: GivenRate, value: object, problem: Problem, context: Context) -> Draft | None:
    outcomes = {
        generation: told
        for generation in (3, 2)
        if context.on(generation).possible and (told := outcome(rate.receiver, problem, generation)) is not None
    }
    if not outcomes:
        return None
    certain = all(generation in outcomes for generation in (2, 3) if context.on(generation).possible)
    holding = () if certain else context.on(next(iter(outcomes))).versions
    distinct = list(dict.fromkeys(outcomes.values()))
    if len(distinct) == 1 and certain:
        consequence = distinct[0]
    else:
        consequence = ", ".join(f"on Keras {generation} {text}" for generation, text in outcomes.items())
    word = f"`{rate.argument}`" if rate.argument != "rate" else "the rate"
    shown = f"{rate.shown}()" if isinstance(rate.event, FunctionCall) else rate.shown
    return Draft(
        place=rate.place,
        message=f"{word} of {shown} is {value!r}, which {_SAYS[problem]}: {consequence}",
        confidence=Confidence.HIGH if len(rate.constants) == 1 else Confidence.MEDIUM,
        severity=None if certain else Severity.NOTE,
        label=_label(rate, value, problem),
        help=_help(rate, value, problem),
        chain=chain_of(rate.event.frames) if len(rate.event.frames) > 1 else (),
        probe=ProbeAt("raises", rate.place, "ValueError or TypeError") if consequence.startswith("it raises") else None,
        keras=holding,
    )


def check_saved(context: SavedContext) -> Iterator[Saved]:
    """Yield a finding for each rate in a saved model that is none."""
    for layer in context.artifact.layers:
        facts = layer_facts(f"keras.layers.{layer.class_name}") if not layer.custom else None
        for rate in facts.rate_arguments if facts is not None else ():
            value = layer.config.get(rate.name, 0.0)
            problem = problem_of(value)
            generation = context.keras.generation if context.keras is not None else 3
            told = outcome(f"keras.layers.{layer.class_name}", problem, generation) if problem is not None else None
            if problem is not None and told is not None:
                word = f"`{rate.name}`" if rate.name != "rate" else "the rate"
                yield Saved(
                    f"{layer.shown}: {word} of {layer.class_name} is {value!r}, which {_SAYS[problem]}: {told}",
                    Confidence.HIGH,
                    help="build the model with the fraction to drop, and save it again",
                )


def _label(rate: GivenRate, value: object, problem: Problem) -> str:
    if rate.receiver == "keras.layers.GaussianNoise":
        return "a standard deviation between 0 and 1 is wanted here"
    if problem == "one" and not isinstance(value, bool):
        return "a fraction below 1 is wanted here"
    return "the fraction to drop, between 0 and 1, is wanted here"


def _help(rate: GivenRate, value: object, problem: Problem) -> str:
    if rate.receiver != "keras.layers.GaussianNoise" and problem == "above" and isinstance(value, (int, float)):
        if 1 < value <= 100 and value == int(value):
            return f"for {value:g} per cent write {value / 100:g}"
    elif problem == "text" and isinstance(value, str):
        return "convert it to a float where it is read"
    elif problem == "none":
        return "write 0 for no dropout, or leave the layer out"
    return "write the fraction to drop, at least 0 and below 1"


RULE = Rule(
    code="KTM501",
    name="dropout-rate-out-of-range",
    severity=Severity.ERROR,
    confidence=Confidence.HIGH,
    since="0.1.0",
    applicability=None,
    triggers=(b"ropout", b"GaussianNoise"),
    needs=(frozenset({"rate"}),),
    local=True,
    check=check,
    check_saved=check_saved,
    doc=__doc__ or "",
)
