"""lab_helpers.cluster.embedded.node"""

from __future__ import annotations

import json

import pytest

from lab_helpers._files import write
from lab_helpers.cluster.embedded.node import Node, folder

NODE = Node("lab", 7, 8080, 32000, egress=True)


def test_a_recorded_node_comes_back_as_it_was() -> None:
    NODE.save()
    assert Node.load("lab") == NODE


def test_a_name_without_a_record_has_no_node() -> None:
    assert Node.load("other") is None


@pytest.mark.parametrize(
    "content",
    ["", "{", "[]", "null", "\0" * 80, "{}", '{"name": "lab"}', '{"name": "lab", "new": 1}'],
    ids=["empty", "cut", "list", "null", "zeros", "nothing in it", "too little", "unknown"],
)
def test_a_broken_record_is_no_record(content: str) -> None:
    write(folder("lab") / "node.json", content)
    assert Node.load("lab") is None


def test_a_record_from_before_egress_has_none() -> None:
    NODE.save()
    record = folder("lab") / "node.json"
    record.write_text(json.dumps({k: v for k, v in vars(NODE).items() if k != "egress"}))
    loaded = Node.load("lab")
    assert loaded is not None
    assert not loaded.egress


def test_a_node_keeps_its_way_out_unless_asked() -> None:
    assert NODE.with_egress(None) is NODE
    assert NODE.with_egress(True).egress
    assert not NODE.with_egress(False).egress


def test_two_networks_have_nothing_in_common() -> None:
    other = Node("other", 8, 8081, 32001)
    for name in ("address", "host_address", "link", "cgroup", "folder", "kubeconfig"):
        assert getattr(NODE, name) != getattr(other, name), name


def test_the_links_name_fits_the_kernels_15_letters() -> None:
    assert len(Node("x" * 10, 0, 0, 0).link) <= 15
