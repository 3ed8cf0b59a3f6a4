"""The language guide: every example is built, and every figure beside one is computed again."""

import re
from pathlib import Path

import pytest
from spec_texts import build, read

from cnnprof.judging.verification import FAILED, check_published
from cnnprof.network.analysis import analyze
from cnnprof.spec import elaborate
from cnnprof.spec.family import KEYS
from cnnprof.spec.functions import FUNCTIONS
from cnnprof.spec.words import JOINS, WORDS

GUIDE = (Path(__file__).parent.parent / "docs" / "specs.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"^```yaml\n((?:(?!```).*\n)*)```\n\n((?:.*params, .*MACs\n)+)", GUIDE, re.MULTILINE)
STEPS = [(step.replace(r"\|", "|"), size) for step, size in re.findall(r"^\| `([^`]+)` \| ([\dx]+) \|", GUIDE, re.MULTILINE)]
FIGURES = re.compile(
    r"(?:- )?(?:`(?P<variant>\w+)`: |with `(?P<settings>\S+)`: )?(?P<params>[\d,]+) params, (?P<macs>[\d,]+) MACs"
)


def test_every_example_states_figures():
    assert len(EXAMPLES) == GUIDE.count("```yaml") > 10
    assert len(STEPS) == GUIDE.count("\n| `") > 30


@pytest.mark.parametrize(("text", "stated"), EXAMPLES, ids=[text.partition("\n")[0] for text, _ in EXAMPLES])
def test_an_example_has_the_figures_below_it(text, stated):
    family = read(text)
    lines = [FIGURES.fullmatch(line) for line in stated.splitlines()]
    for line in lines:
        settings = dict(item.split("=") for item in line["settings"].split(",")) if line["settings"] else None
        profile = analyze(elaborate(family, line["variant"], settings))
        assert (f"{profile.totals.params:,}", f"{profile.totals.macs:,}") == (line["params"], line["macs"])
        assert not [verdict for verdict in check_published(profile) if verdict.status == FAILED]
    assert {line["variant"] for line in lines} >= {*family.variants}


@pytest.mark.parametrize(("step", "size"), STEPS, ids=[step for step, _ in STEPS])
def test_a_step_gives_the_size_beside_it(step, size):
    # What stands behind shows the size of what the step gives, also of one that adds no layer.
    output = analyze(build(f"input: 16x32x32\nlayers: ['{step}', relu]")).costs[-1].output
    assert "x".join(map(str, output[1:])) == size


@pytest.mark.parametrize("word", WORDS)
def test_a_word_has_an_example_that_begins_with_it(word):
    # A learned tensor is joined with something, which a line of a table cannot show.
    assert word == "parameter" or [step for step, _ in STEPS if word in step.split()]


@pytest.mark.parametrize(
    "word", [*WORDS, *FUNCTIONS, *JOINS, *KEYS, "repeat", "each", "for", "if", "aux", "let", "use", "none", "op", "opaque"]
)
def test_the_guide_has_every_word_of_the_language(word):
    assert re.search(rf"(?<![\w.]){word}(?![\w.])", GUIDE)
