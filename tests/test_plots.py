"""`cnnprof plot summary`, `bench` and `roofline`: what their charts hold, and that they are drawn."""

import itertools
import json
import random

import pytest
from shell import cnnprof, texts

import cnnprof as package
from cnnprof.charts.bars import Bars, Panel
from cnnprof.charts.diagram import Box, Diagram
from cnnprof.charts.points import Axis, Point
from cnnprof.charts.routing import arrange
from cnnprof.charts.scatter import Scatter
from cnnprof.errors import UsageError
from cnnprof.network.analysis import analyze
from cnnprof.network.graph import INPUT, Graph, Node
from cnnprof.network.layers.convolution import Conv
from cnnprof.report import Report
from cnnprof.reports import PICTURES, Style, render
from cnnprof.reports.pictures import draw
from cnnprof.reports.pictures._draw import draw_chart
from cnnprof.timing.layer_times import LayerTimes
from cnnprof.timing.measurements import Measurement
from cnnprof.timing.roofline import CONVOLUTION, DEPTHWISE, MATMUL, MEMORY, Ceilings, Rate
from cnnprof.views.benchmark import chart_runs
from cnnprof.views.diagram import chart_diagram
from cnnprof.views.reasons import look_into
from cnnprof.views.roof import chart_roofline


@pytest.mark.parametrize("by", ["layer", "stage", "type", "kind"])
def test_bars_add_up_to_the_totals(by):
    profile = package.profile("mobilenet_v2")
    chart = profile.chart(by)
    params, macs, activations = (sum(panel.values) for panel in chart.panels)
    assert params * 1e6 == pytest.approx(profile.totals.params)
    assert macs * 1e9 == pytest.approx(profile.totals.macs)
    assert activations * 1e6 == pytest.approx(profile.totals.activations)
    assert len(chart.names) == len(profile.report(by).sections[1].rows)


def measurement(model, *processes, **more):
    return Measurement(model, "cpu", "fp32", 1, "infer", processes, tuple(range(len(processes))), input_shape=(3, 8, 8), **more)


def test_every_run_is_a_dot():
    chart = chart_runs(
        [measurement("a", (0.001, 0.002), (0.003,)), measurement("b", (0.05,)), measurement("a", (1.0,), twin=True)]
    )
    assert [row.label for row in chart.rows] == ["a", "b"]
    assert chart.rows[0].processes == ((1.0, 2.0), (3.0,))
    assert chart.log  # 50 ms is 25 times the median of 2 ms
    svg = render(Report("bench", "", chart=chart), "svg", Style())
    assert {"a", "b", "latency (ms)"} <= {*texts(svg)}


def test_what_was_not_timed_is_not_drawn():
    with pytest.raises(UsageError, match="no network was timed"):
        chart_runs([measurement("a", status="failed", error="why")])


def test_an_earlier_run_is_drawn(tmp_path):
    file = tmp_path / "run.json"
    file.write_text(json.dumps({"results": [measurement("net", (0.001, 0.0012), (0.0011, 0.0013)).to_dict()]}))
    done = cnnprof("plot", "bench", file, "--format", "braille")
    assert done.code == 0, done.err
    assert "net" in done.out
    file.write_text("{}")
    done = cnnprof("plot", "bench", file)
    assert (done.code, done.out) == (2, "")
    assert "holds no measurements" in done.err


def ceilings():
    rates = [(MATMUL, 100e9), (CONVOLUTION, 80e9), (DEPTHWISE, 20e9)]
    return Ceilings({}, {}, (*(Rate(kind, "", rate) for kind, rate in rates), Rate(MEMORY, "", 10e9, 10**9)), 1e-6)


def test_layers_under_the_roof():
    nodes = (Node("conv1", Conv(4, (1, 1), bias=False), (INPUT,)), Node("conv2", Conv(4, (1, 1), bias=False), ("conv1",)))
    analysis = analyze(Graph("net", (1, 4, 10, 10), nodes, ("conv2",)))
    times = LayerTimes("net", "fp32", 1, ("conv1", "conv2"), ((1e-6, 2e-6),), (0.0,), (3e-6,), (3e-6,))
    chart = chart_roofline(look_into(analysis, times, ceilings()), ceilings())
    slow, quick = chart.points  # the one that takes longest first
    # 4 filters of 4 weights at 100 places: 1600 MACs, 3200 FLOP; 400 + 400 + 16 floats of 4 bytes.
    assert (slow.label, slow.x, slow.y) == ("conv2", pytest.approx(3200 / 3264), pytest.approx(3200 / 2e-6 / 1e9))
    assert (quick.label, quick.y, quick.size) == ("conv1", pytest.approx(3.2 / 1.0), pytest.approx(0.5))
    roof = next(line for line in chart.lines if line.label.startswith("convolution"))
    # Where 10 GB/s feed 80 GFLOP/s: 8 FLOP a byte.
    assert (8.0, 80.0) in zip(roof.xs, roof.ys, strict=True)
    assert max(roof.ys) == 80.0


@pytest.mark.parametrize("form", [form for form in PICTURES if form != "mermaid"])
def test_every_chart_in_every_format(form):
    charts = [package.profile("lenet5").chart(), chart_runs([measurement("a", (0.001, 0.002))])]
    assert isinstance(charts[0], Bars)
    for chart in charts:
        assert render(Report("x", "", chart=chart), form, Style())


@pytest.mark.parametrize("word", ["compare", "summary", "bench", "roofline", "memory", "sweep", "diagram"])
def test_each_picture_teaches_itself(word):
    done = cnnprof("plot", word, "--help", COLUMNS="100")
    assert done.code == 0
    assert "cnnprof " in done.out.partition("Examples")[2]


def test_a_summary_draws_itself(tmp_path):
    file = tmp_path / "vgg.svg"
    assert cnnprof("summary", "vgg16", "-o", file).code == 0
    assert {"parameters (M)", "MACs (G)", "activations (M)", "fc1"} <= {*texts(file.read_bytes())}


def test_notebooks_show_pictures():
    space = package.sweep("mobilenet_v1", {"width": [0.25, 0.5], "input": [96, 128]})
    for result in (package.profile("lenet5"), package.compare(["resnet18", "vgg16"]), space):
        shown = result._repr_html_()
        assert shown.startswith('<div class="cnnprof">')
        assert shown.count("<svg") == 1
        assert not set("█▓▒░") & set(shown)
    # Without an accuracy there are no bubbles, and still the table.
    assert "<svg" not in package.compare(["conv 3x3 8", "conv 3x3 16"], input_shape=(3, 32, 32))._repr_html_()


def test_a_diagram_has_every_stage_and_what_feeds_it():
    profile = package.profile("resnet18")
    chart = chart_diagram(profile)
    names = [block.name for block in chart.blocks]
    assert names[0] == "input"
    assert {"stage1", "stage4", "fc1"} <= {*names}
    # A chain: every block is fed by the one before.
    assert chart.edges == tuple((k, k + 1) for k in range(len(names) - 1))
    assert chart.blocks[names.index("stage4")].shape == "512x7x7"
    branching = chart_diagram(package.profile("googlenet"), depth=2)
    assert any(end != start + 1 for start, end in branching.edges)
    assert all(0 <= start < end < len(branching.blocks) for start, end in branching.edges)


def test_a_diagram_as_mermaid(tmp_path):
    done = cnnprof("plot", "diagram", "lenet5", "--format", "mermaid")
    lines = done.out.splitlines()
    assert lines[0] == "flowchart TD"
    assert sum(" --> " in line for line in lines) == sum('["' in line for line in lines) - 1
    assert cnnprof("plot", "diagram", "lenet5", "-o", tmp_path / "a.mmd").code == 0
    assert "flowchart" in (tmp_path / "a.mmd").read_text()
    hostile = Diagram("t", (Box('a"]<b>`#', "1"), Box("b", "2")), ((0, 1),)).mermaid()
    assert '  b0["a&quot;]&lt;b&gt;&#96;&#35;<br>1"]' in hostile
    refused = cnnprof("plot", "summary", "lenet5", "--format", "mermaid")
    assert (refused.code, "Mermaid draws diagrams only" in refused.err) == (2, True)


def test_figures_to_lay_over_a_graph(tmp_path):
    file = tmp_path / "macs.json"
    assert cnnprof("summary", "alexnet", "--format", "node-data", "-o", file).code == 0
    data = json.loads(file.read_text())
    totals = package.profile("alexnet").totals
    assert sum(each["value"] for each in data["results"].values()) == totals.macs
    assert [each["stop"] for each in data["gradient"]] == [0, 0.5, 1]
    assert (data["name"], {*data}) == ("MACs", {"name", "results", "gradient"})
    data = json.loads(cnnprof("summary", "alexnet", "--format", "node-data-params").out)
    assert sum(each["value"] for each in data["results"].values()) == totals.params
    layers = [{"name": "conv1", "layer_ms": 2.0, "macs": 5}]
    assert json.loads(render(Report("bench", "", data={"layers": layers}), "node-data", Style()))["results"] == {
        "conv1": {"value": 2.0}
    }
    with pytest.raises(UsageError, match="no figures of single layers"):
        render(Report("bench", ""), "node-data", Style())


def crosses(one, other, box):
    """Whether a stretch, across or up, passes through a box (its middle and sizes)."""
    low, high = (tuple(f(a, b) for a, b in zip(one, other, strict=True)) for f in (min, max))
    inside = 0.01
    return (
        low[0] < box.x + box.width / 2 - inside
        and high[0] > box.x - box.width / 2 + inside
        and low[1] < box.y + box.height / 2 - inside
        and high[1] > box.y - box.height / 2 + inside
    )


@pytest.mark.parametrize("across", [3, 5, 7])
@pytest.mark.parametrize("seed", range(6))
def test_no_arrow_of_a_diagram_passes_through_a_block(seed, across):
    draw_one = random.Random(seed)
    count = draw_one.randint(2, 24)
    edges = {(k, k + 1) for k in range(count - 1)} | {
        tuple(sorted(draw_one.sample(range(count), 2))) for _ in range(count // 2)
    }
    texts = [["x" * draw_one.randint(3, 20)] * draw_one.randint(2, 5) for _ in range(count)]
    layout = arrange(texts, sorted(edges), across)
    assert len(layout.routes) == len(edges)
    for (start, end), route in zip(sorted(edges), layout.routes, strict=True):
        for one, other in itertools.pairwise(route):
            assert one[0] == other[0] or one[1] == other[1]
            assert not [number for number, box in enumerate(layout.boxes) if crosses(one, other, box)], (start, end)
        # From the edge of the one to the edge of the other.
        for (x, y), box in ((route[0], layout.boxes[start]), (route[-1], layout.boxes[end])):
            at_side = abs(abs(x - box.x) - box.width / 2) < 1e-6 and y == box.y
            at_end = abs(abs(y - box.y) - box.height / 2) < 1e-6 and abs(x - box.x) <= box.width / 2
            assert at_side or at_end
    for start, end in itertools.combinations(layout.boxes, 2):
        assert not crosses(
            (start.x - start.width / 2, start.y - start.height / 2),
            (start.x + start.width / 2, start.y + start.height / 2),
            end,
        )


def test_an_input_each_and_heads_of_training_apart():
    graph = Graph(
        "two",
        (1, 3, 16, 16),
        (
            Node("a", Conv(4, (3, 3), padding=(1, 1)), ("left",)),
            Node("b", Conv(6, (5, 5), padding=(2, 2)), ("right",)),
        ),
        ("a", "b"),
        input_name="left",
        further_inputs={"right": (1, 1, 16, 16)},
    )
    chart = chart_diagram(analyze(graph))
    assert [(block.name, block.shape) for block in chart.blocks[:2]] == [("left", "3x16x16"), ("right", "1x16x16")]
    assert chart.edges == ((0, 2), (1, 3))
    heads = chart_diagram(package.profile("googlenet"))
    blocks = {block.name: block for block in heads.blocks}
    # 4a of GoogLeNet puts out 512 channels; its auxiliary classifier the 1000 classes.
    assert (blocks["4a"].shape, blocks["4a (aux)"].shape) == ("512x14x14", "1000")


def test_a_deep_network_names_its_stages_below():
    names = tuple(f"stage{k // 50}.block{k}.conv" for k in range(200))
    figure = draw(Bars("t", names, (Panel("MACs (G)", (1.0,) * 200),)))
    figure.draw_without_rendering()
    assert [label.get_text() for label in figure.axes[0].get_xticklabels()] == ["stage0", "stage1", "stage2", "stage3"]


def test_a_long_title_and_a_long_legend_stay_in_the_picture():
    points = tuple(Point(f"n{k}", k + 1, k, 0.1, f"family {k}") for k in range(36))
    chart = Scatter(
        "a title that is too long for a small picture " * 3, Axis("across"), Axis("up"), points, notes=("a remark",)
    )
    for inches, theme in (((6.7, 4.3), "paper"), (chart.inches, "slides")):
        figure = draw_chart(chart, Style(theme=theme, inches=inches))
        figure.draw_without_rendering()
        axes, sheet = figure.axes[0].get_window_extent(), figure.bbox
        assert axes.width > 0.3 * sheet.width
        assert axes.height > 0.4 * sheet.height
        title, legend = figure._suptitle.get_window_extent(), figure.axes[0].get_legend().get_window_extent()
        assert title.x0 >= 0
        assert title.x1 <= sheet.width
        assert legend.y0 >= figure._supxlabel.get_window_extent().y1
