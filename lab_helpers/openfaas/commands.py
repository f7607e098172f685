"""The command line that each step stands for, so that a learner can do it elsewhere."""

from __future__ import annotations

import shlex

from rich.markup import escape

from .. import _progress

_LONGEST = 160


def show(*words: object, stdin: str = "") -> None:
    """Print a command, dim on a terminal and as plain text in a notebook.

    :param stdin: what the command would read; shown after ``<<<``.
    """
    line = f"$ {command(*words, stdin=stdin)}"
    if _progress.console().is_terminal:
        _progress.say(f"[dim]{escape(line)}[/dim]")
    else:
        # Not by way of stderr, which notebooks paint as a warning.
        print(line, flush=True)


def command(*words: object, stdin: str = "") -> str:
    """A command as a shell would take it; a long input is cut."""
    line = " ".join(_quoted(str(word)) for word in words)
    if not stdin:
        return line
    shown = stdin if len(stdin) <= _LONGEST else f"{stdin[:_LONGEST]}…"
    return f"{line} <<< {shlex.quote(shown)}"


def _quoted(word: str) -> str:
    """A word in quotation marks where it needs them; what the shell shall fill in stays open."""
    if word.startswith("admin:$") or word == "…":
        return word
    return shlex.quote(word)
