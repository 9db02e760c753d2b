"""KTM204: of several toggles that one undoes, the first is told, each time."""

from __future__ import annotations

from dropout_lint.engine import check_source
from dropout_lint.settings import Resolver

UNDOES_FOUR = """\
import keras
one, two, three, four, five = (keras.layers.Dense(3), keras.layers.Dense(3), keras.layers.Dense(3),
    keras.layers.Dense(3), keras.layers.Dense(3))
base = keras.Sequential([one, two, three, four, five])
one.trainable = False
two.trainable = False
three.trainable = False
four.trainable = False
base.trainable = True
base.compile("adam", "mse")
base.fit(x, y)
"""


def test_the_first_of_several_contradictions_is_told_each_time():
    resolver = Resolver(isolated=True, overrides={"keras-version": "2.15"})
    # which of a set comes first depends on where its elements lie in memory: several programs lie in several places
    told = [
        [
            (finding.code, step.line)
            for finding in check_source(UNDOES_FOUR, resolver=resolver).findings
            for step in finding.chain
        ]
        for _ in range(8)
    ]

    assert told == [[("KTM204", 5)]] * 8
