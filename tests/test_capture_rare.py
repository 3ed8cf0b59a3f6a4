"""Operations that few networks have: operators of functions, packed sequences, regions of interest, and what has no count."""

from __future__ import annotations

import pytest
import torch
from test_capture_more import IMAGE, MACS, WORDS, Of, recurrent
from torch import nn
from torch.nn import functional

import cnnprof
from cnnprof.errors import CnnprofError
from cnnprof.torch_bridge.requirements import import_torchvision

pytestmark = pytest.mark.torch


def test_operators_that_take_functions():
    from torch._higher_order_ops.scan import scan
    from torch._higher_order_ops.while_loop import while_loop

    fc = nn.Linear(12, 12)
    loop = Of(lambda self, x: while_loop(lambda i, y: i < 3, lambda i, y: (i + 1, self.a(y)), (torch.tensor(0), x))[1], a=fc)
    scanned = Of(
        lambda self, x: scan(lambda c, y: (self.a(c), c * y), torch.zeros(1, 12), x.transpose(0, 1))[1], a=nn.Linear(12, 12)
    )
    # 144 products in each of three rounds, and in each of four steps.
    assert (cnnprof.profile(loop, (12,)).totals.macs, cnnprof.profile(loop, (12,)).totals.params) == (3 * 144, 156)
    found = cnnprof.profile(scanned, (4, 12)).totals
    assert (found.macs, found.params, found.uncounted) == (4 * 144, 156, ())


def test_an_operator_that_runs_in_no_known_way_is_named():
    from torch._ops import HigherOrderOperator

    class Unheard(HigherOrderOperator):
        def __init__(self):
            super().__init__("unheard_of")

        def __call__(self, function, x):
            return super().__call__(function, x)

    apply = Unheard()
    with pytest.raises(
        CnnprofError, match=r"cannot run Of on an input of 12: .*operator unheard_of cannot be run step by step"
    ):
        cnnprof.profile(Of(lambda self, x: apply(self.a, x), a=nn.Linear(12, 12)), (12,))


def test_steps_run_one_by_one_are_those_of_torch():
    from cnnprof.torch_bridge.decompositions import conv_tbc, scan

    x, weight, bias = torch.rand(9, 2, 4), torch.rand(3, 4, 5), torch.rand(5)
    assert torch.allclose(conv_tbc(x, weight, bias, 1), torch.conv_tbc(x, weight, bias, 1), atol=1e-5)
    carried, steps = scan(lambda c, y: (c + y, c * y), [torch.zeros(2, 4)], [x], ())
    assert torch.allclose(carried, x.sum(0), atol=1e-5)
    assert torch.allclose(steps[1:], x.cumsum(0)[:-1] * x[1:], atol=1e-5)


@pytest.mark.parametrize("kind", [nn.LSTM, nn.GRU, nn.RNN])
def test_packed_sequences(kind):
    """24 steps of one sample each: as without packing."""
    pack, pad = nn.utils.rnn.pack_padded_sequence, nn.utils.rnn.pad_packed_sequence
    module, macs = recurrent(kind, {nn.LSTM: 4, nn.GRU: 3, nn.RNN: 1}[kind])
    module.function = lambda self, x: pad(self.r(pack(x, torch.tensor([24]), batch_first=True))[0], batch_first=True)[0]
    found = cnnprof.profile(module, WORDS).totals
    assert (found.macs, found.uncounted) == (macs, ())


@pytest.mark.parametrize(("pool", "size"), [("roi_align", 8), ("roi_pool", 8), ("ps_roi_align", 2), ("ps_roi_pool", 2)])
@pytest.mark.parametrize("device", [None, "cpu"])
def test_regions_of_interest(pool, size, device):
    """Two regions of 2x2 each: the convolution counts, and the pooling, whose work the boxes decide, is named."""
    function = getattr(import_torchvision().ops, pool)
    boxes = [[0.0, 0, 0, 4, 4], [0, 1, 1, 5, 5]]
    module = Of(
        lambda self, x: function(self.c(x), torch.tensor(boxes, device=device or x.device, dtype=x.dtype), 2),
        c=nn.Conv2d(3, 8, 3),
    )
    profile = cnnprof.profile(module, IMAGE)
    assert (profile.totals.params, profile.totals.macs) == (224, 2 * MACS)
    assert profile.totals.uncounted in ((f"{pool}: torchvision.{pool}",), ())
    assert profile.costs[-1].output == (2, size, 2, 2) or not profile.totals.uncounted


@pytest.mark.parametrize(
    ("function", "operation"),
    [
        (lambda x: x.sort(1)[0], "aten.sort"),
        (lambda x: x.topk(2, 1)[0], "aten.topk"),
        (lambda x: x.cumsum(1), "aten.cumsum"),
        (lambda x: torch.fft.rfft(x).abs(), "aten._fft_r2c"),
        (lambda x: x.angle(), "aten.angle"),
        (lambda x: functional.fractional_max_pool2d(x, 2, output_size=2), "aten.fractional_max_pool2d"),
        (lambda x: x.median(1)[0], "aten.median"),
    ],
)
def test_what_has_no_count_is_named_once_and_marks_the_total(function, operation):
    profile = cnnprof.profile(Of(lambda self, x: function(self.c(x)), c=nn.Conv2d(3, 4, 3)), IMAGE)
    assert profile.totals.macs == MACS
    assert [entry.rpartition(": ")[2] for entry in profile.totals.uncounted] == [operation]
    assert "at least MACs" in {fact.label for fact in profile.report().sections[2].facts}


def test_numbers_of_two_parts():
    """A product of complex numbers counts as one; each takes eight bytes."""
    module = Of(
        lambda self, x: torch.view_as_real(self.fc(torch.complex(x, x))),
        fc=nn.Linear(12, 5, dtype=torch.complex64),
    )
    found = cnnprof.profile(module, (12,)).totals
    assert (found.params, found.macs, found.param_bytes, found.uncounted) == (65, 60, 65 * 8, ())
