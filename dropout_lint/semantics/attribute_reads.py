"""Which attributes the project reads: what is assigned and never read by anybody has no effect.

Keras reads only the attributes it defines. Any other that is set on a layer is for the project's own code, which is
all in sight, or for nobody.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dropout_lint.semantics.values import ClassValue, FunctionValue, Instance, Value, alternatives

if TYPE_CHECKING:
    from dropout_lint.semantics.events import Frame, Interpretation

Owner = ClassValue | int | None
"""A project class, the serial of an object of any other class, or None where the object is not known."""
Reads = dict[tuple[str, Owner], set[str]]
"""By name and owner: the hooks in which it is read (``call``, ``train_step``, …), ``""`` for outside of all."""

TRACED = frozenset({"call", "lambda", "train_step", "test_step", "predict_step"})
"""The hooks whose doings Keras puts into a compiled function, which is what it calls from then on."""


def note_read(reads: Reads, frame: Frame, receiver: Value, name: str) -> None:
    """``receiver.name`` is read."""
    owner: Owner = None
    if isinstance(receiver, Instance):
        owner = receiver.cls if isinstance(receiver.cls, ClassValue) else receiver.serial
    reads.setdefault((name, owner), set()).add(traced_hook(frame))


def traced_hook(frame: Frame | None) -> str:
    """The innermost hook of those in ``TRACED`` that ``frame`` runs in; ``""`` for none."""
    while frame is not None:
        if frame.hook in TRACED:
            return frame.hook
        frame = frame.caller
    return ""


def is_read(interpretation: Interpretation, receiver: Value, name: str) -> bool:
    """Whether the project reads ``name`` of what may be ``receiver``; a property of that name does so itself."""
    return any(defines(each, name) for each in alternatives(receiver)) or any(
        any(_may_be(owner, each) for each in alternatives(receiver))
        for owner in interpretation.once(_owners).get(name, ())
    )


def _owners(interpretation: Interpretation) -> dict[str, list[Owner]]:
    """Of what each attribute is read, by its name."""
    found: dict[str, list[Owner]] = {}
    for name, owner in interpretation.reads:
        found.setdefault(name, []).append(owner)
    return found


def defines(receiver: Value, name: str) -> bool:
    """Whether a class of the project has a property called ``name``, which makes of an assignment what it likes."""
    cls = receiver.cls if isinstance(receiver, Instance) else None
    return isinstance(cls, ClassValue) and (
        isinstance(cls.find(name), FunctionValue) or cls.find(f"{name}.setter") is not None
    )


def hooks_reading(interpretation: Interpretation, cls: ClassValue, name: str) -> frozenset[str]:
    """The hooks in ``TRACED`` in which the project reads ``name`` of an object of ``cls``."""
    return frozenset().union(
        *(
            interpretation.reads[name, owner] & TRACED
            for owner in interpretation.once(_owners).get(name, ())
            if isinstance(owner, ClassValue) and _related(owner, cls)
        )
    )


def _may_be(owner: Owner, receiver: Value) -> bool:
    if owner is None or not isinstance(receiver, Instance):
        return True
    if isinstance(owner, ClassValue):
        return isinstance(receiver.cls, ClassValue) and _related(owner, receiver.cls)
    return owner == receiver.serial


def _related(one: ClassValue, two: ClassValue) -> bool:
    return one in two.ancestry() or two in one.ancestry()
