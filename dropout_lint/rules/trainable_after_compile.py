"""`trainable` is changed after the train function was built, and the model is not compiled again.

## What it does

Finds assignments to `trainable` of a model, or of a layer in it, that come after `compile()` (Keras 2) or after
the first `fit()` or `train_on_batch()` (Keras 3), when a training of that model follows and no path compiles it in
between. In a callback, while `fit()` runs, it is always after.

## Why is this bad

Which weights get gradients is decided once, when the train function is built: Keras 2 remembers the flags that
`compile()` saw, Keras 3 those that the first training step was traced with. A layer "frozen" later goes on training,
one "opened" later stays as it is, and nothing warns; `model.summary()` shows the new flags. On Keras 3 a batch of
another size traces the step anew, and then the change takes effect after all, in the middle of an epoch.

In a callback, compiling is no way out: the running `fit()` calls the train function that `compile()` has just taken
away, and raises.

One order is right on both: set the flags, compile, then fit; and compile again after every change.

Toggles that a `compile()` may see on some path are left alone, and so are those that an outer model's `compile()` is
meant to see (`discriminator.trainable = False; combined.compile(...)`), models that run eagerly on Keras 3, and
`make_train_function(force=True)` on Keras 3.

## Example

```python
model.compile("adam", "mse")
model.fit(x, y)
model.get_layer("embedding").trainable = False
model.fit(x, y)
```

## Use instead

```python
model.compile("adam", "mse")
model.fit(x, y)
model.get_layer("embedding").trainable = False
model.compile("adam", "mse")
model.fit(x, y)
```

## Fix safety

It has none: compiling makes a new optimizer, which is a decision of its own.

## References

- https://keras.io/guides/transfer_learning/
- https://keras.io/getting_started/faq/#how-can-i-freeze-layers-and-do-finetuning

## Evidence

Keras 3.15.1 and tf_keras 2.21: a layer frozen between two fits moves in the second.
Frozen between `compile()` and the first fit it moves on tf_keras 2.21 and does not on Keras 3.3 to 3.15, also after
an `evaluate()`. Toggled in a callback at the second epoch it moves on both; `make_train_function(force=True)` freezes
it on Keras 3.15.1 and does not on tf_keras 2.21. A callback that compiles after an epoch or a batch makes the next
step raise: TypeError ('NoneType' object is not callable) on tf_keras 2.21 and Keras 3.15.1, ValueError on JAX.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dropout_lint.findings import Confidence, Severity
from dropout_lint.rules.model import Context, Draft, ProbeAt, Rule
from dropout_lint.rules.telling import assignment_of, chain_of, version_text
from dropout_lint.semantics.choices import toggled_at
from dropout_lint.semantics.conditions import guard_words
from dropout_lint.semantics.events import ModelUse, TrainableSet, path_of
from dropout_lint.semantics.models import weightless
from dropout_lint.semantics.timeline import Verdict, by_toggle, toggles_a_trained_model
from dropout_lint.semantics.trials import is_test_code
from dropout_lint.semantics.values import alternatives
from dropout_lint.syntax.bindings import assigned_values

if TYPE_CHECKING:
    from collections.abc import Iterator

    import libcst as cst

    from dropout_lint.semantics.events import Interpretation


_END_FIRST = "end this fit(), change the flag, compile() and fit() the rest of the epochs"


def check(context: Context) -> Iterator[Draft]:
    """Yield a finding for each toggle that the training after it does not see."""
    for found in by_toggle(context.interpretation, "stale", context.generations, context.backend):
        toggle = next(iter(found.values())).toggle
        if is_test_code(toggle.frames) or all(weightless(each) is True for each in alternatives(toggle.receiver)):
            continue
        if any(toggles_a_trained_model(context.interpretation, each) for each in found.values()):
            # a GAN's: another rule's
            continue
        yield _draft(context, found)
    for found in by_toggle(context.interpretation, "recompiled", context.generations, context.backend):
        toggle = next(iter(found.values())).toggle
        if not is_test_code(toggle.frames):
            yield _recompiled(toggle)


def _recompiled(toggle: TrainableSet) -> Draft:
    return Draft(
        place=toggled_at(toggle),
        message=(
            f"{assignment_of(toggle)} is compiled in a callback, which takes the train function away from the running "
            "fit(): its next step raises"
        ),
        confidence=Confidence.HIGH,
        label="compiled while fit() runs",
        help=_END_FIRST,
        chain=chain_of(toggle.frames) if len(toggle.frames) > 1 else (),
        probe=ProbeAt("weights", toggle.place),
    )


def _draft(context: Context, found: dict[int, Verdict]) -> Draft:
    verdict = found[max(found)]
    toggle, use = verdict.toggle, verdict.use
    everywhere = set(found) == set(context.generations)
    held = context.on(next(iter(found)))
    method = f"{use.method}()" if isinstance(use, ModelUse) else "fit()"
    told = assignment_of(toggle)
    if not isinstance(use, ModelUse):
        where = "" if everywhere else f" on {held.text}"
        message = f"{told} in a callback comes after the train function was built{where}: the running fit() ignores it"
    elif 3 not in found:
        on = version_text(context.keras) if everywhere else held.text
        message = f"{told} comes after compile(), which is when {on} reads the flags: {method} ignores it"
    else:
        message = f"{told} comes after the train function was built: {method} ignores it until the next compile()"
    confidence = Confidence.HIGH if verdict.certain and verdict.known else Confidence.MEDIUM
    if not verdict.known and isinstance(use, ModelUse) and not _tells_layers_apart(toggle, use, context):
        confidence = Confidence.LOW
    return Draft(
        place=toggled_at(toggle),
        message=message,
        confidence=confidence,
        severity=None if everywhere else Severity.NOTE,
        label="not seen by the training that follows",
        help="compile the model again after changing it, with a new optimizer"
        if isinstance(use, ModelUse)
        else _END_FIRST,
        notes=("a batch of another size makes Keras 3 trace the step anew: then it takes effect, mid-training",)
        if 3 in found
        else (),
        chain=chain_of(toggle.frames) if len(toggle.frames) > 1 else (),
        probe=ProbeAt("weights", toggle.place),
        keras=() if everywhere else held.versions,
    )


def _tells_layers_apart(toggle: TrainableSet, use: ModelUse, context: Context) -> bool:
    """Whether a loop sets some flags and clears others, which are not as they were: nothing did the same before."""
    if not toggle.loops or {each.serial for each in toggle.loops} & {each.serial for each in use.loops}:
        return False
    again = context.interpretation.that((TrainableSet,), _written_at, id(toggle.place.node))
    if len({path_of(each.frames) for each in again}) > 1:
        return False
    function = toggle.frames[-1].function
    tree = function.node if function is not None else toggle.place.module.tree
    value = context.interpretation.once(_assigned_in, tree).get(id(toggle.place.node))
    return value is not None and not guard_words(value).isdisjoint(toggle.loops[-1].targets)


def _assigned_in(_: Interpretation, tree: cst.CSTNode) -> dict[int, cst.BaseExpression]:
    return assigned_values(tree)


def _written_at(event: TrainableSet) -> int:
    return id(event.place.node)


RULE = Rule(
    code="KTM203",
    name="trainable-after-compile",
    severity=Severity.WARNING,
    confidence=Confidence.HIGH,
    since="0.1.0",
    applicability=None,
    triggers=(b"trainable",),
    needs=(frozenset({"trainable-set"}), frozenset({"fits"})),
    wide="trains",
    check=check,
    doc=__doc__ or "",
)
