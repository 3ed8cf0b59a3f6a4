"""Networks that worker processes build by name (`python:measured_networks:...`): a small one, and ones that go wrong."""

import os
import signal
import sys
import time

import torch
from torch import nn


class Small(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)
        self.fc = nn.Linear(4, 10)
        self.runs = 0

    def forward(self, x):
        self.runs += 1
        return self.fc(self.conv(x).relu().mean((2, 3)))


class Talkative(Small):
    """Prints to where the worker's results must go unharmed, and leaves its process's id."""

    def forward(self, x):
        print('{"event": "fatal", "error": "not a result"}', flush=True)
        if "PID_FILE" in os.environ and not self.runs:
            with open(os.environ["PID_FILE"], "w") as file:
                file.write(str(os.getpid()))
        return super().forward(x)


class Killed(Small):
    """Ends its process as the system does when memory runs out, in its third run."""

    def forward(self, x):
        if self.runs == 2:
            os.kill(os.getpid(), signal.SIGKILL)
        return super().forward(x)


class Stopped(Small):
    """Stops its process in its tenth run, as Ctrl-Z or a debugger does, and nobody lets it go on."""

    def forward(self, x):
        if self.runs == 9:
            os.kill(os.getpid(), signal.SIGSTOP)
        return super().forward(x)


class Starved(Small):
    """Runs against the limit of its process's memory in its third run."""

    def forward(self, x):
        if self.runs == 2:
            import resource

            with open("/proc/self/statm") as file:
                used = int(file.read().split()[0]) * resource.getpagesize()
            resource.setrlimit(resource.RLIMIT_AS, (used + 2**26, resource.RLIM_INFINITY))
            torch.empty(2**28)
        return super().forward(x)


class Exiting(Small):
    def forward(self, x):
        os._exit(3)


class Hanging(Small):
    def forward(self, x):
        time.sleep(3600)


class Greedy(Small):
    def forward(self, x):
        return torch.empty(2**60)


class Unfit(Small):
    def forward(self, x):
        return self.fc(x)


class TwoHeads(Small):
    """Returns its auxiliary head's scores, too, while it trains; no compiler is to be there, whose import takes a second."""

    def __init__(self):
        super().__init__()
        self.aux = nn.Linear(4, 10)

    def forward(self, x):
        features = self.conv(x).relu().mean((2, 3))
        scores = self.fc(features)
        assert "torch._dynamo" not in sys.modules
        return {"out": scores, "aux": [self.aux(features)]} if self.training else scores


def unbuildable():
    raise ValueError("no such width")
