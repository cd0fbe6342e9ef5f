"""How children that kept their own spec are given back."""

import pytest

from tests.unit.builders.vmdistributed.resources import referenced
from vmop.api import Manifest
from vmop.builders.vmdistributed.ownership import ADDED_TO_AGENT
from vmop.builders.vmdistributed.referenced import Added, LiveChild, without_additions

OURS, THEIRS = {"url": "http://ours"}, {"url": "http://theirs"}


def agent(spec: Manifest, record: Added | None) -> LiveChild:
    annotations = {} if record is None else {ADDED_TO_AGENT: record.written()}
    return referenced("VMAgent", "a", spec, **annotations)[2]


@pytest.mark.parametrize(
    ("spec", "record", "part"),
    [
        pytest.param(
            {"remoteWrite": [THEIRS, OURS], "remoteWriteSettings": {"queues": 2, "useMultiTenantMode": True}},
            Added((OURS["url"],), multi_tenant=True),
            {"remoteWrite": [THEIRS], "remoteWriteSettings": {"queues": 2}},
            id="exactly what was added goes",
        ),
        pytest.param(
            {"remoteWrite": [THEIRS, OURS], "remoteWriteSettings": {"useMultiTenantMode": True}},
            Added(),
            {},
            id="nothing was added",
        ),
        pytest.param({"remoteWrite": [THEIRS]}, Added((OURS["url"],), multi_tenant=True), {}, id="its user removed it"),
        pytest.param({"remoteWrite": [OURS]}, None, {}, id="nobody recorded anything"),
    ],
)
def test_a_released_agent_writes_where_it_wrote_before(spec: Manifest, record: Added | None, part: Manifest) -> None:
    assert without_additions(agent(spec, record)) == part
