"""YAML that kubectl reads as it was meant.

PyYAML writes ``09``, ``1e5`` and ``y`` without quotation marks, since it reads them as texts. Go's
parsers, and with them kubectl, kustomize and faas-cli, read numbers and truths.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import Any

import yaml

_FIRST = frozenset("0123456789+-._ \t\nyni")
"""How what could be a number or a truth begins, ``nan`` and ``inf`` included."""


class _Dumper(yaml.CSafeDumper):
    """Puts quotation marks around each text that could be taken for something else."""


def _quoted(dumper: yaml.CSafeDumper, text: str) -> yaml.ScalarNode:
    style = "'" if _is_ambiguous(text) else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


def _is_ambiguous(text: str) -> bool:
    # Most texts begin otherwise, and manifests have many.
    if text[:1].lower() not in _FIRST:
        return False
    if text in {"y", "Y", "n", "N"}:
        return True
    for reads in (float, lambda prefixed: int(prefixed, base=0)):
        with suppress(ValueError):
            reads(text)
            return True
    return False


_Dumper.add_representer(str, _quoted)


def dump(data: Any) -> str:
    """One document, with the keys in their order."""
    return dump_all([data])


def dump_all(documents: Iterable[Any]) -> str:
    """Several documents, with the keys in their order."""
    text: str = yaml.dump_all(
        documents, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=1000
    )
    return text


def load(text: str) -> Any:
    """One document. The parser in C reads a component's definitions in a tenth of the time."""
    return yaml.load(text, yaml.CSafeLoader)


def load_all(text: str) -> Iterator[Any]:
    """Several documents."""
    return yaml.load_all(text, yaml.CSafeLoader)
