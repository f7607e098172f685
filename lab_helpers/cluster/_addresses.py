"""Where pages and images of a cluster are: what is said on the command line, read and checked."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from .._exceptions import UsageError

_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_HOST = re.compile(rf"{_LABEL}(?:\.{_LABEL})*")
_REGISTRY = re.compile(r"(?P<host>[^/]+)(?P<path>(?:/[a-z0-9]+(?:[._-]+[a-z0-9]+)*)*)")
_HIGHEST_PORT = 65535
HTTP = 80


@dataclass(frozen=True)
class Address:
    """A host with a port."""

    host: str
    port: int


def pages(said: str) -> Address:
    """Where pages are served, of ``HOST[:PORT]``: each at ``NAME.HOST``.

    :raises UsageError: no name can be put in front of it.
    """
    address = _address(said, f"--domain {said}")
    if _is_number(address.host):
        raise UsageError(
            f"--domain {said}: pages are at NAME.DOMAIN, and no name goes in front of a number",
            remedy=f"a name that leads to {address.host}, with a wildcard record for what is below",
        )
    return address


def registry(said: str) -> str:
    """A registry as image names begin with it: ``HOST[:PORT]``, and perhaps a path.

    :raises UsageError: image names cannot begin so.
    """
    found = _REGISTRY.fullmatch(said)
    if found is None:
        raise _refused(f"--registry {said}")
    host, _, port = found["host"].partition(":")
    _address(found["host"], f"--registry {said}")
    if not port and "." not in host and host != "localhost":
        raise UsageError(
            f"--registry {said}: in an image's name that would be a user of Docker Hub",
            remedy=f"with its port, as in {said}:5000",
        )
    return said


def is_on_this_machine(server: str) -> bool:
    """Whether an API server's address leads to this machine, as kind's and k3d's do."""
    host = urlsplit(server).hostname or ""
    if _is_number(host):
        number = ipaddress.ip_address(host)
        return number.is_loopback or number.is_unspecified
    return host == "localhost" or host.endswith((".localhost", ".docker.internal"))


def _address(text: str, said: str) -> Address:
    host, colon, port = text.partition(":")
    if not _HOST.fullmatch(host) or (colon and not 0 < _number(port) <= _HIGHEST_PORT):
        raise _refused(said)
    return Address(host, _number(port) if colon else HTTP)


def _refused(said: str) -> UsageError:
    return UsageError(
        f"{said} is not HOST[:PORT]", remedy="as in lab.example.org or localhost:5001, no http://"
    )


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() else 0


def _is_number(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
