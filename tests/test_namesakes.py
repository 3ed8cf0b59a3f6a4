"""One network under every source and spelling that `list` gives: the same figures and accuracy, or a remark on what differs."""

import importlib.util
import re
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import cnnprof
from cnnprof.accuracies import ROUNDED, TIMM, recipe_of, timm_checkpoints
from cnnprof.api.listing import list_networks
from cnnprof.errors import CnnprofError
from cnnprof.network.analysis import analyze
from cnnprof.sources import resolve, specs

TRAINED_AS_BRANCHES = {"repvgg_a0", "repvgg_a1", "repvgg_a2", "repvgg_b0", "repvgg_b3"}
"""Bundled as an inference runs them; timm's have the branches of training."""


@cache
def crosscheck():
    """The script that compares all namesakes."""
    path = Path(__file__).parents[1] / "benchmarks" / "crosscheck_namesakes.py"
    spec = importlib.util.spec_from_file_location("crosscheck_namesakes", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@cache
def listed():
    """Every network of every list, timm's with and without the tags of their weights."""
    found = {network.name: network for network in (*list_networks(), *list_networks("torchvision:*"))}
    try:
        found |= {network.name: network for pattern in ("timm:*", "timm:*.*") for network in list_networks(pattern)}
    except CnnprofError:
        pytest.skip("timm is not installed")
    return found


def spellings(name):
    """The ways to name a bundled network besides its name: its file, its settings one by one and together, its input."""
    path, graph = specs.names()[name], specs.load(name)
    yield str(path) if path.stem == name else f"{path}#{name}"
    yield f"{name}@input={'x'.join(map(str, graph.input_shape[1:]))}"
    told = [f"{key}={_given(value)}" for key, value in graph.facts.settings.items() if not isinstance(value, str) or value]
    yield from (f"{name}@{text}" for text in told)
    if told:
        yield f"{name}@{','.join(told)}"


def _given(value):
    if isinstance(value, (list, tuple)):
        return f"[{','.join(map(_given, value))}]"
    return str(value).lower() if isinstance(value, bool) else str(value)


@cache
def bundled():
    """The networks of the plain list that are written as specs."""
    return {network.name: network for network in list_networks() if network.name in specs.names()}


@settings(max_examples=40)
@given(st.data())
def test_every_spelling_of_a_spec_is_what_the_list_says(data):
    name = data.draw(st.sampled_from(sorted(bundled())))
    network = bundled()[name]
    plain, graph = (resolve(word).graph() for word in (name, data.draw(st.sampled_from([*spellings(name)]))))
    totals, others = analyze(plain).totals, analyze(graph).totals
    assert (others.params, others.macs, others.activations) == (totals.params, totals.macs, totals.activations)
    assert (others.params, others.macs) == (network.params, network.macs)
    assert (graph.input_shape, graph.facts.accuracy) == (network.input_shape, network.facts.accuracy)


@pytest.mark.torch
def test_namesakes_of_the_list_have_the_same_parameters():
    found = crosscheck().groups(listed())
    assert len(found) > 100
    apart = {
        name
        for name, group in found.items()
        for params in [[listed()[each].params for each in group if listed()[each].params]]
        if max(params) - min(params) > ROUNDED
    }
    assert apart == TRAINED_AS_BRANCHES


@pytest.mark.torch
def test_the_same_weights_at_one_input_have_one_accuracy():
    def weights(name, accuracy):
        """The tag of timm's weights, the one that the bare name stands for if the source says none; the recipe of others."""
        if recipe_of(accuracy) != TIMM:
            return recipe_of(accuracy)
        said = re.search(r"\b\w+_in\d+k\w*", accuracy.source)
        return said[0] if said else timm_checkpoints()[name].name.partition(".")[2]

    for bare, group in crosscheck().groups(listed()).items():
        stated = {}
        for name in group:
            accuracy = listed()[name].facts.accuracy
            if accuracy:
                key = weights(bare, accuracy), accuracy.input or listed()[name].input_shape[1:]
                # To the digits that papers state.
                assert accuracy.top1 == pytest.approx(stated.setdefault(key, accuracy.top1), abs=0.05), (name, key)


@pytest.mark.torch
def test_a_bare_name_of_torchvision_is_the_one_with_the_prefix():
    by_name = {network.name: network for network in list_networks()}
    for name, network in listed().items():
        other = by_name.get(name.removeprefix("torchvision:")) if name.startswith("torchvision:") else None
        if other is not None and other.facts.source == name:
            assert (other.params, other.macs, other.input_shape, other.facts.accuracy) == (
                network.params,
                network.macs,
                network.input_shape,
                network.facts.accuracy,
            )


@pytest.mark.torch
@pytest.mark.parametrize("name", ["resnet18", "efficientnet_b2", "mobilenetv3_small_050", "repvgg_a0", "inception_v3"])
def test_a_comparison_of_namesakes_says_what_differs(name):
    group = crosscheck().groups(listed()).get(name) or [f"timm:{name}", f"timm:{name}.lamb_in1k"]
    assert crosscheck().faults(group) == []


@pytest.mark.torch
def test_inputs_of_namesakes_and_other_layers_are_said():
    notes = cnnprof.compare(["efficientnet_b2", "torchvision:efficientnet_b2"]).report().notes
    assert "at other inputs than 3x260x260: torchvision:efficientnet_b2 at 3x288x288; --input sets one for all" in notes
    of_one_input = cnnprof.compare(["resnet18", "torchvision:resnet18", "resnet34"]).report().notes
    in_the_name = cnnprof.compare("resnet18@input=3x128x128,3x224x224").report().notes
    assert not any("other inputs" in note for note in (*of_one_input, *in_the_name))
