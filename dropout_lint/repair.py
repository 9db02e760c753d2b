"""``--fix``: fixes applied to files, checked before anything is written.

A fix is refused when what it leaves does not parse, loses a comment, draws a new finding, or does not take its own
finding away. Fixes that overlap wait for the next round; rounds go on until nothing is left to do. Nothing is
written until all of that is known, and every file is replaced in one step: a reader finds it as it was or as it is.
"""

from __future__ import annotations

import json
import os
import stat
import tempfile
import tokenize
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from dropout_lint.discovery import Problem
from dropout_lint.findings import Applicability, Edit, Finding
from dropout_lint.fixes import apply_edits
from dropout_lint.report import Report
from dropout_lint.selection import INVALID_SUPPRESSION, UNUSED_SUPPRESSION, Selection
from dropout_lint.settings import Settings, normal, shown
from dropout_lint.sources.reading import decode_source, in_text
from dropout_lint.sources.text import SourceError, Text, read_bytes, split_lines
from dropout_lint.suppressions import tokens
from dropout_lint.syntax.failures import NotAnalysed, SyntaxFailure

MOST_ROUNDS = 12
"""Rounds of one run; a chain of fixes that each make room for the next is never this long in practice."""

_Identity = tuple[tuple[object, ...], int]
"""What fixes have in common that are alike, and which of those it is."""

Lint = Callable[[Mapping[Path, bytes]], Report]
"""Checks everything as it would be with these contents of files."""


@dataclass(frozen=True, slots=True)
class Changed:
    """A file that fixes change: its content before and after."""

    path: Path
    before: Text
    after: Text

    @property
    def data(self) -> bytes:
        """The bytes to write, in the file's own encoding.

        Raises:
            SourceError: A replacement cannot be expressed in it.
        """
        return self.after.encode()


@dataclass(frozen=True, slots=True)
class Repair:
    """What fixing gave: the report of what is left, the findings that are gone, and the files that change."""

    report: Report
    fixed: tuple[Finding, ...] = ()
    changed: tuple[Changed, ...] = ()
    problems: tuple[Problem, ...] = ()


@dataclass(slots=True)
class _State:
    """What has been decided so far."""

    texts: dict[Path, Text] = field(default_factory=dict)
    after: dict[Path, Text] = field(default_factory=dict)
    fixed: list[Finding] = field(default_factory=list)
    refused: set[_Identity] = field(default_factory=set)

    def contents(self, replaced: Mapping[Path, Text]) -> dict[Path, bytes]:
        """The bytes of all changed files, ``replaced`` among them."""
        return {path: text.encode() for path, text in {**self.after, **replaced}.items()}

    def keep(self, fixed: Iterable[_Identity]) -> None:
        """These fixes are applied: of what is like them, the later ones move up."""
        gone = list(fixed)
        self.refused = {
            (kind, place - sum(kind == other and before < place for other, before in gone))
            for kind, place in self.refused
        }

    def text(self, path: Path) -> Text:
        """The file as it is at present."""
        if path not in self.texts:
            self.texts[path] = decode_source(read_bytes(path), path)
        return self.after.get(path, self.texts[path])


def allows(settings: Settings, finding: Finding) -> bool:
    """Whether the settings let ``--fix`` apply the fix of a finding."""
    if finding.fix is None or finding.fix.applicability is Applicability.DISPLAY:
        return False
    if finding.fix.applicability is Applicability.UNSAFE and not settings.unsafe_fixes:
        return False
    return Selection(settings.fixable, settings.unfixable).enables(finding.code)


def repair(
    report: Report, lint: Lint, wanted: Callable[[Finding], bool], given: Mapping[Path, bytes] | None = None
) -> Repair:
    """Apply the fixes of all findings that are ``wanted``, to a fixed point; nothing is written yet.

    ``given`` are contents of files that are not on disk.
    """
    state = _State({path: decode_source(data, path) for path, data in (given or {}).items()})
    problems: list[Problem] = []
    for _ in range(MOST_ROUNDS):
        todo = _by_file(report, state, wanted)
        if not todo:
            break
        known = _identities(report)
        progress = False
        for path, findings in todo.items():
            try:
                new = _fixed_together(path, findings, known, state, report, lint)
            except SourceError as error:
                problems.append(Problem(shown(path), str(error)))
                state.refused.update(known[id(finding)] for finding in findings)
                continue
            if new is not None:
                report, progress = new, True
        if not progress and not _by_file(report, state, wanted):
            break
    changed = tuple(
        Changed(path, state.texts[path], text)
        for path, text in sorted(state.after.items())
        if text.text != state.texts[path].text
    )
    return Repair(report, tuple(state.fixed), changed, tuple(problems))


def _by_file(report: Report, state: _State, wanted: Callable[[Finding], bool]) -> dict[Path, list[Finding]]:
    found: dict[Path, list[Finding]] = {}
    known = _identities(report)
    for finding in report.findings:
        if id(finding) in known and wanted(finding) and known[id(finding)] not in state.refused:
            found.setdefault(normal(Path(finding.path)), []).append(finding)
    return found


def _identities(report: Report) -> dict[int, _Identity]:
    """What a refused fix is known by, also when lines above it change; by the ids of the findings that have one."""
    found: dict[int, _Identity] = {}
    alike: dict[tuple[object, ...], int] = {}
    for finding in report.findings:
        if finding.fix is not None:
            replacements = tuple(edit.replacement for edit in finding.fix.edits)
            kind = (normal(Path(finding.path)), finding.code, finding.message, replacements)
            alike[kind] = place = alike.get(kind, 0) + 1
            found[id(finding)] = (kind, place)
    return found


def _fixed_together(
    path: Path, findings: list[Finding], known: Mapping[int, _Identity], state: _State, report: Report, lint: Lint
) -> Report | None:
    """Apply the fixes of one file, all at once where that works, else some; the new report if any was applied.

    What is not applied waits for the next round, since its places have moved.
    """
    chosen = _without_overlaps(findings)
    count = len(chosen)
    while chosen:
        new = _tried(path, chosen[:count], state, report, lint)
        if new is not None:
            state.keep(known[id(finding)] for finding in chosen[:count])
            return new
        if count == 1:
            state.refused.add(known[id(chosen.pop(0))])
        else:
            # one of them spoils it: looked for by halves
            count //= 2
    return None


def _without_overlaps(findings: list[Finding]) -> list[Finding]:
    chosen: list[Finding] = []
    taken: list[tuple[int, Edit]] = []
    for finding in findings:
        assert finding.fix is not None
        edits = [(finding.cell or 0, edit) for edit in finding.fix.edits]
        if any(_overlap(one, two) for one in edits for two in taken):
            continue
        chosen.append(finding)
        taken += edits
    return chosen


def _overlap(one: tuple[int, Edit], two: tuple[int, Edit]) -> bool:
    (cell, here), (other, there) = one, two
    first, second = here.span, there.span
    if cell != other:
        return False
    # lines that both go may be all that a block holds: who goes last takes the block along
    gone = not here.replacement and not there.replacement and (first.end == second.start or second.end == first.start)
    return gone or first == second or (first.start < second.end and second.start < first.end)


def _tried(path: Path, findings: list[Finding], state: _State, report: Report, lint: Lint) -> Report | None:
    """The report after these fixes, which are kept; None, and nothing changed, where they are refused."""
    present = state.text(path)
    before = present.text
    fixes = [in_text(finding, present).fix for finding in findings]
    try:
        after = apply_edits(before, [edit for each in fixes if each is not None for edit in each.edits])
        edited = present.edited(after)
    except ValueError:
        return None
    lost = _comments(before) - _comments(after)
    if after == before or (lost and not _about_comments(findings)) or not _parses(after, path):
        return None
    new = lint(state.contents({path: edited}))
    gone, come = _counted(report) - _counted(new), _counted(new) - _counted(report)
    expected = Counter((finding.path, finding.code) for finding in findings)
    if come or expected - gone:
        return None
    state.after[path] = edited
    state.fixed += findings
    return new


def _about_comments(findings: list[Finding]) -> bool:
    """Whether comments are what these fixes are about."""
    return all(finding.code in {UNUSED_SUPPRESSION[0], INVALID_SUPPRESSION[0]} for finding in findings)


def _counted(report: Report) -> Counter[tuple[str, str]]:
    return Counter((finding.path, finding.code) for finding in report.findings)


def _comments(text: str) -> Counter[str]:
    return Counter(token.string for token in tokens(text) if token.type == tokenize.COMMENT)


def _parses(text: str, path: Path) -> bool:
    from dropout_lint.syntax.parse import parse

    try:
        parse(text, path)
    except (SyntaxFailure, NotAnalysed):
        return False
    return True


# Writing -----------------------------------------------------------------------------------------------------


def write_all(changed: Iterable[Changed]) -> tuple[tuple[Changed, ...], tuple[Problem, ...]]:
    """Write the files; what was written, and what could not be, which stays as it was."""
    written: list[Changed] = []
    problems: list[Problem] = []
    for each in changed:
        problem = _written(each)
        if problem is None:
            written.append(each)
        else:
            problems.append(problem)
    return tuple(written), tuple(problems)


def _written(changed: Changed) -> Problem | None:
    try:
        _replace(changed)
    except (SourceError, OSError) as error:
        reason = error.strerror or str(error) if isinstance(error, OSError) else str(error)
        return Problem(shown(changed.path), f"cannot be fixed: {reason}")
    return None


def _replace(changed: Changed) -> None:
    """Replace a file in one step: same permissions, and the target of a link rather than the link.

    Raises:
        SourceError: The file has changed since it was read, or cannot hold the new text.
        OSError: It cannot be written.
    """
    target = changed.path.resolve()
    found = target.read_bytes()
    if found != changed.before.encode():
        if decode_source(found, changed.path).text == changed.before.text:
            raise SourceError(f"in {changed.before.encoding}, lines that are not touched would be written otherwise")
        raise SourceError("the file has changed since it was checked")
    data = changed.data
    mode = target.stat().st_mode
    if not mode & 0o222 or not os.access(target, os.W_OK):
        raise PermissionError(13, "the file is read-only")
    handle, name = tempfile.mkstemp(prefix=f".{target.name[:40]}.", suffix=".tmp", dir=target.parent)
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        Path(name).chmod(stat.S_IMODE(mode))
        Path(name).replace(target)
    except BaseException:
        with suppress(OSError):
            Path(name).unlink()
        raise


def unified_diff(changed: Changed) -> str:
    """The change as a unified diff with the file's name on both sides."""
    from difflib import unified_diff as difference

    name = shown(changed.path)
    if not name.isprintable():
        # quoted, as git does, or it would be lines of its own
        name = json.dumps(name)
    before = [f"{line}\n" for line in split_lines(changed.before.file_text)]
    after = [f"{line}\n" for line in split_lines(changed.after.file_text)]
    return "".join(difference(before, after, name, name))
