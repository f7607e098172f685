#!/usr/bin/python3 -IS
"""Start Patroni as the Zalando operator's environment says.

The operator describes a cluster to its pods in environment variables. This program makes
Patroni's configuration of them, a certificate where none was given, and becomes Patroni.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

HOME = Path("/home/postgres")
RUN = Path("/run/postgresql")
BINARIES = Path("/usr/lib/postgresql")
ROLES = """
DO $$ BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'admin') THEN
        CREATE ROLE admin CREATEDB NOLOGIN;
    END IF;
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{human}') THEN
        CREATE ROLE "{human}" CREATEDB NOLOGIN IN ROLE admin;
    END IF;
END $$
"""
"""The roles that the operator takes for granted: it makes members of them."""

Environment = Mapping[str, str]
Settings = dict[str, Any]


def configuration(given: Environment, *, binaries: Path, certificate: Settings) -> Settings:
    """Patroni's configuration: what holds for every cluster, and over it what the operator says."""
    return merged(
        {
            "scope": given["SCOPE"],
            "name": given.get("POD_NAME") or socket.gethostname(),
            "restapi": {"listen": "0.0.0.0:8008", "connect_address": f"{given['POD_IP']}:8008"},
            "kubernetes": kubernetes(given),
            "bootstrap": bootstrap(),
            "postgresql": postgresql(given, binaries, certificate),
        },
        json.loads(given.get("SPILO_CONFIGURATION") or "{}"),
    )


def kubernetes(given: Environment) -> Settings:
    """Where Patroni keeps who the leader is: in objects of the cluster, under these labels."""
    return {
        "namespace": given["POD_NAMESPACE"],
        "labels": json.loads(given.get("KUBERNETES_LABELS") or '{"application": "spilo"}'),
        "scope_label": given.get("KUBERNETES_SCOPE_LABEL", "cluster-name"),
        "role_label": given.get("KUBERNETES_ROLE_LABEL", "spilo-role"),
        # What the operator looks for, whatever Patroni's newer releases say by themselves.
        "leader_label_value": "master",
        "standby_leader_label_value": "master",
        "bootstrap_labels": json.loads(given.get("KUBERNETES_BOOTSTRAP_LABELS") or "{}"),
        "use_endpoints": given.get("KUBERNETES_USE_CONFIGMAPS") != "true",
        "pod_ip": given["POD_IP"],
        "ports": [{"name": "postgresql", "port": 5432}],
    }


def bootstrap() -> Settings:
    """What a new cluster begins with. Later it is kept, and changed, in Kubernetes."""
    return {
        "dcs": {
            "ttl": 30,
            "loop_wait": 10,
            "retry_timeout": 10,
            "maximum_lag_on_failover": 33554432,
            # A leader that crashed is replaced at once where a replica can take over.
            "primary_start_timeout": 0,
            "postgresql": {"use_pg_rewind": True, "use_slots": True},
        },
        "initdb": [{"encoding": "UTF8"}, {"locale": "C.UTF-8"}, "data-checksums"],
        "post_init": f"{Path(__file__).resolve()} make-roles",
    }


def postgresql(given: Environment, binaries: Path, certificate: Settings) -> Settings:
    """How this pod's PostgreSQL runs."""
    standby = given["PGUSER_STANDBY"]
    return {
        "listen": "*:5432",
        "connect_address": f"{given['POD_IP']}:5432",
        "data_dir": f"{given['PGROOT']}/data",
        "bin_dir": str(binaries),
        "pgpass": f"{RUN}/pgpass",
        "use_unix_socket": True,
        "authentication": {
            "superuser": account(given, "SUPERUSER"),
            "replication": account(given, "STANDBY"),
        },
        "parameters": {
            **certificate,
            "unix_socket_directories": str(RUN),
            # To the pod's log, where kubectl logs finds it.
            "logging_collector": "off",
            "log_destination": "stderr",
            # The compiler is not in the image.
            "jit": "off",
        },
        # With a password that is kept as SCRAM, md5 stands for SCRAM; the operator makes either.
        "pg_hba": [
            "local all all trust",
            f"hostssl replication {standby} all md5",
            "hostnossl all all all reject",
            "hostssl all all all md5",
        ],
        # A member whose data cannot follow the leader's is copied anew.
        "remove_data_directory_on_rewind_failure": True,
        "remove_data_directory_on_diverged_timelines": True,
    }


def account(given: Environment, kind: str) -> Settings:
    return {
        "username": given[f"PGUSER_{kind}"],
        "password": given[f"PGPASSWORD_{kind}"],
        "sslmode": "require",
    }


def merged(own: Any, given: Any) -> Any:
    """What was given, and of our own what it leaves open."""
    if isinstance(own, dict) and isinstance(given, dict):
        return {
            key: options(own.get(key), given.get(key))
            if key == "initdb"
            else merged(own[key], given[key])
            if key in own and key in given
            else own.get(key, given.get(key))
            for key in {**own, **given}
        }
    return given


def options(own: list[Any] | None, given: list[Any] | None) -> list[Any]:
    """Options of initdb, texts and single pairs; one that was given replaces ours."""
    found = {
        (next(iter(each)) if isinstance(each, dict) else each): each
        for each in (*(own or ()), *(given or ()))
    }
    return list(found.values())


def installed(given: Environment, folder: Path = BINARIES) -> Path:
    """The programs of the version that was asked for, or of the one that there is."""
    found = sorted(folder.glob("*/bin"), key=lambda path: float(path.parent.name))
    if not found:
        sys.exit(f"there is no PostgreSQL in {folder}")
    wanted = folder / given.get("PGVERSION", "") / "bin"
    if wanted in found:
        return wanted
    print(f"PostgreSQL {given.get('PGVERSION')} was asked for; this image has "
          f"{found[-1].parent.name}", flush=True)  # fmt: skip
    return found[-1]


def certificate(given: Environment, folder: Path = RUN) -> Settings:
    """The certificate that was given, or one that the server signs itself."""
    files = {
        "ssl_cert_file": given.get("SSL_CERTIFICATE_FILE", f"{folder}/server.crt"),
        "ssl_key_file": given.get("SSL_PRIVATE_KEY_FILE", f"{folder}/server.key"),
    }
    if "SSL_CA_FILE" in given:
        files["ssl_ca_file"] = given["SSL_CA_FILE"]
    if not Path(files["ssl_cert_file"]).exists():
        name = f"{given['SCOPE']}.{given['POD_NAMESPACE']}"
        subprocess.run(
            ["openssl", "req", "-x509", "-nodes", "-newkey", "ec",
             "-pkeyopt", "ec_paramgen_curve:prime256v1", "-days", "3650",
             "-subj", f"/CN={given['SCOPE']}", "-addext", f"subjectAltName=DNS:{name}",
             "-keyout", files["ssl_key_file"], "-out", files["ssl_cert_file"]],
            check=True, capture_output=True,
        )  # fmt: skip
    return {"ssl": "on", **files}


def make_roles(given: Environment, connection: str) -> None:
    """Make the roles that the operator expects, in a new cluster."""
    human = given.get("HUMAN_ROLE", "zalandos").replace("'", "").replace('"', "")
    psql = ["/usr/bin/psql", "--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", "--dbname"]
    subprocess.run([*psql, connection, "--command", ROLES.format(human=human)], check=True)


def main() -> None:
    if sys.argv[1:2] == ["make-roles"]:
        make_roles(os.environ, sys.argv[-1])
        return
    # Files of the server are nobody else's: it holds passwords.
    os.umask(0o077)
    Path(os.environ["PGROOT"]).mkdir(parents=True, exist_ok=True)
    config = configuration(
        os.environ, binaries=installed(os.environ), certificate=certificate(os.environ)
    )
    path = HOME / "postgres.yml"
    # Every JSON text is YAML, too.
    path.write_text(json.dumps(config, indent=2))
    # patronictl looks there, for whoever looks at the cluster from inside.
    known = HOME / ".config/patroni/patronictl.yaml"
    known.parent.mkdir(parents=True, exist_ok=True)
    known.unlink(missing_ok=True)
    known.symlink_to(path)
    kept = {name: each for name, each in os.environ.items() if not name.startswith("PGPASSWORD")}
    python = shutil.which("python3") or sys.executable
    os.execve(python, [python, "-m", "patroni", str(path)], {**kept, "HOME": str(HOME)})


if __name__ == "__main__":
    main()
