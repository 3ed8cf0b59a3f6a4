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
        self.shown.append(message)

    def stop(self):
        self.shown.append("stop")


@pytest.fixture
def shown(monkeypatch):
    """What appears on a terminal, with no patience at all."""
    seen = []

    def status(console, message):
        seen.append(message)
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


@pytest.mark.parametrize(
    ("elapsed", "done", "processes", "said"),
    [
        (10, 0, 5, ""),
        (10, 1, 5, ", about 40 s left"),
        (60, 2, 8, ", about 3 min left"),
        (10, 5, 5, ""),
        (0.1, 4, 5, ", about 1 s left"),
    ],
)
def test_the_time_left_is_as_the_processes_before_took(elapsed, done, processes, said):
    from cnnprof.cli.measuring import time_left

    assert time_left(elapsed, done, processes) == said
