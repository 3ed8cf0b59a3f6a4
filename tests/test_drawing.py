"""Folded texts and tables against rich, which draws the same lines."""

from io import StringIO

from hypothesis import given
from hypothesis import strategies as st
from rich import box
from rich.console import Console
from rich.table import Table as Grid
from rich.text import Text

from cnnprof.report import Column, Report, Table
from cnnprof.reports import Style, render
from cnnprof.reports._drawing import fold, width_of

WORDS = st.lists(st.text("abcé日本.x-", min_size=1, max_size=12), min_size=1, max_size=8).map(" ".join)


def by_rich(what: object, width: int) -> list[str]:
    out = StringIO()
    console = Console(file=out, width=width, color_system=None, highlight=False, markup=False, emoji=False)
    console.print(what)
    return [line.rstrip() for line in out.getvalue().splitlines()]


@given(WORDS, st.integers(10, 40))
def test_a_text_is_folded_as_rich_folds_it(text, width):
    lines = fold(text, width)
    assert [line.rstrip() for line in lines] == by_rich(Text(text), width)
    assert all(width_of(line) <= width for line in lines)


CELLS = st.text("abc1,.é日", min_size=1, max_size=9)


@given(
    st.integers(1, 4).flatmap(lambda n: st.lists(st.lists(CELLS, min_size=n, max_size=n), min_size=1, max_size=5)),
    st.booleans(),
)
def test_a_table_is_drawn_as_rich_draws_it(rows, with_total):
    kinds = ["text" if i % 2 == 0 else "result" for i in range(len(rows[0]))]
    columns = tuple(Column(f"c{i}", f"head {i}", kind) for i, kind in enumerate(kinds))
    keyed = tuple({column.key: cell for column, cell in zip(columns, row, strict=True)} for row in rows)
    grid = Grid(box=box.SIMPLE_HEAD, pad_edge=False, show_footer=with_total, padding=(0, 1, 0, 0))
    for column, last in zip(columns, rows[-1], strict=True):
        grid.add_column(column.heading, footer=last if with_total else "", justify="left" if column.kind == "text" else "right")
    for row in rows:
        grid.add_row(*row)
    report = Report("summary", "", (Table(columns, keyed, total=keyed[-1] if with_total else None),))
    assert render(report, "table", Style()).splitlines() == by_rich(grid, 10_000)


def test_styles_stand_around_the_texts_they_mark():
    table = Table((Column("name", "layer", "text"),), ({"name": "a"}, {"name": "b"}), best=frozenset({(1, "name")}))
    drawn = render(Report("compare", "two", (table,)), "table", Style(color=True))
    assert "\x1b[1mtwo\x1b[0m" in drawn
    assert "\x1b[1;32mb*\x1b[0m" in drawn
    assert "\x1b" not in render(Report("compare", "two", (table,)), "table", Style())
