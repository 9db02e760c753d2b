"""What the interpretation of a program costs grows with the program, not with how deeply it is nested."""

from __future__ import annotations

from dropout_lint import check_source
from dropout_lint.semantics.run import Run
from dropout_lint.settings import Resolver

HEAD = "import keras\nmodel = keras.Sequential([keras.layers.Dropout(0.5)])\nprint(model(1, training=True))\n"


def steps(program, monkeypatch):
    """What the interpretation of a program costs."""
    paid = []
    real = Run.step

    def step(self, cost=1):
        paid.append(cost)
        real(self, cost)

    with monkeypatch.context() as counting:
        counting.setattr(Run, "step", step)
        check_source(program, "program.py", Resolver(isolated=True, overrides={"min-confidence": "low"}))
    return sum(paid)


def nested(depth):
    """Comprehensions that each go over the layers of what the next one gives."""
    return "model.layers" if not depth else f"sum(layer.name for layer in {nested(depth - 1)}).layers"


def test_what_a_comprehension_goes_over_is_evaluated_once(monkeypatch):
    plain, few, many = (steps(f"{HEAD}print({nested(depth)})\n", monkeypatch) for depth in (0, 8, 16))

    assert many - plain < 3 * (few - plain)


def test_a_list_in_itself_over_and_over_is_paid_for(monkeypatch):
    loop = "x = [1, 2]\nfor step in range(9):\n" + "    x[x] = x\n" * 64
    plain, paid = (steps(HEAD + program, monkeypatch) for program in ("", loop))

    # there are two turns
    assert paid - plain > 100 * 2 * 64
