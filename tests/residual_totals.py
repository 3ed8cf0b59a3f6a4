"""Exact totals of the residual, dense and dual path networks: parameters and multiply-accumulates.

`test_architectures_residual.py` holds them to their twins, or to sums of their layers.
"""

RESIDUAL = {
    # local response normalization has no weights
    "vgg11_lrn": (132_863_336, 7_609_090_048),
    # 1x1 in place of 3x3 leaves 1/9 of the third convolutions: 8 (256*256 + 2*512*512) weights less, at 56, 28 and 14 squared
    "vgg16_1x1": (138_357_544 - 4_718_592, 15_470_264_320 - 8 * (56**2 * 256**2 + (28**2 + 14**2) * 512**2)),
    "vgg16_cifar10": (33_638_218, 332_111_872),
    "vgg16_bn_cifar10": (14_728_266, 313_201_664),
    # pytorchcv's preresnet50 and so on
    "preact_resnet50": (25_549_480, 3_857_973_248),
    "preact_resnet101": (44_541_608, 7_570_194_432),
    "preact_resnet152": (60_185_256, 11_282_415_616),
    "preact_resnet200": (64_666_280, 14_776_270_848),
    # A further unit in each stage of base w: 17 w*w weights and 12 w of BatchNorm; 93 of them, for w = 16, 32, 64
    "preact_resnet164": (1_703_258, 247_646_720),
    "preact_resnet1001": (1_703_258 + 93 * (17 * 5_376 + 12 * 112), 247_646_720 + 93 * 3 * 17 * 16**2 * 32**2),
    # Zagoruyko, Komodakis 2016, Table 4: 0.6 M to 36.5 M
    "wrn_40_1": (563_930, 83_280_512),
    "wrn_40_2": (2_243_546, 327_599_360),
    "wrn_40_4": (8_949_210, 1_298_582_016),
    "wrn_16_8": (10_961_370, 1_548_145_664),
    "wrn_28_10": (36_479_194, 5_243_328_768),
    # Xie et al. 2016, Table 7: 34.4 M and 68.1 M
    "resnext29_8x64d": (34_426_698, 5_387_266_048),
    "resnext29_16x64d": (68_155_210, 10_688_866_304),
    # ResNet-50 and, of each unit, two matrices of c*c/16 with biases: 2,530,992 parameters, 2,514,944 multiply-accumulates
    "seresnet50": (25_557_032 + 2_530_992, 4_089_184_256 + 2_514_944),
    "seresnet101": (49_326_872, 7_806_148_608),
    "seresnet152": (66_821_848, 11_520_204_800),
    "seresnet50_v1": (28_088_024, 4_091_699_200 - 3 * 77_070_336),
    "seresnet101_v1": (49_326_872, 7_806_148_608 - 3 * 77_070_336),
    "seresnet152_v1": (66_821_848, 11_520_204_800 - 3 * 77_070_336),
    "seresnext50_32x4d": (25_028_904 + 2_530_992, 4_230_479_872 + 2_514_944),
    "seresnext101_32x4d": (48_955_416, 7_974_739_968),
    "senet154": (115_088_984, 20_688_363_520),
    # Zoph et al. 2018, Table 1: 2.9 M and 26.2 M
    "shake_shake_26_2x32d": (2_923_162, 426_689_792),
    "shake_shake_26_2x96d": (26_192_922, 3_776_892_672),
    # torchvision's DenseNet(32, (6, 12, 64, 48), 64)
    "densenet264": (33_337_704, 5_751_653_376),
    # Huang et al. 2016, Table 2: 1.0 M to 27.2 M
    "densenet_40_12": (1_019_722, 264_812_928),
    "densenet_100_12": (6_979_642, 1_769_516_448),
    "densenet_100_24": (27_249_082, 6_889_347_744),
    "densenet_bc_100_12": (769_162, 287_929_692),
    "densenet_bc_250_24": (15_324_406, 5_418_785_724),
    "densenet_bc_190_40": (25_624_430, 9_301_945_740),
    "fractalnet20": (33_724_618, 845_222_912),
    "fractalnet40": (4_767_210, 128_582_912),
    "fractalnet34": (164_031_016, 24_164_982_784),
    "dpn68": (12_611_602, 2_326_163_456),
    "dpn92": (37_668_392, 6_501_684_224),
    "dpn98": (61_570_728, 11_671_217_152),
    "dpn107": (86_917_800, 18_298_764_288),
    "dpn131": (79_254_504, 16_013_648_896),
    # Chollet 2016, Table 3
    "xception": (22_855_952, 8_357_403_496),
    # torchvision's `num_params`, and MACs that agree with its `_ops`
    "convnext_tiny": (28_589_128, 4_455_531_264),
    "convnext_small": (50_223_688, 8_683_712_256),
    "convnext_base": (88_591_464, 15_354_729_472),
    "convnext_large": (197_767_336, 34_361_433_600),
    "regnet_x_400mf": (5_495_976, 413_812_608),
    "regnet_x_800mf": (7_259_656, 799_699_712),
    "regnet_x_1_6gf": (9_190_136, 1_602_849_792),
    "regnet_x_3_2gf": (15_296_552, 3_176_621_952),
    "regnet_x_8gf": (39_572_648, 7_995_132_416),
    "regnet_x_16gf": (54_278_536, 15_940_755_456),
    "regnet_x_32gf": (107_811_560, 31_735_929_792),
    "regnet_y_400mf": (4_344_144, 401_842_848),
    "regnet_y_800mf": (6_432_512, 833_856_256),
    "regnet_y_1_6gf": (11_202_430, 1_612_076_160),
    "regnet_y_3_2gf": (19_436_338, 3_176_482_752),
    "regnet_y_8gf": (39_381_472, 8_473_070_592),
    "regnet_y_16gf": (83_590_140, 15_911_510_272),
    "regnet_y_32gf": (145_046_770, 32_279_552_832),
    "regnet_y_128gf": (644_812_894, 127_517_815_680),
}
