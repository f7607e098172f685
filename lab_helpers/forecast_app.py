"""The forecast app of chapter 11: its flows, one method each, and what can be seen of them.

::

    1  publish       page -> bucket -> Ingress
    2  bring_in      agency -> bucket -> NATS -> function -> MongoDB
    3  show          page -> Ingress -> function -> MongoDB
    4  let_reload    administrators -> Ingress, oauth2-proxy -> function of flow 2
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from secrets import token_urlsafe
from typing import TYPE_CHECKING, Any, Self

import httpx
import urllib3
from minio.error import MinioException

from . import openid
from ._exceptions import CommandError, LabError
from .forecast_files import AGENCY, ForecastFiles, dated, publish, reachable
from .jetstream import consumers

if TYPE_CHECKING:
    from ._lab import Lab
    from .openfaas.views import Listing

CHAPTER = "11-build-the-forecast-app"
NEEDS = ("oauth2-proxy", "minio", "mongodb", "cron-connector", "nats-connector")
"""Components; they bring Keycloak, OpenFaaS and NATS."""
NAMESPACE = "weather"
"""The page's host and bucket have this name, too; a learner's with a prefix."""
BUCKET, USER, SUBJECT = "forecast", "forecast", "minio"
"""Where the agency's files are, who may read and write them, and what tells of them."""
KEPT = f"{USER}-kept"
"""The target of MinIO that waits for NATS; the other one has the user's name."""
COLLECTION = "forecast"
DOWNLOAD, PARSE, GET, SIMULATOR = (
    "download-forecast", "parse-forecast", "get-forecast", "aemet-simulator",
)  # fmt: skip


class ForecastApp:
    """The app, as one learner has it.

    :ivar address: of its page.
    :ivar files: the agency's.
    :ivar subject: of NATS, on which MinIO tells of them.
    """

    def __init__(self, lab: Lab) -> None:
        self.address = lab.url(NAMESPACE)
        self.subject = lab.name(SUBJECT)
        self._source = ""
        self._lab = lab
        self._faas, self._storage = lab.openfaas(), lab.storage()
        self.files = ForecastFiles(self._storage, lab.name(BUCKET), lab.name(USER))

    @classmethod
    def whole(cls, lab: Lab, *, source: str = "") -> Self:
        """All flows of it, without anything that has been imported.

        :param source: as for :meth:`bring_in`.
        """
        app = cls(lab)
        app.publish()
        app.bring_in(source=source)
        app.show()
        app.let_reload()
        return app

    def __repr__(self) -> str:
        return f"<the forecast app at {self.address}>"

    # Flow 1

    def publish(self) -> None:
        """Put the page into its bucket, and have an Ingress serve it."""
        folder = self._lab.manifests(CHAPTER) / "site"
        publish(self._storage, self._lab.name(NAMESPACE), folder)
        self._apply("namespace", "services", "page")
        self._lab.wait_for_page(NAMESPACE)

    # Flow 2

    def bring_in(self, *, source: str = "") -> None:
        """Have the agency's files fetched, kept, and read into the database as they come.

        :param source: ``aemet`` or ``simulated``; whichever can be had if left out.
        """
        self.open_bucket()
        self.find_source(source)
        self.download()
        self.parse()

    def open_bucket(self) -> None:
        """A new bucket, and a user who may read and write it, whose keys the functions have."""
        key = self._known_key() or token_urlsafe(24)
        self.files.begin(key)
        for kind, value in (("access", self.files.user), ("secret", key)):
            self._faas.secret(f"minio-{kind}-key", value)

    def _known_key(self) -> str:
        """The key that the functions have: those that run go on with it."""
        try:
            held = self._lab.secret("minio-secret-key", namespace=self._faas.namespace)
        except CommandError:
            return ""
        return held["minio-secret-key"]

    def find_source(self, source: str = "") -> str:
        """Where forecasts come from: the agency, or a program that invents them in the cluster.

        :returns: ``aemet`` or ``simulated``.
        """
        self._source = source or ("aemet" if reachable() else "simulated")
        if self._source == "simulated":
            self._faas.up(SIMULATOR)
        return self._source

    @property
    def source(self) -> str:
        """``aemet`` or ``simulated``; as it was found, or as what is deployed has it."""
        if not self._source:
            found = self._faas.gateway.status(DOWNLOAD, self._faas.namespace)
            if found is None:
                raise LabError("nothing fetches forecasts yet", remedy="app.bring_in()")
            known = found["envVars"]["AEMET_URL"] == AGENCY
            self._source = "aemet" if known else "simulated"
        return self._source

    @property
    def agency(self) -> str:
        """The source's address, as functions reach it."""
        if self.source == "aemet":
            return AGENCY
        return f"http://gateway.openfaas:8080/function/{SIMULATOR}.{self._faas.namespace}"

    def download(self, *, annotations: Mapping[str, str] | None = None, **environment: str) -> None:
        """Deploy what fetches the files.

        :param annotations: in place of those in its ``stack.yml``.
        :param environment: the same for variables.
        """
        said = {"AEMET_URL": self.agency, "BUCKET": self.files.bucket, **environment}
        self._faas.up(DOWNLOAD, environment=said, annotations=annotations)

    def parse(self) -> None:
        """Deploy what reads the files, and have it told of each by MinIO, over NATS."""
        with self._lab.mongodb() as store:
            # Not the collection: the function has made its index, and thinks that it is there.
            store.database[COLLECTION].delete_many({})
            self._faas.secret("mongodb-uri", store.uri)
        self._faas.up(
            PARSE, environment={"BUCKET": self.files.bucket}, annotations={"topic": self.subject}
        )
        self._lab.wait_until("the connector to keep what is told", self._kept, timeout=30)
        self.tell()

    def tell(self) -> None:
        """Have MinIO tell of new files: at once, and, while NATS is away, when it is back.

        What it keeps it sends some seconds later: a second time, when the function knows the file.
        """
        targets = self._storage.targets
        with targets.together():
            told = targets.nats(USER, self.subject), targets.nats(KEPT, self.subject, kept=True)
        targets.tell(self.files.bucket, *told, suffix=".xml")

    def _kept(self) -> bool:
        """Whether messages for the function are kept from now on."""
        return f"{PARSE}_{self._faas.namespace}" in consumers(self._lab, self.subject)

    # Flow 3

    def show(self) -> None:
        """Let the page ask for what is in the database."""
        self._faas.up(GET, environment={"FORECAST_SOURCE": self.source})
        self._apply("read")
        self._lab.wait_for_page(NAMESPACE, "/api/get-forecast")

    def shown(self) -> list[dict[str, Any]]:
        """What the page is told.

        :raises LabError: it is told that something is wrong.
        """
        try:
            answer = self._lab.http.get(f"{self.address}api/get-forecast").raise_for_status()
            found: list[dict[str, Any]] = answer.json()
        except (httpx.HTTPError, ValueError) as wrong:
            raise LabError("the page gets no forecasts", seen=str(wrong)) from wrong
        return found

    # Flow 4

    def let_reload(self) -> None:
        """Let people sign in, and administrators fetch new files."""
        openid.allow(self._lab, "oauth2-proxy", self._callback)
        self._apply("door", "reload")
        refused = lambda: self._lab.http.post(self.reload).status_code == 401  # noqa: E731
        self._lab.wait_until("strangers to be refused", refused)

    @property
    def reload(self) -> str:
        """Where administrators ask for new files."""
        return f"{self.address}api/reload-forecast"

    @property
    def sign_in(self) -> str:
        """Where people sign in, to come back to the page."""
        return f"{self.address}oauth2/start?rd=/"

    @property
    def _callback(self) -> str:
        return f"{self.address}oauth2/callback"

    # What can be seen of it

    def fetch(self) -> dict[str, Any]:
        """Have the files fetched now; what became of each place's."""
        done: dict[str, Any] = self._faas.invoke(DOWNLOAD, quiet=True).json()
        return done

    def renew(self, place: str) -> str:
        """Put the place's last file once more, as if made a second after what is shown.

        :returns: the ``update`` that it has.
        :raises LabError: the storage does not take it; the place is not shown or has no file.
        """
        try:
            known = next(each["update"] for each in self.shown() if each["aemetid"] == place)
            update = datetime.fromisoformat(known) + timedelta(seconds=1)
            self.files.put(dated(self.files.newest(place), update), place)
        except StopIteration as missing:
            raise LabError(f"{place} is not shown", remedy="app.fetch()") from missing
        except (MinioException, urllib3.exceptions.HTTPError) as away:
            raise LabError("the storage takes no file", seen=str(away)[:200]) from away
        return update.isoformat()

    def wait_for(
        self, *places: str, after: Mapping[str, str] | None = None, timeout: float = 60
    ) -> None:
        """Wait until the page is told of these places.

        :param after: the last ``update`` of each that is not enough.
        :param timeout: seconds.
        :raises WaitTimeout: it is not.
        """

        def there() -> bool:
            known = {each["aemetid"]: each["update"] for each in self._answered()}
            before = after or {}
            return all(known.get(place, "") > before.get(place, "") for place in places)

        self._lab.wait_until(f"the page to be told of {', '.join(places)}", there, timeout=timeout)

    def _answered(self) -> list[dict[str, Any]]:
        with suppress(LabError):
            return self.shown()
        return []

    def table(self) -> Listing:
        """What the page is told, to read."""
        from .openfaas.views import Listing

        rows = tuple(
            (each["name"], each["update"], each["prediccion"][0]["date"],
             *(_said(day) for day in each["prediccion"]))
            for each in self.shown()
        )  # fmt: skip
        head = ("place", "forecast of", "first day", "first", "second", "third")
        return Listing(head, rows, "nothing has been imported")

    def clean_up(self) -> None:
        """Take all of it away."""
        namespace = self._lab.name(NAMESPACE)
        self._lab.delete("namespace", namespace, wait=False)  # it goes while the rest does
        self._faas.clean_up()
        openid.disallow(self._lab, "oauth2-proxy", self._callback)
        self.files.remove()
        self._storage.remove_bucket(self._lab.name(NAMESPACE))
        self._storage.targets.remove("nats", USER, KEPT)
        with self._lab.mongodb() as store:
            store.database[COLLECTION].drop()
        self._lab.delete("namespace", namespace)

    def _apply(self, *names: str) -> None:
        folder = self._lab.manifests(CHAPTER)
        files = [f"--filename={folder}/{name}.yaml" for name in names]
        self._lab.kubectl("apply", "--server-side", *files)


def _said(day: Mapping[str, Any]) -> str:
    warm = day["temperatura"]
    return f"{day['estado_cielo'] or '?'}, {warm['min']} to {warm['max']} °C"
