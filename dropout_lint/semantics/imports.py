"""Imports: project modules are executed symbolically on demand, everything else is an external name."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING

from dropout_lint.keras.conventions import ROOT_NAMES, conventional_names, star_names
from dropout_lint.keras.names import NEVER_OF_A_PROJECT
from dropout_lint.locating import import_name
from dropout_lint.semantics.attributes import external
from dropout_lint.semantics.events import Frame
from dropout_lint.semantics.modules import Module
from dropout_lint.semantics.run import CHARACTERS_PER_STEP
from dropout_lint.semantics.scopes import Deferred
from dropout_lint.semantics.values import UNKNOWN, Const, External, ModuleValue, Opaque, Value
from dropout_lint.syntax.lazy import cst

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from dropout_lint.semantics.run import Run
    from dropout_lint.semantics.scopes import Scope


def dotted_name(node: cst.BaseExpression | None) -> str:
    """``a.b.c`` of an import statement."""
    parts: list[str] = []
    while isinstance(node, cst.Attribute):
        parts.append(node.attr.value)
        node = node.value
    if isinstance(node, cst.Name):
        parts.append(node.value)
    return ".".join(reversed(parts))


def import_statement(run: Run, frame: Frame, scope: Scope, node: cst.Import) -> None:
    """``import a.b as c``."""
    for alias in node.names:
        dotted = dotted_name(alias.name)
        _note(run, dotted)
        _run_for_its_effect(run, _project_path(run, frame, 0, dotted))
        if alias.asname is not None and isinstance(alias.asname.name, cst.Name):
            bound = alias.asname.name.value
            if _project_path(run, frame, 0, dotted) is not None:
                _defer(run, scope, bound, partial(_import, run, frame, dotted))
            else:
                _bind(run, scope, bound, _import(run, frame, dotted))
            continue
        root = dotted.partition(".")[0]
        if _project_path(run, frame, 0, root) is not None:
            _defer(run, scope, root, partial(_import, run, frame, root))
        else:
            _bind(run, scope, root, _import(run, frame, root))


def from_statement(run: Run, frame: Frame, scope: Scope, node: cst.ImportFrom) -> None:
    """``from a.b import c as d``."""
    base = dotted_name(node.module)
    level = len(node.relative)
    if not level:
        _note(run, base)
    path = _project_path(run, frame, level, base)
    _run_for_its_effect(run, path)
    if isinstance(node.names, cst.ImportStar):
        _star(run, scope, _import_relative(run, frame, level, base) if level else _import(run, frame, base))
        return
    origin = UNKNOWN if path is not None or level else external(base)
    for alias in node.names:
        name = alias.name.value if isinstance(alias.name, cst.Name) else dotted_name(alias.name)
        bound = (
            alias.asname.name.value if alias.asname is not None and isinstance(alias.asname.name, cst.Name) else name
        )
        inner = None if path is not None or level else _in_namespace(run, frame, base, name)
        if inner is not None:
            _defer(run, scope, bound, partial(_module_at, run, frame.module, inner))
        elif path is not None or level:
            _defer(run, scope, bound, partial(_lazy_member, run, frame, path, name, level, base))
        else:
            _bind(run, scope, bound, _member(run, frame, origin, name, level, base))


def _note(run: Run, dotted: str) -> None:
    """Remember the package that is imported whatever happens."""
    if not run.guards:
        run.imports.add(dotted.partition(".")[0])


def _run_for_its_effect(run: Run, path: Path | None) -> None:
    """Other modules are looked into when something is read from them; these have an effect on what follows."""
    if path is not None and run.project.chooses_keras(path):
        load(run, path)


def _project_path(run: Run, frame: Frame, level: int, dotted: str) -> Path | None:
    """The project file that an import names, or None where it is somebody else's."""
    if level:
        return run.project.locator.find_relative(frame.module.path, level, dotted)
    return (
        run.project.locator.find(frame.module.path, dotted)
        if dotted.partition(".")[0] not in NEVER_OF_A_PROJECT
        else None
    )


def _in_namespace(run: Run, frame: Frame, base: str, name: str) -> Path | None:
    """The file of a module in a folder without ``__init__.py``: ``from networks import unet``."""
    root = base.partition(".")[0]
    if not root or root in NEVER_OF_A_PROJECT or root in sys.stdlib_module_names:
        return None
    return run.project.locator.find(frame.module.path, f"{base}.{name}")


def _module_at(run: Run, importer: Module, path: Path | None) -> Value:
    if path is None:
        return UNKNOWN
    run.leads(importer, path)
    return ModuleValue(path, partial(load, run, path))


def _defer(run: Run, scope: Scope, name: str, resolve: Callable[[], Value]) -> None:
    """Bind a name that is looked up in its module when it is first read: most imports of most files never are."""
    run.store.write(scope.target(name).names, name, Deferred(resolve))


def _lazy_member(run: Run, frame: Frame, path: Path | None, name: str, level: int, base: str) -> Value:
    return _member(run, frame, _module_at(run, frame.module, path), name, level, base)


def _bind(run: Run, scope: Scope, name: str, value: Value) -> None:
    if isinstance(value, External):
        run.read(value)
    if isinstance(value, External) and value.generation is not None and value.is_keras:
        run.generation = run.generation or value.generation
    run.store.write(scope.target(name).names, name, value)


def _member(run: Run, frame: Frame, origin: Value, name: str, level: int, base: str) -> Value:
    if isinstance(origin, ModuleValue):
        module = origin.load()
        if module is None:
            return UNKNOWN
        found = module.scope.read(name)
        if found is not None:
            return found
        inner = submodule(run, module, name)
        return inner if inner is not None else Opaque(key=("import", module.name, name))
    if isinstance(origin, External):
        found_external = external(f"{origin.name}.{name}")
        return External(found_external.name, found_external.generation or origin.generation)
    if level:
        # `from . import b` in a folder without __init__.py
        path = run.project.locator.find_relative(frame.module.path, level, f"{base}.{name}" if base else name)
        return _module_at(run, frame.module, path)
    return UNKNOWN


def _star(run: Run, scope: Scope, origin: Value) -> None:
    if isinstance(origin, ModuleValue):
        module = origin.load()
        for name, value in list(module.scope.names.items()) if module is not None else ():
            if not name.startswith("_"):
                run.store.write(scope.names, name, value)
    elif isinstance(origin, External) and origin.is_keras:
        for name in star_names(origin.name):
            run.store.write(scope.names, name, external(f"{origin.name}.{name}"))


def unbound(run: Run, frame: Frame, name: str) -> Value | None:
    """What a name stands for by convention that a module reads and nobody binds, or None.

    Parts of notebooks and what is pasted from them come without their imports, and a star import may lead to a module
    that is not there. The program can only run where the names are what everybody calls so.
    """
    known = conventional_names().get(name)
    if known is None or not frame.module.lacks(name):
        return None
    if name not in ROOT_NAMES and frame.module.names_other_frameworks:
        return None  # what they export by a star is called alike
    value = external(known)
    run.read(value)
    return value


def _import(run: Run, frame: Frame, dotted: str) -> Value:
    root = dotted.partition(".")[0]
    if root not in NEVER_OF_A_PROJECT:
        path = run.project.locator.find(frame.module.path, dotted)
        if path is not None:
            return _module_at(run, frame.module, path)
    return external(dotted)


def _import_relative(run: Run, frame: Frame, level: int, dotted: str) -> Value:
    return _module_at(run, frame.module, run.project.locator.find_relative(frame.module.path, level, dotted))


def submodule(run: Run, package: Module, name: str) -> Value | None:
    """``package.name`` where it is a file."""
    if not package.is_package:
        return None
    path = run.project.locator.find_relative(package.path, 1, name)
    return _module_at(run, package, path) if path is not None and path != package.path else None


def load(run: Run, path: Path) -> Module | None:
    """The module at ``path`` with its body executed; a partial one while it is being imported."""
    from dropout_lint.semantics.statements import execute_block

    if path in run.modules:
        return run.modules[path]
    if run.is_too_far(path):
        return None
    parsed = run.project.tree(path)
    if parsed is None:
        run.modules[path] = None
        return None
    text, tree = parsed
    # parsing it took as long as this, or will the next time
    run.step(len(text) // CHARACTERS_PER_STEP)
    module = Module(path, import_name(path)[1], text, tree)
    run.modules[path] = module
    run.followed(module)
    module.scope.names["__name__"] = Const(module.name)
    frame = Frame(None, module, None, None)
    with importing(run):
        execute_block(run, frame, module.scope, tree.body)
    return module


@contextmanager
def importing(run: Run) -> Iterator[None]:
    """What happens in here is neither in the loop nor under the tape of the statement that causes it."""
    loops, tapes, guards, facts = run.loops, run.tapes, run.guards, run.facts
    run.loops, run.tapes, run.guards, run.facts = [], [], [], {}
    try:
        with run.store.unjournaled(), run.course.importing():
            yield
    finally:
        run.loops, run.tapes, run.guards, run.facts = loops, tapes, guards, facts
