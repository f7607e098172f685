"""lab_helpers.cluster._addresses"""

from __future__ import annotations

import pytest

from lab_helpers import LabError
from lab_helpers.cluster._addresses import Address, is_on_this_machine, pages, registry


@pytest.mark.parametrize(
    ("said", "read"),
    [
        ("localhost", Address("localhost", 80)),
        ("other.localhost:8081", Address("other.localhost", 8081)),
        ("lab.example.org", Address("lab.example.org", 80)),
        ("10.0.0.1.nip.io:30080", Address("10.0.0.1.nip.io", 30080)),
    ],
)
def test_a_domain_is_read(said: str, read: Address) -> None:
    assert pages(said) == read


@pytest.mark.parametrize(
    "said",
    ["", "http://a.b", "a.b/", "a.b:", "a.b:0", "a.b:65536", "a.b:x", "a..b", "-a.b", "A.b", "a b",
     "10.0.0.1", "10.0.0.1:80", "::1"],
)  # fmt: skip
def test_what_is_no_domain_is_refused_with_an_example(said: str) -> None:
    with pytest.raises(LabError) as refused:
        pages(said)
    assert refused.value.exit_code == 2
    assert f"--domain {said}" in refused.value.what
    assert refused.value.remedy


@pytest.mark.parametrize(
    "said",
    ["localhost", "localhost:5001", "registry:5000", "10.0.0.1:32000", "ghcr.io/ana/course",
     "k3d-registry.localhost:5000"],
)  # fmt: skip
def test_a_registry_is_what_image_names_begin_with(said: str) -> None:
    assert registry(said) == said


@pytest.mark.parametrize(
    "said", ["registry", "https://a.b", "a.b/", "a.b/Upper", "a.b:x", "a.b//c", "/c"]
)
def test_what_image_names_cannot_begin_with_is_refused(said: str) -> None:
    with pytest.raises(LabError) as refused:
        registry(said)
    assert refused.value.exit_code == 2
    assert refused.value.remedy


@pytest.mark.parametrize(
    ("server", "here"),
    [
        ("https://127.0.0.1:6443", True),
        ("https://0.0.0.0:6550", True),
        ("https://[::1]:6443", True),
        ("https://localhost:6443", True),
        ("https://kubernetes.docker.internal:6443", True),
        ("https://10.153.0.2:16443", False),
        ("https://localhost.example.org", False),
        ("https://ABC.gr7.eu-west-1.eks.amazonaws.com", False),
    ],
)
def test_a_cluster_on_this_machine_is_told_by_its_address(server: str, here: bool) -> None:
    assert is_on_this_machine(server) == here
