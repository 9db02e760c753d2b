"""When garbage is looked for: not in a short run, and little by little in a long one."""

import gc

import pytest

from dropout_lint.collecting import AT_FIRST, OFTEN, collecting_after


@pytest.fixture
def thresholds():
    """Those of the garbage collector, which are put back afterwards."""
    before = gc.get_threshold()
    gc.collect()
    yield
    gc.set_threshold(*before)


def litter(count):
    """Garbage that only a collection can find."""
    for _ in range(count):
        each = []
        each.append(each)


@pytest.mark.usefixtures("thresholds")
@pytest.mark.parametrize(
    ("before", "made", "left", "after"),
    [(AT_FIRST, 1_000, True, AT_FIRST), (OFTEN, 120_000, False, OFTEN), ((50, 10, 10), 1_000, False, (50, 10, 10))],
    ids=["a short run", "a long run", "another process"],
)
def test_garbage_is_looked_for_where_there_is_much(before, made, left, after):
    gc.set_threshold(*before)
    with collecting_after():
        litter(made)

    assert (gc.get_count()[0] >= made) is left
    assert gc.get_threshold() == after


@pytest.mark.usefixtures("thresholds")
def test_after_the_first_time_it_is_looked_for_often():
    gc.set_threshold(*AT_FIRST)
    with collecting_after():
        litter(AT_FIRST[0] + 1)

    assert gc.get_threshold() == OFTEN
