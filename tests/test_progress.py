"""The sign of life of commands that take their time."""

import sys
import time

import pytest

from cnnprof.cli import progress


class Status:
    """What rich's status is asked for."""

    def __init__(self, shown):
        self.shown = shown

    def start(self):
        self.shown.append("start")

    def update(self, message):
        self.shown.append(str(message))

    def stop(self):
        self.shown.append("stop")


@pytest.fixture
def shown(monkeypatch):
    """What appears on a terminal, with no patience at all."""
    seen = []

    def status(console, message):
        seen.append(str(message))
        return Status(seen)

    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    monkeypatch.setattr("rich.console.Console.status", status)
    monkeypatch.setattr(progress, "PATIENCE", 0.01)
    return seen


def test_what_takes_long_is_shown_and_changes_its_words(shown):
    with progress.waiting("reading") as say:
        deadline = time.monotonic() + 10
        while "start" not in shown and time.monotonic() < deadline:
            time.sleep(0.01)
        say("reading the second")
    assert shown == ["reading", "start", "reading the second", "stop"]


def test_what_ends_as_the_sign_would_start_shows_nothing(shown):
    sign = progress._Sign("reading")
    sign.end()
    sign._start()
    assert shown == []


def test_nothing_is_shown_where_nobody_looks(shown, monkeypatch):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: False)
    with progress.waiting("reading") as say:
        time.sleep(0.05)
        say("still reading")
    assert shown == []


@pytest.fixture
def clock(monkeypatch):
    now = [100.0]
    monkeypatch.setattr(progress, "monotonic", lambda: now[0])
    return now


@pytest.mark.parametrize(
    ("elapsed", "done", "processes", "said"),
    [
        (10, 0, 5, ", 10 s so far"),
        (4, 0, 5, ""),
        (10, 1, 5, ", about 40 s left"),
        (60, 2, 8, ", about 3 min left"),
        (10, 5, 5, ", 10 s so far"),
        (0.1, 4, 5, ", about 1 s left"),
    ],
)
def test_the_time_left_is_as_the_processes_before_took(clock, elapsed, done, processes, said):
    line = progress.ProgressLine("starting")
    clock[0] += elapsed
    line.say("timing", done / processes)
    assert line.left(clock[0]) == said


def test_a_line_counts_down_while_nothing_happens_and_keeps_to_what_is_expected(clock):
    line = progress.ProgressLine("starting", expected=30)
    clock[0] += 6
    assert str(line) == "starting, at most 24 s left"
    line.say("timing", 0.25)
    assert str(line) == "timing, about 18 s left"
    clock[0] += 8
    assert str(line) == "timing, about 10 s left"
    clock[0] += 40
    assert str(line) == "timing, 54 s so far"


def test_networks_that_are_counted_say_how_long_the_others_take(clock):
    line = progress.ProgressLine("reading the networks")
    clock[0] += 12
    line.say("reading resnet18 (5 of 12)")
    assert str(line) == "reading resnet18 (5 of 12), about 24 s left"


def test_rounds_say_how_far_a_process_is():
    from cnnprof.cli.measuring import share_of
    from cnnprof.measure.worker_run import Progress

    assert share_of(Progress(1, 4, "start")) == 0
    assert share_of(Progress(3, 4, "time", round=6, rounds=10)) == (2 + 0.5) / 4
    assert share_of(Progress(4, 4, "time", round=99, rounds=10)) == 1
