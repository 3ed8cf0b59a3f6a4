"""The page in a browser: what it shows, what can be done with it by mouse and by keyboard, and with scripts off."""

import base64
import json
import re
import shutil
import time
from dataclasses import replace

import pytest
from shell import cnnprof

from cnnprof.api.compare import compare
from cnnprof.report import Report
from cnnprof.reports import Style, render
from cnnprof.reports._page import as_json

NAMES = ("resnet18", "resnet50", "vgg16", "mobilenet_v2", "alexnet")


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """A page on five networks."""
    file = tmp_path_factory.mktemp("page") / "report.html"
    done = cnnprof("report", *NAMES, "-o", file)
    assert (done.code, done.err) == (0, f"wrote {file}\n")
    return file


@pytest.fixture(scope="module")
def browser():
    """Chromium without a window."""
    if not (shutil.which("chromium") and shutil.which("chromedriver")):
        pytest.skip("there is no chromium with its driver: make setup-browser")
    from selenium import webdriver

    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium")
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(shutil.which("chromedriver")))
    driver.set_page_load_timeout(120)
    yield driver
    driver.quit()


@pytest.fixture
def show(browser):
    """Opens a file at a width, in light or dark, with or without scripts; afterwards nothing was complained of."""

    def opened(file, width=1280, scheme="light", scripts=True, media=""):
        browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": not scripts})
        browser.execute_cdp_cmd(
            "Emulation.setDeviceMetricsOverride", {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
        )
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": media, "features": features})
        browser.get_log("browser")
        browser.get(file.as_uri())
        if scripts:
            wait(lambda: browser.execute_script("return document.querySelector('figure[data-state=drawn]') !== null"))
        return browser

    yield opened
    assert [entry["message"] for entry in browser.get_log("browser")] == []


def wait(holds):
    """Until it holds; a machine that has much else to do is slow."""
    deadline = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def column(driver, key, table=0):
    return driver.execute_script(
        "const t = document.querySelectorAll('table[data-table]')[arguments[1]];"
        "const k = [...t.tHead.rows[0].cells].findIndex((each) => each.dataset.key === arguments[0]);"
        "return [...t.tBodies].flatMap((b) => [...b.rows]).filter((r) => !r.hidden).map((r) => r.cells[k].textContent.trim())",
        key,
        table,
    )


def picked(driver):
    return driver.execute_script(
        "return [...document.querySelectorAll('table[data-table=\"0\"] tr[aria-selected=true]')]"
        ".map((r) => r.cells[0].textContent)"
    )


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (380, "dark"), (380, "light"), (1280, "dark")])
def test_a_page_fits_its_window(show, page, width, scheme):
    driver = show(page, width, scheme)
    assert driver.execute_script("return document.documentElement.scrollWidth") <= width
    ink, paper = driver.execute_script(
        "const s = getComputedStyle(document.body); return [s.color, s.backgroundColor].map((c) => c.match(/\\d+/g).slice(0, 3)"
        ".reduce((a, b) => a + Number(b), 0))"
    )
    assert (ink < paper) == (scheme == "light")
    assert abs(ink - paper) > 400


def test_tables_sort(show, page):
    driver = show(page)
    button = driver.find_element("css selector", "th[data-key=params] button")
    button.click()
    assert column(driver, "model") == ["mobilenet_v2", "resnet18", "resnet50", "alexnet", "vgg16"]
    head = driver.find_element("css selector", "th[data-key=params]")
    assert head.get_attribute("aria-sort") == "ascending"
    button.send_keys("\ue007")  # Enter, as by keyboard alone
    assert column(driver, "model")[0] == "vgg16"
    assert head.get_attribute("aria-sort") == "descending"
    driver.find_element("css selector", "th[data-key=model] button").click()
    assert column(driver, "model") == sorted(NAMES)
    assert head.get_attribute("aria-sort") is None


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("params < 30M", {"resnet18", "resnet50", "mobilenet_v2"}),
        ("params < 30M and top1 >= 70", {"resnet50", "mobilenet_v2"}),
        ("not (params < 30M) or model == 'resnet18'", {"vgg16", "alexnet", "resnet18"}),
        ("peak_inference_bytes < 100MB", {"resnet18", "mobilenet_v2"}),
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


@pytest.mark.parametrize(
    "text", ["params <", "params", "param < 5M", "params < 5X", "(params < 5", "params < 'a'", "params ? 5"]
)
def test_a_wrong_condition_hides_nothing(show, page, text):
    driver = show(page)
    driver.find_element("css selector", ".bar input[type=text]").send_keys(text)
    assert driver.find_element("css selector", ".bar output.problem").text
    assert len(column(driver, "model")) == 5


def test_chart_and_table_follow_one_another(show, page):
    driver = show(page)
    dimmed = (
        "return [...document.querySelectorAll('figure .mark-symbol path')].map((p) => p.getAttribute('opacity') ?? 1)"
        ".map(Number).filter((o) => o < 0.5).length"
    )
    driver.find_element("css selector", "tr[data-row='2']").click()
    assert picked(driver) == ["vgg16"]
    wait(lambda: driver.execute_script(dimmed) == 4)
    driver.execute_script(
        "const bubble = document.querySelector('figure .mark-symbol path');"
        "bubble.dispatchEvent(new MouseEvent('click', { bubbles: true }))"
    )
    wait(lambda: len(picked(driver)) in (0, 2))
    driver.find_element("css selector", "tr[data-row='2']").send_keys("\ue00c")  # Escape
    assert picked(driver) == []


def test_rows_by_keyboard(show, page):
    driver = show(page)
    row = driver.find_element("css selector", "tr[data-row='0']")
    driver.execute_script("arguments[0].focus()", row)
    for key in ("\ue015", "\ue015"):  # down
        driver.switch_to.active_element.send_keys(key)
    driver.switch_to.active_element.send_keys(" ")
    assert picked(driver) == ["vgg16"]
    driver.switch_to.active_element.send_keys("\ue013")  # up
    driver.switch_to.active_element.send_keys("\ue007")  # Enter
    assert picked(driver) == ["resnet50", "vgg16"]


def test_axes_are_chosen(show, page):
    driver = show(page)
    texts = "return [...document.querySelectorAll('figure')][0].querySelector('svg').textContent"
    assert "parameters (M)" not in driver.execute_script(texts)
    driver.find_element("css selector", "select[aria-label=across] option[value=params]").click()
    wait(lambda: "parameters (M)" in driver.execute_script(texts))
    names = driver.execute_script(
        "return [...document.querySelectorAll('figure .mark-text.role-mark text')].map((t) => t.textContent)"
    )
    assert set(NAMES) <= set(names)


def test_columns_and_copies(show, page):
    driver = show(page)
    driver.find_element("css selector", ".columns summary").click()
    label = next(each for each in driver.find_elements("css selector", ".columns label") if each.text == "year")
    label.find_element("tag name", "input").click()
    assert not driver.find_element("css selector", "th[data-key=year]").is_displayed()
    copied = {}
    for button in driver.find_elements("css selector", ".bar button")[:2]:
        name = button.text
        button.click()
        wait(lambda: driver.find_element("css selector", "table").get_attribute("data-copied"))
        copied[name] = driver.find_element("css selector", "table").get_attribute("data-copied")
    assert copied["copy as CSV"].splitlines()[0].startswith("model,input,params")
    assert '"11,689,512"' in copied["copy as CSV"]
    assert copied["copy as Markdown"].splitlines()[1].startswith("| --- |")


def test_names_in_the_chart_stand_apart(show, page):
    driver = show(page)
    boxes = driver.execute_script(
        "return [...document.querySelectorAll('figure .mark-text.role-mark text')]"
        ".filter((t) => t.getAttribute('opacity') !== '0')"
        ".map((t) => t.getBoundingClientRect()).map((b) => [b.left, b.top, b.right, b.bottom])"
    )
    assert len(boxes) == 5
    for number, one in enumerate(boxes):
        for other in boxes[:number]:
            assert one[0] >= other[2] or other[0] >= one[2] or one[1] >= other[3] or other[1] >= one[3]


def test_every_chapter_is_drawn_when_it_is_reached(show, page):
    driver = show(page)
    driver.execute_script("document.querySelectorAll('figure').forEach((f) => f.scrollIntoView())")
    count = len(driver.find_elements("css selector", "figure[data-chart]"))
    assert count == 1 + 2 * len(NAMES)
    for place in driver.find_elements("css selector", "figure[data-chart]"):
        driver.execute_script("arguments[0].scrollIntoView()", place)
        wait(lambda place=place: place.get_attribute("data-state") == "drawn")
    assert driver.find_elements("css selector", "figure .problem") == []
    assert driver.execute_script("return document.documentElement.scrollWidth") <= 1280


def test_with_scripts_off_everything_can_be_read(show, page):
    driver = show(page, scripts=False)
    pictures = driver.find_elements("css selector", "figure svg")
    assert len(pictures) == 1 + 2 * len(NAMES)
    assert all(picture.is_displayed() for picture in pictures)
    assert "138,357,544" in driver.find_element("css selector", "table").text
    assert "no other is better in both" in pictures[0].text


def test_it_prints(show, page):
    driver = show(page)
    paper = base64.b64decode(driver.execute_cdp_cmd("Page.printToPDF", {})["data"])
    assert paper.startswith(b"%PDF")
    driver = show(page, media="print", scheme="dark")
    assert not driver.find_element("css selector", ".bar").is_displayed()
    assert driver.execute_script("return getComputedStyle(document.documentElement).colorScheme") == "light"


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
    assert len(driver.find_elements("css selector", "script")) <= 6


def test_a_page_holds_its_figures_and_fetches_nothing(page):
    text = page.read_text(encoding="utf-8")
    data = json.loads(re.search(r'id="report">(.*?)</script>', text, re.DOTALL)[1])
    assert [each["model"]["name"] for each in data["models"]] == list(NAMES)
    assert "default-src 'none'" in text
    assert not re.search(r'(?:src|href)="(?!#)', text)
    assert "innerHTML" not in text.partition('id="vega"')[0]


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
