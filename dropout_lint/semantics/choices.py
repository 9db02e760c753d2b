"""Where a flag is chosen: at the call itself, or by whoever called the function with it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dropout_lint.semantics.events import Frame, Place
from dropout_lint.semantics.values import Argument, Const, Instance
from dropout_lint.syntax.lazy import cst
from dropout_lint.syntax.walk import contains

if TYPE_CHECKING:
    from dropout_lint.semantics.events import TrainableSet


@dataclass(frozen=True, slots=True, eq=False)
class Choice:
    """Where the flag of a call is chosen."""

    place: Place
    frame: Frame
    call: cst.CSTNode
    """The call expression that spells the flag, or leaves it out."""
    parameter: str

    @property
    def spelled(self) -> bool:
        """Whether the flag is a literal, a name or an item, or left out, rather than computed where it is chosen."""
        plain = (cst.Name, cst.Attribute, cst.Integer, cst.Subscript, cst.Arg)
        return self.place.node is self.call or isinstance(self.place.node, plain)


def choice_of(frame: Frame, given: Argument, call: cst.CSTNode, in_graph: bool = False) -> Choice:
    """The expression that chooses the flag on this path, followed outwards through parameters.

    A literal handed down a chain of calls is chosen at the outermost call that spells it; a default nobody
    overrides, at the call that leaves it out; a constant, attribute or item, where this path reads it.

    In a graph (``in_graph``) that a base class of another module builds by calling its own object, it is chosen where
    the default is used: that call leaves it out for all classes.
    """
    value = given.value
    origin = value.origin if isinstance(value, Const) else None
    node: cst.CSTNode | None = given.node
    here, parameter = frame, "training"
    while node is not None:
        name = node.value if isinstance(node, cst.Name) else None
        if name is not None and name not in here.arguments and name not in here.defaulted:
            here = closure_of(here, name)
        through = here.arguments.get(name) if name is not None else None
        if through is None and name not in here.defaulted and origin is not None and node is not origin.node:
            # `**kwargs`: the keyword of the call that filled it, or what this function put into it
            key = next(
                (key for key, each in here.arguments.items() if key.startswith("**") and each.value is value), None
            )
            if key is not None:
                through, name = here.arguments[key], key[2:]
            elif here.function is not None and isinstance(node, cst.Arg) and contains(here.function.node, origin.node):
                return Choice(Place(here.module, origin.node), here, call, parameter)
            else:
                # a variable, or an item of a dictionary, that holds what a parameter was given
                name = next((key for key, each in here.arguments.items() if each.value is value), name)
                through = here.arguments.get(name) if name is not None else None
        caller, outer = here.caller, here.call
        if caller is None or outer is None:
            break
        if through is not None and through.value is value and through.node is not None:
            call, node, here, parameter = outer.node, through.node, caller, name or parameter
            continue
        if name is not None and name in here.defaulted and through is None:
            if in_graph and _is_own_call_elsewhere(here, caller):
                break
            return Choice(outer, caller, outer.node, name)
        break
    if node is None or (origin is not None and not contains(call, node)):
        # a partial, a bound default: nobody on this path spells it
        place = Place(origin.module, origin.node) if origin is not None else Place(frame.module, call)
        return Choice(place, here, call, parameter)
    return Choice(Place(here.module, node), here, call, parameter)


def _is_own_call_elsewhere(frame: Frame, caller: Frame) -> bool:
    own = isinstance(frame.receiver, Instance) and caller.receiver is frame.receiver
    return own and caller.module is not frame.module


def closure_of(frame: Frame, name: str) -> Frame:
    """The activation whose parameter ``name`` is, where a nested function reads it; the frame itself otherwise."""
    scope = frame.function.scope if frame.function is not None else None
    while scope is not None:
        if scope.frame is not None and (name in scope.frame.arguments or name in scope.frame.defaulted):
            return scope.frame  # type: ignore[no-any-return]
        if name in scope.names:
            return frame
        scope = scope.parent
    return frame


def toggled_at(toggle: TrainableSet) -> Place:
    """Where a toggle is chosen: the outermost call that spells the value which a function is handed to set.

    ``def set_trainable(net, value): net.trainable = value`` has nothing wrong with it.
    """
    here, place = toggle.frames[-1], toggle.place
    while here.call is not None and here.caller is not None:
        if not any(each.value is toggle.value and each.node is not None for each in here.arguments.values()):
            break
        place, here = here.call, here.caller
    return place
