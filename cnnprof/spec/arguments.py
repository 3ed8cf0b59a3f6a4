"""The options of one layer step, evaluated and checked as the builders of layers ask for them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple, TypeAlias

from cnnprof.errors import Place, SpecError
from cnnprof.network.dims import Dim, Shape, at_least, known, one
from cnnprof.network.layers.convolution import Size
from cnnprof.record import record
from cnnprof.spec.entrywise import as_whole, is_fraction
from cnnprof.spec.located import Expression, OfToken, Token
from cnnprof.spec.operators import in_full
from cnnprof.spec.scope import Scope
from cnnprof.spec.values import MAX_INT, Table, Tensor, Value, describe_kind, find_axis, is_number


@record
class Fixed(OfToken):
    """An option whose value the notation itself gives: `3x3`, `s2`, a flag."""

    value: Value
    token: Token

    def evaluate(self, scope: Scope) -> Value:  # noqa: ARG002 - the same call as an expression's
        """The value."""
        return self.value


@record
class Bare(Expression):
    """A kernel that is one number without a name, as on one spatial axis; `mistake` is what it is on others."""

    mistake: SpecError


_LABELS = {
    "out": "the number of outputs",
    "p": "the probability",
    "groups": "the number of groups",
    "kernel": "the kernel",
    "stride": "the stride",
    "pad": "the padding",
    "dilation": "the dilation",
}

_AT_LEAST = {
    ("reshape", "size"): "write the number itself, as in H*W",
    ("permute", "order"): "the batch, which is not named, stays first",
}
_KINDS = {2: "an image such as 3x224x224", 3: "a volume such as 3x16x112x112"}

Given: TypeAlias = Fixed | Expression


class Arguments(NamedTuple):
    """The arguments that one step gives its layer.

    Args:
        word: the layer word, for messages.
        place: where the step stands.
        given: the options and flags that the step names.
        scope: evaluates them.
        x: the shape of the step's input.
        normed: whether a `bn` follows on the same line.
        tokens: whether the input's channels are its last axis.
        grid: the size of the image whose positions the tokens are; () if they are no image.
        behind: whether the step follows another layer on the same line, whose output it may overwrite.
    """

    word: str
    place: Place
    given: Mapping[str, Given]
    scope: Scope
    x: Shape
    normed: bool = False
    behind: bool = False
    tokens: bool = False
    grid: Shape = ()

    def error(self, message: str, option: str | None = None, hint: str | None = None) -> SpecError:
        """An error that points at the option, or at the step."""
        given = self.given.get(option or "")
        place = given.place if given else self.place
        return SpecError(f"{self.word}: {message}", place, hint)

    def value(self, option: str, default: Value = None) -> Value:
        """The option's value as it is."""
        given = self.given.get(option)
        return default if given is None else given.evaluate(self.scope)

    def named(self, option: str) -> bool:
        """Whether the option stands behind its name, `multiplier=2`, or is a key; one that is not given does, too."""
        given = self.given.get(option)
        return given is None or not given.token.scalar.value[given.token.start - 1 : given.token.start].isspace()

    def flag(self, option: str) -> bool:
        """Whether the flag is set."""
        value = one(self.value(option, False))
        if value is None or isinstance(value, bool):
            return bool(value)
        raise self.error(f"{_label(option)} is true or false, not {describe_kind(value)}", option)

    @property
    def bias(self) -> bool:
        """Whether a convolution has a bias: it does unless a `bn` is on its line."""
        if "bias" in self.given and "nobias" in self.given:
            raise self.error("'bias' and 'nobias' exclude each other", "nobias")
        if "bias" in self.given:
            return self.flag("bias")
        return not (self.flag("nobias") or self.normed)

    def whole(self, option: str, default: Dim = None, least: int = 1) -> Dim:
        """A whole number of at least `least`."""
        return default if option not in self.given else self._whole(option, self.value(option), least)

    def number(self, option: str, default: float, least: float = 0.0, most: float = float("inf")) -> float:
        """A number from `least` to `most`."""
        value = one(self.value(option, default))
        if not isinstance(value, (int, float)) or isinstance(value, bool):
            joins = isinstance(value, Tensor) and self.word in ("add", "sub", "mul", "div")
            hint = f"branches are joined by '- {self.word}: [identity, x]'" if joins else None
            raise self.error(f"{_label(option)} is a number, not {describe_kind(value)}", option, hint)
        if not least <= value <= most:
            span = f"from {least:g} to {most:g}" if most < float("inf") else f"at least {least:g}"
            hint = f"write {value / 100:g}" if option == "p" and 1 < value <= 100 else None
            raise self.error(f"{_label(option)} is {span}, not {value}", option, hint)
        return float(value)

    @property
    def axes(self) -> int:
        """How many spatial axes the input has; 2 for a flat one, which layers of images then refuse."""
        return max(len(self.x) - 2, 0) or 2

    def each(self, option: str, default: int, least: int = 1, axes: int = 0) -> Size:
        """One whole number for all spatial axes, or one for each; `axes` of them, or as many as the input has."""
        count = axes or self.axes
        if option not in self.given:
            return (default,) * count
        given = self.given[option]
        if isinstance(given, Bare) and count != 1:
            sides = re.findall(r"\d+", given.text)
            one_side = given.text[1:] if re.fullmatch(r"k\d+", given.text) else given.text
            size = "x".join(sides if len(sides) > 1 else [one_side] * count)
            if len(sides) > 1:
                raise self.error(f"{given.text} is no kernel", option, f"a kernel is written {size}")
            written = [size] * (not one_side.isidentifier()) + [f"k={one_side}"] * (len(sides) < 2)
            given.mistake.hint = f"a kernel is written {' or '.join(written)}"
            raise given.mistake
        value = self.value(option)
        if isinstance(value, str) and re.fullmatch(r"\d{1,9}(x\d{1,9}){1,2}", value, re.ASCII):
            value = tuple(map(int, value.split("x")))  # a cell of a table, or a setting
        if not isinstance(value, tuple):
            return (self._whole(option, value, least),) * count
        if len(value) != count and not (option == "kernel" and len(self.x) == 2):
            forms = {1: "one number, as its input has one spatial axis", 2: "one number, or a pair of height and width"}
            form = forms.get(count, f"one number, or one for each of {count} axes")
            kind = _KINDS.get(len(value))
            hint = f"{len(value)} axes are those of {kind}" if kind else None
            raise self.error(f"{_label(option)} is {form}, not {describe_kind(value)}", option, hint)
        return tuple([self._whole(option, size, least) for size in value])

    def sizes(self, option: str) -> Shape:
        """Whole numbers, as a list of at most six; one number is a list of one."""
        value = self.value(option)
        sizes = _listed(value)
        if not 1 <= len(sizes) <= 6:
            raise self.error(f"{_label(option)} has one to six numbers, not {len(sizes)}", option)
        return tuple([self._whole(option, size, 1) for size in sizes])

    def check_tokens(self, sizes: Shape) -> None:
        """Raise SpecError where what the flag `tokens` says to be tokens has no axis but the channels."""
        if self.flag("tokens") and len(sizes) < 2:
            raise self.error("tokens have a length or other axes, and channels behind them, not one axis", "tokens")

    @property
    def channels(self) -> int:
        """The axis of the channels: the last of tokens."""
        return len(self.x) - 1 if self.tokens else 1

    @property
    def along(self) -> tuple[int, ...]:
        """The axes that `axis=` names, 1 being the first behind the batch and -1 the last; that of the channels if unsaid."""
        if "axis" not in self.given:
            return (self.channels,)
        value, rank = self.value("axis"), len(self.x)
        found = tuple([axis for each in _listed(value) if (axis := find_axis(each, rank))])
        if not found or len(set(found)) < len(_listed(value)):
            raise self.error(f"{no_axis(rank)}, not {describe_kind(value)}", "axis", BATCH_STAYS)
        return found

    @property
    def axis(self) -> int:
        """The one axis that `axis=` names."""
        first, *others = self.along
        if others:
            raise self.error(f"works along one axis, not {len(others) + 1}", "axis")
        return first

    def tokens_of(self, option: str) -> Tensor | None:
        """The tokens that the option names; None where it is left out."""
        if option not in self.given:
            return None
        value = self.value(option)
        if isinstance(value, Tensor) and value.tokens and len(value.shape) == len("NLC"):
            return value
        hint = "'tokens -> memory' names them"
        raise self.error(f"{_label(option)} names tokens, not {describe_kind(value)}", option, hint)

    def table(self, option: str) -> Table:
        """A table."""
        value = self.value(option)
        if not isinstance(value, Table):
            raise self.error(f"{_label(option)} names a table, not {describe_kind(value)}", option)
        return value

    def _whole(self, option: str, value: Value, least: int) -> Dim:
        if type(value) is int and least <= value <= MAX_INT:
            return value
        text = getattr(self.given[option], "text", "")
        if not is_number(value):
            hint = _of_list(value, text, self.scope) if isinstance(value, tuple) else None
            if isinstance(value, str):
                hint = _of_text(value, text)
            raise self.error(f"{_label(option)} is a number, not {describe_kind(value)}", option, hint)
        value = as_whole(value)
        if is_fraction(value):
            shown = f"{text} = {value:.10g}" if text and text != str(value) else f"{value:.10g}"
            rounded = f"make_divisible({text}, 8) or int({text})" if option == "out" else f"int({text}) or ceil({text})"
            hint = rounded if text else "round it"
            raise self.error(f"{_label(option)} is a whole number, and {shown} is not", option, f"write {hint}")
        if not at_least(value, least):
            hint = _AT_LEAST.get((self.word, option)) if known(value) and value < 1 else None
            raise self.error(f"{_label(option)} is at least {least}, not {value}", option, hint)
        if known(value) and value > MAX_INT:
            raise self.error(f"{_label(option)} is at most {MAX_INT:,}", option)
        return value


BATCH_STAYS = "the batch, which is not named, stays as it is"


def no_axis(rank: int) -> str:
    """The beginning of a message at what is none of the axes."""
    return f"'axis' is one of 1 to {rank - 1} here, -1 being the last"


def _listed(value: Value) -> tuple[Value, ...]:
    return value if isinstance(value, tuple) else (value,)


def _of_list(value: tuple[Value, ...], text: str, scope: Scope) -> str | None:
    """A hint at a list in place of a number."""
    if len(value) == 1 and text.startswith("["):
        return f"a number stands without brackets: {text[1:-1]}"
    if not text.isidentifier():
        return None
    if scope.outermost or text in scope.outer:
        return f"one entry is {text}[0]; a step for each is '- {{for: x in {text}, do: ...}}'"
    return f"a call gives '{text}' without parentheses, its numbers parted by blanks: unit 64 2"


def _of_text(value: str, name: str) -> str | None:
    """A hint at a text in place of a number, which an expression called `name` gives."""
    if name.startswith(("'", '"')) and value.isidentifier():
        return f"a name stands without quotes: {value}"
    if re.fullmatch(r"[+-]?\d[\d_]*(\.\d*)?", value.strip()):
        return f"a number stands without quotes: {value}"
    if name.isidentifier() and re.search(r"\w\s*[-+*/%]\s*\w", value):
        return f"a setting is a value; what is worked out stands among the steps: let {name} = {value}"
    if thousands := re.fullmatch(r"(\d+(?:\.\d+)?)([kKM])", value.strip()):
        return f"write {in_full(*thousands.groups())}"
    if found := re.fullmatch(r"([\d.]+)\s*%", value):
        return f"write {float(found[1]) / 100:g}"
    return None


def _label(option: str) -> str:
    return _LABELS.get(option, f"'{option}'")
