"""The same requests, the same answers: those that a real kube-apiserver gave."""

import pytest

from tests.conformance.scripts import Answers, Script, load_scripts
from tests.support.clusters import Cluster, Http

SCRIPTS = load_scripts()


@pytest.mark.parametrize("script", SCRIPTS, ids=str)
async def test_answers(script: Script, cluster: Cluster, http: Http, installed: None, record: bool) -> None:
    answers = await script.run(http)
    recorded = Answers(script.suite)
    if record and cluster.name == "real":
        recorded.record(script.name, answers)
        recorded.save()
    assert answers == recorded.of(script.name)
