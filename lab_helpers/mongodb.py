"""MongoDB on the cluster: who may do what there, and a way to it from here.

Whether Percona's operator keeps a replica set or a stand-in serves in its place, the names are the
same: Secrets, users, Service and port.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Sequence
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, TypeVar

from pymongo import MongoClient
from pymongo.database import Database
from pymongo.errors import ConnectionFailure, OperationFailure

from . import _wait
from ._exceptions import CommandError, LabError
from .tunnels import HOST, KeptTunnel, Tunnel

if TYPE_CHECKING:
    from ._lab import Lab
    from .openfaas.views import Listing

NAMESPACE = "mongodb"
PODS = "app.kubernetes.io/instance=course,app.kubernetes.io/replset=rs0"
PORT = 27017
COLLECTION = "entry"
_ALREADY_EXISTS, _NOT_FOUND = 51003, 11
_SECONDS = 60
"""For how long the database may be away before that is an error."""

T = TypeVar("T")
Document = dict[str, Any]
Client = MongoClient[Document]


class MongoDB:
    """The database, as one learner uses it.

    :ivar name: the learner's database, and the user that may read and write it and no other one.
    """

    def __init__(self, lab: Lab, application: dict[str, str]) -> None:
        self.name = lab.name(application["database"])
        self._lab = lab
        self._application = application
        self._clients: dict[str, Client] = {}
        self._primary = ""

    @classmethod
    def on(cls, lab: Lab) -> MongoDB:
        """MongoDB on this lab's cluster, with a user for this learner.

        :raises LabError: it is not there.
        """
        try:
            found = cls(lab, lab.secret("course-app", namespace=NAMESPACE))
        except CommandError as missing:
            raise LabError(
                "MongoDB is not on this cluster",
                seen=missing.output,
                remedy="lab.enable('mongodb'), or ./lab enable mongodb",
            ) from missing
        if lab.learner:
            found.make_user(found.name, found._password, "readWrite")
        return found

    def __repr__(self) -> str:
        return f"<MongoDB, database {self.name}, from here at {HOST}:{self._way.port}>"

    def __enter__(self) -> MongoDB:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def _password(self) -> str:
        """The user's. Each learner's is made of the component's, so that nobody has to keep it."""
        known = self._application["password"]
        if not self._lab.learner:
            return known
        return hmac.new(known.encode(), self.name.encode(), hashlib.sha256).hexdigest()

    @property
    def uri(self) -> str:
        """The connection string with which a function connects to this learner's database."""
        uri = self._application["uri"]
        if not self._lab.learner:
            return uri
        scheme, _, rest = uri.partition("://")
        where, _, options = rest.rpartition("@")[2].partition("?")
        host = where.partition("/")[0]
        return f"{scheme}://{self.name}:{self._password}@{host}/{self.name}?{options}"

    @cached_property
    def database(self) -> Database[Document]:
        """The learner's database, for its own user, from here."""
        return self.client()[self.name]

    def client(self, user: str = "", password: str = "") -> Client:
        """A client of pymongo, which connects again by itself when the server was away.

        :param user: one of the system's, such as ``userAdmin``, or one whose password is given;
            the learner's own where none is named.
        :raises LabError: there is no such user.
        """
        name = user or self.name
        if name not in self._clients or password:
            known = password or (self._password if name == self.name else self._of_the_system(name))
            self._forget(name)
            self._clients[name] = MongoClient(
                self._way.host, self._way.port, username=name, password=known, authSource="admin",
                directConnection=True, serverSelectionTimeoutMS=1000 * _SECONDS,
            )  # fmt: skip
        return self._clients[name]

    def _of_the_system(self, user: str) -> str:
        """The password of a user whom the Secret names."""
        held = self._lab.secret("course-secrets", namespace=NAMESPACE)
        known = {held[key]: key for key in held if key.endswith("_USER")}
        if user not in known:
            raise LabError(f"MongoDB has no user {user!r} for you", seen=", ".join(sorted(known)))
        return held[known[user].removesuffix("_USER") + "_PASSWORD"]

    def make_user(self, name: str, password: str, role: str) -> None:
        """Make a user with one role in the learner's database; one that is there is changed."""
        said: Document = {"pwd": password, "roles": [{"role": role, "db": self.name}]}

        def make() -> None:
            admin = self.client("userAdmin").admin
            try:
                admin.command("createUser", name, **said)
            except OperationFailure as refused:
                if refused.code != _ALREADY_EXISTS:
                    raise
                admin.command("updateUser", name, **said)

        patiently(make)

    def user(self, name: str) -> Document | None:
        """What MongoDB knows of a user; None where there is none of that name."""
        found = patiently(lambda: self.client("userAdmin").admin.command("usersInfo", name))
        return next(iter(found["users"]), None)

    def remove_user(self, name: str) -> None:
        """Remove a user; one that is not there is fine."""

        def remove() -> None:
            try:
                self.client("userAdmin").admin.command("dropUser", name)
            except OperationFailure as refused:
                if refused.code != _NOT_FOUND:
                    raise

        patiently(remove)

    def clean_up(self, *users: str) -> None:
        """Remove all collections of the learner's database, some users, and the learner's own."""

        def drop() -> None:
            for name in self.database.list_collection_names():
                self.database.drop_collection(name)

        patiently(drop)
        for name in (*users, *([self.name] if self._lab.learner else [])):
            self.remove_user(name)

    def table(self, fields: Sequence[str], collection: str = COLLECTION) -> Listing:
        """Documents as a table, the oldest first.

        :param fields: the columns. Of a list it is told how long it is.
        """
        from .openfaas.views import Listing

        found = self.database[collection].find().sort("_id").limit(50)
        rows = (tuple(_shown(each.get(field, "")) for field in fields) for each in found)
        return Listing(tuple(fields), tuple(rows), f"there is nothing in {collection}")

    @property
    def primary(self) -> str:
        """The pod that takes writes, as far as is known here."""
        # The way leads there.
        return self._primary if self._way else ""

    @cached_property
    def _way(self) -> KeptTunnel:
        opened = partial(KeptTunnel, self._to_the_primary)
        return _wait.until("MongoDB to take writes", opened, timeout=_SECONDS, interval=0.3)

    def _to_the_primary(self, local: int) -> Tunnel:
        """A tunnel to the pod that takes writes.

        :raises NotYet: none does just now.
        """
        pods = self._lab.ready_pods(NAMESPACE, PODS)
        for pod in pods:
            try:
                tunnel = Tunnel(self._lab.connection, f"pod/{pod}", PORT, NAMESPACE, local=local)
            except CommandError as gone:
                raise _wait.NotYet(gone.output) from gone
            if _is_primary(tunnel):
                self._primary = pod
                return tunnel
            tunnel.close()
        raise _wait.NotYet(f"ready: {', '.join(pods) or 'none'}, and none of them takes writes")

    def close(self) -> None:
        """Let go of all connections; the next use makes new ones."""
        for name in list(self._clients):
            self._forget(name)
        self.__dict__.pop("database", None)
        if way := self.__dict__.pop("_way", None):
            way.close()

    def _forget(self, name: str) -> None:
        if known := self._clients.pop(name, None):
            known.close()


def patiently(act: Callable[[], T]) -> T:
    """Do something that may be done again, and do it again while the server is away."""

    def probe() -> T:
        try:
            return act()
        except ConnectionFailure as away:
            raise _wait.NotYet(str(away)) from away

    return _wait.until("MongoDB to answer", probe, timeout=_SECONDS, interval=0.3)


def _is_primary(tunnel: Tunnel) -> bool:
    try:
        with MongoClient[Document](
            tunnel.host, tunnel.port, directConnection=True, serverSelectionTimeoutMS=5000
        ) as client:
            return bool(client.admin.command("hello").get("isWritablePrimary"))
    except ConnectionFailure:
        return False


def _shown(value: Any) -> str:
    return str(len(value)) if isinstance(value, list) else str(value)
