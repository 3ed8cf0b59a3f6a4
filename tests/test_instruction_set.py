"""Which instruction set a processor has, what limits it, and where it is shown and chosen."""

import json
from importlib import import_module

import pytest
from processor import here
from shell import cnnprof as run

import cnnprof as package
from cnnprof.errors import UsageError
from cnnprof.footprint import instruction_set
from cnnprof.footprint.execution import Execution
from cnnprof.footprint.instruction_set import INSTRUCTION_SETS, lower, of_flags, of_this_machine

AVX2 = ["sse4_1", "avx", "avx2", "fma"]
AVX512 = [*AVX2, "avx512f", "avx512bw", "avx512dq", "avx512vl"]


@pytest.mark.parametrize(
    ("flags", "isa"),
    [
        (["sse4_1", "avx"], "sse41"),
        (AVX2, "avx2"),
        (["avx2"], "sse41"),
        (AVX512, "avx512"),
        ([*AVX2, "avx512f"], "avx2"),
        ([*AVX512, "avx512_bf16"], "avx512_bf16"),
        ([*AVX512, "avx512_bf16", "amx_tile", "amx_bf16"], "amx"),
        ([*AVX512, "amx_tile", "amx_bf16"], "avx512"),
    ],
)
def test_flags_name_the_set(flags, isa, tmp_path, monkeypatch):
    assert of_flags(flags) == isa
    info = tmp_path / "cpuinfo"
    info.write_text(f"processor\t: 0\nmodel name\t: a processor\nflags\t\t: {' '.join(flags)}\nbugs\t\t: none\n")
    monkeypatch.setattr(instruction_set, "CPU_INFO", info)
    monkeypatch.setattr("platform.machine", lambda: "x86_64")
    monkeypatch.delenv("ONEDNN_MAX_CPU_ISA", raising=False)
    monkeypatch.delenv("DNNL_MAX_CPU_ISA", raising=False)
    assert of_this_machine() == isa
    monkeypatch.setenv("ONEDNN_MAX_CPU_ISA", "SSE41")
    assert of_this_machine() == "sse41"


def test_elsewhere_it_is_what_most_have(tmp_path, monkeypatch):
    monkeypatch.setattr(instruction_set, "CPU_INFO", tmp_path / "none")
    monkeypatch.setattr("platform.machine", lambda: "AMD64")
    monkeypatch.delenv("ONEDNN_MAX_CPU_ISA", raising=False)
    assert of_this_machine() == Execution().isa == "avx2"
    monkeypatch.setattr("platform.machine", lambda: "arm64")
    assert of_this_machine() == "arm64"


@pytest.mark.parametrize(
    ("found", "limit", "isa"),
    [
        ("amx", "", "amx"),
        ("amx", "avx2", "avx2"),
        ("amx", "AVX512_CORE_VNNI", "avx512"),
        ("amx", "AVX512_CORE_FP16", "avx512_bf16"),
        ("avx512_bf16", "AVX512_CORE_AMX", "avx512_bf16"),
        ("avx2", "AVX512_CORE", "avx2"),
        ("avx2", "ALL", "avx2"),
        ("arm64", "AVX2", "arm64"),
    ],
)
def test_onednn_takes_no_more_than_it_may(found, limit, isa):
    assert lower(found, limit) == isa


def test_an_unknown_set_is_refused():
    with pytest.raises(UsageError, match="nothing is known of memory with the isa 'neon'"):
        Execution(isa="neon")


def test_the_set_is_shown_and_decides():
    peaks = {}
    for isa in INSTRUCTION_SETS:
        done = run("memory", "conv 3x3 20 | gap | fc 10", "--input", "3x96x96", "--isa", isa, "--json")
        assert done.code == 0, done.err
        data = json.loads(done.out)
        assert data["execution"]["isa"] == isa
        peaks[isa] = data["memory"]["inference"]["peak_bytes"]
    # 3 channels are read as they lie; 20 filters are blocked as 24 by AVX2, as 32 by AVX-512, and not at all by SSE4.1.
    channel = 4 * 96 * 96
    assert peaks["avx512"] - peaks["avx2"] == 8 * channel
    assert peaks["arm64"] == peaks["avx2"]
    assert peaks["amx"] == peaks["avx512_bf16"] == peaks["avx512"] != peaks["sse41"]


@pytest.mark.parametrize(("isa", "title"), [("avx2", "AVX2"), ("avx512_bf16", "AVX-512 with bf16"), ("sse41", "SSE4.1")])
def test_the_table_says_which(isa, title):
    done = run("memory", "lenet5", "--isa", isa, "--threads", 2)
    assert f"on cpu ({title}, 2 threads), fp32" in done.out
    assert "estimated" not in done.out + done.err


@pytest.mark.parametrize("isa", ["arm64", "amx"])
def test_what_is_not_measured_is_called_estimated(isa):
    done = run("memory", "lenet5", "--isa", isa)
    assert "the workspace of its kernels is estimated" in done.out + done.err


def test_a_cuda_device_has_none():
    done = run("memory", "lenet5", "--device", "cuda", "--json")
    assert json.loads(done.out)["execution"]["isa"] is None


def test_a_limit_of_onednns_is_followed():
    data = json.loads(run("memory", "lenet5", "--json", ONEDNN_MAX_CPU_ISA="SSE41").out)
    assert data["execution"]["isa"] in ("sse41", "arm64")


@pytest.mark.torch
@pytest.mark.parametrize(("capability", "isa"), [("AVX512", "avx512"), ("AVX2", "avx2"), ("DEFAULT", "sse41")])
def test_torch_is_asked_where_nothing_lists_flags(capability, isa, tmp_path, monkeypatch):
    import torch

    from cnnprof.measure.devices import processor_set

    assert processor_set() == of_this_machine()
    monkeypatch.setattr(instruction_set, "CPU_INFO", tmp_path / "none")
    monkeypatch.setattr("platform.machine", lambda: "AMD64")
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: capability)
    monkeypatch.delenv("ONEDNN_MAX_CPU_ISA", raising=False)
    assert processor_set() == isa
    monkeypatch.setenv("ONEDNN_MAX_CPU_ISA", "AVX2")
    assert processor_set() == min(isa, "avx2", key=INSTRUCTION_SETS.index)


@pytest.mark.torch
def test_only_this_machines_kernels_are_measured():
    other = "sse41" if of_this_machine() != "sse41" else "avx2"
    done = run("memory", "lenet5", "--measure", "--isa", other)
    assert done.code == 2
    assert f"has kernels of {of_this_machine()}, not of {other}" in done.err


def test_figures_that_name_no_processor_do_not_follow_the_machine(monkeypatch):
    monkeypatch.setattr(instruction_set, "of_this_machine", lambda: "avx512")
    summary = json.loads(run("summary", "resnet18", "--json").out)
    assert (
        summary["memory"]["inference"]["peak_bytes"]
        == package.memory("resnet18", run=Execution(isa="avx2")).inference.peak_bytes
    )
    assert here().isa in INSTRUCTION_SETS


@pytest.mark.torch
@pytest.mark.parametrize("limit", ["SSE41", "ALL"])
def test_what_is_measured_here_is_predicted_for_here(limit, monkeypatch):
    from cnnprof.measure.options import Options

    monkeypatch.setenv("ONEDNN_MAX_CPU_ISA", limit)
    monkeypatch.setattr("cnnprof.measure.devices.core_count", lambda: 2)
    monkeypatch.setattr("cnnprof.measure.memory.record_memory", lambda graph, options: options.mode)
    monkeypatch.setattr(import_module("cnnprof.api.transfer"), "time_jobs", lambda *_: ([], None))
    expected = Execution(isa=of_this_machine(), threads=2, amp="bf16")
    options = Options(threads=2, dtype="amp")
    measured = package.memory("lenet5", measured=options)
    assert measured.records == ("infer", "train")
    assert measured.run == package.transfer("lenet5", 4, options=options).run == expected
    assert package.memory("lenet5").run == package.transfer("lenet5", 4).run == Execution()


def test_this_machines_free_memory_is_that_of_its_kernels(monkeypatch):
    monkeypatch.setattr("cnnprof.measure.fitting.free_memory", lambda _: 10**8)
    block, image = "conv 3x3 20 | gap | fc 10", (3, 96, 96)
    for limit in ("SSE41", "ALL"):
        monkeypatch.setenv("ONEDNN_MAX_CPU_ISA", limit)
        infer, _ = package.compare([block], input_shape=image, fit="cpu").entries[0].fits
        found = package.memory(block, input_shape=image, batch=infer.batch, run=Execution(isa=of_this_machine())).inference
        assert infer.peak_bytes == found.peak_bytes
