"""Models as people have them (`data/own_models.py`): right, or refused with a message that leads on."""

from __future__ import annotations

import re
from itertools import permutations
from pathlib import Path

import pytest

import cnnprof
from cnnprof.errors import CnnprofError

pytestmark = [pytest.mark.torch, pytest.mark.filterwarnings("ignore")]

FILE = Path(__file__).parent / "data" / "own_models.py"
WORDS, IMAGE = "7x6", "3x8x8"
CONV, CONV_MACS = 8 * 28, 36 * 8 * 27
"""A 3x3 convolution from 3 to 8 channels on 8x8, with its bias."""

RIGHT = {
    # 4 filters of 2x2x2 on one channel with a bias, at 3^3 places; a norm's 8; 108 to 3.
    "lazy_volume": ("1x4x4x4", 36 + 8 + 327, 27 * 4 * 8 + 324),
    # Each of 64 pixels gives a square of four, 5 channels from 3.
    "lazy_transposed": (IMAGE, 3 * 5 * 4 + 5 + 10, 64 * 3 * 5 * 4),
    # 98 places of 14 products each for 6 filters, halved to 49; then 47 of 9 for 4.
    "sound": ("2x300", 6 * 15 + 36, 98 * 6 * 14 + 47 * 4 * 9),
    # Three projections and one back, 7 x 8 to 8; two heads of 7 x 7 scores of 4, and as many sums of values.
    "sequence": ("7x8", 4 * 72, 7 * 4 * 64 + 2 * 2 * 49 * 4),
    "vector": ("20", 160 + 16 + 18, 160 + 16),
    "autoencoder": ("20", 84 + 100, 160),
    # Both directions, for each of 7 steps: 3 gates of 5, from 6 inputs and 5 states.
    "gru_given_state": (WORDS, 2 * (15 * 11 + 30), 7 * 2 * 15 * 11),
    "cells_given_state": (WORDS, 20 * 11, 7 * 20 * 11),
    "output_dataclass": (IMAGE, 6 * 4, 64 * 6 * 3),
    "output_namespace": (IMAGE, 6 * 4, 64 * 6 * 3),
    "half": (IMAGE, CONV + 1156, CONV_MACS + 1152),
    "bfloat": (IMAGE, CONV + 1156, CONV_MACS + 1152),
    "static_classifier": (IMAGE, CONV + 1156, CONV_MACS + 1152),
    # A window of 9 for each of 6 channels, at 64 places.
    "static_depthwise": (IMAGE, 60, 64 * 6 * 9),
    "dynamic_lstm": (WORDS, 20 * 11 + 40 + 12, 7 * (20 * 11 + 10)),
    "dynamic_half": (IMAGE, 192 * 4 + 4, 192 * 4),
    # Weights that are constants of the program are none of its parameters.
    "frozen_trace": (IMAGE, 0, CONV_MACS),
    "frozen_loop": (IMAGE, 0, 3 * 64 * 9),
    "Fusion": ("image=3x8x8 words=5:int64", 112 + 40 + 20, 36 * 4 * 27 + 5 * 16),
    "Batch": ("left=6 right=3", 28 + 16, 24 + 12),
    "Words": ("9:int64", 400 + 27, 24),
    "bag": ("9:int64", 400 + 27, 24),
    # torchvision's 2,542,856 less its classifier (590,848 and 1,025,000), with 576 to 7.
    "backbone": ("3x32x32", 2_542_856 - 590_848 - 1_025_000 + 4_039, None),
    # conv1 (9,408) and its norm (128), and four 64-channel convolutions with theirs.
    "features": ("3x32x32", 9_408 + 128 + 4 * (36_864 + 128), 256 * 9_408 + 64 * 4 * 36_864),
    "Hooked": (IMAGE, 112 + 185 + 10, 36 * 108 + 16 * 180 + 36 * 8),
    "changed_by_a_hook": (IMAGE, 112 + 30, 36 * (108 + 24)),
    "bilinear_of_two": ("12", 5 * 32, 5 * 32),
    "bilinear_at_each_place": ("7x12", 3 * 144 + 3, 7 * 3 * 144),
    # Of 3 channels pooled to 1 and to 4 places.
    "Late": (IMAGE, 20 + 65, 15 + 60),
    "made_anew": (IMAGE, 112, 36 * 108),
    "mapped": ("4x12", 39, 4 * 36),
    "branch_of_branches": ("12", 2 * 156, 2 * 144),
    "digits": ("1x28x28", 104 + 23_050, 576 * 100 + 23_040),
    "tiles": ("3x64x64", 196 + 10_250, 256 * 192 + 10_240),
    "Scaled": (IMAGE, 112 + 4, 36 * 108),
    "Shifted": (IMAGE, 112 + 192, 36 * 108),
}


def totals(name, given, batch=1):
    return cnnprof.profile(f"{FILE}:{name}", given, batch).totals


@pytest.mark.parametrize("name", RIGHT)
def test_figures(name):
    given, params, macs = RIGHT[name]
    found = totals(name, given)
    assert (found.params, found.uncounted) == (params, ())
    assert macs is None or found.macs == macs


@pytest.mark.parametrize(
    ("name", "size"), [("half", 2), ("bfloat", 2), ("vector", 4), ("static_classifier", None), ("dynamic_half", None)]
)
def test_bytes_of_weights(name, size):
    found = totals(name, RIGHT[name][0])
    # One byte a weight and four a bias; or two a weight.
    mixed = {"static_classifier": 216 + 1152 + 4 * 12, "dynamic_half": 2 * 768 + 16}
    assert found.param_bytes == (mixed[name] if size is None else found.params * size)


@pytest.mark.parametrize(("name", "params", "macs"), [("norm_of_one_value", 6 + 20, 15), ("norm_of_vectors", 1158 + 12, 1152)])
def test_norms_that_need_a_batch(name, params, macs):
    with pytest.raises(CnnprofError, match="Expected more than 1 value per channel") as caught:
        totals(name, IMAGE)
    assert caught.value.hint == "a batch norm over one value has no variance: --batch 2"
    found = totals(name, IMAGE, batch=2)
    assert (found.params, found.macs) == (params, 2 * macs)


@pytest.mark.parametrize(
    ("name", "given", "message", "hint"),
    [
        ("Fusion", IMAGE, "forward takes image and words, and one input is given", "--input image=3x8x8 words=3x8x8"),
        ("Fusion", "image=3x8x8 word=5:int64", "forward has no parameter 'word'", "did you mean 'words'?"),
        ("Fusion", "image=3x8x8 words=5", "in table: RuntimeError: Expected tensor for argument #1 'indices'", "whole numbers"),
        ("Batch", "6", "indices must be integers|not subscriptable|IndexError|takes", None),
        ("Words", "9", "in table: RuntimeError: Expected tensor for argument #1 'indices'", "--input 9:int64"),
        ("digits", None, "its filters take 1 channel", "--input 1x28x28"),
        ("tiles", None, "Linear.*takes 1,024 features, and its input has 12,544", "--input 3x64x64"),
        ("vector", "19", "it takes 20 features, and its input has 19", None),
        ("sound", "3x300", "its filters take 2 channels", None),
        ("half", "3x9x9", "it takes 288 features, and its input has 392", None),
    ],
)
def test_what_does_not_fit_says_what_would(name, given, message, hint):
    with pytest.raises(CnnprofError) as caught:
        totals(name, given)
    assert re.search(message, caught.value.message)
    assert hint is None or hint in (caught.value.hint or "")


@pytest.mark.parametrize("pair", [*permutations(("Scaled", "Shifted", "half"), 2)])
def test_stored_tensors_in_the_place_of_layers(pair):
    before, after = (f"{FILE}:{name}" for name in pair)
    found = cnnprof.diff(before, after, IMAGE)
    grown = totals(pair[1], IMAGE).params - totals(pair[0], IMAGE).params
    assert sum(each.difference("params") for each in found.pairs) == grown


def test_real_data_where_it_is_asked_for():
    from shell import cnnprof as run

    asked = run("summary", f"{FILE}:Scaled", "--input", IMAGE, "--real")
    assert "run on the processor, on random data" in asked.out
    assert "on random data" not in run("summary", f"{FILE}:Scaled", "--input", IMAGE).out
    assert "data" in run("summary", f"{FILE}:static_classifier", "--input", IMAGE).out
    refused = run("summary", "lenet5", "--real")
    assert (refused.code, "--real runs your own code, and no network here is of any" in refused.err) == (2, True)
    both = run("compare", f"{FILE}:Scaled", "lenet5", "--input", "1x32x32", "--real")
    assert "filters take 3 channels" in both.err + both.out


def test_a_branch_that_data_decides():
    """On tensors without data the first branch runs; on numbers in [0, 1) their sum is over zero, and the first runs, too."""
    from dataclasses import replace

    from cnnprof.sources import resolve

    model = resolve(f"{FILE}:branch_of_branches")
    on_data = replace(model, real=True, _graphs={})
    assert cnnprof.profile(on_data, "12").totals.macs == cnnprof.profile(model, "12").totals.macs == 288
    assert "random data" in on_data.graph("12").facts.about


def test_a_dictionary_is_asked_for_by_its_keys():
    with pytest.raises(CnnprofError) as caught:
        totals("Batch", "6")
    assert caught.value.hint == "it takes a dictionary: --input left=6 right=6"
