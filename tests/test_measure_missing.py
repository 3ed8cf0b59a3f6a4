"""Layers that a calibration lacks, timed for a network and kept for every other."""

from __future__ import annotations

from importlib import import_module

import pytest
from made_up_machine import made_up

from cnnprof.api.predict import predict
from cnnprof.measure import calibration_files


@pytest.mark.parametrize("share", [0.99, 0.31])
def test_layers_are_kept_unless_the_machine_was_busy(monkeypatch, share):
    """What was disturbed is said, and timed again the next time."""
    kept, timed = [made_up()], []

    def follow(task, hear):
        timed.append(len(task.samples))
        for number in range(len(task.samples)):
            hear({"event": "operation", "number": number, "done": number + 1, "hot": 1e-4, "cold": 2e-4})
        hear({"event": "watched", "found": {"share": share, "stolen": 0.0, "switches": 0.0}})

    monkeypatch.setattr("cnnprof.measure.operations.follow", follow)
    monkeypatch.setattr(import_module("cnnprof.api.predict"), "find_calibration", lambda *_: kept[-1])
    monkeypatch.setattr(calibration_files, "keep_operations", lambda calibration, _: kept.append(calibration))
    words = "taken on a busy machine: a process had a core for only 31% of the time"
    for _ in range(2):
        found = predict("conv 5x5 72", (24, 30, 30), measure_missing=True)
        assert found.predictions[0].coverage["measured"] == pytest.approx(1)
        assert (words in str(found)) == (share < 0.9)
    assert len(kept) == (2 if share > 0.9 else 1)
    assert len(timed) == (2 if share > 0.9 else 8)  # Two processes; of a busy machine twice, and all of it the next time.
