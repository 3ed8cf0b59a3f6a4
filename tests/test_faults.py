"""Faults of a machine: a worker that dies at any moment, a full disk, a home that cannot be written, many at one cache."""

import json
import os
import resource
import sys
from contextlib import contextmanager

import pytest
from shell import cnnprof, start

import cnnprof as package
from cnnprof.measure import supervisor, worker_run
from cnnprof.measure.bench import run
from cnnprof.measure.devices import CpuDevice
from cnnprof.measure.journal import resume_journal, start_journal
from cnnprof.measure.options import Job, Options
from cnnprof.measure.session import Plan
from cnnprof.measure.worker_run import TimeNetworks

OPTIONS = Options(processes=2, rounds=2)
KILLED = "the process was killed by SIGKILL, probably for lack of memory"


def jobs():
    return [Job(name, package.load(name, input_shape=(3, 8, 8)), 1) for name in ("inline:relu", "conv 3x3 2")]


@pytest.fixture(scope="module")
def events():
    """All that a worker process says of two networks from its beginning to its end."""
    heard = [{"event": "environment", "environment": {"device": "cpu"}}]
    plan = Plan(rounds=2, most_rounds=2, warmup_runs=1, warmup_seconds=0.0, seconds=60.0, seed=0, memory=True)
    TimeNetworks(OPTIONS, dict(enumerate(jobs())), plan, float("inf")).work(CpuDevice(), heard.append)
    return heard


def dying(events, moment):
    """Workers of which the first ends after so many events, and the others do not."""
    ends = iter([moment])

    def follow(task, hear, until=None):
        moment = next(ends, None)
        for event in events[:moment]:
            if event.get("job", next(iter(task.jobs))) in task.jobs:
                hear(event)
        return None if moment is None else KILLED

    return follow


@pytest.mark.torch
def test_a_worker_that_dies_at_any_moment_costs_one_network_at_most(events, monkeypatch, tmp_path):
    steps = {event["event"] for event in events}
    assert steps >= {"build", "warm-up", "memory", "peak", "time", "run"}
    for moment in range(len(events)):
        monkeypatch.setattr(worker_run, "follow", dying(events, moment))
        journal = start_journal(tmp_path / f"{moment}.jsonl", jobs(), OPTIONS)
        rows = run(jobs(), OPTIONS, lambda progress: None, journal)
        at = next((event["job"] for event in reversed(events[:moment]) if "job" in event), None)
        assert [row.status for row in rows] == ["failed" if number == at else "ok" for number in range(2)], moment
        for number, row in enumerate(rows):
            finished = sum(event["event"] == "run" and event["job"] == number for event in events[:moment])
            assert (row.error == KILLED) == (number == at)
            # What was timed before is kept, also where it is of the network at which the process died.
            assert sum(map(len, row.times)) >= finished
        again = resume_journal(journal.path, jobs(), OPTIONS)
        assert not again.skipped
        assert {number for number, _ in again.kept} >= {number for number in range(2) if number != at}


DIES_ONCE = """
import os, signal, sys
sys.path[:] = sys.argv[1:]
from cnnprof.measure import worker

do = worker.do

def once(task, report):
    def say(event):
        report(event)
        if event["event"] == "run" and not os.path.exists({flag!r}):
            open({flag!r}, "w").close()
            os.kill(os.getpid(), signal.SIGKILL)
    do(task, say)

worker.do = once
worker.main()
"""


@pytest.mark.torch
@pytest.mark.usefixtures("brisk")
def test_a_strategy_whose_worker_is_killed_says_so(monkeypatch, tmp_path):
    monkeypatch.setattr(supervisor, "_START", DIES_ONCE.format(flag=str(tmp_path / "died")))
    done = cnnprof("transfer", "lenet5", "--classes", 5, "--batch", 2, "--bench", "--quick", "--json")
    rows = [row["measurement"] for row in json.loads(done.out)["strategies"]]
    assert sorted(row["status"] for row in rows) == ["failed", *["ok"] * (len(rows) - 1)]
    assert [row["error"] for row in rows if row["status"] == "failed"] == [KILLED]
    # It had been timed once; the others were timed by a fresh process.
    assert all(row["latency_ms"]["runs"] for row in rows)
    assert done.code == 5


@pytest.mark.torch
@pytest.mark.skipif(sys.platform != "linux", reason="limits the memory of a process")
def test_a_worker_without_memory_for_torch_is_said(monkeypatch):
    limit = "import resource; resource.setrlimit(resource.RLIMIT_AS, (2**28, 2**28)); "
    monkeypatch.setattr(supervisor, "_START", limit + supervisor._START)
    done = cnnprof("bench", "lenet5", "--quick")
    assert (done.code, done.out) == (5, "")
    assert "the worker process cannot work: " in done.err


@contextmanager
def no_file_above(size):
    """Files that this process and its children write may not grow beyond the size, as on a disk that is full."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.torch
@pytest.mark.skipif(sys.platform == "win32", reason="has no limits of files")
def test_without_room_for_a_workers_task_it_is_said():
    with no_file_above(200):
        done = cnnprof("bench", "lenet5", "--quick")
    assert (done.code, done.out) == (5, "")
    assert "no worker process can be started: No space left on device" in done.err


@pytest.mark.torch
@pytest.mark.skipif(sys.platform == "win32", reason="has no limits of files")
def test_a_disk_that_fills_while_a_worker_writes_is_said():
    with no_file_above(5000):
        done = cnnprof(
            "bench", "conv 3x3 2", "--input", "3x8x8", "--processes", 1, "--rounds", 2000, "--budget", "30s", "--json"
        )
    (row,) = json.loads(done.out)["results"]
    assert done.code == 5
    assert (row["status"], "File too large" in row["error"]) == ("failed", True)
    assert len(row["times_ms"][0]) > 1


@pytest.mark.parametrize("command", [("summary", "resnet18"), ("compare", "lenet5", "vgg11")])
def test_a_home_that_cannot_be_written_does_not_matter(command):
    places = ("CNNPROF_CACHE", "XDG_CACHE_HOME", "XDG_CONFIG_HOME")
    done = cnnprof(*command, HOME="/proc", **dict.fromkeys(places, "/proc/none"))
    assert (done.code, done.err) == (0, "")
    assert done.out == cnnprof(*command).out


def test_ten_processes_share_one_cache(tmp_path):
    under_way = [start("summary", "resnet50", "--json", CNNPROF_CACHE=str(tmp_path)) for _ in range(10)]
    done = [(*process.communicate(timeout=300), process.returncode) for process in under_way]
    assert {(err, code) for _, err, code in done} == {("", 0)}
    assert len({json.dumps({**json.loads(out), "environment": None}) for out, _, _ in done}) == 1
    # An eleventh finds what they left, and nothing half written.
    assert not [name for _, _, names in os.walk(tmp_path) for name in names if name.endswith(".part")]
    assert cnnprof("summary", "resnet50", "--json", CNNPROF_CACHE=str(tmp_path)).code == 0
