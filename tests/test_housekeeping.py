"""Suppressions that suppress nothing, cannot work or say no reason, and what their fixes leave."""

from __future__ import annotations

from pathlib import Path

import pytest

from dropout_lint.engine import check_source, run
from dropout_lint.fixes import apply_edits
from dropout_lint.settings import Resolver

PRELUDE = """\
import keras, numpy as np
model = keras.Sequential([keras.layers.Dense(3), keras.layers.Dropout(0.5)])
drop = model.layers[1]
"""
CALL = "print(np.argmax(model(np.ones((2, 4)), training=True), 1))"
TOGGLE = "drop.trainable = False"


def found(source, **overrides):
    report = check_source(PRELUDE + source, "program.py", resolver(**overrides))
    return [finding for finding in report.findings if finding.code.startswith("KTM9")]


def resolver(**overrides):
    return Resolver(isolated=True, overrides={"keras-version": "3.15", **overrides})


def fixed(source, **overrides):
    edits = [edit for finding in found(source, **overrides) if finding.fix for edit in finding.fix.edits]
    return apply_edits(PRELUDE + source, edits).removeprefix(PRELUDE)


USED = [
    pytest.param(f"{CALL}  # dropout-lint: ignore[KTM101] one draw\n", id="on the line"),
    pytest.param(f"# dropout-lint: ignore[training-true-in-inference] one draw\n{CALL}\n", id="before the line"),
    pytest.param(f"# dropout-lint: file-ignore[KTM101] a demonstration\n{CALL}\n{CALL}\n", id="for the file"),
    pytest.param(f"{CALL}; {TOGGLE}  # dropout-lint: ignore[KTM101, KTM201] both\n", id="two rules"),
    pytest.param("x = 1  # noqa: KTM101\n", id="noqa is nobody's"),
    pytest.param("text = '# dropout-lint: ignore[KTM101]'\n", id="in a string"),
    pytest.param("# see dropout-lint for more\n", id="prose"),
]


@pytest.mark.parametrize("source", USED)
def test_suppressions_that_count_are_left_alone(source):
    assert found(source) == []


WRONG = {
    "unused": (
        "x = 1  # dropout-lint: ignore[KTM101] once\n",
        ("KTM900", "`ignore[KTM101]` suppresses nothing"),
        "x = 1\n",
    ),
    "unused, alone on its line": (
        "# dropout-lint: ignore[KTM101] once\nx = 1\n",
        ("KTM900", "`ignore[KTM101]` suppresses nothing"),
        "x = 1\n",
    ),
    "unused for the file": (
        "# dropout-lint: file-ignore[KTM201] once\nx = 1\n",
        ("KTM900", "`file-ignore[KTM201]` suppresses nothing"),
        "x = 1\n",
    ),
    "one of two is unused": (
        f"{CALL}  # dropout-lint: ignore[KTM101, KTM102] one draw\n",
        ("KTM900", "`ignore[KTM101, KTM102]` suppresses no KTM102"),
        f"{CALL}  # dropout-lint: ignore[KTM101] one draw\n",
    ),
    "unused behind another comment": (
        "x = 1  # the first  # dropout-lint: ignore[KTM101] once\n",
        ("KTM900", "`ignore[KTM101]` suppresses nothing"),
        "x = 1  # the first\n",
    ),
    "unknown rule": (
        f"{CALL}  # dropout-lint: ignore[KTM101, training-true] one draw\n",
        ("KTM901", 'there is no rule "training-true"'),
        f"{CALL}  # dropout-lint: ignore[KTM101] one draw\n",
    ),
    "no bracket": (
        "x = 1  # dropout-lint: ignore everything\n",
        ("KTM901", "the suppression names no rule: there is no blanket form"),
        "x = 1\n",
    ),
    "nothing in the bracket": (
        "x = 1  # dropout-lint: ignore[]\n",
        ("KTM901", "the suppression names no rule: there is no blanket form"),
        "x = 1\n",
    ),
    "no such form": (
        "x = 1  # dropout-lint: disable[KTM101]\n",
        ("KTM901", "`dropout-lint: disable` is no suppression"),
        None,
    ),
    "file-ignore beside code": (
        "x = 1  # dropout-lint: file-ignore[KTM101] all of it\n",
        ("KTM901", "file-ignore counts on a line of its own only"),
        None,
    ),
}


@pytest.mark.parametrize(("source", "expected", "after"), WRONG.values(), ids=WRONG)
def test_suppressions_that_do_not_count(source, expected, after):
    assert [(finding.code, finding.message) for finding in found(source)] == [expected]
    assert fixed(source) == (source if after is None else after)


def test_a_wrong_name_gets_a_suggestion():
    (finding,) = found(f"{CALL}  # dropout-lint: ignore[trainable-on-weightles-layer] one draw\n")

    assert finding.help == 'did you mean "trainable-on-weightless-layer"?'


def test_a_rule_that_is_off_is_passed_over():
    assert found("x = 1  # dropout-lint: ignore[KTM101] once\n", ignore=["KTM101"]) == []
    assert (
        found(f"{CALL}  # dropout-lint: ignore[KTM101] once\n", **{"min-confidence": "high", "min-severity": "error"})
        == []
    )


def test_a_reason_is_asked_for_only_on_demand():
    source = f"{CALL}  # dropout-lint: ignore[KTM101]\n"

    assert found(source) == []
    asked = found(source, **{"extend-select": ["KTM902"]})
    assert [(finding.code, finding.message) for finding in asked] == [("KTM902", "the suppression says no reason")]
    assert found(f"{CALL}  # dropout-lint: ignore[KTM101] meant\n", **{"extend-select": ["KTM902"]}) == []


def test_findings_about_suppressions_can_be_ignored():
    assert found("x = 1  # dropout-lint: ignore[KTM101] once\n", ignore=["KTM900"]) == []


def test_a_file_that_was_not_analysed_has_no_unused_suppressions():
    report = check_source("x = (  # dropout-lint: ignore[KTM101] once\nkeras training\n", "program.py", resolver())

    assert [finding.code for finding in report.findings] == ["KTM990"]


def test_what_a_file_outside_the_run_finds_in_a_module_is_not_known(write):
    write("tools.py", f"import numpy as np\ndef score(model):\n    {CALL}  # dropout-lint: ignore[KTM101] meant\n")
    write("main.py", PRELUDE + "import tools\ntools.score(model)\n")
    write("other.py", "x = 1  # dropout-lint: ignore[KTM101] once\n")

    assert run([Path("tools.py")], resolver()).findings == ()
    assert run([Path()], resolver()).findings[0].path == "other.py"
    assert len(run([Path()], resolver()).findings) == 1


def test_ignores_can_be_switched_off():
    source = PRELUDE + f"{CALL}  # dropout-lint: ignore[KTM101] one draw\nx = 1  # dropout-lint: ignore[KTM101] old\n"

    report = run((), resolver(), stdin=source.encode(), stdin_path=Path("program.py"), ignores=False)

    assert [finding.code for finding in report.findings] == ["KTM101"]
