"""How an error reads."""

from cnnprof.errors import CnnprofError, Place, did_you_mean


def test_place_trace_and_hint():
    error = CnnprofError(
        "unknown name 'widht'",
        Place("net.yaml", 5, 17, "  - conv 3x3 64*widht bn relu", 5),
        "did you mean 'width'?",
        ["in bottleneck(512, 2), called at line 34"],
    )
    assert str(error) == "\n".join(
        [
            "unknown name 'widht'",
            " --> net.yaml:5:17",
            "5 |   - conv 3x3 64*widht bn relu",
            "  |                 ^^^^^",
            "  = in bottleneck(512, 2), called at line 34",
            "  = hint: did you mean 'width'?",
        ]
    )


def test_did_you_mean():
    assert did_you_mean("resnet5", ["resnet50", "vgg16"]) == "did you mean 'resnet50'?"
    assert did_you_mean("vgg1", ["vgg11", "vgg16", "vgg19"]) == "did you mean 'vgg19', 'vgg16' or 'vgg11'?"
    assert did_you_mean("zzz", ["resnet50", "vgg16"]) is None
