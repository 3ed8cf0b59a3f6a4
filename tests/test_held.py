"""What a network's own code holds longer than it is read: said in a spec, and written by import."""

import pytest
from shell import cnnprof
from spec_texts import build, read

from cnnprof import api
from cnnprof.errors import SpecError
from cnnprof.footprint.analysis import analyze_memory
from cnnprof.spec import elaborate

STEPS = """
input: 16x32x32
{held}
layers:
  - conv 1x1 16 -> early
  - repeat: 2
    do: conv 1x1 16
  - conv 1x1 2
"""

OUTPUT = 16 * 32 * 32 * 4
"""Bytes of one layer's output."""


def peak(held=""):
    return analyze_memory(build(STEPS.format(held=held))).inference


def test_what_is_held_is_there_until_the_last_layer_has_run():
    alone, held = peak(), peak("held: {early: stage1.conv2}")
    # Two outputs are there while the second layer or the third runs, and the first one besides in the third.
    assert held.moments[2].activation_bytes == alone.moments[2].activation_bytes + OUTPUT == 3 * OUTPUT
    assert held.moments[1].activation_bytes == alone.moments[1].activation_bytes == 2 * OUTPUT
    assert held.moments[3].activation_bytes == alone.moments[3].activation_bytes


def test_it_stays_at_every_batch_and_in_what_is_written(tmp_path):
    (tmp_path / "net.yaml").write_text(STEPS.format(held="held: {early: stage1.conv2}"))
    written = cnnprof("import", "net.yaml", cwd=tmp_path).out
    assert "\nheld: {" in written
    for batch in (1, 5):
        assert (
            analyze_memory(build(written, batch=batch)).inference.peak_bytes
            == analyze_memory(
                elaborate(read(STEPS.format(held="held: {early: stage1.conv2}")), batch=batch)
            ).inference.peak_bytes
        )


@pytest.mark.parametrize(
    ("held", "message"),
    [
        ("held: early", "'held' is a mapping of layers to layers"),
        ("held: {early: [conv1]}", "this is the name of a layer"),
        ("held: {earl: stage1.conv2}", "there is no layer 'earl'"),
        ("held: {early: stage1.conv9}", "there is no layer 'stage1.conv9'"),
        ("held: {stage1.conv2: early}", "'early' does not run after 'stage1.conv2'"),
        ("held: {early: early}", "'early' does not run after 'early'"),
    ],
)
def test_a_layer_that_cannot_be_held_is_refused_at_its_place(held, message):
    with pytest.raises(SpecError, match=message) as error:
        peak(held)
    assert error.value.place is not None
    assert error.value.place.line == 3


@pytest.mark.torch
@pytest.mark.parametrize("name", ["torchvision:resnet18", "torchvision:mobilenet_v3_small", "torchvision:swin_t"])
def test_an_import_takes_the_memory_of_the_module(name):
    text = api.to_spec(name)
    assert text.count("\nheld:") == 1
    for batch in (1, 2, 8):
        theirs = analyze_memory(api.load(name, batch=batch)).inference
        assert analyze_memory(build(text, batch=batch)).inference.peak_bytes == theirs.peak_bytes


@pytest.mark.torch
def test_nothing_is_written_where_it_makes_no_difference():
    assert "held" not in api.to_spec("torchvision:googlenet")
