"""A PostgreSQL cluster that Zalando's operator made: who leads, who follows, and ways in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ._exceptions import CommandError, LabError
from .tunnels import Tunnel

if TYPE_CHECKING:
    import psycopg

    from ._lab import Lab

LEADER, REPLICA = "master", "replica"
"""Values of the label ``spilo-role``."""
_DOMAIN = "credentials.postgresql.acid.zalan.do"
_FOLLOWING = """
    SELECT count(*) FROM pg_stat_replication
    WHERE state = 'streaming' AND sync_state IN ('sync', 'quorum')
"""


class PostgresCluster:
    """One object of the kind ``postgresql``, and what was made of it.

    :ivar name: the object's.
    :ivar namespace: where it is.
    """

    def __init__(self, lab: Lab, name: str, namespace: str) -> None:
        self._lab = lab
        self.name, self.namespace = name, namespace
        self._tunnel: Tunnel | None = None

    def __repr__(self) -> str:
        known = [f"{name} ({role or 'no role yet'})" for name, role in self.roles().items()]
        return f"{self.name}: {', '.join(known) or 'no pods'}"

    @property
    def status(self) -> str:
        """What the operator says of it, such as ``Creating`` and ``Running``; empty at first."""
        found = self._lab.get("postgresql", self.name, namespace=self.namespace)
        status = found.get("status") or {}
        return str(status.get("PostgresClusterStatus", ""))

    def wait_until_running(self, *, timeout: float = 180) -> None:
        """Wait until the operator has made all of it, users and databases included.

        :raises WaitTimeout: it has not; says what it says now.
        """
        self._lab.wait_until(
            f"the operator to say that {self.name} runs", lambda: self.status == "Running",
            timeout=timeout,
        )  # fmt: skip

    def roles(self) -> dict[str, str]:
        """The role of each pod; empty where Patroni has not said yet."""
        pods = self._lab.pods(self.namespace, f"cluster-name={self.name}")
        labels = {pod["metadata"]["name"]: pod["metadata"]["labels"] for pod in pods}
        return {name: given.get("spilo-role", "") for name, given in sorted(labels.items())}

    @property
    def leader(self) -> str:
        """The pod that takes the writes.

        :raises LabError: there is none now, or it is not clear who it is.
        """
        return self._only(LEADER)

    @property
    def replica(self) -> str:
        """The pod that follows the leader.

        :raises LabError: there is none, or there are several.
        """
        return self._only(REPLICA)

    def has_leader(self, *, but: str = "") -> bool:
        """Whether there is one leader, and it is another one than that."""
        leading = [name for name, role in self.roles().items() if role == LEADER]
        return len(leading) == 1 and leading != [but]

    def is_followed(self) -> bool:
        """Whether a replica gets all that the leader writes, before it is acknowledged."""
        try:
            return int(self.psql(_FOLLOWING)) > 0
        except (CommandError, LabError):
            return False

    def login(self, user: str) -> dict[str, str]:
        """``username`` and ``password`` of a user, from the Secret that the operator made."""
        name = f"{user.replace('_', '-')}.{self.name}.{_DOMAIN}"
        return self._lab.secret(name, namespace=self.namespace)

    def psql(self, query: str, *, database: str = "postgres", pod: str = "") -> str:
        """What a query gives that the superuser asks in a pod; the leader's if none is named.

        :raises CommandError: PostgreSQL refuses it; carries what it says.
        """
        command = ("psql", "--username=postgres", f"--dbname={database}", "--no-psqlrc",
                   "--no-align", "--tuples-only", "--set=ON_ERROR_STOP=1")  # fmt: skip
        where = ("exec", pod or self.leader, "--namespace", self.namespace, "--container=postgres")
        return self._lab.kubectl(*where, "--", *command, "--command", query).strip()

    def connect(
        self, user: str = "zalando", database: str = "foo"
    ) -> psycopg.Connection[tuple[Any, ...]]:
        """A connection to the leader from this machine, with TLS.

        It ends when the leader's pod does; the next one ends the way in of the last one.
        """
        import psycopg

        self.close()
        self._tunnel = self._lab.port_forward(f"pod/{self.leader}", 5432, namespace=self.namespace)
        return psycopg.connect(
            host=self._tunnel.host, port=self._tunnel.port, dbname=database, user=user,
            password=self.login(user)["password"], sslmode="require", autocommit=True,
        )  # fmt: skip

    def close(self) -> None:
        """Close the way in, if there is one."""
        if self._tunnel is not None:
            self._tunnel.close()
            self._tunnel = None

    def _only(self, role: str) -> str:
        found = [name for name, given in self.roles().items() if given == role]
        if len(found) != 1:
            raise LabError(
                f"{self.name} has {len(found)} pods with the role {role}, and not one",
                seen=repr(self),
                remedy="look again soon: a change of leaders takes some seconds",
            )
        return found[0]
