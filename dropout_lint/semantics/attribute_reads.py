"""Which attributes the project reads: what is assigned and never read by anybody has no effect.

Keras reads only the attributes it defines. Any other that is set on a layer is for the project's own code, which is
all in sight, or for nobody.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dropout_lint.semantics.values import ClassValue, Instance, Opaque, Value, alternatives

if TYPE_CHECKING:
    from dropout_lint.semantics.events import Frame, Interpretation

Owner = ClassValue | int | None
"""A project class, the serial of an object of any other class, or None where the object is not known."""
Reads = dict[tuple[str, Owner], bool]
"""By name and owner: whether it is read in what Keras traces."""

_TRACED = frozenset({"call", "lambda", "train_step", "test_step", "predict_step"})


def note_read(reads: Reads, frame: Frame, receiver: Value, name: str) -> None:
    """``receiver.name`` is read."""
    slot = (name, _owner(receiver))
    if not reads.get(slot, False):
        reads[slot] = is_traced(frame)


def is_traced(frame: Frame | None) -> bool:
    """Whether Keras puts what happens in ``frame`` into a compiled function, and calls that from then on."""
    while frame is not None:
        if frame.hook in _TRACED:
            return True
        frame = frame.caller
    return False


def is_read(interpretation: Interpretation, receiver: Value, name: str, traced: bool = False) -> bool:
    """Whether the project reads ``name`` of what may be ``receiver`` (``traced``: in a ``call`` or a step)."""
    return any(
        known == name
        and (inside or not traced)
        and any(_may_be(owner, each, certainly=traced) for each in alternatives(receiver))
        for (known, owner), inside in interpretation.reads.items()
    )


def _owner(receiver: Value) -> Owner:
    if isinstance(receiver, Instance):
        return receiver.cls if isinstance(receiver.cls, ClassValue) else receiver.serial
    return None


def _may_be(owner: Owner, receiver: Value, certainly: bool) -> bool:
    if owner is None or isinstance(receiver, Opaque):
        return not certainly
    if not isinstance(receiver, Instance):
        return True
    if isinstance(owner, ClassValue):
        own = receiver.cls
        return isinstance(own, ClassValue) and (own in owner.ancestry() or owner in own.ancestry())
    return owner == receiver.serial
