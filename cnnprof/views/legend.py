"""Definitions of figures, in a sentence each, so that a reader can reconcile them with a calculation of the own."""

from __future__ import annotations

from cnnprof.report import Fact, Listing

DEFINITIONS = {
    "params": (
        "params",
        "what training learns: weights and biases, of normalization, too; no running statistics",
    ),
    "macs": ("MACs", "multiply-accumulates of convolutions, linear layers and matrix products; biases are not counted"),
    "ops": (
        "ops",
        "every arithmetic operation: two a multiply-accumulate, and the additions of biases, comparisons of pooling and ReLU, "
        "and arithmetic of normalization",
    ),
    "activations": (
        "activations",
        "elements that layers write, an in-place layer or a view none; in fp32 4 bytes each, the sum of all, "
        "though no inference holds all at once",
    ),
    "param_bytes": ("weights", "4 bytes a parameter in fp32"),
    "peak_inference_bytes": (
        "peak, inference",
        "parameters, buffers and input, and at the worst moment the tensors that a later layer still reads and what kernels "
        "take for themselves",
    ),
    "peak_training_bytes": (
        "peak, training",
        "the same for a step with SGD: besides, the tensors kept for the backward pass and the gradients",
    ),
}
"""By a figure's JSON name, what tables call it and what it is."""


def legend_of(*figures: str) -> Listing:
    """The definitions of these figures."""
    return Listing(tuple(Fact(*DEFINITIONS[figure]) for figure in figures), "What the figures are")
