"""What is asked of all passes of a program is asked once of each, however many flags it chooses."""

from __future__ import annotations

from dropout_lint import check_source
from dropout_lint.semantics import intent, receivers
from dropout_lint.semantics.events import Interpretation
from dropout_lint.semantics.values import Opaque
from dropout_lint.settings import Resolver

LAYER = """\
import keras


class Net(keras.Model):
    def __init__(self):
        super().__init__()
        self.drop = keras.layers.Dropout(0.5)

    def call(self, x):
{calls}        return x


net = Net()
inputs = keras.Input((4,))
{graph}{uses}"""


def asked(count, monkeypatch):
    """How often it is asked whether a pass draws, in a program with so many of all that may be one."""
    numbers = []
    real = intent._fed_back

    def fed_back(*arguments):
        numbers.append(1)
        return real(*arguments)

    program = LAYER.format(
        calls="        x = self.drop(x, training=True)\n" * count,
        graph="h = keras.layers.Dropout(0.5)(inputs, training=True)\n" * count,
        uses="print(net(1))\n" * count,
    )
    with monkeypatch.context() as counting:
        counting.setattr(intent, "_fed_back", fed_back)
        findings = check_source(program, "program.py", Resolver(isolated=True)).findings
    assert "KTM103" in {finding.code for finding in findings}
    return len(numbers)


def test_the_passes_of_a_program_are_not_asked_again_for_every_flag(monkeypatch):
    few, many = asked(10, monkeypatch), asked(40, monkeypatch)

    # each of four times as many uses runs four times as many layers
    assert many <= 17 * few


def test_what_is_used_as_a_model_is_looked_for_once():
    class Events(list):
        looks = 0

        def __iter__(self):
            self.looks += 1
            return super().__iter__()

    program = Interpretation(None, Events(), {}, [])

    assert not any(receivers._is_used_as_model(Opaque(), program) for _ in range(9))
    assert program.events.looks == 1
