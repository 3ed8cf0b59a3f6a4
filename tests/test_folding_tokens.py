"""Transformers written out, line after line, that are to be folded into what a person would have written."""

import pytest
from spec_texts import build

from cnnprof.sources._writing import _layers, _plain, write_text

VISION = """
input: 3x32x32
blocks:
  encoder():
    - add: [identity, ln eps=1e-6 | attention 4]
    - add: [identity, ln eps=1e-6 | fc 64 gelu | fc 16]
layers:
  - conv 8x8 16 s8 p0 | tokens | clstoken | posembed
  - {repeat: 5, do: encoder}
  - ln eps=1e-6 | token 0 | fc 10
"""

VISION_FOLDED = """blocks:
  encoder():
    - add: [identity, ln eps=1e-6 | attention 4]
    - add: [identity, ln eps=1e-6 | fc 64 gelu | fc 16]
layers:
  - conv 8x8 16 s8 p0 | tokens | clstoken | posembed
  - {repeat: 5, do: encoder}
  - ln eps=1e-6 | token | fc 10
"""

MIXER = """
input: 3x32x32
blocks:
  mlp(w):
    - let c = C
    - fc w gelu | dropout 0.1 | fc c | dropout 0.1
  mixer():
    - add: [identity, "ln | permute (2,1) tokens | mlp 8 | permute (2,1) tokens"]
    - add: [identity, ln | mlp 64]
layers:
  - conv 8x8 16 s8 p0 | tokens
  - {repeat: 3, do: mixer}
  - ln | permute (2,1) | reshape (16,4,4) | gap | fc 10
"""

MIXER_FOLDED = """blocks:
  mixer():
    - add:
        - identity
        - ln | permute (2,1) tokens | fc 8 gelu | dropout 0.1 | fc 16 | dropout 0.1 | permute (2,1) tokens
    - add: [identity, ln | fc 64 gelu | dropout 0.1 | fc 16 | dropout 0.1]
layers:
  - conv 8x8 16 s8 p0 | tokens
  - {repeat: 3, do: mixer}
  - ln | permute (2,1) | reshape (16,4,4) | gap | fc 10
"""

CHANNELS_LAST = """
input: 3x32x32
blocks:
  mlp(w):
    - add: [identity, ln | fc 4*C gelu | dropout 0.1 | fc w]
layers:
  - conv 4x4 16 s4 p0 | permute (2,3,1) tokens | ln
  - {repeat: 3, do: mlp 16}
  - fc 32
  - {repeat: 4, do: mlp 32}
  - op Roll shifts=(1,1) dims=(1,2) tokens | ln
  - gap | fc 10
"""

CHANNELS_LAST_FOLDED = """blocks:
  stage(n):
    - let c = C
    - repeat: n
      do:
        - add: [identity, ln | fc 4*c gelu | dropout 0.1 | fc c]
layers:
  - conv 4x4 16 s4 p0 | permute (2,3,1) tokens | ln
  - stage 3
  - fc 32
  - stage 4
  - op Roll shifts=(1,1) dims=(1,2) tokens | ln | gap | fc 10
"""


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        pytest.param(VISION, VISION_FOLDED, id="tokens, their positions and their attention"),
        pytest.param(MIXER, MIXER_FOLDED, id="tokens the other way round"),
        pytest.param(CHANNELS_LAST, CHANNELS_LAST_FOLDED, id="images whose last axis has the channels"),
    ],
)
def test_transformers_read_as_they_were_written(given, wanted):
    graph = build(given)
    text = write_text(graph, compact=True)
    assert text.endswith(f"\n{wanted}")
    assert _layers(build(text)) == _layers(_plain(graph))


def test_tokens_stay_tokens_behind_an_activation_without_a_word():
    text = VISION.replace("fc 64 gelu |", "fc 64 | op GELU approximate=tanh |")
    assert text != VISION
    graph = build(text)
    folded = write_text(graph, compact=True)
    assert _layers(build(folded)) == _layers(_plain(graph))
    assert "    - add: [identity, ln eps=1e-6 | fc 64 | op GELU approximate=tanh | fc 16]\n" in folded


def test_what_takes_nothing_has_no_word():
    graph = build("input: 8x16\nlayers:\n  - op Slice dim=1 start=0 length=0 -> none_of_them | relu")
    assert "op Slice dim=1 start=0 length=0" in write_text(graph, compact=True)


def test_a_learned_tensor_before_attention_is_no_word_of_tokens():
    graph = build("""
input: 3x32x32
layers:
  - conv 8x8 16 s8 p0 | tokens -> x
  - parameter (1,1,16,16) -> bias
  - x | fc 48 | op Reshape size=(1,16,3,2,8) | op Permute dims=(2,0,3,1,4) -> qkv
  - op Select dim=0 index=0 -> q
  - qkv | op Select dim=0 index=1 -> k
  - {op: ScaledDotProductAttention, of: [q, k, k, bias]}
  - op Permute dims=(0,2,1,3) | op Reshape size=(1,16,16) | op Linear out_features=16
  - gap | fc 4
""")
    text = write_text(graph, compact=True)
    assert _layers(build(text)) == _layers(_plain(graph))


def test_windows_are_samples_of_their_own():
    given = """
input: 3x32x32
batch: N
layers:
  - conv 4x4 16 s4 p0 | permute (2,3,1) tokens | ln
  - reshape (2,4,2,4,16) | permute (1,3,2,4,5) | reshape (16,16) batch=N*4 tokens
  - fc 48 | fc 16 | reshape (2,2,4,4,16) batch=N | permute (1,3,2,4,5) | reshape (8,8,16) tokens
  - ln | gap | fc 10
"""
    text = write_text(build(given), compact=True, again=lambda batch: build(given, batch=batch))
    assert "reshape (16,16) batch=N*4 tokens | fc 48" in text
    assert "reshape (2,2,4,4,16) batch=N\n" in text
    for batch in (1, 5):
        assert _layers(build(text, batch=batch)) == _layers(_plain(build(given, batch=batch)))


def test_queries_keys_and_values_are_called_so():
    given = """
input: 3x32x32
blocks:
  attend(heads):
    - let w = C
    - fc 3*C | reshape (64,3,heads,w//heads) | op Permute dims=(2,0,3,1,4) | unbind axis=0 -> [one, two, three]
    - matmul: [one | scale 0.25, "two | permute (1,3,2)"]
    - softmax axis=3
    - matmul: [identity, three]
    - permute (2,1,3) | reshape (64,w) tokens | fc w
layers:
  - conv 4x4 16 s4 p0 | tokens
  - {repeat: 2, do: attend 4}
  - fc 32
  - {repeat: 2, do: attend 8}
  - gap | fc 10
"""
    graph = build(given)
    text = write_text(graph, compact=True)
    assert _layers(build(text)) == _layers(_plain(graph))
    assert "unbind axis=0 -> [q, k, v]" in text
    assert 'matmul: [q | scale 0.25, "k | permute (1,3,2)"]' in text
    assert "matmul: [identity, v]" in text
