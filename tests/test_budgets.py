"""Limits, their units, and what a network makes of them."""

import pytest

import cnnprof
from cnnprof.errors import CnnprofError, UsageError
from cnnprof.judging.budgets import Budget, Part, budgets_of, judge, parse_limit


@pytest.mark.parametrize(
    ("key", "text", "limit"),
    [
        ("max-params", "5M", 5_000_000),
        ("max-params", "5_000_000", 5_000_000),
        ("max-params", 5_000_000, 5_000_000),
        ("max-macs", "4.1G", 4_100_000_000),
        ("max-activations", " 10 K ", 10_000),
        ("max-peak", "64MB", 64_000_000),
        ("max-peak", "64MiB", 64 * 2**20),
        ("max-peak", "1.5GiB", 3 * 2**29),
        ("max-latency", "8ms", 8),
        ("max-latency", "0.5s", 500),
        ("max-latency", "250us", 0.25),
    ],
)
def test_units(key, text, limit):
    assert parse_limit(key, text) == limit


@pytest.mark.parametrize(
    ("key", "text", "message"),
    [
        ("max-peak", "64", "'64' has no unit"),
        ("max-latency", "8", "'8' has no unit"),
        ("max-params", "5MB", "unknown unit 'MB'"),
        ("max-params", "5m", "unknown unit 'm'"),
        ("max-params", "-5M", "'-5M' is not a limit"),
        ("max-params", "many", "'many' is not a limit"),
        ("max-params", "", "'' is not a limit"),
        ("max-params", "nan", "'nan' is not a limit"),
        ("max-params", True, "'True' is not a limit"),
        ("max-params", "0", "a limit is above 0"),
        ("max-params", "9" * 400, "no network comes near such a limit"),
        ("max-peak", "9999999999GB", "no network comes near such a limit"),
    ],
)
def test_what_is_no_limit(key, text, message):
    with pytest.raises(CnnprofError, match=message) as caught:
        parse_limit(key, text)
    assert caught.value.message.startswith(key)


def test_an_unknown_limit_has_a_suggestion():
    with pytest.raises(UsageError, match="did you mean 'max-params'"):
        budgets_of({"max-param": "5M"})


def test_a_limit_that_is_met_exactly_holds():
    profile = cnnprof.profile("lenet5")
    (verdict,) = judge(profile, "lenet5", budgets_of({"max-params": 61_706}))
    assert (verdict.status, verdict.parts) == ("ok", ())
    (verdict,) = judge(profile, "lenet5", budgets_of({"max-params": 61_705}))
    assert verdict.status == "error"


def test_where_to_look():
    profile = cnnprof.profile("lenet5")
    by_params, by_peak = judge(profile, "lenet5", budgets_of({"max-params": "60K", "max-peak": "100kB"}))
    # C5: 120 (5*5*16 + 1) = 48,120 of 61,706; F6: 84 (120 + 1); C3: 16 (5*5*6 + 1).
    assert [(part.name, part.value) for part in by_params.parts] == [
        ("C5.conv1", 48_120),
        ("F6.fc1", 10_164),
        ("C3.conv1", 2_416),
    ]
    # At C5 the network's input of 32*32 and S4's output of 16*5*5 are alive; its kernel for AVX2 takes channels in blocks
    # of 8. Both 16 and 120 are whole blocks: it copies its input and its weights and writes the 120 maps; no bias is filled up.
    tensors = 4 * (1_024 + 400 + 400 + 120 * 400 + 120)
    assert by_peak.parts == (
        Part("weights", 4 * 61_706, 4 * 61_706 / by_peak.value),
        Part("tensors at C5.conv1", tensors, tensors / by_peak.value),
    )


def test_budgets_are_for_the_networks_they_name():
    profile = cnnprof.profile("resnet18")
    for models, covered in (
        ((), True),
        (("resnet18",), True),
        (("resnet*",), True),
        (("vgg*", "*18"), True),
        (("vgg16",), False),
    ):
        verdicts = judge(profile, "resnet18", [Budget("max-params", 1, models=models)])
        assert len(verdicts) == covered


def test_a_latency_that_is_not_known_is_neither_held_nor_exceeded():
    profile = cnnprof.profile("lenet5")
    budgets = budgets_of({"max-latency": "8ms"})
    assert [judge(profile, "lenet5", budgets, latency)[0].status for latency in (None, 8.0, 8.1)] == ["unknown", "ok", "error"]


def test_weights_and_a_training_step():
    profile = cnnprof.profile("lenet5")
    weights, step = judge(profile, "lenet5", budgets_of({"max-weights": "0.2MB", "max-training-peak": "10kB"}))
    assert (weights.value, weights.status) == (4 * 61_706, "error")
    assert [part.name for part in weights.parts] == ["C5.conv1", "F6.fc1", "C3.conv1"]
    assert step.value == cnnprof.memory("lenet5").training.peak_bytes
    assert step.value > profile.totals.peak_inference_bytes
    assert [part.name.partition(" ")[0] for part in step.parts] == ["tensors", "weights"]
    assert sum(part.value for part in step.parts) == step.value


def test_no_part_that_is_nothing_is_worth_a_look():
    profile = cnnprof.profile("vgg16")
    for verdict in judge(profile, "vgg16", budgets_of({"max-params": "1M", "max-macs": "1M", "max-weights": "1MB"})):
        assert verdict.parts
        assert all(round(100 * part.share) >= 1 for part in verdict.parts)


def test_a_limit_that_is_given_replaces_the_projects(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    text = '[tool.cnnprof]\n[[tool.cnnprof.budget]]\nmodel = "lenet5"\nmax-params = "10K"\nmax-macs = "1M"\n'
    (tmp_path / "pyproject.toml").write_text(text)
    assert not cnnprof.check("lenet5").passed
    audit = cnnprof.check("lenet5", {"max-params": "1M"})
    assert [(each.budget.key, each.status) for each in audit.verdicts] == [("max-params", "ok"), ("max-macs", "ok")]
    assert "the max-params that is given stands in the place of pyproject.toml's" in audit.report().notes
    assert cnnprof.check(None, {"max-params": "1M"}).passed
