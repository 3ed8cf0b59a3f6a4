"""Every mistake around a spec's steps: one message at its line and column, with a hint where one fits."""

import pytest
from spec_texts import fault

HEAD = "input: 3x32x32\nsettings: {width: 1.0, n: 2, block: unit, flag: true, depths: [1, 2]}\n"


@pytest.mark.parametrize(
    ("text", "place", "message", "hint"),
    [
        ("layers: relu", (1, 1), "there is no 'input'", "a spec has at least 'input' and 'layers'"),
        ("input: 3x8x8", (1, 1), "there is no 'layers'", "a spec has at least 'input' and 'layers'"),
        (
            "input: 3x8x8x8x8\nlayers: relu",
            (1, 8),
            "'3x8x8x8x8' is not channels x height x width",
            "as in 3x224x224, or 3 x res x res",
        ),
        ("input: 3xresxres\nlayers: relu", (1, 8), "'3xresxres' is not channels x height x width", None),
        ("input: [3, 8, 8]\nlayers: relu", (1, 8), "'input' is channels x height x width", "write 3x8x8"),
        ("input: 3 x 0 x 8\nlayers: relu", (1, 12), "a size of the input is at least 1, not 0", None),
        ("input: 3 x 8/3 x 8\nlayers: relu", (1, 12), "a size of the input is a whole number, not 2.6666666666666665", None),
        ("input: 3 x res x 8\nlayers: relu", (1, 12), "unknown name 'res'", None),
        (HEAD + "layerz: relu", (3, 1), "unknown key 'layerz'", "did you mean 'layers' or 'year'?"),
        (HEAD + "year: soon\nlayers: relu", (3, 7), "a year has four digits", "as in year: 2015"),
        (HEAD + "name: [a]\nlayers: relu", (3, 7), "'name' is a text", None),
        (
            HEAD + "default: b\nvariants: {a: {}}\nlayers: relu",
            (3, 10),
            "the default 'b' is not a variant",
            "the variants are a",
        ),
        ("settings: [a]\ninput: 3x8x8\nlayers: relu", (1, 11), "'settings' is a mapping of names", None),
        ("settings: {3a: 1}\ninput: 3x8x8\nlayers: relu", (1, 12), "a setting is named by letters", None),
        (
            "settings: {a: {b: 1}}\ninput: 3x8x8\nlayers: relu",
            (1, 15),
            "the setting 'a' is a value or a list, not a mapping",
            None,
        ),
        ("settings: {a: [1}\n", (1, 17), "not YAML", None),
        ("settings: {a: (1}\ninput: 3x8x8\nlayers: relu", (1, 15), "'(1' is not an expression", None),
        ("settings:\n  a: [[1, 2], [3]]\n  b: (1, x)\ninput: 3 x a[2] x 8\nlayers: relu", (4, 12), "there is no entry 2", None),
        (HEAD + "variants: {a: {widht: 3}}\nlayers: relu", (3, 16), "there is no setting 'widht'", "did you mean 'width'?"),
        (
            HEAD + "variants: {a: {width: big}}\nlayers: relu",
            (3, 23),
            "the setting 'width' is a number, not the text 'big'",
            None,
        ),
        (HEAD + "variants: {a: {depths: 3}}\nlayers: relu", (3, 24), "the setting 'depths' is a list, not 3", None),
        (HEAD + "variants: {a: {flag: 1}}\nlayers: relu", (3, 22), "the setting 'flag' is true or false, not 1", None),
        (HEAD + "variants: {a: {block: 1}}\nlayers: relu", (3, 23), "the setting 'block' is a text, not 1", None),
        (HEAD + "variants: {a: 3}\nlayers: relu", (3, 15), "the variant 'a' is a mapping of settings", None),
        (HEAD + "variants: {a b: {}}\nlayers: relu", (3, 12), "'a b' cannot name a variant", None),
        (HEAD + "variants: [a]\nlayers: relu", (3, 11), "'variants' is a mapping, or a table under '|'", None),
        (HEAD + "variants: |\n  width name\nlayers: relu", (4, 3), "the first column of variants is 'name'", None),
        (
            HEAD + "variants: |\n  name  widht\n  a  1\nlayers: relu",
            (4, 9),
            "there is no setting 'widht'",
            "did you mean 'width'?",
        ),
        (HEAD + "variants: |\n  name  width\n  a  big\nlayers: relu", (5, 6), "the setting 'width' is a number", None),
        (HEAD + "variants: |\n  name  width\n  a  1\n  a  2\nlayers: relu", (6, 3), "the variant 'a' stands twice", None),
        (
            HEAD + "variants: |\n  name  width\n  a  1  2\nlayers: relu",
            (5, 9),
            "this row has 3 cells, and the header has 2",
            None,
        ),
        (
            HEAD + "variants: |\n  name  published.parms\n  a  1\nlayers: relu",
            (4, 19),
            "'published' has no key 'parms'",
            "did you mean 'params'?",
        ),
        (
            HEAD + "variants: |\n  name  published.params\n  a  2m\nlayers: relu",
            (5, 7),
            "unknown unit 'm'",
            "did you mean 'M'?",
        ),
        (HEAD + "published: {params: 12X}\nlayers: relu", (3, 23), "unknown unit 'X'", "it may be k M G T"),
        (HEAD + "published: {parms: 12}\nlayers: relu", (3, 13), "'published' has no key 'parms'", "did you mean 'params'?"),
        (HEAD + "published: {params: many}\nlayers: relu", (3, 21), "'many' is not a figure", None),
        (HEAD + "published: {top1: 120}\nlayers: relu", (3, 19), "'top1' is in percent, from 0 to 100", None),
        (HEAD + "published: {top1: 76M}\nlayers: relu", (3, 21), "unknown unit 'M'", "it may be %"),
        (HEAD + "published: {params: {valu: 3}}\nlayers: relu", (3, 22), "a figure has no key 'valu'", "did you mean 'value'?"),
        (HEAD + "published: {params: {why: x}}\nlayers: relu", (3, 21), "'params' has no 'value'", None),
        (HEAD + "published: {params: [3]}\nlayers: relu", (3, 21), "'params' is a figure such as 138M", None),
        (HEAD + "published: 138M\nlayers: relu", (3, 12), "'published' is a mapping", None),
        (HEAD + "tables: {t: [1]}\nlayers: relu", (3, 13), "a table is text under '|'", None),
        (HEAD + "tables: {t: ''}\nlayers: relu", (3, 13), "this table is empty", None),
        (HEAD + "tables:\n  t: |\n    a a\nlayers: relu", (5, 7), "the column 'a' stands twice", None),
        (HEAD + "tables:\n  t: |\n    a 3\nlayers: relu", (5, 7), "a column is named by letters", None),
        (
            HEAD + "tables:\n  t: |\n    a b\n    1\nlayers: relu",
            (6, 5),
            "this row has 1 cells, and the header has 2",
            "'-' is an empty cell",
        ),
        (HEAD + "tables:\n  t: |\n    X .\n    X\nlayers: relu", (6, 5), "this row has 1 cells", None),
        (HEAD + "tables:\n  t: |\n    X .\nlayers: {each: t, do: relu}", (6, 16), "the table 't' has no header", None),
        (
            HEAD + "tables:\n  t: |\n    a\n    1\nlayers: conv 3x3 1 connect=t",
            (7, 28),
            "conv: a connection table holds nothing but X and .",
            None,
        ),
        (
            HEAD + "tables:\n  t: |\n    X .\nlayers: conv 3x3 1 connect=t",
            (6, 18),
            "conv: the table connects 2 filters, not 1",
            None,
        ),
        (
            HEAD + "tables:\n  t: |\n    X .\nlayers: conv 3x3 2 g2 connect=t",
            (6, 20),
            "conv: a connection table goes with no groups",
            None,
        ),
        (
            HEAD + "tables:\n  t: |\n    X .\nlayers: conv 3x3 2 connect=t",
            (6, 9),
            "conv1 (PartialConv2d): its connection table has 1 rows",
            None,
        ),
        (HEAD + "blocks: [a]\nlayers: relu", (3, 9), "'blocks' is a mapping of signatures", None),
        (
            HEAD + "blocks: {unit: relu}\nlayers: relu",
            (3, 10),
            "a block's key is its signature",
            "write unit(): or unit(w, s=1):",
        ),
        (
            HEAD + "blocks: {conv(): relu}\nlayers: relu",
            (3, 10),
            "'conv' cannot name a block: it is a word of the language",
            None,
        ),
        (HEAD + "blocks: {'a(x, x)': relu}\nlayers: relu", (3, 16), "the argument 'x' stands twice", None),
        (HEAD + "blocks: {'a(x=1, y)': relu}\nlayers: relu", (3, 18), "an argument without a default stands before", None),
        (HEAD + "blocks: {'a(x,, y)': relu}\nlayers: relu", (3, 15), "a name is missing at this comma", None),
        (HEAD + "blocks:\n  a(): relu\n  'a( )': relu\nlayers: relu", (5, 4), "the block 'a' stands twice", None),
        (HEAD + "blocks:\n  a(): relu\nlayers: {a: 3}", (5, 10), "unknown step 'a:'", "call a block on one line: a arguments"),
        (HEAD + "blocks:\n  a(): relu\nlayers: relu -> a", (5, 17), "'a' cannot name an output: it is a block", None),
        (HEAD + "layers:\n  - aux: conv 1x1 8 -> z\n  - z | relu", (5, 9), "this continues from a training-only head", None),
        (
            HEAD + "layers: [conv k=(3,1) 64]",
            (3, 17),
            "unbalanced '('",
            "a comma inside [...] or {...} ends an item in YAML: quote the step, or write it on a line of its own",
        ),
        (HEAD + 'layers:\n  - "conv\\x20 3x3 \\\n    64*widht"', (5, 8), "unknown name 'widht'", "did you mean 'width'?"),
        (HEAD + "layers:\n  - >\n    conv 3x3\n    64*widht", (6, 8), "unknown name 'widht'", "did you mean 'width'?"),
        (HEAD + "layers:\n  - |\n    conv 3x3\n    64*widht", (6, 8), "unknown name 'widht'", "did you mean 'width'?"),
        (HEAD + "layers:\n  - conv 3x3\n    64*widht", (5, 8), "unknown name 'widht'", "did you mean 'width'?"),
        (HEAD + "layers: conv 3x3 " + "1+" * 1100, (3, 9), "a step has at most 2000 characters", None),
    ],
)
def test_files(text: str, place: tuple[int, int], message: str, hint: str | None) -> None:
    error = fault(text)
    assert error.place
    assert (error.place.line, error.place.column) == place
    assert error.message.startswith(message)
    assert hint is None or error.hint == hint
