"""images/postgres/launch.py, and lab_helpers.postgres"""

from __future__ import annotations

import json
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from lab_helpers import LabError
from lab_helpers.images import CATALOGUE, IMAGES
from lab_helpers.postgres import GID, UID, PostgresRoot, binaries_of

GIVEN = {
    "SCOPE": "acid-minimal-cluster",
    "POD_IP": "10.1.0.7",
    "POD_NAMESPACE": "rows",
    "POD_NAME": "acid-minimal-cluster-0",
    "PGROOT": "/home/postgres/pgdata/pgroot",
    "PGUSER_SUPERUSER": "postgres",
    "PGPASSWORD_SUPERUSER": "one",
    "PGUSER_STANDBY": "standby",
    "PGPASSWORD_STANDBY": "two",
    "KUBERNETES_SCOPE_LABEL": "cluster-name",
    "KUBERNETES_ROLE_LABEL": "spilo-role",
    "KUBERNETES_LABELS": '{"application": "spilo"}',
}
"""What the operator sets, as far as it always does."""
PROGRAMS = Path("/usr/lib/postgresql/15/bin")


@pytest.fixture(scope="module")
def launch() -> ModuleType:
    specification = spec_from_file_location("launch", IMAGES / "postgres" / "launch.py")
    assert specification
    assert specification.loader
    module = module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def configured(launch: ModuleType, said: dict[str, Any], **given: str) -> dict[str, Any]:
    found: dict[str, Any] = launch.configuration(
        {**GIVEN, **given, "SPILO_CONFIGURATION": json.dumps(said)},
        binaries=PROGRAMS, certificate={"ssl": "on"},
    )  # fmt: skip
    return found


def test_patroni_is_told_who_it_is_and_how_the_operator_finds_it(launch: ModuleType) -> None:
    made = configured(launch, {})
    assert (made["scope"], made["name"]) == ("acid-minimal-cluster", "acid-minimal-cluster-0")
    assert made["restapi"]["connect_address"] == "10.1.0.7:8008"
    kept = made["kubernetes"]
    assert kept["labels"] == {"application": "spilo"}
    assert (kept["scope_label"], kept["role_label"]) == ("cluster-name", "spilo-role")
    assert kept["leader_label_value"] == "master"
    assert kept["use_endpoints"] is True
    assert configured(launch, {}, KUBERNETES_USE_CONFIGMAPS="true")["kubernetes"] == {
        **kept, "use_endpoints": False,
    }  # fmt: skip


def test_the_operators_users_are_the_servers(launch: ModuleType) -> None:
    known = configured(launch, {})["postgresql"]["authentication"]
    assert known["superuser"] == {"username": "postgres", "password": "one", "sslmode": "require"}
    assert known["replication"] == {"username": "standby", "password": "two", "sslmode": "require"}


def test_what_the_manifest_says_wins_and_the_rest_stays(launch: ModuleType) -> None:
    said = {
        "postgresql": {
            "pg_hba": ["hostssl all all all scram-sha-256"],
            "parameters": {"shared_buffers": "32MB", "jit": "on"},
        },
        "bootstrap": {
            "initdb": [{"auth-host": "md5"}, {"encoding": "LATIN1"}, "data-checksums"],
            "dcs": {"ttl": 20, "synchronous_mode": True, "postgresql": {"parameters": {"a": 1}}},
        },
    }
    made = configured(launch, said)
    assert made["postgresql"]["pg_hba"] == ["hostssl all all all scram-sha-256"]
    parameters = made["postgresql"]["parameters"]
    assert parameters["shared_buffers"] == "32MB"
    assert (parameters["ssl"], parameters["jit"]) == ("on", "on")
    kept = made["bootstrap"]["dcs"]
    assert (kept["ttl"], kept["synchronous_mode"], kept["loop_wait"]) == (20, True, 10)
    assert kept["postgresql"] == {
        "use_pg_rewind": True, "use_slots": True, "parameters": {"a": 1},
    }  # fmt: skip
    assert made["bootstrap"]["initdb"] == [
        {"encoding": "LATIN1"}, {"locale": "C.UTF-8"}, "data-checksums", {"auth-host": "md5"},
    ]  # fmt: skip


def test_nobody_comes_in_without_tls_or_password(launch: ModuleType) -> None:
    for rule in configured(launch, {})["postgresql"]["pg_hba"]:
        kind, *_, method = rule.split()
        assert (kind, method) in {("local", "trust"), ("hostssl", "md5"), ("hostnossl", "reject")}


def test_the_version_that_was_asked_for_or_the_one_there_is(
    launch: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for version in ("9.6", "15"):
        (tmp_path / version / "bin").mkdir(parents=True)
    assert launch.installed({"PGVERSION": "9.6"}, tmp_path) == tmp_path / "9.6/bin"
    assert capsys.readouterr().out == ""
    assert launch.installed({"PGVERSION": "17"}, tmp_path) == tmp_path / "15/bin"
    assert "PostgreSQL 17 was asked for; this image has 15" in capsys.readouterr().out
    with pytest.raises(SystemExit, match="no PostgreSQL"):
        launch.installed({}, tmp_path / "empty")


def test_a_certificate_that_is_given_is_used(launch: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "tls.crt").touch()
    given = {
        **GIVEN,
        "SSL_CERTIFICATE_FILE": f"{tmp_path}/tls.crt",
        "SSL_PRIVATE_KEY_FILE": f"{tmp_path}/tls.key",
        "SSL_CA_FILE": f"{tmp_path}/ca.crt",
    }
    assert launch.certificate(given, tmp_path) == {
        "ssl": "on",
        "ssl_cert_file": f"{tmp_path}/tls.crt",
        "ssl_key_file": f"{tmp_path}/tls.key",
        "ssl_ca_file": f"{tmp_path}/ca.crt",
    }
    assert [path.name for path in tmp_path.iterdir()] == ["tls.crt"]


def test_the_image_is_upstreams_in_what_volumes_notice() -> None:
    recipe = (IMAGES / "postgres" / "Containerfile").read_text()
    assert f"USER {UID}:{GID}" in recipe
    settings = Path(IMAGES.parent, "manifests/components/postgres-operator/settings.yaml")
    assert f'spilo_runasuser: "{UID}"' in settings.read_text()
    assert f'spilo_runasgroup: "{GID}"' in settings.read_text()


def test_another_content_is_another_tag(monkeypatch: pytest.MonkeyPatch) -> None:
    before = CATALOGUE["postgres"].reference
    assert before == CATALOGUE["postgres"].reference
    monkeypatch.setattr(PostgresRoot, "inputs", ("another launcher",))
    assert PostgresRoot().version not in before


def test_what_scripts_alone_need_stays_out() -> None:
    root = PostgresRoot()
    assert all(map(root.keeps, ("postgresql-15", "patroni", "libpq5", "python3-psycopg2")))
    left_out = ("perl-base", "libllvm14", "dpkg", "postgresql-common", "python3-etcd", "locales")
    assert not any(map(root.keeps, left_out))


def test_a_root_has_one_version(tmp_path: Path) -> None:
    with pytest.raises(LabError, match="no PostgreSQL"):
        binaries_of(tmp_path)
    (tmp_path / "usr/lib/postgresql/15/bin").mkdir(parents=True)
    assert binaries_of(tmp_path).parent.name == "15"
