"""A torch module as a graph: it is run once, on tensors without data, and every operation is recorded."""

from __future__ import annotations

import copy
import sys
from collections.abc import Collection, Iterator
from contextlib import contextmanager, redirect_stdout, suppress
from dataclasses import replace

import torch
from torch import nn

from cnnprof.errors import CnnprofError
from cnnprof.network.dims import Shape
from cnnprof.network.graph import INPUT, Facts, Graph, Node
from cnnprof.torch_bridge.meta import input_like, meta_copy
from cnnprof.torch_bridge.trace import NETWORK_INPUT, Recorder, Step, Trace, one_line


def capture(module: nn.Module, input_shape: Shape, name: str = "") -> Graph:
    """The graph of what the module does with an input of this shape (N, C, H, W) in eval mode.

    Heads that only training runs are part of it, marked `aux`, and no outputs. Every parameter is counted once; an operation
    without a rule is named in `Graph.uncounted`. The module is left as it was. Raises CnnprofError if it cannot be run.
    """
    name = name or type(module).__name__
    runner, trace, about = _first_that_runs(module, input_shape, name)
    aux: Collection[int] = ()
    heads = _idle_modules(module, trace.untouched)
    if heads:
        # A head is run by its parent when that one is in training mode; the layers inside stay in eval mode.
        with suppress(CnnprofError):
            trained = _trace(runner, module, input_shape, name, training={path.rpartition(".")[0] for path in heads})
            steps = _steps_of(trained, heads)
            if _same(trace, trained, leaving_out=steps):
                trace, aux = trained, steps
    return replace(_graph(module, trace, aux, name, input_shape), facts=Facts(about=about))


def _first_that_runs(module: nn.Module, input_shape: Shape, name: str) -> tuple[nn.Module, Trace, str | None]:
    """A copy of the module without data, or where that does not run (it reads a tensor's value) one with data; its trace.

    With what there is to say about the latter.
    """
    try:
        runner = meta_copy(module)
        return runner, _trace(runner, module, input_shape, name), None
    except Exception:
        if any(parameter.is_meta for parameter in module.parameters()):
            raise
    try:
        runner = copy.deepcopy(module)
    except Exception:
        # Some modules hold what cannot be copied; such a one is run itself.
        runner = module
    trace = _trace(runner, module, input_shape, name)
    return runner, trace, "runs on real data only, here random: other data may take another way"


def _trace(module: nn.Module, original: nn.Module, input_shape: Shape, name: str, training: Collection[str] = ()) -> Trace:
    """One run, of a copy or of the original, in eval mode but for the modules of the `training` paths. Raises CnnprofError."""
    tensor = input_like(module)
    with torch.inference_mode():
        generator = None if tensor.is_meta else torch.Generator(tensor.device).manual_seed(0)
        x = torch.rand(input_shape, generator=generator, device=tensor.device, dtype=tensor.dtype)
        recorder = Recorder(module, original, x)
        try:
            with redirect_stdout(sys.stderr), _watched(module, recorder, training), recorder:
                result = module(x)
            trace = recorder.finish(result)
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # a user's code may raise anything
            size = "x".join(map(str, input_shape[1:]))
            raise CnnprofError(f"cannot run {name} on an input of {size}: {recorder.failure or one_line(error)}") from error
    if not trace.outputs:
        raise CnnprofError(f"{name} returns no tensor, but {type(result).__name__}")
    if not trace.steps:
        raise CnnprofError(f"{name} has no layers: it hands on its input as it is")
    return trace


@contextmanager
def _watched(module: nn.Module, recorder: Recorder, training: Collection[str]) -> Iterator[None]:
    """The module in eval mode, telling the recorder which of its parts runs; afterwards as before."""
    modules = dict(module.named_modules())
    modes = {path: part.training for path, part in modules.items()}
    fast_path = torch.backends.mha.get_fastpath_enabled()
    handles = []
    try:
        # The fast path of attention runs a whole encoder layer as one operation that no counter can look into.
        torch.backends.mha.set_fastpath_enabled(False)
        for path, part in modules.items():
            part.training = path in training
            # A scripted module takes no hooks; what it runs is recorded under the path of the module around it.
            if path and not isinstance(part, torch.jit.ScriptModule):
                handles.append(part.register_forward_pre_hook(lambda *_, path=path: recorder.enter(path), prepend=True))
                handles.append(part.register_forward_hook(lambda *_: recorder.leave(), always_call=True))
        yield
    finally:
        torch.backends.mha.set_fastpath_enabled(fast_path)
        for handle in handles:
            handle.remove()
        for path, part in modules.items():
            part.training = modes[path]


def _idle_modules(module: nn.Module, untouched: Collection[str]) -> list[str]:
    """The outermost modules that have parameters, none of which was used."""
    unused = set(untouched)
    idle: list[str] = []
    if not unused:
        return idle
    for path, part in module.named_modules():
        inside = any(path.startswith(f"{head}.") for head in idle)
        names = [f"{path}.{name}" for name, _ in part.named_parameters()]
        if path and names and not inside and unused.issuperset(names):
            idle.append(path)
    return idle


def _steps_of(trace: Trace, heads: Collection[str]) -> frozenset[int]:
    """The steps that run in one of the heads, or need one that does."""
    found: set[int] = set()
    for number, step in enumerate(trace.steps):
        path = step.stored or step.scope.path
        if any(path == head or path.startswith(f"{head}.") for head in heads) or not found.isdisjoint(step.inputs):
            found.add(number)
    return frozenset(found)


def _same(trace: Trace, trained: Trace, leaving_out: Collection[int]) -> bool:
    """Whether the run with its heads did what the run without did, and more."""
    main = [step.layer for number, step in enumerate(trained.steps) if number not in leaving_out]
    return main == [step.layer for step in trace.steps]


def _graph(module: nn.Module, trace: Trace, aux: Collection[int], name: str, input_shape: Shape) -> Graph:
    names = _names(trace.steps)
    heads = _idle_modules(module, trace.untouched)
    unused = {
        parameter: size.numel()
        for parameter, size in module.named_parameters()
        if parameter in trace.untouched and not any(parameter.startswith(f"{head}.") for head in heads)
    }
    last_read = {number: reader for reader, step in enumerate(trace.steps) for number in step.inputs}
    nodes = tuple(
        Node(
            name=names[number],
            layer=step.layer,
            inputs=tuple(INPUT if i == NETWORK_INPUT else names[i] for i in step.inputs),
            aux=number in aux,
            owns_params=step.owns_params,
            trainable=step.trainable,
            until=names[trace.held[number]] if trace.held.get(number, -1) > last_read.get(number, number) else "",
        )
        for number, step in enumerate(trace.steps)
    )
    outputs = [number for number in trace.outputs if number not in aux]
    return Graph(
        name=name,
        input_shape=tuple(input_shape),
        nodes=nodes,
        outputs=tuple(INPUT if number == NETWORK_INPUT else names[number] for number in outputs),
        uncounted=tuple(f"{names[number]}: {operation}" for number, operation in trace.uncounted),
        aux_params={head: sum(p.numel() for p in module.get_submodule(head).parameters()) for head in heads} | unused,
    )


def _names(steps: list[Step]) -> list[str]:
    """A unique name for each step, as torchvision's `get_graph_node_names` gives them.

    The path of a module that ran one operation names that operation; else it is the path and the operation's word. What comes
    again gets a number: `layer1.0.relu`, `layer1.0.relu_1`.
    """
    taken = {INPUT}
    names = []
    for step in steps:
        path = step.scope.path
        whole = path and step.scope.operations == 1
        base = step.stored or (path if whole else f"{path}.{step.word}" if path else step.word)
        name, repeats = base, 0
        while name in taken:
            repeats += 1
            name = f"{base}_{repeats}"
        taken.add(name)
        names.append(name)
    return names
