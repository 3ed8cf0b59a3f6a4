"""One network under every source and spelling: the same figures, and the same accuracy or another recipe that is said."""

from dataclasses import replace

import pytest

import cnnprof
from cnnprof.accuracies import recipe_of, timm_checkpoints, torchvision_weights
from cnnprof.api.listing import list_networks
from cnnprof.errors import CnnprofError
from cnnprof.footprint.analysis import analyze_memory
from cnnprof.network.graph import Accuracy
from cnnprof.sources import resolve, spec_names, specs
from cnnprof.views.comparison import show_comparison
from cnnprof.views.entry import Entry

FIGURES = ("params", "macs", "activations")


def test_the_list_says_of_a_spec_what_a_comparison_says():
    names = ["resnet50", "mobilenet_v3_small", "squeezenet1_1", "wrn_28_10", "alexnet_paper"]
    listed = {network.name: network for network in list_networks() if network.name in names}
    for entry in cnnprof.compare(names).entries:
        network = listed[entry.name]
        assert (network.params, network.macs) == (entry.total("params"), entry.total("macs"))
        assert network.facts.accuracy == entry.accuracy


def test_bundled_networks_of_torchvisions_names_have_its_parameters():
    """So that torchvision's accuracies are stated of the same network; where a namesake differs, none is."""
    namesakes = sorted(set(spec_names()) & set(torchvision_weights()))
    assert len(namesakes) > 60
    listed = {network.name: network for network in list_networks() if network.name in namesakes}
    differing = [name for name in namesakes if torchvision_weights()[name][0].params != listed[name].params]
    assert differing == []


def test_other_recipes_are_said(monkeypatch):
    for name in sorted(set(spec_names()) & set(torchvision_weights())):
        own = specs.load(name).facts.accuracy
        if own is None:
            continue
        of_torchvision = [each.accuracy for each in torchvision_weights()[name] if recipe_of(each.accuracy) == recipe_of(own)]
        # The same recipe is the same figure, to the digits that are stated.
        for accuracy in of_torchvision:
            assert own.top1 == pytest.approx(accuracy.top1, abs=0.005), name


def recipe_of_entry(entry):
    stated = entry["accuracy"]
    return recipe_of(Accuracy(stated["top1"], stated["top5"], stated["source"]))


@pytest.mark.torch
@pytest.mark.parametrize("name", ["resnet18", "mobilenet_v2", "mnasnet1_0"])
def test_torchvisions_network_is_the_bundled_one(name):
    report = cnnprof.compare([name, f"torchvision:{name}"]).report()
    ours, theirs = report.data["models"]
    assert [ours["totals"][figure] for figure in FIGURES] == [theirs["totals"][figure] for figure in FIGURES]
    marks = [row["accuracy_mark"] for row in report.data["rows"]]
    assert ours["accuracy"]["top1"] == theirs["accuracy"]["top1"] or marks[1].endswith("≠")
    # One recipe is one source, which is marked once.
    assert (marks[0] == marks[1]) == (recipe_of_entry(ours) == recipe_of_entry(theirs))


@pytest.mark.torch
@pytest.mark.parametrize("input_shape", [(3, 64, 64), (3, 160, 160)])
def test_what_is_stated_at_one_input_is_not_stated_at_another(input_shape):
    for reference in ("resnet18", "torchvision:resnet18"):
        (entry,) = cnnprof.compare([reference], input_shape=input_shape).entries
        assert entry.accuracy is None
        assert entry.figures["model"]["published"] == {}


@pytest.mark.torch
def test_every_checkpoint_of_timm_resolves_to_its_accuracy():
    from cnnprof.sources import timm

    try:
        known = set(timm.names())
    except CnnprofError:
        pytest.skip("timm is not installed")
    tags = {name for name in timm_checkpoints() if "." in name and name.partition(".")[0] in known}
    assert len(tags) > 1_200
    listed = {network.name: network for network in list_networks("timm:*.*")}
    for name in tags:
        assert listed[f"timm:{name}"].facts.accuracy == timm_checkpoints()[name].accuracy


@pytest.mark.torch
def test_a_checkpoint_of_timm_is_loaded_with_its_accuracy():
    name = "mobilenetv3_small_050.lamb_in1k"
    stated = timm_checkpoints()[name]
    graph = cnnprof.load(f"timm:{name}")
    assert graph.facts.accuracy == stated.accuracy
    assert cnnprof.load("timm:mobilenetv3_small_050").facts.accuracy == stated.accuracy
    assert cnnprof.load(f"timm:{name}", input_shape=(3, 96, 96)).facts.accuracy is None
    assert abs(cnnprof.profile(f"timm:{name}").totals.params - stated.params) <= 5_000


def test_tables_of_two_papers_have_two_marks():
    rows = cnnprof.compare(["efficientnet_b0", "seresnet50_v1", "efficientnet_b1"]).report().data["rows"]
    assert len({row["accuracy_source"] for row in rows}) == 1
    first, other, again = (row["accuracy_mark"] for row in rows)
    assert first == again != other


def test_inputs_that_are_not_most_networks_are_said():
    def said(*networks):
        return [note for note in cnnprof.compare(networks).report().notes if "other inputs" in note]

    assert said("resnet18", "inception_v3", "vgg11", "lenet5") == [
        "at other inputs than 3x224x224: inception_v3 at 3x299x299, lenet5 at 1x32x32; --input sets one for all"
    ]
    (note,) = said("resnet18", "resnet20", "resnet32", "resnet44", "resnet56", "resnet34", "resnet50", "vgg11", "vgg13")
    assert "4 networks at 3x32x32" in note
    assert not said("resnet18", "vgg11")
    assert not said("resnet18@input=3x64x64,3x128x128")


def test_weights_of_timm_are_recipes():
    """Two accuracies of one network in one table: the note says by how much, and whose each is."""
    entries = [Entry.of(profile(f"net.{tag}", top1, f"timm {tag}")) for tag, top1 in (("a1_in1k", 80.4), ("tv_in1k", 76.1))]
    notes = show_comparison(entries, "net.a1_in1k").notes
    points = "4.30 points of top-1 are the recipe's (timm tv_in1k, timm a1_in1k)"
    assert f"net.tv_in1k and net.a1_in1k cost the same: {points}" in notes


def profile(name, top1, source):
    graph = resolve("conv 3x3 8").graph((3, 8, 8))
    return analyze_memory(replace(graph, name=name, facts=replace(graph.facts, accuracy=Accuracy(top1, None, source))))
