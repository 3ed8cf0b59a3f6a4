"""Networks in a user's own file: they fail with their own line, and what they print is no part of a report."""

from __future__ import annotations

import pytest
from shell import cnnprof as run

pytestmark = pytest.mark.torch

CODE = """
import os, subprocess, sys
import torch
from torch import nn
print("import print"); os.write(1, b"import write\\n"); subprocess.run(["echo", "child"]); sys.__stdout__.write("dunder\\n")


class Wrong(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv, self.fc = nn.Conv2d(1, 4, 3), nn.Linear(144, 5)

    def forward(self, x):
        print("forward"); os.write(1, b"forward write\\n")
        x = self.conv(x).flatten(1)
        return self.fc(x)


class Norm(nn.Module):
    def __init__(self):
        super().__init__()
        self.norm = nn.BatchNorm1d(3, track_running_stats=False)

    def forward(self, x):
        return self.norm(x.mean((2, 3)))


class Tokens(nn.Module):
    def __init__(self):
        super().__init__()
        self.table = nn.Embedding(10, 4)

    def forward(self, tokens):
        return self.table(tokens)


class Wants(nn.Module):
    def __init__(self, width):
        super().__init__()


class Odd(BaseException):
    pass


def odd():
    raise Odd("boom")


def moved():
    os.chdir("/")
    sys.stdout = None
    return Norm()


def closed():
    os.close(1)
    return Norm()
"""


@pytest.fixture
def file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "net.py").write_text(CODE)
    return tmp_path / "net.py"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["net.py:Wrong", "--input", "1x9x9"], "fc (Linear): it takes 144 features, and its input has 196"),
        (["net.py:Wrong", "--input", "1x9x9"], " --> net.py:16:9\n16 |         return self.fc(x)"),
        (["net.py:Wrong", "--input", "1x9x9"], "= in forward"),
        (["net.py:Wrong", "--input", "3x8x8"], " --> net.py:15:9"),
        (["net.py:Norm", "--input", "3x4x4"], "hint: a batch norm over one value has no variance: --batch 2"),
        (["net.py:Tokens", "--input", "12"], "hint: the network takes whole numbers: --input 12:int64"),
        (["net.py:Wants"], "hint: give it settings: --set width=VALUE"),
        (["net.py:odd"], "net.py:odd failed: Odd: boom"),
        (["net.py"], "hint: name its model: net.py:Wrong or net.py:Norm or net.py:Tokens or net.py:Wants"),
        (["net.py:Wrang"], "did you mean 'Wrong'"),
    ],
)
def test_own_code_fails_with_its_own_line(file, arguments, message):
    done = run("summary", *arguments)
    assert done.code == 3
    assert message in done.err
    assert done.out == ""


@pytest.mark.parametrize("name", ["net.py:Norm", "net.py:moved"])
def test_what_code_prints_is_no_part_of_a_report(file, name):
    from shell import process

    done = process("summary", name, "--input", "3x4x4", "--batch", 2, "--json", cwd=file.parent)
    assert done.code == 0, done.err
    assert done.out.startswith("{")
    assert done.out.rstrip().endswith("}")
    assert "import print" in done.err


def test_the_hints_hold(file):
    assert run("summary", "net.py:Norm", "--input", "3x4x4", "--batch", "2").code == 0
    assert run("summary", "net.py:Tokens", "--input", "12:int64").code == 0
    done = run("summary", "net.py:Wrong")
    assert "--input 1x8x8" in done.err or "filters take 1 channels" in done.err
