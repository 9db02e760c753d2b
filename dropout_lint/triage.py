"""Which files are worth an analysis, and by which rules: what their outlines, and those near by, let a rule say.

An entry is looked at with what it imports, but a file that neither trains, runs nor changes a model adds nothing to
what is found in the modules it imports: those are entries of their own, or somebody else's.
"""

from __future__ import annotations

import re
from collections import deque
from typing import TYPE_CHECKING

from dropout_lint.keras.layers import LAYERS
from dropout_lint.locating import PACKAGE
from dropout_lint.outline import ANYTHING, outline_of, parsed
from dropout_lint.outline.names import is_mode_layer
from dropout_lint.reach import reaches
from dropout_lint.semantics.words import is_test_module

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

    from dropout_lint.outline import Outline
    from dropout_lint.rules.model import Rule

_KERAS = (b"keras", b"tensorflow")
_USE = re.compile(
    rb"^[ \t>.]*(?:import|from)[ \t][^\n#]*(?:keras|tensorflow)|(?<![\w.])(?:keras|tf_keras)\.[a-zA-Z]"
    rb"|(?<![\w.])tf\.(?:keras|layers|nn|compat|contrib|function|GradientTape|Module)\b"
    rb"|(?:import_module|__import__)\([ \t]*[\"'](?:keras|tensorflow|tf_keras)",
    re.MULTILINE,
)
_LARGEST_CLOSURE = 400
_FARTHEST = 2
"""Steps from a file to what it imports within which it may decide what is found there."""
_MODELS = frozenset({"Model", "Sequential", "Functional"})
_FITTING = (b".fit(", b".fit_generator(", b".train_on_batch(")
_MAY_HOLD_MODES = frozenset({"applications", "load_model", "clone_model", "model_from_json", "KerasLayer", "TFSMLayer"})
_RATES = frozenset({"rate", "stddev"})


class Scan:
    """One file: which triggers it holds, what it imports, what its outline is. Everything is found out when asked."""

    __slots__ = ("_data", "_imports", "_outline", "_told_modes", "_triggers", "_uses_keras", "keras", "path")

    def __init__(self, path: Path, data: bytes, imports: Callable[[Path, bytes], Iterable[Path]]) -> None:
        self.path = path
        self._data = data
        self.keras = any(name in data for name in _KERAS)
        self._imports: Callable[[Path, bytes], Iterable[Path]] | tuple[Path, ...] = imports
        self._outline: Outline | None = None
        self._triggers: dict[bytes, bool] = {}
        self._uses_keras: bool | None = None
        self._told_modes = False

    @property
    def uses_keras(self) -> bool:
        """Whether it imports Keras, or calls it by the names that it is imported as."""
        if self._uses_keras is None:
            self._uses_keras = self.keras and (self.path.suffix == ".ipynb" or _USE.search(self._data) is not None)
        return self._uses_keras

    @property
    def imports(self) -> tuple[Path, ...]:
        """The project files that it imports."""
        if not isinstance(self._imports, tuple):
            self._imports = tuple(self._imports(self.path, self._data))
        return self._imports

    @property
    def outline(self) -> Outline:
        """Its features."""
        if self._outline is None:
            self._outline = outline_of(self._data) if self.path.suffix != ".ipynb" else ANYTHING
        return self._outline

    def tell_modes(self) -> None:
        """Add to the features of the parts that may make a layer with a mode, or something unknown, that they do."""
        if not self._told_modes:
            self._told_modes = True
            for unit in self.outline.units:
                if any(_may_have_mode(name) for name in unit.mentions):
                    unit.features.add("mode-layer")

    @property
    def is_test(self) -> bool:
        """Whether it holds unit tests, of which most rules say nothing."""
        return self.path.suffix != ".ipynb" and is_test_module(self.path.name, self._data.decode("utf-8", "replace"))

    @property
    def is_python(self) -> bool:
        """Whether this Python can parse it."""
        return parsed(self._data) is not None if self._outline is None else not self._outline.has("anything")

    def holds_same(self, data: bytes) -> bool:
        """Whether this is its content."""
        return self._data == data

    def holds(self, trigger: bytes) -> bool:
        """Whether the bytes occur in it."""
        if trigger not in self._triggers:
            self._triggers[trigger] = trigger in self._data
        return self._triggers[trigger]


def _may_have_mode(name: str) -> bool:
    """Whether a class is called like a layer whose mode matters; of those that attend, only Keras's own."""
    return name in _MAY_HOLD_MODES or (is_mode_layer(name) and ("Attention" not in name or name in LAYERS))


class Triage:
    """Decides by the outlines of files which of them are analysed.

    ``read`` gives the content of a file, ``imports`` the project files that one imports; ``use`` is told which files
    count for the entry.
    """

    def __init__(
        self,
        rules: Sequence[Rule],
        read: Callable[[Path], bytes],
        imports: Callable[[Path, bytes], Iterable[Path]],
        use: Callable[[Path], None],
    ) -> None:
        self._use = use
        self._rules = tuple(rules)
        self._of_tests = tuple(rule for rule in rules if rule.of_tests)
        self._read = read
        self._imports = imports
        self._scans: dict[Path, Scan] = {}
        self._packages: dict[Path, tuple[bool, tuple[Path, ...]]] = {}

    def speakers(self, path: Path, data: bytes, asked: frozenset[str] = frozenset()) -> frozenset[str]:
        """The codes of the rules that could say something of ``path`` with the content ``data``.

        Those that are ``asked`` for may say it of what the file imports.
        """
        known = self._scans.get(path)
        entry = known if known is not None and known.holds_same(data) else Scan(path, data, self._imports)
        self._scans[path] = entry
        if not self._uses_keras(entry):
            return self._unless_python(entry)
        around = _Closure(entry, self._scan)
        rules = self._rules
        if any(entry.holds(trigger) for trigger in _TESTS) and entry.is_test:
            rules = self._of_tests
        found = frozenset(rule.code for rule in rules if _may_speak(rule, entry, around, rule.code in asked))
        return found or self._unless_python(entry)

    def _unless_python(self, entry: Scan) -> frozenset[str]:
        """What names Keras and is no Python, or too deeply nested, is not passed over in silence."""
        all_of_them = entry.keras and not entry.is_python
        return frozenset(rule.code for rule in self._rules) if all_of_them else frozenset()

    def _uses_keras(self, entry: Scan) -> bool:
        """Whether a file, or one that it imports, uses Keras; a package that only passes names on is no step."""
        if entry.uses_keras:
            return True
        for path in entry.imports:
            if self._scan(path).uses_keras or (path.name == PACKAGE and self._passes_keras_on(path)):
                return True
        return False

    def _passes_keras_on(self, package: Path) -> bool:
        """The same of a package, for all that import it."""
        if package not in self._packages:
            seen = {package: None}
            waiting = deque((package,))
            found = False
            while waiting and not found:
                for path in self._scan(waiting.popleft()).imports:
                    if path in seen or len(seen) >= _LARGEST_CLOSURE:
                        continue
                    seen[path] = None
                    found = found or self._scan(path).uses_keras
                    if path.name == PACKAGE:
                        waiting.append(path)
            self._packages[package] = (found, tuple(seen))
        found, used = self._packages[package]
        for path in used:
            self._use(path)
        return found

    def _scan(self, path: Path) -> Scan:
        self._use(path)
        if path not in self._scans:
            self._scans[path] = Scan(path, self._read(path), self._imports)
        return self._scans[path]


_TESTS = (b"test", b"Test")


def _may_speak(rule: Rule, entry: Scan, around: _Closure, asked: bool) -> bool:
    """Whether one rule could say something of an entry; or, if it is asked for, of what that imports."""
    wide = asked or (not rule.local and (entry.outline.has(rule.wide) or not rule.needs))
    scope: Iterable[Scan] = around.near if wide else (entry,)
    if not any(each.holds(trigger) for each in scope for trigger in rule.triggers):
        return False
    return all(_has(features, entry, around, wide) for features in rule.needs)


def _has(features: frozenset[str], entry: Scan, around: _Closure, wide: bool) -> bool:
    found = entry.outline.features
    if "anything" in found or not features.isdisjoint(found):
        return True
    if any(_JOINT[feature](entry, around) for feature in sorted(features & _JOINT.keys())):
        return True
    return wide and around.reached(features)


class _Closure:
    """A file with what it imports, at whatever distance."""

    def __init__(self, entry: Scan, scan: Callable[[Path], Scan]) -> None:
        self._entry = entry
        self._scan = scan
        self._scans: tuple[Scan, ...] | None = None
        self._near: tuple[Scan, ...] | None = None
        self._reached: dict[frozenset[str], bool] = {}

    @property
    def scans(self) -> tuple[Scan, ...]:
        """The file itself first."""
        if self._scans is None:
            self._scans = tuple(self._collect())
        return self._scans

    @property
    def near(self) -> tuple[Scan, ...]:
        """The file, what it imports, and what that imports; a package that only passes names on is no step."""
        if self._near is None:
            self._near = tuple(self._collect(_FARTHEST))
        return self._near

    def reached(self, features: frozenset[str]) -> bool:
        """Whether the file refers to something with one of the features, near by; see `dropout_lint.reach`."""
        if features not in self._reached:
            others = [each.outline for each in self.near[1:]]
            self._reached[features] = reaches(self._entry.outline, others, features)
        return self._reached[features]

    def _collect(self, farthest: int | None = None) -> Iterator[Scan]:
        yield self._entry
        seen = {self._entry.path}
        waiting = deque((path, 1) for path in self._entry.imports)
        while waiting and len(seen) < _LARGEST_CLOSURE:
            path, steps = waiting.popleft()
            if path in seen:
                continue
            seen.add(path)
            found = self._scan(path)
            yield found
            if path.name == PACKAGE:
                steps -= 1
            if farthest is None or steps < farthest:
                waiting.extend((each, steps + 1) for each in found.imports if each not in seen)


# What shows only where files meet -------------------------------------------------------------------------------


def _makes_in_call(entry: Scan, around: _Closure) -> bool:
    """Whether a ``call`` uses a function of another module that makes objects."""
    called = entry.outline.called_in_call
    return bool(called) and any(not called.isdisjoint(each.outline.makers) for each in around.scans[1:])


def _hands_rate(entry: Scan, around: _Closure) -> bool:
    """Whether a rate is handed by position, or left to an odd default."""
    rated: dict[str, int] = {}
    odd = {"rate"}
    if any(each.outline.has("takes-spread") for each in around.scans):
        odd.add("spread")
        if entry.outline.has("spread"):
            return True
    for each in around.scans:
        rated.update(each.outline.rated)
        if (
            each is not entry
            and any(map(each.outline.has, odd))
            and not entry.outline.mentions.isdisjoint(each.outline.rated)
        ):
            return True
    handed = entry.outline.handed
    return any(
        not handed[name].isdisjoint({-1, *range(position, position + 3)})
        for name, position in rated.items()
        if name in handed
    )


def _is_deaf(entry: Scan, around: _Closure) -> bool:
    """Whether a class of the file is a model that Keras cannot tell the mode; or one that it imports and fits."""
    asked = dict(entry.outline.classes)
    if any(entry.holds(each) for each in _FITTING):
        for each in around.near:
            asked.update(each.outline.classes)
    if not any(_may_be_deaf(bases, call) for bases, call in asked.values()):
        return False
    classes = _Classes(around)
    deaf = any(_call_of(name, classes, 0) == "deaf" and _is_model(name, classes, 0) for name in asked)
    return deaf and _holds_modes(entry, around)


def _holds_modes(entry: Scan, around: _Closure) -> bool:
    """Whether the file makes a layer with a mode, by itself or by what it imports."""
    entry.tell_modes()
    if any("mode-layer" in unit.features for unit in entry.outline.units):
        return True
    for each in around.near:
        each.tell_modes()
    return around.reached(frozenset({"mode-layer"}))


def _leaks(entry: Scan, around: _Closure) -> bool:
    """Whether a model that Keras cannot tell the mode may get it from the default of one of its layers."""
    outline = entry.outline
    return (outline.has("acts-by-default") or outline.has("augmentation")) and _is_deaf(entry, around)


def _may_be_deaf(bases: tuple[str, ...], call: str) -> bool:
    """Whether bases in other files may make a class a model that Keras cannot tell the mode."""
    own = [base for base in bases if base not in LAYERS and not base.endswith(("Layer", "object"))]
    return bool(own) and call != "told" and (call == "deaf" or any(base not in _MODELS for base in own))


class _Classes:
    """The classes of a file and of what it imports, each looked for when it is asked for; the nearest counts."""

    def __init__(self, around: _Closure) -> None:
        self._around = around
        self._found: dict[str, tuple[tuple[str, ...], str] | None] = {}

    def get(self, name: str) -> tuple[tuple[str, ...], str] | None:
        """The bases of a class, and whether its ``call`` is told the mode."""
        if name not in self._found:
            known = (each.outline.classes.get(name) for each in self._around.scans)
            self._found[name] = next((found for found in known if found is not None), None)
        return self._found[name]


def _call_of(name: str, classes: _Classes, depth: int) -> str:
    """How the ``call`` of a class hears of the mode: ``deaf``, ``told``, or nothing where it has none."""
    bases, own = classes.get(name) or ((), "")
    if own or depth > _DEEPEST:
        return own
    return next((found for base in bases if base != name and (found := _call_of(base, classes, depth + 1))), "")


def _is_model(name: str, classes: _Classes, depth: int) -> bool:
    """Whether a class may be a model: it is one, or has a base of which nothing is known."""
    found = classes.get(name)
    if found is None:
        return bool(name) and not name.endswith(("Layer", "object")) and name not in LAYERS
    bases, _ = found
    return depth <= _DEEPEST and any(
        base in _MODELS or (base != name and _is_model(base, classes, depth + 1)) for base in bases
    )


def _calls_itself(entry: Scan, around: _Closure) -> bool:
    """Whether a class with a ``__call__`` of its own may be one of Keras."""
    if not entry.outline.operators:
        return False
    classes = _Classes(around)
    return any(_is_of_keras(name, classes, 0) for name in entry.outline.operators)


def _is_of_keras(name: str, classes: _Classes, depth: int) -> bool:
    """Whether a class has a base of which nothing is known, or which is a layer or a model."""
    found = classes.get(name)
    if found is None:
        return name not in _PLAIN
    bases, _ = found
    return depth <= _DEEPEST and any(base != name and _is_of_keras(base, classes, depth + 1) for base in bases)


_PLAIN = frozenset({"object", "ABC", "Generic", "Protocol", "Callback", "Sequence", "Exception", "Enum", "TestCase"})
_DEEPEST = 16


def _sets_late(entry: Scan, around: _Closure) -> bool:
    """Whether an attribute is set late which a layer has, or a method of the project reads."""
    late = entry.outline.late
    return bool(late) and any(not late.isdisjoint(_RATES | each.outline.read_in_steps) for each in around.near)


def _hands_flag(entry: Scan, around: _Closure) -> bool:
    """Whether True is handed by position to what may be a model: where modes are known of at all."""
    if not entry.outline.has("true-by-position"):
        return False
    return entry.uses_keras or any(each.outline.has("mode-parameter") for each in around.near)


_JOINT: dict[str, Callable[[Scan, _Closure], bool]] = {
    "made-in-call": _makes_in_call,
    "rate": _hands_rate,
    "deaf-model": _is_deaf,
    "leaking-model": _leaks,
    "own-call-operator": _calls_itself,
    "late": _sets_late,
    "flag-by-position": _hands_flag,
}
