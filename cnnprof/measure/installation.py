"""The installed packages and devices, and whether they work together; `cnnprof doctor` shows it."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version

from cnnprof.errors import UnavailableError
from cnnprof.measure.system_info import core_count, cpu_name
from cnnprof.timing.measurements import Finding
from cnnprof.torch_bridge.requirements import import_torchvision, lacks_operators, require_torch

NEEDED_FOR = {
    "torch": "torchvision's models, bench, --check",
    "torchvision": "torchvision's models",
    "fvcore": "summary --check",
    "numpy": "torch",
    "sympy": "formulas",
    "timm": "timm: names",
}
INSTALL = {"torch": "torch torchvision", "torchvision": "torch torchvision"}


def examine() -> list[Finding]:
    """Packages, whether torch and torchvision can be imported, and the devices."""
    findings = [_package(name, purpose) for name, purpose in NEEDED_FOR.items()]
    if findings[0].status == "ok":
        findings += [_torchvision(), *_devices()]
    return findings


def _package(name: str, purpose: str) -> Finding:
    try:
        return Finding(name, "ok", version(name))
    except PackageNotFoundError:
        return Finding(name, "absent", f"needed for {purpose}", f"pip install {INSTALL.get(name, name)}")


def _torchvision() -> Finding:
    what = "torch with torchvision"
    try:
        import_torchvision()
    except UnavailableError as error:
        return Finding(what, "broken", error.message, error.hint or "")
    if lacks_operators():
        why = "torchvision's C++ library does not load beside this torch (operator torchvision::nms does not exist)"
        return Finding(what, "ok", f"{why}; cnnprof does without it: classification works, detection does not")
    return Finding(what, "ok", "work together")


def _devices() -> list[Finding]:
    try:
        require_torch()
    except UnavailableError as error:
        return [Finding("torch", "broken", error.message, error.hint or "")]
    import torch

    findings = [Finding("cpu", "ok", f"{cpu_name()}, {core_count()} cores")]
    if not torch.cuda.is_available():
        built = (
            f"this torch is built for CUDA {torch.version.cuda}" if torch.version.cuda else "this torch is built for CPU only"
        )
        return [*findings, Finding("cuda", "absent", f"no CUDA device; {built}")]
    for index in range(torch.cuda.device_count()):
        free, total = torch.cuda.mem_get_info(index)
        name = torch.cuda.get_device_name(index)
        findings.append(Finding(f"cuda:{index}", "ok", f"{name}, {free / 1e9:.1f} of {total / 1e9:.1f} GB free"))
    return findings
