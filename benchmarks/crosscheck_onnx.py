"""Networks of torchvision and timm as ONNX files that torch writes, held against the networks themselves.

Each is built with random weights that are not zero, exported by one of torch's two exporters as it stands (`optimize=False`: no
operators folded), and read again. Parameters and multiply-accumulates have to be those of the network that is captured from
torch, and so have the sizes and multiply-accumulates of each layer that computes some.
"""

from __future__ import annotations

import argparse
import gc
import json
import logging
import math
import random
import sys
import tempfile
import time
import warnings
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from cnnprof.errors import CnnprofError
from cnnprof.network.analysis import analyze
from cnnprof.sources import resolve

SMALL = (
    "torchvision:resnet18",
    "torchvision:mobilenet_v2",
    "torchvision:mobilenet_v3_small",
    "torchvision:squeezenet1_1",
    "torchvision:shufflenet_v2_x0_5",
    "torchvision:mnasnet0_5",
    "torchvision:googlenet",
    "timm:resnet10t",
    "timm:mobilenetv3_small_050",
    "timm:lcnet_050",
    "timm:regnetx_002",
    "timm:ghostnet_050",
    "timm:efficientnet_b0",
    "timm:convnext_atto",
)
"""Quick to export, one of a kind each; what is read where no number is asked for."""

EXPORTERS = {"dynamo": True, "script": False}
"""torch's exporters, and what `torch.onnx.export` calls them."""

SAME, DIFFERS, LAYERS, FAILED = "agrees", "differs", "layers differ", "failed"


def main() -> int:
    """Print a row a network and what disagrees; returns 1 if a figure differs."""
    arguments = _arguments()
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)
    names = arguments.networks or (every_name(arguments.all) if arguments.all else list(SMALL))
    if arguments.sample:
        names = random.Random(arguments.seed).sample(every_name(), arguments.sample)
    elif arguments.all:
        random.Random(arguments.seed).shuffle(names)
    records = _read(arguments.journal)
    print(f"{'network':<44} {'exporter':<8} {'parameters':>12} {'of the file':>12} {'MACs':>15} {'of the file':>15} {'s':>6}")
    for name in names:
        for exporter in arguments.exporter:
            key = f"{name} {exporter} {arguments.size or 'own'}"
            if key not in records or (arguments.again and records[key]["verdict"] != SAME):
                records[key] = _record(name, exporter, arguments.size, arguments.max_params)
                _append(arguments.journal, key, records[key])
                print(_line(name, exporter, records[key]), flush=True)
    shown = [records[key] for key in records if key.split()[0] in names]
    _print_distribution(shown)
    return 1 if any(record["verdict"] in (DIFFERS, LAYERS) for record in shown) else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("networks", nargs="*", help="torchvision:NAME, timm:NAME")
    parser.add_argument("--sample", type=int, help="so many networks of both, by chance")
    parser.add_argument("--all", nargs="?", const="", default=None, help="every network, or those of torchvision: or timm:")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--exporter", nargs="+", choices=EXPORTERS, default=["dynamo"])
    parser.add_argument("--size", type=int, help="images of this size where a network takes them, else of its own")
    parser.add_argument("--max-params", type=float, default=60e6, help="leave out what has more (60e6)")
    parser.add_argument("--journal", type=Path, help="keep results here, and go on where an earlier run stopped")
    parser.add_argument("--again", action="store_true", help="run what did not agree once more")
    arguments = parser.parse_args()
    if arguments.all == "":
        arguments.all = "torchvision: timm:"
    return arguments


def every_name(prefixes: str = "torchvision: timm:") -> list[str]:
    """The classification models of torchvision and timm, or of one of them."""
    from cnnprof.sources import timm, torchvision

    names = [f"torchvision:{name}" for name in torchvision.names()] + [f"timm:{name}" for name in timm.names()]
    return sorted(name for name in names if name.startswith(tuple(prefixes.split())))


def _record(name: str, exporter: str, size: int | None, most: float) -> dict[str, Any]:
    """What came of one network, as JSON types."""
    begin = time.perf_counter()
    try:
        record = _compare(name, exporter, size, most)
    except Exception as error:  # whatever an exporter raises: the others go on
        said = str(error).strip().splitlines() or [""]
        record = {"verdict": FAILED, "why": f"{type(error).__name__}: {said[0]:.200}"}
    gc.collect()
    return record | {"network": name, "seconds": round(time.perf_counter() - begin, 1)}


def _compare(name: str, exporter: str, size: int | None, most: float) -> dict[str, Any]:
    graph = resolve(name).graph()
    if size:
        with suppress(CnnprofError):
            graph = resolve(name).graph((graph.input_shape[1], size, size))
    ours = analyze(graph)
    if ours.totals.params > most:
        raise CnnprofError(f"left out: {ours.totals.params:,} parameters")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "net.onnx"
        export(graph, path, exporter)
        file = analyze(resolve(str(path)).graph())
    figures = {"ours": _figures(ours), "file": _figures(file)}
    layers = list(_disagreements(ours, file))
    verdict = DIFFERS if figures["ours"] != figures["file"] else LAYERS if layers else SAME
    return figures | {"verdict": verdict, "layers": layers}


def export(graph: Any, path: Path, exporter: str = "dynamo") -> None:
    """Write the network with random weights: constants that are zero everywhere would be folded to one number."""
    import torch

    from cnnprof.torch_bridge.instantiate import instantiate

    module = instantiate(graph).eval()
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for tensor in [*module.parameters(), *module.buffers()]:
            if tensor.is_floating_point():
                tensor.copy_(torch.rand(tensor.shape, generator=generator) * 0.1 + 0.01)
    image = (torch.zeros(graph.input_shape),)
    if exporter == "script":
        torch.onnx.export(module, image, str(path), dynamo=False, do_constant_folding=False, verbose=False)
        return
    program = torch.onnx.export(module, image, dynamo=True, optimize=False, verbose=False)
    assert program is not None
    program.save(str(path))
    torch._dynamo.reset()


def _figures(analysis: Any) -> list[int]:
    """Parameters, multiply-accumulates and operations that are not counted."""
    totals = analysis.totals
    return [int(totals.params), int(totals.macs), len(totals.uncounted)]


def _disagreements(ours: Any, file: Any) -> Iterator[str]:
    """Layers with multiply-accumulates that one has and the other lacks, by the size of their results."""
    mine, other = (
        Counter(product for cost in each.costs if cost.macs and not cost.node.aux for product in _products(cost))
        for each in (ours, file)
    )
    for side, surplus in (("network", mine - other), ("file", other - mine)):
        for (shape, macs), count in surplus.items():
            yield f"{side} alone: {count} x {'x'.join(map(str, shape))} of {macs:,} MACs"
    if file.totals.uncounted:
        yield f"not counted in the file: {', '.join(file.totals.uncounted[:3])}"


def _products(cost: Any) -> Iterator[tuple[tuple[int, ...], int]]:
    """The sizes and multiply-accumulates of a layer; attention is the two products that an exporter may write for it."""
    output, macs = tuple(cost.output), int(cost.macs)
    if cost.node.layer.type == "ScaledDotProductAttention":
        query, key = cost.inputs[:2]
        scores = (*output[:-1], key[-2])
        of_scores = math.prod(scores) * query[-1]
        yield scores, of_scores
        macs -= of_scores
    yield output, macs


def _line(name: str, exporter: str, record: dict[str, Any]) -> str:
    line = f"{name:<44} {exporter:<8} "
    if "ours" in record:
        (params, macs, _), (file_params, file_macs, _) = record["ours"], record["file"]
        line += f"{params:>12,} {file_params:>12,} {macs:>15,} {file_macs:>15,} {record['seconds']:>6.1f}"
    why = record.get("why") or "; ".join(record.get("layers", [])[:6])
    return line + ("" if record["verdict"] == SAME else f"  {record['verdict']}: {why}")


def _print_distribution(records: list[dict[str, Any]]) -> None:
    verdicts = Counter(record["verdict"] for record in records)
    print(", ".join(f"{count} {verdict}" for verdict, count in verdicts.most_common()) + f"; {len(records)} files")
    for share in (0, 1e-4, 1e-3, 1e-2, 1e-1):
        within = sum(1 for record in records if "ours" in record and _share(record) <= share)
        print(f"MACs within {share:.2%}: {within}")
    for reason, count in Counter(record["why"] for record in records if "why" in record).most_common(12):
        print(f"{count:>4} {reason}")


def _share(record: dict[str, Any]) -> float:
    """How far the file's multiply-accumulates are from the network's."""
    return abs(record["file"][1] - record["ours"][1]) / max(1, record["ours"][1])


def _read(journal: Path | None) -> dict[str, dict[str, Any]]:
    if journal is None or not journal.is_file():
        return {}
    lines = [json.loads(line) for line in journal.read_text(encoding="utf-8").splitlines()]
    return {line["key"]: line for line in lines}


def _append(journal: Path | None, key: str, record: dict[str, Any]) -> None:
    if journal is not None:
        with journal.open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(record | {"key": key}) + "\n")


if __name__ == "__main__":
    sys.exit(main())
