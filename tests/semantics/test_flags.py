"""What it takes to compare the flags of a long program: as often as there are flags that changed."""

from __future__ import annotations

import pytest

from dropout_lint import check_source
from dropout_lint.semantics import judgement
from dropout_lint.settings import Resolver

PROGRAMS = {
    "layers": "    model.fit(x, x)\n    model.layers[{n}].trainable = False\n",
    "fits": "    model.layers[{n}].trainable = False\n    model.fit(x, x)\n    model.fit(x, x)\n",
}


def program(body, times):
    lines = "".join(body.replace("{n}", str(number)) for number in range(times))
    return f"import keras\n\n\ndef run(model, x):\n{lines}"


def counted(monkeypatch, module, name, source):
    """How often a function is called when a program is looked at."""
    calls = []
    with monkeypatch.context() as counting:
        real = getattr(module, name)

        def count(*arguments):
            calls.append(name)
            return real(*arguments)

        counting.setattr(module, name, count)
        check_source(source, "program.py", Resolver(isolated=True, overrides={"min-confidence": "low"}))
    return len(calls)


@pytest.mark.parametrize("name", PROGRAMS)
def test_only_flags_that_changed_are_compared_again(name, monkeypatch):
    few, many = (counted(monkeypatch, judgement, "settings_of", program(PROGRAMS[name], times)) for times in (10, 40))

    assert 0 < few < many < 6 * few
