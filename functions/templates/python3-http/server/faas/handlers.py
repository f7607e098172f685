"""The function's own code: found, loaded and called."""

from __future__ import annotations

import asyncio
import importlib
import inspect
import sys
import traceback
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from importlib.machinery import ModuleSpec
from importlib.util import module_from_spec
from typing import Any

Handle = Callable[[Any, Any], Any]
THREADS = 32
"""Calls of an ordinary handler that run side by side; others wait for their turn."""


class Unusable(Exception):
    """There is no handler that could be called."""


def load(folder: str) -> Handle:
    """The function `handle` of `handler.py` in a folder.

    The folder is the package `function`, as in OpenFaaS, so that the handler may say
    ``from .models import X``; ``import models`` finds the same file, after all other modules.

    :raises Unusable: there is none, or loading it fails.
    """
    spec = ModuleSpec("function", None, is_package=True)
    spec.submodule_search_locations = [folder]
    sys.modules["function"] = module_from_spec(spec)
    sys.path.append(folder)
    try:
        handle = importlib.import_module("function.handler").handle
    except AttributeError as wrong:
        if wrong.name == "handle" and getattr(wrong.obj, "__name__", "") == "function.handler":
            raise Unusable("handler.py has no function handle(event, context)") from None
        raise Unusable(_told(wrong)) from wrong
    except (Exception, SystemExit) as wrong:
        raise Unusable(_told(wrong)) from wrong
    try:
        inspect.signature(handle).bind(None, None)
    except (TypeError, ValueError):
        raise Unusable("handle in handler.py cannot be called as handle(event, context)") from None
    return handle


def explained(wrong: BaseException, folder: str) -> str:
    """What went wrong in a call, as Python shows it, from the handler's first line on.

    :param folder: the handler's; what came to pass outside is told in one line.
    """
    place = wrong.__traceback__
    while place and not place.tb_frame.f_code.co_filename.startswith(folder):
        place = place.tb_next
    if place is None:
        return f"{type(wrong).__name__}: {wrong}"
    return "".join(traceback.format_exception(wrong.with_traceback(place))).rstrip()


def _told(wrong: BaseException) -> str:
    """What is wrong and where, in one line."""
    frames = traceback.extract_tb(wrong.__traceback__)
    where = f"{frames[-1].filename}, line {frames[-1].lineno}: " if frames else ""
    if isinstance(wrong, SyntaxError):
        where = f"{wrong.filename}, line {wrong.lineno}: "
    return f"{where}{type(wrong).__name__}: {wrong}"


class Calls:
    """Calls a handler: an `async def` one right here, any other one in a thread.

    A thread cannot be ended from outside. A call that is given up goes on, keeps its thread until
    it returns, and what it returns is dropped.
    """

    def __init__(self, handle: Handle) -> None:
        self._handle = handle
        self._own = inspect.iscoroutinefunction(handle)
        self._threads = ThreadPoolExecutor(THREADS, "handler")
        self._given_up: set[Future[Any]] = set()

    async def __call__(self, *arguments: Any) -> Any:
        if self._own:
            return await self._awaited(*arguments)
        call = self._threads.submit(_called, self._handle, *arguments)
        try:
            return await asyncio.wrap_future(call)
        except asyncio.CancelledError:
            if not call.cancel():
                self._given_up.add(call)
                call.add_done_callback(self._given_up.discard)
            raise

    async def _awaited(self, *arguments: Any) -> Any:
        try:
            return await self._handle(*arguments)
        except SystemExit as wrong:
            raise Ended(wrong) from None

    @property
    def hanging(self) -> bool:
        """Whether a call that was given up is still running."""
        return bool(self._given_up)


class Ended(Exception):
    """The handler ended itself with sys.exit(), which is not for it to do."""

    def __init__(self, ended: SystemExit) -> None:
        super().__init__(f"sys.exit({ended.code!r})")
        self.__traceback__ = ended.__traceback__


def _called(handle: Handle, *arguments: Any) -> Any:
    try:
        return handle(*arguments)
    except SystemExit as wrong:
        raise Ended(wrong) from None
