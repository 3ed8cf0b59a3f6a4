"""Parameters and multiply-accumulates of the Inception and mobile families, training-only heads left out.

Where a comment names no other source, they are those of the network of that name in torchvision, timm or pytorchcv, with
which other tests compare them in full.
"""

INCEPTION = {
    # on 28x28 maps: 256*128 + 9*256*192 + 25*256*96 multiply-accumulates a position, one bias for each of 416 filters
    "inception_naive": (1_089_536 + 416, 28 * 28 * 1_089_536),
    # 256*128 + (256*64 + 9*64*192) + (256*64 + 25*64*96) + 256*64, and 608 filters
    "inception_reduced": (346_112 + 608, 28 * 28 * 346_112),
    "inception_v2": (11_295_240, 2_032_600_064),
    "inception_v4": (42_679_816, 12_253_974_624),
    "inception_resnet_v1": (23_995_624, 6_308_235_360),
    # Without the sixth C, 1,597,440 convolution weights, 1,792 biases and 4*2*192 of BatchNorm; the classifier reads 1,792
    # maps (1,793,000), not 512 units (513,000) behind an embedding (1,792*512 weights, 1,024 of BatchNorm).
    "inception_resnet_v1_paper": (22_756_328, 6_206_361_696),
    "inception_resnet_v2": (55_843_464, 13_155_794_016),
    # 96(3*121 + 1) + 256(25*96 + 1) + 384(9*256 + 1) + 1024(9*384 + 1), and two 1x1 layers behind each
    "nin_imagenet": (7_595_176, 1_100_188_800),
}

MOBILE = {
    "efficientnet_b0": (5_288_548, 385_814_752),
    "efficientnet_b1": (7_794_184, 686_802_832),
    "efficientnet_b2": (9_109_994, 993_561_872),
    "efficientnet_b3": (12_233_232, 1_827_141_392),
    "efficientnet_b4": (19_341_616, 4_393_771_024),
    "efficientnet_b5": (30_389_784, 10_266_384_752),
    "efficientnet_b6": (43_040_704, 19_067_593_536),
    "efficientnet_b7": (66_347_960, 37_745_884_192),
    "mnasnet0_5": (2_218_512, 104_455_968),
    "mnasnet0_75": (3_170_208, 215_493_104),
    "mnasnet1_0": (4_383_312, 314_415_872),
    "mnasnet1_3": (6_282_256, 526_362_432),
    "mobilenet_v3_large": (5_483_032, 216_589_760),
    "mobilenet_v3_small": (2_542_856, 56_510_400),
    # Howard et al. 2017, Table 4: 29.3 M; a 3x3 in place of every depthwise layer and the 1x1 behind it
    "conv_mobilenet": (29_294_088, 4_867_293_184),
    # parameters do not depend on the image, and operations shrink with the maps of the layers
    "mobilenet_v1_075_192": (2_585_560, 239_273_472),
    "mobilenet_v1_075_160": (2_585_560, 166_396_800),
    "mobilenet_v1_075_128": (2_585_560, 106_770_432),
    "mobilenet_v1_050_192": (1_331_592, 109_970_432),
    "mobilenet_v1_050_160": (1_331_592, 76_524_800),
    "mobilenet_v1_050_128": (1_331_592, 49_160_192),
    "mobilenet_v1_025_192": (470_072, 30_212_608),
    "mobilenet_v1_025_160": (470_072, 21_059_200),
    "mobilenet_v1_025_128": (470_072, 13_570_048),
    "shufflenet_v1_g1": (1_531_936, 143_078_976),
    "shufflenet_v1_g2": (1_733_848, 140_836_512),
    "shufflenet_v1_g3": (1_865_728, 137_460_672),
    "shufflenet_v1_g4": (1_968_344, 134_339_776),
    "shufflenet_v1_g8": (2_434_768, 138_365_952),
    "shufflenet_v1_g1_x0_25": (209_746, 11_003_184),
    "shufflenet_v1_g3_x0_25": (305_902, 11_009_808),
    "shufflenet_v1_g1_x0_5": (534_484, 38_517_408),
    "shufflenet_v1_g3_x0_5": (718_324, 37_589_856),
    # from here to g8_x2_0 the operations of the authors' table: 40, 292, 290, 524 and 522 M
    "shufflenet_v1_g8_x0_25": (454_504, 12_426_240),
    "shufflenet_v1_g8_x0_5": (1_011_448, 40_469_760),
    "shufflenet_v1_g3_x1_5": (3_442_168, 292_443_552),
    "shufflenet_v1_g8_x1_5": (4_269_952, 290_188_800),
    "shufflenet_v1_g3_x2_0": (5_450_776, 524_045_184),
    "shufflenet_v1_g8_x2_0": (6_522_232, 521_942_016),
    "shufflenet_v2_x0_5": (1_366_792, 40_476_448),
    "shufflenet_v2_x1_0": (2_278_604, 144_907_992),
    "shufflenet_v2_x1_5": (3_503_624, 295_759_392),
    "shufflenet_v2_x2_0": (7_393_996, 583_253_464),
    "nasnet_a_mobile": (5_289_978, 563_638_816),
    "nasnet_a_large": (88_753_150, 23_783_414_658),
    # Zoph et al. 2017, Table 1: 3.3 M
    "nasnet_a_cifar_6_768": (3_360_490, 558_685_696),
    "nasnet_a_cifar_7_2304": (32_700_394, 5_263_514_112),
}
