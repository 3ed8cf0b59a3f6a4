"""Whole runs with real worker processes, and what becomes of networks and processes that fail."""

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import nullcontext
from copy import deepcopy
from pathlib import Path

import pytest
from shell import heed_interrupts

from cnnprof.errors import UnavailableError, UsageError
from cnnprof.measure import bench
from cnnprof.measure.bench import Interrupted, Job, Options, run
from cnnprof.measure.journal import start_journal
from cnnprof.measure.system_info import core_count
from cnnprof.network.graph import Graph, Origin
from cnnprof.timing.ratios import compare

pytestmark = pytest.mark.torch

QUICK = {"processes": 1, "rounds": 2, "warmup_runs": 1, "warmup_seconds": 0.0, "budget_seconds": 100.0}


def job(network, batch=1):
    source = f"measured_networks:{network}"
    return Job(network, Graph(network, (1, 3, 8, 8), (), (), origin=Origin("python", source)), batch)


def measure(*networks, batch=1, told=None, journal=None, **changes):
    options = Options(**(QUICK | changes))
    progress = [] if told is None else told
    jobs = [job(network, batch) for network in networks]
    return run(jobs, options, progress.append, start_journal(journal, jobs, options) if journal else None)


def test_several_processes_and_networks(tmp_path):
    told = []
    journal = tmp_path / "journal.jsonl"
    small, talkative = measure("Small", "Talkative", batch=2, processes=2, rounds=3, told=told, journal=journal)
    assert (small.model, small.status, small.batch, small.device) == ("Small", "ok", 2, "cpu")
    assert small.processes == (0, 1)
    assert [len(process) >= 3 for process in small.times] == [True, True]
    assert small.wall_times == ()
    assert talkative.status == "ok"
    assert compare(small, talkative).ci95 is not None

    # Weights: 4 x 28 of the convolution and 10 x 5 of the linear layer; input 2 x 3 x 8 x 8; a run adds at least its output.
    own = 4 * (4 * 28 + 10 * 5 + 2 * 3 * 64)
    assert own + 4 * 2 * 10 <= small.peak_bytes < own + 100_000

    environment = small.environment
    assert environment["threads"] == 1
    assert environment["torch"]
    assert environment["device_name"]
    assert environment["seed"] == 0
    assert json.dumps(small.to_dict())

    steps = [(progress.process, progress.step, progress.job) for progress in told]
    first = steps[1][2]
    assert steps[:3] == [(1, "start", ""), (1, "build", first), (1, "warm-up", first)]
    assert {step for step in steps if step[1] == "build"} == {
        (k, "build", name) for k in (1, 2) for name in ("Small", "Talkative")
    }
    assert max(progress.round for progress in told) >= 3

    head, *lines = [json.loads(line) for line in journal.read_text().splitlines()]
    assert [*head["networks"]] == ["0: Small, batch 2", "1: Talkative, batch 2"]
    assert [(line["model"], line["processes"]) for line in lines] == [
        ("Small", [0]),
        ("Talkative", [0]),
        ("Small", [1]),
        ("Talkative", [1]),
    ]
    assert lines[0]["times_ms"][0] == pytest.approx([seconds * 1e3 for seconds in small.times[0]])


def test_networks_that_fail_leave_the_others():
    greedy, unbuildable, small, unfit = measure("Greedy", "unbuildable", "Small", "Unfit", dtype="bf16")
    assert greedy.status == "failed"
    assert "memory" in greedy.error or "size" in greedy.error
    assert "no such width" in unbuildable.error
    assert "shapes cannot be multiplied" in unfit.error
    assert (small.status, small.error) == ("ok", None)
    assert greedy.times == ()


def test_a_killed_process_costs_one_network():
    small, killed, exiting = measure("Small", "Killed", "Exiting", rounds=20)
    assert small.status == "ok"
    assert small.times[-1]
    assert killed.status == "failed"
    assert "SIGKILL" in killed.error
    assert exiting.status == "failed"
    assert "exit code 3" in exiting.error


@pytest.mark.skipif(sys.platform != "linux", reason="limits the memory of a process")
def test_a_process_that_is_out_of_memory_costs_one_network():
    small, starved = measure("Small", "Starved", rounds=20)
    assert (starved.status, starved.error) == ("failed", "out of memory: 1,073.7 MB more were asked for")
    assert (small.status, small.error) == ("ok", None)
    assert len(small.times[0]) >= 20


def test_a_process_that_is_stopped_is_ended_and_what_it_timed_is_kept():
    # On a busy machine either may take longer to answer than the patience with the stopped one lasts.
    for seconds in (1, 12):
        small, stopped = measure("Small", "Stopped", rounds=20, timeout=float(seconds), budget_seconds=200.0)
        assert (stopped.status, stopped.error) == ("failed", f"no answer within {seconds} s")
        timed = [[len(times) > 2 for times in row.times] for row in (small, stopped)]
        if small.status == "ok" and timed == [[True, True], [True]]:
            break
    assert small.status == "ok"
    # What either was timed in the process that was stopped stays; the small one is timed by a fresh process, too.
    assert timed == [[True, True], [True]]
    assert len(small.times[1]) >= 20


def test_a_process_without_an_answer_is_ended():
    # The network would sleep for an hour. On a busy machine the small one may take longer to answer.
    for seconds in (1, 12):
        hanging, small = measure("Hanging", "Small", timeout=float(seconds), budget_seconds=200.0)
        assert f"no answer within {seconds} s" in hanging.error
        if small.status == "ok":
            break
    assert small.status == "ok"


def test_a_training_step_with_every_other_option():
    changes = {"mode": "train", "dtype": "amp", "layout": "channels_last", "threads": core_count(), "mallopt": False}
    (heads,) = measure("TwoHeads", batch=4, **changes)
    assert (heads.status, heads.error, heads.mode) == ("ok", None, "train")
    assert heads.environment["layout"] == "channels_last"
    assert heads.environment["autocast"] == "bfloat16"
    assert heads.environment["mallopt"] is False
    assert heads.environment["threads"] == core_count()
    assert ("parallel_cost" in heads.environment) == (core_count() > 1)


@pytest.mark.parametrize("optimizer", ["sgd", "momentum", "adam", "adamw"])
def test_a_training_step_changes_weights_as_torchs_optimizer_does(optimizer):
    import torch

    from cnnprof.measure.workload import LEARNING_RATE, TrainingStep

    kind, options = {
        "sgd": (torch.optim.SGD, {}),
        "momentum": (torch.optim.SGD, {"momentum": 0.9}),
        "adam": (torch.optim.Adam, {}),
        "adamw": (torch.optim.AdamW, {}),
    }[optimizer]
    ours = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.Flatten(), torch.nn.Linear(144, 5))
    theirs, before, x = deepcopy(ours), deepcopy(ours), torch.randn(2, 3, 8, 8)
    step, other = TrainingStep(ours, (x,), nullcontext, optimizer), kind(theirs.parameters(), lr=LEARNING_RATE, **options)
    for _ in range(3):
        step()
        other.zero_grad()
        torch.nn.functional.cross_entropy(theirs(x), torch.zeros(2, dtype=torch.long)).backward()
        other.step()
    for mine, its, start in zip(ours.parameters(), theirs.parameters(), before.parameters(), strict=True):
        assert mine.equal(its)
        assert not mine.equal(start)
    assert step.state_bytes == sum(
        value.nbytes for state in other.state.values() for value in state.values() if value is not None
    )


INTERRUPTED = """
import json, sys
from test_measure_bench import *

def tell(progress):
    if progress.step == "time" and progress.round > 5:
        # In one piece: an interrupt between text and newline would put the result on the same line.
        sys.stdout.write("timing\\n")
        sys.stdout.flush()

try:
    run([job("Small"), job("Talkative")], Options(rounds=10**9, warmup_seconds=0.0, budget_seconds=60.0), tell)
except Interrupted as error:
    print(json.dumps([row.to_dict() for row in error.measurements]))
    sys.exit(error.exit_code)
"""


def start_endless(tmp_path):
    """A process that measures for a minute, once it times, and the id of its worker."""
    pid_file = tmp_path / "pid"
    process = subprocess.Popen(
        [sys.executable, "-c", INTERRUPTED],
        stdout=subprocess.PIPE,
        env=os.environ | {"PID_FILE": str(pid_file), "PYTHONPATH": os.pathsep.join([str(Path(__file__).parent), *sys.path])},
        start_new_session=True,
        preexec_fn=heed_interrupts,
        text=True,
    )
    assert process.stdout.readline() == "timing\n"
    return process, int(pid_file.read_text())


def has_ended(pid):
    """Whether no process of the id is left, after a little time to go."""
    for _ in range(100):
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        status = Path(f"/proc/{pid}/status")
        # One that has ended and that nobody has asked about yet.
        if status.exists() and "State:\tZ" in status.read_text():
            return True
        time.sleep(0.1)
    return False


def test_ctrl_c_keeps_what_was_measured(tmp_path):
    process, worker = start_endless(tmp_path)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: the worker gets it, too
    rows = json.loads(process.communicate(timeout=20)[0].splitlines()[-1])
    assert process.returncode == 130
    assert [(row["model"], row["status"]) for row in rows] == [("Small", "partial"), ("Talkative", "partial")]
    assert all(row["latency_ms"]["runs"] >= 5 for row in rows)
    assert has_ended(worker)


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGTERM])
def test_no_worker_outlives_its_parent(tmp_path, end):
    process, worker = start_endless(tmp_path)
    os.kill(worker, signal.SIGSTOP)  # whatever it is at
    process.send_signal(end)
    process.communicate()
    assert has_ended(worker)


def test_a_budget_ends_a_run_whose_worker_is_stopped(tmp_path, monkeypatch):
    monkeypatch.setenv("PID_FILE", str(tmp_path / "pid"))
    told = []

    def tell(progress):
        told.append(progress)
        if progress.step == "time":
            os.kill(int((tmp_path / "pid").read_text()), signal.SIGSTOP)

    # On a busy machine workers may take longer to come to their first times.
    for seconds in (3, 15, 60):
        begin = time.monotonic()
        options = Options(processes=2, rounds=10**6, warmup_seconds=0.0, budget_seconds=float(seconds))
        small, talkative = run([job("Small"), job("Talkative")], options, tell)
        assert time.monotonic() - begin < seconds + 5
        if any(progress.step == "time" for progress in told):
            break
    assert any(progress.step == "time" for progress in told)
    for row in (small, talkative):
        untimed = "the time budget was spent before it was timed; 20 s a network is the usual --budget"
        assert row.times or row.error == untimed
    assert small.times or talkative.times or small.error


def test_an_interrupt_before_the_first_result():
    def interrupt(progress):
        raise KeyboardInterrupt

    with pytest.raises(Interrupted) as caught:
        run([job("Small")], Options(), interrupt)
    assert caught.value.measurements == []
    assert caught.value.exit_code == 130


def test_no_process_is_started_without_the_device(monkeypatch):
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    told = []
    with pytest.raises(UnavailableError, match="no CUDA device"):
        measure("Small", device="cuda", told=told)
    assert told == []


@pytest.mark.parametrize(
    "changes",
    [
        {"dtype": "int8"},
        {"mode": "evaluate"},
        {"layout": "nhwc"},
        {"optimizer": "adm"},
        {"threads": 0},
        {"processes": 0},
        {"timeout": 0},
        {"precision": 0},
    ],
)
def test_options_that_make_no_sense(changes):
    with pytest.raises(UsageError, match=str(*changes)):
        Options(**changes)


def test_networks_without_room_for_all_are_timed_in_groups(monkeypatch):
    monkeypatch.setattr(bench, "group", lambda sizes, room: [[0], [1]])
    told = []
    a, b = measure("Small", "TwoHeads", told=told)
    assert (a.status, b.status) == ("ok", "ok")
    assert (a.processes, b.processes) == ((0,), (1,))
    assert compare(a, b) is None
    assert [progress.process for progress in told if progress.step == "start"] == [1, 2]
    assert "only those of one group can be compared" in b.warnings[0]
