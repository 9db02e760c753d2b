"""What people read."""

from __future__ import annotations

import io
from dataclasses import replace

import pytest

from dropout_lint.discovery import Problem
from dropout_lint.findings import Applicability, Severity
from dropout_lint.output.display import encodable, printable, width
from dropout_lint.output.full import full
from dropout_lint.output.terminal import write
from dropout_lint.report import Report

EVALUATE = ("def validate(model, val_ds):", "", "    for x, y in val_ds:", "        ...")
CALL = "        logits = model(x, training=True)"


def printed(findings, sources, columns=120, **keywords):
    stream = io.StringIO()
    report = Report(findings=tuple(findings), sources=tuple(sources.items()), files=tuple(sources), **keywords)
    write(full(report, columns=columns), stream, color=False)
    return stream.getvalue()


def excerpt_of(line, start, end, columns=120, label="here", finding=None):
    text = printed([finding("a.py", 1, start, None, end, label=label)], {"a.py": (line,)}, columns)
    return [line for line in text.splitlines() if "|" in line][1:3]


def test_a_finding_with_everything(finding):
    sources = {"evaluate.py": ("",) * 37 + (*EVALUATE[:1], *EVALUATE[2:], "", CALL)}
    assert len(sources["evaluate.py"]) == 42

    assert printed([finding("evaluate.py", 42, 27, None, 40)], sources) == (
        "evaluate.py:42:27: KTM101 training-true-in-inference: "
        "`model` is evaluated with training=True: Dropout stays active\n"
        "   |\n"
        "40 |         ...\n"
        "41 |\n"
        "42 |         logits = model(x, training=True)\n"
        "   |                           ^^^^^^^^^^^^^ dropout (rate 0.5, models.py:17) drops units here\n"
        "   |\n"
        "   = reached by: main() evaluate.py:71 → validate() evaluate.py:38\n"
        "   = note: on Keras 3.15 this also updates the moving statistics of `bn` (models.py:19)\n"
        "   = help: pass training=False  [*] unsafe fix\n"
        "   = measure it: dropout-lint verify evaluate.py\n"
        "\n"
        "Found 1 finding in 1 file: 1 error.\n"
        "[*] 1 fixable with --fix --unsafe-fixes.\n"
    )


def test_a_finding_with_nothing(finding):
    bare = finding("a.py", 1, 1, 1, 1, label="", notes=(), chain=(), fix=None, probe=None, help="")

    assert printed([bare], {"a.py": ("x",)}) == (
        "a.py:1:1: KTM101 training-true-in-inference: `model` is evaluated with training=True: Dropout stays active\n"
        "\n"
        "Found 1 finding in 1 file: 1 error.\n"
    )


def test_a_finding_over_several_lines_underlines_each(finding):
    sources = {"a.py": ("model.predict(", "    x,", "\tverbose=0,", ")", "after")}
    text = printed([finding("a.py", 1, 7, 4, 2, chain=(), notes=(), fix=None, probe=None)], sources)

    assert text.splitlines()[1:11] == [
        "  |",
        "1 | model.predict(",
        "  |       ^^^^^^^^",
        "2 |     x,",
        "  |     ^^",
        "3 |     verbose=0,",
        "  |     ^^^^^^^^^^",
        "4 | )",
        "  | ^ dropout (rate 0.5, models.py:17) drops units here",
        "  |",
    ]


def test_a_very_long_finding_is_cut(finding):
    sources = {"a.py": tuple(f"x{i}" for i in range(30))}
    shown = printed([finding("a.py", 1, 1, 30, 3)], sources).splitlines()

    assert shown[10:14] == ["5 | x4", "  | ^^ dropout (rate 0.5, models.py:17) drops units here", "  | …", "  |"]


def test_leading_blank_context_is_left_out(finding):
    shown = printed([finding("a.py", 3, 1, None, 2)], {"a.py": ("x", "", "y")}).splitlines()
    blank = printed([finding("a.py", 3, 1, None, 2)], {"a.py": ("", " ", "y")}).splitlines()

    assert shown[2:5] == ["1 | x", "2 |", "3 | y"]
    assert blank[2] == "3 | y"


@pytest.mark.parametrize(
    ("line", "start", "end", "source", "carets"),
    [
        pytest.param("f(x)", 1, 5, "f(x)", "^^^^ here", id="plain"),
        pytest.param("\tf(x)", 2, 6, "    f(x)", "    ^^^^ here", id="tab"),
        pytest.param("a\tf(\tx)", 3, 8, "a   f(  x)", "    ^^^^^^ here", id="tabs inside"),
        pytest.param("日本 = f(x)", 6, 10, "日本 = f(x)", "       ^^^^ here", id="wide characters before"),
        pytest.param("f('日本')", 1, 8, "f('日本')", "^^^^^^^^^ here", id="wide characters inside"),
        pytest.param("e\u0301 = f(x)", 6, 10, "e\u0301 = f(x)", "    ^^^^ here", id="combining characters"),
        pytest.param("😀 f(x)", 3, 7, "😀 f(x)", "   ^^^^ here", id="emoji"),
        pytest.param("'\x1b[31m' f(x)", 9, 13, "'␛[31m' f(x)", "        ^^^^ here", id="escape sequences"),
        pytest.param("'\u202e' f(x)", 5, 9, "'\ufffd' f(x)", "    ^^^^ here", id="bidirectional overrides"),
        pytest.param("'[red]' f(x)", 9, 13, "'[red]' f(x)", "        ^^^^ here", id="markup of rich"),
        pytest.param("f(x", 4, 5, "f(x", "   ^ here", id="after the end of the line"),
        pytest.param("\x0cf(x)", 2, 6, "␌f(x)", " ^^^^ here", id="form feed"),
    ],
)
def test_carets_stay_under_what_they_mean(finding, line, start, end, source, carets):
    assert excerpt_of(line, start, end, finding=finding) == [f"1 | {source}", f"  | {carets}"]


@pytest.mark.parametrize(
    ("before", "middle", "after"),
    [(0, 10, 500), (300, 10, 0), (300, 10, 300), (300, 300, 300), (0, 500, 0), (43, 1, 0), (36, 1, 1)],
)
@pytest.mark.parametrize("character", ["x", "日"])
def test_long_lines_are_cut_around_the_finding(finding, before, middle, after, character):
    line = character * before + "F" * middle + character * after
    source, carets = excerpt_of(line, before + 1, before + middle + 1, 44, "", finding)

    assert width(source) <= 44
    assert width(carets) <= 44
    first = carets.index("^")
    column = 0
    for at, cell in enumerate(source):
        if column == first:
            assert set(source[at : at + carets.count("^")]) == {"F"}
            break
        column += width(cell)
    else:
        pytest.fail("the carets are past the end")


def test_names_from_sources_cannot_act_on_the_terminal(finding):
    text = printed([finding("a\x1b]0;title\x07.py", message="`\x1b[2Jm`\nis bad", help="\u202eno")], {})

    assert "\x1b" not in text
    assert "\u202e" not in text
    assert text.splitlines()[0] == "a␛]0;title␇.py:1:1: KTM101 training-true-in-inference: `␛[2Jm` is bad"


@pytest.mark.parametrize(
    ("severities", "keywords", "sentence"),
    [
        ([], {}, "No findings in 2 files."),
        ([], {"suppressed": 3}, "No findings in 2 files, 3 suppressed."),
        (["error", "error", "note"], {}, "Found 3 findings in 2 files: 2 errors, 1 note."),
        (["warning"], {"suppressed": 1}, "Found 1 finding in 2 files: 1 warning, 1 suppressed."),
    ],
)
def test_the_last_line_counts(finding, severities, keywords, sentence):
    findings = [finding(severity=Severity(severity), fix=None) for severity in severities]

    assert printed(findings, {"a.py": (), "b.py": ()}, **keywords).splitlines()[-1] == sentence


@pytest.mark.parametrize(
    ("kinds", "sentence"),
    [
        (["safe"], "[*] 1 fixable with --fix."),
        (["unsafe", "unsafe"], "[*] 2 fixable with --fix --unsafe-fixes."),
        (["safe", "unsafe", "display"], "[*] 1 fixable with --fix, 1 more with --fix --unsafe-fixes."),
        (["display"], "Found 1 finding in 1 file: 1 error."),
    ],
)
def test_what_can_be_fixed_is_counted(finding, kinds, sentence):
    plain = finding().fix
    findings = [finding(fix=replace(plain, applicability=Applicability(kind))) for kind in kinds]

    assert printed(findings, {"a.py": ()}).splitlines()[-1] == sentence


def test_repaired_findings_are_counted_first(finding):
    text = printed([], {"a.py": ()}, fixed=(finding(),))

    assert text.splitlines()[-1] == "Fixed 1 finding. No findings in 1 file."


def test_quiet_leaves_the_last_line_out(finding):
    report = Report(findings=(), errors=(Problem("a", "b"),))

    assert list(full(report, columns=80, quiet=True)) == []


def test_colours_change_nothing_but_colours(finding):
    report = Report(
        findings=(finding("[red]a.py", 1, 1, label="[bold]x[/bold] :smile:"),), sources=(("[red]a.py", ("[b]" * 99,)),)
    )
    plain, colored = io.StringIO(), io.StringIO()
    write(full(report, columns=80), plain, color=False)
    write(full(report, columns=80), colored, color=True)

    import re

    assert "\x1b[1;31m" in colored.getvalue()
    assert re.sub(r"\x1b\[[0-9;]*m", "", colored.getvalue()) == plain.getvalue()


@pytest.mark.parametrize(
    ("text", "encoding", "expected"),
    [
        ("a → b…", "utf-8", "a → b…"),
        ("a → b…", "ascii", "a -> b..."),
        ("日", "ascii", "\\u65e5"),
        ("é →", "latin-1", "é ->"),
        ("→", None, "→"),
    ],
)
def test_what_a_stream_cannot_express_is_replaced(text, encoding, expected):
    assert encodable(text, encoding) == expected


def test_printable_keeps_text_and_shows_the_rest():
    assert printable("é 日本 😀 e\u0301 \u00a0") == "é 日本 😀 e\u0301 \u00a0"
    assert printable("a\tb\nc\x00\x7f\x9b\ud800\u2028\ufeff") == "a b c␀␡\ufffd\ufffd\ufffd\ufffd"
