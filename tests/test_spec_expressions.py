"""Expressions: values, what is refused, and the bounds that are checked before a value is built."""

import pytest

from cnnprof.spec.expressions import compile_expression
from cnnprof.spec.functions import make_divisible
from cnnprof.spec.mistakes import unknown_name
from cnnprof.spec.operators import ExpressionError
from cnnprof.spec.scope import Budget, Scope
from cnnprof.spec.values import Tensor

NAMES = {"w": 64, "width": 0.5, "flag": True, "text": "basic", "depths": (3, 4, 6), "empty": None, "x": Tensor(1, (1, 8, 6, 4))}


def value(text: str) -> object:
    return compile_expression(text)(Scope(NAMES, Tensor(0, (1, 3, 32, 16)), Budget()))


def fault(text: str) -> ExpressionError:
    with pytest.raises(ExpressionError) as caught:
        value(text)
    return caught.value


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2 + 3*4 - 6/4 + 7//2 + 7%4 + 2**3", 2 + 12 - 1.5 + 3 + 3 + 8),
        ("-w + +1", -63),
        ("32*width", 16.0),
        ("'a'", "a"),
        ("true", True),
        ("True and not false", True),
        ("none", None),
        ("flag and w > 3", True),
        ("flag or 1 / 0 > 1", True),
        ("1 < 2 < 3", True),
        ("1 < 2 > 3", False),
        ("w if flag else 1 / 0", 64),
        ("0 if empty else 1", 1),
        ("depths[0] + depths[-1]", 9),
        ("depths[1:]", (4, 6)),
        ("[1, 2] + [3] * 2", (1, 2, 3, 3)),
        ("2 * (1, 2)", (1, 2, 1, 2)),
        ("4 in depths and 5 not in depths", True),
        ("'4a' in ['4a', '4d']", True),
        ("depths == [3, 4, 6]", True),
        ("text != 'basic'", False),
        ("C * H * W", 3 * 32 * 16),
        ("x.C + x.H + x.W", 18),
        ("int(3.9) + round(2.6) + ceil(1.1) + floor(1.9)", 3 + 3 + 2 + 1),
        ("round(2.345, 1)", 2.3),
        ("min(depths) + max(1, 2, w) + abs(-1)", 3 + 64 + 1),
        ("sum(depths) + len(depths)", 16),
        ("sqrt(16)", 4.0),
        ("log(8, 2)", 3.0),
        ("log(1)", 0.0),
        ("range(3)", (0, 1, 2)),
        ("range(1, 7, 3)", (1, 4)),
        ("zip(depths, range(3))", ((3, 0), (4, 1), (6, 2))),
        ("enumerate(depths)", ((0, 3), (1, 4), (2, 6))),
        ("enumerate(depths, 1)[0]", (1, 3)),
        ("make_divisible(33)", 32),
        ("make_divisible(12, 8)", 16),
        ("make_divisible(10, 8, 24)", 24),
        ("  w\n+ 1 ", 65),
    ],
)
def test_values(text: str, expected: object) -> None:
    assert value(text) == expected


def test_true_is_not_one() -> None:
    assert value("flag == 1") is False
    assert value("1 in [flag]") is False
    assert value("[flag] == [1]") is False
    assert value("flag == true") is True


def test_make_divisible_is_torchvisions() -> None:
    # torchvision.models._utils._make_divisible: 0.9 of the value is the least that rounding down may leave.
    widths = [16, 24, 32, 96, 320, 1280]
    assert [make_divisible(w * 1.4) for w in widths] == [24, 32, 48, 136, 448, 1792]
    assert [make_divisible(w * 0.35) for w in widths] == [8, 8, 16, 32, 112, 448]


@pytest.mark.parametrize(
    ("text", "message", "start", "end"),
    [
        ("w + widht", "unknown name 'widht'", 4, 9),
        ("  w + widht", "unknown name 'widht'", 6, 11),
        ("'é' in widht", "unknown name 'widht'", 7, 12),
        ("w + text", "'+' does not go with 64 and the text 'basic'", 0, 8),
        ("text * 3", "'*' does not go with the text 'basic' and 3", 0, 8),
        ("flag + 1", "'+' does not go with true and 1", 0, 8),
        ("-flag", "a sign belongs to a number, not to true", 0, 5),
        ("w and flag", "a condition is true or false, not 64", 0, 1),
        ("1 if w else 2", "a condition is true or false, not 64", 5, 6),
        ("w / 0", "this divides by zero", 0, 5),
        ("text < 3", "'<' compares numbers, not the text 'basic' and 3", 0, 8),
        ("3 in w", "'in' looks into a list, not into 64", 0, 6),
        ("depths[3]", "there is no entry 3 in a list of 3", 0, 9),
        ("depths[0.5]", "an entry is named by a whole number, not by 0.5", 0, 11),
        ("depths[flag]", "an entry is named by a whole number, not by true", 0, 12),
        ("w[0]", "only a list has entries, and this is 64", 0, 4),
        ("depths[::2]", "a slice has a start and an end, and no step", 0, 11),
        ("w.C", "only an output has .C, and this is 64", 0, 3),
        ("x.shape", "'.shape' is not part of the language", 0, 7),
        ("w.__class__", "'.__class__' is not part of the language", 0, 11),
        ("max", "'max' is a function", 0, 3),
        ("relu", "unknown name 'relu'", 0, 4),
        ("maks(1)", "there is no function 'maks'", 0, 7),
        ("text.C()", "only a function can be called", 0, 8),
        ("round()", "round does not take 0 arguments: round(x, digits)", 0, 7),
        ("max(key=1)", "max takes its arguments in order: max(a, b, ...)", 0, 10),
        ("max(*depths)", "'*' before a value is not part of the language", 4, 11),
        ("max([])", "max takes a list with an entry", 0, 7),
        ("max(text)", "max takes numbers, not the text 'basic'", 0, 9),
        ("sum(w)", "sum takes lists, not 64", 0, 6),
        ("int(text)", "int takes numbers, not the text 'basic'", 0, 9),
        ("sqrt(-1)", "sqrt takes no negative number, such as -1", 0, 8),
        ("log(0)", "log takes a number above 0, not 0", 0, 6),
        ("log(2, 1)", "log takes a base above 0 that is not 1, and this one is 1", 0, 9),
        ("range(0.5)", "range takes whole numbers, not 0.5", 0, 10),
        ("range(1, 5, 0)", "range takes a step that is not 0", 0, 14),
        ("zip(depths, [1])", "zip takes lists of one length, not of 3 and 1", 0, 16),
        ("round(1.5, 99)", "round rounds to a whole number of digits, not 99", 0, 14),
        ("make_divisible(-8.5)", "make_divisible takes a number above 0, not -8.5", 0, 20),
        ("make_divisible(8, 0)", "make_divisible takes a divisor above 0", 0, 20),
        ("[i for i in depths]", "a comprehension is not part of the language", 0, 19),
        ("lambda: 1", "a lambda is not part of the language", 0, 9),
        ("{1: 2}", "a dictionary is not part of the language", 0, 6),
        ("{1}", "a set is not part of the language", 0, 3),
        ("f'{w}'", "an f-string is not part of the language", 0, 6),
        ("(a := 1)", "':=' is not part of the language", 1, 7),
        ("b'x'", "a byte string is not part of the language", 0, 4),
        ("1j", "a complex number is not part of the language", 0, 2),
        ("...", "'...' is not part of the language", 0, 3),
        ("w is 64", "'is' is not part of the language", 0, 7),
        ("~w", "'~' is not part of the language", 0, 2),
        ("w | 1", "the operators are + - * / // % and **", 0, 5),
        ("w << 3", "the operators are + - * / // % and **", 0, 6),
    ],
)
def test_mistakes_are_pointed_at(text: str, message: str, start: int, end: int) -> None:
    error = fault(text)
    assert (error.message, error.start, error.end) == (message, start, end)


@pytest.mark.parametrize(
    "text", ["", "   ", "1 +", "(1", "1 2", "a b", "import os", "x = 1", "1;2", "\0", "\\", "é é", "9" * 299 + "x"]
)
def test_what_is_no_expression(text: str) -> None:
    assert "expression" in fault(text).message


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("2147483649", "too large"),
        ("2**31 + 1", "too large"),
        ("10**9 * 10**9", "too large"),
        ("9" * 200, "too large"),
        ("1e999", "finite"),
        ("1e308 * 10", "finite"),
        ("(10.0**64)**64", "too large"),
        ("2**65", "a power is at most 64"),
        ("2**-65", "a power is at most 64"),
        ("2**2**2**2**2", "a power is at most 64"),
        ("(-8)**0.5", "finite"),
        ("0**-1", "divides by zero"),
        ("range(10**9)", "range would have 1,000,000,000 entries"),
        ("len(range(10**9))", "range would have"),
        ("[0] * 10**9", "at most 4,096 entries"),
        ("10**9 * [0]", "at most 4,096 entries"),
        ("range(4000) + range(4000)", "at most 4,096 entries"),
        ("[[0] * 64] * 65", "at most 4,096 entries"),
        ("'ab' * 10**9", "does not go with"),
        ("1" + "+1" * 200, "at most 300 characters"),
        ("-" * 290 + "1", "nests at most 50 deep"),
        ("-" * 290 + "w", "nests at most 50 deep"),
        ("not " * 70 + "flag", "nests at most 50 deep"),
        ("[" * 60 + "]" * 60, "nests at most 50 deep"),
        ("w" + "[0]" * 60, "nests at most 50 deep"),
        ("int(" * 55 + "1" + ")" * 55, "nests at most 50 deep"),
    ],
)
def test_bounds(text: str, message: str) -> None:
    assert message in fault(text).message


def test_going_through_long_lists_uses_up_the_budget() -> None:
    scope = Scope({"long": tuple(range(4096))}, None, Budget(10_000))
    code = compile_expression("sum(long)")
    used = [scope.budget.left for _ in range(3) if code(scope)]
    assert used == [10_000 - 512 * n for n in (1, 2, 3)]
    with pytest.raises(ExpressionError, match="steps to build"):
        [code(scope) for _ in range(1000)]


def test_hints() -> None:
    assert fault("widht").hint == "did you mean 'width'?"
    assert fault("flag && flag").hint == "write 'and', 'or' and 'not'"
    assert fault("max").hint == "call it: max(a, b, ...)"
    assert fault("relu").hint == "write '| relu' for a layer behind this one"
    assert fault("celi(1)").hint == "did you mean 'ceil'?"


def test_an_axis_that_is_not_there() -> None:
    assert unknown_name("H", Scope({}, Tensor(0, (1, 10)), Budget()))[0] == "there is no H here: the output is 1-dimensional"
    assert unknown_name("C", Scope({}, None, Budget()))[0] == "unknown name 'C'"
