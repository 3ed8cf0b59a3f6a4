"""What is remembered of a function of dimensions, and what is not."""

import numpy as np
import sympy

from cnnprof.network import dims as arith


def counting():
    calls = []

    @arith.memoize
    def double(shape):
        calls.append(shape)
        return 2 * shape[0]

    return double, calls


def test_numbers_are_worked_out_once():
    double, calls = counting()
    assert [double((4,)), double((4,)), double((5,))] == [8, 8, 10]
    assert calls == [(4,), (5,)]


def test_arrays_and_symbols_are_worked_out_each_time():
    double, calls = counting()
    for _ in range(2):
        assert (double((np.array([1, 2]),)) == [2, 4]).all()
        assert double((sympy.Integer(4),)) == 8
    assert len(calls) == 4
    # A symbolic 4 is equal to the number, and must not stand for it.
    assert type(double((4,))) is int


def test_what_is_kept_is_bounded(monkeypatch):
    monkeypatch.setattr(arith, "MEMOIZED", 2)
    double, calls = counting()
    for size in (1, 2, 3, 1):
        double((size,))
    assert len(calls) == 4
