"""A torch module as a graph: it is run once, on tensors without data, and every operation is recorded."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from itertools import product
from time import monotonic

import torch
from torch import nn

from cnnprof.errors import CnnprofError
from cnnprof.network.dims import Shape
from cnnprof.network.graph import Facts, Graph, Node
from cnnprof.network.inputs import Input, Inputs
from cnnprof.network.naming import FreeNames
from cnnprof.torch_bridge.failures import failed, hint_for, one_line
from cnnprof.torch_bridge.feeding import as_parameters, bind, check_call, input_names, load_values, make_tensors, output_names
from cnnprof.torch_bridge.running import WayToRun, eagerly, finished, is_unfinished, preserved, unwrapped, ways
from cnnprof.torch_bridge.steps import NETWORK_INPUT, RecordedStep, Trace
from cnnprof.torch_bridge.trace import Recorder

BRANCHES = "torch.cond takes its first branch here: other data may take the other"

SIZES = (32, 28, 224, 64, 96, 128, 160, 227, 256, 299, 384, 512)
"""Sizes of images that are tried where the one that was given does not fit, the usual first."""

PATIENCE = 0.3
"""Seconds for trying them."""


def capture(
    module: nn.Module,
    inputs: Shape | Sequence[Input],
    name: str = "",
    batch: int | None = None,
    hint: str | None = None,
    real: bool = False,
) -> Graph:
    """The graph of what the module does with the inputs in eval mode.

    Heads that only training runs are part of it, marked `aux`, and no outputs. Every parameter is counted once; an operation
    without a rule is named in `Graph.uncounted`. The module is left as it was.

    Args:
        module: a module; its parameters may have data or none.
        inputs: the shape of a single one, (N, C, H, W); or what it is fed with.
        name: what the graph is called, the module's class if left out.
        batch: samples in one run, where the inputs do not say it.
        hint: what to say where it cannot be run and no better is known, in place of a size found by trying.
        real: run it on the processor with random numbers, not on tensors without data.

    Raises CnnprofError, with the line of the module's own code, if it cannot be run.
    """
    module = unwrapped(module)
    name = name or type(module).__name__
    fed, batch = _fed(inputs, batch)
    fed = as_parameters(module, fed)
    check_call(module, fed, name)
    with preserved(module), eagerly():
        if is_unfinished(module):
            module = _finish(module, fed, batch, name)
        way, trace = _first_that_runs(ways(module, real), fed, batch, name, hint)
        aux: Collection[int] = ()
        heads = _idle_modules(module, trace.untouched)
        if heads:
            # A head is run by its parent when that one is in training mode; the layers inside stay in eval mode.
            with suppress(CnnprofError):
                trained = _trace(way, fed, batch, name, training={path.rpartition(".")[0] for path in heads})
                steps = _steps_of(trained, heads)
                if _same(trace, trained, leaving_out=steps):
                    trace, aux = trained, steps
        graph = _graph(module, trace, aux, name, fed, batch)
    about = [remark for remark in (way.about, BRANCHES if trace.branches else None) if remark]
    return replace(graph, facts=Facts(about="; ".join(about) or None))


def _fed(inputs: Shape | Sequence[Input], batch: int | None) -> tuple[Inputs, int]:
    """The inputs, and the batch: that of a tensor that is given, if one is."""
    if all(isinstance(each, int) for each in inputs):
        shape = tuple(each for each in inputs if isinstance(each, int))
        return (Input(size=shape[1:]),), batch or shape[0]
    fed = load_values([each for each in inputs if isinstance(each, Input)])
    given = [int(each.value.shape[0]) for each in fed if each.value is not None and each.value.ndim]
    return fed, given[0] if given else (batch or 1)


def _finish(module: nn.Module, fed: Inputs, batch: int, name: str) -> nn.Module:
    """A copy of a module with lazy parts in which these have their weights."""
    args, kwargs = bind(fed, make_tensors(fed, batch, torch.empty(0)))
    try:
        return finished(module, args, kwargs)
    except (Exception, SystemExit) as error:
        raise _cannot_run(name, fed, error, one_line(error)) from error


def _first_that_runs(tried: Iterator[WayToRun], fed: Inputs, batch: int, name: str, hint: str | None) -> tuple[WayToRun, Trace]:
    """The first way that the module runs, and its trace."""
    problem: CnnprofError | None = None
    for way in tried:
        found = _attempt(way, fed, batch, name)
        if isinstance(found, Trace):
            return way, found
        problem = found
        if isinstance(found, _MisfitError):
            found.hint = found.hint or hint or _size_that_fits(way, fed, batch)
            break
    assert problem is not None
    problem.hint = problem.hint or hint
    raise problem


def _attempt(way: WayToRun, fed: Inputs, batch: int, name: str) -> Trace | CnnprofError:
    try:
        return _trace(way, fed, batch, name)
    except CnnprofError as error:
        return error


class _MisfitError(CnnprofError):
    """The inputs do not fit a layer, with whatever data."""


def _trace(way: WayToRun, fed: Inputs, batch: int, name: str, training: Collection[str] = ()) -> Trace:
    """One run in eval mode but for the modules of the `training` paths. Raises CnnprofError."""
    with torch.inference_mode():
        tensors = make_tensors(fed, batch, way.like)
        args, kwargs = bind(fed, tensors)
        recorder = Recorder(way.module, way.parameters, way.buffers, tensors, way.everywhere)
        try:
            with _watched(way.module, recorder, training), recorder:
                result = way.call(args, kwargs)
            trace = recorder.finish(result)
            trace.output_names = output_names(result)
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # a user's code may raise anything
            kind = _MisfitError if recorder.misfit else CnnprofError
            raise _cannot_run(name, fed, error, recorder.failure or one_line(error), kind) from error
    if not trace.steps:
        if not trace.outputs:
            raise CnnprofError(f"{name} returns no tensor, but {type(result).__name__}")
        raise CnnprofError(f"{name} has no layers: it hands on its input as it is")
    if not trace.outputs:
        # Whatever it makes of its layers, they ran: the last one stands for the end.
        trace.outputs = (len(trace.steps) - 1,)
    return trace


def _cannot_run(
    name: str, fed: Inputs, error: BaseException, said: str, kind: type[CnnprofError] = CnnprofError
) -> CnnprofError:
    inputs = " ".join(map(str, fed))
    many = "an input of" if len(fed) == 1 else "inputs of"
    found = failed(f"cannot run {name} on {many} {inputs}: {said}", error, hint_for(error, said, inputs))
    return kind(found.message, found.place, found.hint, found.trace)


def _size_that_fits(way: WayToRun, fed: Inputs, batch: int) -> str | None:
    """An image size that the network runs on, as a hint; None where none is found in a moment."""
    if way.tensors is None or len(fed) != 1 or len(fed[0].size) != 3 or fed[0].value is not None:
        return None
    deadline = monotonic() + PATIENCE
    channels = next((c for part in way.module.modules() if (c := getattr(part, "in_channels", None))), fed[0].size[0])
    for size, depth in product(SIZES, dict.fromkeys((channels, fed[0].size[0]))):
        if monotonic() > deadline:
            return None
        candidate = (replace(fed[0], size=(depth, size, size)),)
        with suppress(Exception), torch.inference_mode():
            args, kwargs = bind(candidate, make_tensors(candidate, batch, way.like))
            way.module.eval()
            way.call(args, kwargs)
            return f"it runs on another size: --input {candidate[0]}"
    return None


@contextmanager
def _watched(module: nn.Module, recorder: Recorder, training: Collection[str]) -> Iterator[None]:
    """The module in eval mode, telling the recorder which of its parts runs; its hooks are gone afterwards."""
    fast_path = torch.backends.mha.get_fastpath_enabled()
    handles = []
    try:
        # The fast path of attention runs a whole encoder layer as one operation that no counter can look into.
        torch.backends.mha.set_fastpath_enabled(False)
        for path, part in module.named_modules():
            if isinstance(part, torch.jit.ScriptModule):
                # It takes no hooks; what it runs is recorded under the path of the module around it. A frozen one has no mode.
                with suppress(AttributeError, RuntimeError):
                    part.train(path in training)
                continue
            part.training = path in training
            if path:
                handles.append(part.register_forward_pre_hook(lambda *_, path=path: recorder.enter(path), prepend=True))
                handles.append(part.register_forward_hook(lambda *_: recorder.leave(), always_call=True))
        yield
    finally:
        torch.backends.mha.set_fastpath_enabled(fast_path)
        for handle in handles:
            handle.remove()


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


def _graph(module: nn.Module, trace: Trace, aux: Collection[int], name: str, fed: Inputs, batch: int) -> Graph:
    called = input_names(module, fed)
    names = _names(trace.steps, called)
    heads = _idle_modules(module, trace.untouched)
    unused = {
        parameter: size.numel()
        for parameter, size in module.named_parameters()
        if parameter in trace.untouched and not any(parameter.startswith(f"{head}.") for head in heads)
    }
    last_read = {number: reader for reader, step in enumerate(trace.steps) for number in step.inputs}

    def name_of(number: int) -> str:
        return called[NETWORK_INPUT - number] if number < 0 else names[number]

    nodes = tuple(
        Node(
            name=names[number],
            layer=step.layer,
            inputs=tuple(map(name_of, step.inputs)),
            aux=number in aux,
            owns_params=step.owns_params,
            trainable=step.trainable,
            param_bytes=step.bytes,
            shared="" if step.shared is None else names[step.shared],
            until=names[trace.held[number]] if trace.held.get(number, -1) > last_read.get(number, number) else "",
        )
        for number, step in enumerate(trace.steps)
    )
    shapes = [tuple(each.value.shape) if each.value is not None else (batch, *each.size) for each in fed]
    outputs = tuple(name_of(number) for number in trace.outputs if number not in aux)
    return Graph(
        name=name,
        input_shape=shapes[0],
        nodes=nodes,
        outputs=outputs,
        output_names=trace.output_names if len(trace.output_names) == len(outputs) else (),
        uncounted=tuple(f"{names[number]}: {operation}" for number, operation in trace.uncounted),
        aux_params={head: sum(p.numel() for p in module.get_submodule(head).parameters()) for head in heads} | unused,
        input_name=called[0],
        further_inputs=dict(zip(called[1:], shapes[1:], strict=True)),
        number_format=_number_format(module),
        modules=_classes(module, nodes),
    )


def _classes(module: nn.Module, nodes: Sequence[Node]) -> dict[str, str]:
    """The class of each module that a node stands in, by its path."""
    around = {".".join(node.path[:depth]) for node in nodes for depth in range(1, len(node.path))}
    return {path: type(part).__name__ for path, part in module.named_modules() if path in around}


def _number_format(module: nn.Module) -> str:
    """The format of the numbers that the module computes with: that of most of its floating-point weights."""
    sizes: Counter[torch.dtype] = Counter()
    for tensor in module.parameters():
        if tensor.is_floating_point() or tensor.is_complex():
            sizes[tensor.dtype] += tensor.numel()
    dtype = sizes.most_common(1)[0][0] if sizes else torch.float32
    halves = {torch.float16: "fp16", torch.bfloat16: "bf16"}
    return "fp64" if dtype.itemsize == 8 else halves.get(dtype, "fp32")


def _names(steps: list[RecordedStep], inputs: Sequence[str]) -> list[str]:
    """A unique name for each step, as torchvision's `get_graph_node_names` gives them.

    The path of a module that ran one operation names that operation; else it is the path and the operation's word. What comes
    again gets a number: `layer1.0.relu`, `layer1.0.relu_1`.
    """
    free = FreeNames(inputs)
    names = []
    for step in steps:
        path = step.scope.path
        whole = path and step.scope.operations == 1
        base = step.stored or (path if whole else f"{path}.{step.word}" if path else step.word)
        names.append(free.new(base))
    return names
