"""What a paper states of a network is not said of another, unless its settings and input make it a published one, too."""

import pytest

import cnnprof


@pytest.mark.parametrize(
    ("reference", "input_shape", "stated_of"),
    [
        ("mobilenet_v1", None, "mobilenet_v1"),
        ("mobilenet_v1", (3, 224, 224), "mobilenet_v1"),
        ("mobilenet_v1", (3, 160, 160), "mobilenet_v1_160"),
        ("mobilenet_v1", (3, 168, 168), None),
        ("mobilenet_v1", (3, 160, 192), None),
        ("mobilenet_v1", (1, 160, 160), None),
        ("mobilenet_v1@width=1.0", None, "mobilenet_v1"),
        ("mobilenet_v1@width=0.75", None, "mobilenet_v1_075"),
        ("mobilenet_v1@width=0.75", (3, 160, 160), "mobilenet_v1_075_160"),
        ("mobilenet_v1@width=0.625", None, None),
        ("mobilenet_v1@res=160", None, "mobilenet_v1_160"),
        ("mobilenet_v1@res=168", None, None),
        ("mobilenet_v1_160", None, "mobilenet_v1_160"),
        ("mobilenet_v1_160", (3, 224, 224), "mobilenet_v1"),
        ("mobilenet_v1_160@classes=10", None, None),
        ("resnet50@classes=10", None, None),
        ("vgg16", (3, 160, 160), None),
    ],
)
def test_what_is_still_stated(reference, input_shape, stated_of):
    facts = cnnprof.load(reference, input_shape=input_shape).facts
    assert bool(facts.published) == (stated_of is not None)
    assert (facts.accuracy is not None) == (stated_of is not None)
    assert facts.paper
    if stated_of:
        own = cnnprof.load(stated_of).facts
        assert (facts.published, facts.accuracy) == (own.published, own.accuracy)


def test_what_the_paper_states_of_a_smaller_input():
    """MobileNets (arXiv:1704.04861), Table 7: 1.0 MobileNet-160 has 4.2 million parameters, 290 million MACs and 67.2 %."""
    facts = cnnprof.load("mobilenet_v1", input_shape=(3, 160, 160)).facts
    assert {key: figure.value for key, figure in facts.published.items()} == {"params": 4.2e6, "macs": 290e6}
    assert facts.accuracy.top1 == 67.2
