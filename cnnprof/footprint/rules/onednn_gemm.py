"""oneDNN's convolution as a matrix product, which runs what no other kernel takes (src/cpu/gemm_convolution_utils.cpp).

It reads tensors and weights as they lie and lays windows out as columns.
"""

from __future__ import annotations

from collections.abc import Callable
from math import prod

from cnnprof.footprint.execution import Execution
from cnnprof.footprint.rules.onednn_convolution import SPARE, Convolution, Copies, plane, round_up
from cnnprof.network.dims import ceil_div

L2_BYTES = 2**20
"""A second-level cache, to which a forward pass cuts its columns."""

LINE = 16
"""Numbers to which sums of half precision are filled up."""

SMALL_PRODUCT = 64 * 1024
MOST = 2**30
OUTER_PIECES = 8
"""Powers and multiples that the search for blocks gives to uneven threads, strided windows and what misses the cache."""
STRIDED_COST = 8
MISS_COST = 20


def forward(conv: Convolution, run: Execution) -> Copies:
    """The forward pass: the columns of one block for each thread, and the output."""
    wide = _lanes(run)
    out, images = plane(conv.y), conv.x[0]
    depth = conv.y[2] if len(conv.kernel) == 3 else 1
    spatial = images * conv.groups * depth * out
    size, filters, positions = _columns(conv), conv.filters, out
    fits = not size or spatial >= run.threads * wide or out < images * conv.groups * depth
    fits = fits or (conv.stride[-1] == 1 and conv.channels * conv.window <= 0.05 * conv.filters)
    small = conv.channels // conv.filters < 42 and conv.channels * conv.filters * plane(conv.x) < 1024
    if depth == 1 and len(conv.kernel) < 3 and fits and (size or small):
        threads = run.threads
        if size or run.element_bytes < 4:
            filters, channels, positions = _Blocks(conv, run, spatial, out, wide).best()
            size = channels * conv.window * positions if size else 0
    else:
        outer, inner = _efficiency(run, images * conv.groups * depth, out, conv.filters)
        fine = outer >= inner or out * conv.channels * conv.filters // run.threads < SMALL_PRODUCT
        many = depth > 1 or images != 1 or conv.groups > 2
        threads = run.threads if out // run.threads < 512 and many and fine else 1
    scratch = booked(run.element_bytes * threads * size)
    if run.element_bytes < 4:
        scratch += booked(4 * threads * round_up(filters * positions, LINE)) + _full_bias(conv)
    if scratch > _limit(conv, run):
        # What takes too much is computed number by number, in channels_last.
        return Copies(input=conv.source_bytes(run) if conv.x[1] > 1 else 0, output=conv.target_bytes(run))
    return Copies(output=conv.target_bytes(run), scratch=scratch)


def data_gradient(conv: Convolution, run: Execution) -> Copies:
    """The input's gradient."""
    images, out, source = conv.x[0], plane(conv.y), plane(conv.x)
    outer, inner = _efficiency(run, images * conv.groups, source, conv.channels)
    fine = outer >= inner or source * conv.channels * conv.filters // run.threads < SMALL_PRODUCT
    many = images != 1 or conv.groups > 2
    small = out // run.threads < 512 or conv.window < 64
    threads = run.threads if small and many and fine else 1
    sums = booked(4 * threads * round_up(conv.channels * prod(conv.x[2:]), LINE)) if run.element_bytes < 4 else 0
    return Copies(input=conv.source_bytes(run), scratch=sums + _limited(conv, run, threads, sums, 0.1, 4))


def weight_gradient(conv: Convolution, run: Execution) -> Copies:
    """The weights' gradient: columns and partial sums of each thread, which are given four times the room that they need."""
    half, size = run.element_bytes < 4, 4 * conv.weight_bytes(run)
    own = booked(size) + _full_bias(conv) if half else 0
    columns = run.element_bytes * run.threads * conv.channels * conv.window * _lanes(run)
    estimate = run.threads * size + columns + (size + 4 * conv.y[1] * conv.bias if half else 0)
    outer = plane(conv.y) // run.threads < 256 and (conv.x[0] != 1 or conv.groups > 2)
    threads = run.threads if outer and estimate < _limit(conv, run) else 1
    sums = booked(threads * size) + own
    return Copies(weights=conv.weight_bytes(run), scratch=sums + _limited(conv, run, threads, sums, 0.05, run.element_bytes))


def last_data_gradient(conv: Convolution, run: Execution) -> Copies:
    """The input's gradient in channels_last; groups are summed apart."""
    apart = booked(4 * plane(conv.x) * conv.channels) if conv.grouped else 0
    return Copies(weights=conv.weight_bytes(run), scratch=booked(4 * _columns(conv)) + apart)


def last_weight_gradient(conv: Convolution, run: Execution) -> Copies:
    """The weights' gradient in channels_last, for which the input is turned over, too."""
    outer = plane(conv.y) // run.threads < 256 and (conv.x[0] != 1 or conv.groups > 2)
    threads = run.threads if outer else 1
    sizes = (_columns(conv), conv.weight_bytes(run), plane(conv.x) * conv.channels)
    scratch = sum(booked(4 * threads * size) for size in sizes)
    # What takes too much is computed number by number.
    return Copies(weights=conv.weight_bytes(run), scratch=scratch if scratch <= _limit(conv, run) else 0)


def fits(conv: Convolution, run: Execution) -> bool:
    """Whether the room for the weights' gradient is one that oneDNN allows itself."""
    return weight_gradient(conv, run).scratch <= _limit(conv, run)


def _columns(conv: Convolution) -> int:
    """Numbers in the windows of one image and group, as columns: 0 where a window is one position."""
    whole = conv.pointwise and not conv.strided and conv.x[2:] == conv.y[2:]
    return 0 if whole else conv.channels * conv.window * plane(conv.y)


def _full_bias(conv: Convolution) -> int:
    """A bias in half precision, made fp32."""
    return booked(4 * conv.y[1] * conv.bias)


def booked(size: int) -> int:
    """A part of a scratchpad with what aligns it."""
    return size + SPARE if size else 0


def _lanes(run: Execution) -> int:
    """Numbers of a vector register."""
    return (64 if run.wide else 16 if run.isa == "sse41" else 32) // run.element_bytes


def _limit(conv: Convolution, run: Execution) -> int:
    """Bytes of scratch that oneDNN takes at most."""
    tensors = conv.source_bytes(run) + conv.target_bytes(run) + conv.weight_bytes(run)
    return min(MOST, 15 * run.threads * tensors)


def _limited(conv: Convolution, run: Execution, threads: int, taken: int, part: float, number: int) -> int:
    """The columns of each thread, of so many bytes a number; of a part of the positions, where there is no room for all."""
    size, out = _columns(conv), plane(conv.y)
    room = _limit(conv, run) - taken
    if size and room < number * threads * size:
        most = max(room, 0) // (number * threads * (size // out))
        size = conv.channels * conv.window * max(_lanes(run), int(most * part))
    return booked(number * threads * size)


def _efficiency(run: Execution, work: int, positions: int, channels: int) -> tuple[float, float]:
    """How evenly threads share images and groups, and blocks of positions and channels."""
    wide = _lanes(run)
    inner = ceil_div(positions, wide) * ceil_div(channels, wide)
    return work / round_up(work, run.threads), inner / round_up(inner, run.threads)


class _Blocks:
    """The search for the blocks of a forward pass: input channels and positions whose columns are made at a time."""

    def __init__(self, conv: Convolution, run: Execution, spatial: int, out: int, wide: int) -> None:
        self.conv, self.threads, self.spatial, self.out, self.wide = conv, run.threads, spatial, out, wide
        self.steps = conv.axis(conv.stride, 0, 1) * conv.axis(conv.stride, 1, 1)
        self.columns = bool(_columns(conv))
        self.cache = L2_BYTES // run.element_bytes
        self.found = 0.0
        self.filters = self.positions = 1
        self.channels = conv.channels

    def best(self) -> tuple[int, int, int]:
        """Filters, channels and positions of a block."""
        conv, wide = self.conv, self.wide
        for parts in range(1, self.threads + 1):
            filters, positions = ceil_div(conv.filters, parts), ceil_div(self.spatial, self.threads // parts)
            if not self.columns:
                self.explore(parts, filters, _quotient(self.cache - conv.channels, self.steps * conv.channels))
                continue
            self.attempt(parts, filters, positions)
            if (self.filters, self.positions, self.channels) == (filters, positions, conv.channels):
                continue
            a, b = self.steps + conv.window, conv.window * filters
            left = self.cache - b * conv.channels
            some = _between(8, filters, _quotient(left - a * conv.channels * wide, wide))
            self.explore(parts, some, _between(wide, positions, _quotient(left, a * conv.channels + some)))
            most = max(1, self.cache // (16 * a + 2 * b))
            if most < conv.channels:
                channels = conv.channels // max(1, conv.channels // most)
                at = max(1, _quotient(self.cache - 2 * b * channels, 2 * channels * a))
                some = self.cache // 2 // at
                if some > filters:
                    some = filters
                    at = _between(wide, positions, _quotient(self.cache - b * channels, a * channels + some))
                elif at > positions:
                    at = positions
                    some = _between(8, filters, _quotient(self.cache - a * channels * at - b * channels, at))
                self.explore(parts, some, at)
            row = _quotient(left, a * conv.channels + filters)
            self.explore(parts, filters, max(wide, _quotient(row, wide) * wide))
        return self.filters, self.channels, self.positions

    def explore(self, parts: int, filters: int, positions: int) -> None:
        """Blocks of such sizes, and of even ones close to them."""
        down: Callable[[int, int], int] = lambda number, step: _quotient(number, step) * step  # noqa: E731
        self.attempt(parts, filters, positions)
        self.attempt(parts, down(filters, 8), down(positions, 48))
        self.attempt(parts, round_up(filters, 8), down(positions, 48))
        self.attempt(parts, round_up(filters, 8), round_up(positions, self.wide))
        self.attempt(parts, round_up(filters, 8), round_up(positions, 48))

    def attempt(self, parts: int, filters: int, positions: int) -> None:
        """Keep these blocks if they promise more than the best so far."""
        conv, wide, threads, window = self.conv, self.wide, self.threads, self.conv.window
        every, share = ceil_div(conv.filters, parts), ceil_div(self.spatial, threads // parts)
        filters, positions = _between(8, every, filters), _between(wide, share, positions)
        even = self._evenness(parts, every, share)
        filters, longest = min(every, filters), min(self.out, share)
        positions = min(longest, positions)
        fitting = self._fitting(filters, positions, every, share)
        cost = MISS_COST if fitting < 1 else 1
        channels = max(1, conv.channels // ceil_div(conv.channels, max(1, fitting)))
        pieces, depth = ceil_div(conv.channels, channels), channels * window
        aligned = round_up(positions, wide)
        out = cost * every * round_up(share, wide) * (1 if channels == conv.channels else 2 * pieces - 1)
        source = conv.channels * round_up(share * self.steps, wide)
        laid = (
            self.columns
            * int(cost * 2 * window * source * (aligned / positions))
            * (STRIDED_COST if conv.stride[-1] != 1 else 1)
        )
        whole = conv.channels * window
        moved = cost * window * source + laid + cost * every * round_up(whole, wide) + out
        per_byte = share / wide * every * whole / moved
        part = positions * filters * depth / (every * share * whole)
        inner = positions / wide * filters * depth / (aligned * depth + filters * round_up(depth, wide) + filters * aligned)
        worth = (even**OUTER_PIECES * (every / round_up(every, filters)) * (longest / round_up(longest, positions))) * (
            conv.channels / round_up(conv.channels, channels) * (positions / round_up(positions, 3 * wide))
        )
        worth = (worth * per_byte * part**0.5 * inner) ** (1 / 14.5)
        if worth > self.found:
            self.found, self.filters, self.positions, self.channels = worth, filters, positions, channels

    def _evenness(self, parts: int, every: int, share: int) -> float:
        """The least work of a thread beside the most."""
        conv, threads, spatial = self.conv, self.threads, self.spatial
        least, groups = max(1, conv.filters // parts), ceil_div(threads, parts)
        if conv.filters % parts > threads % parts:
            most = every * share
        else:
            most = max(every * ceil_div(spatial, groups), least * share)
        shortest = max(1, spatial // groups)
        if threads % parts > conv.filters % parts:
            fewest = least * shortest
        else:
            fewest = min(every * shortest, least * (spatial // (threads // parts)))
        return float(fewest / most)

    def _fitting(self, filters: int, positions: int, every: int, share: int) -> int:
        """How many input channels fit into the cache."""
        window = self.conv.window
        row, column = self.steps * positions, window * positions * self.columns
        if positions >= share:
            most = self.cache // (row + column)
            if self.columns and filters < every:
                most = min(most, _quotient(self.cache - filters * positions, column + window * filters))
        else:
            held = filters * positions if self.columns else 0
            most = _quotient(self.cache - held, row + column + window * every)
        if self.columns and most < self.conv.channels:
            most = _quotient(self.cache - filters * positions, row + column + window * every)
        return most


def _quotient(a: int, b: int) -> int:
    """C's division, which cuts towards zero."""
    return -(-a // b) if a < 0 else a // b


def _between(low: int, high: int, number: int) -> int:
    """The number, no less than `low` and no more than `high`, which counts first."""
    return max(low, min(high, number))
