"""The global learning phase of Keras 2 is set where it does something else than it seems to.

## What it does

On Keras 2, finds `set_learning_phase(1)` that is still in force when the program calls a model without a flag,
or predicts with it; `set_learning_phase(0)` before `fit()` (a note); and a `learning_phase_scope(1)` that is
made and never entered. A phase that is set back before (`set_learning_phase(0)`, `clear_session()`), and passes
that are drawn several times on purpose, are left alone. On Keras 3 the functions do not exist: that is KTM302.

## Why is this bad

With TensorFlow 2 the phase is only what a bare `model(x)` takes when it is given no flag. `fit()`, `evaluate()`
and `predict()` pass their own. So a phase of 1 makes hand-written inference random and batch-dependent, and has
no influence on `predict()`; a phase of 0 does not keep dropout or batch normalisation from training in `fit()`.
In a graph of TensorFlow 1 it is the other way round: there `predict()` of a model that is built in phase 1 runs
in training mode.

## Example

```python
K.set_learning_phase(1)
model.fit(x, y)
scores = model(x_test)  # dropout is active
```

## Use instead

```python
model.fit(x, y)
scores = model(x_test, training=False)
```

## Fix safety

There is no automatic fix: what has to go depends on which of the modes was wanted.

## References

- https://github.com/tensorflow/tensorflow/releases/tag/v2.5.0 (deprecation of the global phase)

## Evidence

tf_keras 2.21: after `set_learning_phase(1)` a bare call drops units and moves batch statistics, evaluate() and
predict() give the same numbers as before; after `set_learning_phase(0)` fit() drops units and learns batch
statistics as ever. With `tf.compat.v1.disable_v2_behavior()` the phase is a constant of the graphs that are
built after it: with 1 predict() drops units, with 0 fit() does not.
"""

from __future__ import annotations

from bisect import bisect_right
from itertools import islice
from operator import itemgetter
from typing import TYPE_CHECKING

from dropout_lint.findings import Confidence, Severity
from dropout_lint.keras.tensorflow import runs_graphs
from dropout_lint.rules.model import Context, Draft, ProbeAt, Rule
from dropout_lint.rules.telling import chain_of, stays_active
from dropout_lint.semantics.events import Discarded, Event, FunctionCall, ModeCall, ModelUse
from dropout_lint.semantics.intent import drawn_passes
from dropout_lint.semantics.models import content
from dropout_lint.semantics.trials import is_test_code
from dropout_lint.semantics.values import truth
from dropout_lint.semantics.words import says_intent

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dropout_lint.semantics.events import Interpretation

_SET = "keras.backend.set_learning_phase"
_CLEAR = "keras.backend.clear_session"
_NEW_GRAPH = frozenset({"tensorflow.reset_default_graph", "tensorflow.compat.v1.reset_default_graph"})
"""What ends a phase where it belongs to a graph; where TensorFlow runs eagerly it stays (measured, tf_keras 2.21)."""
_SCOPE = "keras.backend.learning_phase_scope"
_ONLY_BARE_CALLS = "with TensorFlow 2 only a bare model(x) takes the learning phase"


def check(context: Context) -> Iterator[Draft]:
    """Yield a finding for each phase that is set in vain, or that is still set when a model infers."""
    if not context.where("learning-phase-exists").certain:
        return
    events = context.interpretation.events
    for number, event in enumerate(events):
        if not isinstance(event, FunctionCall) or event.name not in {_SET, _SCOPE} or is_test_code(event.frames):
            continue
        given = event.arguments.get("value", 0)
        on = truth(given.value) if given is not None else None
        if event.name == _SCOPE:
            draft = _unused_scope(event, events[number + 1 : number + 4])
        elif on is True:
            draft = _forced_on(event, number, context)
        else:
            draft = _forced_off(event, number, context) if on is False else None
        if draft is not None:
            yield draft


class _Phases:
    """What a program does that has to do with the phase, by the runs of the program (their outermost frames).

    What nobody calls is a run of its own.
    """

    def __init__(self, interpretation: Interpretation, graphs: bool) -> None:
        ends = {_SET, _CLEAR, *_NEW_GRAPH} if graphs else {_SET, _CLEAR}
        self._runs: dict[int, list[tuple[int, FunctionCall | ModelUse]]] = {}
        self._flagged: dict[int, int] = {}
        self.drawn = frozenset(map(id, drawn_passes(interpretation)))
        acting: dict[int, bool] = {}
        for number, event in enumerate(interpretation.events):
            if isinstance(event, ModeCall):
                self._flagged[id(event.place.node)] = number
            elif isinstance(event, ModelUse):
                if id(event.receiver) not in acting:
                    acting[id(event.receiver)] = not content(event.receiver).empty
                if acting[id(event.receiver)]:
                    self._runs.setdefault(_run_of(event), []).append((number, event))
            elif isinstance(event, FunctionCall) and event.name in ends:
                self._runs.setdefault(_run_of(event), []).append((number, event))

    def until_reset(self, event: FunctionCall, number: int, on: bool) -> Iterator[ModelUse]:
        """What is done with models in the same run of the program while the phase is what ``event`` makes it."""
        run = self._runs[_run_of(event)]
        for _, other in islice(run, bisect_right(run, number, key=itemgetter(0)), None):
            if isinstance(other, ModelUse):
                yield other
                continue
            given = other.arguments.get("value", 0) if other.name == _SET else None
            if given is None or truth(given.value) is not on:
                return

    def is_flagged_after(self, number: int, use: ModelUse) -> bool:
        """Whether the line of a call is come by with a flag later than ``number``."""
        return self._flagged.get(id(use.place.node), -1) > number


def _run_of(event: FunctionCall | ModelUse) -> int:
    return id(event.frames[0]) if event.frames[0].assumed else 0


def _forced_on(event: FunctionCall, number: int, context: Context) -> Draft | None:
    phases = context.interpretation.once(_Phases, _builds_graphs(context))
    uses = [each for each in phases.until_reset(event, number, True) if each.kind in {"inference", "call"}]
    bare = [
        each
        for each in uses
        if each.kind == "call" and not each.symbolic and not _trains(each) and not phases.is_flagged_after(number, each)
    ]
    if any(id(each) in phases.drawn for each in bare):
        return None
    if bare:
        active = stays_active(content(bare[0].receiver))
        return _draft(
            event,
            f"the learning phase stays 1: a bare call after it runs in training mode, {active}",
            "set it back to 0, or pass training=False to the call",
        )
    predicted = [each for each in uses if each.kind == "inference"]
    if not predicted:
        return None
    method = predicted[0].method
    drawn = any(id(each) in phases.drawn for each in predicted)
    meant = drawn or any(says_intent(frame.name) for frame in event.frames)
    if _builds_graphs(context):
        # there the phase is a constant of the graph
        active = stays_active(content(predicted[0].receiver))
        message = f"the learning phase stays 1: in a graph of TensorFlow 1 {method}() runs in training mode, {active}"
        return None if meant else _draft(event, message, "set it back to 0 before the model is built for inference")
    if meant and not drawn:
        return None
    spread = ", so the passes do not differ" if drawn else ""
    return _draft(
        event,
        f"a learning phase of 1 does not reach {method}(), which runs in inference mode{spread}",
        "call the model itself for a random pass: model(x, training=True)" if drawn else "remove it",
    )


def _builds_graphs(context: Context) -> bool:
    return runs_graphs(context.interpretation.names, context.tensorflow)


def _trains(use: ModelUse) -> bool:
    """Whether a call is part of training: a gradient follows, or it looks at the batch that is trained on."""
    if any(each.kind in {"gradient", "train-input"} for each in use.uses):
        return True
    held_out = any(tag[:2] == ("data", "held-out") for tag in use.input_tags)
    return bool(use.loops) and use.loops[-1].trains and not held_out


def _forced_off(event: FunctionCall, number: int, context: Context) -> Draft | None:
    phases = context.interpretation.once(_Phases, _builds_graphs(context))
    if _builds_graphs(context) or not any(each.kind == "train" for each in phases.until_reset(event, number, False)):
        return None
    return _draft(
        event,
        "a learning phase of 0 does not reach fit(): dropout and batch normalisation run in training mode there",
        "to keep batch normalisation in inference mode, set trainable = False on it before compile()",
        Severity.NOTE,
    )


def _unused_scope(event: FunctionCall, later: list[Event]) -> Draft | None:
    made_only = any(isinstance(other, Discarded) and other.place.node is event.place.node for other in later)
    return (
        _draft(event, "this scope is made and never entered: no phase is set", "enter it: with …:")
        if made_only
        else None
    )


def _draft(event: FunctionCall, message: str, remedy: str, severity: Severity | None = None) -> Draft:
    return Draft(
        place=event.place,
        message=message,
        confidence=Confidence.MEDIUM,
        severity=severity,
        help=remedy,
        notes=() if "TensorFlow 1" in message else (_ONLY_BARE_CALLS,),
        chain=chain_of(event.frames) if len(event.frames) > 1 else (),
        probe=ProbeAt("statement", event.place, "skip"),
    )


RULE = Rule(
    code="KTM301",
    name="learning-phase-forced",
    severity=Severity.WARNING,
    confidence=Confidence.MEDIUM,
    since="0.1.0",
    applicability=None,
    triggers=(b"learning_phase",),
    needs=(frozenset({"learning-phase-set"}),),
    check=check,
    doc=__doc__ or "",
)
