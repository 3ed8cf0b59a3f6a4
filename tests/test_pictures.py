"""Charts as pictures: what they hold, what is drawn of it, and where it goes."""

import os
import pty
import subprocess
import sys

import pytest
from shell import cnnprof, process, texts

import cnnprof as package
from cnnprof.errors import UsageError
from cnnprof.reports import PICTURES, draw

BEGINNINGS = {"svg": b"<?xml", "png": b"\x89PNG\r\n", "pdf": b"%PDF-"}


@pytest.mark.parametrize("mode", ["infer", "train"])
def test_a_chart_adds_up_to_what_is_held(mode):
    found = package.memory("resnet18", batch=2, optimizer="momentum")
    chart = found.report(mode).chart
    footprint = found.inference if mode == "infer" else found.training
    heights = [sum(amounts) for amounts in zip(*chart.layers.values(), strict=True)]
    assert heights == [footprint.fixed_bytes + moment.total for moment in footprint.moments]
    assert heights[chart.peak] == max(heights) == footprint.peak_bytes
    assert len(chart.steps) == len(chart.stages) == len(chart.phases) == len(heights)


def test_a_picture_says_what_it_shows():
    report = package.memory("resnet18", batch=2, optimizer="momentum").report("train")
    written = texts(draw(report, "svg"))
    assert report.chart.title in written
    assert {"kept for backward", "gradients of parameters", "optimizer", "stage1", "stage4", "backward", "step"} <= {*written}
    assert any(text.startswith("peak ") and text.endswith(" MB") for text in written)
    assert report.chart.steps[report.chart.peak] in written


def test_an_inference_has_no_gradients_in_its_legend():
    written = texts(draw(package.memory("lenet5").report(), "svg"))
    assert "activations" in written
    assert not {"gradients of parameters", "kept for backward", "optimizer"} & {*written}


def test_names_below_a_picture_keep_apart():
    written = texts(draw(package.memory("densenet_bc_250_24").report("train"), "svg"))
    assert sum(text.startswith("stage") for text in written) <= 33  # 32 ticks, and the peak's layer


@pytest.mark.parametrize("form", BEGINNINGS)
def test_the_same_chart_gives_the_same_bytes(form):
    report = package.memory("lenet5").report()
    first = draw(report, form)
    assert first.startswith(BEGINNINGS[form])
    assert first == draw(report, form)


def test_a_report_without_a_chart_cannot_be_drawn():
    with pytest.raises(UsageError, match="'summary' has nothing to draw"):
        draw(package.profile("lenet5").report(), "svg")


@pytest.mark.parametrize("form", BEGINNINGS)
def test_the_suffix_makes_a_picture(form, tmp_path):
    for command in (["memory"], ["plot", "memory"]):
        file = tmp_path / f"step.{form}"
        done = cnnprof(*command, "lenet5", "--train", "-o", file)
        assert (done.code, done.out, done.err) == (0, "", f"wrote {file}\n")
        assert file.read_bytes().startswith(BEGINNINGS[form])


def test_plot_gives_svg_to_a_pipe():
    done = cnnprof("plot", "memory", "lenet5")
    assert done.code == 0
    assert any(text.startswith("memory of lenet5: inference") for text in texts(done.out.encode()))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["plot", "memory", "lenet5", "--json"], "there is no format 'json'"),
        (["plot", "memory", "lenet5", "--format", "xml"], "there is no format 'xml'\n  = hint: one of svg, pdf, png"),
        (
            ["plot", "memory", "lenet5", "-o", "x.html"],
            "the suffix of 'x.html' names no format\n  = hint: use .svg, .pdf, .png",
        ),
        (["diff", "lenet5", "vgg11", "-o", "x.svg"], "the suffix of 'x.svg' names no format"),
        (["diff", "lenet5", "vgg11", "--format", "svg"], "there is no format 'svg'"),
        (["memory", "lenet5", "-o", "nowhere/x.svg"], "cannot write nowhere/x.svg"),
        (["plot", "memory", "lenet6"], "lenet5"),
        (["plot", "diff", "lenet5"], "No such command 'diff'"),
    ],
)
def test_what_cannot_be_drawn_is_one_message(arguments, message):
    done = cnnprof(*arguments)
    assert done.code in (2, 3)
    assert message in done.err
    assert done.out == ""


def test_every_kind_of_picture_is_a_file_or_a_sketch():
    assert {*PICTURES} == {*BEGINNINGS, "braille", "mermaid"}
    done = cnnprof("memory", "lenet5", "--train", "--format", "braille")
    assert "peak" in done.out
    assert len(done.out.splitlines()) <= 24


def test_no_picture_goes_to_a_terminal():
    ours, theirs = pty.openpty()
    done = subprocess.run(
        [sys.executable, "-m", "cnnprof", "plot", "memory", "lenet5"],
        stdout=theirs,
        stderr=subprocess.PIPE,
        text=True,
        timeout=60,
    )
    os.close(theirs)
    os.close(ours)
    assert done.returncode == 2
    assert "a picture goes to a file\n  = hint: say which, such as -o memory.svg" in done.stderr


def test_matplotlib_missing_is_one_message(tmp_path):
    (tmp_path / "matplotlib.py").write_text("raise ModuleNotFoundError('no', name='matplotlib')\n")
    done = process("plot", "memory", "lenet5", PYTHONPATH=str(tmp_path), CNNPROF_DEBUG="")
    assert done.code == 4
    assert "this needs matplotlib, which is not installed\n  = hint: pip install 'cnnprof[plot]'" in done.err
