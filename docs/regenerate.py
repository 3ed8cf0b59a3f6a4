"""Runs the commands that the guides show and writes their output below them: `make docs`.

A block that begins with ```console holds commands, each behind `$ `, and what they print. Commands run in one process, from the
repository's root, at a width of 100 columns; `cd`, `cat`, `| head -N`, `| tail -N` and `; echo $?` are understood. A block that
begins with ```console varies shows what differs from machine to machine, such as timings: it is run only with --varying, and no
test compares it. A picture's text is the command that draws it. The guide's table of layer words and the schema for editors are
written from the words themselves.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path
from unittest.mock import patch

ROOT = Path(__file__).resolve().parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
WIDTH, HEIGHT = 100, 24
TOLD = ("NO_COLOR", "FORCE_COLOR", "CLICOLOR_FORCE", "GITHUB_ACTIONS", "CNNPROF_DEBUG")
"""Variables by which a terminal or a CI says how output should look."""

_BLOCK = re.compile(r"^```console( varies)?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_PICTURE = re.compile(r"^!\[(cnnprof plot .*)\]\((.*)\)$", re.MULTILINE)
_WORDS = re.compile(r"(?<=<!-- layer words -->\n).*?(?=<!-- end of layer words -->)", re.DOTALL)
_MACHINE = re.compile(r'("(?:cnnprof|python|platform|time)": )"[^"]*"')


def regenerate(text: str, varying: bool = False) -> str:
    """The page with the output of its commands as it is now; blocks that vary stay as they are unless `varying`."""

    def rewrite(block: re.Match[str]) -> str:
        if block[1] and not varying:
            return block[0]
        commands = [line for line in block[2].splitlines() if line.startswith("$ ")]
        shown = "\n".join(f"{command}\n{run(command[2:])}" for command in commands)
        return f"```console{block[1] or ''}\n{shown}```"

    with in_shell():
        return _BLOCK.sub(rewrite, _WORDS.sub(lambda _: word_table(), text))


def word_table() -> str:
    """Every layer word with its examples, as Markdown."""
    from cnnprof.spec.words import WORDS

    rows = ["| step | on 16x32x32 gives | |", "|---|---|---|"]
    for word in WORDS.values():
        for example in word.examples:
            said = example.note if example is not word.examples[0] else word.help
            step = example.step.replace("|", "\\|")
            rows.append(f"| `{step}` | {example.size} | {said} |")
    return "\n".join(rows) + "\n"


def same(text: str, other: str) -> bool:
    """Whether two pages show the same, whatever the versions in their JSON."""
    return _MACHINE.sub(r"\1", text) == _MACHINE.sub(r"\1", other)


@contextlib.contextmanager
def in_shell() -> Iterator[None]:
    """The repository's root as working directory, a fixed size, no colour, and AVX2's kernels; all is undone at the end."""
    before = Path.cwd()
    kept = {name: value for name, value in os.environ.items() if name not in TOLD}
    with patch.dict(os.environ, kept | {"COLUMNS": str(WIDTH), "LINES": str(HEIGHT), "ONEDNN_MAX_CPU_ISA": "AVX2"}, clear=True):
        os.chdir(ROOT)
        try:
            yield
        finally:
            os.chdir(before)


def commands_of(text: str) -> list[str]:
    """Every command line that a page shows, those that vary included."""
    return [line[2:] for block in _BLOCK.finditer(text) for line in block[2].splitlines() if line.startswith("$ ")]


def pictures_of(page: Path) -> dict[Path, str]:
    """The files of a page's pictures, with the command that draws each."""
    return {page.parent / file: command for command, file in _PICTURE.findall(page.read_text(encoding="utf-8"))}


def run(line: str) -> str:
    """What a command line prints, errors included."""
    line, asked, _ = line.partition("; echo $?")
    command, _, cut = line.partition(" | head -" if " | head -" in line else " | tail -")
    words = shlex.split(command)
    text, code = "", 0
    if words[0] == "cd":
        os.chdir(words[1])
    elif words[0] == "cat":
        text = Path(words[1]).read_text(encoding="utf-8")
    elif words[0] == "cnnprof":
        text, code = run_cnnprof(words)
    else:
        raise ValueError(f"the guides run cnnprof, cd and cat, and not '{words[0]}'")
    if cut:
        lines = text.splitlines(keepends=True)
        text = "".join(lines[: int(cut)] if " | head -" in line else lines[-int(cut) :])
    return text + (f"{code}\n" if asked else "")


def run_cnnprof(words: list[str]) -> tuple[str, int]:
    """Output and exit code of a call, in this process."""
    from cnnprof.__main__ import main
    from cnnprof.errors import DEFECT

    out = io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out), patch.object(sys, "argv", words):
        try:
            main()
            code = 0
        except SystemExit as left:
            code = int(left.code or 0)
    if code == DEFECT:
        raise RuntimeError(out.getvalue())
    return "\n".join(line.rstrip() for line in out.getvalue().splitlines()) + "\n", code


def main() -> None:
    """Rewrite every page that is out of date, and the schema."""
    from cnnprof.spec.schema import write_schema

    (ROOT / "architectures" / "cnnprof.schema.json").write_text(write_schema(), encoding="utf-8")
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        new = regenerate(text, "--varying" in sys.argv)
        if not same(text, new):
            page.write_text(new, encoding="utf-8")
            print(f"rewrote {page.relative_to(ROOT)}")
        for file, command in pictures_of(page).items():
            with in_shell():
                run(f"{command} -o {shlex.quote(str(file))}")


if __name__ == "__main__":
    main()
