"""What the notes on a whole file come to."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from dropout_lint.keras.conventions import conventional_names
from dropout_lint.keras.entry_points import LEARNING_PHASE
from dropout_lint.keras.layers import augmentation_names, leaking_names
from dropout_lint.outline.aliases import classes_by_other_names
from dropout_lint.outline.drawing import DROPS, combines
from dropout_lint.outline.keeping import hand_keeps_on
from dropout_lint.outline.model import Outline
from dropout_lint.outline.names import WITH_LAYERS, is_keras_layer, is_mode, last_name
from dropout_lint.outline.rates import is_rate_name, rate_kind
from dropout_lint.outline.setting import set_by_name
from dropout_lint.outline.torch import torch_methods

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dropout_lint.outline.model import Unit
    from dropout_lint.outline.notes import Notes

__all__ = ["summary"]

_AUGMENTING = (*sorted(augmentation_names()), "Augment")
_LEAKING = tuple(sorted(leaking_names()))
_ANSWERS = ("softmax", "sigmoid", "Softmax", "Sigmoid")
_NO_LAYERS = frozenset({"print", "super", "setattr", "getattr"})
_OWN_METHODS = frozenset(
    {
        "add", "build", "compile", "fit", "save", "summary", "load_weights", "save_weights", "update_state",
        "reset_state", "reset_states", "append", "built", "assign",
    }
)  # fmt: skip
_PHASES = frozenset(name.rpartition(".")[2] for name in LEARNING_PHASE)
_SETS_PHASE = frozenset({"learning_phase_scope", "set_learning_phase"})
_CONVENTIONAL = frozenset(name for name, path in conventional_names().items() if path != "numpy")
_CHOSEN = frozenset({"flag-true", "flag-other", "flag-false", "flag-by-position", "trainable-set"})


def summary(notes: Notes) -> Outline:
    """The outline that the notes make up."""
    _by_position(notes)
    _discarded(notes)
    _odd_values(notes)
    makers, called = _reached_by_call(notes)
    for unit in notes.left_open:
        if notes.untold.get(unit.name):
            notes.add(unit, "flag-none")
    _called_past_keras(notes)
    torch_methods(notes)
    set_by_name(notes)
    for unit in reversed(notes.units):
        if unit.parent is not None and unit.parent.kind == "function":
            unit.parent.keeps.update(unit.keeps)
    for unit in notes.units:
        unit.mentions.update(notes.aliases[name] for name in notes.aliases.keys() & unit.mentions)
        if not _PHASES.isdisjoint(unit.mentions):
            notes.add(unit, "learning-phase")
        if not _SETS_PHASE.isdisjoint(unit.mentions):
            notes.add(unit, "learning-phase-set")
    mentions = frozenset().union(*(unit.mentions for unit in notes.units))
    words = " ".join(sorted(mentions | notes.classes.keys()))
    hand_keeps_on(notes, words)
    told = _by_words(words, notes)
    for unit in notes.units if told else ():
        unit.features |= told & _by_words(" ".join(sorted(unit.mentions)), notes)
    features = told.union(*(unit.features for unit in notes.units))
    if "defines-call" in features:
        features.add("has-call")  # of the file alone: nobody who imports it has one by that
    if features & _CHOSEN:
        features.add("active")
    return Outline(
        frozenset(features),
        tuple(notes.units),
        makers,
        called,
        _rated(notes),
        {name: frozenset(positions) for name, positions in notes.handed.items()},
        notes.classes,
        frozenset(notes.late),
        _read_in_steps(notes),
        frozenset(notes.operators),
        mentions,
        *_keras(notes),
        _refers(notes),
        frozenset(notes.made_of),
    )


def _keras(notes: Notes) -> tuple[frozenset[str], bool]:
    """The names under which a file imports parts of Keras and TensorFlow, and whether it uses any part of them."""
    names = notes.keras - {"*"} | (_CONVENTIONAL if "*" in notes.keras else set())
    meant = names | _CONVENTIONAL.difference(notes.imports, notes.stored, notes.classes, notes.parameters)
    layers = meant - notes.tensorflow - {"tf"}
    for unit in notes.units:
        told = layers if WITH_LAYERS.isdisjoint(unit.mentions) else meant
        if not told.isdisjoint(unit.reads):
            notes.add(unit, "keras")
    uses = any("keras" in unit.features for unit in notes.units)
    return frozenset(names), uses or not notes.keras <= notes.tensorflow


def _refers(notes: Notes) -> frozenset[str]:
    """The names by which a file may refer to what others define."""
    unbound: set[str] = set()
    if "*" in notes.imports:
        unbound.update(*(unit.reads for unit in notes.units))
        unbound.difference_update(notes.stored, notes.classes, notes.parameters)
    return frozenset(notes.attributes.union(notes.imports, notes.aliases.values(), unbound))


def _by_words(words: str, notes: Notes) -> set[str]:
    """What the words of a file tell."""
    found = set()
    if any(name in words for name in _AUGMENTING):
        found.add("augmentation")
    if "GaussianNoise" in words or "GaussianDropout" in words:
        found.add("takes-spread")
    if any(name in words for name in _LEAKING):
        found.add("acts-by-default")
    if notes.compiles_models and any(answer in words for answer in _ANSWERS):
        found.add("compiled-answer")
    return found


def _called_past_keras(notes: Notes) -> None:
    """``layer.call(x)``: not of what is made of the file's own classes alone, unless it trains."""
    trains = any("fits" in unit.features for unit in notes.units)
    for unit, receiver in notes.called_past:
        name = last_name(receiver)
        kept = [value for _, target, value in notes.bindings if last_name(target) == name] if name else []
        made = [last_name(value.func) if isinstance(value, ast.Call) else "" for value in kept]
        if trains or not kept or not notes.classes.keys() >= set(made):
            notes.add(unit, "call-bypassed")


def _by_position(notes: Notes) -> None:
    """Flags by position: not where a function of the file takes something else there."""
    for unit, name, position, passed_on in notes.positional:
        known = notes.parameters.get(name)
        if known is None and not passed_on:
            notes.add(unit, "true-by-position")
        elif known is None or any(
            is_mode(parameters[position]) and not passed_on if position < len(parameters) else "*" in parameters
            for parameters in known
        ):
            notes.add(unit, "flag-by-position")


def _odd_values(notes: Notes) -> None:
    """What is handed over as a rate under another name, and is none."""
    for unit, name, value in notes.assigned:
        if name in notes.local and rate_kind(value) == "bad":
            notes.add(unit, "rate")
    looked_up = list(notes.looked_up)
    for unit, root, value, spread in notes.rates_given:
        if isinstance(value, ast.Subscript):
            looked_up.append(unit)
        if not notes.is_foreign(root) and rate_kind(value) == "bad":
            notes.add(unit, "spread" if spread else "rate")
    if notes.reads_configurations:
        for unit in looked_up:
            notes.add(unit, "rate")


def _rated(notes: Notes) -> dict[str, int]:
    found: dict[str, int] = {}
    for name, known in notes.parameters.items():
        for parameters in known:
            for position, parameter in enumerate(parameters):
                if is_rate_name(parameter) or parameter in notes.local:
                    found.setdefault(name, position)
                    break
    return found


# Functions and what they call -----------------------------------------------------------------------------------


def _reached_by_call(notes: Notes) -> tuple[frozenset[str], frozenset[str]]:
    """The functions that make objects, and those from elsewhere that a ``call`` reaches."""
    functions = [unit for unit in notes.units if unit.kind == "function"]
    making = {unit for unit in functions if any(_makes(name, root, notes) for name, root in unit.makers)}
    makers = frozenset(unit.name for unit in making)
    names = {unit.name for unit in functions}
    reached = _called_from({"call"} & names, functions)
    for unit in functions:
        if unit.name not in reached:
            continue
        if unit.draws and _combines(unit, notes):
            notes.add(unit, "random")
        if unit in making and unit.name not in {"__init__", "build"}:
            packages = {_package(name, root, notes) for name, root in unit.makers if _makes(name, root, notes)}
            if "" in packages:
                notes.add(unit, "made-in-call")
            notes.made_of |= packages - {""}
    classes_by_other_names(notes, reached)
    in_lambdas = any("Lambda" in unit.mentions for unit in notes.units)
    for unit in notes.units:
        if (in_lambdas and unit.draws) or any(notes.aliases.get(name, name) in DROPS for name in unit.draws):
            notes.add(unit, "random")
    return makers, frozenset(reached - names)


def _combines(unit: Unit, notes: Notes) -> bool:
    """Whether a function may combine what it draws with what it is given."""
    node = next((node for node, each in notes.by_node.items() if each is unit), None)
    return not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) or combines(node, notes)


def _called_from(starts: set[str], functions: Iterable[Unit]) -> set[str]:
    """The names of what is called from the functions of these names on, their own among them."""
    calls: dict[str, set[str]] = {}
    for unit in functions:
        calls.setdefault(unit.name, set()).update(unit.calls)
    reached: set[str] = set()
    waiting = set(starts)
    while waiting:
        reached |= waiting
        waiting = set().union(*(calls.get(name, ()) for name in waiting)) - reached
    return reached


def _makes(name: str, root: str, notes: Notes) -> bool:
    """Whether an object may be a layer: of libraries those of Keras alone."""
    return is_keras_layer(name) or name in {"Model", "Sequential"} or not notes.is_foreign(root)


def _package(name: str, root: str, notes: Notes) -> str:
    """The package that an object is a layer of, if that is one of the project; empty where it may be one anyway."""
    package = notes.imports.get(root, ".")
    return "" if is_keras_layer(name) or name in {"Model", "Sequential"} or package == "." else package


def _read_in_steps(notes: Notes) -> frozenset[str]:
    """The attributes that what Keras traces may read of its own object."""
    functions = [unit for unit in notes.units if unit.kind == "function"]
    if any("Lambda" in unit.mentions for unit in notes.units):
        return frozenset().union(*(unit.reads_from_self for unit in functions))
    found: set[str] = set()
    names: set[str] = set(_HOOKS)
    while reached := [unit for unit in functions if unit.name in names]:
        found.update(*(unit.reads_from_self for unit in reached))
        names = set().union(*(unit.mentions for unit in reached))
        functions = [unit for unit in functions if unit not in reached]
    return frozenset(found)


_HOOKS = frozenset({"__call__", "call", "train_step", "test_step", "predict_step"})


# Results nobody reads -------------------------------------------------------------------------------------------


def _discarded(notes: Notes) -> None:
    functions = {unit.name for unit in notes.units if unit.kind == "function"}
    layers = "call" in functions
    for unit, callee in notes.statements:
        own, _, part = callee.partition(".")
        loop = "." not in callee and callee not in _NO_LAYERS and callee in notes.loop_names
        if callee in notes.kept or loop or (layers and own == "self" and _is_part(part, functions, notes)):
            notes.add(unit, "discarded")
    for unit, name, callee in notes.applied:
        if callee in notes.kept or (layers and callee.startswith("self.")):
            notes.unread.append((unit, name))
    reads: dict[Unit, set[str]] = {}
    for unit in notes.units:
        outermost = unit
        while outermost.kind == "function" and outermost.parent is not None and outermost.parent.kind == "function":
            outermost = outermost.parent
        reads.setdefault(outermost, set()).update(unit.reads)
        reads.setdefault(unit, reads[outermost])
    for unit, name in notes.unread:
        if unit.kind == "function" and not name.startswith("_") and name not in reads[unit]:
            notes.add(unit, "discarded")


def _is_part(name: str, functions: set[str], notes: Notes) -> bool:
    """Whether an object keeps something under this name, and has no such method in sight."""
    if not name or "." in name or name in functions or name in _OWN_METHODS or name.startswith(("add_", "set_", "_")):
        return False
    return name in notes.stored_on_self
