"""Totals of re-parametrized networks, transformers, decoders, detectors and networks on sound, each with its derivation."""

from itertools import pairwise


def _repvgg(a: float, b: float, depths: tuple[int, ...], train: bool = False) -> tuple[int, int]:
    """3x3 convolutions with biases; in training a 1x1 beside each, and a normalization where the size stays."""
    widths = [int(64 * a), int(128 * a), int(256 * a), int(512 * b)]
    layers = [(3, min(64, int(64 * a)), 112, 2)]
    for stage, (n, width) in enumerate(zip(depths, widths, strict=True)):
        for i in range(n):
            layers.append((layers[-1][1], width, 56 >> stage, 2 if i == 0 else 1))
    positions = 10 if train else 9
    params = macs = 0
    for inputs, outputs, size, stride in layers:
        norms = 2 + (stride == 1 and inputs == outputs) if train else 0
        params += positions * inputs * outputs + (2 * norms * outputs if train else outputs)
        macs += positions * inputs * outputs * size * size
    return params + 1000 * (widths[-1] + 1), macs + 1000 * widths[-1]


def _vit(width: int, depth: int, patch: int = 16) -> tuple[int, int]:
    """An encoder: 4 w^2 + 4 w of attention, 8 w^2 + 5 w of the perceptron, 4 w of two normalizations."""
    patches = (224 // patch) ** 2
    length = patches + 1
    embedding = width * (3 * patch * patch + 1) + width + length * width
    params = embedding + depth * (12 * width * width + 13 * width) + 2 * width + 1000 * (width + 1)
    macs = patches * width * 3 * patch * patch + depth * (12 * length * width * width + 2 * length * length * width)
    return params, macs + 1000 * width


def _waveform(stem: int, depths: tuple[int, ...], widths: tuple[int, ...]) -> tuple[int, int]:
    """A filter of 80 every 4 samples, then filters of 3, a quarter of the length before each stage; no biases."""
    params, macs, channels, length = 80 * stem + 2 * stem, 8000 * 80 * stem, stem, 8000
    for n, width in zip(depths, widths, strict=True):
        length //= 4
        for _ in range(n):
            params += 3 * channels * width + 2 * width
            macs += length * 3 * channels * width
            channels = width
    return params + 10 * (channels + 1), macs + 10 * channels


def _unet() -> tuple[int, int]:
    """Figure 1: image sizes of the unpadded convolutions down and up, 2x2 transposed convolutions, a 1x1 at the end."""
    convs = [(1, 64, 570), (64, 64, 568), (64, 128, 282), (128, 128, 280), (128, 256, 138), (256, 256, 136)]
    convs += [(256, 512, 66), (512, 512, 64), (512, 1024, 30), (1024, 1024, 28)]
    convs += [(1024, 512, 54), (512, 512, 52), (512, 256, 102), (256, 256, 100)]
    convs += [(256, 128, 198), (128, 128, 196), (128, 64, 390), (64, 64, 388)]
    ups = [(1024, 512, 28), (512, 256, 52), (256, 128, 100), (128, 64, 196)]
    params = sum(9 * i * o + o for i, o, _ in convs) + sum(4 * i * o + o for i, o, _ in ups) + 2 * 65
    macs = sum(9 * i * o * s * s for i, o, s in convs) + sum(4 * i * o * s * s for i, o, s in ups) + 2 * 64 * 388 * 388
    return params, macs


_DCGAN = [100, 1024, 512, 256, 128, 3]

MODERN = {
    "repvgg_a0": _repvgg(0.75, 2.5, (2, 4, 14, 1)),
    "repvgg_a1": _repvgg(1, 2.5, (2, 4, 14, 1)),
    "repvgg_a2": _repvgg(1.5, 2.75, (2, 4, 14, 1)),
    "repvgg_b0": _repvgg(1, 2.5, (4, 6, 16, 1)),
    "repvgg_b3": _repvgg(3, 5, (4, 6, 16, 1)),
    "repvgg_a0_train": _repvgg(0.75, 2.5, (2, 4, 14, 1), train=True),
    "repvgg_a1_train": _repvgg(1, 2.5, (2, 4, 14, 1), train=True),
    "vit_ti16": _vit(192, 12),
    "vit_s16": _vit(384, 12),
    "vit_b16": _vit(768, 12),
    "vit_l16": _vit(1024, 24),
    "vit_h14": _vit(1280, 32, 14),
    "m3": _waveform(256, (1,), (256,)),
    "m5": _waveform(128, (1, 1, 1), (128, 256, 512)),
    "m11": _waveform(64, (2, 2, 3, 2), (64, 128, 256, 512)),
    "m18": _waveform(64, (4, 4, 4, 4), (64, 128, 256, 512)),
    "unet": _unet(),
    # 4x4 filters; an input position takes 16 i o multiplications, over 1, 16, 64, 256 and 1,024 of them
    "dcgan": (
        sum(16 * i * o for i, o in pairwise(_DCGAN)) + 2 * sum(_DCGAN[1:-1]),
        sum(16 * i * o * n for (i, o), n in zip(pairwise(_DCGAN), (1, 16, 64, 256, 1024), strict=True)),
    ),
    # Darknet's file of 248,007,048 bytes is a header of 20 and 62,001,757 numbers, 52,608 of them means and variances
    "yolov3": (62_001_757 - 52_608, 32_932_037_632),
}
MODERN_FAMILIES = {"repvgg", "vit", "waveform_cnn"}
MODERN_OUTPUTS = {
    **dict.fromkeys(("m3", "m5", "m11", "m18"), (1, 10)),
    "unet": (1, 2, 388, 388),
    "dcgan": (1, 3, 64, 64),
    "yolov3": (1, 255, 52, 52),
}
"""What does not end in the classes of ImageNet or CIFAR-10."""
