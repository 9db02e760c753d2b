"""Which files are worth an analysis, and by which rules: what their outlines, and those near by, let a rule say.

An entry is looked at with what it imports, but a file that neither trains, runs nor changes a model adds nothing to
what is found in the modules it imports: those are entries of their own, or somebody else's.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from dropout_lint.meeting import JOINT
from dropout_lint.scans import LARGEST_CLOSURE, Closure, Scans

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from dropout_lint.outline import Outline
    from dropout_lint.rules.model import Rule
    from dropout_lint.scans import Scan

_STUB = ".pyi"
"""It holds no code that runs, and the module that it describes is looked at itself."""
_TESTS = (b"test", b"Test")


class Triage:
    """Decides by the outlines of files which of them are analysed.

    ``read`` gives the content of a file, ``imports`` the project files that one imports; ``use`` is told which files
    count for the entry. ``outlines``, by content, are looked into and added to.
    """

    def __init__(
        self,
        rules: Sequence[Rule],
        read: Callable[[Path], bytes],
        imports: Callable[[Path, bytes], Iterable[Path]],
        use: Callable[[Iterable[Path]], None],
        outlines: dict[bytes, Outline],
    ) -> None:
        self._use = use
        self._rules = tuple(rules)
        self._of_tests = tuple(rule for rule in rules if rule.of_tests)
        self._scans = Scans(read, imports, (trigger for rule in rules for trigger in rule.triggers), outlines)
        self._packages: dict[Scan, _Passing] = {}

    def speakers(self, path: Path, data: bytes, asked: frozenset[str] = frozenset()) -> frozenset[str]:
        """The codes of the rules that could say something of ``path`` with the content ``data``.

        Those that are ``asked`` for may say it of what the file imports.
        """
        entry = self._scans.entry(path, data)
        if path.suffix == _STUB or not self._uses_keras(entry):
            return self._unless_python(entry)
        around = Closure(entry, self._use)
        if not entry.uses_keras and not around.concerns_keras():
            return self._unless_python(entry)
        if any(word in data for word in _TESTS) and entry.is_test:
            rules = self._of_tests
        else:
            rules = self._rules
            around.look_for_all()
        found = frozenset(rule.code for rule in rules if _may_speak(rule, around, rule.code in asked))
        # of those that use Keras by their text most say nothing, which is cheaper to find out
        if found and entry.uses_keras and not around.concerns_keras():
            found = frozenset()
        return found or self._unless_python(entry)

    def _unless_python(self, entry: Scan) -> frozenset[str]:
        """What names Keras and is no Python, or too deeply nested, is not passed over in silence."""
        all_of_them = entry.names_keras and not entry.is_python
        return frozenset(rule.code for rule in self._rules) if all_of_them else frozenset()

    def _uses_keras(self, entry: Scan) -> bool:
        """Whether a file, or one that it imports, uses Keras; a package that only passes names on is no step."""
        if entry.uses_keras:
            return True
        self._use([each.path for each in entry.imports])
        return any(
            each.as_imported(entry).uses_keras or (each.is_package and self._passes_keras_on(each, entry))
            for each in entry.imports
        )

    def _passes_keras_on(self, package: Scan, entry: Scan) -> bool:
        """The same of a package."""
        if package not in self._packages:
            self._packages[package] = _Passing(package)
        passing = self._packages[package]
        if any(name in entry.data for name in passing.lazy):
            passing = _Passing(package, entry)
        self._use(passing.used)
        return passing.keras


class _Passing:
    """What a package passes on of what it imports: to all that import it, or to one in particular."""

    def __init__(self, package: Scan, *by: Scan) -> None:
        seen = {package: None}
        waiting = deque((package,))
        lazy = {name for name, _ in package.lazy}
        self.keras = False
        while waiting and not self.keras:
            each = waiting.popleft()
            for other in each.leads_to(*by):
                if other in seen or len(seen) >= LARGEST_CLOSURE:
                    continue
                seen[other] = None
                self.keras = self.keras or other.as_imported(each, *by).uses_keras
                if other.is_package:
                    lazy.update(name for name, _ in other.lazy)
                    waiting.append(other)
        self.lazy = frozenset(lazy)
        """The functions whose imports count for who mentions them."""
        # a set of paths knows their hashes, which cost more than all else here
        self.used = frozenset(each.path for each in seen)


def _may_speak(rule: Rule, around: Closure, asked: bool) -> bool:
    """Whether one rule could say something of an entry; or, if it is asked for, of what that imports."""
    entry = around.entry
    if rule.worded and not entry.holds(rule.triggers) and not _may_import(rule, around):
        return False
    # the words first: they take no outline to tell
    if not (around if asked or not rule.local else entry).holds(rule.triggers):
        return False
    wide = asked or (not rule.local and (not rule.needs or entry.outline.has(rule.wide)))
    if not wide and not entry.holds(rule.triggers):
        return False
    return all(_has(features, around, wide) for features in rule.needs)


def _may_import(rule: Rule, around: Closure) -> bool:
    """Whether an entry that holds no word of a rule, which is not outlined for that, may import what the rule needs."""
    for each in around.near[1:]:
        held = each.holds(rule.triggers)
        if held and any(each.outline.has(feature) for features in rule.needs for feature in features):
            return True
    # what is no Python is not passed over because of what it imports
    return not around.entry.is_python


def _has(features: frozenset[str], around: Closure, wide: bool) -> bool:
    found = around.entry.outline.features
    if "anything" in found or not features.isdisjoint(found):
        return True
    if any(JOINT[feature](around) for feature in sorted(features & JOINT.keys())):
        return True
    return wide and around.reached(features)
