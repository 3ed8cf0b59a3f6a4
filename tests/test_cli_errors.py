"""Bad input: one message, the right exit code, no traceback, and nothing lost."""

import json
import signal
import subprocess
import sys
import time

import pytest
from shell import cnnprof, process, start

NET = """\
name: Net
input: 3x32x32
settings: {width: 1.0, classes: 10}
layers:
  - conv 3x3 64 s2 bn relu
  - conv 3x3 64*widht bn relu
  - gap | fc classes
"""


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["resnet50"], 2, "cnnprof summary resnet50"),
        (["sumary", "resnet50"], 2, "Did you mean 'summary'?"),
        (["summary", "resnet5"], 3, "unknown network 'resnet5'"),
        (["summary", "resnet5"], 3, "'resnet50'"),
        (["summary", "tourchvision:resnet50"], 3, "did you mean 'torchvision'"),
        (["summary", "torchvision:resnet51"], 3, "resnet50"),
        (["summary", "nowhere.yaml"], 3, "nowhere.yaml"),
        (["summary", "resnet50#x.yaml"], 3, "resnet50#x.yaml"),
        (["summary", ""], 3, "the network's name is empty"),
        (["summary", "resnet50", "--set", "depth=5"], 3, "there is no setting 'depth'"),
        (["summary", "resnet50", "--set", "classes"], 2, "'classes' is not a setting"),
        (["summary", "resnet50", "--set", "classes=many"], 3, "classes"),
        (["summary", "resnet50", "--set", "classes=0.5"], 3, "classes"),
        (["summary", "resnet50", "--input", "224"], 2, "'224' is not an input size"),
        (["summary", "resnet50", "--input", "3x0x224"], 2, "is not an input size"),
        (["summary", "vgg16", "--input", "3x16x16"], 3, "needs at least"),
        (["summary", "resnet50", "--batch", "0"], 2, "batch"),
        (["summary", "resnet50", "--format", "jsn"], 2, "did you mean 'json'"),
        (["summary", "resnet50", "-o", "x.unknown"], 2, "names no format"),
        (["summary", "resnet50", "-o", "no/such/folder/x.json"], 2, "there is no directory"),
        (["summary", "resnet50", "--by", "type", "--depth", "2"], 2, "does not go with"),
        (["summery", "resnet50"], 2, "summary"),
        (["compare", "resnet50", "--baseline", "vgg61"], 2, "vgg61"),
        (["compare", "zzz*"], 3, "no network's name matches 'zzz*'"),
        (["bench", "resnet18", "--batch", "1,x"], 2, "is not a list of batch sizes"),
        (["bench", "resnet18", "--batch", "0"], 2, "is not a list of batch sizes"),
        (["bench", "nosuchnet"], 3, "unknown network 'nosuchnet'"),
    ],
)
def test_one_message_and_the_exit_code(arguments, code, message):
    done = cnnprof(*arguments, COLUMNS="200")
    assert done.code == code
    assert message in done.err
    assert done.out == ""


def test_the_place_in_a_spec(tmp_path):
    (tmp_path / "net.yaml").write_text(NET)
    done = cnnprof("summary", "net.yaml", cwd=tmp_path)
    assert done.code == 3
    assert done.err == "\n".join(
        [
            "error: unknown name 'widht'",
            " --> net.yaml:6:17",
            "6 |   - conv 3x3 64*widht bn relu",
            "  |                 ^^^^^",
            "  = hint: did you mean 'width'?",
            "",
        ]
    )


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "empty"),
        (b"\x00\x01\x02\xff\xfe binary", "net.yaml"),
        (b"a: [1, 2", "net.yaml"),
        (b"- a list\n", "net.yaml"),
        (b"name: x\n" + b"# filler\n" * 40_000, "too large"),
    ],
)
def test_a_file_that_is_no_spec(tmp_path, content, message):
    (tmp_path / "net.yaml").write_bytes(content)
    done = cnnprof("summary", "net.yaml", cwd=tmp_path)
    assert done.code == 3
    assert message in done.err
    assert len(done.err.splitlines()) < 12


def test_a_directory_is_no_spec(tmp_path):
    (tmp_path / "net.yaml").mkdir()
    done = cnnprof("summary", "net.yaml", cwd=tmp_path)
    assert done.code == 3
    assert "directory" in done.err


def test_a_failed_write_keeps_the_good_file(tmp_path):
    good = tmp_path / "out.json"
    good.write_text("good")
    done = cnnprof("summary", "net.yaml", "-o", good, cwd=tmp_path)
    assert done.code == 3
    done = cnnprof("summary", "lenet5", "-o", tmp_path)
    assert done.code == 2
    assert "directory" in done.err
    assert good.read_text() == "good"
    assert [path.name for path in tmp_path.iterdir()] == ["out.json"]


def test_a_closed_pipe_is_no_error():
    command = f"{sys.executable} -m cnnprof summary resnet1202 --by layer --format csv"
    shell = subprocess.run(
        ["bash", "-c", f"set -o pipefail; {command} | head -1"], capture_output=True, text=True, check=True, timeout=60
    )
    assert len(shell.stdout.splitlines()) == 1
    assert shell.stderr == ""


def test_a_closed_or_full_stdout_is_no_defect():
    command = f"CNNPROF_DEBUG= PYTHONUNBUFFERED= {sys.executable} -m cnnprof"
    for where, code, said in [("summary lenet5 >&-", 0, ""), ("list >&-", 0, ""), ("summary lenet5 2>&- >/dev/null", 0, "")] + [
        (f"{what} >/dev/full", 2, "error: cannot write the output: No space left on device\n")
        for what in ("summary lenet5", "schema", "--version")
    ]:
        shell = subprocess.run(["bash", "-c", f"{command} {where}"], capture_output=True, text=True, timeout=60)
        assert (shell.returncode, shell.stderr) == (code, said), where


def test_a_device_is_written_to_and_not_replaced(tmp_path):
    done = process("summary", "lenet5", "--json", "-o", "/dev/stdout")
    assert json.loads(done.out)["totals"]["params"] == 61_706
    (tmp_path / "link.json").symlink_to("real.json")
    assert cnnprof("summary", "lenet5", "-o", tmp_path / "link.json").code == 0
    assert (tmp_path / "link.json").is_symlink()
    assert json.loads((tmp_path / "real.json").read_text())["command"] == "summary"
    assert {path.name for path in tmp_path.iterdir()} == {"link.json", "real.json"}


def test_a_report_that_no_file_takes_is_shown():
    done = cnnprof("summary", "lenet5", "--format", "csv", "-o", "/dev/full")
    assert done.code == 2
    assert "cannot write /dev/full: No space left on device" in done.err
    assert done.out == cnnprof("summary", "lenet5", "--format", "csv").out


def test_an_interrupt_leaves_without_a_traceback(tmp_path):
    (tmp_path / "net.py").write_text("import pathlib, time\npathlib.Path('started').touch()\ntime.sleep(60)\n")
    under_way = start("summary", "net.py:factory", cwd=tmp_path)
    while not (tmp_path / "started").exists():
        time.sleep(0.1)
        assert under_way.poll() is None
    under_way.send_signal(signal.SIGINT)
    _, err = under_way.communicate(timeout=30)
    assert under_way.returncode == 130
    assert "Traceback" not in err


@pytest.fixture
def without_torch(tmp_path):
    """The environment of an interpreter that finds no torch."""
    (tmp_path / "sitecustomize.py").write_text("import sys\nsys.modules['torch'] = None\n")
    return {"PYTHONPATH": str(tmp_path), "CNNPROF_CACHE": str(tmp_path / "cache"), "CNNPROF_DEBUG": ""}


@pytest.mark.parametrize(
    "arguments",
    [
        ["summary", "torchvision:swin_t"],
        ["summary", "resnet18", "--check"],
        ["summary", "timm:resnet18"],
        ["compare", "resnet18", "--bench"],
        ["bench", "resnet18"],
    ],
)
def test_torch_missing_is_one_message(arguments, without_torch):
    done = process(*arguments, **without_torch)
    assert done.code == 4
    assert "not installed" in done.err
    assert "pip install" in done.err
    assert done.out == ""


def test_a_spec_needs_no_torch(without_torch):
    assert process("summary", "resnet18", **without_torch).code == 0
    assert process("compare", "resnet18", "vgg16", **without_torch).code == 0
    assert process("doctor", **without_torch).code in (0, 4)
    done = process("summary", "swin_t", **without_torch)
    assert done.code == 3
    assert "torchvision's models are found where torchvision is installed" in done.err


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("resnet50@classes", "settings follow as name=value: resnet50@classes=10"),
        ("resnet*", "cnnprof compare 'resnet*' takes them all"),
    ],
)
def test_a_name_that_is_more_than_a_name(name, hint):
    done = cnnprof("summary", name)
    assert (done.code, done.out) == (3, "")
    assert hint in done.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("bench", "lenet5", "--batch", "\N{SUPERSCRIPT TWO}"), "is not a list of batch sizes"),
        (("import", "lenet5", "-o", "."), "'.' is no name for a spec\n  = hint: its suffix is .yaml, as in net.yaml"),
        (("bench", "lenet5", "--against", "."), "cannot read .: Is a directory"),
        (("summary", "lenet5", "-o", "x" * 300 + ".json"), "File name too long"),
        (("bench", "lenet5", "--quick", "--journal", "x" * 300), "File name too long"),
        (("memory", "lenet5", "--device", "cuda:x"), "nothing is known of memory on 'cuda:x'"),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else None,
)
@pytest.mark.torch
def test_odd_values_are_no_defects(arguments, said, tmp_path):
    done = cnnprof(*arguments, cwd=tmp_path)
    assert (done.code, done.out) == (2, "")
    assert said in done.err


def test_a_folder_that_is_gone_is_no_defect(tmp_path):
    folder = tmp_path / "gone"
    folder.mkdir()
    command = f"rmdir '{folder}'; exec {sys.executable} -m cnnprof summary resnet50 --json"
    done = subprocess.run(["bash", "-c", command], cwd=folder, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["totals"]["params"] == 25_557_032


def test_a_batch_that_is_too_large_is_no_matter_of_the_input():
    done = cnnprof("summary", "resnet50", "--batch", 3_000_000_000)
    assert done.code == 3
    assert "hint" not in done.err
