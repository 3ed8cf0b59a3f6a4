"""Tasks of worker processes: sent as values, known without torch, and followed to their end in one way."""

import pickle
import subprocess
import sys
from dataclasses import dataclass, replace

import pytest

import cnnprof
from cnnprof.errors import MeasurementError
from cnnprof.measure.calibration import MeasureCeilings
from cnnprof.measure.energy import MeterEnergy
from cnnprof.measure.layers import TimeLayers
from cnnprof.measure.memory import RecordMemory
from cnnprof.measure.options import Job, Options
from cnnprof.measure.task import OUT_OF_TIME, follow
from cnnprof.measure.worker_run import TimeNetworks

pytestmark = pytest.mark.torch

OPTIONS = Options(dtype="bf16", rounds=7, timeout=60.0)


def tasks():
    job = Job("lenet5", cnnprof.load("lenet5"), 4, way="compiled")
    return [
        RecordMemory(OPTIONS, job),
        MeasureCeilings(OPTIONS),
        MeterEnergy(OPTIONS, (job, replace(job, twin=True))),
        TimeLayers(OPTIONS, (job,), 3, 12.5),
        TimeNetworks(OPTIONS, {2: job}, None, 12.5),
    ]


@pytest.mark.parametrize("number", range(5))
def test_a_task_is_the_same_on_the_other_side(number):
    task = tasks()[number]
    again = pickle.loads(pickle.dumps(task))
    assert type(again) is type(task)
    assert again.options == OPTIONS
    assert jobs_of(again) == jobs_of(task)


def jobs_of(task):
    """What is measured; where in a file a layer stands is left behind."""
    found = getattr(task, "jobs", None) or [task.job] if not isinstance(task, MeasureCeilings) else []
    jobs = found.values() if isinstance(found, dict) else found
    return [(job.name, job.batch, job.twin, job.way, job.graph.to_dict()) for job in jobs]


def test_a_task_is_known_before_torch_is_loaded():
    names = "worker_run, layers, memory, calibration, energy"
    code = f"import sys; from cnnprof.measure import {names}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.fixture
def without_torch(monkeypatch, tmp_path):
    """In worker processes torch does nothing: what they end of is no matter of torch's, which takes a second to import."""
    (tmp_path / "torch.py").write_text("__version__ = '0'\n\ndef __getattr__(name):\n    return lambda *_: None\n")
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])


@dataclass(frozen=True)
class Scripted:
    """A task that says a few things and then does as it is told."""

    options: Options
    end: str

    def work(self, device, report):
        report({"event": "said", "what": device.name})
        exec(self.end)


@pytest.mark.parametrize(
    ("end", "what"),
    [
        ("import torch; assert torch.ones(2).sum() == 2", None),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "killed by SIGKILL, probably for lack of memory"),
        ("import os; os._exit(3)", "ended with exit code 3"),
        ("raise OSError('a full disk')", "a full disk"),
        ("import time; time.sleep(60)", "no answer within"),
    ],
)
def test_how_a_task_ends(request, end, what):
    if what:
        request.getfixturevalue("without_torch")
    # Only the one that hangs is to run out of time: on a busy machine the others may take long to end, and it to begin.
    for seconds in (1, 10) if "sleep" in end else (300,):
        heard = []
        failure = follow(Scripted(Options(timeout=float(seconds)), end), heard.append)
        assert failure is None if what is None else what in failure
        assert "sleep" not in end or failure == f"no answer within {seconds} s"
        if heard[1:]:
            break
    assert heard[-1] == {"event": "said", "what": "cpu"}


def test_a_task_is_ended_at_its_time(without_torch):
    import time

    heard = []
    task = Scripted(Options(timeout=300.0), "import os, signal; os.kill(os.getpid(), signal.SIGSTOP)")
    # On a busy machine a process may need longer until it has said something and stops.
    for seconds in (2, 20):
        begin = time.monotonic()
        assert follow(task, heard.append, begin + seconds) == OUT_OF_TIME
        assert time.monotonic() - begin < 3 * seconds + 10
        if heard:
            break
    assert heard


def test_what_nothing_can_be_measured_for_is_raised(without_torch):
    end = "from cnnprof.errors import UsageError; raise UsageError('there is nothing to measure')"
    with pytest.raises(MeasurementError, match="there is nothing to measure"):
        follow(Scripted(Options(), end), lambda event: None)
