"""The texts of a family and of a variant: year, paper, about, notes, data set; and keys that are true or false."""

from __future__ import annotations

from cnnprof.record import record
from cnnprof.spec.reader import Scalar, Yaml

TEXTS = ("paper", "about", "notes", "dataset")
"""The keys of texts."""


@record
class Description:
    """The year and the texts of a family or a variant.

    `dataset` is what the network is for and its accuracies were measured on, these on ImageNet-1K if nothing is said.
    """

    year: int | None = None
    paper: str | None = None
    about: str | None = None
    notes: str | None = None
    dataset: str | None = None

    def over(self, other: Description) -> Description:
        """These, and the other's where these say nothing."""
        return Description(*(getattr(self, name) or getattr(other, name) for name in ("year", *TEXTS)))


def read_text(what: str, node: Yaml) -> str | None:
    """The text under a key; None if it is empty. Raises SpecError for a list or a mapping."""
    if not isinstance(node, Scalar):
        raise node.error(f"'{what}' is a text", "quote a text that begins with a bracket")
    return node.value.strip() or None


def read_year(node: Yaml) -> int:
    """A year of four digits. Raises SpecError for anything else."""
    if not (isinstance(node, Scalar) and node.value.isascii() and node.value.isdigit() and len(node.value) == 4):
        raise node.error("a year has four digits", "as in year: 2015")
    return int(node.value)


def read_truth(node: Yaml, key: str) -> bool:
    """The value of a key that is `true` or `false`. Raises SpecError for any other."""
    text = node.value if isinstance(node, Scalar) else "a list or a mapping"
    if text not in ("true", "false"):
        meant = "true" if text.lower() in ("true", "yes", "on", "1") else "false"
        raise node.error(f"'{key}' is true or false, not '{text}'", f"write {meant}, or leave '{key}' out")
    return text == "true"
