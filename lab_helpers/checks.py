"""Checks that look at the cluster, and exercises that say what is missing."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from . import _wait
from ._exceptions import CheckFailed, Hint, UnderWay, UsageError, WaitTimeout

if TYPE_CHECKING:
    from ._lab import Lab

PATIENCE = 10.0
"""Seconds in which a cluster comes to what it was asked for."""


@dataclass(frozen=True)
class Check:
    """A claim that was looked at.

    :ivar claim: what should be the case.
    :ivar holds: whether it is.
    :ivar seen: what was seen.
    """

    claim: str
    holds: bool
    seen: str = ""

    def report(self, *, strict: bool) -> Check:
        """Hand it on for display; a failing one raises where nobody would read it."""
        if strict and not self.holds:
            raise CheckFailed(f"not so: {self.claim}", seen=self.seen)
        return self

    def __repr__(self) -> str:
        if self.holds:
            return f"✓ {self.claim}"
        return f"✗ not yet: {self.claim}" + (f"\n  {self.seen}" if self.seen else "")


@dataclass(frozen=True)
class Exercise:
    """Something the learner does on the cluster.

    :ivar key: ``chapter/name``.
    :ivar claim: what is the case when it is done.
    :ivar judge: looks at the cluster, returns what it saw, or raises :class:`Hint`; looks again
        where that is :class:`UnderWay`.
    :ivar solution: kubectl commands that do it, one string each, or a function. ``{namespace}``
        in a command stands for the namespace as this learner has it, ``{registry}`` for the
        registry; other braces are doubled.
    :ivar namespace: where it takes place, as the manifests call it.
    """

    key: str
    claim: str
    judge: Callable[[Lab], str]
    solution: tuple[str, ...] | Callable[[Lab], object]
    namespace: str = ""

    @staticmethod
    def named(key: str) -> Exercise:
        """The exercise of that name.

        :raises UsageError: there is none.
        """
        from .exercises import ALL

        if key not in ALL:
            raise UsageError(f"there is no exercise {key!r}", remedy=", ".join(ALL))
        return ALL[key]

    def look(self, lab: Lab) -> Check:
        """Whether it is done, with a hint where it is not."""

        def judged() -> str:
            try:
                return self.judge(lab)
            except UnderWay as so_far:
                raise _wait.NotYet(so_far.what) from so_far

        try:
            return Check(self.claim, True, _wait.until(self.claim, judged, timeout=PATIENCE))
        except WaitTimeout as late:
            return Check(self.claim, False, f"{late.last}; look again soon")
        except Hint as hint:
            return Check(self.claim, False, hint.what)

    def solve(self, lab: Lab) -> None:
        """Do it, the way the course would."""
        self.do(lab, self.solution)

    def do(self, lab: Lab, steps: tuple[str, ...] | Callable[[Lab], object]) -> None:
        """Take steps of the form of a solution."""
        if callable(steps):
            steps(lab)
            return
        for step in steps:
            command = step.format(
                namespace=lab.name(self.namespace), registry=lab.connection.registry
            )
            lab.kubectl(*shlex.split(command))
