"""Which comments silence which lines."""

from __future__ import annotations

import pytest

from dropout_lint.suppressions import suppressed, suppressions

CODE, NAME = "KTM101", "training-true-in-inference"

SUPPRESSED = [
    pytest.param("f(x)  # dropout-lint: ignore[KTM101]\n", 1, id="code"),
    pytest.param("f(x)  # dropout-lint: ignore[training-true-in-inference] MC dropout, 50 passes\n", 1, id="name"),
    pytest.param("f(x)  # dropout-lint: ignore[KTM201, KTM101] both\n", 1, id="several"),
    pytest.param("f(x)  # why  # dropout-lint:ignore[KTM101]\n", 1, id="after another comment"),
    pytest.param("# dropout-lint: ignore[KTM101] meant\nf(x)\n", 2, id="alone on the line before"),
    pytest.param("# dropout-lint: ignore[KTM101]\n# and more\nf(x)\n", 3, id="in a block of comments before"),
    pytest.param("f(\n    x,  # dropout-lint: ignore[KTM101]\n    y,\n)\n", 1, id="inside the statement"),
    pytest.param("f(\n    x,\n    y,\n)  # dropout-lint: ignore[KTM101]\n", 2, id="at the end of the statement"),
    pytest.param("if f(x):  # dropout-lint: ignore[KTM101]\n    g()\n", 1, id="in a header"),
    pytest.param("x = '''\n'''; f(x)  # dropout-lint: ignore[KTM101]\n", 2, id="after a string"),
    pytest.param("f(x)  # noqa: KTM101\n", 1, id="noqa"),
    pytest.param("f(x)  # noqa: E501, KTM101\n", 1, id="noqa with others"),
    pytest.param("f(x)  # NOQA:E501 ktm101\n", 1, id="noqa in any case"),
    pytest.param("f(x)  # dropout-lint: ignore[KTM101]\r\n", 1, id="CRLF"),
    pytest.param("f(x)  # dropout-lint: ignore[KTM101]\nx = (\n", 1, id="before a syntax error"),
]

NOT_SUPPRESSED = [
    pytest.param("f(x)\n", 1, id="nothing"),
    pytest.param("f(x)  # dropout-lint: ignore\n", 1, id="no blanket form"),
    pytest.param("f(x)  # dropout-lint: ignore[]\n", 1, id="empty"),
    pytest.param("f(x)  # dropout-lint: ignore[KTM1]\n", 1, id="a prefix is no rule"),
    pytest.param("f(x)  # dropout-lint: ignore[KTM102]\n", 1, id="another rule"),
    pytest.param("f(x)  # noqa\n", 1, id="bare noqa"),
    pytest.param("f(x)  # noqa: E501\n", 1, id="noqa for another tool"),
    pytest.param("f('# dropout-lint: ignore[KTM101]')\n", 1, id="in a string"),
    pytest.param("x = '''\n# dropout-lint: ignore[KTM101]\n'''\nf(x)\n", 4, id="in a longer string"),
    pytest.param("# dropout-lint: ignore[KTM101]\n\nf(x)\n", 3, id="an empty line between"),
    pytest.param("g()  # dropout-lint: ignore[KTM101]\nf(x)\n", 2, id="on another statement"),
    pytest.param("f(x)\n# dropout-lint: ignore[KTM101]\n", 1, id="on the line after"),
    pytest.param("if a:  # dropout-lint: ignore[KTM101]\n    f(x)\n", 2, id="a header does not cover its body"),
]


@pytest.mark.parametrize(("text", "line"), SUPPRESSED)
def test_suppresses(text, line):
    assert suppressed(suppressions(text), range(line, line + 1), CODE, NAME)


@pytest.mark.parametrize(("text", "line"), NOT_SUPPRESSED)
def test_does_not_suppress(text, line):
    assert not suppressed(suppressions(text), range(line, line + 1), CODE, NAME)
