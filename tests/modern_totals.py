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

_C3D = [3, 64, 128, 256, 256, 512, 512, 512, 512]
_C3D_POSITIONS = [16 * 112 * 112, 16 * 56 * 56, *[8 * 28 * 28] * 2, *[4 * 14 * 14] * 2, *[2 * 7 * 7] * 2]
_C3D_FC = [512 * 1 * 4 * 4, 4096, 4096, 487]

_EXCITATION = sum(w * (w + 1) for w in (256, 512, 768, 1024))
_EXCITATION_MACS = sum(w * w for w in (256, 512, 768, 1024))


def _vovnet27_slim() -> tuple[int, int]:
    """A stem of 64, 64 and 128 maps; five 3x3 a module, and a 1x1 over its input and all of them; no biases, normalized."""
    convs = [(9, 3, 64, 112), (9, 64, 64, 112), (9, 64, 128, 56)]
    channels = 128
    for size, w, maps in zip((56, 28, 14, 7), (64, 80, 96, 112), (128, 256, 384, 512), strict=True):
        convs += [(9, channels, w, size), *[(9, w, w, size)] * 4, (1, channels + 5 * w, maps, size)]
        channels = maps
    params = sum(k * i * o + 2 * o for k, i, o, _ in convs) + 1000 * 513
    return params, sum(k * i * o * n * n for k, i, o, n in convs) + 1000 * 512


def _mixer(width: int, depth: int, along: int, patch: int = 16) -> tuple[int, int]:
    """A perceptron among the patches, 2 s a + s + a, one among the channels, 8 w^2 + 5 w, and two normalizations, 4 w."""
    patches = (224 // patch) ** 2
    inner = depth * (2 * patches * along + patches + along + 8 * width * width + 5 * width + 4 * width)
    params = width * (3 * patch * patch + 1) + inner + 2 * width + 1000 * (width + 1)
    macs = patches * width * 3 * patch * patch + depth * (2 * patches * along * width + 8 * patches * width * width)
    return params, macs + 1000 * width


def _convmixer(width: int, depth: int, kernel: int) -> tuple[int, int]:
    """Patches of 7x7, then a depthwise and a 1x1 convolution again and again, all with biases and normalized."""
    taps = kernel * kernel + width
    params = width * (3 * 49 + 3) + depth * width * (taps + 2 + 4) + 1000 * (width + 1)
    return params, 32 * 32 * width * (3 * 49 + depth * taps) + 1000 * width


def _poolformer(depths: tuple[int, ...]) -> tuple[int, int]:
    """8 w^2 + 5 w of a perceptron, 4 w of two normalizations and 2 w of two scales; a quarter, then half of the image."""
    params, macs, channels = 2 * 512 + 1000 * 513, 1000 * 512, 3
    for stage, (depth, width) in enumerate(zip(depths, (64, 128, 320, 512), strict=True)):
        size, taps = 56 >> stage, 49 if stage == 0 else 9
        params += taps * channels * width + width + depth * (8 * width * width + 11 * width)
        macs += size * size * (taps * channels * width + depth * 8 * width * width)
        channels = width
    return params, macs


_SEGMENTING = (9 * 1024 * 256 + 256 * 21) * 65 * 65

MODERN = {
    "mixer_s16": _mixer(512, 8, 256),
    "mixer_b16": _mixer(768, 12, 384),
    "convmixer_768_32": _convmixer(768, 32, 7),
    "convmixer_1536_20": _convmixer(1536, 20, 9),
    "poolformer_s12": _poolformer((2, 2, 6, 2)),
    "poolformer_s24": _poolformer((4, 4, 12, 4)),
    "poolformer_s36": _poolformer((6, 6, 18, 6)),
    # torchvision's weights' metadata, 178.722 and 258.743 G, less the head for training
    "deeplab_v3_resnet50": (42_004_074 - 2_365_205, 178_721_945_088 - _SEGMENTING),
    "deeplab_v3_resnet101": (60_996_202 - 2_365_205, 258_743_039_488 - _SEGMENTING),
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
    # 8,858,734 numbers in Darknet's weights less 6,368 stored means and variances
    "yolov3_tiny": (8_858_734 - 6_368, 2_782_480_896),
    # torchvision's weights' metadata, with 2 x 26,560 scales and shifts of normalizations that are frozen there
    "ssd300_vgg16": (35_641_826, 34_858_153_472),
    "retinanet_resnet50_fpn": (34_014_999 + 53_120, 151_540_437_248),
    "retinanet_resnet50_fpn_v2": (38_198_935, 152_238_199_040),
    # detectron2's own test of its network: 37,915,572 without those scales and shifts, and 146 G
    "retinanet_resnet50_paper": (37_915_572 + 53_120, 146_245_594_112),
    # 3x3x3 filters and biases, then three layers that see 512x1x4x4
    "c3d": (
        sum(27 * i * o + o for i, o in pairwise(_C3D)) + sum(i * o + o for i, o in pairwise(_C3D_FC)),
        sum(27 * i * o * n for (i, o), n in zip(pairwise(_C3D), _C3D_POSITIONS, strict=True))
        + sum(i * o for i, o in pairwise(_C3D_FC)),
    ),
    # torchvision's own, and what torch's counter counts in them
    "swin_tiny": (28_288_354, 4_490_566_656),
    "swin_small": (49_606_258, 8_740_875_264),
    "swin_base": (87_768_224, 15_430_946_816),
    # torchvision's weights' metadata: these numbers, and 8.366, 24.582 and 56.08 G
    "efficientnet_v2_s": (21_458_488, 8_365_617_152),
    "efficientnet_v2_m": (54_139_356, 24_582_460_384),
    "efficientnet_v2_l": (118_515_272, 56_079_699_008),
    # timm's own, and what torch's counter counts in them
    "mobilenet_v4_conv_s": (3_774_024, 186_005_568),
    "mobilenet_v4_conv_m": (9_715_512, 1_080_244_224),
    "ghostnet_050": (2_587_292, 42_328_152),
    "ghostnet_100": (5_182_508, 141_150_512),
    "ghostnet_130": (7_358_820, 227_003_256),
    "convnextv2_atto": (3_708_400, 547_332_480),
    "convnextv2_tiny": (28_635_496, 4_455_531_264),
    "hrnet_w18": (21_299_004, 4_283_537_072),
    "hrnet_w32": (41_232_680, 8_921_133_056),
    "res2net50_26w_4s": (25_699_120, 4_255_166_464),
    "res2net50_14w_8s": (25_059_816, 4_178_898_944),
    "ese_vovnet39b": (24_568_936, 7_074_193_408),
    "ese_vovnet57b": (38_608_936, 8_932_110_336),
    "dla34": (15_742_104, 3_060_043_776),
    "dla60": (22_036_632, 4_235_878_400),
    "dla102": (33_268_888, 7_164_551_168),
    "dla169": (53_389_720, 11_557_560_320),
    "mobilevit_xxs": (1_272_024, 407_364_096),
    "mobilevit_xs": (2_317_848, 1_025_911_808),
    "mobilevit_s": (5_578_632, 2_000_831_488),
    # timm's without the excitation of w maps, w (w + 1), at the end of each stage
    "vovnet27_slim": _vovnet27_slim(),
    "vovnet39": (24_568_936 - _EXCITATION, 7_074_193_408 - _EXCITATION_MACS),
    "vovnet57": (38_608_936 - _EXCITATION, 8_932_110_336 - _EXCITATION_MACS),
    "convnextv2_femto": (5_233_240, 779_629_824),
    "convnextv2_pico": (9_066_280, 1_367_055_360),
    "convnextv2_nano": (15_623_800, 2_445_528_320),
    "convnextv2_base": (88_717_800, 15_354_729_472),
    "convnextv2_large": (197_956_840, 34_361_433_600),
    "convnextv2_huge": (660_289_640, 114_922_100_480),
    "hrnet_w48": (77_469_864, 17_277_996_032),
    "res2net50_26w_6s": (37_051_448, 6_295_523_328),
    "res2net50_26w_8s": (48_403_776, 8_335_880_192),
    "res2net50_48w_2s": (25_287_304, 4_159_832_064),
    "res2net101_26w_4s": (45_206_688, 8_066_974_464),
    # ultralytics' log of each model, less the 16 fixed weights that decode a box; 8.7, 28.6, 78.9, 165.2 and 257.8 G, two a MAC
    "yolov8n": (3_157_200 - 16, 4_371_456_000),
    "yolov8s": (11_166_560 - 16, 14_300_774_400),
    "yolov8m": (25_902_640 - 16, 39_467_827_200),
    "yolov8l": (43_691_520 - 16, 82_573_721_600),
    "yolov8x": (68_229_648 - 16, 128_901_632_000),
}
MODERN_FAMILIES = {"repvgg", "vit", "waveform_cnn"}
MODERN_FAMILIES |= {"efficientnet_v2", "mobilenet_v4", "ghostnet", "convnext_v2", "hrnet", "res2net", "yolov8", "swin"}
MODERN_FAMILIES |= {"vovnet", "dla", "mobilevit", "ssd", "retinanet"}
MODERN_FAMILIES |= {"mlp_mixer", "convmixer", "poolformer", "deeplab_v3"}
MODERN_OUTPUTS = {
    **dict.fromkeys(("m3", "m5", "m11", "m18"), (1, 10)),
    "unet": (1, 2, 388, 388),
    "dcgan": (1, 3, 64, 64),
    "yolov3": (1, 255, 52, 52),
    "yolov3_tiny": (1, 255, 26, 26),
    "ssd300_vgg16": (1, 8_732, 91),
    "retinanet_resnet50_fpn": (1, 120_087, 4),
    "retinanet_resnet50_fpn_v2": (1, 120_087, 4),
    "retinanet_resnet50_paper": (1, 120_087, 4),
    "c3d": (1, 487),
    **dict.fromkeys(("deeplab_v3_resnet50", "deeplab_v3_resnet101"), (1, 21, 520, 520)),
    **dict.fromkeys(("yolov8n", "yolov8s", "yolov8m", "yolov8l", "yolov8x"), (1, 80, 20, 20)),
}
"""What does not end in the classes of ImageNet or CIFAR-10."""
