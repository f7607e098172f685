"""NATS' subjects: which ones functions may ask for, and the names that come of them."""

from __future__ import annotations

import re
from hashlib import sha256

DEAD = "dead"
"""Where messages go that a function did not take: `dead.NAMESPACE.FUNCTION`."""
STREAMS = "topic-"
"""How the names of the streams begin that are made for functions."""
HANDED_ON = "handed-on."
"""How the subjects begin on which connectors get what was kept."""
_WORD = re.compile(r"[^\s.*>\x00-\x1f]+")
_OWN = ("$", "_INBOX", "_R_", f"{DEAD}.", HANDED_ON)


def wrong(subject: str) -> str:
    """Why a function cannot have this subject; empty if it can."""
    if subject.startswith(_OWN) or subject in (DEAD, ">", "*"):
        return f"the subject {subject!r} is none for functions"
    *first, last = subject.split(".")
    if all(word == "*" or _WORD.fullmatch(word) for word in first) and (
        last in ("*", ">") or _WORD.fullmatch(last)
    ):
        return ""
    return f"{subject!r} is no subject of NATS"


def stream(subject: str) -> str:
    """The name of the stream that keeps a subject: names have neither dots nor wildcards."""
    plain = re.sub(r"[^A-Za-z0-9_-]", "_", subject)
    # What was replaced could be of another subject, too.
    mark = "" if plain == subject else f"-{sha256(subject.encode()).hexdigest()[:8]}"
    return f"{STREAMS}{plain}{mark}"


def consumer(key: str) -> str:
    """The name of a function's consumer; names in Kubernetes have no underscore."""
    return key.replace(".", "_")
