"""The same requests, the same answers: those that a real kube-apiserver gave."""

import pytest

from tests.conformance.scripts import Answers, Script, load_scripts
from tests.support.clusters import Cluster, Http

SCRIPTS = load_scripts()


@pytest.fixture(scope="session")
def recorded() -> dict[str, Answers]:
    """The answers by suite."""
    return {suite: Answers(suite) for suite in {script.suite for script in SCRIPTS}}


@pytest.mark.parametrize("script", SCRIPTS, ids=str)
async def test_answers(
    script: Script, cluster: Cluster, http: Http, installed: None, recorded: dict[str, Answers], record: bool
) -> None:
    answers = await script.run(http)
    right = recorded[script.suite]
    if record and cluster.name == "real":
        right.record(script.name, answers)
        right.save()
    assert answers == right.of(script.name)
