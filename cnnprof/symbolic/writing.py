"""A sympy expression as a lecture writes it: `K (F F C_in + 1)`, or with numbers `96 (11*11*3 + 1)`.

The order is that of `ORDER`; a power is a repeated factor. Writing changes no value: `whole_floors` drops a floor or ceiling
only where nothing is cut off for the numbers at hand.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from cnnprof.counting.derivation import Derivation, FigureName

ORDER = (
    "N", "T_out", "H_out", "W_out", "L_out", "K", "n_out", "L", "C", "c", "r", "j", "T", "H", "W", "n",
    "F", "F_t", "F_h", "F_w", "C_in", "n_in", "P", "P_t", "P_h", "P_w", "d", "O", "S", "S_t", "S_h", "S_w", "g",
)  # fmt: skip


def write(
    expression: Any, values: Mapping[Any, Any] | None = None, order: Sequence[str] = ORDER, longest_power: int = 3
) -> str:
    """The expression in letters or, with `values`, in numbers. Powers beyond `longest_power` are written with ^."""
    from sympy import sympify

    return _Writer(values, order, longest_power).term(sympify(expression))


def derive(
    figure: FigureName, name: str, expression: Any, values: Mapping[Any, Any], result: Any, unit: str = "", note: str = ""
) -> Derivation:
    """A worksheet's line for an expression and the result that the layer's rule gave for numbers."""
    from sympy import factor_terms

    shown = factor_terms(whole_floors(expression, values))
    formula = write(shown) if shown.free_symbols else ""
    return Derivation(figure, name, formula, write(shown, values), result, unit, note)


def whole_floors(expression: Any, values: Mapping[Any, int]) -> Any:
    """The expression without the floors and ceilings that cut nothing off at these values."""
    from sympy import ceiling, floor, sympify

    expression = sympify(expression)
    if not expression.has(floor):
        return expression
    return expression.replace(_is_ceiling, _as_ceiling).replace(
        lambda e: isinstance(e, (floor, ceiling)) and e.args[0].subs(values).is_integer, lambda e: e.args[0]
    )


def _is_ceiling(e: Any) -> bool:
    """Whether it is -floor(...): layer rules round a / b up as -(-a // b)."""
    return bool(e.is_Mul and len(e.args) == 2 and e.args[0] == -1 and type(e.args[1]).__name__ == "floor")


def _as_ceiling(e: Any) -> Any:
    from sympy import ceiling, expand

    above, below = (-e.args[1].args[0]).as_numer_denom()
    return ceiling(expand(above) / below)


class _Writer:
    def __init__(self, values: Mapping[Any, Any] | None, order: Sequence[str], longest_power: int) -> None:
        self.values = values
        self.order = order
        self.longest_power = longest_power
        self.times = " " if values is None else "*"

    def term(self, e: Any) -> str:
        """Any expression, without parentheses around it."""
        if e.is_Add:
            return self._sum(e)
        if e.is_Mul or e.is_Pow:
            return self._product(e)
        if e.is_Symbol:
            return str(e.name) if self.values is None else str(self.values[e])
        if e.is_Number:
            return str(e)
        name = {"ceiling": "ceil", "Min": "min", "Max": "max"}.get(type(e).__name__, type(e).__name__)
        return f"{name}({', '.join(self.term(arg) for arg in self._sorted(e.args))})"

    def _sum(self, e: Any) -> str:
        terms = self._sorted(e.args)
        # A sum begins with something positive where it has it.
        first = next((term for term in terms if not _negative(term)), terms[0])
        terms.sort(key=lambda term: term is not first)
        text = ""
        for term in terms:
            negative = _negative(term)
            part = self._summand(-term if negative else term)
            text += (f" - {part}" if negative else f" + {part}") if text else (f"-{part}" if negative else part)
        return text

    def _summand(self, e: Any) -> str:
        # 2P without padding is 0, not 2*0.
        if self.values is not None and e.is_Mul and 0 in [self.values.get(factor) for factor in e.args]:
            return "0"
        return self.term(e)

    def _product(self, e: Any) -> str:
        coefficient, rest = e.as_coeff_Mul()
        above: list[str] = []
        below: list[str] = []
        for factor in self._sorted(rest.args if rest.is_Mul else [rest]):
            base, power = factor.as_base_exp()
            times = abs(int(power))
            (above if power > 0 else below).extend(
                [self._factor(base)] * times if times <= self.longest_power else [f"{self._factor(base)}^{times}"]
            )
        number = "" if abs(coefficient.p) == 1 and above else str(abs(coefficient.p))
        under = [str(coefficient.q)] * (coefficient.q != 1) + below
        text = ("-" if coefficient < 0 else "") + self._join(number, above)
        divisor = under[0] if len(under) == 1 else f"({self._join('', under)})"
        return f"{text}/{divisor}" if under else text

    def _join(self, number: str, factors: list[str]) -> str:
        """Factors side by side: `2P`, `F F C_in`, `K (...)`; with numbers `2*1`, `11*11*3`, `96 (...)`."""
        text = number
        for factor in factors:
            if text == number and len(number) == len(factors) == 1 and re.fullmatch(r"[A-Za-z](_[thw])?", factor):
                text += factor
            elif text:
                text += (" " if factor.startswith("(") else self.times) + factor
            else:
                text = factor
        return text

    def _factor(self, e: Any) -> str:
        text = self.term(e)
        return f"({text})" if e.is_Add or (e.is_Number and e < 0) else text

    def _sorted(self, parts: Iterable[Any]) -> list[Any]:
        return sorted(parts, key=self._rank)

    def _rank(self, e: Any) -> tuple[bool, bool, list[tuple[int, str]]]:
        """Where a factor or a term stands: single letters first, in the order asked for; numbers last."""
        names = [symbol.name for symbol in e.free_symbols]
        ranks = sorted((self.order.index(name) if name in self.order else len(self.order), name) for name in names)
        is_sum = e.is_Add or (e.is_Pow and e.base.is_Add)
        # Behind all letters stands an end that comes last, so that H W goes before H.
        return (not ranks, is_sum, [*ranks, (len(self.order) + 1, "")])


def _negative(term: Any) -> bool:
    return bool(not term.is_Add and term.as_coeff_Mul()[0] < 0)
