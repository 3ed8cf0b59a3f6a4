"""Where a report goes: to the terminal, or to a file that is written whole or not at all."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import TextIO

from cnnprof.errors import UsageError, suggest
from cnnprof.record import record
from cnnprof.report import Report
from cnnprof.reports import FORMATS, PICTURES, WITHOUT_NOTES, Style, format_of, suffixes_of
from cnnprof.streams import results
from cnnprof.texts import within

MOST_COLUMNS = 10_000
"""Of a terminal; more is no width."""


def choose_format(name: str | None, json: bool, output: Path | None, formats: Sequence[str] = FORMATS) -> str:
    """The format to use, of these. Call it before the work starts, so that a wrong name costs nothing.

    Raises UsageError for an unknown format or suffix, two formats at once, a file that cannot be written, or a picture that
    would go to the terminal.
    """
    if name and json and name != "json":
        raise UsageError(f"--json and --format {name} exclude each other")
    chosen = "json" if json else name
    if chosen and chosen not in formats:
        raise UsageError(f"there is no format '{chosen}'", hint=suggest(chosen, formats))
    if output:
        check_writable(output)
    if output and not chosen:
        suffixes = suffixes_of(formats)
        chosen = suffixes.get(output.suffix.lower())
        if chosen is None:
            raise UsageError(
                f"the suffix of '{output}' names no format",
                hint=f"use {', '.join(suffixes)}, or say --format {'|'.join(formats)}",
            )
    chosen = chosen or ("table" if "table" in formats else formats[0])
    if chosen in PICTURES:
        # What lacks is to be said before the work.
        if chosen != "mermaid":
            import_module("matplotlib" if format_of(chosen).binary else "plotext")
        if format_of(chosen).binary and not output and results().isatty():
            raise UsageError(
                "a picture goes to a file", hint=f"say which, such as -o memory.{chosen}, or draw it here: --format braille"
            )
    return chosen


@record
class Destination:
    """Where a report goes, in which format, and how a picture looks: to `output`, or to the terminal; and to the `others`."""

    format: str
    output: Path | None = None
    theme: str = "paper"
    inches: tuple[float, float] | None = None
    others: tuple[Destination, ...] = ()
    pager: bool = False

    @property
    def draws(self) -> bool:
        """Whether a report needs its chart: for a picture, for a page, or to be saved for one."""
        return self.format in (*PICTURES, "html", "json") or any(other.draws for other in self.others)

    def each(self) -> tuple[Destination, ...]:
        """Every place by itself, where not all get the same report."""
        return (replace(self, others=()), *self.others)

    def emit(self, report: Report) -> None:
        """Write the report to the file, or to the terminal; to the latter, too, if the file cannot be written after all."""
        if self.format in WITHOUT_NOTES:
            say_doubts(report.doubts)
        if self.output is None:
            content = _content(report, self.format, self._style(terminal_style()))
            if not (self.pager and isinstance(content, str) and _page(content)):
                print_out(content)
            return
        try:
            write_whole(self.output, _content(report, self.format, self._style(Style())))
        except UsageError:
            fallback = "table" if format_of(self.format).binary else self.format
            print_out(_content(report, fallback, terminal_style()))
            raise
        print(f"wrote {self.output}", file=sys.stderr)
        for other in self.others:
            other.emit(report)

    def finish(self, report: Report) -> None:
        """Write the report of a gate; on GitHub Actions with its annotations, whatever the format."""
        self.emit(report)
        if os.environ.get("GITHUB_ACTIONS") == "true" and self.format != "github":
            from cnnprof.reports.github import commands

            print("".join(commands(report)), end="", file=sys.stderr)

    def _style(self, style: Style) -> Style:
        return replace(style, theme=self.theme, inches=self.inches)


def say_doubts(doubts: Iterable[str]) -> None:
    """Say on stderr what there is to doubt of what is written to stdout or to a file."""
    for doubt in doubts:
        print(doubt, file=sys.stderr)


def _content(report: Report, format_name: str, style: Style) -> str | bytes:
    content: str | bytes = format_of(format_name).render(report, style)
    return content


def _page(text: str) -> bool:
    """Show a text that is longer than the terminal with a pager; False where that is not so, or there is none."""
    if not (results().isatty() and sys.stdin.isatty()) or text.count("\n") < shutil.get_terminal_size().lines:
        return False
    import shlex
    import subprocess

    command = shlex.split(os.environ.get("PAGER") or "less")
    if not command or shutil.which(command[0]) is None or os.environ.get("TERM") == "dumb":
        return False
    # As git has it: colours as they are, and the text stays on the screen.
    with suppress(OSError):
        subprocess.run(command, input=text.encode(errors="replace"), env={"LESS": "FRX", **os.environ}, check=False)
        return True
    return False


def print_out(content: str | bytes) -> None:
    """Write to stdout, until its reader has seen enough."""
    with results_while_read() as stream:
        if isinstance(content, str):
            stream.write(within(content, stream.encoding or "utf-8"))
        else:
            stream.buffer.write(content)
        stream.flush()


@contextmanager
def results_while_read() -> Iterator[TextIO]:
    """Standard output; a reader that closes its end has seen enough, which ends the block and is no error."""
    stream = results()
    try:
        yield stream
    except BrokenPipeError:
        # Python would complain once more when it closes stdout.
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def terminal_style() -> Style:
    """The width of the terminal, or of COLUMNS; colour on a terminal that wants it."""
    on_terminal = results().isatty()
    bounded = on_terminal or os.environ.get("COLUMNS", "").isdigit()
    forced = any(os.environ.get(name, "0") not in ("", "0") for name in ("FORCE_COLOR", "CLICOLOR_FORCE"))
    color = not os.environ.get("NO_COLOR") and (forced or (on_terminal and os.environ.get("TERM") != "dumb"))
    return Style(min(shutil.get_terminal_size().columns, MOST_COLUMNS) if bounded else None, color)


def write_whole(path: Path, content: str | bytes) -> None:
    """Replace the file in one step. Raises UsageError if that fails."""
    from cnnprof.files import replace_file

    try:
        replace_file(path, content)
    except OSError as error:
        raise _unwritable(path, error) from None


def check_spec_path(path: Path, force: bool) -> None:
    """Raises UsageError unless a spec can be written there under a spec's suffix, and replaces none but by `force`."""
    from cnnprof.sources._files import SPECS

    if path.suffix not in SPECS:
        example = path.with_suffix(".yaml") if path.name else "net.yaml"
        raise UsageError(f"'{path}' is no name for a spec", hint=f"its suffix is .yaml, as in {example}")
    check_writable(path)
    check_unwritten(path, force)


def check_unwritten(path: Path, force: bool) -> None:
    """Raises UsageError where a spec would replace a file, which may be somebody's own work; results are replaced."""
    if path.is_file() and not force:
        raise UsageError(f"{path} is there already", hint="choose another name, or overwrite it with --force")


def check_json_path(path: Path) -> None:
    """Raises UsageError where no file can be written, or one of another kind would be replaced."""
    check_writable(path)
    if path.is_file() and path.suffix != ".json":
        raise UsageError(f"{path} is there already", hint="a file that is not .json is not overwritten: choose another name")


def check_writable(path: Path) -> None:
    """Raises UsageError where no file can be written."""
    folder = path.parent
    try:
        if path.is_dir():
            raise UsageError(f"cannot write {path}: it is a directory")
        if not folder.is_dir():
            raise UsageError(f"cannot write {path}: there is no directory {folder}")
        if not _is_device(path) and not os.access(folder, os.W_OK):
            raise UsageError(f"cannot write {path}: no permission in {folder}")
        if path.exists() and not os.access(path, os.W_OK):
            raise UsageError(f"cannot write {path}: it is read-only")
    except OSError as error:
        raise _unwritable(path, error) from None


def refuse_input(output: Path, given: Mapping[str, object]) -> None:
    """Raises UsageError if the file to be written is also one to be read.

    Args:
        output: the file.
        given: the command's arguments and options; one of them is `output`.
    """
    words = [word for value in given.values() for word in (value if isinstance(value, (list, tuple)) else [value])]
    files = [file for word in words if isinstance(word, (str, Path)) and (file := _file_of(word))]
    with suppress(OSError, ValueError):
        if sum(os.path.samefile(file, output) for file in files) > 1:
            raise UsageError(f"{output} is read by this command, and would be overwritten", hint="write to another file")


def _file_of(word: str | Path) -> str | None:
    """The file that a word on the command line names: a path, or a network in one."""
    path = str(word)
    name = path.partition("@")[0].partition("#")[0]
    return next((each for each in (path, name, name.rpartition(":")[0]) if each and os.path.isfile(each)), None)


def _is_device(path: Path) -> bool:
    """Whether it is something to write to, such as /dev/stdout or a pipe, and not to replace."""
    return path.exists() and not path.is_file()


def _unwritable(path: Path, error: OSError) -> UsageError:
    return UsageError(f"cannot write {path}: {error.strerror or error}")
