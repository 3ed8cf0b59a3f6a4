"""Conditions on rows: units, three values, one row and whole arrays alike, and messages that point."""

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cnnprof.errors import UsageError
from cnnprof.judging.filters import read_condition, unknown_columns

COLUMNS = {
    "params": "count",
    "macs": "count",
    "peak": "bytes",
    "latency_ms": "time",
    "top1": "number",
    "family": "text",
}
ROW = {
    "params": 3_504_872,
    "macs": 300_774_272,
    "peak": 25_600_000,
    "latency_ms": 13.2,
    "top1": 71.88,
    "family": "MobileNet v2",
}


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("params < 5M", True),
        ("params < 3.5M", False),
        ("params<3_504_873", True),
        ("params < 5M and top1 >= 70", True),
        ("params < 1M or macs < 0.31G", True),
        ("not params < 1M", True),
        ("peak < 25.6MB", False),
        ("peak <= 25.6 MB", True),
        ("peak < 25MiB", True),  # 25 * 2^20 = 26,214,400
        ("peak < 26000kB", True),
        ("latency_ms < 14ms", True),
        ("latency_ms < 0.0131s", False),
        ("latency_ms < 14", True),
        ("1M < params < 4M", True),
        ("macs / params > 85", True),  # 85.8
        ("macs / (params - 3_504_872) > 1", False),
        ("2 * params - 9 < 8M", True),
        ("-params < 0", True),
        ("family == 'MobileNet v2'", True),
        ("family != 'MobileNet v2'", False),
        ("family in ['VGG', 'MobileNet v2']", True),
        ("family not in ('VGG', 'ResNet')", True),
        ("top1 == 71.88", True),
        ("  top1 != 71.88 ", False),
        ("known(top1)", True),
    ],
)
def test_conditions(text, holds):
    assert read_condition(text, COLUMNS).holds(ROW) is holds


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("top1 > 70", False),
        ("not top1 > 70", False),
        ("top1 != 70", False),
        ("known(top1)", False),
        ("not known(top1)", True),
        ("top1 > 70 or params < 5M", True),
        ("not (top1 > 70 and params > 5M)", True),
        ("top1 + 1 > 0 or top1 <= 0", False),
        ("family == 'VGG'", False),
        ("family != 'VGG'", False),
        ("family not in ['VGG']", False),
        ("known(family)", False),
    ],
)
def test_what_is_not_known_is_neither_true_nor_false(text, kept):
    for row in ({"params": 3_000_000}, {"params": 3_000_000, "top1": None, "family": None}):
        condition = read_condition(text, COLUMNS)
        assert condition.holds(row) is kept


def test_which_rows_lack_what_is_asked_for():
    condition = read_condition("top1 > 70 and latency_ms < 5 and params > 0", COLUMNS)
    assert condition.columns == {"top1", "latency_ms", "params"}
    assert condition.is_unknown({"params": 1, "top1": 80})
    assert not condition.is_unknown({"params": 1, "top1": 60}), "false whatever the latency is"
    assert unknown_columns([ROW, {"params": 1, "top1": 80}, {"params": 1}], condition) == {"latency_ms": [1, 2], "top1": [2]}


NUMBERS = st.one_of(st.none(), st.integers(0, 3))


@example([(None, 0, None), (2, 1, None)], "params / macs > 1 and known(params)")
@given(
    st.lists(st.tuples(NUMBERS, NUMBERS, st.sampled_from([None, "a", "b"])), min_size=1, max_size=8),
    st.sampled_from(
        [
            "params < macs",
            "params == 1 or not macs >= 2",
            "params / macs > 1 and known(params)",
            "not (params < 2 and family == 'a')",
            "family in ['a'] or params != macs",
            "not known(macs)",
            "0 < params <= 2",
        ]
    ),
)
def test_arrays_and_rows_agree(rows, text):
    condition = read_condition(text, COLUMNS)
    params, macs, families = zip(*rows, strict=True)
    table = {
        "params": np.array([np.nan if value is None else value for value in params], dtype=float),
        "macs": np.array([np.nan if value is None else value for value in macs], dtype=float),
        "family": np.array(families, dtype=object),
    }
    single = [condition.holds({"params": a, "macs": b, "family": c}) for a, b, c in rows]
    with np.errstate(all="ignore"):
        assert [bool(value) for value in condition.mask(table)] == single


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("params <", "--where: 'params <' is no condition"),
        ("params < 5M && top1 > 3", "write 'and', 'or' and 'not'"),
        ("params = 5M", "compare with =="),
        (
            "parms < 5M",
            "there is no column 'parms'\n --> --where:1:1\n1 | parms < 5M\n  | ^^^^^\n  = hint: did you mean 'params'?",
        ),
        ("params < 5M and tpo1 > 3", "--where:1:17"),
        ("family < 'b'", "text is compared with text"),
        ("family == 5", "text is compared with text"),
        ("params < 'many'", "text is compared with text"),
        ("params < 5MB", "this compares a count with bytes"),
        ("peak < 5ms", "this compares bytes with a time"),
        ("top1", "a condition compares"),
        ("top1 and params > 3", "a condition stands here"),
        ("not params", "a condition stands here"),
        ("params + family > 3", "a number stands here, not a text"),
        ("log(params) > 3", "the one function is known(column)"),
        ("params in 5", "'in' looks into a list"),
        ("params % 5 > 1", "the operators are + - * and /"),
        ("params << 5", "compare with < or >"),
        ("params > 5 & macs > 3", "write 'and' and 'or' for conditions"),
        ("[params]", "this is not part of a condition"),
        ("params is 5", "compare with =="),
        ("", "is no condition"),
        ("__import__('os')", "the one function is known(column)"),
        ("(" * 300 + "1" + ")" * 300, "at most 500"),
        ("not " * 60 + "params > 1", "nests at most"),
        ("params < 5µ", "ASCII"),
    ],
)
def test_what_is_no_condition(text, message):
    with pytest.raises(UsageError) as caught:
        read_condition(text, COLUMNS)
    assert message in str(caught.value)


def test_comparisons_with_a_number_are_told():
    columns = {"params": "count", "peak": "bytes", "family": "text", "macs": "count"}
    text = "params < 5M and (64MB >= peak or not macs > params) and family == 'A' and 1 < 2 and 2 * macs < 8"
    assert read_condition(text, columns).limits == (("params", 5e6, "params < 5M"), ("peak", 64e6, "64MB >= peak"))
