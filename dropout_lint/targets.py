"""Which Keras a file runs on: by what it imports, what is set, what the project pins, how it is written."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING

from dropout_lint.keras.distributions import (
    DISTRIBUTIONS,
    KERAS,
    KERAS_VERSIONS,
    LEGACY,
    MOST_PATCHES,
    TENSORFLOW,
    TENSORFLOW_VERSIONS,
    brings,
)
from dropout_lint.keras.entry_points import LEARNING_PHASE
from dropout_lint.keras.syntax import (
    KERAS_2_METHOD_ARGUMENTS,
    KERAS_2_METHODS,
    KERAS_2_METRIC_METHODS,
    KERAS_2_PACKAGES,
    is_keras_2_argument,
)
from dropout_lint.keras.tensorflow import TF1_NAMES
from dropout_lint.keras.versions import KerasVersion, parse_version
from dropout_lint.semantics.events import Constructed, MethodCall
from dropout_lint.semantics.values import Instance
from dropout_lint.trail import NOT_THERE, THERE, Trail

if TYPE_CHECKING:
    from pathlib import Path

    from dropout_lint.semantics.events import Interpretation
    from dropout_lint.sources.dependencies import Declarations, Dependency

DEEPEST_FOLDER = 40


@dataclass(frozen=True, slots=True)
class Target:
    """The Keras of one file, the backend, and how they are known."""

    keras: KerasVersion | None = None
    evidence: str = ""
    """``setting``, ``import``, ``environment``, ``pin``, ``syntax`` or nothing."""
    reason: str = ""
    """The evidence in words: ``tensorflow==2.15.1 in requirements.txt``."""
    backend: str | None = None
    consulted: tuple[Path, ...] = ()
    """The dependency files that were read for it."""
    tensorflow: int | None = None
    """1 or 2 where the project pins it."""


@dataclass(frozen=True, slots=True)
class _Pinned:
    keras: KerasVersion | None
    tensorflow: int | None
    reason: str
    consulted: tuple[Path, ...]


class Targets:
    """Finds the Keras of files; what a folder pins is read once. ``trail`` is told what is read and looked for."""

    def __init__(self, setting: str | None, root: Path, trail: Trail | None = None) -> None:
        self._trail = trail if trail is not None else Trail()
        self._setting = parse_version(setting) if setting is not None else None
        self._root = root
        self._declared: dict[Path, Declarations] = {}
        self._pinned: dict[tuple[Path, bool], _Pinned] = {}

    def of(self, path: Path, interpretation: Interpretation) -> Target:
        """The target of the file at the absolute ``path``."""
        backend = _backend(interpretation)
        version, evidence, reason = _before_all(interpretation)
        self._trail.use(path.parent)
        pinned = self._pins(path.parent, uses_tensorflow="keras" not in interpretation.imports)
        if version is None and self._setting is not None:
            version, evidence, reason = self._setting, "setting", "as set"
        elif version is not None and self._setting is not None and self._setting.generation == version.generation:
            version = self._setting
        if version is None and pinned.keras is not None:
            version, evidence, reason = pinned.keras, "pin", pinned.reason
        if version is None:
            version, reason = _by_syntax(interpretation)
            evidence = "syntax" if version is not None else ""
        if version is not None and version.generation == 2:
            backend = "tensorflow"
        return Target(version, evidence, reason, backend, pinned.consulted, pinned.tensorflow)

    def _pins(self, folder: Path, *, uses_tensorflow: bool) -> _Pinned:
        place = (folder, uses_tensorflow)
        if place not in self._pinned:
            self._pinned[place] = self._search(folder, uses_tensorflow=uses_tensorflow)
        return self._pinned[place]

    def _search(self, folder: Path, *, uses_tensorflow: bool) -> _Pinned:
        consulted: list[Path] = []
        outermost = self._outermost(folder)
        for ancestor in (folder, *folder.parents)[:DEEPEST_FOLDER]:
            declared = self._of_folder(ancestor, outermost)
            self._trail.list(folder, ancestor, declared.names, declared.read)
            consulted += declared.consulted
            if declared.dependencies:
                return _judge(declared.dependencies, tuple(consulted), uses_tensorflow=uses_tensorflow)
            if ancestor == outermost:
                break
        return _Pinned(None, None, "", tuple(consulted))

    def _outermost(self, folder: Path) -> Path:
        """The last folder whose files may speak: that of the repository, or of the project where there is none."""
        for ancestor in (folder, *folder.parents)[:DEEPEST_FOLDER]:
            repository = (ancestor / ".git").exists()
            self._trail.look(folder, {str(ancestor / ".git"): THERE if repository else NOT_THERE})
            if repository:
                return ancestor
        return self._root if self._root == folder or self._root in folder.parents else folder

    def _of_folder(self, folder: Path, outermost: Path) -> Declarations:
        from dropout_lint.sources.dependencies import declared_in

        if folder not in self._declared:
            self._declared[folder] = declared_in(folder, DISTRIBUTIONS, outermost)
        return self._declared[folder]


# By what the program says -------------------------------------------------------------------------------------


def _before_all(interpretation: Interpretation) -> tuple[KerasVersion | None, str, str]:
    if "tf_keras" in interpretation.imports:
        return KerasVersion(2), "import", "tf_keras is imported"
    legacy = interpretation.environment.get("TF_USE_LEGACY_KERAS") in {"1", "True", "true"}
    # the variable turns tf.keras, not what is installed as keras
    if legacy and "keras" not in interpretation.imports:
        return KerasVersion(2), "environment", "TF_USE_LEGACY_KERAS is set"
    if "keras_core" in interpretation.imports:
        return KerasVersion(3), "import", "keras_core is imported"
    return None, "", ""


def _backend(interpretation: Interpretation) -> str | None:
    named = interpretation.environment.get("KERAS_BACKEND")
    return named if named in {"tensorflow", "jax", "torch"} else None


def _by_syntax(interpretation: Interpretation) -> tuple[KerasVersion | None, str]:
    """The generation that the names a program reads exist in; None where they are of both or of neither."""
    found: dict[int, str] = {int(generation): name for generation, name in interpretation.generations.items()}
    first = sorted(TF1_NAMES & interpretation.names)
    phase = sorted(LEARNING_PHASE & interpretation.names)
    packages = sorted(name for name in interpretation.names if name.startswith(KERAS_2_PACKAGES))
    for names in (phase, first, packages, _keras_2_uses(interpretation)):
        if names:
            found.setdefault(2, names[0])
    if len(found) != 1:
        return None, ""
    generation, name = next(iter(found.items()))
    return KerasVersion(generation), f"{name} is used"


def _keras_2_uses(interpretation: Interpretation) -> list[str]:
    """Calls that only Keras 2 takes, as a reader names them."""
    found: set[str] = set()
    for event in interpretation.events:
        if isinstance(event, Constructed):
            name = event.instance.keras_name or ""
            found |= {f"{keyword}=" for keyword in event.arguments.keywords if is_keras_2_argument(name, keyword)}
        elif isinstance(event, MethodCall):
            if event.name in KERAS_2_METHODS:
                found.add(event.name)
            elif isinstance(event.receiver, Instance):
                of_metric = (event.receiver.keras_name or "").startswith("keras.metrics.")
                found |= {event.name} & KERAS_2_METRIC_METHODS if of_metric else set()
                found |= {f"{word}=" for word in KERAS_2_METHOD_ARGUMENTS & set(event.arguments.keywords)}
    return sorted(found)


# By pins ------------------------------------------------------------------------------------------------------


def _judge(dependencies: tuple[Dependency, ...], consulted: tuple[Path, ...], *, uses_tensorflow: bool) -> _Pinned:
    # a lock knows best; what is for developers or an extra speaks where nothing else does
    locked = tuple(each for each in dependencies if each.locked)
    wanted = tuple(each for each in dependencies if not each.optional)
    chosen = locked or wanted or dependencies
    tensorflow = _allowed(chosen, TENSORFLOW, TENSORFLOW_VERSIONS)
    keras = _allowed(chosen, KERAS, KERAS_VERSIONS)
    generation = {major for major, _ in tensorflow} if tensorflow else set()
    first = generation.pop() if len(generation) == 1 else None
    version = _version(tensorflow, keras, uses_tensorflow=uses_tensorflow)
    legacy = any(each.name == LEGACY for each in chosen)
    if legacy and tensorflow is None and keras is None:
        version = KerasVersion(2)
    elif legacy and not locked and version is not None and version.generation == 3:
        # it is there to be switched to, by a variable that may be set anywhere
        version = None
    named = [each for each in chosen if _decides(each, version, keras is not None)]
    reason = f"{named[0].text} in {named[0].path.name}" if named and version is not None else ""
    return _Pinned(version, first, reason, consulted)


def _decides(dependency: Dependency, version: KerasVersion | None, keras_named: bool) -> bool:
    if version is None or not str(dependency.specifier):
        return dependency.name == LEGACY
    by_keras = keras_named and version.minor is not None
    return dependency.name in (KERAS if by_keras else DISTRIBUTIONS)


def _allowed(
    dependencies: tuple[Dependency, ...], names: frozenset[str], versions: tuple[tuple[int, int], ...]
) -> frozenset[tuple[int, int]] | None:
    """The versions that all statements on a package leave: None without a statement, empty where they conflict.

    Statements for some platforms are alternatives, and so are a package's builds under other names.
    """
    builds: list[frozenset[tuple[int, int]]] = []
    for name in sorted({each.name for each in dependencies if each.name in names}):
        about = [each for each in dependencies if each.name == name]
        left = frozenset(versions)
        for each in about:
            if not each.conditional:
                left &= _matching(each, versions)
        alternatives = [_matching(each, versions) for each in about if each.conditional]
        if alternatives:
            left &= frozenset().union(*alternatives)
        builds.append(left)
    return frozenset().union(*builds) if builds else None


def _matching(dependency: Dependency, versions: tuple[tuple[int, int], ...]) -> frozenset[tuple[int, int]]:
    specifier = dependency.specifier
    exact = [each.version for each in specifier if each.operator in {"==", "==="} and not each.version.endswith("*")]
    found: set[tuple[int, int]] = set()
    for major, minor in versions:
        patches = [f"{major}.{minor}.{patch}" for patch in range(MOST_PATCHES)]
        patches += [text for text in exact if text.startswith(f"{major}.{minor}.") or text == f"{major}.{minor}"]
        if any(specifier.contains(patch, prereleases=True) for patch in patches):
            found.add((major, minor))
    return frozenset(found)


def _version(
    tensorflow: frozenset[tuple[int, int]] | None,
    keras: frozenset[tuple[int, int]] | None,
    *,
    uses_tensorflow: bool,
) -> KerasVersion | None:
    if tensorflow is None and keras is None:
        return None
    if tensorflow is None:
        return _of(keras or frozenset())
    if keras is None:
        return _of({each for one in tensorflow for each in KERAS_VERSIONS if brings(one, each)})
    together = {two for one, two in product(tensorflow, keras) if brings(one, two)}
    if not together:
        # tf.keras and the package keras are two: `import keras` is what is installed under that name
        own = {each for one in tensorflow for each in KERAS_VERSIONS if brings(one, each)}
        return _of(own if uses_tensorflow else keras)
    return _of(together)


def _of(versions: set[tuple[int, int]] | frozenset[tuple[int, int]]) -> KerasVersion | None:
    generations = {3 if major == 3 else 2 for major, _ in versions}
    if len(generations) != 1:
        return None
    generation = generations.pop()
    return KerasVersion(generation, next(iter(versions))[1] if len(versions) == 1 else None)
