"""What holds for any program: linting never fails, and fixes come to rest and leave the rest of a file alone."""

from __future__ import annotations

import ast
import difflib
import re
from pathlib import Path

import hypothesmith
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dropout_lint import repair
from dropout_lint.engine import run
from dropout_lint.settings import Resolver

FIXTURES = Path(__file__).parents[1] / "fixtures"


def unhurried(examples):
    """Settings for examples of which some take their time."""
    return settings(max_examples=examples, deadline=None, suppress_health_check=list(HealthCheck), print_blob=True)


def lint(text, version=None):
    overrides = {"min-confidence": "low", **({"keras-version": version} if version else {})}
    resolver = Resolver(isolated=True, overrides=overrides)
    return run((), resolver, stdin=text.encode("utf-8", "surrogatepass"), stdin_path=Path("generated.py"))


def failures(report):
    """Where the tool itself has failed."""
    return [(finding.message, finding.notes) for finding in report.findings if "dropout-lint failed" in finding.message]


def check_places(report, text):
    """All places are inside the text, so that editors and excerpts can show them."""
    lines = text.split("\n")
    for finding in report.findings:
        spans = [finding.span, *(edit.span for edit in (finding.fix.edits if finding.fix else ()))]
        for span in spans:
            assert span.start <= span.end
            for place in (span.start, span.end):
                assert 1 <= place.line <= len(lines)
                assert 1 <= place.column <= len(lines[place.line - 1]) + 1


# Any Python --------------------------------------------------------------------------------------------------

PRELUDE = """\
import keras
from keras import layers
model = keras.Sequential([layers.Dense(3), layers.Dropout(0.5)])
model.trainable = False
print(model(x, training=True))
"""


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@unhurried(40)
@given(code=hypothesmith.from_node())
def test_any_module_is_linted(code):
    text = PRELUDE + code.replace("\r", "\n")
    report = lint(text)

    assert failures(report) == []


# Programs about modes ----------------------------------------------------------------------------------------

NAMES = st.sampled_from(["x", "model", "base", "layer", "training", "step", "evaluate", "data", "flag", "self", "K"])
VALUES = st.sampled_from(
    [
        "True",
        "False",
        "None",
        "0",
        "1",
        "'test'",
        "not training",
        "x",
        "[]",
        "{}",
        "()",
        "...",
        "lambda x: x",
        "lambda *a, training=True, **k: model(*a, **k)",
        "dict(training=True)",
        "{'training': True}",
        "layers.Dropout(0.5)",
        "layers.Dropout(1.5)",
        "layers.BatchNormalization()",
        "layers.Dense(3, activation='softmax')",
        "keras.Sequential([layers.Dense(3), layers.Dropout(0.5)])",
        "keras.Input((4,))",
        "tf.keras.applications.ResNet50()",
        "tf.nn.dropout(x, 0.5)",
        "K.learning_phase()",
        "functools.partial(model, training=True)",
        "np.ones((2, 4))",
        "yield_ if x else y",
        "(y := model(x))",
        "x @ x + -x ** 2",
        "f'{model(x)}'",
        "model.layers[0]",
        "model.layers[1:-1]",
        "type('T', (), {})",
        "super().call(x)",
    ]
)
TARGETS = st.sampled_from(["x", "model", "layer", "model.trainable", "layer.trainable", "x[0]", "self.drop", "(x, *y)"])


def expressions(children):
    return st.one_of(
        st.builds("{}({}, training={})".format, children, children, children),
        st.builds("{}({})".format, children, children),
        st.builds("{}(*{}, **{})".format, NAMES, children, children),
        st.builds("np.mean([{}({}, training=True) for _ in range(5)], 0)".format, NAMES, children),
        st.builds(
            "{}.{}({})".format, NAMES, st.sampled_from(["fit", "predict", "evaluate", "call", "compile"]), children
        ),
        st.builds("({} if {} else {})".format, children, children, children),
        st.builds("[{} for layer in {} if {}]".format, children, children, children),
        st.builds("({} and {})".format, children, children),
        st.builds("({} == {})".format, children, children),
        st.builds("{}[{}]".format, NAMES, children),
    )


EXPRESSIONS = st.recursive(st.one_of(NAMES, VALUES.map("({})".format)), expressions, max_leaves=6)


def indented(body):
    return "\n".join(f"    {line}" for statement in body for line in statement.split("\n"))


def statements(children):
    bodies = st.lists(children, min_size=1, max_size=3).map(indented)
    parameters = st.sampled_from(
        ["", "x", "self, x", "x, training", "self, x, training=None", "*a, **k", "x, /, *, training=True"]
    )
    return st.one_of(
        st.builds("def {}({}):\n{}".format, NAMES, parameters, bodies),
        st.builds("@tf.function\ndef {}({}):\n{}".format, NAMES, parameters, bodies),
        st.builds("async def {}({}):\n{}".format, NAMES, parameters, bodies),
        st.builds(
            "class {}({}):\n{}".format,
            NAMES.map(str.title),
            st.sampled_from(["", "keras.Model", "layers.Layer", "layers.Dropout", "Model", "X"]),
            bodies,
        ),
        st.builds("for {} in {}:\n{}".format, NAMES, EXPRESSIONS, bodies),
        st.builds("while {}:\n{}".format, EXPRESSIONS, bodies),
        st.builds("if {}:\n{}\nelse:\n{}".format, EXPRESSIONS, bodies, bodies),
        st.builds("with tf.GradientTape() as tape:\n{}".format, bodies),
        st.builds("try:\n{}\nexcept Exception:\n{}".format, bodies, bodies),
        st.builds(
            "match {}:\n    case {{'training': x}}:\n        pass\n    case _:\n        pass".format, EXPRESSIONS
        ),
    )


SIMPLE = st.one_of(
    st.builds("{} = {}".format, TARGETS, EXPRESSIONS),
    st.builds("print({})".format, EXPRESSIONS),
    st.builds("return {}".format, EXPRESSIONS).map(lambda text: f"if x: pass  # {text}"),
    EXPRESSIONS,
    st.sampled_from(["pass", "del x", "x += 1", "global model", "import tf_keras", "from . import tools", "assert x"]),
)
PROGRAMS = st.lists(st.recursive(SIMPLE, statements, max_leaves=8), min_size=1, max_size=6).map("\n".join)
HEAD = """\
import functools
import keras
import numpy as np
import tensorflow as tf
from keras import Model, layers, backend as K
"""


def is_python(text):
    try:
        ast.parse(text)
    except (SyntaxError, ValueError):
        return False
    return True


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@unhurried(150)
@given(body=PROGRAMS, version=st.sampled_from([None, "2.15", "3.3", "3.15"]))
def test_programs_about_modes_are_linted_and_repaired(body, version):
    text = f"{HEAD}{body}\n"
    report = lint(text, version)

    assert failures(report) == []
    check_places(report, text)
    assert lint(text, version).findings == report.findings
    if not is_python(text) or not any(finding.fix for finding in report.findings):
        return
    after = rested(text, version or "3.15")
    assert is_python(after)
    assert rested(after, version or "3.15") == after


def rested(text, version):
    """The text after ``--fix --unsafe-fixes``."""
    virtual = Path("generated.py").absolute()
    resolver = Resolver(isolated=True, overrides={"min-confidence": "low", "keras-version": version})

    def check(contents):
        return run((), resolver, stdin=contents.get(virtual, text.encode()), stdin_path=Path("generated.py"))

    outcome = repair.repair(check({}), check, lambda _: True, {virtual: text.encode()})
    assert outcome.problems == ()
    return outcome.changed[0].after.text if outcome.changed else text


# The programs of fixtures ------------------------------------------------------------------------------------

FLAGGED = sorted(
    path.relative_to(FIXTURES).as_posix()
    for path in FIXTURES.glob("*/flagged_*.py")
    if not path.name.endswith(".fixed.py")
)


MARK = re.compile(rb"[ \t]*# (?:expect|note): .*")


def repaired(path):
    """The outcome of ``--fix --unsafe-fixes`` on one file, and what was found before."""
    resolver = Resolver(isolated=True, overrides={"keras-version": "3.15"})

    def check(contents):
        return run([path], resolver, contents=contents)

    report = check({})
    return report, repair.repair(report, check, lambda _: True)


def lines_of_fixes(report):
    return {
        line
        for finding in report.findings
        for edit in (finding.fix.edits if finding.fix else ())
        for line in range(edit.span.start.line, edit.span.end.line + 1)
    }


@pytest.mark.slow
@pytest.mark.parametrize("name", FLAGGED)
def test_fixes_come_to_rest_and_leave_other_lines_alone(name, tmp_path):
    for other in (FIXTURES / name).parent.iterdir():
        # What it imports may lie beside it.
        if other.suffix == ".py" and other.name != Path(name).name:
            (tmp_path / other.name).write_bytes(other.read_bytes())
    path = tmp_path / Path(name).name
    # A fix refuses to take a comment away, also the one that says what is expected.
    source = MARK.sub(b"", (FIXTURES / name).read_bytes())
    path.write_bytes(source)

    report, outcome = repaired(path)
    assert outcome.problems == ()
    assert outcome.changed or not (FIXTURES / name).with_suffix(".fixed.py").exists()
    written, _ = repair.write_all(outcome.changed)
    assert written == outcome.changed

    before, after = source.decode().split("\n"), path.read_text(encoding="utf-8").split("\n")
    matcher = difflib.SequenceMatcher(None, before, after, autojunk=False)
    touched = {
        line
        for tag, first, last, _, _ in matcher.get_opcodes()
        if tag != "equal"
        for line in range(first + 1, max(last, first + 1) + 1)
    }
    assert touched <= lines_of_fixes(report)

    _, second = repaired(path)
    assert second.changed == ()

    fixed = path.read_bytes()
    path.write_bytes(source.replace(b"\n", b"\r\n"))
    _, outcome = repaired(path)
    repair.write_all(outcome.changed)
    assert path.read_bytes() == fixed.replace(b"\n", b"\r\n")
