"""One line per finding, as editors read it."""

from __future__ import annotations

import io

from dropout_lint.output.concise import concise
from dropout_lint.output.terminal import write
from dropout_lint.report import Report


def test_one_line_per_finding_and_a_last_one(finding):
    stream = io.StringIO()
    findings = (finding("a.py", 3, 7, message="one\ntwo"), finding("b/c.py", 1, 1, message="three"))
    write(concise(Report(findings=findings, files=("a.py", "b/c.py"))), stream, color=False)

    assert stream.getvalue() == (
        "a.py:3:7: KTM101 one two\nb/c.py:1:1: KTM101 three\nFound 2 findings in 2 files: 2 errors.\n"
        "[*] 2 fixable with --fix --unsafe-fixes.\n"
    )


def test_quiet_leaves_the_last_line_out():
    assert list(concise(Report(), quiet=True)) == []
