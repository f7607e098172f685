"""`./lab down` of a cluster that is not ours takes away the course, and nothing else."""

from __future__ import annotations

import json
from collections.abc import Callable

import yaml

from lab_helpers._config import environment

from .own import OwnCluster

LISTED = "namespaces,deployments,daemonsets,services,customresourcedefinitions,clusterroles"
MINE = """
apiVersion: v1
kind: Namespace
metadata: {name: mine}
---
apiVersion: v1
kind: Namespace
metadata: {name: first-steps, labels: {lab.serverless/chapter: "01"}}
---
apiVersion: v1
kind: Namespace
metadata: {name: default, labels: {lab.serverless/chapter: "01"}}
"""


def objects(cluster: OwnCluster) -> set[str]:
    """What there is, and when it was made: what was made anew is something else."""
    listed = json.loads(cluster.command("kubectl", "get", LISTED, "--all-namespaces", "-o", "json"))
    return {
        "/".join((each["kind"], meta.get("namespace", ""), meta["name"], meta["uid"]))
        for each in listed["items"]
        for meta in [each["metadata"]]
    }


def test_the_whole_course_goes_and_nothing_else(
    new_cluster: Callable[[str], OwnCluster],
) -> None:
    cluster = new_cluster("away")
    cluster.command("up")
    lab = cluster.connect()
    lab.kubectl("create", "namespace", "mine")
    before = objects(cluster)
    lab.kubectl("apply", "--server-side", "--force-conflicts", "-f", "-", stdin=MINE)
    cluster.command("enable", "knative-serving", timeout=180)
    assert len(objects(cluster) - before) > 20
    (context,) = yaml.safe_load(lab.connection.kubeconfig.read_text())["contexts"]
    embedded = cluster.env
    cluster.env = environment(
        LAB_NAME="away", LAB_CLUSTER="kubeconfig", LAB_CONTEXT=context["name"],
        KUBECONFIG=str(lab.connection.kubeconfig),
        LAB_DOMAIN=f"localhost:{lab.connection.ingress_port}",
    )  # fmt: skip
    # An embedded cluster keeps its images without a registry; a visitor cannot know them.
    cluster.command("up")
    cluster.command("down", timeout=180)
    cluster.env = embedded
    assert objects(cluster) == before
