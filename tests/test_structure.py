"""The house rules that code can check: who imports whom, what a spec's summary loads, what stands where."""

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

import cnnprof

ROOT = Path(cnnprof.__file__).parent
HEAVY = {"torch", "torchvision", "fvcore", "numpy", "sympy", "pydantic", "timm", "matplotlib", "onnx"}
LATE = HEAVY | {"rich", "yaml", "typer"}

# Which rooms of cnnprof each room may import; `errors`, `environment`, `record` and `units` are everybody's.
BASE = {"network", "footprint"}
COMMON = {"errors", "environment", "record", "units"}
RESULTS = BASE | {"counting", "timing", "judging", "transfer_learning", "report", "charts"}
ALLOWED = {
    "errors": set(),
    "units": set(),
    "environment": set(),
    "record": set(),
    "cache": set(),
    "config": set(),
    "charts": set(),
    "report": {"charts"},
    "network": set(),
    "footprint": {"network"},
    "counting": {"network"},
    "timing": {"network"},
    "judging": BASE | {"counting", "timing", "config"},
    "transfer_learning": BASE | {"timing"},
    "spec": {"network"},
    "torch_bridge": {"network"},
    "onnx_bridge": {"network"},
    "symbolic": {"network", "counting"},
    "sources": {"network", "timing", "cache", "config", "spec", "torch_bridge", "onnx_bridge"},
    "measure": BASE | {"counting", "timing", "report", "cache", "torch_bridge"},
    "views": RESULTS,
    "reports": {"report", "charts"},
    "api": RESULTS | {"config", "sources", "measure", "views", "reports"},
    "footprints": RESULTS | {"api", "measure", "views"},
    "worksheets": RESULTS | {"api", "sources", "symbolic", "views"},
    "cli": RESULTS | {"sources", "measure", "views", "reports", "api", "footprints", "worksheets"},
    "__main__": {"cli"},
    "__init__": {"api", "footprints", "worksheets"},
}
PLAIN = {"units", "network", "counting", "footprint", "timing", "judging", "transfer_learning", "report", "config", "errors"}
FILES = sorted(ROOT.rglob("*.py"))


def imports(path: Path, top_level: bool) -> set[str]:
    """The modules a file imports, at import time or at all."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    found = set()
    for node in tree.body if top_level else ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def package_of(path: Path) -> str:
    return path.relative_to(ROOT).parts[0].removesuffix(".py")


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_point_one_way(path):
    package = package_of(path)
    assert package in ALLOWED, f"{package} is not on the map"
    own = {
        name.split(".")[1]
        for name in imports(path, top_level=False)
        if name.startswith("cnnprof.") and "__version__" not in name
    }
    assert own <= ALLOWED[package] | {package} | COMMON


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_heavy_packages_are_imported_late(path):
    names = {name.split(".")[0] for name in imports(path, top_level=True)}
    package = package_of(path)
    if package in ("torch_bridge", "measure"):
        return
    if package == "onnx_bridge":
        assert not names & (LATE - {"numpy", "onnx"})
        return
    assert not names & (LATE - {"typer"} if package == "cli" else LATE)
    everywhere = {name.split(".")[0] for name in imports(path, top_level=False)}
    assert not everywhere & {"torch", "torchvision", "fvcore"}, "torch lives in torch_bridge and measure"


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_rooms_below_the_spec_need_only_the_standard_library(path):
    if package_of(path) in PLAIN:
        outside = {name.split(".")[0] for name in imports(path, top_level=False)} - {"cnnprof", "__future__"}
        assert outside <= set(sys.stdlib_module_names) | {"tomli"}


@pytest.mark.parametrize(
    "arguments",
    [["summary", "vgg16"], ["summary", "resnet50", "--json"], ["compare", "resnet18", "mobilenet_v2"], ["show", "lenet5"]],
)
def test_a_spec_needs_no_heavy_package(arguments):
    code = (
        "import sys, json, contextlib, io\n"
        f"sys.argv = ['cnnprof', *{arguments!r}]\n"
        "from cnnprof.__main__ import main\n"
        "with contextlib.redirect_stdout(io.StringIO()):\n"
        "    try: main()\n"
        "    except SystemExit as done: assert not done.code, done.code\n"
        "print(json.dumps(sorted(sys.modules)))"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = {name.split(".")[0] for name in json.loads(result.stdout)}
    assert not loaded & HEAVY


@pytest.mark.parametrize("path", [path for path in FILES if path.suffix == ".py"], ids=lambda path: str(path.relative_to(ROOT)))
def test_one_idea_a_file(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 400


@pytest.mark.parametrize(
    "path", [path for path in FILES if package_of(path) == "cli"], ids=lambda path: str(path.relative_to(ROOT))
)
def test_a_command_only_parses_calls_and_prints(path):
    functions = [node for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, ast.FunctionDef)]
    lengths = {node.name: node.end_lineno - node.lineno + 1 for node in functions}
    assert {name: length for name, length in lengths.items() if length > 60} == {}
