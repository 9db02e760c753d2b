"""A small analysis with one rule, to test what surrounds the real one."""

from __future__ import annotations

import re
import signal
from dataclasses import replace
from pathlib import Path

import pytest

from dropout_lint.findings import (
    Applicability,
    Confidence,
    Edit,
    Finding,
    Fix,
    Position,
    Probe,
    Severity,
    Span,
    Step,
)
from dropout_lint.settings import shown
from dropout_lint.syntax.failures import NotAnalysed
from dropout_lint.syntax.parse import parse
from dropout_lint.trail import Trail

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # a shell starts what it puts into the background so, and all that the tests start would be deaf to Ctrl-C
    signal.signal(signal.SIGINT, signal.default_int_handler)


def make_finding(path="model.py", line=1, column=1, end_line=None, end_column=None, **changes):
    """A finding of KTM101 with everything a finding can have."""
    span = Span(
        Position(line, column),
        Position(end_line or line, end_column if end_column is not None else column + 13),
    )
    finding = Finding(
        code="KTM101",
        name="training-true-in-inference",
        severity=Severity.ERROR,
        confidence=Confidence.HIGH,
        message="`model` is evaluated with training=True: Dropout stays active",
        path=path,
        span=span,
        help="pass training=False",
        label="dropout (rate 0.5, models.py:17) drops units here",
        notes=("on Keras 3.15 this also updates the moving statistics of `bn` (models.py:19)",),
        chain=(Step("evaluate.py", 71, "main()"), Step("evaluate.py", 38, "validate()")),
        fix=Fix("pass training=False", Applicability.UNSAFE, (Edit(span, "training=False"),)),
        probe=Probe("call", path, span, counterfactual=False),
        keras=("3.3", "3.15"),
    )
    return replace(finding, **changes)


def bottomless():
    return bottomless()


class FakeAnalysis:
    """Reports ``training=True`` wherever it is written; the words crash, deep and elsewhere misbehave on purpose."""

    made = 0

    def __init__(self, settings, root, contents=None):  # noqa: ARG002
        type(self).made += 1
        self.settings = settings
        self.root = root
        self.trail = Trail()

    def imported_by_others(self, _path, _checked):
        return False

    def importers(self, _path):
        return ()

    def surroundings(self):
        return (), ()

    def speakers(self, path, data, asked=frozenset()):  # noqa: ARG002
        self.trail.begin(path.absolute(), triage=True)
        self.trail.note(path.absolute(), data)
        if b"crash-triage" in data:
            raise RuntimeError("triage failed")
        return frozenset({"KTM101"} if b"training" in data else ())

    def check(self, path, text, _speakers=None):
        self.trail.begin(path.absolute())
        parse(text.text, path)
        if "crash" in text.text:
            raise KeyError("nothing")
        if "bottomless" in text.text:
            bottomless()
        if "deep" in text.text:
            raise NotAnalysed("its budget of 10 steps is used up")
        name = "elsewhere.py" if "elsewhere" in text.text else shown(path)
        plain = {"label": "", "notes": (), "chain": (), "fix": None, "probe": None, "keras": ()}
        findings = []
        for number, line in enumerate(text.text.splitlines(), 1):
            for match in re.finditer(r"training=(\w+)", line):
                if match[1] not in ("True", "MAYBE", "NOTE"):
                    continue
                changes = dict(plain)
                if match[1] == "MAYBE":
                    changes["confidence"] = Confidence.LOW
                if match[1] == "NOTE":
                    changes["severity"] = Severity.NOTE
                at = {"line": number, "column": match.start() + 1, "end_column": match.end() + 1}
                findings.append(make_finding(name, **at, **changes))
        # In no particular order, and some twice.
        return tuple(reversed(findings)) + tuple(findings[:1])


@pytest.fixture
def project(tmp_path, monkeypatch):
    """An empty project to work in."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".git").mkdir()
    return tmp_path


@pytest.fixture
def write(project):
    """Writes a file of the project, with its folders."""

    def write_file(name, content=""):
        path = project / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, bytes):
            path.write_bytes(content)
        else:
            path.write_text(content, encoding="utf-8", newline="")
        return Path(name)

    return write_file


@pytest.fixture
def fake_analysis(monkeypatch):
    """The engine with the small analysis instead of the real one."""
    from dropout_lint import engine

    monkeypatch.setattr(engine, "_Analyses", lambda _contents: FakeAnalysis)
    monkeypatch.setattr(FakeAnalysis, "made", 0)
    return FakeAnalysis


@pytest.fixture
def finding():
    """Makes findings; see `make_finding`."""
    return make_finding
