from __future__ import annotations

import importlib
import inspect

import pytest

from dropout_lint.verify.child.globals_kept import Globals
from dropout_lint.verify.child.instrument import definition_lines, enclosing_call_lines, rewrite
from dropout_lint.verify.child.job import Probe
from dropout_lint.verify.child.modes import _observed


def span(text, wanted):
    offset = text.index(wanted)
    line = text.count("\n", 0, offset) + 1
    column = offset - (text.rfind("\n", 0, offset) + 1) + 1
    end = offset + len(wanted)
    end_line = text.count("\n", 0, end) + 1
    end_column = end - (text.rfind("\n", 0, end) + 1) + 1
    return (line, column, end_line, end_column)


@pytest.mark.parametrize(
    ("text", "flagged", "expected"),
    [
        (
            "y = model(x, training=True)",
            "model(x, training=True)",
            "y = __dropout_lint__.site(0, model)(x, training=True)",
        ),
        ("y = self.a.b(x, True)", "self.a.b(x, True)", "y = __dropout_lint__.site(0, self.a.b)(x, True)"),
        ("y = (model)(x)", "(model)(x)", "y = (__dropout_lint__.site(0, model))(x)"),
        ("y = super().call(x)", "super().call(x)", "y = __dropout_lint__.site(0, super().call)(x)"),
        ("y = Drop(0.5)(x)", "Drop(0.5)(x)", "y = __dropout_lint__.site(0, Drop(0.5))(x)"),
        ("größe = modèle(x, t=1)", "modèle(x, t=1)", "größe = __dropout_lint__.site(0, modèle)(x, t=1)"),
        ("'ä'; f(m(x)) ; m(y)", "m(y)", "'ä'; f(m(x)) ; __dropout_lint__.site(0, m)(y)"),
        ("y = (a\n  .b(\n x))", "a\n  .b(\n x)", "y = (__dropout_lint__.site(0, a\n  .b)(\n x))"),
    ],
)
def test_only_the_callee_of_a_flagged_call_is_wrapped(text, flagged, expected):
    rewritten, failures = rewrite(text, [Probe(0, "call", "p.py", span(text, flagged), False)])

    assert rewritten == expected
    assert failures == {}
    assert rewritten.count("\n") == text.count("\n")


@pytest.mark.parametrize(
    ("text", "target", "expected"),
    [
        ("layer.trainable = True", "layer.trainable", "__dropout_lint__.toggle(0, layer).trainable = True"),
        (
            "a.trainable = m.layers[2].trainable = False",
            "m.layers[2].trainable",
            "a.trainable = __dropout_lint__.toggle(0, m.layers[2]).trainable = False",
        ),
    ],
)
def test_only_the_base_of_a_flagged_assignment_is_wrapped(text, target, expected):
    assert rewrite(text, [Probe(0, "toggle", "p.py", span(text, target))])[0] == expected


def test_nested_calls_that_start_at_one_place_nest_their_wrappers():
    text = "y = build(1)(x)"
    probes = [Probe(0, "call", "p.py", span(text, "build(1)")), Probe(1, "call", "p.py", span(text, "build(1)(x)"))]

    rewritten, _ = rewrite(text, probes)

    assert rewritten == "y = __dropout_lint__.site(1, __dropout_lint__.site(0, build)(1))(x)"


def test_an_edit_replaces_the_probe_it_overlaps():
    text = "y = model(x, training=True)\nz = model(x)\n"
    edits = [[*span(text, "model(x, training=True)"), "model(x)"]]
    probes = [Probe(0, "call", "p.py", span(text, "model(x, training=True)")), Probe(1, "call", "p.py", (2, 5, 2, 13))]

    rewritten, _ = rewrite(text, probes, edits)

    assert rewritten == "y = model(x)\nz = __dropout_lint__.site(1, model)(x)\n"


def test_a_probe_that_matches_no_expression_is_reported():
    assert rewrite("x = 1\n", [Probe(4, "call", "p.py", (1, 5, 1, 6))]) == (
        "x = 1\n",
        {4: "no such expression at its position"},
    )


def test_the_lines_of_the_call_that_encloses_a_flag():
    text = "def f():\n    return outer(\n        inner(1),\n        training=True,\n    )\n"

    assert enclosing_call_lines(text, span(text, "training=True")) == (2, 5)
    assert enclosing_call_lines("FLAG = True\n", (1, 8, 1, 12)) is None


@pytest.mark.parametrize(
    ("text", "flagged", "expected"),
    [
        ("f(1)\n", "f(1)", "with __dropout_lint__.watch(0): f(1)\n"),
        ("a = f(\n  1)\n", "f(\n  1)", "with __dropout_lint__.watch(0): a = f(\n  1)\n"),
        ("if c:\n    b = 1; f(1)\n", "f(1)", "if c:\n    with __dropout_lint__.watch(0): b = 1; f(1)\n"),
        ("if c: f(1)\n", "f(1)", "if c: __dropout_lint__.attempt(0, f)(1)\n"),
        ("if f(1):\n    pass\n", "f(1)", "if __dropout_lint__.attempt(0, f)(1):\n    pass\n"),
    ],
)
def test_a_watched_statement_stays_on_its_lines(text, flagged, expected):
    rewritten, failures = rewrite(text, [Probe(0, "raises", "p.py", span(text, flagged), "TypeError")])

    assert (rewritten, failures) == (expected, {})


def test_two_probes_share_the_watch_of_a_statement():
    text = "if c: pass\nf(g(1))\n"
    probes = [Probe(n, "observe", "p.py", span(text, part)) for n, part in enumerate(("f(g(1))", "g(1)"))]

    assert rewrite(text, probes)[0] == "if c: pass\nwith __dropout_lint__.watch(0, 1): f(g(1))\n"


@pytest.mark.parametrize(
    ("text", "flagged", "expected"),
    [
        ("layer.trainble = False", "layer.trainble", "__dropout_lint__.weights(0, layer).trainble = False"),
        (
            "setattr(layer, 'trainable', 0)",
            "setattr(layer, 'trainable', 0)",
            "setattr(__dropout_lint__.weights(0, layer), 'trainable', 0)",
        ),
        ("freeze(base)", "base", "freeze(__dropout_lint__.weights(0, base))"),
    ],
)
def test_weights_are_those_of_the_object_whose_flag_is_set(text, flagged, expected):
    assert rewrite(text, [Probe(0, "weights", "p.py", span(text, flagged), "move")])[0] == expected


def test_what_the_loop_around_a_statement_goes_over_is_wrapped():
    text = "for a in b:\n    for layer in m.layers[:-1]:\n        if t(layer):\n            layer.trainable = False\n"

    rewritten, failures = rewrite(text, [Probe(0, "nested", "p.py", span(text, "layer.trainable"), "inference")])

    assert failures == {}
    assert rewritten == text.replace("m.layers[:-1]", "__dropout_lint__.listed(0, m.layers[:-1])")
    assert rewrite("layer.trainable = False", [Probe(0, "nested", "p.py", (1, 1, 1, 16))])[1] == {
        0: "no such expression at its position"
    }


def test_watching_a_layer_leaves_the_default_of_its_call_where_keras_2_reads_it():
    def call(self, inputs, training=True):
        return inputs, training

    watched = _observed(call, 1, lambda *_: None)

    assert inspect.getfullargspec(watched) == inspect.getfullargspec(call)
    assert watched(None, 3) == (3, True)


def test_what_a_module_of_the_program_counts_is_put_back(tmp_path, monkeypatch):
    (tmp_path / "counting_for_a_test.py").write_text("SEEN, BY_NAME, KINDS, calls = [1], {'a': 2}, {3}, 0\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    module = importlib.import_module("counting_for_a_test")
    seen, before = module.SEEN, Globals((f"{tmp_path}/",))
    module.SEEN.append(5)
    module.BY_NAME["b"] = 6
    module.KINDS.add(7)
    module.calls += 1

    before.restore()

    assert (module.SEEN, module.BY_NAME, module.KINDS, module.calls) == ([1], {"a": 2}, {3}, 0)
    assert module.SEEN is seen


def test_a_definition_is_found_by_any_part_of_its_header():
    text = "class A:\n    @wrapped\n    def call(self, x, is_training=False):\n        return x\n"

    assert definition_lines(text, span(text, "is_training=False")) == (2, 4)
    assert definition_lines(text, span(text, "A")) == (1, 4)
