"""Formulas: the layer rules evaluated on sympy symbols, and written as in a lecture. sympy is imported here only, and late."""
