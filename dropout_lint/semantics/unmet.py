"""Tests of a loop's layers that no layer passes: what would have been done to one that did.

``for layer in model.layers: if isinstance(layer, BatchNormalization): layer.trainable = False`` does nothing where the
layers that are meant sit inside another one. The branch is gone through once with a layer of the class that is asked
for, and everything is undone; what it sets is kept apart from what happens.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import libcst as cst

from dropout_lint.semantics import conditions
from dropout_lint.semantics.events import TrainableSet, Unmet
from dropout_lint.semantics.models import is_layer
from dropout_lint.semantics.values import Instance, Opaque, Value, alternatives

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from dropout_lint.semantics.conditions import Evaluate
    from dropout_lint.semantics.events import Frame
    from dropout_lint.semantics.run import Run
    from dropout_lint.semantics.scopes import Scope


def note_unmet(
    run: Run,
    frame: Frame,
    scope: Scope,
    test: cst.BaseExpression,
    outcome: bool,
    body: Sequence[cst.CSTNode],
    evaluate: Evaluate,
    execute: Callable[[Run, Frame, Scope, Sequence[cst.CSTNode]], object],
) -> None:
    """Remember what ``body`` would do, which runs where ``test`` is ``outcome``: for no layer of a loop."""
    if not run.loops:
        return
    found = _failing(run, frame, scope, test, outcome, evaluate)
    if found is None:
        return
    name, among, stand_in = found
    returned, events = len(frame.returns), len(run.events)
    mark = run.store.begin()
    try:
        with run.course.arm():
            run.store.write(scope.target(name).names, name, stand_in)
            execute(run, frame, scope, body)
    finally:
        run.store.end(mark)
        del frame.returns[returned:]
        happened = run.events[events:]
        del run.events[events:]
    run.unmet += [Unmet(event, among) for event in happened if isinstance(event, TrainableSet)]


def _failing(
    run: Run, frame: Frame, scope: Scope, test: cst.BaseExpression, outcome: bool, evaluate: Evaluate
) -> tuple[str, tuple[Value, ...], Value] | None:
    """The name of which a test says the class, the layers that fail it, and one that would pass."""
    for node, keep in conditions.tests(run, frame, scope, test, outcome, evaluate):
        value = evaluate(run, frame, scope, node)
        if not isinstance(node, cst.Name) or not all(is_layer(each) for each in alternatives(value)):
            continue
        if keep(value) is not None:
            continue
        stand_in = keep(Opaque(key=("unmet", id(test), "layers", "[]")))
        if stand_in is not None and all(isinstance(each, Instance) for each in alternatives(stand_in)):
            return node.value, alternatives(value), stand_in
    return None
