"""The words of the language, one row each, in one file a kind: a new row in one of them is all that a new word takes."""

from importlib import import_module
from pkgutil import iter_modules

from cnnprof.spec.words.base import JOINS, LETTERS, WORDS, UnsayableError, Word, write_layer

_FIRST = ("convolution", "linear", "pooling", "normalization", "activation")
"""The files whose words the guide shows first; any others follow."""

for _name in dict.fromkeys((*_FIRST, *(module.name for module in iter_modules(__path__)))):
    import_module(f"{__name__}.{_name}")

ACTIVATIONS = {name: row for name, row in WORDS.items() if row.kind == "act"}
NORMS = tuple(name for name, row in WORDS.items() if row.kind == "norm")
BEHIND = (*NORMS, *ACTIVATIONS)
"""The words that may follow a layer on its line."""

__all__ = ["ACTIVATIONS", "BEHIND", "JOINS", "LETTERS", "NORMS", "WORDS", "UnsayableError", "Word", "write_layer"]
