"""The tests of this folder say that nothing is left: here is that they would see it."""

from __future__ import annotations

from .machine import traces
from .own import OwnCluster

KINDS = {"cgroup", "folder", "interface", "mount", "namespace", "process", "route"}


def test_a_running_cluster_leaves_traces_of_every_kind(faults: OwnCluster) -> None:
    found = traces(faults.name, faults.namespaces())
    assert {trace.split()[0] for trace in found} == KINDS


def test_another_cluster_leaves_no_trace_under_this_name(faults: OwnCluster) -> None:
    assert traces(faults.name[:-1], faults.namespaces()) == []
