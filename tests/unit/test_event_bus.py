"""lab_helpers.event_bus"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import cast

import pytest
import yaml
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from lab_helpers import Lab
from lab_helpers.event_bus import make_secret


class Cluster:
    """A cluster that keeps the last Secret, and what was asked of it.

    :ivar held: the Secret's texts by key.
    """

    def __init__(self) -> None:
        self.asked: list[tuple[str, ...]] = []
        self.held: dict[str, str] = {}

    def delete(self, *words: str, **_: str) -> None:
        self.asked.append(("delete", *words))

    def kubectl(self, *words: str) -> str:
        self.asked.append(words)
        files = [Path(word.partition("=")[2]) for word in words if word.startswith("--from-file=")]
        assert {file.stat().st_mode & 0o777 for file in files} == {0o600}
        self.held = {file.name: file.read_text() for file in files}
        self.files = files
        return ""


@pytest.fixture
def made() -> Cluster:
    cluster = Cluster()
    make_secret(cast(Lab, cluster), "argo-example")
    return cluster


def test_server_and_clients_get_the_same_password(made: Cluster) -> None:
    client = yaml.safe_load(made.held["auth.yaml"])
    assert client["username"] == "bus"
    assert len(client["password"]) >= 32
    assert made.held["password.conf"] == f'PASSWORD: "{client["password"]}"\n'


def test_it_is_another_one_each_time(made: Cluster) -> None:
    before = dict(made.held)
    make_secret(cast(Lab, made), "argo-example")
    assert not {key for key, text in made.held.items() if before[key] == text}


def test_the_certificate_is_that_of_the_service_and_of_its_key(made: Cluster) -> None:
    certificate = x509.load_pem_x509_certificate(made.held["tls.crt"].encode())
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["bus.argo-example.svc.cluster.local"]
    key = load_pem_private_key(made.held["tls.key"].encode(), None)
    assert key.public_key() == certificate.public_key()
    certificate.verify_directly_issued_by(certificate)
    now = datetime.now(UTC)
    assert certificate.not_valid_before_utc < now
    left = certificate.not_valid_after_utc - now
    assert timedelta(days=360) < left < timedelta(days=366)


def test_nothing_secret_is_in_a_command_or_stays_on_the_disk(made: Cluster) -> None:
    words = " ".join(word for asked in made.asked for word in asked)
    password = yaml.safe_load(made.held["auth.yaml"])["password"]
    assert password not in words
    assert not re.search("PRIVATE KEY", words)
    assert not [file for file in made.files if file.exists()]
    assert made.asked[0] == ("delete", "secret", "bus")
