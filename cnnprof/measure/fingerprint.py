"""The machine, its device and torch, which two measurements that belong together share."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import version
from importlib.util import find_spec
from typing import Any

from cnnprof.measure.system_info import core_count, cpu_name


def fingerprint(device: str) -> dict[str, Any]:
    """Processor, cores, torch's version if it is there and, for another device than the processor, its name.

    Raises UsageError if there is no device of such a name, UnavailableError if this machine has none.
    """
    found = {"processor": cpu_name(), "cores": core_count(), "torch": version("torch") if find_spec("torch") else None}
    if device != "cpu":
        from cnnprof.measure.devices import check_device

        check_device(device)
    if device.startswith("cuda"):
        import torch

        found["gpu"] = torch.cuda.get_device_name(device)
    return found


def differences(before: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    """The facts that differ, as `cores 2, here 8`; empty if none do."""
    keys = dict.fromkeys([*before, *now])
    return "; ".join(
        f"{key} {_said(before.get(key))}, here {_said(now.get(key))}" for key in keys if before.get(key) != now.get(key)
    )


def _said(value: Any) -> str:
    return "none" if value is None else f"{value}"
