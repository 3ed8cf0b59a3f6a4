"""Steps from YAML: lists, joins, loops, choices, heads, and the long form of layers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, NoReturn, TypeAlias

from cnnprof.errors import did_you_mean
from cnnprof.network.layers import Layer
from cnnprof.network.layers.arrangement import Unknown
from cnnprof.spec.arguments import Given
from cnnprof.spec.foreign import word_of
from cnnprof.spec.joins import Branch, JoinStep, ListedBranches, Rounds
from cnnprof.spec.located import Expression, Token, read_expression, whole_token
from cnnprof.spec.loops import Each, For, Repeat
from cnnprof.spec.mistaken_options import of_layer_key
from cnnprof.spec.mistakes import AXIS, OF_LIST, of_key, of_key_beside
from cnnprof.spec.onelayer import layer_steps, read_size
from cnnprof.spec.oneline import LineReader
from cnnprof.spec.operations import (
    OWN_KEYS,
    WEIGHTS,
    Field,
    OpStep,
    check_complete,
    field_names,
    is_text,
    operation,
    unknown_field,
)
from cnnprof.spec.reader import Entries, Items, Scalar, Yaml
from cnnprof.spec.steps import Aux, Choice, Named, Sequence, Step, Unpack
from cnnprof.spec.tables import check_loop_name
from cnnprof.spec.texts import read_truth
from cnnprof.spec.tokens import CUT_AT_COMMA, span, split_commas, split_words
from cnnprof.spec.words import ACTIVATIONS, JOINS, LETTERS, NORMS, WORDS

_Behind: TypeAlias = "list[tuple[str, Token, dict[str, Given]]]"


class Structure(NamedTuple):
    """Reads steps of a file; `line` reads those that are one line."""

    line: LineReader

    def read(self, node: Yaml) -> Step:
        """The step that a node is. Raises SpecError where it is none."""
        if isinstance(node, Scalar):
            return self.line.read(node)
        if isinstance(node, Items):
            if not node.nodes:
                raise node.error("this list of steps is empty", "a step that does nothing is 'identity'")
            return Sequence(tuple(self.read(item) for item in node.nodes), node.place)
        readers: dict[str, Callable[[Entries], Step]] = {
            "repeat": self._repeat,
            "each": self._each,
            "for": self._for,
            "if": self._if,
            "aux": self._aux,
            "op": self._op,
            "opaque": self._opaque,
            **dict.fromkeys(WORDS, self._layer),
            **dict.fromkeys(JOINS, self._join),  # also where a word has the name: `mean` of branches, and over the channels
        }
        own = OWN_KEYS if node.get("op") is not None else ()
        words = [key for key, _ in node.pairs if key.value in readers and key.value not in own]
        if len(words) != 1:
            self._refuse(node, [key.value for key in words], list(readers))
        return readers[words[0].value](node)

    def _refuse(self, node: Entries, words: list[str], known: list[str]) -> NoReturn:
        if words:
            raise node.error(f"one step is both '{words[0]}' and '{words[1]}'", "begin each step with its own '-'")
        if not node.pairs:
            raise node.error("this step is empty", "a step that does nothing is 'identity'")
        key = node.pairs[0][0]
        hint = of_key(key.value) or did_you_mean(key.value, known)
        callable_words = (*WORDS, *self.line.blocks)
        value = node.pairs[0][1]
        if key.value in self.line.blocks:
            hint = f"call a block on one line: {key.value} arguments"
        elif key.value.partition(" ")[0] in callable_words:
            hint = "a step on one line has no colon"
        elif key.value.isidentifier() and isinstance(value, Scalar) and value.value.partition(" ")[0] in callable_words:
            hint = of_key(key.value) or f"an output is named behind its step: write '- {value.value} -> {key.value}'"
        raise key.error(f"unknown step '{key.value}:'", hint)

    def _repeat(self, node: Entries) -> Step:
        _check_keys(node, "repeat", ("repeat", "as", "do"))
        named = node.get("as")
        counter = None if named is None else check_loop_name(whole_token(_scalar(named, "'as' takes a name")))
        return Repeat(_expression(node, "repeat"), counter, self._body(node, "repeat"), node.place)

    def _each(self, node: Entries) -> Step:
        _check_keys(node, "each", ("each", "do"))
        return Each(_expression(node, "each"), self._body(node, "each"), node.place)

    def _for(self, node: Entries) -> Step:
        _check_keys(node, "for", ("for", "do"))
        scalar = _scalar(_value(node, "for"), "'for' takes 'names in list'")
        tokens = split_words(scalar)
        words = [token.text for token in tokens]
        if "in" not in words or words[-1] == "in" or words[0] == "in":
            raise scalar.error("this is not 'names in list'", "as in 'for: depth, w in zip(depths, widths)'")
        at = words.index("in")
        names = split_commas(span(tokens[:at]))
        for number, name in enumerate(names):
            if " " in name.text:
                raise name.error(f"'{name.text}' is not a name", "a comma stands between two names")
            check_loop_name(name)
            if name.text != "_" and name.text in [each.text for each in names[:number]]:
                raise name.error(f"the loop has the name '{name.text}' twice")
        values = read_expression(span(tokens[at + 1 :]))
        return For(tuple(names), values, self._body(node, "for"), scalar.place)

    def _body(self, node: Entries, word: str) -> Step:
        body = node.get("do")
        if body is None:
            raise node.key(word).error(f"'{word}' has no 'do'", f"write '{word}' and 'do' under one '-', aligned")
        if isinstance(body, Scalar) and not body.value.strip():
            raise body.error(f"the 'do' of this '{word}' has no steps", "they stand below it, none further left than 'do'")
        return self.read(body)

    def _if(self, node: Entries) -> Step:
        _check_keys(node, "if", ("if", "then", "else"))
        then, otherwise = node.get("then"), node.get("else")
        if then is None:
            raise node.key("if").error("'if' has no 'then'")
        return Choice(_expression(node, "if"), self.read(then), None if otherwise is None else self.read(otherwise), node.place)

    def _aux(self, node: Entries) -> Step:
        _check_keys(node, "aux", ("aux",))
        return Aux(self.read(_value(node, "aux")), node.place)

    def _op(self, node: Entries) -> Step:
        """`{op: Permute, dims: [0, 2, 1]}`: a layer type of torch's with its fields."""
        named = whole_token(_scalar(_value(node, "op"), "'op' takes a layer type"))
        kind = operation(named)
        weights = node.get("weights")
        said = "" if weights is None else _scalar(weights, "'weights' is a word").value
        if weights is not None and said not in WEIGHTS:
            raise weights.error(f"'weights' is one of {', '.join(WEIGHTS)}, not '{said}'")
        return self._operation(node, "op", kind, {}, said)

    def _opaque(self, node: Entries) -> Step:
        """`{opaque: aten.erfinv, size: [N, 64, 7, 7]}`: nothing but the size of its result is known."""
        named = _scalar(_value(node, "opaque"), "'opaque' takes the name of an operation")
        return self._operation(node, "opaque", Unknown, {"function": named})

    def _operation(self, node: Entries, word: str, kind: type[Layer], given: dict[str, Field], weights: str = "") -> Step:
        needed = field_names(kind)
        for key, value in node.pairs:
            if key.value == word or key.value in OWN_KEYS:
                continue
            if key.value not in needed or key.value in given:
                raise key.error(*unknown_field(kind, key.value))
            given[key.value] = _field(kind, key.value, value)
        check_complete(kind, given, node.key(word))
        of = node.get("of")
        branches = None if of is None else self._branches(word, of)
        tokens = node.get("tokens") is not None and read_truth(_value(node, "tokens"), "tokens")
        return self._named(node, OpStep(kind, given, branches, node.place, weights, tokens))

    def _join(self, node: Entries) -> Step:
        kind = next(key.value for key, _ in node.pairs if key.value in JOINS)
        row = JOINS[kind]
        options = _value(node, kind)
        if kind in WORDS and isinstance(options, Entries) and {key.value for key, _ in options.pairs} <= {*WORDS[kind].options}:
            return self._layer(node)
        _check_keys(node, kind, (kind, "name", *(("inplace",) * row.inplace), *(("axis",) * row.along)))
        branches = self._branches(kind, options)
        inplace = node.get("inplace") is not None and read_truth(_value(node, "inplace"), "inplace")
        layer = row.layer(inplace=True) if inplace else row.layer()
        axis = _expression(node, "axis") if node.get("axis") is not None else None
        step = JoinStep(kind, layer, branches, node.key(kind).place, axis)
        return self._named(node, step)

    def _branches(self, kind: str, value: Yaml) -> tuple[Step, ...]:
        """The branches of a join: a list of steps, a mapping of them, an expression for a list, or the rounds of a loop."""
        if isinstance(value, Scalar):
            return (self._listed(kind, value),)
        if isinstance(value, Entries) and _loop_word(value):
            return (self._rounds(value),)
        nodes = value.nodes if isinstance(value, Items) else tuple(branch for _, branch in value.pairs)
        for key, _ in value.pairs if isinstance(value, Entries) else ():
            if key.value in ("name", "inplace", "axis"):
                raise key.error(f"'{key.value}' is no branch", f"'{key.value}' stands beside '{kind}', aligned with it")
            if key.value in AXIS:
                raise key.error(f"'{key.value}' is no branch", of_key_beside(kind, key.value))
        if not nodes:
            raise value.error(f"'{kind}' has no branches")
        if len(nodes) == 1 and isinstance(nodes[0], Entries) and _loop_word(nodes[0]):
            return (self._rounds(nodes[0]),)
        for branch in nodes if isinstance(value, Items) else ():
            if isinstance(branch, Entries) and (word := _loop_word(branch)) in ("for", "each"):
                hint = f"[{{{word}: ...}}] in brackets is one branch; {{{kind}: {{{word}: ...}}}} joins the rounds"
                raise branch.key(word).error("is this loop one branch beside the others, or is each of its rounds?", hint)
        return tuple(self.read(branch) for branch in nodes)

    def _rounds(self, node: Entries) -> Step:
        loop: Any = self.read(node)
        return Rounds(loop._replace(body=Branch(loop.body)), node.place)

    def _listed(self, kind: str, value: Scalar) -> Step:
        """`concat: ys`: an expression for a list of outputs."""
        tokens = split_words(value)
        first = tokens[0].text if tokens else ""
        if arrow := next((token for token in tokens if token.text == "->" or "->" in token.text), None):
            name = value.value.partition("->")[2].strip() or "x"
            raise arrow.error("a join is named by a key of its own", f"write name: {name} below it")
        if not tokens:
            hint = f"its branches stand below it, indented further, or behind it: {kind}: [a, b]"
            raise value.error(f"'{kind}' has no branches", hint)
        if (option := tokens[-1].text.partition("=")[0]) in AXIS:
            raise tokens[-1].error(f"'{kind}' takes no '{tokens[-1].text}'", of_key_beside(kind, option))
        if "," in value.value and not first.startswith(("[", "(")):
            raise value.error(f"'{kind}' joins a list of branches", f"write {kind}: [{value.value}]")
        words = [token.text for token in tokens]
        if len(words) > 1 and all(map(str.isidentifier, words)) and {"if", *WORDS, *self.line.blocks}.isdisjoint(words):
            raise value.error(f"'{kind}' joins a list of branches", f"write {kind}: [{', '.join(words)}]")
        if first in WORDS or first in self.line.blocks or "|" in value.value:
            raise value.error(f"'{kind}' joins a list of branches", f"write {kind}: [a, b] or one branch a line")
        return ListedBranches(read_expression(span(tokens)))

    def _layer(self, node: Entries) -> Step:
        """The long form: `conv: {kernel: 3x3, out: 64, norm: bn, act: relu}`."""
        key, options = next((key, value) for key, value in node.pairs if key.value in WORDS)
        _check_keys(node, key.value, (key.value, "name"))
        if isinstance(options, Scalar):
            text = key.value if options.value.lower() == "true" else f"{key.value} {options.value}".strip()
            raise options.error(f"the long form of '{key.value}' is a mapping", f"write '- {text}', without the colon")
        if isinstance(options, Items):
            text = " ".join(each.value for each in options.nodes if isinstance(each, Scalar))
            hint = OF_LIST.get(key.value) or f"write '- {key.value} {text}', without the colon"
            raise options.error(f"the long form of '{key.value}' is a mapping of its options", hint)
        word = whole_token(key)
        given: dict[str, Given] = {}
        behind: _Behind = []
        for option, value in options.pairs:
            if option.value in ("norm", "act"):
                _read_behind(option, value, behind)
                continue
            self._option(word, option, value, given)
        behind.sort(key=lambda entry: entry[0] not in NORMS)
        return self._named(node, layer_steps(word, word, given, behind))

    def _option(self, word: Token, option: Scalar, value: Yaml, given: dict[str, Given]) -> None:
        rule = WORDS[word.text]
        name = LETTERS.get(option.value, option.value)
        name = option.value if name not in rule.known else name
        if name not in rule.known:
            known = [*rule.known, "norm", "act"]
            hint = of_layer_key(option.value, word.text) or did_you_mean(option.value, known) or f"it takes {' '.join(known)}"
            raise option.error(f"{word.text} has no option '{option.value}'", hint)
        if name in given:
            raise option.error(f"{word.text}: '{name}' is given twice")
        if name == "pad" and isinstance(value, Scalar) and value.value.lower() == "valid":
            raise value.error(f"{word.text}: 'pad' has no '{value.value}'", "without padding is pad: 0")
        if name == "pad" and isinstance(value, Scalar) and value.value.lower() == "same":
            name = "same"
            given[name] = read_expression(Token("true", value, 0))
            return
        given[name] = _option_value(word.text, name, value)

    def _named(self, node: Entries, step: Step) -> Step:
        name = node.get("name")
        if name is None:
            return step
        if isinstance(name, Items):
            names = [whole_token(_scalar(each, "a name is a word")) for each in name.nodes]
            return Sequence((step, Unpack(tuple(map(self.line.output_name, names)), name.place)), step.place)
        token = whole_token(_scalar(name, "a name is a word"))
        return Named(step, self.line.output_name(token))


def _field(kind: type[Layer], name: str, value: Yaml) -> Field:
    """A word, or an expression; a list stands for itself."""
    if isinstance(value, Items):
        value = Scalar(value.source, value.start, value.end, value.source.text[value.start : value.end])
    scalar = _scalar(value, f"'{name}' is a number, a word or a list")
    if is_text(kind, name) or scalar.value.lstrip("-") == "inf":
        return scalar
    split_words(scalar)
    return read_expression(whole_token(scalar))


def _loop_word(node: Entries) -> str | None:
    """The word of the loop that a mapping is; None for branches by name, and other steps."""
    words = ("repeat", "each", "for") if node.get("do") is not None else ()
    return next((word for word in words if node.get(word) is not None), None)


def _option_value(word: str, name: str, value: Yaml) -> Given:
    if isinstance(value, Entries):
        raise value.error(f"{word}: '{name}' is a number, a pair such as (2, 1), or an expression")
    if isinstance(value, Items):  # [3, 1] is a list in an expression, too
        value = Scalar(value.source, value.start, value.end, value.source.text[value.start : value.end])
    split_words(value)
    token = whole_token(value)
    if not token.text:
        raise value.error(f"{word}: '{name}' has no value")
    return read_size(token) or read_expression(token)


def _read_behind(option: Scalar, value: Yaml, behind: _Behind) -> None:
    known = NORMS if option.value == "norm" else tuple(ACTIVATIONS)
    scalar = _scalar(value, f"'{option.value}' takes one of {' '.join(known)}")
    token = whole_token(scalar)
    if token.text == "none":
        return
    if token.text not in known:
        meant = word_of(token.text)
        hint = f"the word is '{meant}'" if meant in known else did_you_mean(token.text, known) or f"one of {' '.join(known)}"
        raise token.error(f"unknown {'norm' if option.value == 'norm' else 'activation'} '{token.text}'", hint)
    behind.append((token.text, token, {}))


def _expression(node: Entries, key: str) -> Expression:
    scalar = _scalar(_value(node, key), f"'{key}' takes an expression")
    split_words(scalar)
    token = whole_token(scalar)
    if not token.text:
        raise node.key(key).error(f"'{key}' has no value")
    return read_expression(token)


def _value(node: Entries, key: str) -> Yaml:
    value = node.get(key)
    if value is None:
        raise node.error(f"there is no '{key}'")
    return value


def _scalar(node: Yaml, message: str) -> Scalar:
    if not isinstance(node, Scalar):
        raise node.error(message + ", not a list or a mapping", "quote a text that contains brackets or commas")
    return node


def _check_keys(node: Entries, step: str, known: tuple[str, ...]) -> None:
    for key, _ in node.pairs:
        if key.value not in known:
            others = [name for name in known if name != step]
            hint = did_you_mean(key.value, known) or (f"beside '{step}' stands {' '.join(others)}" if others else None)
            hint = of_key_beside(step, key.value) or hint
            if key.value.count(")") > key.value.count("(") or key.value.count("]") > key.value.count("["):
                hint = CUT_AT_COMMA
            raise key.error(f"'{step}' has no key '{key.value}'", hint)
