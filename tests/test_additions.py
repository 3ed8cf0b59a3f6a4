"""What an addition takes: a made-up layer type and a made-up convention, each written into a copy of the package."""

import subprocess
import sys
from pathlib import Path
from shutil import copytree, ignore_patterns

import pytest

import cnnprof

ROOT = Path(cnnprof.__file__).parent

LAYER = {
    "network/layers/made_up.py": '''
from cnnprof.network.layers.base import layer
from cnnprof.network.layers.activation import Activation
from cnnprof.record import record

@layer
@record
class CELU(Activation):
    """max(0, x) + min(0, alpha (exp(x / alpha) - 1))."""

    costs = {"div": 1, "exp": 1, "add": 2, "mul": 1, "cmp": 2}

    alpha: float = 1.0
''',
    "footprint/rules/made_up.py": """
from cnnprof.footprint.rules.base import LayerMemory, Saved, rule
from cnnprof.network.layers.made_up import CELU

@rule(CELU)
def celu(layer, run):
    return LayerMemory(saved=Saved((0,)))
""",
    "spec/words/made_up.py": """
from cnnprof.network.layers.made_up import CELU
from cnnprof.spec.words.base import Example, Word, word

word(
    "celu",
    Word(lambda o: [("celu", CELU(False, o.number("alpha", 1.0)))], "Activation: celu.", (Example("celu 2", "16x32x32"),),
         positional=("alpha",), kind="act"),
    {CELU: lambda layer, _: f"celu {layer.alpha:g}"},
)
""",
    "torch_bridge/rows/made_up.py": """
from torch import nn
from cnnprof.network.layers.made_up import CELU
from cnnprof.torch_bridge.rows.base import Match, row

row(CELU, lambda layer, _: nn.CELU(layer.alpha), {"celu": lambda call: Match(CELU(False, float(call["alpha"])), (call.first,))})
""",
}

USE_LAYER = """
import cnnprof
from torch import nn
from cnnprof.torch_bridge.build import build
from cnnprof.torch_bridge.capture import capture

text = "conv 1x1 8 | celu 2 | conv 1x1 4"
net = cnnprof.profile(text, input_shape=(3, 6, 5), batch=2)
conv, celu, _ = net.costs
assert (celu.node.layer.type, celu.ops.exp, celu.macs, celu.params) == ("CELU", 2 * 8 * 30, 0, 0)
# The first convolution's output for the derivative, and its own for the next convolution, 4 bytes a number.
saved = {tensor.name: tensor.bytes for tensor in net.training.tensors if tensor.kind == "saved"}
assert saved == {conv.node.name: 4 * 480, celu.node.name: 4 * 480}, saved
assert "celu 2" in cnnprof.to_spec(net.graph)
module = build(net.graph)
assert [part.alpha for part in module.modules() if isinstance(part, nn.CELU)] == [2.0]
assert [node.layer for node in capture(module, (2, 3, 6, 5))] == [node.layer for node in net.graph]
print(cnnprof.explain(text, input_shape=(3, 6, 5)), net)
"""

CONVENTION = '''

@convention
def multiplications(layer: Layer, inputs: tuple[Shape, ...], output: Shape, ops: Ops) -> Dim:
    """Multiplications alone."""
    return ops.mac + ops.mul
'''

USE_CONVENTION = """
from cnnprof.__main__ import main
import sys
sys.argv = ["cnnprof", "explain", "lenet5", "--vs", "multiplications"]
main()
"""


def run_in_copy(tmp_path: Path, written: dict[str, str], code: str) -> str:
    """What the code prints with a copy of the package in which the texts are added to the files."""
    copytree(ROOT, tmp_path / "cnnprof", ignore=ignore_patterns("__pycache__"))
    (tmp_path / "architectures").symlink_to(ROOT.parent / "architectures")
    for name, text in written.items():
        path = tmp_path / "cnnprof" / name
        path.write_text((path.read_text(encoding="utf-8") if path.exists() else "") + text, encoding="utf-8")
    environment = {"PYTHONPATH": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path / "cache"), "PATH": ""}
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert not done.returncode, done.stderr
    return done.stdout


@pytest.mark.torch
def test_a_layer_with_its_memory_word_and_row_takes_four_files(tmp_path):
    assert len(LAYER) <= 4
    printed = run_in_copy(tmp_path, LAYER, USE_LAYER)
    assert "CELU" in printed


def test_a_convention_takes_one_file(tmp_path):
    printed = run_in_copy(tmp_path, {"counting/conventions.py": CONVENTION}, USE_CONVENTION)
    assert "Multiplications alone." in printed
