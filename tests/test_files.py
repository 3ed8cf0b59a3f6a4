"""Files that are read and written: within bounds, whole or not at all, and never the one that is read."""

import json
import os
import stat

import pytest
from shell import cnnprof

from cnnprof import api
from cnnprof.config import find_project
from cnnprof.errors import SpecError
from cnnprof.files import parse_json, read_within, replace_file

NET = "input: 1x8x8\nlayers:\n  - conv 3x3 4\n"


def test_a_file_that_is_there_keeps_its_mode(tmp_path):
    file = tmp_path / "private.json"
    file.write_text("old")
    file.chmod(0o600)
    replace_file(file, "new")
    assert (file.read_text(), stat.S_IMODE(file.stat().st_mode)) == ("new", 0o600)
    assert os.listdir(tmp_path) == ["private.json"]


def test_a_new_file_has_the_mode_that_the_user_gives_to_new_files(tmp_path):
    before = os.umask(0o027)
    try:
        replace_file(tmp_path / "new.json", "{}")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "new.json").stat().st_mode) == 0o640


def test_the_other_names_of_a_file_see_what_is_written(tmp_path):
    file, other = tmp_path / "a.json", tmp_path / "b.json"
    file.write_text("a longer text than the new one")
    other.hardlink_to(file)
    replace_file(file, "new")
    assert (file.read_text(), other.read_text()) == ("new", "new")
    assert file.samefile(other)


def test_a_link_stays_one(tmp_path):
    file, link = tmp_path / "a.json", tmp_path / "link.json"
    file.write_text("old")
    link.symlink_to(file)
    replace_file(link, "new")
    assert link.is_symlink()
    assert file.read_text() == "new"


def test_nothing_is_lost_where_the_new_content_finds_no_room(tmp_path, monkeypatch):
    file = tmp_path / "a.json"
    file.write_text("old")

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("cnnprof.files._create", full)
    with pytest.raises(OSError, match="No space"):
        replace_file(file, "new")
    assert file.read_text() == "old"


def test_a_text_with_half_a_character_is_written(tmp_path):
    replace_file(tmp_path / "a.txt", "half \ud800")
    assert (tmp_path / "a.txt").read_bytes() == rb"half \ud800"


def test_only_so_much_is_read(tmp_path):
    file = tmp_path / "a"
    file.write_bytes(bytes(1001))
    with pytest.raises(OSError, match=r"holds more than 0\.001 MB"):
        read_within(file, 1000)
    assert read_within(file, 1001) == bytes(1001)
    with pytest.raises(OSError, match="no regular file"):
        read_within("/dev/zero", 1000)
    os.mkfifo(tmp_path / "fifo")
    with pytest.raises(OSError, match="no regular file"):
        read_within(tmp_path / "fifo", 1000)


def test_deep_json_is_none():
    with pytest.raises(ValueError, match="deeply"):
        parse_json("[" * 100_000)


@pytest.mark.parametrize("option", ["--against", "--resume", "--calibration"])
@pytest.mark.parametrize("what", ["fifo", "deep", "device", "times"])
def test_a_file_of_results_that_is_none(tmp_path, option, what):
    file = tmp_path / "results.json"
    if what == "fifo":
        os.mkfifo(file)
    elif what == "deep":
        file.write_text('{"results":' + "[" * 200_000)
    elif what == "device":
        file.symlink_to("/dev/zero")
    else:
        file.write_text(json.dumps({"results": [{"times_ms": [[]]}], "rates": []}))
    arguments = ("why", "lenet5", "lenet5") if option == "--calibration" else ("bench", "lenet5")
    done = cnnprof(*arguments, "--quick", option, file)
    assert done.code in (2, 4)
    assert "results.json" in done.err


@pytest.mark.parametrize("times", [[[]], [[0.0]], [[-1.0]], [[float("nan")]], [[float("inf")]], [[None]], [["1"]], "1"])
def test_times_that_no_clock_says_are_none(tmp_path, times):
    row = {"model": "lenet5", "device": "cpu", "dtype": "fp32", "batch": 1, "mode": "infer", "status": "ok"}
    row |= {"input_shape": [1, 32, 32], "times_ms": times, "processes": [0], "wall_times_ms": [], "peak_memory_bytes": None}
    row |= {"environment": {}, "warnings": []}
    (tmp_path / "old.json").write_text(json.dumps({"results": [row]}))
    done = cnnprof("bench", "lenet5", "--quick", "--against", "old.json", "--fail-on", "slower", cwd=tmp_path)
    assert done.code == 2
    assert "old.json holds no measurements" in done.err


def test_a_project_file_that_is_nested_too_deeply_or_too_large(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "pyproject.toml"
    file.write_text("[tool.cnnprof]\npaths = " + "[" * 50_000)
    with pytest.raises(SpecError, match=r"pyproject\.toml is not valid TOML"):
        find_project()
    file.write_text("[tool.cnnprof]\n#" + "x" * 10**6)
    with pytest.raises(SpecError, match="holds more than 1 MB"):
        find_project()


@pytest.mark.parametrize(
    "arguments",
    [
        ("import", "net.yaml", "-o", "net.yaml"),
        ("import", "net.yaml@name=1", "-o", "./net.yaml"),
        ("summary", "net.yaml", "--format", "json", "-o", "net.yaml"),
        ("compare", "lenet5", "net.yaml#net", "--json", "-o", "link.yaml"),
        ("bench", "net.yaml", "--layers", "--trace", "net.yaml"),
        ("bench", "lenet5", "--against", "net.yaml", "-o", "net.yaml", "--json"),
        ("schema", "-o", "net.yaml"),
    ],
)
def test_what_is_read_is_not_overwritten(tmp_path, arguments):
    (tmp_path / "net.yaml").write_text(NET)
    (tmp_path / "link.yaml").symlink_to("net.yaml")
    done = cnnprof(*arguments, cwd=tmp_path)
    assert done.code == 2, done.err
    assert "overwritten" in done.err
    assert (tmp_path / "net.yaml").read_text() == NET


def test_a_network_at_another_batch_is_written_as_a_spec():
    assert api.to_spec(api.load("lenet5", batch=7)) == api.to_spec(api.load("lenet5"))


def test_a_spec_that_could_not_be_read_again_is_not_written(tmp_path, monkeypatch):
    monkeypatch.setattr("cnnprof.sources.specs.MAX_BYTES", 1000)
    done = cnnprof("import", "resnet18", "-o", tmp_path / "net.yaml")
    assert done.code == 3
    assert "resnet18 is too large for a spec" in done.err
    assert not [*tmp_path.iterdir()]
