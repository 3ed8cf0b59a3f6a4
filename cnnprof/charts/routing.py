"""Where the boxes of a diagram stand, and along which ways their arrows run: nothing passes over a box.

All sizes are in heights of a letter. Rows run as a snake, so that the arrow to the next row is short. An arrow that skips boxes
leaves for the free strip above or below its row, keeps to a lane of its own there, and comes down on its target from above.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from cnnprof.record import record

LINE, LETTER = 1.25, 0.62
"""Height of a line, and width of a letter."""

GAP, LANE = 2.6, 0.7
"""Between boxes, and between arrows that run side by side."""


@record
class Box:
    """A rectangle by its middle."""

    x: float
    y: float
    width: float
    height: float


@record
class Layout:
    """A sheet with boxes, and the corners that each arrow passes."""

    width: float
    height: float
    boxes: tuple[Box, ...]
    routes: tuple[tuple[tuple[float, float], ...], ...]


@record
class _Run:
    """A stretch along a strip between rows: strip `above` the row of that number, from one place to another."""

    above: int
    start: float
    end: float


def arrange(texts: Sequence[Sequence[str]], edges: Sequence[tuple[int, int]], across: int) -> Layout:
    """Place boxes with these lines of text, `across` in a row, and lead an arrow along each edge."""
    turns = [divmod(number, across) for number in range(len(texts))]
    rows = [row for row, _ in turns]
    columns = [place if row % 2 == 0 else across - 1 - place for row, place in turns]
    widths = [LETTER * max(map(len, lines)) + 1.4 for lines in texts]
    step = max(widths) + GAP
    heights = [
        max(LINE * len(lines) + 1 for lines, at in zip(texts, rows, strict=True) if at == row) for row in range(rows[-1] + 1)
    ]
    xs = [step * (column + 0.5) for column in columns]
    skips = [(start, end) for start, end in edges if not _is_next(start, end)]
    leaves, comes = _ports(skips, xs, widths, 0), _ports(skips, xs, widths, 1)
    downs = _downs([edge for edge in skips if rows[edge[1]] > rows[edge[0]] + 1], [x - step / 2 for x in xs])
    ways = {edge: _way(edge, rows, leaves[edge], comes[edge], downs.get(edge)) for edge in skips}
    lanes, most = _lanes([run for runs in ways.values() for run in runs])
    middles = _middles(heights, most)
    boxes = tuple(
        Box(x, middles[row], width, LINE * len(lines) + 1) for x, row, width, lines in zip(xs, rows, widths, texts, strict=True)
    )
    tops = [middle - height / 2 for middle, height in zip(middles, heights, strict=True)]
    routes = []
    for start, end in edges:
        one, other = boxes[start], boxes[end]
        if _is_next(start, end):
            routes.append(_straight(one, other))
            continue
        edge = start, end
        levels = [(run, tops[run.above] - 1.4 - LANE * lanes[run]) for run in ways[edge]]
        below = ways[edge][0].above > rows[start]
        corners = [(leaves[edge], one.y + (one.height if below else -one.height) / 2)]
        corners += [point for run, y in levels for point in ((run.start, y), (run.end, y))]
        routes.append((*corners, (comes[edge], other.y - other.height / 2)))
    return Layout(step * min(across, len(texts)), middles[-1] + heights[-1] / 2 + 1, boxes, tuple(routes))


def _is_next(start: int, end: int) -> bool:
    return end == start + 1


def _straight(one: Box, other: Box) -> tuple[tuple[float, float], ...]:
    if one.x == other.x:
        return (one.x, one.y + one.height / 2), (other.x, other.y - other.height / 2)
    side = 1 if other.x > one.x else -1
    return (one.x + side * one.width / 2, one.y), (other.x - side * other.width / 2, other.y)


def _ports(
    edges: Sequence[tuple[int, int]], xs: Sequence[float], widths: Sequence[float], which: int
) -> dict[tuple[int, int], float]:
    """Where along a box each arrow leaves it (0), or comes (1): side by side, never in the middle, which the next box has."""
    of: dict[int, list[tuple[int, int]]] = defaultdict(list)
    for edge in edges:
        of[edge[which]].append(edge)
    found = {}
    for box, members in of.items():
        # From the left to the right as their other ends stand, so that fewer cross.
        members.sort(key=lambda edge: xs[edge[1 - which]])
        apart = min(1.2, 0.8 * widths[box] / (len(members) + 1))
        # An odd number is shifted, to the right where arrows leave and to the left where they come: none runs on in another.
        shift = 0.5 - which if len(members) % 2 else 0.0
        for k, edge in enumerate(members):
            found[edge] = xs[box] + apart * (k - (len(members) - 1) / 2 + shift)
    return found


def _downs(edges: Sequence[tuple[int, int]], sides: Sequence[float]) -> dict[tuple[int, int], float]:
    """Where each arrow to a row further on goes down: at its target's side, every one in a lane of its own."""
    found: dict[tuple[int, int], float] = {}
    taken: dict[float, int] = defaultdict(int)
    for edge in edges:
        side = sides[edge[1]]
        lane = taken[side] % 7
        found[edge] = side + GAP / 8 * ((lane + 1) // 2) * (-1) ** lane
        taken[side] += 1
    return found


def _way(edge: tuple[int, int], rows: Sequence[int], leave: float, come: float, down: float | None) -> tuple[_Run, ...]:
    """The stretches along strips: one to a box of this row or the next; further on two, and a way down between columns."""
    start, end = (rows[number] for number in edge)
    if down is None:
        return (_Run(end, leave, come),)
    return _Run(start + 1, leave, down), _Run(end, down, come)


def _lanes(runs: Sequence[_Run]) -> tuple[dict[_Run, int], dict[int, int]]:
    """A lane for each stretch, so that none runs over another; and how many a strip has."""
    taken: dict[int, list[list[tuple[float, float]]]] = defaultdict(list)
    found = {}
    for run in sorted(runs, key=lambda run: abs(run.end - run.start)):
        low, high = sorted((run.start, run.end))
        strip = taken[run.above]
        lane = next((k for k, spans in enumerate(strip) if all(high < a or low > b for a, b in spans)), len(strip))
        if lane == len(strip):
            strip.append([])
        strip[lane].append((low, high))
        found[run] = lane
    return found, {above: len(strip) for above, strip in taken.items()}


def _middles(heights: Sequence[float], lanes: dict[int, int]) -> list[float]:
    """The height at which each row stands, with room for the lanes above it."""
    found, at = [], 0.5
    for row, height in enumerate(heights):
        at += (GAP if row else 0.5) + LANE * lanes.get(row, 0) + (0.9 if lanes.get(row) else 0)
        found.append(at + height / 2)
        at += height
    return found
