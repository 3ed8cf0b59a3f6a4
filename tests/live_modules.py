"""Torch modules that tests hold: a small network, a module of any function, and the figures of one."""

from __future__ import annotations

from torch import nn

import cnnprof

IMAGE = (3, 8, 8)
CONV, MACS = 4 * 28, 4 * 27 * 6 * 6


def net(width: int = 4) -> nn.Module:
    return nn.Sequential(nn.Conv2d(3, width, 3), nn.BatchNorm2d(width), nn.ReLU(), nn.Flatten(), nn.Linear(36 * width, 5))


class Of(nn.Module):
    """A module of a function of itself and its inputs, and of parts."""

    def __init__(self, function, **parts):
        super().__init__()
        self.function = function
        for name, part in parts.items():
            setattr(self, name, part)

    def forward(self, *inputs):
        return self.function(self, *inputs)


def figures(module, given=IMAGE, **more):
    totals = cnnprof.profile(module, given, **more).totals
    assert not totals.uncounted
    return totals.params, totals.macs
