"""What is held against a network: its paper's figures, its twin, and other counters."""

import contextlib
import json
import signal
import time

import psutil
import pytest
from shell import cnnprof, start
from spec_texts import build

from cnnprof import api
from cnnprof.errors import CnnprofError
from cnnprof.judging.verification import (
    EXPLAINED,
    FAILED,
    FVCORE,
    HOLDS,
    PUBLISHED,
    TORCH,
    UNKNOWN,
    WEIGHTS,
    Verdict,
    Verified,
    check_published,
    check_twin,
    judge,
)
from cnnprof.network.analysis import analyze
from cnnprof.network.graph import Graph, Node
from cnnprof.network.layers.arrangement import Flatten, Permute
from cnnprof.network.layers.linear import Linear
from cnnprof.network.layers.normalization import LayerNorm
from cnnprof.network.layers.pooling import AdaptiveAvgPool
from cnnprof.sources import spec_names, specs
from cnnprof.timing.measurements import Check, Reason
from cnnprof.views.verification import show_verification

# 3 * 3 * 3 * 8 + 8 = 224 weights, 216 * 64 = 13,824 multiply-accumulates; the head has 8 * 5 + 5 = 45 weights.
NET = """
input: 3x8x8
published: {%s}
layers:
  - conv 3x3 8
  - {aux: [gap, fc 5]}
"""


def verdicts(published: str) -> list[tuple[str, str, str]]:
    return [(v.what, v.status, v.reason) for v in check_published(analyze(build(NET % published)))]


@pytest.mark.parametrize(
    ("published", "status", "reason"),
    [
        ("params: 224", HOLDS, ""),
        ("params: 0.2k", HOLDS, ""),
        ("params: 225", FAILED, "1 apart, and 0 are allowed"),
        ("params: 0.4k", FAILED, "176 apart, and 50 are allowed"),
        ("params: {value: 230, tolerance: 6, why: rounded}", EXPLAINED, "rounded"),
        ("params: {value: 224, tolerance: 6, why: rounded}", HOLDS, ""),
        ("params: {value: 230, tolerance: 5, why: rounded}", FAILED, "6 apart, and 5 are allowed: rounded"),
        ("params: 269", EXPLAINED, "with the 45 of the heads that only training runs"),
        ("macs: 13_824", HOLDS, ""),
        ("macs: 13.8k", HOLDS, ""),
        ("macs: 27.6k", FAILED, "13,776 apart, and 50 are allowed"),
        ("activations: 512", HOLDS, ""),
        ("ops: 28_160", HOLDS, ""),  # two for a multiply-accumulate, one for each bias: 2 * 13,824 + 512
    ],
)
def test_published_figures_hold_to_their_digits_or_have_a_reason(published, status, reason):
    assert verdicts(published) == [(published.partition(":")[0], status, reason)]


PLAIN = "input: 3x8x8\nlayers: [conv 3x3 8 bn relu, conv 3x3 8 bn relu, gap, fc 5]"


@pytest.mark.parametrize(
    ("twin", "what", "reason"),
    [
        (PLAIN, "5 layers", ""),
        (
            PLAIN.replace("8 bn relu, gap", "8 g2 bn relu, gap"),
            "conv2",
            "Conv2d to 8x8x8, 576 params, 36,864 MACs here, conv2 (Conv2d to 8x8x8, 288 params, 18,432 MACs) there",
        ),
        (PLAIN.replace(", fc 5", ""), "fc1", "5 layers here, 4 there; only here: Linear to 5, 45 params, 40 MACs"),
        (
            PLAIN.replace("fc 5", "fc 5 bias | bn"),
            "bn3",
            "5 layers here, 6 there; only there: BatchNorm1d to 5, 10 params, 0 MACs",
        ),
        (PLAIN.replace("relu, gap", "relu | sigmoid, gap"), "activations", "the totals differ"),
    ],
)
def test_a_twin_has_the_same_layers_in_order(twin, what, reason):
    verdict = check_twin(analyze(build(PLAIN)), analyze(build(twin)))
    assert (verdict.what, verdict.reason) == (what, reason)
    assert verdict.status == (FAILED if reason else HOLDS)


def test_a_twin_may_work_in_place_elsewhere():
    ours, theirs = (analyze(build(text)) for text in (PLAIN, PLAIN.replace("relu, gap", "| relu, gap")))
    for one, other in ((ours, theirs), (theirs, ours)):
        verdict = check_twin(one, other)
        assert (verdict.what, verdict.status) == ("activations", EXPLAINED)
        assert (verdict.ours, verdict.theirs) == (one.totals.activations, other.totals.activations)
        assert "in place" in verdict.reason


def test_a_twin_may_keep_its_channels_behind():
    ours = build("input: 3x8x8\nlayers: [ln, conv 1x1 5, gap, fc 4]")
    layers = {
        "to_last": Permute((0, 2, 3, 1)),
        "ln": LayerNorm(),
        "linear": Linear(5),
        "to_first": Permute((0, 3, 1, 2)),
        "gap": AdaptiveAvgPool((1, 1)),
        "flatten": Flatten(),
        "fc": Linear(4),
    }
    sources = ["input", *layers]
    nodes = tuple(Node(name, layer, (source,)) for source, (name, layer) in zip(sources, layers.items(), strict=False))
    assert check_twin(analyze(ours), analyze(Graph("twin", (1, 3, 8, 8), nodes, ("fc",)))).status == HOLDS


def test_a_cross_check_holds_is_explained_fails_or_is_not_known():
    row = Check("operations", "fvcore", "", 10, 16, (Reason("BatchNorm", 6),))
    assert judge(FVCORE, row) == Verdict(FVCORE, "operations", EXPLAINED, 10, 16, "16", "+6: BatchNorm", "fvcore")
    assert judge(TORCH, Check("operations", "torch", "", 10, 10)).status == HOLDS
    failed = judge(TORCH, Check("operations", "torch", "", 10, 12, notes=("conv1: 10 here, 12 there",)))
    assert (failed.status, failed.reason) == (FAILED, "+2 unexplained; conv1: 10 here, 12 there")
    unknown = judge(FVCORE, Check("operations", "fvcore", "", 10, None, notes=("it is not installed",)))
    assert (unknown.status, unknown.reason) == (UNKNOWN, "it is not installed")
    broken = judge(FVCORE, Check("operations", "fvcore", "", 10, None, notes=("it cannot count",), broke=True))
    assert (broken.status, broken.reason) == (FAILED, "it cannot count")


def test_the_worst_verdict_stands_for_a_check():
    profile = analyze(build(PLAIN))
    both = Verified(profile, (Verdict(PUBLISHED, "params", HOLDS), Verdict(TORCH, "operations", FAILED)))
    assert (both.status(), both.status(PUBLISHED), both.status(FVCORE)) == (FAILED, HOLDS, UNKNOWN)
    report = show_verification([both])
    assert report.title == "1 network, 2 checks: 1 hold, 0 explained, 1 failed"
    assert report.sections[0].rows[0]["check_torch"] == FAILED
    assert not report.data["passed"]


def test_published_figures_need_no_torch():
    done = cnnprof("verify", "lenet5", "vgg16", "--no-torch")
    assert done.code == 0, done.err
    assert "the convolutions alone" in done.out
    assert "S2: a slide says 4,074 operations; it is 4,704" in done.out
    assert "vgg16: a slide says 13.6 G operations; it is 15,470,264,320" in done.out
    assert json.loads(cnnprof("verify", "alexnet", "--quick", "--json").out)["models"][0]["checks"] == [
        {
            "check": "published",
            "what": "params",
            "status": "holds",
            "ours": 61_100_840,
            "theirs": 61_100_840.0,
            "where": "torchvision IMAGENET1K_V1, 1 crop",
        }
    ]


DOCTORED = """
input: 3x224x224
published: {params: {value: 11.7M, tolerance: 0.01M, why: none of it}}
variants: {resnet18: {}}
layers:
  - conv 7x7 64 s2 bn relu
  - maxpool 3x3 s2 p1
  - {add: [conv 3x3 64 bn relu | conv 3x3 65 bn | conv 1x1 64, identity]}
  - gap | fc 1000
"""


@pytest.mark.torch
def test_a_doctored_spec_fails_and_the_layer_is_named(tmp_path):
    (tmp_path / "net.yaml").write_text(DOCTORED)
    done = cnnprof("verify", "net.yaml#resnet18", "--json", cwd=tmp_path)
    assert done.code == 1
    (model,) = json.loads(done.out)["models"]
    found = {check["check"]: check for check in model["checks"]}
    assert found["published"]["status"] == "failed"
    assert found["torchvision"]["what"] == "conv3"
    assert found["torchvision"]["reason"].startswith("Conv2d to 65x56x56, 37,440 params")
    assert "layer1.0.conv2" in found["torchvision"]["reason"]
    assert [found[check]["status"] for check in ("weights", "torch", "fvcore")] == ["holds", "holds", "explained"]
    table = cnnprof("verify", "net.yaml#resnet18", cwd=tmp_path, COLUMNS="160")
    assert table.code == 1
    assert "✗" in table.out
    assert "conv3" in table.out


@pytest.mark.torch
def test_torchvisions_own_names_can_be_verified():
    done = cnnprof("verify", "torchvision:inception_v3", "torchvision:resnet18", "--json")
    assert done.code == 0, done.err
    statuses = [model["status"] for model in json.loads(done.out)["models"]]
    assert statuses == ["explained", "explained"]


def test_a_broken_spec_does_not_keep_the_others_back(tmp_path):
    (tmp_path / "pyproject.toml").write_text('[tool.cnnprof]\npaths = ["."]\n')
    (tmp_path / "odd.yaml").write_text("input: 3x8x8\nlayers: [conv 9x9 4 p0]\n")
    done = cnnprof("verify", "--no-torch", "--json", cwd=tmp_path)
    assert done.code == 3
    assert json.loads(done.err)["error"]["message"].startswith("conv1 (Conv2d)")
    assert len(json.loads(done.out)["models"]) > 100


@pytest.mark.torch
@pytest.mark.slow
def test_the_whole_catalogue_holds(monkeypatch):
    from cnnprof.measure import crosschecks

    agreeing = [
        Check(what, tool, "", 1, 1) for what, tool in (("parameters", ""), ("operations", "torch"), ("operations", "fvcore"))
    ]
    monkeypatch.setattr(crosschecks, "check_each", lambda graphs, _: ((number, agreeing) for number in range(len(graphs))))
    found = api.verify()
    networks = found.networks
    assert not found.broken
    assert found.complete
    assert len(networks) > 150
    assert {each.profile.graph.name for each in networks} <= {*spec_names()}
    names = [(each.profile.graph.name, verdict) for each in networks for verdict in each.verdicts]
    assert not [entry for entry in names if entry[1].status in (FAILED, UNKNOWN)]
    assert all({verdict.check for verdict in each.verdicts} >= {WEIGHTS, TORCH, FVCORE} for each in networks)


def smaller(name: str) -> Graph:
    """The network for the smallest images that its layers have room for, on which counters are to agree as well."""
    graph = specs.load(name)
    channels, *size = graph.input_shape[1:]
    if len(graph.inputs) > 1:
        return graph
    sides = ([min(length, side) for length in size] for side in (64, 96, 128))
    parts = ([length // part // 8 * 8 for length in size] for part in (3, 2))
    for fewer in (*sides, *parts):
        if fewer == size:
            return graph
        with contextlib.suppress(CnnprofError):
            return specs.load(name, input_shape=(channels, *fewer))
    return graph


@pytest.mark.torch
@pytest.mark.slow
@pytest.mark.parametrize("path", sorted({*specs.names().values()}), ids=lambda path: path.stem)
def test_every_counter_agrees_on_every_spec(path):
    from cnnprof.measure.crosschecks import check_each

    graphs = [smaller(name) for name, file in specs.names().items() if file == path]
    # A family's own name is one of its networks, and some differ in the size of their images only: each is counted once.
    distinct = [*{(graph.nodes, (*graph.inputs.items(),), graph.outputs): graph for graph in graphs}.values()]
    checked = dict(check_each(distinct))
    assert [*checked] == [*range(len(distinct))]
    for number, rows in checked.items():
        assert isinstance(rows, list), (distinct[number].name, rows)
        verdicts = [judge(check, row) for check, row in zip((WEIGHTS, TORCH, FVCORE), rows, strict=True)]
        assert {verdict.status for verdict in verdicts} <= {HOLDS, EXPLAINED}, (distinct[number].name, verdicts)


@pytest.mark.torch
def test_many_networks_are_checked_in_several_processes(monkeypatch):
    monkeypatch.setattr("os.cpu_count", lambda: 2)
    names = [f"conv 3x3 {count} bn relu | gap | fc 10" for count in range(1, 10)]
    found = api.verify(names, input_shape=(3, 16, 16))
    assert found.complete
    assert len(found.networks) == len(names)
    assert all({verdict.check for verdict in each.verdicts} >= {WEIGHTS, TORCH, FVCORE} for each in found.networks)
    assert {each.status() for each in found.networks} == {EXPLAINED}


@pytest.mark.torch
def test_an_interrupt_keeps_what_is_finished(monkeypatch):
    from cnnprof.measure import crosschecks

    def interrupted(graphs, processes):
        yield 1, [Check("weights", "", "", 1, 1), Check("operations", "", "", 1, 1), Check("operations", "", "", 1, 1)]
        raise KeyboardInterrupt

    monkeypatch.setattr(crosschecks, "check_each", interrupted)
    found = api.verify(["lenet5", "lenet5_paper", "alexnet"])
    assert [each.profile.graph.name for each in found.networks] == ["lenet5_paper"]
    assert not found.complete


@pytest.mark.torch
def test_an_interrupt_is_one_exit_code_and_no_traceback():
    under_way = start("verify", *(f"vgg11@classes={count}" for count in range(10, 60)))
    # Once it has processes of its own, it is at work.
    while not psutil.Process(under_way.pid).children():
        time.sleep(0.05)
        assert under_way.poll() is None
    time.sleep(1)
    under_way.send_signal(signal.SIGINT)
    _, err = under_way.communicate(timeout=60)
    assert (under_way.returncode, err) == (130, "")


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["nosuchnet"], 3, "unknown network 'nosuchnet'"),
        (["zzz*"], 3, "no network's name matches 'zzz*'"),
        (["lenet5", "--format", "xml"], 2, "there is no format 'xml'"),
        (["missing.yaml"], 3, "missing.yaml"),
    ],
)
def test_wrong_calls(arguments, code, message):
    done = cnnprof("verify", "--no-torch", *arguments)
    assert (done.code, done.out) == (code, "")
    assert message in done.err
