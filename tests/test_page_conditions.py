"""The filter of a page: the words of `--where`, read by the page's script."""

import pytest
from chromium import NAMES, column

from cnnprof.errors import UsageError
from cnnprof.judging.filters import read_condition
from cnnprof.reports._page import FOLDER


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("params < 30M", {"resnet18", "resnet50", "mobilenet_v2"}),
        ("params < 30M and top1 >= 70", {"resnet50", "mobilenet_v2"}),
        ("not (params < 30M) or model == 'resnet18'", {"vgg16", "alexnet", "resnet18"}),
        ("peak_inference_bytes < 100MB", {"resnet18", "mobilenet_v2"}),
        ("peak < 100MB and macs / params > 80", {"resnet18", "mobilenet_v2"}),
        ("model in ['vgg16', 'alexnet']", {"vgg16", "alexnet"}),
        ("known(latency_ms)", None),
        ("", set(NAMES)),
    ],
)
def test_tables_filter_with_the_words_of_where(show, page, text, left):
    driver = show(page)
    driver.find_element("css selector", ".bar input[type=text]").send_keys(text)
    said = driver.find_element("css selector", ".bar output")
    if left is None:
        assert "there is no column 'latency_ms'" in said.text
        left = set(NAMES)
    else:
        assert said.text == (f"{len(left)} of 5" if text else "")
    assert set(column(driver, "model")) == left


CONDITIONS = [
    *("params < 30M", "params<30_000_000", "1M < params < 30M", "params <= 25557032", "not params < 30M", "peak < 100MB"),
    *("peak_bytes < 100 MiB and top1 >= 70", "latency < 14ms", "latency_ms < 0.014s", "latency < 14", "macs / params > 50"),
    *("2 * params - 9 < 8M", "-params < 0", "top1 + 1 > 0 or top1 <= 0", "macs / (params - params) > 1", "1 + 2 * 3 == 7"),
    *(
        "family == 'VGG'",
        'family != "VGG"',
        "family in ['VGG', 'ResNet']",
        "family not in ('VGG', 'ResNet')",
        "top1 in (71.88,)",
    ),
    *("known(top1)", "not known(top1)", "top1 > 70 or params < 5M", "not (top1 > 70 and params > 5M)", "not not params < 5M"),
    *("params < 5M and params > 1M or top1 > 75", "(params) < (5M)", "(params + 1) * 2 < 60M", "1e6 < params", "params < 5m"),
    *(
        "params < 'a'",
        "params",
        "params <",
        "param < 5M",
        "params < 5X",
        "(params < 5",
        "family < 'VGG'",
        "peak < 5ms",
        "params ? 5",
    ),
    *("params < 5MB", "latency < 5M", "known(5)", "known params", "params and top1", "family in 'VGG'", "family in ('VGG')"),
    *(
        "params < 5M top1 > 3",
        "+params > 1",
        "family + 1 > 2",
        "(params < 5M) < 3",
        "'VGG' in ['VGG']",
        "family in ['VGG', 3]",
        "",
        "(",
    ),
]


def test_a_page_reads_conditions_as_the_command_line_does(browser):
    columns = {
        "params": "count",
        "macs": "count",
        "peak_bytes": "bytes",
        "latency_ms": "time",
        "top1": "number",
        "family": "text",
    }
    names = {name: (name, holds) for name, holds in columns.items()}
    names |= {"peak": names["peak_bytes"], "latency": names["latency_ms"]}
    rows = [
        {
            "params": 3_504_872,
            "macs": 300_774_272,
            "peak_bytes": 25_600_000,
            "latency_ms": 13.2,
            "top1": 71.88,
            "family": "MobileNet v2",
        },
        {"params": 25_557_032, "macs": 4_089_184_256, "peak_bytes": 104_000_000, "top1": 76.13, "family": "ResNet"},
        {"params": 138_357_544, "macs": 15_470_264_320, "latency_ms": 14.0, "top1": None, "family": None},
        {"params": 1_000_000, "macs": 0, "peak_bytes": 0, "latency_ms": 0.5, "top1": 0.0, "family": "VGG"},
    ]
    script = (FOLDER / "page.js").read_text(encoding="utf-8")
    reader = script[script.index("  // Conditions, as --where") : script.index("  const listeners")]
    browser.get("about:blank")
    found = browser.execute_script(
        reader
        + "const [names, rows, texts] = arguments; return texts.map((text) => { try { const holds = readCondition(text, names);"
        "return rows.map((row) => holds((key) => row[key] ?? null)); } catch (error) { return `no: ${error.message}`; } });",
        names,
        rows,
        CONDITIONS,
    )
    for text, here in zip(CONDITIONS, found, strict=True):
        try:
            condition = read_condition(text, {name: holds for name, (_, holds) in names.items()})
        except UsageError:
            assert isinstance(here, str), text
            assert here.startswith("no: "), text
            continue
        there = [condition.holds({name: row.get(key) for name, (key, _) in names.items()}) for row in rows]
        assert here == there, text


@pytest.mark.parametrize(
    "text", ["params <", "params", "param < 5M", "params < 5X", "(params < 5", "params < 'a'", "params ? 5"]
)
def test_a_wrong_condition_hides_nothing(show, page, text):
    driver = show(page)
    driver.find_element("css selector", ".bar input[type=text]").send_keys(text)
    assert driver.find_element("css selector", ".bar output.problem").text
    assert len(column(driver, "model")) == 5
