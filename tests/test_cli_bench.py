"""`cnnprof bench` as a user calls it: verdicts, earlier runs, journals, and what is refused before anything is timed."""

import json
import re
from statistics import geometric_mean, median

import pytest
from shell import cnnprof

pytestmark = [pytest.mark.torch, pytest.mark.usefixtures("brisk")]

ONE = ("--quick", "--budget", "2m")
SHORT = (*ONE, "--processes", 2)


@pytest.fixture(scope="module")
def earlier(brisk, tmp_path_factory):
    """An earlier run of two networks of which the second takes far longer, its report and its journal."""
    folder = tmp_path_factory.mktemp("bench")
    arguments = ("lenet5", "--input", "1x32x32,1x128x128", *SHORT)
    done = cnnprof("bench", *arguments, "--compare", "--resume", folder / "run.jsonl", "-o", folder / "old.json")
    assert done.code == 0, done.err
    return folder


def test_a_run_with_its_noise_and_its_journal(earlier):
    report = json.loads((earlier / "old.json").read_text())
    small, large = report["results"]
    assert (small["model"], small["input_shape"]) == ("lenet5 (1x32x32)", [1, 32, 32])
    assert (large["model"], large["input_shape"]) == ("lenet5 (1x128x128)", [1, 128, 128])
    (ratio,) = report["comparisons"]
    pairs = zip(large["times_ms"], small["times_ms"], strict=True)
    ratios = [median([ours / theirs for ours, theirs in zip(*both, strict=False)]) for both in pairs]
    assert ratio["ratio"] == pytest.approx(geometric_mean(ratios))
    assert report["noise"]["a"] == report["noise"]["b"] == "lenet5 (1x32x32)"
    assert report["noise"]["up_to"] > 0
    assert len(report["noise"]["measurement"]["times_ms"]) == 2
    assert len((earlier / "run.jsonl").read_text().splitlines()) == 1 + 3 * 2


def test_a_journal_that_is_complete_is_shown_again(earlier):
    with (earlier / "run.jsonl").open("a") as file:
        file.write('{"job": 0, "tim')
    command = ("bench", "lenet5", "--input", "1x32x32,1x128x128", *SHORT, "--compare", "--resume", earlier / "run.jsonl")
    done = cnnprof(*command, COLUMNS="80")
    assert done.code == 0
    assert "line 8 is damaged and was skipped" in done.err
    assert "holds the results of 2 processes, which count" in done.err
    assert done.out.startswith("lenet5 (1x128x128) ")
    assert max(map(len, done.out.splitlines())) <= 80
    # How a narrow table is folded depends on how many digits the figures have.
    wide = cnnprof(*command, COLUMNS="200").out
    assert re.search(r"^ *lenet5 \(1x32x32\) / itself .{1,60} noise, up to", wide, re.MULTILINE)


def test_now_against_before(earlier):
    old = json.loads((earlier / "old.json").read_text())
    row = old["results"][0] | {"model": "lenet5", "processes": [0, 1, 2], "times_ms": [[1e-9]] * 3}
    (earlier / "before.json").write_text(json.dumps(old | {"results": [row]}))
    arguments = ("lenet5", "--quick", "--processes", 3, "--rounds", 5, "--against", "before.json")
    done = cnnprof("bench", *arguments, "--fail-on", "slower", "--json", cwd=earlier)
    report = json.loads(done.out)
    assert (done.code, report["since"][0]["verdict"]) == (1, "slower"), done.err
    assert report["since"][0]["a"] == "lenet5 now"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("resnet18", "--against", "old.json"), "old.json has no times of resnet18 (batch 1, fp32, infer)"),
        (
            ("lenet5", "--input", "1x32x32,1x128x128", "--against", "old.json", "--layout", "channels_last"),
            "layout nchw, here channels_last",
        ),
        (("lenet5", "--threads", 5000), "5000 threads are more than this process has cores"),
        (("lenet5", "--against", "run.jsonl"), "run.jsonl holds no measurements"),
        (("lenet5", "--against", "nowhere.json"), "cannot read nowhere.json: No such file"),
        (("lenet5", "--compare"), "--compare needs two networks"),
        (("lenet5", "--fail-on", "slower"), "--fail-on needs something to compare with"),
        (("lenet5", "--budget", "soon"), "'soon' is not a time"),
        (("lenet5", "--precision", "2"), "'2' is not a precision"),
        (("lenet5", "--input", "1x32x32,"), "'' is not an input size"),
        (("lenet5", "--journal", "old.json"), "old.json holds results already"),
        (("lenet5", "--resume", "old.json"), "old.json is no journal"),
        (("lenet5", "--resume", "run.jsonl"), "run.jsonl is of other networks"),
        (("lenet5", "--cuda-graph"), "--cuda-graph replays an inference on CUDA"),
        (("lenet5", "--journal", "a", "--resume", "b"), "--journal and --resume exclude each other"),
    ],
)
def test_what_is_refused_before_anything_is_timed(earlier, arguments, message):
    done = cnnprof("bench", *arguments, cwd=earlier, COLUMNS="200")
    assert (done.code, done.out) == (2, "")
    assert message in done.err


def test_a_full_disk_is_said_before_anything_is_timed():
    done = cnnprof("bench", "lenet5", *SHORT, "--journal", "/dev/full")
    assert done.code == 2
    assert "cannot write the journal /dev/full: No space left on device" in done.err


def test_a_budget_too_small_says_what_is_needed():
    done = cnnprof("bench", "lenet5", "--processes", 2, "--budget", "100ms")
    # The budget is a hard end: no round was made, so how long one takes is not known.
    assert done.code == 5
    assert "failed" in done.out
    said = "the time budget was spent before it was timed; 20 s a network is the usual --budget"
    assert f"lenet5: {said}" in " ".join(f"{done.out} {done.err}".split())
    done = cnnprof("bench", "lenet5", "--processes", 2, "--budget", "100ms", "--json")
    (row,) = json.loads(done.out)["results"]
    assert (done.code, row["status"], row["error"], row["times_ms"]) == (5, "failed", said, [])


@pytest.mark.slow
def test_a_compiled_network_is_a_row_of_its_own():
    done = cnnprof("bench", "conv 3x3 4 | relu", "--input", "3x8x8", "--compile", *ONE, "--json")
    plain, compiled = json.loads(done.out)["results"]
    assert compiled["model"] == f"{plain['model']} (compiled)"
    assert "compile_seconds" not in plain["environment"]
    # Without a C++ compiler it is one failed row, with its reason.
    assert compiled["environment"]["compile_seconds"] > 0 if compiled["status"] == "ok" else compiled["error"]


def test_a_training_step_shows_its_phases(earlier):
    done = cnnprof("bench", "lenet5", *ONE, "--mode", "train", "--json")
    (step,) = json.loads(done.out)["results"]
    assert [*step["phases_ms"]] == ["forward", "backward", "step"]
    whole = step["times_ms"][0][0]
    assert 0.8 * whole < sum(times[0][0] for times in step["phase_times_ms"].values()) <= whole
    assert "phases_ms" not in json.loads((earlier / "old.json").read_text())["results"][0]


def test_a_head_of_a_journal_without_what_it_holds_for_is_none(tmp_path):
    (tmp_path / "run.jsonl").write_text('{"journal": 1}\n')
    done = cnnprof("bench", "lenet5", *SHORT, "--resume", "run.jsonl", cwd=tmp_path)
    assert (done.code, done.out) == (2, "")
    assert "run.jsonl is no journal of `cnnprof bench`" in done.err


@pytest.mark.parametrize("option", [("--energy",), ("--precision", "1%")])
def test_what_layers_does_not_do_is_refused(option):
    done = cnnprof("bench", "lenet5", "--layers", *option)
    assert (done.code, done.out) == (2, "")
    assert f"--layers does not go with {option[0]}" in done.err


def test_one_that_fails_is_a_row_and_the_exit_code(tmp_path):
    (tmp_path / "net.py").write_text(
        "from torch import nn\nclass Fails(nn.Conv2d):\n"
        "    def __init__(self):\n        super().__init__(1, 4, 1)\n"
        "    def forward(self, x):\n"
        "        if not x.is_meta:\n            raise RuntimeError('boom')\n"
        "        return super().forward(x)\n"
    )
    arguments = ("lenet5", "net.py:Fails", "--input", "1x32x32")
    done = cnnprof("bench", *arguments, *ONE, "--json", cwd=tmp_path)
    assert [row["status"] for row in json.loads(done.out)["results"]] == ["ok", "failed"]
    assert done.code == 5
    done = cnnprof("memory", "net.py:Fails", "--input", "1x32x32", "--measure", cwd=tmp_path)
    assert "boom" in done.out
    assert done.code == 5


def test_a_network_can_be_held_against_itself():
    done = cnnprof("bench", "lenet5", "lenet5", *ONE, "--compare", "--json")
    (ratio,) = json.loads(done.out)["comparisons"]
    assert (ratio["a"], ratio["b"]) == ("lenet5 (again)", "lenet5")


def test_a_stop_while_energy_is_measured_keeps_the_latencies(monkeypatch, tmp_path, capsys):
    from cnnprof.__main__ import main
    from cnnprof.measure import energy

    def stop(jobs, how):
        raise KeyboardInterrupt

    monkeypatch.setattr(energy, "measure_energies", stop)
    out = tmp_path / "run.json"
    monkeypatch.setattr("sys.argv", ["cnnprof", "bench", "lenet5", *map(str, ONE), "--energy", "-o", str(out)])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 130
    assert "interrupted before the energy was known" in capsys.readouterr().err
    (result,) = json.loads(out.read_text())["results"]
    assert len(result["times_ms"]) == 1
