"""lab_helpers._yaml: kubectl reads the texts that were written, and takes none for a number."""

from __future__ import annotations

import json

from lab_helpers import Lab, _yaml

AWKWARD = ["09", "1e5", "12e45", "0x1f", "0o17", "0b1", "1_000", ".5", "y", "N", "on", "null", "~",
           "1:30", "2026-11-28", "", "a: b", "# no", "ñ", "- a", "=", "<<", "+.inf"]  # fmt: skip


def test_kubectl_reads_texts_as_texts(lab: Lab) -> None:
    data = {f"key-{number}": text for number, text in enumerate(AWKWARD)}
    written = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x"}, "data": data}
    read = lab.kubectl("create", "--dry-run=client", "-f", "-", "-o", "json",
                       stdin=_yaml.dump(written))  # fmt: skip
    assert json.loads(read)["data"] == data
