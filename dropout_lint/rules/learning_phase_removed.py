"""The global learning phase is used, which Keras 3 no longer has: AttributeError.

## What it does

Finds calls of `set_learning_phase`, `learning_phase`, `learning_phase_scope`, `in_train_phase` and
`in_test_phase` of `keras.backend`, however it is imported. Calls under a test of the version, under `hasattr`,
or in a `try` that catches the exception are left alone. Where the Keras version is not known, or only these
very calls speak for Keras 2, it is a note.

## Why is this bad

Keras 3 has no global mode, and none of these functions: the attribute is missing in `keras.backend`, in
`tf.keras.backend` and in `tf.compat.v1.keras.backend` from TensorFlow 2.16 on.

## Example

```python
K.set_learning_phase(0)
model = keras.models.load_model("model.h5")
```

## Use instead

```python
model = keras.models.load_model("model.h5")  # predict(), evaluate() and model(x) infer by themselves
```

## Fix safety

There is no automatic fix. Usually the statement can go; a layer takes `training` as a parameter of its `call`
instead of `in_train_phase`, and a function made with `K.function` becomes a call of a model, with `training=`.

## References

- https://keras.io/guides/migrating_to_keras_3/

## Evidence

Keras 3.15.1 with TensorFlow 2.21: `AttributeError: module 'keras.backend' has no attribute
'set_learning_phase'` (the other functions likewise, and for `tf.keras.backend`); importing one of them raises
ImportError. tf_keras 2.21 has all of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dropout_lint.findings import Confidence, Severity
from dropout_lint.keras.entry_points import LEARNING_PHASE
from dropout_lint.rules.model import Context, Draft, ProbeAt, Rule
from dropout_lint.rules.telling import chain_of, version_text
from dropout_lint.semantics.events import FunctionCall, Place
from dropout_lint.semantics.intent import prepared_for_absence
from dropout_lint.syntax.lazy import cst

if TYPE_CHECKING:
    from collections.abc import Iterator

_HELP = {
    "set_learning_phase": "remove it: every call and every method has a mode of its own",
    "learning_phase_scope": "call the model with training=True or training=False instead",
    "in_train_phase": "take `training` as a parameter of call() and choose by it",
    "in_test_phase": "take `training` as a parameter of call() and choose by it",
}


def check(context: Context) -> Iterator[Draft]:
    """Yield a finding for each call of a function that Keras 3 does not have."""
    missing = context.where("learning-phase-exists", False)
    if not missing.possible:
        return
    for event in context.interpretation.events:
        if isinstance(event, FunctionCall) and event.name in LEARNING_PHASE and not prepared_for_absence(event):
            name = event.name.rpartition(".")[2]
            version = version_text(context.keras) if missing.certain else missing.text
            call = event.place.node
            yield Draft(
                place=Place(event.place.module, call.func if isinstance(call, cst.Call) else call),
                message=f"{version} has no `{name}()`, nor any other learning phase: AttributeError",
                confidence=Confidence.HIGH,
                severity=None if missing.certain else Severity.NOTE,
                help=_HELP.get(name, "pass training=True or training=False to the call instead"),
                chain=chain_of(event.frames) if len(event.frames) > 1 else (),
                probe=ProbeAt("raises", event.place, "AttributeError or ImportError"),
                keras=() if missing.certain else missing.versions,
            )


RULE = Rule(
    code="KTM302",
    name="learning-phase-removed",
    severity=Severity.ERROR,
    confidence=Confidence.HIGH,
    since="0.1.0",
    applicability=None,
    triggers=(b"learning_phase", b"in_train_phase", b"in_test_phase"),
    needs=(frozenset({"learning-phase"}),),
    of_tests=True,
    check=check,
    doc=__doc__ or "",
)
