"""A network as blocks with shapes, in the order in which they run."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any

from cnnprof.charts import Chart, Sketch, ending, foot, head
from cnnprof.charts.colors import PALETTE
from cnnprof.charts.routing import LINE, Layout, arrange
from cnnprof.record import record
from cnnprof.texts import visible

if TYPE_CHECKING:
    from matplotlib.figure import Figure

ACROSS, ON_PAGE = 7, 5
"""Blocks in a row of a picture, and of a page."""

LARGEST, PIXELS = 8.0, 11.5
"""Height of a letter in a picture, in points, at the most; and on a page."""

KINDS = ("input", "layer", "several", "aux")
"""Kinds of blocks, each of which has the same colour in every diagram."""

LONGEST = 22
"""Letters of a line in a block."""


@record
class Box:
    """A part of a network: its name, what it puts out, and what it costs, as lines of text; `kind` picks its colour."""

    name: str
    shape: str
    lines: tuple[str, ...] = ()
    kind: str = ""

    @property
    def texts(self) -> tuple[str, ...]:
        """All lines, in letters that a box has room for; of a long name its end, which tells it from others."""
        return (ending(self.name, LONGEST), *(line[:LONGEST] for line in (self.shape, *self.lines)))


@record
class Diagram(Chart):
    """Blocks and which of them feed which.

    Args:
        title: the line above them.
        blocks: in order of execution, the inputs first.
        edges: pairs of numbers of blocks, from and to.
        notes: remarks below.
    """

    title: str
    blocks: tuple[Box, ...]
    edges: tuple[tuple[int, int], ...]
    notes: tuple[str, ...] = ()

    @property
    def inches(self) -> tuple[float, float]:  # type: ignore[override]
        """As wide as other pictures, and as high as all rows are then."""
        layout = self._arranged(ACROSS)
        return 11, 0.6 + 0.2 * len(self.notes) + layout.height * min(LARGEST, 11 * 72 / layout.width) / 72

    def draw(self, figure: Figure) -> None:
        """Rows of boxes, the first from the left, the second from the right and so on; what is skipped is passed by."""
        from matplotlib.patches import FancyBboxPatch

        width, height = figure.get_size_inches()
        layout = self._arranged(ACROSS)
        if (width, height) != self.inches:
            # As many in a row as makes letters the largest.
            every = [self._arranged(across) for across in range(1, 2 * ACROSS)]
            layout = max(every, key=lambda each: min(width / each.width, height / each.height))
        head(figure, self.title)
        foot(figure, self.notes)
        axes = figure.add_subplot(aspect="equal", xlim=(0, layout.width), ylim=(layout.height, 0))
        axes.axis("off")
        figure.draw_without_rendering()
        # Boxes are measured in letters, which are as large as the sheet leaves them.
        letter = abs(axes.transData.transform((1, 0))[0] - axes.transData.transform((0, 0))[0]) * 72 / figure.dpi
        letter = min(letter, 2 * LARGEST)
        for box, color, block in zip(layout.boxes, self._colors(), self.blocks, strict=True):
            corner = (box.x - box.width / 2, box.y - box.height / 2)
            look: Any = {
                "boxstyle": "round,pad=0,rounding_size=0.6",
                "facecolor": _pale(color),
                "edgecolor": color,
                "zorder": 3,
            }
            axes.add_patch(FancyBboxPatch(corner, box.width, box.height, **look))
            axes.text(
                box.x, box.y, "\n".join(block.texts), ha="center", va="center", fontsize=letter, linespacing=1.2, zorder=4
            )
        for route in layout.routes:
            xs, ys = zip(*route, strict=True)
            axes.plot(xs[:-1], ys[:-1], color="#777777", linewidth=letter / 8, zorder=1, solid_joinstyle="round")
            tip = {"arrowstyle": "-|>,head_width=0.2,head_length=0.4", "color": "#777777", "shrinkA": 0, "shrinkB": 0}
            axes.annotate("", route[-1], route[-2], arrowprops={**tip, "linewidth": letter / 8}, zorder=1)

    def markup(self) -> str:
        """The same as SVG, in the colours of the page that it stands in."""
        layout = self._arranged(ON_PAGE)
        parts = [
            f'<svg viewBox="0 0 {layout.width:.1f} {layout.height:.1f}" width="{layout.width * PIXELS:.0f}" role="img" '
            'class="diagram" font-size="1" text-anchor="middle" fill="currentColor">'
        ]
        ways = "".join("M" + " ".join(f"{x:.1f},{y:.1f}" for x, y in route) for route in layout.routes)
        tips = "".join("M" + _tip(*route[-2:]) for route in layout.routes)
        parts.append(f'<path class="ways" d="{ways}"/><path class="tips" d="{tips}"/>')
        for box, color, block in zip(layout.boxes, self._colors(), self.blocks, strict=True):
            left, top = box.x - box.width / 2, box.y - box.height / 2
            spans = "".join(f'<tspan x="{box.x:.1f}" dy="{LINE}">{escape(text)}</tspan>' for text in block.texts)
            parts.append(
                f'<rect x="{left:.1f}" y="{top:.1f}" width="{box.width:.1f}" height="{box.height:.1f}" rx=".6" '
                f'fill="{color}" stroke="{color}"/><text y="{top + 0.2:.1f}">{spans}</text>'
            )
        return "".join(parts) + "</svg>"

    def sketch(self, canvas: Sketch) -> None:
        """A line a block, and what feeds it where that is not the one before."""
        rows = [(block.texts[0], block.shape, ", ".join(block.lines)) for block in self.blocks]
        wide = [max(len(row[k]) for row in rows) for k in (0, 1)]
        for number, (name, shape, costs) in enumerate(rows):
            reads = [start for start, end in self.edges if end == number]
            fed = ", ".join(self.blocks[start].name for start in reads) if reads not in ([], [number - 1]) else ""
            line = f"{name:{wide[0]}}  {shape:{wide[1]}}  {costs}"
            canvas.remark(f"{line}  from {fed}" if fed else line)

    def mermaid(self) -> str:
        """The same as a Mermaid flowchart, for Markdown."""
        lines = ["flowchart TD"]
        for number, block in enumerate(self.blocks):
            text = "<br>".join(_plain(part) for part in (block.name, block.shape, *block.lines))
            lines.append(f'  b{number}["{text}"]')
        lines += [f"  b{start} --> b{end}" for start, end in self.edges]
        return "\n".join(lines) + "\n"

    def _arranged(self, across: int) -> Layout:
        return arrange([block.texts for block in self.blocks], self.edges, across)

    def _colors(self) -> list[str]:
        kinds = [*dict.fromkeys((*KINDS, *(block.kind for block in self.blocks)))]
        return [PALETTE[kinds.index(block.kind) % len(PALETTE)] for block in self.blocks]


def _tip(before: tuple[float, float], end: tuple[float, float]) -> str:
    """The triangle at the end of an arrow."""
    (x0, y0), (x, y) = before, end
    length, half = 0.8, 0.35
    if x0 == x:
        back = y - length if y > y0 else y + length
        corners = (end, (x - half, back), (x + half, back))
    else:
        back = x - length if x > x0 else x + length
        corners = (end, (back, y - half), (back, y + half))
    return " ".join(f"{a:.1f},{b:.1f}" for a, b in corners)


def _pale(color: str) -> str:
    """A colour, four fifths of the way to white."""
    parts = (int(color[k : k + 2], 16) for k in (1, 3, 5))
    return "#" + "".join(f"{255 - (255 - part) // 5:02x}" for part in parts)


def _plain(text: str) -> str:
    """Text in one line that Mermaid takes for nothing else: it looks for %%{directives}%% everywhere."""
    named = {"&": "&amp;", '"': "&quot;", "<": "&lt;", ">": "&gt;", "#": "&#35;", "`": "&#96;"}
    line = "".join(named.get(letter, letter) for letter in visible(" ".join(text.split())))
    return line.replace("%%", "&#37;&#37;")
