"""lab_helpers._yaml: what kubectl reads is what was meant"""

from __future__ import annotations

import yaml
from hypothesis import given
from hypothesis import strategies as st

from lab_helpers import _yaml


@given(st.recursive(st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)))
def test_pyyaml_reads_what_was_written(data: object) -> None:
    assert yaml.safe_load(_yaml.dump(data)) == data


def test_documents_follow_one_another() -> None:
    assert list(yaml.safe_load_all(_yaml.dump_all([{"b": 1, "a": "2"}, ["x"]]))) == [
        {"b": 1, "a": "2"},
        ["x"],
    ]
    assert _yaml.dump({"b": 1, "a": "2"}).splitlines() == ["b: 1", "a: '2'"]
