# ruff: noqa: SLF001  # Keras and TensorFlow offer no public way to what is read here
"""``layer.trainable = ...`` and the like where it does nothing: performed, remembered, later undone for an arm."""

from __future__ import annotations

import contextlib
from typing import Any

NOTHING = object()

Flags = list[tuple[Any, Any]]


def trainable_flags(layers: list[Any]) -> Flags:
    """The ``trainable`` flag of every layer and variable, for ``set_flags``."""
    flags: Flags = []
    for layer in layers:
        if hasattr(layer, "_trainable"):
            flags.append((layer, layer._trainable))
        # Keras 3 also keeps a flag in each variable; Keras 2's variables are fixed at creation.
        for variable in getattr(layer, "_trainable_variables", None) or ():
            if hasattr(type(variable), "trainable") and getattr(type(variable).trainable, "fset", None):
                flags.append((variable, variable.trainable))
    return flags


def set_flags(flags: Flags) -> None:
    """Put flags back one by one: setting a parent's flag would overwrite its children's."""
    for owner, value in flags:
        if hasattr(owner, "_flatten_layers"):
            owner._trainable = value
        elif owner.trainable != value:
            owner.trainable = value


class Toggle:
    """What one flagged assignment has done so far: the objects, and all flags as they were before it."""

    def __init__(self, probe: Any) -> None:
        self.probe = probe
        self.before: dict[int, tuple[Any, Flags]] = {}
        self.executions = 0
        # Set by an assignment, cleared when the next call it could have changed has been measured.
        self.pending = False
        self.values: list[Any] = []
        # Other attributes (`model.training`): object, name, the old value or nothing, the new one.
        self.attributes: list[tuple[Any, str, Any, Any]] = []

    def perform(self, session: Any, target: Any, value: Any) -> None:
        """Carry out the assignment as the program wrote it, and remember what it changed."""
        layers = session.sublayers(target)
        self.before.setdefault(id(target), (target, trainable_flags(layers)))
        self.executions += 1
        self.pending = True
        self.values.append(value)
        target.trainable = value

    def perform_attribute(self, target: Any, name: str, value: Any) -> None:
        """Likewise, for an attribute that Keras does not know."""
        old = target.__dict__.get(name, NOTHING) if hasattr(target, "__dict__") else getattr(target, name, NOTHING)
        setattr(target, name, value)
        self.before.setdefault(id(target), (target, []))
        self.attributes.append((target, name, old, value))
        self.executions += 1
        self.pending = True
        self.values.append(value)

    def redo(self) -> None:
        """Set attributes again that were undone."""
        for target, name, _, value in self.attributes:
            setattr(target, name, value)

    def undo(self) -> None:
        """Put all flags back to before the assignments."""
        for target, name, old, _ in reversed(self.attributes):
            if old is NOTHING:
                with contextlib.suppress(AttributeError):
                    delattr(target, name)
            else:
                setattr(target, name, old)
        for _, flags in reversed(list(self.before.values())):
            set_flags(flags)

    def concerns(self, layers: list[Any]) -> bool:
        """True when one of the toggled objects is among these layers."""
        inside = {id(layer) for layer in layers}
        return any(key in inside for key in self.before)


class ToggleProxy:
    """Stands for ``layer`` in ``layer.trainable = value``; anything else goes to the layer itself."""

    def __init__(self, toggle: Toggle, session: Any, target: Any) -> None:
        object.__setattr__(self, "_parts", (toggle, session, target))

    def __setattr__(self, name: str, value: Any) -> None:
        toggle, session, target = object.__getattribute__(self, "_parts")
        if session.forced(toggle.probe):
            return
        if name != "trainable":
            toggle.perform_attribute(target, name, value)
        else:
            toggle.perform(session, target, value)

    def __getattribute__(self, name: str) -> Any:
        return getattr(object.__getattribute__(self, "_parts")[2], name)
