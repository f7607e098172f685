"""lab_helpers.cluster.embedded.pki"""

from __future__ import annotations

import contextlib
import ipaddress
import ssl
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from lab_helpers._config import settings
from lab_helpers.cluster.embedded import pki
from lab_helpers.cluster.embedded.node import API_SERVICE_ADDRESS, Node

NODE = Node("lab", 7, 8080, 32000)
AUTHORITIES = ("ca", "etcd-ca", "front-proxy-ca")
SERVERS = {
    "apiserver": [
        "kubernetes.default.svc.cluster.local", "localhost", "127.0.0.1", NODE.address,
        API_SERVICE_ADDRESS,
    ],
    "etcd": ["localhost", "127.0.0.1"],
    "kubelet": ["lab-lab", NODE.address],
}  # fmt: skip
CLIENTS = {
    "admin": ("lab-admin", "system:masters"),
    "apiserver-etcd-client": ("kube-apiserver", None),
    "apiserver-kubelet-client": ("kube-apiserver-kubelet-client", "system:masters"),
    "front-proxy-client": ("front-proxy-client", None),
    "kube-controller-manager": ("system:kube-controller-manager", None),
    "kube-proxy": ("system:kube-proxy", None),
    "kube-scheduler": ("system:kube-scheduler", None),
    "kubelet-client": ("system:node:lab-lab", "system:nodes"),
}
"""Who each component is to the API server: its user and its group."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The certificates of a node, which tests look at and leave alone."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LAB_CACHE", str(tmp_path_factory.mktemp("pki")))
        settings.cache_clear()
        pki.write_all(NODE)
        return NODE.folder / "pki"


def load(folder: Path, name: str) -> x509.Certificate:
    return x509.load_pem_x509_certificate((folder / f"{name}.crt").read_bytes())


def authority_of(name: str) -> str:
    if name in ("etcd", "apiserver-etcd-client"):
        return "etcd-ca"
    return "front-proxy-ca" if name == "front-proxy-client" else "ca"


def test_these_are_all_the_certificates(folder: Path) -> None:
    assert {path.stem for path in folder.glob("*.crt")} == {*AUTHORITIES, *SERVERS, *CLIENTS}


def test_all_files_are_the_owners_alone(folder: Path) -> None:
    modes = {path.name: oct(path.stat().st_mode & 0o777) for path in folder.iterdir()}
    assert set(modes.values()) == {"0o600"}, modes


@pytest.mark.parametrize("name", [*SERVERS, *CLIENTS])
def test_a_certificate_is_signed_by_its_authority_only(name: str, folder: Path) -> None:
    certificate = load(folder, name)
    certificate.verify_directly_issued_by(load(folder, authority_of(name)))
    for other in set(AUTHORITIES) - {authority_of(name)}:
        with pytest.raises(ValueError, match="Issuer"):
            certificate.verify_directly_issued_by(load(folder, other))


@pytest.mark.parametrize("name", [*AUTHORITIES, *SERVERS, *CLIENTS])
def test_a_key_fits_its_certificate(name: str, folder: Path) -> None:
    key = serialization.load_pem_private_key((folder / f"{name}.key").read_bytes(), None)
    assert key.public_key() == load(folder, name).public_key()


def test_no_two_certificates_share_a_key_or_a_number(folder: Path) -> None:
    all_of_them = [load(folder, name) for name in (*AUTHORITIES, *SERVERS, *CLIENTS)]
    numbers = {certificate.serial_number for certificate in all_of_them}
    keys = {(folder / f"{name}.key").read_text() for name in (*AUTHORITIES, *SERVERS, *CLIENTS)}
    assert len(numbers) == len(keys) == len(all_of_them)


@pytest.mark.parametrize("name", [*AUTHORITIES, *SERVERS, *CLIENTS])
def test_only_authorities_sign(name: str, folder: Path) -> None:
    extensions = load(folder, name).extensions
    constraints = extensions.get_extension_for_class(x509.BasicConstraints)
    usage = extensions.get_extension_for_class(x509.KeyUsage)
    assert constraints.critical
    assert usage.critical
    assert constraints.value.ca == usage.value.key_cert_sign == (name in AUTHORITIES)
    assert usage.value.digital_signature


@pytest.mark.parametrize("name", SERVERS)
def test_a_servers_certificate_holds_its_names_and_addresses(name: str, folder: Path) -> None:
    extensions = load(folder, name).extensions
    names = extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    held = {*names.get_values_for_type(x509.DNSName)}
    held |= {str(address) for address in names.get_values_for_type(x509.IPAddress)}
    assert set(SERVERS[name]) <= held
    for host in held:
        with contextlib.suppress(ValueError):
            address = ipaddress.ip_address(host)
            assert address in names.get_values_for_type(x509.IPAddress), "not as a name"
    purposes = set(extensions.get_extension_for_class(x509.ExtendedKeyUsage).value)
    assert ExtendedKeyUsageOID.SERVER_AUTH in purposes


@pytest.mark.parametrize("name", CLIENTS)
def test_a_client_is_who_the_api_server_takes_it_for(name: str, folder: Path) -> None:
    certificate = load(folder, name)
    user = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    groups = certificate.subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)
    expected_user, expected_group = CLIENTS[name]
    assert [each.value for each in user] == [expected_user]
    assert [each.value for each in groups] == ([expected_group] if expected_group else [])


@pytest.mark.parametrize("name", CLIENTS)
def test_a_client_cannot_pass_for_a_server(name: str, folder: Path) -> None:
    extensions = load(folder, name).extensions
    purposes = list(extensions.get_extension_for_class(x509.ExtendedKeyUsage).value)
    assert purposes == [ExtendedKeyUsageOID.CLIENT_AUTH]
    with pytest.raises(x509.ExtensionNotFound):
        extensions.get_extension_for_class(x509.SubjectAlternativeName)


def test_everything_outlives_the_course(folder: Path) -> None:
    for name in (*AUTHORITIES, *SERVERS, *CLIENTS):
        certificate = load(folder, name)
        lifetime = certificate.not_valid_after_utc - certificate.not_valid_before_utc
        assert lifetime.days > 365


def test_tokens_of_pods_are_checked_with_the_key_that_signs_them(folder: Path) -> None:
    private = (folder / "service-accounts.key").read_bytes()
    public = serialization.load_pem_public_key((folder / "service-accounts.pub").read_bytes())
    assert serialization.load_pem_private_key(private, None).public_key() == public


def test_every_cluster_has_keys_of_its_own(folder: Path) -> None:
    pki.write_all(NODE)
    another = NODE.folder / "pki"
    assert another != folder
    assert (another / "ca.key").read_text() != (folder / "ca.key").read_text()


def shake_hands(folder: Path, *, host: str, client: str = "admin", flags: int = 0) -> str:
    """Let a client and the API server meet in memory; who the server takes the client for."""
    server_side = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server_side.load_cert_chain(folder / "apiserver.crt", folder / "apiserver.key")
    server_side.load_verify_locations(folder / "ca.crt")
    server_side.verify_mode = ssl.CERT_REQUIRED
    client_side = ssl.create_default_context(cafile=str(folder / "ca.crt"))
    client_side.load_cert_chain(folder / f"{client}.crt", folder / f"{client}.key")
    for context in (server_side, client_side):
        context.verify_flags |= flags
    to_client, to_server = ssl.MemoryBIO(), ssl.MemoryBIO()
    caller = client_side.wrap_bio(to_client, to_server, server_hostname=host)
    server = server_side.wrap_bio(to_server, to_client, server_side=True)
    while not (finished(caller.do_handshake) & finished(server.do_handshake)):
        pass
    subject = server.getpeercert() or {}
    return str(dict(pair[0] for pair in subject["subject"])["commonName"])  # type: ignore[misc]


def finished(handshake: Callable[[], None]) -> bool:
    try:
        handshake()
    except ssl.SSLWantReadError:
        return False
    return True


@pytest.mark.parametrize("host", SERVERS["apiserver"])
def test_clients_and_api_server_trust_each_other(host: str, folder: Path) -> None:
    assert shake_hands(folder, host=host) == "lab-admin"


def test_python_3_13_trusts_the_api_server_as_well(folder: Path) -> None:
    """From 3.13 on Python asks for everything that RFC 5280 does."""
    who = shake_hands(folder, host=NODE.address, flags=ssl.VERIFY_X509_STRICT)
    assert who == "lab-admin"


def test_the_api_server_is_nobody_else(folder: Path) -> None:
    with pytest.raises(ssl.SSLCertVerificationError, match="mismatch"):
        shake_hands(folder, host="10.153.99.2")


@pytest.mark.parametrize("client", ["front-proxy-client", "apiserver-etcd-client"])
def test_who_another_authority_vouches_for_is_no_user(client: str, folder: Path) -> None:
    with pytest.raises(ssl.SSLError, match="certificate"):
        shake_hands(folder, host=NODE.address, client=client)
