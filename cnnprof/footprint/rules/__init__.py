"""Memory rules: what kernels hold for themselves and what autograd saves, one file a kind of layer."""

from importlib import import_module
from pkgutil import iter_modules

from cnnprof.footprint.rules.base import (
    RULES,
    InputGradient,
    LayerMemory,
    RuleContext,
    Saved,
    autocast_of,
    memory_of,
    rule,
    rule_of,
)

for _module in iter_modules(__path__):
    import_module(f"{__name__}.{_module.name}")

__all__ = ["RULES", "InputGradient", "LayerMemory", "RuleContext", "Saved", "autocast_of", "memory_of", "rule", "rule_of"]
