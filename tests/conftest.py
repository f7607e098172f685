"""What the tests of every stage share: the cluster, a namespace of one's own, ``--full``.

Two workers do them side by side (see ``lab_helpers.testing``). The second one makes a cluster of
its own as soon as a test needs one, so that nobody's objects are in anybody's way.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Generator, Iterator
from contextlib import suppress
from typing import Any

import pytest

import lab_helpers
from lab_helpers import Lab, LabError, testing
from lab_helpers._exec import PYTHON, run


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--full", action="store_true", help="run what takes long, too")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "full: takes long, runs with --full only")
    if _is_second(config):
        testing.become_second()


def _is_second(config: pytest.Config) -> bool:
    worker: dict[str, Any] = getattr(config, "workerinput", {})
    return worker.get("workerid", "gw0") != "gw0"


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Hands the tests out, in their order, so that what belongs together stays together."""
    from xdist.scheduler import LoadScopeScheduling

    class ByModule(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return what_belongs_together(nodeid)

    return ByModule(config, log)


def what_belongs_together(nodeid: str) -> str:
    """The name of the tests that one worker does one after the other.

    A chapter is executed and its exercises are done on one cluster; the rest goes by modules, and
    by their folder the manifests, which are rendered once, and the forecast app, which is there
    once.
    """
    module = nodeid.partition("::")[0]
    for folder in ("manifests", "forecast"):
        if f"/{folder}/" in f"/{module}":
            return folder
    chapter = re.search(r"\[(\d\d)\b", nodeid) if "/notebooks/" in f"/{module}" else None
    return f"chapter {chapter[1]}" if chapter else module


WITHOUT_A_CLUSTER = ("tests/unit/", "tests/functions/")
ON_AN_EMPTY_ONE = "tests/integration/test_components.py"
"""It begins and ends without any component. Later, it would have to take off first what other tests
put on the cluster, and they would have to put it there again: five minutes each."""


def turn(nodeid: str) -> int:
    """When a test is done, among those of the same stages."""
    if nodeid.startswith(WITHOUT_A_CLUSTER):
        return 0
    return 1 if nodeid.startswith(ON_AN_EMPTY_ONE) else 2


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    for item in items:
        if "lab" in getattr(item, "fixturenames", ()):
            item.add_marker("cluster")
        if item.get_closest_marker("full") and not config.getoption("full"):
            item.add_marker(pytest.mark.skip(reason="runs with --full only"))
    items.sort(key=lambda item: turn(item.nodeid))


@pytest.fixture(scope="session")
def lab(request: pytest.FixtureRequest) -> Iterator[Lab]:
    """The running cluster, with nobody there to do the exercises."""
    if _is_second(request.config):
        run([*PYTHON, "-m", "lab_helpers", "up"], timeout=300)
    connected = lab_helpers.connect(solve=True)
    yield connected
    if "http" in vars(connected):
        connected.http.close()
    connected.api.close()


@pytest.fixture(scope="session")
def _namespaces(lab: Lab) -> Iterator[list[str]]:
    """Every namespace that was made; when the session ends, all of them are gone."""
    made: list[str] = []
    yield made
    for name in made:
        lab.delete("namespace", name)


@pytest.fixture
def namespace(lab: Lab, _namespaces: list[str]) -> Iterator[str]:
    """A namespace of the test's own, deleted with all that is in it afterwards."""
    name = f"test-{secrets.token_hex(4)}"
    lab.kubectl("create", "namespace", name)
    _namespaces.append(name)
    yield name
    # Its end takes seconds that the next test need not wait for.
    lab.kubectl("delete", "namespace", name, "--wait=false")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A failed test shows the events of its namespace."""
    report = yield
    used: dict[str, Any] = getattr(item, "funcargs", {})
    if report.failed and "namespace" in used and "lab" in used:
        with suppress(LabError):
            seen = used["lab"].events(used["namespace"])
            report.sections.append((f"events in {used['namespace']}", seen))
    return report
