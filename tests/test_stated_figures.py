"""What a paper states of a network is not said of another: other settings or another input."""

import pytest

import cnnprof


@pytest.mark.parametrize(
    ("reference", "input_shape", "stated"),
    [
        ("mobilenet_v1", None, True),
        ("mobilenet_v1", (3, 224, 224), True),
        ("mobilenet_v1", (3, 160, 160), False),
        ("mobilenet_v1@width=1.0", None, True),
        ("mobilenet_v1@width=0.75", None, False),
        ("mobilenet_v1@res=160", None, False),
        ("mobilenet_v1_160", None, True),
        ("resnet50@classes=10", None, False),
        ("vgg16", (3, 160, 160), False),
    ],
)
def test_what_is_still_stated(reference, input_shape, stated):
    facts = cnnprof.load(reference, input_shape=input_shape).facts
    assert bool(facts.published) == stated
    assert (facts.accuracy is not None) == stated
    assert facts.paper
