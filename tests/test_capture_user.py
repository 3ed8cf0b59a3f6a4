"""Models of the user's own, from a file or a module, and timm's: what works, and what is said where it does not."""

from __future__ import annotations

import json
import os
import sys
import types

import pytest
import torch
from shell import cnnprof
from torch import nn

from cnnprof.errors import CnnprofError, UnavailableError
from cnnprof.network.analysis import analyze
from cnnprof.network.graph import Graph
from cnnprof.sources import python, timm
from cnnprof.torch_bridge.instantiate import instantiate
from cnnprof.torch_bridge.requirements import import_torchvision

pytestmark = pytest.mark.torch

CODE = """
from __future__ import annotations

import sys
from dataclasses import dataclass

from torch import nn

from sibling_of_net import KERNEL

class Net(nn.Sequential):
    def __init__(self, width=4, **more):
        super().__init__(nn.Conv2d(3, width, KERNEL), nn.ReLU())

def make(width=8, bias=True):
    return nn.Conv2d(3, width, 1, bias=bias)

def fail():
    raise ValueError("no such luck")

def leave():
    sys.exit(2)

def text():
    return "text"

class Nested:
    inner = Net

@dataclass
class Settings:
    width: int = 5

def configured():
    return make(Settings().width)

module = Net(2)
NUMBER = 3
"""


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A folder with a file and a package, and the current one."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CNNPROF_CACHE", str(tmp_path / "cache"))
    (tmp_path / "net.py").write_text(CODE)
    (tmp_path / "sibling_of_net.py").write_text("KERNEL = 3\n")
    (tmp_path / "broken.py").write_text("import nowhere_to_be_found\n")
    (tmp_path / "wrong.py").write_text("def f(:\n")
    (tmp_path / "package_of_nets").mkdir()
    (tmp_path / "package_of_nets" / "__init__.py").write_text("")
    (tmp_path / "package_of_nets" / "nets.py").write_text("from torch import nn\n\ndef make():\n    return nn.Linear(224, 3)\n")
    before = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - before:
        if name.startswith(("package_of_nets", "sibling_of_net", "user_model")):
            del sys.modules[name]


def params(reference, settings=None, **more):
    return analyze(python.load(reference, settings, **more)).totals.params


@pytest.mark.parametrize(
    ("reference", "settings", "expected"),
    [
        ("net.py:Net", {}, 112),
        ("net.py:Net", {"width": "8"}, 224),
        ("net.py:make", {"width": "2", "bias": "false"}, 6),
        ("net.py:module", {}, 56),
        ("net.py:Nested.inner", {}, 112),
        ("net.py:configured", {}, 20),
        ("package_of_nets.nets:make", {}, 675),
    ],
)
def test_modules_classes_and_functions_are_taken(here, reference, settings, expected):
    assert params(reference, settings) == expected
    assert here.name not in "".join(sys.path)


def test_a_file_elsewhere_finds_its_siblings(here, monkeypatch):
    monkeypatch.chdir(here / "package_of_nets")
    assert params("../net.py:Net") == 112


def test_a_file_is_read_anew_each_time(here):
    assert params("net.py:make") == 32
    (here / "net.py").write_text(CODE.replace("width=8", "width=16"))
    assert params("net.py:make") == 64
    assert not (here / "cache").exists()


def test_facts_lead_back_to_the_module(here):
    graph = python.load("net.py:Net", {"width": "8"}, (3, 32, 32), 2)
    assert (graph.name, graph.input_shape) == ("net.py:Net", (2, 3, 32, 32))
    assert (graph.facts.family, graph.facts.source, graph.facts.settings) == ("Net", "python:net.py:Net", {"width": 8})
    assert instantiate(graph)(torch.rand(2, 3, 32, 32)).shape == (2, 8, 30, 30)


def test_the_default_input_is_224(here):
    assert python.load("net.py:Net").input_shape == (1, 3, 224, 224)


@pytest.mark.parametrize(
    ("reference", "settings", "message"),
    [
        ("net", {}, r"'net' does not name a model\n.*python:pkg\.module:factory or path/to/file\.py:factory"),
        ("net.py:", {}, r"'net\.py:' does not name a model"),
        ("ned.py:Net", {}, r"ned\.py is not there\n.*did you mean 'net\.py'"),
        ("net.py:Nat", {}, r"net\.py:Nat: there is no 'Nat'\n.*did you mean 'Net'"),
        ("net.py:NUMBER", {}, r"net\.py:NUMBER is of type int, not a module, a class or a function"),
        ("net.py:text", {}, r"net\.py:text returns an object of type str, not a torch\.nn\.Module"),
        ("net.py:fail", {}, r"net\.py:fail failed: ValueError: no such luck"),
        ("net.py:leave", {}, r"net\.py:leave failed: SystemExit: 2"),
        ("net.py:make", {"height": "1"}, r"net\.py:make failed: TypeError: .*'height'"),
        ("net.py:module", {"width": "1"}, r"net\.py:module is a module and takes no settings"),
        ("wrong.py:f", {}, r"wrong\.py:f failed: SyntaxError: "),
        ("broken.py:f", {}, r"broken\.py:f failed: ModuleNotFoundError: No module named 'nowhere_to_be_found'"),
        (
            "package_of_nots.nets:make",
            {},
            r"there is no Python module 'package_of_nots' for package_of_nots\.nets:make\n.*'package_of_nets'",
        ),
        ("package_of_nets.net:make", {}, r"there is no Python module 'package_of_nets\.net' for .*\n.*did you mean 'nets'"),
        ("broken:f", {}, r"broken:f failed: ModuleNotFoundError: No module named 'nowhere_to_be_found'"),
    ],
)
def test_what_does_not_work_is_one_message(here, reference, settings, message):
    with pytest.raises(CnnprofError, match=message) as caught:
        python.load(reference, settings)
    assert caught.value.exit_code == 3


def test_no_names_are_offered():
    assert python.names() == []


def test_a_folder_is_not_a_file(here):
    (here / "folder.py").mkdir()
    with pytest.raises(CnnprofError, match=r"folder\.py is not a file"):
        python.load("folder.py:make")


class FakeTimm(types.ModuleType):
    """The part of timm that is asked for, with one model that is built for an image size and reads its weights meanwhile."""

    def __init__(self) -> None:
        super().__init__("timm")
        self.calls: list[dict] = []

    def is_model(self, name):
        return name.partition(".")[0] == "fixed_net"

    def list_models(self):
        return ["fixed_net"]

    def get_pretrained_cfg(self, name):
        return types.SimpleNamespace(input_size=(3, 32, 32), fixed_input_size=True)

    def create_model(self, name, pretrained, img_size=(32, 32), num_classes=10):
        assert not pretrained
        self.calls.append({"img_size": img_size, "num_classes": num_classes})
        module = nn.Sequential(nn.Flatten(), nn.Linear(3 * img_size[0] * img_size[1], num_classes))
        assert module[1].weight.sum().item() != 7
        return module


@pytest.fixture
def fake_timm(monkeypatch, tmp_path):
    fake = FakeTimm()
    monkeypatch.setitem(sys.modules, "timm", fake)
    monkeypatch.setenv("CNNPROF_CACHE", str(tmp_path))
    monkeypatch.setattr("cnnprof.sources._cache._version", lambda package: "1")
    return fake


def test_timm_models_are_built_for_their_input_and_kept(fake_timm):
    graph = timm.load("fixed_net.tag", {"num_classes": "5"})
    assert (graph.input_shape, analyze(graph).totals.params) == ((1, 3, 32, 32), 5 * 3073)
    assert (graph.name, graph.facts.source) == ("timm:fixed_net.tag", "timm:fixed_net.tag")
    assert analyze(timm.load("fixed_net", input_shape=(3, 16, 8))).totals.params == 10 * (3 * 16 * 8 + 1)
    calls = len(fake_timm.calls)
    assert timm.load("fixed_net.tag", {"num_classes": "5"}).nodes == graph.nodes
    assert len(fake_timm.calls) == calls
    assert instantiate(graph)(torch.rand(1, 3, 32, 32)).shape == (1, 5)


def test_timms_names_and_errors(fake_timm):
    assert timm.names() == ["fixed_net"]
    with pytest.raises(CnnprofError, match=r"timm has no model 'fixed_nut'\n.*did you mean 'fixed_net'"):
        timm.load("fixed_nut")
    with pytest.raises(CnnprofError, match=r"timm cannot build fixed_net: TypeError: .*'depth'"):
        timm.load("fixed_net", {"depth": "3"})


def test_timm_says_the_size_that_fits():
    import_torchvision()  # timm imports it
    pytest.importorskip("timm")
    with pytest.raises(CnnprofError, match="its filters take 3 channels") as caught:
        timm.load("resnet18", input_shape=(1, 64, 64))
    assert caught.value.hint == "its own input is 3x224x224"


def test_timm_that_is_missing_is_one_message(monkeypatch):
    monkeypatch.setattr("cnnprof.sources.timm._PACKAGES", ("timm_that_is_not_there",))
    with pytest.raises(UnavailableError, match=r"timm_that_is_not_there is not installed\n.*pip install"):
        timm.load("resnet50")


def test_two_versions_of_a_file_have_their_own_siblings(here):
    for folder, kernel in (("old", 1), ("new", 5)):
        (here / folder).mkdir()
        (here / folder / "net.py").write_text(CODE)
        (here / folder / "sibling_of_net.py").write_text(f"KERNEL = {kernel}\n")
    assert [params(f"{folder}/net.py:Net") for folder in ("old", "new", "old")] == [4 * (3 + 1), 4 * (75 + 1), 4 * (3 + 1)]


@pytest.mark.parametrize("value", ["{1: 32}", "(3, 3)", "[1, 2]", "b'x'", "{1, 2}", "text", "none", "0.5"])
def test_settings_reach_a_worker_as_they_are(here, value):
    (here / "kept.py").write_text("from torch import nn\ndef make(value):\n    return nn.Conv2d(3, 4, 1)\n")
    graph = python.load("kept.py:make", {"value": value})
    assert Graph.from_dict(json.loads(json.dumps(graph.to_dict()))).facts.settings == graph.facts.settings


def test_a_setting_that_cannot_be_written_is_refused(here):
    with pytest.raises(CnnprofError, match="the setting 'width' cannot be inf"):
        python.load("net.py:make", {"width": "1e999"})


def test_what_a_model_prints_is_no_part_of_the_report(here):
    (here / "loud.py").write_text(
        "import sys\nfrom torch import nn\nprint('hello')\n"
        "class Loud(nn.Conv2d):\n"
        "    def __init__(self):\n        super().__init__(3, 4, 1)\n"
        "    def forward(self, x):\n        print(x.shape)\n        return super().forward(x)\n"
        "class Leaving(Loud):\n"
        "    def forward(self, x):\n        sys.exit(0)\n"
    )
    done = cnnprof("summary", "loud.py:Loud", "--input", "3x8x8", "--check", "--json", cwd=here)
    assert json.loads(done.out)["totals"]["params"] == 16
    assert "hello" in done.err
    done = cnnprof("summary", "loud.py:Leaving", "--input", "3x8x8", cwd=here)
    assert (done.code, done.out) == (3, "")
    assert "cannot run loud.py:Leaving on an input of 3x8x8: SystemExit" in done.err


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there are no forks here")
def test_code_that_ends_the_process_is_no_success(here):
    """`os._exit(0)` would let a gate pass; a child process that the code starts may end as it likes."""
    (here / "ending.py").write_text(
        "import os\nfrom torch import nn\n"
        "def make(): os._exit(0)\n"
        "class Late(nn.Conv2d):\n"
        "    def __init__(self): super().__init__(3, 4, 1)\n"
        "    def forward(self, x): os._exit(0)\n"
        "class Forking(nn.Conv2d):\n"
        "    def __init__(self):\n"
        "        super().__init__(3, 4, 1)\n"
        "        child = os.fork()\n"
        "        if not child: os._exit(7)\n"
        "        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7\n"
    )
    leave = os._exit
    for name, said in (("make", "ending.py:make failed"), ("Late", "cannot run ending.py:Late on an input of 3x8x8")):
        done = cnnprof("check", f"ending.py:{name}", "--input", "3x8x8", "--max-params", "1K", cwd=here)
        assert (done.code, done.out) == (3, "")
        assert f"{said}: SystemExit: os._exit(0)" in done.err
    assert python.load("ending.py:Forking", inputs=(3, 8, 8)).nodes
    assert os._exit is leave
