"""YAML as nodes with positions, the files that are refused, and the limits."""

import os

import pytest

from cnnprof.errors import SpecError
from cnnprof.spec import read_family
from cnnprof.spec.reader import MAX_BYTES, MAX_DEPTH, Entries, Items, Scalar, Source, parse_yaml, read_source


def parse(text: str) -> Entries:
    return parse_yaml(Source("net.yaml", text))


def scalar(text: str) -> Scalar:
    node = parse(text).get("a")
    assert isinstance(node, Scalar)
    return node


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a: no", "no"),
        ("a: 1e6", "1e6"),
        ("a: 1:30", "1:30"),
        ("a: 0x1F", "0x1F"),
        ("a: ~", "~"),
        ("a:", ""),
        ("a: 2001-01-01", "2001-01-01"),
    ],
)
def test_a_value_is_the_text_that_stands_there(text: str, value: str) -> None:
    assert scalar(text).value == value


@pytest.mark.parametrize(
    "text",
    [
        "a: one WRONG two",
        "a:   'one ''quoted'' WRONG two'",
        'a: "one \\x41\\u00e9\\n WRONG two"',
        'a: "one \\\n   WRONG two"',
        "a: one\n  more\n   WRONG two",
        "a: |\n   one\n     WRONG two\n",
        "a: >-\n   one\n\n   WRONG two\n",
        "# é 漢\r\na: é\r\n  WRONG\r\n",
        "{b: [x, {a: q}], a: 'one\n  two WRONG'}",
        "a: |2\n    one\n   WRONG\n",
        "a: >\n  one\n  two\n\n    three\n  WRONG four\n",
    ],
)
def test_a_part_of_a_value_is_found_in_the_file(text: str) -> None:
    node = scalar(text)
    start = node.value.index("WRONG")
    place = node.at(start, start + 5)
    line = text.split("\n")[place.line - 1].rstrip("\r")
    assert place.text == line
    assert line[place.column - 1 : place.column - 1 + place.length] == "WRONG"


def test_nodes_keep_the_order_of_the_file() -> None:
    root = parse("b: 1\na: [x, {c: d}]\n")
    assert [key.value for key, _ in root.pairs] == ["b", "a"]
    items = root.get("a")
    assert isinstance(items, Items)
    assert [type(node) for node in items.nodes] == [Scalar, Entries]
    assert (items.place.line, items.place.column) == (2, 4)


@pytest.mark.parametrize(
    ("text", "place", "message"),
    [
        ("a: &x 1\nb: *x", (1, 4), "anchors (&x)"),
        ("a: *x", (1, 4), "aliases (*x)"),
        ("a: !!python/object:os.system x", (1, 4), "tags"),
        ("a: !mine x", (1, 4), "tags (!mine)"),
        ("a: 1\nb: 2\na: 3", (3, 1), "the key 'a' stands twice"),
        ("? [a]\n: 1", (1, 3), "a key is a word"),
        ("[a, b]", (1, 1), "a spec is a mapping"),
        ("just text", (1, 1), "a spec is a mapping"),
        ("a: 1\n---\nb: 2", (2, 1), "a second document"),
        ("a: [1", (1, 4), "not YAML"),
        ("a: b: c", (1, 5), "not YAML"),
        ("a:\n\t- b", (2, 1), "not YAML"),
        ("a: 'b", (1, 4), "not YAML"),
        ("a: @b", (1, 4), "not YAML"),
        ("a: b\x07c", (1, 5), "not YAML"),
        ("a: " + "[" * (MAX_DEPTH + 5), (1, 3 + MAX_DEPTH), f"nest more than {MAX_DEPTH} deep"),
        ("a: " + "{b: " * (MAX_DEPTH + 5), None, f"nest more than {MAX_DEPTH} deep"),
        ("a: " + "[" * 100_000, None, f"nest more than {MAX_DEPTH} deep"),
    ],
)
def test_yaml_that_is_refused(text: str, place: tuple[int, int] | None, message: str) -> None:
    with pytest.raises(SpecError) as caught:
        parse(text)
    assert message in caught.value.message
    assert caught.value.place
    if place:
        assert (caught.value.place.line, caught.value.place.column) == place


def test_a_long_line_is_not_shown() -> None:
    with pytest.raises(SpecError) as caught:
        parse("a: " + "[" * 100_000)
    assert len(str(caught.value)) < 200


def test_files_that_are_refused(tmp_path) -> None:
    def message(name: str) -> str:
        with pytest.raises(SpecError) as caught:
            read_family(tmp_path / name, name)
        return caught.value.message

    (tmp_path / "folder.yaml").mkdir()
    (tmp_path / "empty.yaml").write_text(" \n")
    (tmp_path / "comment.yaml").write_text("# nothing\n")
    (tmp_path / "binary.yaml").write_bytes(bytes(range(256)))
    (tmp_path / "latin.yaml").write_bytes("name: Xé".encode("latin-1"))
    (tmp_path / "zero.yaml").write_bytes(b"a: \x00")
    (tmp_path / "huge.yaml").write_bytes(b"#" * (MAX_BYTES + 1))
    os.mkfifo(tmp_path / "pipe.yaml")
    (tmp_path / "loop.yaml").symlink_to(tmp_path / "loop.yaml")

    assert message("missing.yaml") == "no such file: missing.yaml"
    assert message("folder.yaml") == "folder.yaml is a directory, not a spec"
    assert message("empty.yaml") == "empty.yaml is empty"
    assert message("comment.yaml") == "comment.yaml is empty: it holds nothing but comments"
    assert "not text" in message("binary.yaml")
    assert "not text" in message("latin.yaml")
    assert "not text" in message("zero.yaml")
    assert "too large: 262,145 bytes" in message("huge.yaml")
    assert message("pipe.yaml") == "pipe.yaml is empty"
    assert message("loop.yaml").startswith("cannot read loop.yaml")
    assert message("a" * 5000).startswith("cannot read")
    assert message("zero\0.yaml").startswith("cannot read")


def test_an_unreadable_file_is_named(tmp_path, monkeypatch) -> None:
    path = tmp_path / "secret.yaml"
    path.write_text("a: 1")

    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("os.open", refuse)
    with pytest.raises(SpecError) as caught:
        read_source(path, "secret.yaml")
    assert caught.value.message == "cannot read secret.yaml: Permission denied"


def test_a_byte_order_mark_and_windows_line_ends_are_no_part_of_the_text(tmp_path) -> None:
    path = tmp_path / "net.yaml"
    path.write_bytes("\ufeffinput: 3x8x8\r\nlayers: relu\r\n".encode())
    assert read_family(path).layers.place.line == 2
