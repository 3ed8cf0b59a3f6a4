"""`summary --watch`, and specs that are written to be changed."""

import json
import os
import signal
import threading
import time

import pytest
from shell import cnnprof, start

from cnnprof import api
from cnnprof.cli.watching import _show_again
from cnnprof.sources import resolve

TEXT = "input: 3x16x16\nlayers:\n  - conv 3x3 8 bn relu\n  - gap | fc 10\n"


@pytest.mark.skipif(os.name == "nt", reason="a signal ends it")
def test_a_spec_is_shown_again_as_it_is_saved(tmp_path):
    path = tmp_path / "net.yaml"
    path.write_text(TEXT)
    pytest.importorskip("watchfiles")
    running = start("summary", path, "--watch")
    out: list[str] = []
    err: list[str] = []
    readers = [
        threading.Thread(target=lambda stream=stream, lines=lines: lines.extend(iter(stream.readline, "")), daemon=True)
        for stream, lines in ((running.stdout, out), (running.stderr, err))
    ]
    for reader in readers:
        reader.start()

    def until(said, lines, text=None):
        """Save the text again and again: nothing tells from when on the folder is looked at."""
        deadline = time.monotonic() + 60
        while not any(said in line for line in lines):
            assert time.monotonic() < deadline, (out, err)
            if text is not None:
                path.write_text(text)
            time.sleep(0.5)

    until("watching", err)
    until("out_channels 8 -> 16", out, TEXT.replace("3x3 8", "3x3 16"))
    until("cnv", err, TEXT.replace("conv", "cnv"))
    running.send_signal(signal.SIGINT)
    assert running.wait(60) == 0
    for reader in readers:
        reader.join(10)
    assert any("saved at" in line for line in err)
    assert sum("Totals" in line for line in out) >= 3


def test_what_changed_is_told(tmp_path):
    path = tmp_path / "net.yaml"
    path.write_text(TEXT)
    before = api.profile(str(path))
    path.write_text(TEXT.replace("3x3 8", "5x5 8"))
    reports = []
    after = _show_again(before, resolve(str(path)), lambda model: api.profile(model), reports.append)
    assert after.totals.params == 3 * 25 * 8 + 16 + 90
    (report,) = reports
    assert "1 changed" in report.title
    assert _show_again(after, resolve(str(path)), lambda model: api.profile(model), reports.append) == after
    assert reports == [report]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["summary", "conv 3x3 8", "--watch"], "--watch is for spec files"),
        (["summary", "resnet18", "--watch"], "--watch is for spec files"),
        (["summary", "net.yaml", "--watch", "-o", "x.json"], "does not go with --symbolic or -o"),
    ],
)
def test_nothing_else_is_watched(arguments, message, tmp_path):
    done = cnnprof(*arguments, cwd=tmp_path)
    assert done.code == 2
    assert message in done.err


@pytest.mark.parametrize("name", ["resnet18", "mobilenet_v1@width=0.5", "vgg16"])
def test_a_network_is_written_as_a_spec_of_its_own(name, tmp_path):
    for path, call in (
        ("shown.yaml", ("show", name, "-o", "shown.yaml")),
        ("begun.yaml", ("init", "begun.yaml", "--from", name)),
    ):
        done = cnnprof(*call, cwd=tmp_path)
        assert done.code == 0, done.err
        ours, theirs = (json.loads(cnnprof("summary", each, "--json", cwd=tmp_path).out)["totals"] for each in (path, name))
        assert ours == theirs
    assert (tmp_path / "shown.yaml").read_text() == (tmp_path / "begun.yaml").read_text()


@pytest.mark.torch
def test_a_network_from_elsewhere_is_written_with_blocks(tmp_path):
    done = cnnprof("init", "mine.yaml", "--from", "torchvision:resnet18", cwd=tmp_path)
    assert done.code == 0, done.err
    assert "  basic_block(w, s=1):" in (tmp_path / "mine.yaml").read_text()
