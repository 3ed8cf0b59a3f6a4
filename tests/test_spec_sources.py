"""Which file a name stands for: the project's own folders, the bundled specs, paths, and what is wrong with them."""

from pathlib import Path

import pytest

from cnnprof.errors import SpecError
from cnnprof.sources import _catalogue, expand, specs
from cnnprof.sources._spec_names import defined_names
from cnnprof.spec import read_family

BLOCK = """input: 3x8x8
settings: {w: 4}
default: big
variants:   # two
  small: {w: 2}

  # a comment
  big:
    w: 8
    about: x
layers: conv 1x1 w
"""
TABLE = """input: 3x8x8
settings: {w: 4}
variants: |   # two
  name   w

  # a comment
  net_a  1
  net_b  2
layers: conv 1x1 w
"""
FLOW = "input: 3x8x8\nsettings: {w: 4}\nvariants: {one: {w: 1}, 'two': {w: 2}}\nlayers: conv 1x1 w\n"
QUOTED = "input: 3x8x8\nsettings: {w: 4}\nvariants:\n  'one': {w: 1}\n  \"two\": {w: 2}\nlayers: conv 1x1 w\n"
LONG = """input: 3x8x8
settings: {w: 4}
variants:
  one: {w: 1,
    about: a text
     that goes on}
  two: {}
layers: conv 1x1 w
"""
ALONE = "input: 3x8x8\nlayers: conv 1x1 4\n"
BROKEN = "input: 3x8x8\nvariants:\n  seen: {}\nlayers: [\n"


@pytest.fixture
def project(tmp_path, monkeypatch) -> Path:
    """A folder with a pyproject.toml that names the folder `nets`."""
    (tmp_path / "nets").mkdir()
    (tmp_path / "deep" / "er").mkdir(parents=True)
    (tmp_path / "pyproject.toml").write_text('[tool.cnnprof]\npaths = ["nets"]\n')
    monkeypatch.chdir(tmp_path / "deep" / "er")
    return tmp_path


@pytest.mark.parametrize(
    ("text", "names"),
    [
        (BLOCK, ["small", "big", "net"]),
        (TABLE, ["net_a", "net_b"]),
        (FLOW, ["one", "two"]),
        (QUOTED, ["one", "two"]),
        (LONG, ["one", "two"]),
        (ALONE, ["net"]),
        (BLOCK.replace("\n", "\r\n"), ["small", "big", "net"]),
        ("{input: 3x8x8, layers: relu, default: b, variants: {a: {}, b: {}}}", ["a", "b", "net"]),
        ("input: 3x8x8\nlayers: relu\ndefault: a\nvariants:\n    a: {}\n    b:\n", ["a", "b", "net"]),
        ("input: 3x8x8\nlayers: relu\nnotes: |\n  variants:\n    a: {}\n", ["net"]),
        (BROKEN, ["seen"]),
        ("variants: {a: [\n", ["net"]),
        ("\0", []),
    ],
)
def test_names_are_found_without_reading_the_whole_spec(tmp_path, text: str, names: list[str]) -> None:
    path = tmp_path / "net.yaml"
    path.write_bytes(text.encode())
    assert defined_names(path) == names


def test_every_bundled_file_defines_the_names_it_is_said_to() -> None:
    for path in sorted(_catalogue.bundled_folder().glob("*.yaml")):
        family = read_family(path)
        stem = [path.stem] if family.default or not family.variants else []
        assert defined_names(path) == list(dict.fromkeys([*family.variants, *stem])), path


def test_the_projects_own_folders_come_first(project) -> None:
    (project / "nets" / "mine.yaml").write_text(BLOCK)
    (project / "nets" / "vgg16.yml").write_text(ALONE)
    (project / "nets" / "notes.txt").write_text("no spec")
    names = specs.names()
    assert list(names)[:4] == ["small", "big", "mine", "vgg16"]
    assert names["vgg16"] == project / "nets" / "vgg16.yml"
    assert "resnet50" in names
    assert specs.load("mine").name == "big"
    assert specs.load("small").nodes[0].layer.out_channels == 2
    assert len(specs.load("vgg16")) == 1
    assert specs.load("vgg16").facts.source.endswith("vgg16.yml")


def test_two_files_that_define_one_name(project) -> None:
    (project / "nets" / "a.yaml").write_text(BLOCK)
    (project / "nets" / "b.yaml").write_text(BLOCK.replace("small", "other"))
    for call in (specs.names, lambda: specs.load("big"), lambda: specs.find("big")):
        with pytest.raises(SpecError) as caught:
            call()
        assert caught.value.message.startswith("'big' is defined twice, in ")
        assert "a.yaml" in caught.value.message
        assert "b.yaml" in caught.value.message
    assert specs.load("other").name == "other"


def test_a_file_with_a_mistake_shows_it_and_hides_no_other(project) -> None:
    (project / "nets" / "broken.yaml").write_text(BROKEN)
    (project / "nets" / "mine.yaml").write_text(ALONE)
    assert len(specs.load("mine")) == 1
    with pytest.raises(SpecError, match="not YAML"):
        specs.load("seen")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[tool.cnnprof\n", "is not valid TOML"),
        ('[tool.cnnprof]\npaths = "nets"\n', "paths is a list of folders"),
        ("[tool.cnnprof]\npaths = [3]\n", "paths is a list of folders"),
        ('[tool.cnnprof]\npaths = ["nots"]\n', "names 'nots', which is not a folder"),
        ('[tool.cnnprof]\npath = ["nets"]\n', "unknown key 'path' in [tool.cnnprof]"),
    ],
)
def test_a_wrong_pyproject(project, text: str, message: str) -> None:
    (project / "pyproject.toml").write_text(text)
    with pytest.raises(SpecError) as caught:
        specs.names()
    assert message in caught.value.message
    assert "pyproject.toml" in str(caught.value)


@pytest.mark.parametrize(
    ("data", "line"),
    [
        (b"[tool.cnnprof\npaths = []\n", 1),
        (b"[tool.cnnprof]\n\npaths = ['a', 'a' 'b']\n", 3),
        (b"[tool.cnnprof]\npaths = [\n", 2),  # where it ends
        (b"[tool.cnnprof]\r\n\r\n\r\npaths = '\xff'\r\n", 4),
    ],
)
def test_a_broken_pyproject_says_where(project, data: bytes, line: int) -> None:
    (project / "pyproject.toml").write_bytes(data)
    with pytest.raises(SpecError, match="is not valid TOML") as caught:
        specs.names()
    place = caught.value.place
    assert place is not None
    assert (place.line, place.file.endswith("pyproject.toml")) == (line, True)


@pytest.mark.parametrize("text", ["", "[project]\nname = 'cnnprof'\n", "[tool.cnnprof]\n", "[tool]\n", "not toml ["])
def test_a_pyproject_without_folders(project, text: str) -> None:
    (project / "pyproject.toml").write_text(text)
    assert specs.names()["resnet50"].name == "resnet.yaml"


def test_paths(project, monkeypatch) -> None:
    monkeypatch.chdir(project)
    Path("mine.yaml").write_text(BLOCK)
    Path("noext").write_text(ALONE)
    assert specs.load("mine.yaml").name == "big"
    assert specs.load("./mine.yaml#small").name == "small"
    assert specs.load(str(project / "noext")).name == "noext"
    assert specs.load("mine.yaml", {"w": "3"}, (1, 4, 4), 2).input_shape == (2, 1, 4, 4)
    assert specs.read_text("mine.yaml#small") == BLOCK
    assert specs.load("mine.yaml").nodes[0].place.file == "mine.yaml"
    with pytest.raises(SpecError, match="has no variant 'smal'"):
        specs.load("mine.yaml#smal")
    with pytest.raises(SpecError, match="no such file: other"):
        specs.load("other.yaml")


def test_bare_names() -> None:
    graph = specs.load("resnet50", input_shape=(3, 160, 160))
    assert (graph.name, graph.input_shape) == ("resnet50", (1, 3, 160, 160))
    assert specs.load("resnet").name == "resnet50"
    assert specs.load("resnet#resnet18").name == "resnet18"
    found = specs.find("resnet18")
    assert found is not None
    assert (found[0].stem, found[1]) == ("resnet", "resnet18")
    assert specs.find("nothing") is None
    with pytest.raises(SpecError, match="unknown network 'resnet5'") as caught:
        specs.load("resnet5")
    assert "'resnet50'" in (caught.value.hint or "")


def named(patterns):
    return [model.reference for model in expand(patterns)]


def test_a_glob_gives_each_network_once(project, monkeypatch) -> None:
    monkeypatch.chdir(project)
    assert "mobilenet_v2" in specs.names()
    assert named(["resnet*0"]) == ["resnet50", "resnet20", "resnet110"]
    assert {"resnet", "resnet50"} & set(named(["resnet*"])) == {"resnet50"}
    assert "mobilenet_v2" in named(["mobilenet*"]), "a family of its default's name"
    assert named(["resne[t]"]) == ["resnet"], "nothing else matches"
    assert named(["resnet", "resnet50"]) == ["resnet", "resnet50"], "both are asked for"
