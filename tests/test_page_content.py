"""What a page holds: names as text, its data, its size, and what is saved of it."""

import itertools
import json
import re
from dataclasses import replace

import pytest
from chromium import NAMES, column, wait
from shell import cnnprof, process

from cnnprof.api.compare import compare
from cnnprof.charts.bars import Bars, Panel
from cnnprof.charts.diagram import Box, Diagram
from cnnprof.charts.heat import Heat
from cnnprof.charts.points import Axis, Point
from cnnprof.charts.scatter import Scatter
from cnnprof.errors import UsageError
from cnnprof.report import Report
from cnnprof.reports import Style, _page, render
from cnnprof.reports._page import as_json

HOSTILE = ("<script>alert(1)</script>", "\"'&</script>", "x" * 300, "\N{HEBREW LETTER ALEF}" * 6, "a${b}`c\\", "__proto__")


@pytest.fixture(scope="module")
def hostile(tmp_path_factory):
    """A page whose networks have such names."""
    comparison = compare(["resnet18", "vgg16", "alexnet"] * 2)
    entries = []
    for name, entry in zip(HOSTILE, comparison.entries, strict=False):
        entries.append(
            replace(entry, figures=entry.figures | {"model": entry.figures["model"] | {"name": name, "family": name}})
        )
    file = tmp_path_factory.mktemp("hostile") / "page.html"
    page = replace(comparison, entries=tuple(entries), baseline=HOSTILE[0]).page(chapters=False)
    file.write_text(render(page, "html", Style()), encoding="utf-8")
    return file, [each for each, _ in zip(HOSTILE, entries, strict=False)]


def test_names_are_only_text(show, hostile):
    file, names = hostile
    driver = show(file, 380)
    assert column(driver, "model") == names
    assert driver.execute_script("return document.documentElement.scrollWidth") <= 380
    assert len(driver.find_elements("css selector", "script")) <= 7


def test_a_page_holds_its_figures_and_fetches_nothing(page):
    text = page.read_text(encoding="utf-8")
    data = json.loads(re.search(r'id="report">(.*?)</script>', text, re.DOTALL)[1])
    assert [each["model"]["name"] for each in data["models"]] == list(NAMES)
    assert "default-src 'none'" in text
    assert not re.search(r'(?:src|href)="(?!#)', text)
    assert "innerHTML" not in text.partition('id="vega"')[0]
    assert (_page.FOLDER / "page.js").stat().st_size < 20_000


def test_a_saved_page_is_the_page_again(tmp_path):
    saved, page = tmp_path / "a.json", tmp_path / "a.html"
    assert cnnprof("report", "lenet5", "resnet18", "-o", saved).code == 0
    assert cnnprof("report", "lenet5", "resnet18", "-o", page).code == 0
    assert cnnprof("render", saved, "-o", tmp_path / "b.html").code == 0
    assert (tmp_path / "b.html").read_text() == page.read_text()
    changed = json.loads(saved.read_text())
    changed["report"]["chapters"][0]["chapters"][0]["chart"]["blocks"] = 5
    saved.write_text(json.dumps(changed))
    done = cnnprof("render", saved, "-o", tmp_path / "c.html")
    assert (done.code, done.out) == (2, "")
    assert "this is no result of cnnprof" in done.err


def test_a_page_of_twenty_networks_is_small(tmp_path):
    file = tmp_path / "a.html"
    names = ["resnet18", "resnet34", "resnet50", "resnet101", "resnet152", "vgg11", "vgg13", "vgg16", "vgg19", "mobilenet_v1"]
    names += ["mobilenet_v2", "mobilenet_v3_large", "mobilenet_v3_small", "alexnet", "googlenet", "inception_v3", "densenet121"]
    assert cnnprof("report", *names, "densenet169", "squeezenet1_0", "efficientnet_b0", "-o", file).code == 0
    assert file.stat().st_size < 1_500_000


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["report", "resnet18"], 2, "Missing option"),
        (["report", "resnet18", "-o", "x.pdf"], 2, "the suffix of 'x.pdf' names no format"),
        (["report", "nosuchnet", "-o", "x.html"], 3, "unknown network 'nosuchnet'"),
        (["report", "resnet18", "--quick", "-o", "x.html"], 2, "--bench"),
    ],
)
def test_wrong_calls(arguments, code, message, tmp_path):
    done = cnnprof(*arguments, cwd=tmp_path)
    assert (done.code, done.out) == (code, "")
    assert message in done.err


def test_data_cannot_end_its_element():
    text = as_json({"a": "</script><b>", "b": (1, 2), "c": "\u2028"})
    assert "<" not in text
    assert json.loads(text) == {"a": "</script><b>", "b": [1, 2], "c": "\u2028"}


def test_a_report_without_a_chart_is_a_page_too():
    assert 'id="vega"' not in render(Report("x", "a title"), "html", Style())


def test_vega_missing_is_one_message(tmp_path):
    (tmp_path / "vl_convert.py").write_text("raise ModuleNotFoundError('no', name='vl_convert')\n")
    done = process("report", "lenet5", "-o", tmp_path / "a.html", PYTHONPATH=str(tmp_path), CNNPROF_DEBUG="")
    assert (done.code, done.out) == (4, "")
    assert "this needs vl_convert, which is not installed\n  = hint: pip install 'cnnprof[report]'" in done.err
    # The page of another command has its tables, and says what lacks.
    done = process("summary", "lenet5", "-o", tmp_path / "b.html", PYTHONPATH=str(tmp_path), CNNPROF_DEBUG="")
    assert done.code == 0
    text = (tmp_path / "b.html").read_text(encoding="utf-8")
    assert "drawn where cnnprof is installed as &#x27;cnnprof[report]&#x27;" in text


def test_a_page_that_no_browser_opens_says_what_to_leave_out(monkeypatch):
    monkeypatch.setattr(_page, "LIMIT", 1000)
    with pytest.raises(UsageError, match="the page would have 0 MB, and a browser opens 0") as told:
        render(Report("x", "a title" * 500), "html", Style())
    assert told.value.hint == "name fewer networks, or leave their chapters out: --no-chapters"


HOSTILE_LAYERS = ("it's", '"], evil(', "</script>", "a\\b", "\N{RIGHT-TO-LEFT OVERRIDE}x")


def test_hostile_names_of_layers_are_drawn(show, tmp_path):
    bars = Bars("bars", HOSTILE_LAYERS, (Panel("MACs (G)", (1.0,) * 5),), HOSTILE_LAYERS)
    heat = Heat("cells", "a", "b", HOSTILE_LAYERS[:2], HOSTILE_LAYERS[2:4], "MACs", ((1.0, 2.0), (3.0, 4.0)))
    points = Scatter(
        "dots", Axis("x"), Axis("y"), tuple(Point(n, k, k, group=n, detail={n: n}) for k, n in enumerate(HOSTILE_LAYERS))
    )
    boxes = Diagram("boxes", tuple(Box(name, name, (name,)) for name in HOSTILE_LAYERS), ((0, 1), (0, 2)))
    charts = [bars, heat, points, boxes]
    file = tmp_path / "a.html"
    chapters = tuple(Report("x", name, chart=chart) for name, chart in zip(HOSTILE_LAYERS, charts, strict=False))
    file.write_text(render(Report("x", "t", chart=bars, chapters=chapters), "html", Style()), encoding="utf-8")
    driver = show(file)
    for place in driver.find_elements("css selector", "figure[data-chart]"):
        driver.execute_script("arguments[0].scrollIntoView()", place)
        wait(lambda place=place: place.get_attribute("data-state") == "drawn")
    assert driver.find_elements("css selector", "figure .problem") == []
    assert driver.find_element("css selector", "svg.diagram").text.startswith("it's")
    for chart in charts:
        for form in ("svg", "braille"):
            assert render(Report("x", "t", chart=chart), form, Style())


def test_a_still_picture_has_the_numbers_of_its_chart():
    small = Bars("bars", ("a", "b"), (Panel("MACs (G)", (0.05, 0.25)), Panel("params (M)", (0.0125, 0.0375))))
    html = render(Report("x", "t", chart=small), "html", Style())
    written = [float(text) for text in re.findall(r">(\d+\.\d+)</text>", html)]
    # Ticks of an axis are evenly apart.
    for ticks in (written[: written.index(max(written)) + 1], written[written.index(max(written)) + 1 :]):
        assert len(ticks) > 2
        steps = {round(after - before, 6) for before, after in itertools.pairwise(ticks)}
        assert len(steps) == 1
