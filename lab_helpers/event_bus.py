"""A password and a certificate for a NATS server that is an event bus, and for its clients."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from secrets import token_urlsafe
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from ._files import scratch

if TYPE_CHECKING:
    from ._lab import Lab

NAME = "bus"
_VALID = timedelta(days=365)


def make_secret(lab: Lab, namespace: str) -> None:
    """Make the Secret ``bus``: what the server reads, and what Argo Events reads. Each time anew.

    Argo Events speaks TLS with a bus, whatever its address says.
    """
    password = token_urlsafe(24)
    certificate, key = _self_signed(f"{NAME}.{namespace}.svc.cluster.local")
    held = {
        "auth.yaml": f"username: bus\npassword: {password}\n",
        "password.conf": f'PASSWORD: "{password}"\n',
        "tls.crt": certificate,
        "tls.key": key,
    }
    lab.delete("secret", NAME, namespace=namespace)
    # By files: what stands in a command, everybody on this machine can see.
    with scratch() as folder:
        for name, text in held.items():
            (folder / name).touch(mode=0o600)
            (folder / name).write_text(text)
        files = [f"--from-file={folder / name}" for name in held]
        lab.kubectl("create", "secret", "generic", NAME, "--namespace", namespace, *files)


def _self_signed(host: str) -> tuple[str, str]:
    """A certificate of a host that signs itself, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, NAME)])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=5))
        .not_valid_after(now + _VALID)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = certificate.public_bytes(serialization.Encoding.PEM).decode()
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode()
    return pem, private
