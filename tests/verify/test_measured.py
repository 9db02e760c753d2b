"""Results of `verify`, beside the findings of `check` and on a page: no program runs here."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from dropout_lint import verify
from dropout_lint.cli import main
from dropout_lint.verify.campaign import ProgramReport
from dropout_lint.verify.document import document
from dropout_lint.verify.page import page
from dropout_lint.verify.programs import as_program
from dropout_lint.verify.replay import Printed
from dropout_lint.verify.result import Metric, Outputs, Result
from dropout_lint.verify.statistics import Interval

SCHEMA = json.loads(Path(verify.__file__).with_name("verify.schema.json").read_text())

PROGRAM = """import keras

model = keras.Sequential([keras.Input((4,)), keras.layers.Dropout(0.5), keras.layers.Dense(2)])
model.compile("adam", "mse")
model.fit(x, y)
print((model(x_test, training=True).numpy().argmax(1) == y_test).mean())
"""


@pytest.fixture
def script(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "train.py"
    path.write_text(PROGRAM)
    return path


@pytest.fixture
def check(capfd):
    """What `check train.py` prints, errors included."""

    def run(*arguments):
        with pytest.raises(SystemExit):
            main(["check", "train.py", "--isolated", *arguments])
        return "".join(capfd.readouterr())

    return run


def report_of(script, *results):
    return ProgramReport(
        program=as_program(script),
        results=results,
        environment={"keras": "3.15.1", "backend": "jax"},
        modes=(),
        stdout="",
        stderr="",
        seconds=2.0,
        failure=None,
        timed_out=False,
    )


@pytest.fixture
def confirmed(script, finding):
    metric = Metric(
        "accuracy",
        (0.9, 0.92, 0.91),
        (0.97,),
        -0.06,
        Interval(-0.08, -0.04, "rows", 200),
        200,
        0.005,
        "confirmed",
        "worse",
    )
    flagged = finding(script, "model(x_test, training=True)", code="KTM101")
    return Result(flagged, "confirmed", "worse", "", "evaluate", (str(script), 6), 1, 1, 1, (metric,))


def test_check_shows_what_was_measured(script, confirmed, tmp_path, check):
    results = json.loads(json.dumps(document([report_of(script, confirmed)])))
    # As `verify` names them: with the span of the finding itself.
    own = json.loads(check("--output-format", "json"))["findings"][0]
    assert own["measured"] is None
    results["results"][0]["finding"] = own
    (tmp_path / "results.json").write_text(json.dumps(results))

    full = check("--verified", "results.json")
    script.write_text("# moved\n" + PROGRAM)
    moved = check("--verified", "results.json", "--output-format", "json")

    expected = "confirmed; accuracy 0.91, fixed 0.97 (difference in [-0.08, -0.04])"
    assert f"= measured: {expected}" in full
    measured = json.loads(moved)["findings"][0]["measured"]
    assert measured == {"verdict": "confirmed", "direction": "worse", "text": expected}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "cannot be read"),
        ("{", "is not JSON"),
        ("[]", "holds no results"),
        ('{"findings": []}', "holds no results"),
    ],
)
def test_results_that_are_none(script, tmp_path, check, content, message):
    if content is not None:
        (tmp_path / "results.json").write_text(content)

    assert message in check("--verified", "results.json")


def test_results_are_as_their_schema_says(script, confirmed, finding):
    flagged = finding(script, "model.fit(x, y)", "mode", True, "KTM105")
    outputs = Outputs(
        9, None, None, None, Interval(None, None, "none"), 0.4, Interval(0.3, 0.5, "rows", 9), float("inf"), (0.1,)
    )
    error = {"type": "TypeError", "message": "", "frames": []}
    results = (
        confirmed,
        Result(flagged, "inconclusive", outputs=replace(outputs, max_abs_difference=1.0), state=(("bn/mean", 0.1),)),
        Result(flagged, "confirmed-raises", exception=error, replay=(Printed("loss", (0.5,), (0.4,)),)),
        Result(flagged, "confirmed", observed={"weights": {}, "steps": 3}, elsewhere=(("predict", "inconclusive"),)),
    )
    written = json.loads(json.dumps(document([report_of(script, *results)])))

    Draft202012Validator.check_schema(SCHEMA)
    Draft202012Validator(SCHEMA).validate(written)
    described = SCHEMA["properties"]["results"]["items"]
    assert set(written["results"][0]) == set(described["properties"]) == set(described["required"])
    described = SCHEMA["properties"]["programs"]["items"]
    assert set(written["programs"][0]) == set(described["properties"]) == set(described["required"])


def test_the_page_is_self_contained_and_escaped(script, confirmed, finding):
    script.write_text(PROGRAM.replace("x_test,", "x_test  # <b>&\n,"))
    outputs = Outputs(
        300,
        "largest",
        0.2,
        0.1,
        Interval(0.08, 0.12, "rows", 300),
        0.4,
        Interval(0.3, 0.5, "rows", 300),
        1.0,
        (0.1, 0.11),
    )
    flagged = finding(script, "model.fit(x, y)", "mode", True, "KTM105")
    seen = {
        "modes": [{"layer": "drop", "phase": "fit", "inference": 4, "training": 0, "wanted": True}],
        "statistics": {"bn/moving_mean": 0.0},
        "steps": 40,
    }
    weights = {
        "weights": {"layer": "base", "distances": {"base/kernel": 0.2}, "trainable": False, "kind": "fit"},
        "steps": 4,
    }
    toggle = {"max_abs_difference": 0.0, "kinds": ["predict"], "layers": ["d"], "ran_in_training": 0, "values": [True]}

    html = page(
        [
            report_of(
                script,
                confirmed,
                Result(flagged, "confirmed", "changed", outputs=outputs),
                Result(flagged, "confirmed", observed=seen, reason="never"),
                Result(flagged, "confirmed", observed=weights),
                Result(flagged, "confirmed", state=(("bn/moving_mean", 0.3),)),
                Result(flagged, "confirmed-no-effect", toggle=toggle),
                Result(flagged, "no-material-difference", replay=(Printed("loss", (0.5,), (0.4,)),)),
                Result(
                    flagged, "confirmed-raises", exception={"type": "TypeError", "message": "<script>", "frames": []}
                ),
                Result(flagged, "not-reached", reason="the program ended without executing the line"),
            )
        ]
    )

    assert html.count("<article") == 9
    assert html.count("data:image/svg+xml;base64,") == 6
    assert re.findall(r"(?:src|href)=\"(?!data:|#)", html) == []
    assert "<script>" not in html
    assert "&lt;b&gt;&amp;" in html
    assert "CONFIRMED: NO EFFECT" in html
    assert "0.910 ± 0.010" in html
