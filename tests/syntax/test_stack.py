"""A deep stack for deep trees."""

from __future__ import annotations

import sys
import threading

import pytest

from dropout_lint.syntax.stack import on_deep_stack


def _depth(n):
    return 0 if n == 0 else 1 + _depth(n - 1)


def test_recursion_goes_deep_there_and_the_limit_is_restored():
    limit = sys.getrecursionlimit()

    assert on_deep_stack(lambda: _depth(20_000)) == 20_000
    assert sys.getrecursionlimit() == limit


def test_what_is_raised_there_is_raised_here():
    with pytest.raises(ZeroDivisionError):
        on_deep_stack(lambda: 1 / 0)


def test_nested_use_stays_on_the_thread():
    inner, outer = on_deep_stack(lambda: (on_deep_stack(threading.get_ident), threading.get_ident()))

    assert inner == outer != threading.get_ident()


def test_without_room_for_the_stack_the_function_runs_on_the_present_one(monkeypatch):
    def refuse(self):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)

    assert on_deep_stack(threading.get_ident) == threading.get_ident()


def test_no_depth_is_one_at_which_each_call_asks_the_system_for_memory():
    resource = pytest.importorskip("resource")

    def faults(depth):
        if depth:
            return faults(depth - 1)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
        for _ in range(2_000):
            _depth(0)
        return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

    assert max(on_deep_stack(lambda: [faults(depth) for depth in range(400, 800)])) < 1_000
