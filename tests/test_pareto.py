"""Pareto sets against brute force, with ties, intervals and figures that are not known."""

from hypothesis import given
from hypothesis import strategies as st

from cnnprof.judging.pareto import Standing, standings

FIGURE = st.one_of(st.none(), st.integers(0, 4).map(lambda value: (value, value)))
SPAN = st.one_of(st.none(), st.tuples(st.integers(0, 5), st.integers(0, 3)).map(lambda pair: (pair[0], sum(pair))))


def beats(one, other):
    """Kung, Luccio and Preparata 1975 for exact points: nowhere worse, somewhere better; intervals that meet are alike."""
    nowhere_worse = not any(a[0] > b[1] for a, b in zip(one, other, strict=True))
    return nowhere_worse and any(a[1] < b[0] for a, b in zip(one, other, strict=True))


def check(points):
    found = standings(points)
    for number, (point, standing) in enumerate(zip(points, found, strict=True)):
        if None in point:
            assert standing == Standing(known=False)
            continue
        rivals = [i for i, other in enumerate(points) if i != number and None not in other and beats(other, point)]
        assert standing.optimal == (not rivals)
        if rivals:
            assert standing.by in rivals
            optimal = [i for i in rivals if found[i].optimal]
            assert not optimal or standing.by in optimal


@given(st.integers(1, 4).flatmap(lambda n: st.lists(st.lists(FIGURE, min_size=n, max_size=n), max_size=12)))
def test_exact_points(points):
    check(points)


@given(st.integers(1, 3).flatmap(lambda n: st.lists(st.lists(SPAN, min_size=n, max_size=n), max_size=10)))
def test_intervals(points):
    check(points)


def test_twins_do_not_dominate_each_other():
    point = [(1, 1), (2, 2)]
    assert [each.optimal for each in standings([point, point, [(1, 1), (3, 3)]])] == [True, True, False]
    assert standings([]) == []
