"""Torch modules that a program holds: taken as a name is, fed as their `forward` wants, and left as they were."""

from __future__ import annotations

import random
from collections import OrderedDict
from dataclasses import dataclass

import pytest
import torch
from shell import cnnprof as run
from torch import nn

import cnnprof
from cnnprof.errors import CnnprofError, UsageError
from cnnprof.network.inputs import Input, parse_inputs, read_inputs

pytestmark = pytest.mark.torch

IMAGE = (3, 8, 8)
CONV, MACS = 4 * 28, 4 * 27 * 6 * 6


def net(width: int = 4) -> nn.Module:
    return nn.Sequential(nn.Conv2d(3, width, 3), nn.BatchNorm2d(width), nn.ReLU(), nn.Flatten(), nn.Linear(36 * width, 5))


class Of(nn.Module):
    """A module of a function of itself and its inputs, and of parts."""

    def __init__(self, function, **parts):
        super().__init__()
        self.function = function
        for name, part in parts.items():
            setattr(self, name, part)

    def forward(self, *inputs):
        return self.function(self, *inputs)


def figures(module, given=IMAGE, **more):
    totals = cnnprof.profile(module, given, **more).totals
    assert not totals.uncounted
    return totals.params, totals.macs


def test_every_function_takes_a_module():
    module, other = net(), net(8)
    assert figures(module) == (112 + 8 + 725, MACS + 720)
    compared = cnnprof.compare([module, other], input_shape=IMAGE)
    assert [entry.name for entry in compared.entries] == ["Sequential", "Sequential (2)"]
    assert cnnprof.compare(module, input_shape=IMAGE).baseline == "Sequential"
    assert cnnprof.memory(module, IMAGE).inference.peak_bytes > 0
    assert cnnprof.diff(module, other, IMAGE).different
    assert not cnnprof.diff(module, module, IMAGE).different
    assert cnnprof.transfer(module, 7, IMAGE, batch=2).rows[0].profile.totals.params
    assert cnnprof.check(module, {"max-params": "1K"}, IMAGE).passed
    assert not cnnprof.check([module], {"max-params": "100"}, IMAGE).passed
    assert cnnprof.explain(module, input_shape=IMAGE, layer="0").explanations


def test_a_module_stands_beside_a_name():
    compared = cnnprof.compare([nn.Conv2d(3, 4, 3), "resnet18"], input_shape="3x64x64")
    assert [entry.name for entry in compared.entries] == ["Conv2d", "resnet18"]


def test_a_module_is_timed():
    options = cnnprof.Options(processes=1, rounds=1, warmup_runs=1, warmup_seconds=0.0)
    (measured,) = cnnprof.bench(net(), input_shape=IMAGE, options=options).measurements
    assert measured.status == "ok"


def test_what_is_no_network_is_one_message():
    for wrong in (3, None, object(), torch.ones(2)):
        with pytest.raises(UsageError, match="a network is a name, a file, a torch module or a Model"):
            cnnprof.profile(wrong)
    with pytest.raises(UsageError, match="a module takes no settings"):
        cnnprof.profile(net(), settings={"width": 2})


def state(module: nn.Module) -> list[object]:
    """All that can be seen of a module, deep."""
    seen: list[object] = []
    for name, part in module.named_modules():
        seen.append((name, type(part), part.training, sorted(vars(part))))
        for key, value in sorted(vars(part).items()):
            if isinstance(value, (dict, list, set)):
                seen.append((key, type(value), [id(each) for each in (value.values() if isinstance(value, dict) else value)]))
            else:
                seen.append((key, id(value)))
        hooks = (part._forward_hooks, part._forward_pre_hooks, part._backward_hooks)
        seen.append([[*each] for each in hooks])
    for name, tensor in (*module.named_parameters(), *module.named_buffers()):
        seen.append((name, id(tensor), tensor.device, tensor.dtype, tensor.requires_grad, tensor.data_ptr(), tensor._version))
        seen.append(tensor.grad if tensor.grad is None else (id(tensor.grad), tensor.grad.sum().item()))
        seen.append(tensor.detach().double().sum().item())
    return seen


class Counting(nn.Module):
    """A module that changes itself while it runs."""

    def __init__(self):
        super().__init__()
        self.conv, self.runs, self.seen, self.cache = nn.Conv2d(3, 4, 3), 0, [], {}
        self.register_buffer("steps", torch.zeros(()))

    def forward(self, x):
        self.runs += 1
        self.seen.append(x)
        self.cache[self.runs] = x
        self.steps += 1
        self.last = self.conv(x) + torch.rand(()) + random.random()
        return self.last


def modules() -> dict[str, nn.Module]:
    mixed = net()
    mixed[1].eval()
    mixed[0].weight.requires_grad_(False)
    mixed[4].weight.grad = torch.ones_like(mixed[4].weight)
    hooked = net()
    hooked[0].register_forward_hook(lambda *_: None)
    lazy = nn.Sequential(nn.LazyConv2d(4, 3), nn.LazyBatchNorm2d())
    reading = Of(lambda self, x: self.a(x) if x.sum() > 1e9 else self.b(x), a=nn.Conv2d(3, 4, 3), b=nn.Conv2d(3, 4, 3))
    tied = Of(lambda self, x: self.b(self.a(x)), a=nn.Conv2d(3, 3, 3), b=nn.Conv2d(3, 3, 3), norm=nn.BatchNorm2d(3))
    tied.b.weight, tied.again = tied.a.weight, tied.a
    shapes = {str(dtype): nn.Conv2d(3, 4, 3).to(dtype) for dtype in (torch.float16, torch.bfloat16, torch.float64)}
    norm = nn.utils.parametrizations.weight_norm(nn.Conv2d(3, 4, 3))
    return {
        "plain": net(),
        "eval": net().eval(),
        "mixed": mixed,
        "hooked": hooked,
        "counting": Counting(),
        "reading": reading,
        "tied": tied,
        "weight norm": norm,
        "parallel": nn.DataParallel(net()),
        "compiled": torch.compile(net()),
        "lazy": lazy,
        **shapes,
        **{f"width {width}": net(width) for width in range(1, 17)},
    }


@pytest.mark.parametrize("name", [*modules()])
def test_a_module_is_left_as_it_was(name):
    module = modules()[name]
    if name == "lazy":
        assert figures(module) == (CONV + 8, MACS)
        assert isinstance(module[0].weight, nn.UninitializedParameter)
        return
    torch.manual_seed(3)
    random.seed(3)
    before, numbers = state(module), (torch.get_rng_state(), random.getstate())
    cnnprof.profile(module, IMAGE)
    assert state(module) == before
    assert torch.equal(torch.get_rng_state(), numbers[0])
    assert random.getstate() == numbers[1]
    assert torch.is_grad_enabled()
    assert not torch.is_inference_mode_enabled()


def test_a_module_that_fails_is_left_as_it_was():
    module = net()
    before = state(module)
    with pytest.raises(CnnprofError, match=r"4 \(Linear\): it takes 144 features"):
        cnnprof.profile(module, (3, 9, 9))
    assert state(module) == before


@pytest.mark.parametrize(
    ("text", "inputs"),
    [
        ("3x160x160", (Input(size=(3, 160, 160)),)),
        ("13", (Input(size=(13,)),)),
        ("a=3x8x8 b.c=128:long", (Input("a", (3, 8, 8)), Input("b.c", (128,), "int64"))),
        ("x=some/batch.pt", (Input("x", file="some/batch.pt"),)),
    ],
)
def test_inputs_are_read(text, inputs):
    assert parse_inputs(text) == inputs
    assert parse_inputs(" ".join(map(str, inputs))) == inputs


@pytest.mark.parametrize("text", ["", "0x3", "3x", "x3", "3*8", "a=", "=3", "1.5", "-3", "3x8x8:int65", "a b", "3x99999999999"])
def test_what_is_no_input_is_one_message(text):
    with pytest.raises(UsageError, match=r"is not an input size|unknown number format"):
        parse_inputs(text)


@pytest.mark.parametrize("given", [3.5, [], (0, 3), (True, 3), object(), ((),), {"a": None}])
def test_what_no_input_can_be_is_one_message(given):
    with pytest.raises(UsageError, match="an input is a size such as"):
        read_inputs(given)


class Two(nn.Module):
    def __init__(self):
        super().__init__()
        self.rgb, self.depth = nn.Conv2d(3, 4, 3), nn.Conv2d(1, 4, 3)

    def forward(self, rgb, *, depth, scale=1.0):
        return self.rgb(rgb) + scale * self.depth(depth)


@pytest.mark.parametrize(
    "given",
    [
        {"rgb": (3, 8, 8), "depth": (1, 8, 8)},
        {"rgb": "3x8x8", "depth": torch.zeros(1, 1, 8, 8)},
        "rgb=3x8x8 depth=1x8x8",
        {"depth": (1, 8, 8), "rgb": (3, 8, 8)},
        "3x8x8 depth=1x8x8",
    ],
)
def test_inputs_by_name(given):
    profile = cnnprof.profile(Two(), given)
    # 4 x 3 x 9 + 4 and 4 x 9 + 4 weights; 36 positions.
    assert (profile.totals.params, profile.totals.macs) == (112 + 40, 36 * 4 * 9 * 4)
    assert set(profile.graph.inputs) == {"rgb", "depth"}


def test_the_batch_is_that_of_a_tensor():
    profile = cnnprof.profile(net(), torch.zeros(5, 3, 8, 8))
    assert profile.graph.input_shape == (5, 3, 8, 8)
    assert cnnprof.profile(net(), IMAGE, batch=5).totals.macs == profile.totals.macs == 5 * (MACS + 720)


@pytest.mark.parametrize("size", [(7,), (7, 5), (7, 5, 3), (2, 7, 5, 3, 4)])
def test_inputs_of_any_rank(size):
    module = nn.Linear(size[-1], 2)
    positions = torch.Size(size[:-1]).numel()
    assert figures(module, size) == (2 * size[-1] + 2, positions * 2 * size[-1])


def test_inputs_in_dictionaries_and_lists():
    nested = Of(lambda self, batch: self.conv(batch["images"][0]) + batch["images"][1].mean(), conv=nn.Conv2d(3, 4, 3))
    nested.forward = lambda batch: nested.function(nested, batch)
    for given in ({"batch": {"images": [IMAGE, (1, 2)]}}, "batch.images.0=3x8x8 batch.images.1=1x2"):
        assert figures(nested, given) == (CONV, MACS)


def test_dictionaries_in_order():
    module = Of(lambda self, batch: self.conv(batch["x"]) + batch["more"][0].mean(), conv=nn.Conv2d(3, 4, 3))
    given = {"x": IMAGE, "more": [(2, 2)]}
    assert figures(module, [given]) == (CONV, MACS)
    module.forward = lambda batch: module.function(module, batch)
    assert figures(module, given) == (CONV, MACS)


def test_tensors_in_files(tmp_path):
    torch.save(torch.zeros(2, 3, 8, 8), tmp_path / "x.pt")
    import numpy

    numpy.save(tmp_path / "x.npy", numpy.zeros((2, 3, 8, 8), "float32"))
    for name in ("x.pt", "x.npy"):
        assert cnnprof.profile(net(), f"input={tmp_path / name}").graph.input_shape == (2, 3, 8, 8)
    (tmp_path / "bad.pt").write_bytes(b"no tensor")
    torch.save({"a": 1}, tmp_path / "dict.pt")
    for name, message in (("bad.pt", "holds no tensor"), ("dict.pt", "of type dict"), ("gone.pt", "is not there")):
        with pytest.raises(UsageError, match=message):
            cnnprof.profile(net(), f"input={tmp_path / name}")


def test_a_file_cannot_run_code(tmp_path):
    class Harm:
        def __reduce__(self):
            return (open, (str(tmp_path / "ran"), "w"))

    torch.save(Harm(), tmp_path / "harm.pt")
    with pytest.raises(UsageError, match="holds no tensor"):
        cnnprof.profile(net(), f"input={tmp_path / 'harm.pt'}")
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    ("given", "message", "hint"),
    [
        ((3, 8, 8), "forward takes rgb and depth, and one input is given", "--input rgb=3x8x8 depth=3x8x8"),
        ({"rgb": (3, 8, 8), "dept": (1, 8, 8)}, "forward has no parameter 'dept'", "did you mean 'depth'"),
        ([(3, 8, 8), (1, 8, 8)], "forward takes rgb and depth, and 2 inputs are given", "--input rgb=3x8x8"),
        ({"rgb": (4, 8, 8), "depth": (1, 8, 8)}, r"rgb: its filters take 3 channels", None),
    ],
)
def test_wrong_inputs_are_one_message(given, message, hint):
    with pytest.raises(CnnprofError, match=message) as caught:
        cnnprof.profile(Two(), given)
    assert hint is None or hint in (caught.value.hint or "")


@dataclass
class Output:
    logits: torch.Tensor
    loss: object = None


class Slotted:
    __slots__ = ("value",)

    def __init__(self, value):
        self.value = value


class Own(OrderedDict):
    pass


class Listed(list):
    pass


@pytest.mark.parametrize(
    "wrap",
    [
        Output,
        lambda y: Own(y=y),
        lambda y: Listed([None, {"y": (y,)}]),
        Slotted,
        lambda y: {"a": Output(Slotted(y))},
        lambda y: None,
        lambda y: 3,
        lambda y: [],
    ],
)
def test_outputs_of_any_structure(wrap):
    assert figures(Of(lambda self, x: wrap(self.conv(x)), conv=nn.Conv2d(3, 4, 3))) == (CONV, MACS)


def collecting() -> nn.Module:
    """A hook appends to a list of the model, and a head reads it."""
    module = Of(lambda self, x: (self.features.clear(), self.body(x), self.head(self.features[0]))[1:], body=net()[0:3])
    module.head, module.features = nn.Conv2d(4, 2, 1), []
    features = module.features
    module.body[0].register_forward_hook(lambda part, given, output: features.append(output))
    return module


def made_once() -> nn.Module:
    """The classifier is made at the first run."""

    def forward(self, x):
        x = self.conv(x).flatten(1)
        if self.fc is None:
            self.fc = nn.Linear(x.shape[1], 5).to(x.device)
        return self.fc(x)

    return Of(forward, conv=nn.Conv2d(3, 4, 3), fc=None)


def made_each_time() -> nn.Module:
    return Of(lambda self, x: nn.Conv2d(3, 4, 3).to(x.device)(x))


def stateful(self, x):
    x = x.flatten(1, 2)
    state = torch.zeros(1, x.size(0), 16), torch.zeros(1, x.size(0), 16, device="cpu")
    return self.rnn(x, state)[0]


KINDS = {
    "collecting": (collecting, (CONV + 8 + 10, MACS + 36 * 8)),
    "made once": (made_once, (CONV + 725, MACS + 720)),
    "made each time": (made_each_time, (CONV, MACS)),
    # LSTM: 4 x 16 x (8 + 16 + 2) weights, 24 steps.
    "given state": (lambda: Of(stateful, rnn=nn.LSTM(8, 16, batch_first=True)), (4 * 16 * 26, 24 * 4 * 16 * 24)),
    "reads a value": (
        lambda: Of(lambda self, x: self.conv(x) if x.sum() > -1 else x, conv=nn.Conv2d(3, 4, 3)),
        (CONV, MACS),
    ),
    "lazy": (
        lambda: nn.Sequential(nn.LazyConv2d(4, 3), nn.LazyBatchNorm2d(), nn.Flatten(), nn.LazyLinear(5)),
        (845, MACS + 720),
    ),
    "weight norm": (lambda: nn.utils.parametrizations.weight_norm(nn.Conv2d(3, 4, 3)), (CONV + 4, MACS)),
    "parallel": (lambda: nn.DataParallel(nn.Conv2d(3, 4, 3)), (CONV, MACS)),
    "compiled": (lambda: torch.compile(nn.Conv2d(3, 4, 3)), (CONV, MACS)),
    "compiled in place": (lambda: compiled_in_place(), (CONV, MACS)),
    "cond": (
        lambda: Of(lambda self, x: torch.cond(x.sum() > 0, self.a, self.b, (x,)), a=nn.Conv2d(3, 4, 3), b=nn.Conv2d(3, 4, 3)),
        (2 * CONV, MACS),
    ),
    "frozen script": (lambda: torch.jit.freeze(torch.jit.script(nn.Conv2d(3, 4, 3).eval())), (0, MACS)),
    "asks for cuda": (lambda: Of(lambda self, x: self.conv(x.to("cuda")), conv=nn.Conv2d(3, 4, 3)), (CONV, MACS)),
}


def test_a_closure_of_a_copy_reads_the_weights_that_are_counted():
    module = nn.Sequential(nn.Conv2d(3, 4, 3))
    module.forward = lambda x: module[0](x) if x.sum() > -1e9 else x
    assert figures(module) == (CONV, MACS)


def compiled_in_place() -> nn.Module:
    module = nn.Conv2d(3, 4, 3)
    module.compile()
    return module


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("kind", KINDS)
def test_modules_of_every_kind(kind):
    make, expected = KINDS[kind]
    assert figures(make()) == expected


def test_a_branch_of_cond_is_said():
    make, _ = KINDS["cond"]
    assert "first branch" in (cnnprof.profile(make(), IMAGE).graph.facts.about or "")


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
