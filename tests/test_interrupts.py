"""Ctrl-C while code runs that does not let go."""

from __future__ import annotations

import signal
import threading

import pytest

from cnnprof import streams
from cnnprof.torch_bridge import interrupts
from cnnprof.torch_bridge.interrupts import interruptible

pytestmark = pytest.mark.torch


@pytest.fixture
def swallowed(monkeypatch):
    """Ctrl-C that the running code catches, in a command."""
    monkeypatch.setattr(streams, "_command", [object()])
    monkeypatch.setattr(interrupts, "PATIENCE", 0.01)
    before = signal.signal(signal.SIGINT, lambda *_: None)
    yield
    signal.signal(signal.SIGINT, before)


def test_a_command_ends_where_its_code_does_not(swallowed):
    codes, left = [], threading.Event()

    def leave(code):
        codes.append(code)
        left.set()

    with interruptible(leave), interruptible(leave):
        signal.raise_signal(signal.SIGINT)
        assert left.wait(60)
    assert codes == [130]
    assert signal.set_wakeup_fd(-1) == -1


def test_code_that_ends_by_itself_is_let_go(swallowed, monkeypatch):
    monkeypatch.setattr(interrupts, "PATIENCE", 60)
    codes = []
    with interruptible(codes.append):
        signal.raise_signal(signal.SIGINT)
    assert codes == []


def test_a_program_that_holds_the_package_keeps_its_own_way():
    assert not streams.is_command()
    with interruptible(lambda code: pytest.fail("it ends the program")):
        assert signal.set_wakeup_fd(-1) == -1
