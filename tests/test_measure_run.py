"""How a run spends its budget, when it stops, and what a journal keeps of it, with worker processes that invent times."""

import itertools
import json
from pathlib import Path

import pytest

from cnnprof.errors import MeasurementError, UsageError
from cnnprof.measure import bench, fingerprint
from cnnprof.measure.bench import Job, Options, run
from cnnprof.measure.journal import resume_journal, start_journal
from cnnprof.measure.options import add_twin, add_ways
from cnnprof.measure.supervisor import StartError
from cnnprof.network.graph import Facts, Graph
from cnnprof.timing.ratios import noise_of, relate

pytestmark = pytest.mark.torch

START = 3.0
"""Seconds that a worker process takes before its first round."""


class Machine:
    """A clock, and worker processes that give each network the next of its times and take as long as that."""

    def __init__(self):
        self.now = 0.0
        self.times = {}
        self.phases = {}
        self.shares = []

    def turn(self, jobs, options, found, **_):
        return FakeTurn(self, jobs, options, found)


class FakeTurn:
    def __init__(self, machine, jobs, options, found):
        self.machine, self.jobs, self.options, self.found = machine, jobs, options, found

    def work(self, pending, seconds):
        self.machine.shares.append(seconds)
        first = {index: next(self.machine.times[self.jobs[index].name]) for index in pending}
        if (stop := next((time for time in first.values() if isinstance(time, BaseException)), None)) is not None:
            raise stop
        self.first_round = START + sum(first.values())
        rounds = self.options.rounds if self.first_round + (self.options.rounds - 1) * sum(first.values()) <= seconds else 1
        self.machine.now += START + rounds * sum(first.values())
        for index, time in first.items():
            series = self.found[index]
            series.times, series.walls, series.peak = [time] * rounds, [time] * rounds, 5
            series.spent = [time * rounds, 0.0, 0.0]
            series.phases = {name: [seconds] * rounds for name, seconds in self.machine.phases.items()}
            series.environment |= {"device": "cpu", "threads": 1, "cores": 2}
        return []


@pytest.fixture
def machine(monkeypatch):
    fake = Machine()
    monkeypatch.setattr(bench, "WorkerRun", fake.turn)
    monkeypatch.setattr(bench.time, "monotonic", lambda: fake.now)
    return fake


def job(name, size=8):
    return Job(name, Graph(name, (1, 3, size, size), (), (), Facts(source=name)), 1)


def ignore(progress):
    pass


def test_a_run_takes_the_processes_it_is_told(machine):
    machine.times["a"] = itertools.repeat(0.1)
    (a,) = run([job("a")], Options(processes=4, rounds=3, budget_seconds=100), ignore)
    assert a.times == ((0.1,) * 3,) * 4
    assert a.warnings == ()
    # The time that one process leaves goes to the others.
    assert machine.shares[0] == 25
    assert machine.shares[-1] > 80


def test_a_budget_too_small_for_more_than_one_round_shows_it_and_says_what_is_needed(machine):
    machine.times = {name: itertools.repeat(1.0) for name in "ab"}
    a, b = run([job("a"), job("b")], Options(budget_seconds=4), ignore)
    assert a.times == b.times == ((1.0,),)
    assert "the time budget had room for 1 of 5 processes; --budget 28s has room for all" in a.warnings


def test_a_budget_without_room_for_all_processes_is_kept_and_said(machine):
    machine.times["a"] = itertools.repeat(1.0)
    (a,) = run([job("a")], Options(processes=5, rounds=2, budget_seconds=11), ignore)
    assert machine.now <= 11
    assert len(a.times) == 2
    assert "the time budget had room for 2 of 5 processes; --budget 22s has room for all" in a.warnings


def test_without_a_budget_every_process_makes_a_round(machine):
    machine.times["a"] = itertools.repeat(50.0)
    (a,) = run([job("a")], Options(processes=3, rounds=2), ignore)
    assert a.times == ((50.0,),) * 3
    assert a.warnings == ("the time budget was spent after 1 of 2 rounds",)


def test_a_precision_asks_for_processes_until_it_is_reached(machine):
    machine.times["a"] = itertools.cycle([1.0, 1.01])
    machine.times["b"] = itertools.cycle([2.0])
    jobs = [job("a"), job("b")]
    (few, _) = run(jobs, Options(processes=3, rounds=1, precision=0.02, budget_seconds=1000), ignore)
    assert len(few.times) == 3
    (many, b) = run(jobs, Options(processes=3, rounds=1, precision=0.004, budget_seconds=1000), ignore)
    assert 5 < len(many.times) < 20
    (ratio,) = relate([many, b])
    assert ratio.ci95[1] / ratio.ci95[0] < 1.0081


def test_a_precision_that_is_not_reached_is_said(machine):
    machine.times["a"] = itertools.cycle([1.0, 1.5])
    (a,) = run([job("a")], Options(processes=3, rounds=1, precision=0.01, budget_seconds=30), ignore)
    assert machine.now <= 30
    assert len(a.times) > 3
    assert a.warnings[-1] == "latencies are known to 19.8%, not to the 1% asked for"


def test_the_first_network_is_timed_twice_where_networks_are_compared(machine):
    assert add_twin([job("a")]) == [job("a")]
    jobs = add_twin([job("a"), job("b")])
    assert [(each.name, each.twin) for each in jobs] == [("a", False), ("a", True), ("b", False)]
    machine.times = {"a": itertools.cycle([1.0, 1.01, 1.02]), "b": itertools.repeat(1.1)}
    measured = run(jobs, Options(processes=4, rounds=1), ignore)
    assert [each.twin for each in measured] == [False, True, False]
    assert noise_of(measured) > 0.01


def test_other_ways_to_run_are_rows_of_their_own():
    jobs = add_ways([job("a"), job("b")], ["compiled"])
    assert [(each.name, each.way) for each in jobs] == [
        ("a", "eager"),
        ("a (compiled)", "compiled"),
        ("b", "eager"),
        ("b (compiled)", "compiled"),
    ]
    assert add_ways([job("a")], []) == [job("a")]
    with pytest.raises(UsageError, match="not run 'compile'") as refused:
        add_ways([job("a")], ["compile"])
    assert refused.value.hint == "did you mean 'compiled'?"


def test_a_journal_keeps_the_phases_of_a_step(machine, tmp_path):
    path, jobs, options = tmp_path / "run.jsonl", [job("a")], Options(processes=2, rounds=1, mode="train")
    machine.times = {"a": itertools.repeat(1.0)}
    machine.phases = {"forward": 0.25, "backward": 0.5, "step": 0.125}
    for _ in range(2):
        (a,) = resumed(path, jobs, options)
        assert a.phase_ms() == {"forward": 250, "backward": 500, "step": 125}
        assert a.phases["step"] == ((0.125,), (0.125,))


def resumed(path, jobs, options):
    return run(jobs, options, ignore, resume_journal(path, jobs, options))


def test_a_journal_is_gone_on_with(machine, tmp_path):
    path, jobs, options = tmp_path / "run.jsonl", [job("a"), job("b")], Options(processes=4, rounds=1)
    machine.times = {"a": iter([1.0, 1.1, KeyboardInterrupt()]), "b": iter([2.0, 2.1, 2.2])}
    with pytest.raises(bench.Interrupted):
        run(jobs, options, ignore, start_journal(path, jobs, options))
    machine.times = {"a": iter([1.3, 1.4]), "b": iter([2.3, 2.4])}
    a, b = resumed(path, jobs, options)
    assert [times[0] for times in a.times] == pytest.approx([1.0, 1.1, 1.3, 1.4])
    assert [times[0] for times in b.times] == pytest.approx([2.0, 2.1, 2.3, 2.4])
    assert a.processes == b.processes
    assert len(set(a.processes)) == 4
    assert (a.peak_bytes, a.status, a.warnings) == (5, "ok", ())
    # All is there: nothing is measured again.
    assert resumed(path, jobs, options)[0].times == resumed(path, jobs, options)[0].times


def test_a_journal_may_be_extended(machine, tmp_path):
    path, jobs = tmp_path / "run.jsonl", [job("a")]
    machine.times = {"a": itertools.repeat(1.0)}
    resumed(path, jobs, Options(processes=2, rounds=1))
    assert len(resumed(path, jobs, Options(processes=5, rounds=1))[0].times) == 5


def written(machine, path, jobs, options):
    machine.times = {each.name: itertools.repeat(1.0) for each in jobs}
    run(jobs, options, ignore, start_journal(path, jobs, options))
    return path.read_text().splitlines(keepends=True)


@pytest.mark.parametrize(
    ("damage", "skipped", "good"),
    [
        (lambda lines: [*lines[:-1], lines[-1][:40]], [4], 2),
        (lambda lines: [*lines[:-1], lines[-1].replace('"spent"', '"spend"')], [4], 2),
        (lambda lines: [lines[0], "\0\0\n", *lines[2:]], [2], 2),
        (lambda lines: [*lines, "[1]\n"], [5], 3),
        (lambda lines: lines[:1], [], 0),
        (lambda lines: [*lines[:-1], lines[-1].rstrip("\n")], [], 3),
    ],
)
def test_damaged_lines_are_skipped_and_the_good_ones_used(machine, tmp_path, damage, skipped, good):
    path, jobs, options = tmp_path / "run.jsonl", [job("a")], Options(processes=3, rounds=1)
    lines = written(machine, path, jobs, options)
    path.write_text("".join(damage(lines)))
    journal = resume_journal(path, jobs, options)
    assert (journal.skipped, len(journal.kept)) == (skipped, good)
    assert len(run(jobs, options, ignore, journal)[0].times) == 3
    # What was added stands on lines of its own.
    again = resume_journal(path, jobs, options)
    assert (again.skipped, len(again.kept)) == (skipped, 3)


def test_a_failed_network_stays_failed(machine, tmp_path):
    path, jobs, options = tmp_path / "run.jsonl", [job("a")], Options(processes=2, rounds=1)
    head, row, *_ = written(machine, path, jobs, options)
    path.write_text(head + json.dumps(json.loads(row) | {"error": "out of memory", "times_ms": [], "processes": []}) + "\n")
    (a,) = resumed(path, jobs, options)
    assert (a.status, a.error) == ("failed", "out of memory")


@pytest.mark.parametrize(
    ("jobs", "options", "message"),
    [
        ([job("a")], Options(threads=2), "of other options: threads 1, here 2"),
        ([job("a")], Options(dtype="bf16", mode="train"), "of other options: dtype fp32, here bf16; mode infer, here train"),
        ([job("b")], Options(), "of other networks: a, batch 1; here b, batch 1"),
        ([job("a", 16)], Options(), "of other networks: a, batch 1 is not what it was"),
        ([job("a"), job("b")], Options(), "of other networks: a, batch 1; here a, batch 1; b, batch 1"),
    ],
)
def test_a_journal_of_something_else_is_refused(machine, tmp_path, jobs, options, message):
    path = tmp_path / "run.jsonl"
    before = written(machine, path, [job("a")], Options())
    with pytest.raises(UsageError, match=message):
        resume_journal(path, jobs, options)
    assert path.read_text().splitlines(keepends=True) == before


def test_a_journal_of_another_machine_is_refused(machine, tmp_path, monkeypatch):
    path = tmp_path / "run.jsonl"
    written(machine, path, [job("a")], Options())
    monkeypatch.setattr(fingerprint, "core_count", lambda: 1024)
    with pytest.raises(UsageError, match=r"of another machine: cores .*, here 1024"):
        resume_journal(path, [job("a")], Options())


@pytest.mark.parametrize("text", ["name: net\n", "{}\n", '{"journal": 2}\n', "\0\0\0", "3"])
def test_a_file_that_is_no_journal_is_left_alone(tmp_path, text):
    path = tmp_path / "run.jsonl"
    path.write_text(text)
    with pytest.raises(UsageError, match="is no journal"):
        resume_journal(path, [job("a")], Options())
    with pytest.raises(UsageError, match="holds results already"):
        start_journal(path, [job("a")], Options())
    assert path.read_text() == text


def test_a_journal_that_cannot_be_opened_is_said_at_once(tmp_path):
    for start in (start_journal, resume_journal):
        with pytest.raises(UsageError, match="cannot write the journal"):
            start(tmp_path / "no" / "such" / "folder", [job("a")], Options())
        with pytest.raises(UsageError, match=r"cannot (read|write) the journal|holds results already"):
            start(tmp_path, [job("a")], Options())


def test_a_full_disk_costs_the_journal_and_not_the_results(machine, tmp_path, monkeypatch):
    path, jobs, options = tmp_path / "run.jsonl", [job("a")], Options(processes=3, rounds=1)
    journal = start_journal(path, jobs, options)
    journal.path = Path("/dev/full")
    machine.times["a"] = itertools.repeat(1.0)
    (a,) = run(jobs, options, ignore, journal)
    assert len(a.times) == 3
    assert journal.problem == "cannot write the journal /dev/full: No space left on device"


def test_a_process_that_dies_while_it_starts_is_replaced(machine):
    machine.times = {"a": iter([1.0, StartError("killed by SIGKILL"), 1.1, 1.2])}
    (a,) = run([job("a")], Options(processes=3, rounds=2), ignore)
    assert (a.status, [times[0] for times in a.times]) == ("ok", [1.0, 1.1, 1.2])
    assert "1 of the processes ended while they started, and others took their place" in a.warnings


def test_where_all_die_the_results_so_far_stay(machine):
    deaths = [StartError("the worker process cannot work: killed") for _ in range(3)]
    machine.times = {"a": iter([1.0, *deaths])}
    (a,) = run([job("a")], Options(processes=3, rounds=2), ignore)
    assert (a.status, a.error) == ("failed", "the worker process cannot work: killed")
    assert [times[0] for times in a.times] == [1.0]
    machine.times = {"a": iter([StartError("the worker process cannot work: killed") for _ in range(3)])}
    with pytest.raises(MeasurementError, match="cannot work: killed"):
        run([job("a")], Options(processes=3, rounds=2), ignore)
