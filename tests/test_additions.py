"""What an addition takes: a made-up one of each kind, written into a copy of the package."""

import subprocess
import sys
from pathlib import Path
from shutil import copytree

import pytest

import cnnprof

ROOT = Path(cnnprof.__file__).parent

LAYER = {
    "network/layers/made_up.py": '''
from cnnprof.network.layers.base import layer
from cnnprof.network.layers.activation import Activation

@layer
class Logit(Activation):
    """log(x / (1 - x)), x kept between eps and 1 - eps (torch.logit)."""

    costs = {"cmp": 2, "add": 1, "div": 1, "exp": 1}

    eps: float = 0.01
''',
    "footprint/rules/made_up.py": """
from cnnprof.footprint.rules.base import LayerMemory, Saved, rule
from cnnprof.network.layers.made_up import Logit

@rule(Logit)
def logit(layer, run):
    return LayerMemory(saved=Saved((0,)))
""",
    "spec/words/made_up.py": """
from cnnprof.network.layers.made_up import Logit
from cnnprof.spec.words.base import Example, word

@word("logit [<eps>]", Example("logit 0.1", "16x32x32"), writes={Logit: lambda layer, _: f"logit {layer.eps:g}"}, kind="act")
def logit(o):
    "Activation: logit."
    return [("logit", Logit(False, o.number("eps", 0.01)))]
""",
    "torch_bridge/rows/made_up.py": """
import torch
from cnnprof.network.layers.made_up import Logit
from cnnprof.torch_bridge.rows.base import Function, Match, row

row(
    Logit,
    lambda layer, _: Function(lambda x: torch.logit(x, layer.eps), f"eps={layer.eps}"),
    {"logit": lambda call: Match(Logit(False, float(call["eps"])), (call.first,))},
)
""",
}

USE_LAYER = """
import cnnprof
from cnnprof.torch_bridge.build import build
from cnnprof.torch_bridge.capture import capture
from cnnprof.torch_bridge.rows.base import Function

text = "conv 1x1 8 | logit 0.1 | conv 1x1 4"
net = cnnprof.profile(text, input_shape=(3, 6, 5), batch=2)
conv, logit, _ = net.costs
assert (logit.node.layer.type, logit.ops.exp, logit.macs, logit.params) == ("Logit", 2 * 8 * 30, 0, 0)
# The first convolution's output for the derivative, and its own for the next convolution, 4 bytes a number.
saved = {tensor.name: tensor.bytes for tensor in net.training.tensors if tensor.kind == "saved"}
assert saved == {conv.node.name: 4 * 480, logit.node.name: 4 * 480}, saved
assert "logit 0.1" in cnnprof.to_spec(net.graph)
module = build(net.graph)
assert [part.shown for part in module.modules() if isinstance(part, Function)] == ["eps=0.1"]
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
    # What is compiled already stays so where the text is as it was.
    copytree(ROOT, tmp_path / "cnnprof")
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
    assert "Logit" in printed


def test_a_convention_takes_one_file(tmp_path):
    printed = run_in_copy(tmp_path, {"counting/conventions.py": CONVENTION}, USE_CONVENTION)
    assert "Multiplications alone." in printed


COLUMN = """

OF_ENTRY = (*OF_ENTRY, Column("layer_count", "layers", "count", of=lambda entry: entry.total("layers")))
"""

USE_COLUMN = """
import io, json, sys
from contextlib import redirect_stdout
import cnnprof
from cnnprof.__main__ import main

def said(*words):
    sys.argv, out = ["cnnprof", "compare", "lenet5", "vgg11", *words], io.StringIO()
    with redirect_stdout(out):
        try:
            main()
        except SystemExit as done:
            assert not done.code, done.code
    return out.getvalue()

assert "layers" in said("--columns", "model,layer_count")
counts = [cnnprof.profile(name).totals.layers for name in ("lenet5", "vgg11")]
assert [row["layer_count"] for row in json.loads(said("--json"))["rows"]] == counts
deep = said("--columns", "layer_count,model", "--format", "csv", "--where", "layer_count > 20")
assert deep.splitlines()[1] == f"{counts[1]},vgg11"
assert said("--columns", "model", "--format", "csv", "--sort", "layer_count").splitlines()[1:] == ["lenet5", "vgg11"]
"""

FORMAT = {
    "reports/made_up.py": '''
"""Titles alone."""

from cnnprof.report import Report
from cnnprof.reports import Style

suffixes = (".title",)
binary = False


def render(report: Report, style: Style) -> str:
    """The title."""
    return report.title.upper() + "\\n"
'''
}

USE_FORMAT = """
import sys
from pathlib import Path
from cnnprof.__main__ import main

for words in (["--format", "made_up"], ["-o", "net.title"]):
    sys.argv = ["cnnprof", "summary", "lenet5", *words]
    try:
        main()
    except SystemExit as done:
        assert not done.code, done.code
assert Path("net.title").read_text() == "LENET5\\n"
"""

COMMAND = {
    "views/made_up.py": """
from cnnprof.report import Column, Report, Table

NAME = Column("name", "name")
LETTERS = Column("letters", "letters", "count", of=lambda name: len(name))


def show_letters(names):
    columns = (Column("name", "name", of=str), LETTERS)
    table = Table.of(columns, names)
    return Report("letters", "Letters", (table,), data={"letters": [dict(row) for row in table.rows]})
""",
    "cli/commands/letters.py": '''
from typing import Annotated

import typer

from cnnprof.cli.options import reported
from cnnprof.cli.output import Destination

PANEL = "Networks"


@reported()
def command(names: Annotated[list[str], typer.Argument()], *, out: Destination) -> None:
    """Letters of names."""
    from cnnprof.views.made_up import show_letters

    out.emit(show_letters(names))
''',
}

USE_COMMAND = """
import sys
from cnnprof.__main__ import main
sys.argv = ["cnnprof", "letters", "abc", "--format", "csv"]
main()
"""

PLOT = {
    "charts/dot.py": '''
from cnnprof.charts import Chart
from cnnprof.record import record


@record
class Dot(Chart):
    """One dot."""

    title: str

    def draw(self, figure):
        figure.add_subplot().set(title=self.title)

    def sketch(self, canvas):
        canvas.dots([0], [0])
''',
    "cli/plots/dot.py": '''
from cnnprof.charts.dot import Dot
from cnnprof.cli.options import drawn
from cnnprof.cli.output import Destination
from cnnprof.report import Report


@drawn()
def command(*, out: Destination) -> None:
    """A dot."""
    out.emit(Report("dot", "dot", chart=Dot("a made-up dot")))
''',
}

USE_PLOT = """
import sys
from pathlib import Path
from cnnprof.__main__ import main
sys.argv = ["cnnprof", "plot", "dot", "-o", "dot.svg"]
try:
    main()
except SystemExit as done:
    assert not done.code, done.code
print(Path("dot.svg").read_text())

from cnnprof.charts.dot import Dot
from cnnprof.charts.saved import from_saved, to_saved
assert from_saved(to_saved(Dot("kept"))) == Dot("kept")
"""


def test_a_column_takes_one_file(tmp_path):
    run_in_copy(tmp_path, {"views/entry.py": COLUMN}, USE_COLUMN)


def test_a_format_takes_one_file(tmp_path):
    assert len(FORMAT) == 1
    assert run_in_copy(tmp_path, FORMAT, USE_FORMAT).startswith("LENET5\n")


def test_a_command_takes_two_files(tmp_path):
    assert len(COMMAND) == 2
    assert run_in_copy(tmp_path, COMMAND, USE_COMMAND) == "name,letters\nabc,3\n"


def test_a_plot_takes_two_files(tmp_path):
    assert len(PLOT) == 2
    assert "a made-up dot" in run_in_copy(tmp_path, PLOT, USE_PLOT)


SOURCE = {
    "sources/straight.py": '''
"""Straight networks of so many convolutions: `straight:3`."""

from cnnprof.sources import inline


def load(name, settings=None, input_shape=None, batch=1):
    """The network of a number."""
    return inline.load(" | ".join(["conv 3x3 8 relu"] * int(name)), settings, input_shape or (3, 8, 8), batch)


def names():
    """Some."""
    return ["1", "2"]
'''
}

USE_SOURCE = """
import cnnprof

# A convolution of 3 channels has 8 (27 + 1) parameters, one of 8 channels 8 (72 + 1).
assert cnnprof.profile("straight:3").totals.params == 8 * 28 + 2 * 8 * 73
shown = cnnprof.compare("straight:*").report().data["rows"]
assert [row["params"] for row in shown] == [224, 224 + 584], shown
"""

JOIN = """

join(
    "smallest",
    JoinWord(
        partial(Arithmetic, "minimum", "cmp"),
        "The smallest of the branches.",
        examples("- smallest: [identity, conv 3x3 16]  16x32x32"),
        inplace=False,
        branches=2,
    ),
)
"""

USE_JOIN = """
import cnnprof
from pathlib import Path

Path("net.yaml").write_text("input: 4x6x5\\nlayers:\\n- smallest: [identity, conv 1x1 4]\\n- relu\\n")
ops = cnnprof.profile("net.yaml").costs[1].ops
assert (ops.cmp, ops.mac) == (4 * 6 * 5, 0), ops
"""


def test_an_input_source_takes_one_file(tmp_path):
    assert len(SOURCE) == 1
    run_in_copy(tmp_path, SOURCE, USE_SOURCE)


def test_a_way_to_join_branches_takes_one_row(tmp_path):
    run_in_copy(tmp_path, {"spec/words/joining.py": JOIN}, USE_JOIN)
