"""A rate or a flag is changed after the model was traced: what was traced goes on with the old value.

## What it does

Finds assignments to the `rate` of a dropout layer (or the `stddev` of a noise layer), and to an attribute that a
`call`, `train_step`, `test_step` or `predict_step` of the project reads, if `fit()`, `evaluate()`, `predict()` or a
`@tf.function` has run before, runs again after, and no path compiles the model in between. In a callback, or in the
function of a `LearningRateScheduler`, `fit()` is running, so everything but what is set at its first begin is late.
Also a `trainable` that is set back after a compiled step of one's own was traced, which asks for trainable weights.

## Why is this bad

Keras traces the step once and calls the result from then on. A Python number or flag that is read on the way is a
constant in there. The next `fit()` or `predict()` runs as if nothing had been assigned, and nothing warns; a batch of
another size is traced anew, and sees the change after all.

A model that is compiled again, built again, or runs eagerly is left alone, and so is a direct call, which asks anew.
Dropout's rate is looked at where dropout runs, in training.

## Example

```python
model.fit(x, y, epochs=5)
dropout.rate = 0.0
model.fit(x, y, epochs=5)
```

## Use instead

```python
model.fit(x, y, epochs=5)
dropout.rate = 0.0
model.compile("adam", "mse")
model.fit(x, y, epochs=5)
```

## Fix safety

It has none: compiling makes a new optimizer, which is a decision of its own.

## References

- https://www.tensorflow.org/guide/function#depending_on_python_global_and_free_variables
- https://keras.io/api/models/model_training_apis/

## Evidence

Keras 3.15.1 and tf_keras 2.21, `Dropout(0.9)` on ones, mean squared error 8.8 with dropout and 0 without: 8.8 in
the second fit after `rate = 0`, 0 after `compile()` or `make_train_function(force=True)`, in a clone, with another
`batch_size`, and with `run_eagerly=True`; 0 where it is set between compile and the first fit, also after evaluate and
predict. Set in `on_epoch_end`, or in the second `on_epoch_begin`, it stays at 8.8; set in every `on_epoch_begin` or
in `on_train_begin` it is 0 from the first epoch on. A flag that `call` reads, flipped between two `predict()`, changes
nothing; `predict_on_batch()` and `model(x)` see it. A base that is frozen, and opened after a `@tf.function` that asks
for `model.trainable_variables` was traced, moves by 0.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dropout_lint.findings import Confidence, Severity
from dropout_lint.rules.model import Context, Draft, ProbeAt, Rule
from dropout_lint.rules.telling import chain_of
from dropout_lint.semantics.events import FunctionCall
from dropout_lint.semantics.tracing import Late, late_assignments
from dropout_lint.semantics.trials import is_test_code

if TYPE_CHECKING:
    from collections.abc import Iterator

_EAGER = frozenset({"tensorflow.config.run_functions_eagerly", "tensorflow.config.experimental_run_functions_eagerly"})


def check(context: Context) -> Iterator[Draft]:
    """Yield a finding for each assignment that what was traced does not see."""
    if context.backend == "torch" or any(
        isinstance(event, FunctionCall) and event.name in _EAGER for event in context.interpretation.events
    ):
        return
    for late in late_assignments(context.interpretation):
        if not is_test_code(late.assignment.frames):
            yield _draft(late)


def _draft(late: Late) -> Draft:
    event = late.assignment
    what = f"`{event.receiver_text}.{event.name}`"
    if late.use is None:
        changed = f"{what} changes while fit() runs, whose step is traced already"
        consequence = "the epochs that follow do not see it" if late.function == "fit()" else "the calls do not see it"
        if late.function != "fit()":
            changed = f"{what} changes after {late.function} was traced"
    else:
        changed = f"{what} changes after {late.function} was traced"
        consequence = f"the next {late.function} runs with the old value"
    return Draft(
        place=event.place,
        message=f"{changed}: {consequence}",
        confidence=Confidence.HIGH if late.certain else Confidence.MEDIUM,
        label="not seen by what was traced before",
        help=_help(late),
        notes=("a batch of another size is traced anew, and sees it",) if late.use is not None else (),
        chain=chain_of(event.frames) if len(event.frames) > 1 else (),
        probe=ProbeAt("statement", event.place, "skip"),
    )


def _help(late: Late) -> str:
    if late.kind == "trainable":
        return "make the function anew after changing it: tf.function(step) of the plain function"
    if late.use is None and late.function == "fit()":
        return "end this fit(), change it, compile() and fit() the rest of the epochs, or keep it in a variable"
    if late.use is None:
        return "hand it over as an argument, or keep it in a variable"
    if late.kind == "rate":
        return "compile the model again after changing it"
    return "compile the model again after changing it, hand it over as an argument, or keep it in a variable"


RULE = Rule(
    code="KTM409",
    name="changed-after-trace",
    severity=Severity.WARNING,
    confidence=Confidence.HIGH,
    since="0.1.0",
    applicability=None,
    triggers=(b"fit(", b"predict(", b"evaluate(", b"_on_batch(", b"function", b"callbacks"),
    needs=(frozenset({"late", "trainable-set"}), frozenset({"traces"})),
    wide="traces",
    check=check,
    doc=__doc__ or "",
)
