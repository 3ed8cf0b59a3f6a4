"""torchvision by name: figures derived by hand, facts, settings, input sizes, and what a wrong name or setting says."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from cnnprof.errors import CnnprofError, UnavailableError
from cnnprof.network.analysis import analyze
from cnnprof.network.graph import Accuracy, Figure
from cnnprof.sources.torchvision import load, names
from cnnprof.torch_bridge.instantiate import instantiate
from cnnprof.torch_bridge.requirements import import_torchvision

pytestmark = pytest.mark.torch


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory, monkeypatch):
    monkeypatch.setenv("CNNPROF_CACHE", str(tmp_path_factory.getbasetemp() / "torchvision"))


def test_resnet18_by_hand():
    profile = analyze(load("resnet18"))
    totals = profile.totals
    # conv1 and its BatchNorm write 64x112x112 each, the pooling 64x56x56; ReLU and addition work in place. A block writes four
    # tensors of its stage, the first of stages 2 to 4 two more for its shortcut.
    stages = [(64 * 56 * 56, 8), (128 * 28 * 28, 10), (256 * 14 * 14, 10), (512 * 7 * 7, 10)]
    stem = 2 * 64 * 112 * 112 + 64 * 56 * 56
    assert totals.activations == stem + sum(size * tensors for size, tensors in stages) + 512 + 1000
    assert (totals.params, totals.macs, totals.aux_params) == (11_689_512, 1_814_073_344, 0)


def test_receptive_fields_of_resnet18_by_hand():
    fields = {cost.node.name: cost.receptive_field for cost in analyze(load("resnet18")).costs}
    # r grows by (k - 1) j; j doubles at conv1, the pooling and the first convolution of layers 2, 3 and 4.
    assert fields["conv1"] == (7, 7)
    assert fields["maxpool"] == (7 + 2 * 2,) * 2
    assert fields["layer1.1.conv2"] == (11 + 4 * 2 * 4,) * 2
    assert fields["layer2.1.conv2"] == (43 + 2 * 4 + 3 * 2 * 8,) * 2
    assert fields["layer3.1.conv2"] == (99 + 2 * 8 + 3 * 2 * 16,) * 2
    # Araujo et al. 2019 give 435 for the last.
    assert fields["layer4.1.conv2"] == (211 + 2 * 16 + 3 * 2 * 32,) * 2 == (435, 435)
    # The shortcut is narrower than the branch beside it; the sum sees what the wider one does.
    assert fields["layer2.0.downsample.0"] == (43, 43)
    assert fields["layer2.0.add"] == fields["layer2.0.conv2"]


def test_facts_come_from_the_metadata():
    facts = load("resnet50").facts
    assert (facts.family, facts.source, facts.settings) == ("ResNet", "torchvision:resnet50", {})
    where = "torchvision ResNet50_Weights.IMAGENET1K_V2 metadata"
    assert facts.published == {
        "params": Figure(25_557_032, text="25,557,032", where=where),
        "macs": Figure(4_089_000_000, 500_000, "4.089 G", where=where),
    }
    assert facts.accuracy == Accuracy(80.858, 95.434, "torchvision IMAGENET1K_V2, 1 crop", input=(3, 224, 224))


@pytest.mark.parametrize(
    ("name", "paper", "year"),
    [
        ("resnet50", "Deep Residual Learning for Image Recognition, arXiv:1512.03385", 2015),
        ("swin_v2_t", "Swin Transformer V2: Scaling Up Capacity and Resolution, arXiv:2111.09883", 2021),
        (
            "squeezenet1_0",
            "SqueezeNet: AlexNet-level accuracy with 50x fewer parameters and <0.5MB model size, arXiv:1602.07360",
            2016,
        ),
        # Its documentation names a repository in place of a paper.
        ("squeezenet1_1", None, None),
    ],
)
def test_the_paper_is_the_one_that_the_documentation_names(name, paper, year):
    facts = load(name).facts
    assert (facts.paper, facts.year) == (paper, year)


def test_another_entry_of_the_weights_has_its_own_figures_and_input():
    graph = load("vit_b_16", {"weights": "IMAGENET1K_SWAG_E2E_V1"})
    assert graph.input_shape == (1, 3, 384, 384)
    assert graph.facts.accuracy == Accuracy(85.304, 97.65, "torchvision IMAGENET1K_SWAG_E2E_V1, 1 crop", input=(3, 384, 384))
    assert analyze(graph).totals.params == graph.facts.published["params"].value == 86_859_496


@pytest.mark.parametrize(("name", "size"), [("inception_v3", 299), ("efficientnet_b1", 240), ("swin_v2_t", 256)])
def test_the_default_input_is_that_of_the_default_weights(name, size):
    assert load(name).input_shape == (1, 3, size, size)


def test_heads_are_told_apart():
    figures = {name: load(name).facts.published["params"] for name in ("googlenet", "inception_v3")}
    assert (figures["googlenet"].value, figures["googlenet"].why) == (6_624_904, "the training-only heads are left out")
    assert (figures["inception_v3"].value, figures["inception_v3"].why) == (27_161_264, "the training-only head is counted")
    totals = analyze(load("inception_v3")).totals
    assert totals.params + totals.aux_params == 27_161_264


def test_what_is_stated_is_stated_of_the_weights_own_input():
    graph = load("resnet50", input_shape=(3, 160, 160))
    assert graph.input_shape == (1, 3, 160, 160)
    assert (graph.facts.published, graph.facts.accuracy) == ({}, None)
    assert load("resnet50", input_shape=(3, 224, 224)).facts.accuracy == load("resnet50").facts.accuracy
    assert load("resnet50", {"num_classes": "10"}).facts.accuracy is None


def test_a_vision_transformer_is_built_for_its_input():
    graph = load("vit_b_16", input_shape=(3, 64, 64))
    (embedding,) = [node for node in graph if node.name == "encoder.pos_embedding"]
    assert embedding.layer.size == (1, 4 * 4 + 1, 768)
    with pytest.raises(CnnprofError, match="vit_b_16 takes a square image, and the input is 64x32"):
        load("vit_b_16", input_shape=(3, 64, 32))


def test_settings_are_arguments_of_the_builder_and_void_published_figures():
    graph = load("resnet18", {"num_classes": "10"})
    assert analyze(graph).totals.params == 11_689_512 - 990 * 513
    assert (graph.facts.settings, graph.facts.published, graph.facts.accuracy) == ({"num_classes": 10}, {}, None)
    half = load("mobilenet_v3_large", {"width_mult": 0.5})
    assert analyze(half).totals.params < analyze(load("mobilenet_v3_large")).totals.params / 2


def test_the_batch_multiplies_operations_and_not_parameters():
    one, eight = analyze(load("swin_t")).totals, analyze(load("swin_t", batch=8)).totals
    assert (eight.params, eight.macs) == (one.params, 8 * one.macs)


@pytest.mark.parametrize(
    ("name", "settings", "message"),
    [
        ("resnet51", {}, r"torchvision has no classification model 'resnet51'\n.*did you mean 'resnet50'"),
        ("resnet18", {"num_clases": "10"}, r"torchvision's resnet18 has no setting 'num_clases'\n.*did you mean 'num_classes'"),
        ("convnext_tiny", {"num_clases": "10"}, r"torchvision's convnext_tiny has no setting 'num_clases'"),
        ("resnet18", {"weights": "IMAGENET1K_V3"}, r"torchvision has no weights 'IMAGENET1K_V3' for resnet18\n.*IMAGENET1K_V1"),
        ("resnet18", {"weights": "1"}, r"torchvision has no weights '1' for resnet18\n.*one of IMAGENET1K_V1"),
        ("resnet18", {"num_classes": "ten"}, r"torchvision cannot build resnet18: TypeError: "),
        ("resnet18", {"layers": "(1, 1)"}, r"torchvision cannot build resnet18: TypeError: "),
        ("resnext50_32x4d", {"groups": "7"}, r"torchvision cannot build resnext50_32x4d: ValueError: "),
    ],
)
def test_wrong_names_and_settings_are_one_message(name, settings, message):
    with pytest.raises(CnnprofError, match=message) as caught:
        load(name, settings)
    assert caught.value.exit_code == 3


@pytest.mark.parametrize(
    ("name", "size", "message"),
    [
        (
            "vgg11",
            (3, 8, 8),
            "cannot run torchvision:vgg11 on an input of 3x8x8: features.15 (MaxPool2d): its window of 2 does not fit into an"
            " input of 512x1x1; it needs at least 2",
        ),
        (
            "resnet18",
            (1, 224, 224),
            "cannot run torchvision:resnet18 on an input of 1x224x224: conv1: its filters take 3 channels, and its input"
            " has the shape 1x224x224",
        ),
    ],
)
def test_an_input_that_does_not_fit_names_the_layer(name, size, message):
    with pytest.raises(CnnprofError) as caught:
        load(name, input_shape=size)
    assert str(caught.value) == f"{message}\n  = hint: its own input is 3x224x224"


def test_an_input_of_too_few_sizes_is_refused():
    with pytest.raises(CnnprofError, match=r"^resnet18 takes images of three sizes, CxHxW, and the input has 2$"):
        load("resnet18", input_shape=(224, 224))


def test_names_are_those_of_torchvision():
    models = import_torchvision().models
    assert names() == models.list_models(module=models)


def test_a_loaded_network_can_be_instantiated():
    graph = load("googlenet", {"num_classes": "7"}, (3, 96, 96), 2)
    module = instantiate(graph)
    totals = analyze(graph).totals
    assert type(module).__name__ == "GoogLeNet"
    assert sum(parameter.numel() for parameter in module.parameters()) == totals.params + totals.aux_params
    assert not any(parameter.is_meta for parameter in module.parameters())


def run(code: str, **blocked: str) -> subprocess.CompletedProcess[str]:
    """The code in a process of its own, where importing a blocked module fails with the given exception."""
    blocks = "".join(
        f"""
class Block{i}:
    def find_spec(self, name, path=None, target=None):
        if name == {module!r}: {failure}
sys.meta_path.insert(0, Block{i}())
"""
        for i, (module, failure) in enumerate(blocked.items())
    )
    return subprocess.run([sys.executable, "-c", f"import sys{blocks}\n{code}"], capture_output=True, text=True, check=False)


ASK = """
from cnnprof.errors import CnnprofError
from cnnprof.torch_bridge.requirements import import_torchvision
try:
    import_torchvision()
except CnnprofError as error:
    print(error.exit_code, error)
"""


def test_a_missing_torch_is_one_message():
    result = run(ASK, torch="raise ModuleNotFoundError('gone', name='torch')")
    assert result.stdout == "4 torch is not installed\n  = hint: pip install torch torchvision\n"


@pytest.fixture
def import_fails(monkeypatch):
    """In this process importing torchvision fails with the given exception."""

    def import_fails(failure):
        class Block:
            def find_spec(self, name, path=None, target=None):
                if name == "torchvision":
                    raise failure

        for name in [name for name in sys.modules if name.partition(".")[0] == "torchvision"]:
            monkeypatch.delitem(sys.modules, name)
        monkeypatch.setattr(sys, "meta_path", [Block(), *sys.meta_path])
        with pytest.raises(UnavailableError) as caught:
            import_torchvision()
        assert caught.value.exit_code == 4
        return str(caught.value)

    return import_fails


def test_a_missing_torchvision_is_one_message(import_fails):
    said = import_fails(ModuleNotFoundError("gone", name="torchvision"))
    assert said == "torchvision is not installed\n  = hint: pip install torch torchvision"


def test_a_mismatch_that_cannot_be_repaired_names_both_versions(import_fails):
    said = import_fails(RuntimeError("undefined symbol"))
    assert re.match(r"torch 2\.\S+ and torchvision 0\.\S+ do not work together: undefined symbol", said)


@pytest.mark.parametrize("lacking", [True, False])
def test_operators_that_torchvision_lacks_are_defined(tmp_path, lacking):
    """A torchvision whose C++ library did not load asks for an operator that nobody defined."""
    (tmp_path / "torchvision").mkdir()
    asks = "import torch\ntorch._C._dispatch_has_kernel_for_dispatch_key('torchvision::nms', 'Meta')\n"
    (tmp_path / "torchvision" / "__init__.py").write_text(asks if lacking else "")
    (tmp_path / "torchvision" / "extension.py").write_text(f"_has_ops = lambda: {not lacking}\n")
    code = f"""
sys.path.insert(0, {str(tmp_path)!r})
from cnnprof.torch_bridge.requirements import import_torchvision, lacks_operators
print(import_torchvision().__file__, lacks_operators())
from torchvision.extension import _has_ops
print(_has_ops())
"""
    # Either way torchvision's functions go on to call their operators.
    assert run(code).stdout == f"{tmp_path / 'torchvision' / '__init__.py'} {lacking}\nTrue\n"


def test_a_torch_that_is_missing_is_said_by_the_source():
    code = """
from cnnprof.errors import CnnprofError
from cnnprof.sources import _cache
_cache._version = lambda package, real=_cache._version: real("nothing_of_this_name" if package == "torch" else package)
from cnnprof.sources.torchvision import load
try:
    load("resnet50")
except CnnprofError as error:
    print(error.exit_code, error.message)
"""
    assert run(code).stdout == "4 nothing_of_this_name is not installed\n"


def test_unavailable_is_its_own_exit_code():
    assert UnavailableError("x").exit_code == 4
