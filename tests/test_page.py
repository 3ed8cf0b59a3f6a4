"""The page in a browser: what it shows, what can be done with it by mouse and by keyboard, and with scripts off."""

import base64
import re

import pytest
from chromium import NAMES, column, picked, wait

from cnnprof.api.compare import compare
from cnnprof.reports import Style, render
from cnnprof.timing.measurements import Measurement


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


def test_a_filter_leaves_a_row_for_the_keyboard(show, page):
    driver = show(page)
    driver.find_element("css selector", ".bar input[type=text]").send_keys("params < 12M")
    reached = "return [...document.querySelectorAll('table[data-table=\"0\"] tr')].filter((r) => r.tabIndex === 0 && !r.hidden)"
    assert driver.execute_script(reached + ".map((r) => r.cells[0].textContent)") == ["resnet18"]
    driver.execute_script(reached + "[0].focus()")
    driver.switch_to.active_element.send_keys("\ue015")  # down
    driver.switch_to.active_element.send_keys(" ")
    assert picked(driver) == ["mobilenet_v2"]


def test_two_networks_are_picked_in_the_chart_too(show, tmp_path):
    file = tmp_path / "two.html"
    file.write_text(render(compare(["resnet18", "vgg16"]).page(chapters=False), "html", Style()), encoding="utf-8")
    driver = show(file)
    driver.find_element("css selector", "tr[data-row='1']").click()
    assert picked(driver) == ["vgg16"]
    driver.find_element("css selector", "th[data-key=params] button").click()
    assert column(driver, "params") == ["11,689,512*", "138,357,544"]


def test_axes_are_chosen(show, page):
    driver = show(page)
    texts = "return [...document.querySelectorAll('figure')][0].querySelector('svg').textContent"
    assert "activations (M)" not in driver.execute_script(texts)
    driver.find_element("css selector", "select[aria-label=across] option[value=activations]").click()
    wait(lambda: "activations (M)" in driver.execute_script(texts))
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
    assert copied["copy as CSV"].splitlines()[0].startswith("model,params,")
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
    assert len(driver.find_elements("css selector", "figure svg.diagram")) == len(NAMES)
    for place in driver.find_elements("css selector", "figure[data-chart]"):
        driver.execute_script("arguments[0].scrollIntoView()", place)
        wait(lambda place=place: place.get_attribute("data-state") == "drawn")
    assert driver.find_elements("css selector", "figure .problem") == []
    assert driver.execute_script("return document.documentElement.scrollWidth") <= 1280


def test_with_scripts_off_everything_can_be_read(show, page):
    driver = show(page, scripts=False)
    pictures = driver.find_elements("css selector", "figure svg")
    assert len(pictures) == 1 + 3 * len(NAMES)
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


def test_what_a_reader_has_not_reached_is_printed_too(show, page):
    driver = show(page)
    undrawn = "return [...document.querySelectorAll('figure[data-chart]:not([data-state=drawn])')]"
    assert driver.execute_script(undrawn)
    driver.execute_script("document.querySelector('details.chapter').open = false; dispatchEvent(new Event('beforeprint'))")
    assert driver.execute_script(undrawn + ".every((place) => place.querySelector('svg'))")
    assert driver.execute_script("return [...document.querySelectorAll('details.chapter')].every((each) => each.open)")


def test_columns_that_have_no_room_wait_in_the_menu(show, page):
    driver = show(page, 1280)
    wide = "const t = document.querySelector('table'); return [t.offsetWidth, t.closest('.scroll').clientWidth]"
    table, room = driver.execute_script(wide)
    assert table <= room
    shown = driver.execute_script(
        "return [...document.querySelectorAll('table th')].filter((h) => !h.hidden).map((h) => h.dataset.key)"
    )
    assert {"model", "params", "macs", "top1", "pareto"} <= {*shown}
    assert not driver.find_element("css selector", "th[data-key=accuracy_source]").is_displayed()
    assert re.fullmatch(r"columns \(\d+ of \d+\)", driver.find_element("css selector", ".columns summary").text)


@pytest.fixture
def measured(tmp_path):
    """A page whose networks were timed, one of them of another data set."""
    comparison = compare(["resnet18", "mobilenet_v2", "squeezenet1_1", "resnet20"])
    runs = [
        Measurement(
            entry.name,
            "cpu",
            "fp32",
            1,
            "infer",
            tuple((at * share, at * share) for share in (1, 1.1, 0.9)),
            (1, 2, 3),
            input_shape=(3, 224, 224),
        )
        for entry, at in zip(comparison.entries, (0.05, 0.02, 0.03, 0.004), strict=True)
    ]
    file = tmp_path / "measured.html"
    file.write_text(render(comparison.measured(runs).page(chapters=False), "html", Style()), encoding="utf-8")
    return file


def test_intervals_and_other_data_are_drawn_on_every_axis(show, measured):
    driver = show(measured)
    lengths = (
        "return [...document.querySelectorAll('figure .mark-rule.role-mark')].slice(0, 2)"
        ".map((g) => [...g.querySelectorAll('line')]"
        ".map((l) => Math.max(Math.abs(l.x2.baseVal.value), Math.abs(l.y2.baseVal.value))))"
    )
    bubbles = "[...document.querySelectorAll('figure .mark-symbol.role-mark path')]"
    hollow = f"return {bubbles}.filter((p) => p.getAttribute('fill-opacity') === '0').length"
    assert driver.execute_script(hollow) == 1  # resnet20's accuracy is of CIFAR-10
    assert max(max(group) for group in driver.execute_script(lengths)) == 0
    driver.find_element("css selector", "select[aria-label=across] option[value=latency]").click()
    wait(lambda: min(driver.execute_script(lengths)[0]) > 1)
    for way in ("across", "up"):
        for option in driver.find_elements("css selector", f"select[aria-label={way}] option"):
            option.click()
            wait(lambda: driver.find_elements("css selector", "figure .mark-symbol.role-mark path"))
    driver.find_element("css selector", "select[aria-label=up] option[value=params]").click()
    driver.find_element("css selector", "select[aria-label=across] option[value=macs]").click()
    wait(lambda: driver.execute_script(hollow) == 0)
