"""The order of things in a worker process, on a fake device whose clock moves only when a network runs."""

from collections import Counter

import pytest

from cnnprof.measure.devices import Timing
from cnnprof.measure.session import Plan, Session, Workload, describe_failure, is_settled, warm_up


class FakeDevice:
    """A device on which a run takes what the network's next duration says."""

    name = "fake"
    warmup_seconds = 0.0

    def __init__(self, launch=0.0):
        self.now = 100.0
        self.launch = launch
        self.released = 0

    def clock(self):
        return self.now

    def time(self, run):
        seconds = run()
        self.now += seconds + self.launch
        return Timing(seconds, seconds + self.launch)

    mark = clock

    def seconds_between(self, marks):
        return [end - start for start, end in marks]

    def peak_growth(self, run):
        self.now += run()
        return 1000

    def release(self):
        self.released += 1

    def facts(self):
        return {}


def plan(**changes):
    settings = {"rounds": 5, "warmup_runs": 1, "warmup_seconds": 0, "seconds": 1e9, "seed": 1, "memory": False} | changes
    return Plan(**({"most_rounds": 50 * settings["rounds"]} | settings))


def run_session(networks, device=None, **changes):
    """Events of a session over networks given as functions that return a run's seconds, or raise."""
    events = []
    device = device or FakeDevice()
    names = [*networks]
    session = Session(
        prepare=lambda job: Workload(networks[names[job]], own_bytes=job),
        device=device,
        plan=plan(**changes),
        usage=lambda: (0.0, 0.0, 0.0),
        report=events.append,
    )
    session.run(range(len(names)))
    return events


def steps(events, *kinds):
    return [event["job"] for event in events if event["event"] in kinds]


def constant(seconds):
    return lambda: seconds


def failing_at(count, error):
    """A network whose run number `count` raises."""
    runs = iter(range(1, 10**6))

    def run():
        if next(runs) == count:
            raise error
        return 0.1

    return run


def test_all_are_ready_before_the_first_is_timed():
    events = run_session({"a": constant(1), "b": constant(2)}, rounds=1)
    kinds = [event["event"] for event in events]
    assert kinds == ["build", "warm-up", "warm"] * 2 + ["time", "run"] * 2


def test_rounds_take_every_network_once_in_changing_order():
    events = run_session({name: constant(0.1) for name in "abc"}, rounds=12)
    order = steps(events, "run")
    rounds = [tuple(order[i : i + 3]) for i in range(0, len(order), 3)]
    assert len(rounds) == 12
    assert all(sorted(turn) == [0, 1, 2] for turn in rounds)
    assert len(set(rounds)) > 3


@pytest.mark.parametrize("step", ["build", "run"])
def test_a_seed_fixes_the_order(step):
    def order(seed):
        return steps(run_session({name: constant(0.1) for name in "abcdef"}, seed=seed), step)

    assert order(1) == order(1)
    assert order(1) != order(2)


def test_compiling_is_reported_apart():
    events = []
    prepare = lambda job: Workload(constant(0.1), 0, compile_seconds=7.5)  # noqa: E731
    Session(prepare, FakeDevice(), plan(rounds=1), lambda: (0.0, 0.0, 0.0), events.append).run([0])
    assert {"event": "compiled", "job": 0, "seconds": 7.5} in events
    assert [event["seconds"] for event in events if event["event"] == "run"] == [0.1]


def test_phases_lie_between_the_marks_of_a_run():
    events = []
    device = FakeDevice()

    def step(passed=lambda: None):
        for seconds in (0.25, 0.5, 0.0):
            passed()
            device.now += seconds
        passed()
        return 0.0

    prepare = lambda job: Workload(step, 0, phases=("forward", "backward", "step"))  # noqa: E731
    Session(prepare, device, plan(rounds=1), lambda: (0.0, 0.0, 0.0), events.append).run([0])
    assert events[-1]["phases"] == {"forward": 0.25, "backward": 0.5, "step": 0.0}


def test_what_keeps_its_memory_is_not_watched():
    prepare = lambda job: Workload(constant(0.1), 5, keeps_memory=True)  # noqa: E731
    events = []
    Session(prepare, FakeDevice(), plan(rounds=1, memory=True), lambda: (0.0, 0.0, 0.0), events.append).run([0])
    assert not steps(events, "memory", "peak")


def test_the_step_is_announced_before_it_begins():
    seen = []
    device = FakeDevice()
    network = {"a": lambda: seen.append("run") or 0.1}
    Session(
        prepare=lambda job: Workload(network["a"], 0),
        device=device,
        plan=plan(rounds=1),
        usage=lambda: (0.0, 0.0, 0.0),
        report=lambda event: seen.append(event["event"]),
    ).run([0])
    assert seen == ["build", "warm-up", "run", "warm", "time", "run", "run"]


def test_events_carry_device_time_and_wall_clock():
    run = run_session({"a": constant(0.25)}, FakeDevice(launch=0.5), rounds=1)[-1]
    assert (run["seconds"], run["wall"]) == (0.25, 0.75)


def test_usage_is_the_difference_over_one_run():
    counters = iter([(1.0, 10, 2), (1.5, 13, 2)])
    events = []
    Session(
        prepare=lambda job: Workload(constant(0.1), 0),
        device=FakeDevice(),
        plan=plan(rounds=1),
        usage=lambda: next(counters),
        report=events.append,
    ).run([0])
    assert events[-1]["usage"] == [0.5, 3, 0]


def test_the_budget_ends_the_rounds():
    # Warm-up takes 2 of the 10 seconds; then a round of two networks takes 2 seconds.
    events = run_session({"a": constant(1), "b": constant(1)}, seconds=10, rounds=100)
    assert Counter(steps(events, "run")) == {0: 4, 1: 4}


def test_a_spent_budget_still_times_every_network_once():
    events = run_session({"a": constant(5), "b": constant(5)}, seconds=0, rounds=100)
    assert Counter(steps(events, "run")) == {0: 1, 1: 1}


def test_rounds_go_on_until_the_median_settles():
    # Half the runs take 1.0, half 1.5: with a median between two modes, no number of rounds settles it before the budget.
    wavering = iter([1.0, 1.5] * 1000)
    events = run_session({"a": lambda: next(wavering)}, rounds=6, seconds=125)
    assert len(steps(events, "run")) > 50
    assert len(steps(run_session({"a": constant(1.0)}, rounds=6, seconds=125), "run")) == 6


def test_rounds_that_never_settle_end_at_the_most():
    wavering = iter([1.0, 1.5] * 1000)
    assert len(steps(run_session({"a": lambda: next(wavering)}, rounds=6, most_rounds=70), "run")) == 70


def test_settled_means_known_to_one_percent():
    assert is_settled([1.0] * 20)
    assert is_settled([1.0] * 10 + [1.01] * 10)
    assert not is_settled([1.0] * 10 + [1.05] * 10)
    assert is_settled([1.0, 2.0])


@pytest.mark.parametrize("error", [RuntimeError("no kernel"), MemoryError(), TypeError("forward takes 2 inputs")])
def test_a_network_that_fails_in_a_run_leaves_the_others(error):
    device = FakeDevice()
    events = run_session({"bad": failing_at(4, error), "good": constant(0.1)}, device, rounds=5)
    assert steps(events, "failed") == [0]
    # Run 1 was its warm-up, run 4 failed: two were timed.
    assert Counter(steps(events, "run")) == {0: 2, 1: 5}
    assert device.released == 1


def test_a_network_that_cannot_be_built_is_not_run():
    def prepare(job):
        if job == 0:
            raise MemoryError
        return Workload(constant(0.1), 0)

    events = []
    Session(prepare, FakeDevice(), plan(rounds=2), lambda: (0.0, 0.0, 0.0), events.append).run([0, 1])
    assert events[:2] == [{"event": "build", "job": 0}, {"event": "failed", "job": 0, "error": "out of memory"}]
    assert Counter(steps(events, "run")) == {1: 2}


def test_a_network_that_fails_in_warm_up_is_not_timed():
    events = run_session({"bad": failing_at(1, RuntimeError("x")), "good": constant(0.1)})
    assert set(steps(events, "run")) == {1}


def test_nothing_left_ends_the_session():
    assert steps(run_session({"bad": failing_at(2, RuntimeError("x"))}), "failed") == [0]


def test_memory_is_weights_and_input_and_what_a_run_adds():
    events = run_session({"a": constant(0.1), "b": constant(0.1)}, memory=True)
    assert [event["bytes"] for event in events if event["event"] == "peak"] == [1000, 1001]


def test_no_memory_run_unless_asked_for():
    assert not steps(run_session({"a": constant(0.1)}), "memory")


def warm(durations, least=0.0, **changes):
    series = iter(durations)
    device = FakeDevice()
    device.warmup_seconds = least
    return warm_up(lambda: next(series), device, plan(warmup_runs=3, **changes), deadline=changes.get("until", 1e9))


def test_warm_up_takes_the_least_number_of_runs():
    assert warm([1.0] * 100) == 3


def test_warm_up_takes_the_least_time():
    assert warm([0.1] * 100, warmup_seconds=0.95) == 10


def test_a_device_may_ask_for_more_warm_up():
    assert warm([0.1] * 100, least=1.95, warmup_seconds=0.3) == 20


def test_warm_up_goes_on_while_runs_get_faster():
    # Until a run is no longer 5% faster than the fastest before it: 0.30 against 0.31.
    assert warm([1.0, 0.8, 0.6, 0.5, 0.4, 0.31, 0.30, 0.1]) == 7


def test_warm_up_ends_at_ten_times_the_least():
    assert warm([0.9**i for i in range(100)]) == 30


def test_warm_up_ends_at_the_deadline():
    device = FakeDevice()
    assert warm_up(lambda: 5.0, device, plan(warmup_runs=3), deadline=device.now + 1) == 1


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (RuntimeError("shapes differ\nat line 3"), "shapes differ"),
        (RuntimeError(""), "RuntimeError"),
        (TypeError("two inputs"), "TypeError: two inputs"),
        (MemoryError("8 GiB"), "out of memory: 8 GiB"),
        (
            RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allocate 2569011200 bytes."),
            "out of memory: 2,569.0 MB more were asked for",
        ),
        (
            RuntimeError(
                "CUDA out of memory. Tried to allocate 20.00 GiB. GPU 0 has a total capacity of 79 GiB. See the manual"
            ),
            "CUDA out of memory. Tried to allocate 20.00 GiB",
        ),
    ],
)
def test_failures_in_one_line(error, text):
    assert describe_failure(error) == text
