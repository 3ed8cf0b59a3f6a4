"""A network as blocks with shapes, in the order in which they run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cnnprof.charts import Chart, Sketch, foot
from cnnprof.charts.colors import PALETTE
from cnnprof.record import record

if TYPE_CHECKING:
    from matplotlib.figure import Figure

ACROSS = 7
"""Blocks in a row."""


@record
class Block:
    """A part of a network: its name, what it puts out, and what it costs, as lines of text; `kind` picks its colour."""

    name: str
    shape: str
    lines: tuple[str, ...] = ()
    kind: str = ""


@record
class Diagram(Chart):
    """Blocks and which of them feed which.

    Args:
        title: the line above them.
        blocks: in order of execution, the input first.
        edges: pairs of numbers of blocks, from and to.
        notes: remarks below.
    """

    title: str
    blocks: tuple[Block, ...]
    edges: tuple[tuple[int, int], ...]
    notes: tuple[str, ...] = ()

    @property
    def inches(self) -> tuple[float, float]:  # type: ignore[override]
        """A line of text more for each row of blocks."""
        return 11, 0.9 + 1.15 * -(-len(self.blocks) // ACROSS)

    def draw(self, figure: Figure) -> None:
        """Rows of boxes, the first from the left, the second from the right and so on; arcs pass blocks that are skipped."""
        axes = figure.add_subplot()
        rows = -(-len(self.blocks) // ACROSS)
        axes.set(title=self.title, xlim=(-0.6, min(len(self.blocks), ACROSS) - 0.4), ylim=(rows - 0.4, -0.6))
        axes.axis("off")
        foot(figure, self.notes)
        kinds = [*dict.fromkeys(block.kind for block in self.blocks)]
        # As a snake, so that the arrow to the next row crosses nothing.
        turns = [divmod(number, ACROSS) for number in range(len(self.blocks))]
        places = [(place if row % 2 == 0 else ACROSS - 1 - place, row) for row, place in turns]
        for (x, y), block in zip(places, self.blocks, strict=True):
            text = "\n".join([_fitting(block.name), block.shape, *block.lines])
            color = PALETTE[kinds.index(block.kind) % len(PALETTE)]
            box = {"boxstyle": "round,pad=0.5", "facecolor": _pale(color), "edgecolor": color}
            axes.text(x, y, text, ha="center", va="center", fontsize="x-small", bbox=box, zorder=3)
        for start, end in self.edges:
            (x0, y0), (x1, y1) = places[start], places[end]
            bend = "arc3" if end == start + 1 else "arc3,rad=-0.35"
            style = {"arrowstyle": "->", "color": "#777777", "connectionstyle": bend, "shrinkA": 32, "shrinkB": 36}
            axes.annotate("", (x1, y1), (x0, y0), arrowprops=style, zorder=1)

    def sketch(self, canvas: Sketch) -> None:
        """A line a block."""
        count = len(self.blocks)
        canvas.axis("x", "", ticks=[(0.0, "")])
        canvas.axis("y", "", ticks=[(0.0, "")])
        canvas.limits("x", 0, 1)
        canvas.limits("y", -count, 0)
        for number, block in enumerate(self.blocks):
            canvas.name(0.02, -number - 0.5, "  ".join([block.name, block.shape, *block.lines]))

    def mermaid(self) -> str:
        """The same as a Mermaid flowchart, for Markdown."""
        lines = ["flowchart TD"]
        for number, block in enumerate(self.blocks):
            text = "<br>".join(_plain(part) for part in (block.name, block.shape, *block.lines))
            lines.append(f'  b{number}["{text}"]')
        lines += [f"  b{start} --> b{end}" for start, end in self.edges]
        return "\n".join(lines) + "\n"


def _pale(color: str) -> str:
    """A colour, four fifths of the way to white."""
    parts = (int(color[k : k + 2], 16) for k in (1, 3, 5))
    return "#" + "".join(f"{255 - (255 - part) // 5:02x}" for part in parts)


def _fitting(name: str) -> str:
    return name if len(name) <= 20 else "…" + name[-19:]


def _plain(text: str) -> str:
    """Text that Mermaid takes for nothing else."""
    named = {"&": "&amp;", '"': "&quot;", "<": "&lt;", ">": "&gt;", "#": "&#35;", "`": "&#96;"}
    return "".join(named.get(letter, letter) for letter in text)
