"""The cluster's certificates, from three authorities of its own.

One authority signs servers and users. Another signs only the API server's calls to extension API
servers (metrics-server), a third only etcd and its one client, so that no user certificate can
pass for those. Keys are P-256, made anew for every cluster.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from ..._files import write
from .node import API_SERVICE_ADDRESS, Node

LAYOUT = 2
"""Raised when other certificates are made: a cluster with older ones gets new ones."""
_VALID = timedelta(days=3650)


@dataclass(frozen=True)
class _Authority:
    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate


def write_all(node: Node) -> None:
    """Write keys and certificates into the node's ``pki`` folder (files 0600)."""
    folder = node.folder / "pki"
    authority = _authority(folder, "ca", f"lab-{node.name}")
    front_proxy = _authority(folder, "front-proxy-ca", f"lab-{node.name}-front-proxy")
    etcd = _authority(folder, "etcd-ca", f"lab-{node.name}-etcd")
    hostname = f"lab-{node.name}"
    servers = {
        "apiserver": ["kubernetes", "kubernetes.default", "kubernetes.default.svc",
                      "kubernetes.default.svc.cluster.local", "localhost", "127.0.0.1",
                      node.address, API_SERVICE_ADDRESS],
        "kubelet": [hostname, node.address],
    }  # fmt: skip
    clients = {
        "admin": ("lab-admin", "system:masters"),
        "apiserver-kubelet-client": ("kube-apiserver-kubelet-client", "system:masters"),
        "kube-controller-manager": ("system:kube-controller-manager", ""),
        "kube-scheduler": ("system:kube-scheduler", ""),
        "kube-proxy": ("system:kube-proxy", ""),
        "kubelet-client": (f"system:node:{hostname}", "system:nodes"),
    }
    for name, hosts in servers.items():
        _issue(folder, name, authority, _subject(name), hosts=hosts)
    for name, (user, group) in clients.items():
        _issue(folder, name, authority, _subject(user, group))
    _issue(folder, "etcd", etcd, _subject("etcd"), hosts=["localhost", "127.0.0.1"])
    _issue(folder, "apiserver-etcd-client", etcd, _subject("kube-apiserver"))
    _issue(folder, "front-proxy-client", front_proxy, _subject("front-proxy-client"))
    _service_accounts(folder)


def _service_accounts(folder: Path) -> None:
    """The key pair that signs and verifies the tokens of pods."""
    key = ec.generate_private_key(ec.SECP256R1())
    _save_key(folder, "service-accounts", key)
    public = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    write(folder / "service-accounts.pub", public.decode(), mode=0o600)


def _authority(folder: Path, name: str, common_name: str) -> _Authority:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = _subject(common_name)
    certificate = (
        _builder(subject, subject, key, signer=key)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(_usage(signs=True), critical=True)
        .sign(key, hashes.SHA256())
    )
    _save(folder, name, key, certificate)
    return _Authority(key, certificate)


def _issue(
    folder: Path, name: str, by: _Authority, subject: x509.Name, *, hosts: list[str] | None = None
) -> None:
    """A certificate for a server (with hosts) or for a client (without)."""
    key = ec.generate_private_key(ec.SECP256R1())
    purposes = [ExtendedKeyUsageOID.CLIENT_AUTH]
    if hosts:
        purposes.append(ExtendedKeyUsageOID.SERVER_AUTH)
    builder = (
        _builder(subject, by.certificate.subject, key, signer=by.key)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage(purposes), critical=False)
    )
    if hosts:
        names = x509.SubjectAlternativeName([_general_name(host) for host in hosts])
        builder = builder.add_extension(names, critical=False)
    _save(folder, name, key, builder.sign(by.key, hashes.SHA256()))


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePrivateKey,
    *,
    signer: ec.EllipticCurvePrivateKey,
) -> x509.CertificateBuilder:
    """What all certificates have; the key identifiers are what strict clients insist on."""
    now = datetime.now(UTC)
    own = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    issuing = x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key())
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=5))
        .not_valid_after(now + _VALID)
        .add_extension(own, critical=False)
        .add_extension(issuing, critical=False)
    )


def _subject(common_name: str, organization: str = "") -> x509.Name:
    parts = [x509.NameAttribute(NameOID.COMMON_NAME, common_name)]
    if organization:
        parts.append(x509.NameAttribute(NameOID.ORGANIZATION_NAME, organization))
    return x509.Name(parts)


def _usage(*, signs: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True, key_cert_sign=signs, crl_sign=signs, content_commitment=False,
        key_encipherment=False, data_encipherment=False, key_agreement=False,
        encipher_only=False, decipher_only=False,
    )  # fmt: skip


def _general_name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _save(
    folder: Path, name: str, key: ec.EllipticCurvePrivateKey, certificate: x509.Certificate
) -> None:
    _save_key(folder, name, key)
    pem = certificate.public_bytes(serialization.Encoding.PEM).decode()
    write(folder / f"{name}.crt", pem, mode=0o600)


def _save_key(folder: Path, name: str, key: ec.EllipticCurvePrivateKey) -> None:
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode()
    write(folder / f"{name}.key", pem, mode=0o600)
