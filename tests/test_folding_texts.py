"""Networks written out, line after line, that are to be folded into what a person would have written."""

import pytest
from spec_texts import build

from cnnprof.network.analysis import analyze
from cnnprof.sources._writing import _layers, _plain, write_text

STAGES = """
input: 3x64x64
layers:
  - conv 3x3 8 relu | maxpool 2x2
  - conv 3x3 16 relu | conv 3x3 16 relu | maxpool 2x2
  - conv 3x3 32 relu | conv 3x3 32 relu | conv 3x3 32 relu | conv 3x3 32 relu | maxpool 2x2
  - conv 3x3 32 relu | conv 3x3 32 relu | maxpool 2x2
  - fc 10
"""

STAGES_FOLDED = """layers:
  - for: n, w in zip([1, 2, 4, 2], [8, 16, 32, 32])
    do:
      - {repeat: n, do: conv 3x3 w relu}
      - maxpool 2x2
  - fc 10
"""

EXPANDED = """
input: 16x32x32
blocks:
  excite(narrow):
    - let wide = C
    - mul: [gap | conv 1x1 narrow relu | conv 1x1 wide | sigmoid, identity]
  inverted(factor, w, s=1):
    - let narrow = C // 4
    - add:
        - - conv 1x1 factor*C bn silu if factor > 1
          - dw 3x3 s=s bn silu
          - excite narrow
          - conv 1x1 w bn
        - identity if s == 1 and C == w else none
layers:
  - inverted 1 16
  - inverted 4 24 s=2
  - inverted 4 24
  - inverted 4 40 s=2
  - inverted 6 40
  - inverted 6 64
  - gap | fc 10
"""

EXPANDED_FOLDED = """blocks:
  excite(w):
    - let c = C
    - mul: [gap | conv 1x1 w relu | conv 1x1 c | sigmoid, identity]
  inverted(e, w, s=1):
    - let c = C
    - add:
        - - conv 1x1 e*C bn silu if e != 1
          - dw 3x3 s=s bn silu | excite c//4 | conv 1x1 w bn
        - identity if C == w else none
layers:
  - inverted 1 16
  - {repeat: 2, do: inverted 4 24 s=(2 if first else 1)}
  - inverted 4 40 s=2
  - inverted 6 40
  - inverted 6 64
  - gap | fc 10
"""

ONCE = """
input: 8x32x32
blocks:
  unit(k):
    - add: [conv k=k C bn relu | conv 3x3 C bn, identity]
  stage(n, w):
    - conv 3x3 w s2 bn relu
    - {repeat: n, do: unit 5}
layers:
  - stage 3 8
  - stage 1 16
  - stage 4 32
  - gap | fc 10
"""

ONCE_FOLDED = """blocks:
  stage(w, n):
    - conv 3x3 w s2 bn relu
    - repeat: n
      do:
        - add: [conv 5x5 w bn relu | conv 3x3 w bn, identity]
layers:
  - stage 8 3
  - stage 16 1
  - stage 32 4
  - gap | fc 10
"""

SKIPS = """
input: 3x64x64
layers:
  - conv 3x3 8 bn relu -> a
  - maxpool 2x2 | conv 3x3 16 bn relu -> b
  - maxpool 2x2 | conv 3x3 32 bn relu -> c2
  - maxpool 2x2 | conv 3x3 64 bn relu | deconv 2x2 32 s2 p0
  - concat: [c2, identity]
  - conv 3x3 32 bn relu | deconv 2x2 16 s2 p0
  - concat: [b, identity]
  - conv 3x3 16 bn relu | deconv 2x2 8 s2 p0
  - concat: [a, identity]
  - conv 3x3 8 bn relu | conv 1x1 1
"""

SKIPS_FOLDED = """layers:
  - conv 3x3 8 bn relu -> a | maxpool 2x2
  - conv 3x3 16 bn relu -> b | maxpool 2x2
  - conv 3x3 32 bn relu
  - concat:
      - identity
      - - maxpool 2x2
        - conv 3x3 64 bn relu | deconv 2x2 32 s2 p0
  - conv 3x3 32 bn relu | deconv 2x2 16 s2 p0
  - concat: [b, identity]
  - conv 3x3 16 bn relu | deconv 2x2 8 s2 p0
  - concat: [a, identity]
  - conv 3x3 8 bn relu | conv 1x1 1
"""

NAMED = """
input: 8x32x32
blocks:
  unit():
    - add: [conv 3x3 C bn relu | conv 3x3 C bn, identity]
    - relu
layers:
  - {repeat: 4, do: unit}
  - -> high | conv 3x3 16 s2 bn relu
  - {repeat: 4, do: unit}
  - -> low | conv 1x1 8 | upsample 2
  - add: [high, identity]
  - relu -> fused | high | conv 3x3 16 s2
  - add: [low, identity]
  - concat: [identity, fused | maxpool 2x2]
  - gap | fc 10
"""

NAMED_FOLDED = """blocks:
  unit():
    - add: [conv 3x3 C bn relu | conv 3x3 C bn, identity]
    - relu
layers:
  - {repeat: 4, do: unit}
  - -> stage1
  - add:
      - identity
      - - conv 3x3 16 s2 bn relu
        - {repeat: 4, do: unit}
        - -> stage2 | conv 1x1 8 | upsample 2x2
  - relu -> fused
  - add: [stage2, stage1 | conv 3x3 16 s2]
  - concat: [identity, fused | maxpool 2x2]
  - gap | fc 10
"""

SOUND = """
input: 1x256
layers:
  - conv 5 16 bn relu | maxpool 2
  - conv 5 32 bn relu | maxpool 2
  - conv 5 64 bn relu | maxpool 2
  - gap | fc 4
"""

SOUND_FOLDED = """layers:
  - for: w in [16, 32, 64]
    do: conv 5 w bn relu | maxpool 2
  - gap | fc 4
"""

GROWN = """
input: 8x16x16
layers:
  - concat: [identity, bn | relu | conv 3x3 4 nobias]
  - concat: [identity, bn | relu | conv 3x3 4 nobias]
  - concat: [identity, bn | relu | conv 3x3 4 nobias]
  - concat: [identity, bn | relu | conv 3x3 4 nobias]
  - gap | fc 10
"""

GROWN_FOLDED = """layers:
  - repeat: 4
    do:
      - concat: [identity, bn | relu | conv 3x3 4 nobias]
  - gap | fc 10
"""


SPLIT = """
input: 16x32x32
blocks:
  unit():
    - chunk 2 -> [kept, mixed]
    - mixed | conv 3x3 C bn relu -> mixed
    - concat: [kept, mixed]
    - split (4,12) -> [few, most]
    - concat: [most | conv 1x1 4 bn, few | conv 1x1 12 bn]
layers:
  - {repeat: 4, do: unit}
  - split (12,20) axis=2 -> [above, below]
  - add: [above | conv 3x3 8 | maxpool 3x8 p0, below | conv 3x3 8 | maxpool 5x8 p0]
  - gap | fc 10
"""

SPLIT_FOLDED = """blocks:
  unit():
    - chunk 2 -> [part1, part2]
    - concat: [part1, part2 | conv 3x3 8 bn relu]
    - split (4,12) -> [part1_2, part2_2]
    - concat: [part2_2 | conv 1x1 4 bn, part1_2 | conv 1x1 12 bn]
layers:
  - {repeat: 4, do: unit}
  - split (12,20) axis=2 -> [take1, take2]
  - add: [take1 | conv 3x3 8 | maxpool 3x8, take2 | conv 3x3 8 | maxpool 5x8]
  - gap | fc 10
"""

ACTS = """
input: 3x32x32
blocks:
  inverted(wide, w, s=1, act='relu'):
    - add:
        - conv 1x1 wide bn | use act | dw 3x3 s=s bn | use act | conv 1x1 w bn
        - identity if s == 1 and C == w else none
layers:
  - conv 3x3 16 bn relu
  - inverted 40 16
  - inverted 72 24 s=2
  - inverted 88 24
  - inverted 120 40 s=2 act='hardswish'
  - inverted 100 40 act='hardswish'
  - gap | fc 10
"""

ACTS_FOLDED = """blocks:
  inverted(w, w2, act='relu', s=1):
    - add:
        - conv 1x1 w bn | use act | dw 3x3 s=s bn | use act | conv 1x1 w2 bn
        - identity if C == w2 else none
layers:
  - conv 3x3 16 bn relu
  - inverted 40 16
  - inverted 72 24 s=2
  - inverted 88 24
  - inverted 120 40 act='hardswish' s=2
  - inverted 100 40 act='hardswish'
  - gap | fc 10
"""


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        pytest.param(STAGES, STAGES_FOLDED, id="stages of runs"),
        pytest.param(EXPANDED, EXPANDED_FOLDED, id="an expansion, and a part of what a block begins with"),
        pytest.param(ONCE, ONCE_FOLDED, id="loops of one round"),
        pytest.param(SKIPS, SKIPS_FOLDED, id="skip connections by name"),
        pytest.param(NAMED, NAMED_FOLDED, id="loops whose end has a name"),
        pytest.param(SOUND, SOUND_FOLDED, id="one axis"),
        pytest.param(SPLIT, SPLIT_FOLDED, id="parts of an axis, and joins of what begins elsewhere"),
        pytest.param(ACTS, ACTS_FOLDED, id="blocks of other activations"),
        pytest.param(GROWN, GROWN_FOLDED, id="rounds that read more and more channels"),
    ],
)
def test_networks_read_as_they_were_written(given, wanted):
    graph = build(given)
    text = write_text(graph, compact=True)
    assert text.endswith(f"\n{wanted}")
    assert _layers(build(text)) == _layers(_plain(graph))


SHARED_WITHOUT_A_WORD = """
input: 4x6x8
shared:
  along_rows(): op Linear out_features=8
layers:
  - along_rows
  - relu
  - along_rows
  - gap | fc 10
"""


def test_weights_of_layers_without_a_word_stay_shared():
    # A linear layer over the rows of an image: 8 (8 + 1) weights once, beside 10 (4 + 1), and 4 x 6 x 8 x 8 products twice.
    graph = build(SHARED_WITHOUT_A_WORD)
    text = write_text(graph, compact=True)
    again = build(text)
    assert text.partition("shared:\n")[2].startswith("  along_rows1_linear1(): op Linear out_features=8\n")
    assert _layers(_plain(again)) == _layers(_plain(graph))
    assert analyze(again).totals.params == 8 * 9 + 10 * 5
    assert analyze(again).totals.macs == 2 * 4 * 6 * 8 * 8 + 40
