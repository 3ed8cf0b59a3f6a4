"""A page on five networks, in a browser."""

import shutil
import time

import pytest
from shell import cnnprof

NAMES = ("resnet18", "resnet50", "vgg16", "mobilenet_v2", "alexnet")


@pytest.fixture(scope="session")
def page(tmp_path_factory):
    """A page on five networks."""
    file = tmp_path_factory.mktemp("page") / "report.html"
    done = cnnprof("report", *NAMES, "-o", file)
    assert (done.code, done.err) == (0, f"wrote {file}\n")
    return file


@pytest.fixture(scope="session")
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
