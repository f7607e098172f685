"""microk8s on this machine: looked at, started, given its addons, and used as it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

import httpx

from .. import _http, _progress, _wait
from .._config import settings
from .._exceptions import LabError, WaitTimeout
from .._files import read_json, write_json
from . import _snap
from ._addresses import HTTP
from ._foreign import ForeignCluster, Said
from ._provider import Connection, Status
from ._snap import PATIENCE

ADDONS = ("dns", "hostpath-storage", "registry", "ingress", "metrics-server")
"""What the course's own cluster has as well, in an order in which each finds what it needs."""
REGISTRY = "localhost:32000"
PAGES = "localhost"


class MicroK8sProvider:
    """The microk8s of this machine. It is neither installed nor removed by the course."""

    name = "microk8s"

    def __init__(self) -> None:
        folder = settings().clusters / "microk8s-snap"
        self._cluster = ForeignCluster(self.name, folder, up="./lab up --cluster microk8s")

    def create(self) -> Connection:
        """Start it where it is stopped, enable what is missing, and take its kubeconfig."""
        with _progress.step("look at microk8s"):
            version = _snap.installed()
            stopped = _snap.is_stopped()
        if stopped:
            with _progress.step("start microk8s"):
                _snap.control("start")
        with _progress.step(f"wait for microk8s {version}"):
            addons = _snap.addons()
        for addon in _missing(addons):
            self._enable(addon)
        connection = self._cluster.take_up(_snap.kubeconfig(), self._said())
        _wait_until_it_answers(connection)
        return connection

    def _said(self) -> Said:
        known = self._cluster.said or Said(PAGES, REGISTRY)
        return known.updated()

    def _enable(self, addon: str) -> None:
        if addon == "ingress":
            _snap.require_ports()
        with _progress.step(f"enable {addon}") as step:
            _snap.enable(addon, on_line=step.update)
            _wait.until(
                f"{addon} to be enabled", partial(_snap.require_enabled, addon), timeout=PATIENCE
            )
        known = read_json(self._enabled_here) or {}
        write_json(self._enabled_here, {"addons": [*known.get("addons", []), addon]})

    @property
    def _enabled_here(self) -> Path:
        """The addons that the course enabled, for whoever wants to disable them again."""
        return self._cluster.folder / "addons.json"

    def stop(self) -> None:
        """Stop microk8s, with all that runs on it."""
        if self._cluster.said is not None and not _snap.is_stopped():
            with _progress.step("stop microk8s"):
                _snap.control("stop")

    def delete(self) -> None:
        """Remove what the course made on it. The addons and microk8s itself stay."""
        enabled = (read_json(self._enabled_here) or {}).get("addons", [])
        self._cluster.delete(self)
        for addon in enabled:
            _progress.say(f"{addon} was enabled for the course and stays: microk8s disable {addon}")

    def connection(self) -> Connection:
        return self._cluster.connection()

    def load_images(self, images: Mapping[str, Path]) -> None:
        self._cluster.load_images(images)

    def remove_images(self, references: Sequence[str]) -> None:
        self._cluster.remove_images(references)

    def status(self) -> Status:
        found = self._cluster.status()
        if found.state != "broken":
            return found
        try:
            return Status("stopped") if _snap.is_stopped() else found
        except LabError as refused:
            return Status("broken", refused.what)

    def collect_logs(self, target: Path) -> None:
        self._cluster.collect_logs(target)


def _missing(addons: dict[str, bool]) -> list[str]:
    """The addons to enable; one that microk8s does not know is left to it to refuse."""
    return [name for name in ADDONS if not addons.get(name, False)]


def _wait_until_it_answers(connection: Connection) -> None:
    """The addons' own answers, which come some time after they are called enabled."""
    pages = f"http://{connection.domain}:{connection.ingress_port}/"
    for what, url in {"registry": f"http://{REGISTRY}/v2/", "ingress": pages}.items():
        with _progress.step(f"wait for the {what}"):
            try:
                _wait.until(what, partial(_answers, url), timeout=PATIENCE, interval=1)
            except WaitTimeout as late:
                port = httpx.URL(url).port or HTTP
                raise LabError(
                    f"the {what} of microk8s does not answer at {url}",
                    seen=late.last,
                    remedy=f"microk8s kubectl get pods -A says why it does not start; sudo ss "
                    f"-ltnp 'sport = :{port}' whether another program has its port",
                ) from late
    _say_who_serves(pages)


def _answers(url: str) -> int:
    try:
        with _http.client(timeout=5) as client:
            status = client.get(url).status_code
    except httpx.HTTPError as refused:
        raise _wait.NotYet(str(refused)) from refused
    if status >= httpx.codes.INTERNAL_SERVER_ERROR:
        raise _wait.NotYet(f"it answers {status}")
    return status


def _say_who_serves(pages: str) -> None:
    """An ingress knows no page of no name. Whoever has one may be another web server."""
    status = _answers(pages)
    if status != httpx.codes.NOT_FOUND:
        _progress.say(
            f"[yellow]unexpected:[/yellow] {pages} answers {status}, where microk8s' ingress says "
            "404: if another web server has that port, no page of the course will be seen"
        )
