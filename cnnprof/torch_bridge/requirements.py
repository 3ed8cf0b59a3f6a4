"""torch and torchvision, or one message that says what is missing. This module can be imported without either."""

from __future__ import annotations

import sys
from typing import Any

from cnnprof.errors import UnavailableError

_PIP = "pip install torch torchvision"
_POOLED = "Tensor input, Tensor rois, float spatial_scale, SymInt pooled_height, SymInt pooled_width"
OPERATORS = (
    *(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor" for name in ("nms", "qnms")),
    f"roi_align({_POOLED}, int sampling_ratio, bool aligned) -> Tensor",
    f"roi_pool({_POOLED}) -> (Tensor, Tensor)",
    f"ps_roi_align({_POOLED}, int sampling_ratio) -> (Tensor, Tensor)",
    f"ps_roi_pool({_POOLED}) -> (Tensor, Tensor)",
    "deform_conv2d(Tensor input, Tensor weight, Tensor offset, Tensor mask, Tensor bias, SymInt stride_h, SymInt stride_w, "
    "SymInt pad_h, SymInt pad_w, SymInt dilation_h, SymInt dilation_w, SymInt groups, SymInt offset_groups, bool use_mask) -> "
    "Tensor",
)
"""Those of torchvision's C++ library that a network may run, with torchvision's signatures: shapes are known without it."""

_kept: list[Any] = []
"""Operator libraries vanish with the object that defined them."""


def require_torch() -> None:
    """Raises UnavailableError if torch cannot be imported."""
    try:
        import torch  # noqa: F401
    except ModuleNotFoundError as error:
        if error.name != "torch":
            raise
        raise UnavailableError("torch is not installed", hint=_PIP) from None
    except Exception as error:
        raise UnavailableError(f"torch cannot be imported: {type(error).__name__}: {error}") from None


def import_torchvision() -> Any:
    """torchvision, imported; also where its C++ operators do not fit torch, which no classification model needs.

    The wheel of the package index is built for CUDA torch. Beside a torch for CPU only, its library does not load and the
    import stops at the first operator; with the two operators that it asks for defined, it succeeds. Raises UnavailableError
    if torchvision is missing or does not fit for another reason.
    """
    require_torch()
    try:
        import torchvision
    except ModuleNotFoundError as error:
        if error.name != "torchvision":
            raise UnavailableError(f"{_versions()} do not work together: {error}", hint=_PIP) from None
        raise UnavailableError("torchvision is not installed", hint=_PIP) from None
    except (RuntimeError, ImportError, AttributeError) as error:
        if not lacks_torchvisions_operators(error):
            raise UnavailableError(f"{_versions()} do not work together: {error}", hint=_PIP) from None
        return _import_without_operators()
    return torchvision


def lacks_torchvisions_operators(error: BaseException) -> bool:
    """Whether an import failed because torchvision's C++ operators do not fit torch."""
    return "torchvision::nms" in str(error)


def lacks_operators() -> bool:
    """Whether torchvision was imported without its C++ operators: its classification models work, its detection does not."""
    return bool(_kept)


def _import_without_operators() -> Any:
    import torch

    library: Any = torch.library.Library("torchvision", "FRAGMENT")  # type: ignore[no-untyped-call]
    for operator in OPERATORS:
        library.define(operator)
    _kept.append(library)
    for module in [name for name in sys.modules if name.partition(".")[0] == "torchvision"]:
        del sys.modules[module]
    try:
        import torchvision
        from torchvision import extension
    except Exception as error:
        raise UnavailableError(f"{_versions()} do not work together: {error}", hint=_PIP) from None
    # Its functions ask before they call an operator; on tensors without data each of these works.
    extension._has_ops = lambda: True
    _register_shapes(torchvision)
    return torchvision


def _register_shapes(torchvision: Any) -> None:
    """torchvision's own rules for the sizes of its operators' results, which it leaves out where its library does not load."""
    import torch

    rules: Any = getattr(torchvision, "_meta_registrations", None)
    for operator in OPERATORS:
        name = operator.partition("(")[0]
        rule = getattr(rules, f"meta_{name}", None)
        if rule is not None and "nms" not in name:
            # The number of boxes that are left is not known without data.
            rules.get_meta_lib().impl(getattr(torch.ops.torchvision, name).default, rule)


def _versions() -> str:
    """`torch 2.13.0 and torchvision 0.28.0`."""
    from importlib.metadata import version

    return f"torch {version('torch')} and torchvision {version('torchvision')}"
