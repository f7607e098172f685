"""Functions made for a test: a handler, and a template."""

from __future__ import annotations

from pathlib import Path

from lab_helpers._files import write
from lab_helpers.functions import Function

STACK = """
functions:
  {name}: {{lang: {lang}, handler: ., image: localhost:32000/lab/{name}}}
"""


def made(root: Path, lang: str, **files: str) -> Function:
    """A function of these files.

    :param lang: its template.
    :param files: their texts, by name, with two underscores in the place of the dot.
    """
    name = f"made-{lang}"
    write(root / name / "stack.yml", STACK.format(name=name, lang=lang))
    for file, text in files.items():
        write(root / name / file.replace("__", "."), text)
    return Function(name, root)
