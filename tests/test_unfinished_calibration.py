"""A calibration that was interrupted goes on where it stopped."""

import json
from importlib import import_module

import pytest
from made_up_machine import made_up
from shell import cnnprof

from cnnprof.measure import operation_calibration, operations, unfinished
from cnnprof.measure.bench import Interrupted
from cnnprof.measure.calibration_files import unfinished_path
from cnnprof.measure.grid import designed
from cnnprof.measure.operations import Found
from cnnprof.measure.options import Options
from cnnprof.views.ceilings import show_calibration

QUIET = {"share": 0.99, "stolen": 0.01, "switches": 2.0}
FOR = {"machine": {"processor": "P"}, "options": {"threads": 1}, "samples": 3}


@pytest.fixture
def kept(tmp_path):
    path = tmp_path / "x.unfinished.json"
    unfinished.keep(path, FOR, made_up().ceilings, Found(hot={2: [1e-4, 2e-4]}, cold={2: [3e-4, 4e-4]}, watched=[QUIET]))
    return path


def test_what_was_kept_comes_back(kept):
    ceilings, found = unfinished.take_up(kept, FOR)
    assert ceilings == made_up().ceilings
    assert (found.hot, found.cold, found.watched) == ({2: [1e-4, 2e-4]}, {2: [3e-4, 4e-4]}, [QUIET])


@pytest.mark.parametrize("other", [{"machine": {"processor": "Q"}}, {"options": {"threads": 2}}, {"samples": 4}])
def test_of_another_machine_way_or_grid_nothing_is_taken(kept, other):
    assert unfinished.take_up(kept, FOR | other) is None


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: data.update(at=data["at"] - 2 * unfinished.OLDEST_SECONDS),
        lambda data: data.update(at=data["at"] + 1e6),
        lambda data: data["times"].append([1, [-1.0], [1.0]]),
        lambda data: data.pop("ceilings"),
    ],
)
def test_old_or_damaged_ones_are_not_taken(kept, damage):
    data = json.loads(kept.read_text())
    damage(data)
    kept.write_text(json.dumps(data))
    assert unfinished.take_up(kept, FOR) is None


def test_an_interrupted_calibration_goes_on(tmp_path, monkeypatch):
    """Each operation is timed once a process, whenever the user stops it."""
    count, timed, stop_after = len(designed()), [], [100]

    def follow(task, hear):
        for number, sample in enumerate(task.samples):
            if len(timed) == stop_after[0]:
                raise KeyboardInterrupt
            timed.append((task.seed, json.dumps(sample)))
            hear({"event": "operation", "number": number, "done": number + 1, "hot": 1e-4, "cold": 2e-4})
        hear({"event": "watched", "found": QUIET})

    monkeypatch.setattr(operations, "follow", follow)
    monkeypatch.setattr(operation_calibration, "calibrate", lambda *_: made_up().ceilings)
    monkeypatch.setattr(operation_calibration, "_time_networks", lambda *_: [])
    monkeypatch.setattr(operation_calibration, "unfinished_path", lambda _: tmp_path / "m.unfinished.json")
    for stop in (100, count + 7):
        stop_after[0] = stop
        with pytest.raises(KeyboardInterrupt):
            operation_calibration.calibrate_operations(Options(), [])
    stop_after[0] = None
    calibration = operation_calibration.calibrate_operations(Options(), [])
    assert calibration.conditions["resumed"] == count
    assert len(timed) == len(set(timed)) == 2 * count
    assert f"{count} of the operations had been timed before an interruption" in " ".join(
        show_calibration(calibration, None).notes
    )
    assert not list(tmp_path.glob("*unfinished*"))


def test_one_that_is_interrupted_while_networks_are_timed_goes_on_behind_the_operations(tmp_path, monkeypatch):
    timed, stops = [], [True, False]  # Networks are timed before the operations, too.

    def follow(task, hear):
        timed.append(task.seed)
        for number in range(len(task.samples)):
            hear({"event": "operation", "number": number, "done": number + 1, "hot": 1e-4, "cold": 2e-4})
        hear({"event": "watched", "found": QUIET})

    def time_networks(*_):
        if stops and stops.pop():
            raise Interrupted([])

    monkeypatch.setattr(operations, "follow", follow)
    monkeypatch.setattr(operation_calibration, "calibrate", lambda *_: made_up().ceilings)
    monkeypatch.setattr(operation_calibration, "_time_networks", time_networks)
    monkeypatch.setattr(operation_calibration, "unfinished_path", lambda _: tmp_path / "m.unfinished.json")
    with pytest.raises(Interrupted):
        operation_calibration.calibrate_operations(Options(), [])
    calibration = operation_calibration.calibrate_operations(Options(), [])
    assert timed == [0, 1]
    assert calibration.conditions["resumed"] == len(designed())


@pytest.mark.parametrize("still", [True, False])
def test_it_remembers_that_the_machine_was_busy_before_the_interruption(tmp_path, monkeypatch, still):
    """Then all operations are timed once more, in two processes; if it still is, the calibration says so."""
    busy, timed, shares = [True], [], {True: 0.42, False: 0.99}

    def follow(task, hear):
        for number in range(len(task.samples)):
            timed.append(task.seed)
            hear({"event": "operation", "number": number, "done": number + 1, "hot": 1e-4, "cold": 2e-4})
            hear({"event": "watched", "found": QUIET | {"share": shares[busy[0]]}})
            if busy[0] and len(timed) == 200:
                raise KeyboardInterrupt

    monkeypatch.setattr(operations, "follow", follow)
    monkeypatch.setattr(operation_calibration, "calibrate", lambda *_: made_up().ceilings)
    monkeypatch.setattr(operation_calibration, "_time_networks", lambda *_: [])
    monkeypatch.setattr(operation_calibration, "unfinished_path", lambda _: tmp_path / "m.unfinished.json")
    with pytest.raises(KeyboardInterrupt):
        operation_calibration.calibrate_operations(Options(), [])
    busy[0] = still
    calibration = operation_calibration.calibrate_operations(Options(), [])
    assert len(timed) == 4 * len(designed())
    words = "a process had a core for only 42% of the time" if still else ""
    assert calibration.busy == words
    assert (f"taken on a busy machine: {words}" in show_calibration(calibration, None).notes) == still


def test_times_of_other_operations_are_not_taken_for_these(tmp_path, monkeypatch):
    """As many operations, of another version's grid: what was kept by their numbers is of others."""

    def follow(task, hear):
        hear({"event": "operation", "number": 0, "done": 1, "hot": 1e-4, "cold": 2e-4})
        raise KeyboardInterrupt

    monkeypatch.setattr(operations, "follow", follow)
    monkeypatch.setattr(operation_calibration, "calibrate", lambda *_: made_up().ceilings)
    monkeypatch.setattr(operation_calibration, "_time_networks", lambda *_: [])
    monkeypatch.setattr(operation_calibration, "unfinished_path", lambda _: tmp_path / "m.unfinished.json")
    taken = []

    def take_up(*args, real=unfinished.take_up):
        taken.append(real(*args))
        return taken[-1]

    monkeypatch.setattr(unfinished, "take_up", take_up)
    grid = designed()
    for some in (grid, grid, [*grid[1:], grid[0]]):
        monkeypatch.setattr(operation_calibration, "designed", lambda some=some: some)
        with pytest.raises(KeyboardInterrupt):
            operation_calibration.calibrate_operations(Options(), [])
    assert [each is not None for each in taken] == [False, True, False]


@pytest.mark.parametrize("layers", [True, False])
def test_the_command_says_that_something_is_kept_only_if_it_is(tmp_path, monkeypatch, layers):
    def interrupted(options, full, tell):
        if layers:
            unfinished.keep(unfinished_path(options), FOR, made_up().ceilings, Found(hot={0: [1e-4]}, cold={0: [3e-4]}))
        raise KeyboardInterrupt

    monkeypatch.setattr(import_module("cnnprof.api.predict"), "calibrate", interrupted)
    result = cnnprof("calibrate", "--full", XDG_CACHE_HOME=str(tmp_path))
    assert result.code == 130
    assert ("what was measured is kept" in result.err) == layers
