"""A function's life with OpenFaaS: begun, built, pushed, deployed, called, watched, removed."""

from __future__ import annotations

from .calling import Calling
from .changing import Changing
from .making import Making
from .watching import Watching


class OpenFaaS(Making, Calling, Watching, Changing):
    """The functions of one learner. Each method prints the command that it stands for.

    >>> faas = lab.openfaas()                             # doctest: +SKIP
    >>> faas.new("greet", "python3-http")                 # doctest: +SKIP
    >>> faas.up("greet")                                  # doctest: +SKIP
    >>> faas.invoke("greet", "hello").text                # doctest: +SKIP
    """
