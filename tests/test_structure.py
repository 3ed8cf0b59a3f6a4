"""The house rules that code can check: who imports whom, what a spec's summary loads, what stands where."""

import ast
import json
import re
import subprocess
import sys
from collections.abc import Callable
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import cnnprof

ROOT = Path(cnnprof.__file__).parent
HEAVY = {"torch", "torchvision", "fvcore", "numpy", "sympy", "pydantic", "timm", "matplotlib", "onnx"}
LATE = HEAVY | {"rich", "yaml", "typer"}

# Which rooms of cnnprof each room may import; those of COMMON are everybody's.
BASE = {"network", "footprint"}
COMMON = {"collector", "errors", "environment", "files", "notify", "record", "streams", "texts", "units"}
RESULTS = BASE | {"counting", "timing", "judging", "transfer_learning", "report", "charts", "accuracies"}
ALLOWED = {
    "collector": set(),
    "errors": set(),
    "units": set(),
    "files": set(),
    "streams": set(),
    "texts": set(),
    "environment": set(),
    "notify": set(),
    "record": set(),
    "cache": set(),
    "config": set(),
    "charts": set(),
    "accuracies": {"network"},
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
    "keras_bridge": {"network"},
    "symbolic": {"network", "counting"},
    "sources": BASE | {"accuracies", "timing", "cache", "config", "spec", "torch_bridge", "onnx_bridge", "keras_bridge"},
    "design_space": BASE | {"spec", "sources", "timing"},
    "measure": BASE | {"counting", "timing", "report", "cache", "torch_bridge"},
    "views": RESULTS,
    "reports": {"report", "charts"},
    "api": RESULTS | {"config", "sources", "symbolic", "measure", "design_space", "views", "reports"},
    "cli": BASE | {"counting", "timing", "judging", "report", "sources", "design_space", "measure", "views", "reports", "api"},
    "__main__": {"cli"},
    "__init__": {"api"},
}
PLAIN = {"errors", "texts", "files", "units", "network", "counting", "footprint", "timing", "judging", "transfer_learning"}
PLAIN |= {"report", "config", "notify", "collector"}
FILES = sorted(ROOT.rglob("*.py"))


@cache
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


def offenders(wrong: Callable[[Path], object]) -> dict[str, object]:
    """What is wrong with each file that has something wrong with it."""
    found = {str(path.relative_to(ROOT)): wrong(path) for path in FILES}
    return {name: fault for name, fault in found.items() if fault}


def test_imports_point_one_way():
    def beyond(path):
        own = {
            name.split(".")[1]
            for name in imports(path, top_level=False)
            if name.startswith("cnnprof.") and "__version__" not in name
        }
        return own - ALLOWED[package_of(path)] - {package_of(path)} - COMMON

    assert {package_of(path) for path in FILES} <= set(ALLOWED), "each room is on the map"
    assert offenders(beyond) == {}


def test_no_files_import_each_other_in_a_circle():
    """Late imports count, too; those for types alone do not."""
    names = {path: ".".join(path.relative_to(ROOT.parent).with_suffix("").parts).removesuffix(".__init__") for path in FILES}

    def imported(path):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        tests = [node for node in ast.walk(tree) if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)]
        typed = {id(each) for node in tests for statement in node.body for each in ast.walk(statement)}
        froms = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module and id(node) not in typed]
        found = [(node.module, f"{node.module}.{alias.name}") for node in froms for alias in node.names]
        return {part if part in names.values() else whole for whole, part in found} - {names[path]}

    TopologicalSorter({names[path]: imported(path) for path in FILES}).prepare()  # raises CycleError


def test_heavy_packages_are_imported_late():
    def early(path):
        package = package_of(path)
        if package in ("torch_bridge", "measure"):
            return set()
        names = {name.split(".")[0] for name in imports(path, top_level=True)}
        if package == "design_space":
            return names & (LATE - {"numpy"})
        if package == "onnx_bridge":
            return names & (LATE - {"numpy", "onnx"})
        everywhere = {name.split(".")[0] for name in imports(path, top_level=False)}
        # torch lives in torch_bridge and measure.
        return names & (LATE - {"typer"} if package == "cli" else LATE) | everywhere & {"torch", "torchvision", "fvcore"}

    assert offenders(early) == {}


def test_rooms_below_the_spec_need_only_the_standard_library():
    own = {"cnnprof", "__future__", "tomli", *sys.stdlib_module_names}

    def outside(path):
        return {name.split(".")[0] for name in imports(path, top_level=False)} - own if package_of(path) in PLAIN else set()

    assert offenders(outside) == {}


def test_one_idea_a_file():
    folders = (ROOT, *(ROOT.parent / name for name in ("tests", "benchmarks", "docs")))
    lengths = {path: len(path.read_text(encoding="utf-8").splitlines()) for folder in folders for path in folder.rglob("*.py")}
    assert {str(path): length for path, length in lengths.items() if length > 350} == {}


def test_the_map_has_every_room_and_every_file_of_those_that_it_opens():
    text = (ROOT.parent / "ARCHITECTURE.md").read_text(encoding="utf-8")
    rooms = [ROOT / name for name in ("network", "counting", "footprint", "timing", "judging")]
    files = {path.name for room in (ROOT, *rooms) for path in room.glob("*.py")} - {"__init__.py", "__main__.py"}
    assert {name for name in files if name not in text} == set()
    folders = {path.parent.name for path in FILES if path.parent != ROOT}
    assert {name for name in folders if f"{name}/" not in text} == set()
    places = [ROOT.parent.glob("*"), *((ROOT.parent / name).rglob("*") for name in ("cnnprof", "tests", "docs", "benchmarks"))]
    known = {path.name for place in places for path in place}
    assert {Path(name).name for name in re.findall(r"[\w/]+\.(?:py|js|css|yaml|md)\b", text)} <= known


def test_docstrings_begin_with_a_noun_or_a_verb():
    def asks(path):
        """The docstrings that begin with "What"; a command's is its `--help`, which speaks to users."""
        if "commands" in path.parts:
            return []
        constants = (node for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, ast.Expr))
        texts = (node.value.value for node in constants if isinstance(node.value, ast.Constant))
        return [text.splitlines()[0] for text in texts if isinstance(text, str) and text.lstrip().startswith("What ")]

    assert offenders(asks) == {}


def test_a_command_only_parses_calls_and_prints():
    def long_functions(path):
        if package_of(path) != "cli":
            return {}
        nodes = [node for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, ast.FunctionDef)]
        lengths = {node.name: node.end_lineno - node.lineno + 1 for node in nodes}
        return {name: length for name, length in lengths.items() if length > 60}

    assert offenders(long_functions) == {}


def test_modules_of_one_system_are_imported_where_they_may_lack():
    """Windows has none of these; there and on macOS everything is imported all the same."""
    posix = {"resource", "fcntl", "termios", "tty", "pty", "pwd", "grp", "syslog", "readline", "curses"}

    def bare(path):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        tried = {id(each) for node in ast.walk(tree) if isinstance(node, ast.Try) for each in ast.walk(node)}
        found = (node for node in ast.walk(tree) if isinstance(node, (ast.Import, ast.ImportFrom)) and id(node) not in tried)
        names = {alias.name for node in found if isinstance(node, ast.Import) for alias in node.names}
        return posix & names

    assert offenders(bare) == {}


@pytest.mark.torch
def test_everything_is_imported_without_the_modules_of_one_system():
    code = (
        "import sys, pkgutil, importlib\n"
        "import torch, multiprocessing, psutil, typer\n"  # of others, what they import is their own
        "sys.modules.update(dict.fromkeys(['resource', 'fcntl', 'termios', 'pwd', 'grp'], None))\n"
        "import cnnprof\n"
        "for module in pkgutil.walk_packages(cnnprof.__path__, 'cnnprof.'):\n"
        "    if module.name != 'cnnprof.__main__': importlib.import_module(module.name)\n"
        "print(cnnprof.profile('lenet5').totals.params)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "61706\n"), done.stderr


ELSEWHERE = """
import sys

for module in ("resource", "fcntl", "termios", "tty", "pwd", "grp"):
    sys.modules[module] = None

def refuse(event, arguments):
    if event in ("open", "os.listdir", "os.scandir") and str(arguments[0]).startswith(("/proc", "/sys")):
        raise FileNotFoundError(2, "there is no such folder here", arguments[0])

sys.addaudithook(refuse)
import cnnprof
from cnnprof.__main__ import main
sys.argv = ["cnnprof", *sys.argv[1:]]
main()
"""


@pytest.mark.parametrize("arguments", [["summary", "lenet5"], ["memory", "lenet5"], ["compare", "lenet5", "vgg11"], ["list"]])
def test_a_command_reads_nothing_that_linux_alone_has(arguments, tmp_path):
    environment = {"PYTHONPATH": str(ROOT.parent), "XDG_CACHE_HOME": str(tmp_path), "PATH": ""}
    command = [sys.executable, "-c", ELSEWHERE, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert (done.returncode, done.stderr) == (0, "")
    assert "lenet5" in done.stdout


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
