"""The YAML language that architectures are written in."""

from cnnprof.spec.elaborate import elaborate
from cnnprof.spec.family import Family, read_family
from cnnprof.spec.variants import Variant

__all__ = ["Family", "Variant", "elaborate", "read_family"]
