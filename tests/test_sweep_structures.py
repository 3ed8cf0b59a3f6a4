"""A sweep through many structures: each is built once, and what is no network is counted with its reason."""

from __future__ import annotations

from dataclasses import replace

import pytest
from test_sweep import single

import cnnprof as api
from cnnprof.api.sweep import sweep
from cnnprof.design_space import evaluation
from cnnprof.sources import specs


def test_a_thousand_structures_run_once_each(tmp_path, monkeypatch):
    spec = tmp_path / "deep.yaml"
    spec.write_text(
        "input: 3x8x8\nsettings: {a: 1, b: 1, c: 1, w: 4}\nlayers:\n  - {repeat: a, do: [conv 3x3 w]}\n"
        "  - {repeat: b, do: [conv 1x1 w]}\n  - {repeat: c, do: [relu]}\n  - fc 10\n"
    )
    runs = []
    build = evaluation._figures
    monkeypatch.setattr(evaluation, "_figures", lambda *args: runs.append(1) or build(*args))
    axes = {name: range(1, 11) for name in "abc"} | {"w": [4, 8, 12]}
    columns = sweep(str(spec), axes, figures=["params"]).to_dict()
    assert len(runs) == 1000
    a, b, width = (columns[name].astype(int) for name in ("a", "b", "w"))
    three, one = 28 * width + (a - 1) * (9 * width**2 + width), b * (width**2 + width)
    assert (columns["params"] == three + one + 10 * (64 * width + 1)).all()
    assert len(columns["params"]) == 3000


REGNETS = {"w_a": [8 + i / 4 for i in range(200)], "w_0": range(16, 120, 8), "w_m": [1.5 + i / 100 for i in range(150)]}


def test_regnets_four_parameters_are_a_space_to_draw_from():
    """Radosavovic et al. 2020, section 3.3: every entry is the summary of its own parameters."""
    axes = REGNETS | {"d": range(4, 24), "g": [8, 16, 24]}
    swept = sweep("regnet_x_200mf", axes, sample=40, seed=3, figures=["params", "macs", "activations", "peak_inference_bytes"])
    columns = swept.to_dict()
    assert len(columns["params"]) == 40 == len({*zip(*(columns[name].tolist() for name in axes), strict=True)})
    for at in range(0, 40, 5):
        point = {name: columns[name][at].item() for name in axes}
        totals = api.profile("regnet_x_200mf", settings=point).totals
        assert {name: columns[name][at].item() for name in swept.figures} == {
            name: getattr(totals, name) for name in swept.figures
        }, point


def test_points_without_a_network_are_built_once_more_and_no_oftener(monkeypatch):
    """27 of 31 widths of MobileNet give no whole number of maps: one array of them, and its first point for the reason."""
    swept = sweep("mobilenet_v1", {"width": [i / 40 for i in range(10, 41)], "res": [96, 128, 160]}, figures=["params"])
    built = []
    build = swept.swept.build
    counted = replace(swept, swept=replace(swept.swept, build=lambda values: built.append(values) or build(values)))
    columns = counted.to_dict()
    wanted = [single("mobilenet_v1", {"width": i / 40}) for i in range(10, 41)]
    assert counted.failed["points"] == 3 * wanted.count(None)
    assert columns["params"].tolist() == [row["params"] for row in wanted if row for _ in range(3)]
    assert len(built) < 12
    assert counted.failed["first"].message == "conv: the number of outputs is a whole number, and 32*width = 8.8 is not"


def test_points_that_a_condition_parts_are_built_together_on_either_side(tmp_path, monkeypatch):
    spec = tmp_path / "parted.yaml"
    spec.write_text("input: 3x8x8\nsettings: {w: 4}\nlayers:\n  - conv 3x3 w\n  - conv 1x1 2*w if w > 20\n  - fc 10\n")
    runs = []
    build = evaluation._figures
    monkeypatch.setattr(evaluation, "_figures", lambda *args: runs.append(1) or build(*args))
    columns = sweep(str(spec), {"w": range(1, 41)}, figures=["params"]).to_dict()
    assert len(runs) == 2
    for width, params in zip(columns["w"].tolist(), columns["params"].tolist(), strict=True):
        more = 2 * width * (width + 1) if width > 20 else 0
        assert params == 28 * width + more + 10 * (64 * width * (1 + (width > 20)) + 1)


def one_of_each_family() -> list[str]:
    families: dict[str, str] = {}
    for name in specs.names():
        families.setdefault(specs.read(name)[0].name, name)
    return sorted(families.values())


@pytest.mark.parametrize("name", one_of_each_family())
def test_every_family_is_swept_as_it_is_summarized(name):
    figures = ["params", "macs", "activations", "param_bytes", "peak_inference_bytes"]
    own = specs.load(name).input_shape[1:]
    sizes = [own, (own[0], *(size + 1 + size // 7 for size in own[1:]))] if len(own) == 3 else [own]
    axes = {"input": sizes, "batch": [1, 3]} if len(own) == 3 else {"batch": [1, 3]}
    columns = sweep(name, axes, figures=figures).to_dict()
    assert len(columns["params"]) >= 2
    for at in (0, -1):
        size = tuple(map(int, columns["input"][at].split("x"))) if "input" in columns else None
        totals = api.profile(name, size, int(columns["batch"][at])).totals
        assert {key: columns[key][at].item() for key in figures} == {key: getattr(totals, key) for key in figures}
