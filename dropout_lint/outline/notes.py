"""What is noted on the way through a tree, until the whole of it is known."""

from __future__ import annotations

import ast
import sys
from dataclasses import dataclass, field

from dropout_lint.outline.model import Unit
from dropout_lint.outline.names import last_name, root_of
from dropout_lint.outline.rates import LIBRARIES, rate_kind

__all__ = ["Notes"]

_ELSEWHERE = sys.stdlib_module_names | {
    "absl", "cv2", "jax", "keras", "keras_core", "matplotlib", "numpy", "pandas", "PIL", "scipy", "seaborn", "sklearn",
    "tensorflow", "tf_keras", "torch", "tqdm", "transformers",
}  # fmt: skip
"""Where functions come from that take no training flag by position."""


@dataclass(slots=True)
class Notes:
    """One file under its outline."""

    units: list[Unit] = field(default_factory=list)
    by_node: dict[ast.AST, Unit] = field(default_factory=dict)
    classes: dict[str, tuple[tuple[str, ...], str]] = field(default_factory=dict)
    parameters: dict[str, list[list[str]]] = field(default_factory=dict)
    """By function, by method, and by class for its constructor: their parameters by position, less ``self``."""
    imports: dict[str, str] = field(default_factory=dict)
    """By imported name the package that it comes from; a dot for the file's own."""
    aliases: dict[str, str] = field(default_factory=dict)
    keras: set[str] = field(default_factory=set)
    """The imported names that may stand for a part of Keras or TensorFlow; a star for whatever one exports."""
    tensorflow: set[str] = field(default_factory=set)
    """Those among them that stand for TensorFlow as a whole, or for a part that has no layers."""
    attributes: set[str] = field(default_factory=set)
    """The names of all attributes that it mentions."""
    stored: set[str] = field(default_factory=set)
    """Names that are bound otherwise than by an import."""
    bindings: list[tuple[Unit, ast.expr, ast.expr]] = field(default_factory=list)
    """What is bound to what; loops and ``with`` bind to a part of it."""
    calls: list[tuple[Unit, ast.Call]] = field(default_factory=list)
    handed_on: list[tuple[Unit, ast.expr]] = field(default_factory=list)
    """Where a layer class is meant, and neither called nor derived from."""
    returns: dict[str, list[ast.expr]] = field(default_factory=dict)
    """By function what it gives back."""
    dicts: list[tuple[Unit, ast.Dict]] = field(default_factory=list)
    referred: set[ast.AST] = field(default_factory=set)
    """References to classes that hand none on: they are called, derived from, or asked for."""
    late: set[str] = field(default_factory=set)
    operators: set[str] = field(default_factory=set)
    stored_on_self: set[str] = field(default_factory=set)
    loop_names: set[str] = field(default_factory=set)
    local: set[str] = field(default_factory=set)
    """Names, not like those of rates, that are handed over as one."""
    assigned: list[tuple[Unit, str, ast.expr]] = field(default_factory=list)
    """Values of what is not named like a rate."""
    kept: set[str] = field(default_factory=set)
    """What layers are kept under."""
    unread: list[tuple[Unit, str]] = field(default_factory=list)
    applied: list[tuple[Unit, str, str]] = field(default_factory=list)
    """Variables that keep what something gives: whose, and of what."""
    statements: list[tuple[Unit, str]] = field(default_factory=list)
    handed: dict[str, set[int]] = field(default_factory=dict)
    positional: list[tuple[Unit, str, int, bool]] = field(default_factory=list)
    """What is called, where the flag stands, and whether it is only passed on."""
    rates_given: list[tuple[Unit, str, ast.expr, bool]] = field(default_factory=list)
    """Values for arguments named like rates: by what the function is reached, and whether a spread is meant."""
    looked_up: list[Unit] = field(default_factory=list)
    """Where a rate is taken out of something by its key."""
    made_of: set[str] = field(default_factory=set)
    left_open: list[Unit] = field(default_factory=list)
    """Functions with a training flag that is None by default."""
    untold: dict[str, bool] = field(default_factory=dict)
    """The functions that are called by name: whether a call says nothing of the mode."""
    called_past: list[tuple[Unit, ast.expr]] = field(default_factory=list)
    """What a ``call`` is used of directly."""
    torch: list[tuple[Unit, ast.expr]] = field(default_factory=list)
    """Methods that PyTorch has: what they are called on."""
    set_by_name: list[tuple[Unit, ast.Call]] = field(default_factory=list)
    """Calls of ``setattr`` whose attribute is not written there."""
    compiles_models: bool = False

    def add(self, unit: Unit, *features: str) -> None:
        """A feature of a unit, and so of the file."""
        unit.features.update(features)

    def unit(self, name: str, owner: str, kind: str, parent: Unit | None) -> Unit:
        """A new part of the file."""
        made = Unit(name, owner, kind, parent)
        self.units.append(made)
        if parent is not None and parent.kind == "function":
            parent.mentions.add(name)
        return made

    def function(self, node: ast.FunctionDef | ast.AsyncFunctionDef, outer: Unit) -> Unit:
        """The part that a function is."""
        if node not in self.by_node:
            owner = outer.owner if outer.kind == "class" else ""
            self.by_node[node] = self.unit(node.name, owner, "function", outer)
        return self.by_node[node]

    def class_body(self, node: ast.ClassDef, outer: Unit) -> Unit:
        """The part that the body of a class is."""
        if node not in self.by_node:
            self.by_node[node] = self.unit(node.name, node.name, "class", outer)
        return self.by_node[node]

    def defines(self, node: ast.FunctionDef | ast.AsyncFunctionDef, outer: Unit, parameters: list[str]) -> None:
        """A function with these parameters by position."""
        method = outer.kind == "class" and parameters[:1] not in ([], ["_"])
        own = parameters[1:] if method else parameters
        name = outer.name if method and node.name == "__init__" else node.name
        self.parameters.setdefault(name, []).append([*own, *(["*"] if node.args.vararg is not None else [])])

    def is_foreign(self, root: str) -> bool:
        """Whether a name comes from a library, none that is only known to the project."""
        return self.imports.get(root, ".") in _ELSEWHERE

    @property
    def reads_configurations(self) -> bool:
        """Whether it imports what reads them: texts of ``configparser``, and JSON that is written out."""
        modules = self.imports.values()
        return "configparser" in modules or ("json" in modules and any("loads" in unit.mentions for unit in self.units))

    def by_position(self, unit: Unit, callee: ast.expr, position: int, value: ast.expr) -> None:
        """A flag that may be handed over by position."""
        name = last_name(callee)
        root = root_of(callee)
        if "dropout" in name or "batch_norm" in name or not (self.is_foreign(root) or root in LIBRARIES):
            # TensorFlow 1 has layers that are functions
            self.positional.append((unit, name, position, isinstance(value, (ast.Name, ast.Attribute))))

    def hands(self, node: ast.Call, name: str) -> None:
        """The positions of arguments that are no plain rate."""
        if not name or not node.args:
            return
        found = []
        for position, each in enumerate(node.args):
            kind = type(each)
            if kind is ast.Starred:
                found.append(-1)
            elif kind is not ast.Name and kind is not ast.Attribute and rate_kind(each) == "bad":
                found.append(position)
        if found:
            self.handed.setdefault(name, set()).update(found)
