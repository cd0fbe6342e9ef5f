"""What conformance tests share: custom resources that are served before a test begins."""

import asyncio

import pytest

from tests.conformance.scripts import Script
from tests.support.clusters import Http, Manifest


@pytest.fixture
def record(request: pytest.FixtureRequest) -> bool:
    """Whether the real cluster's answers are to be taken down."""
    return bool(request.config.getoption("record"))


async def install(http: Http, definition: Manifest) -> None:
    """Have the cluster serve a custom resource; one that it serves already is left as it is."""
    await http("POST", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", definition)
    spec = definition["spec"]
    namespaced = f"namespaces/{http.namespace}/" if spec["scope"] == "Namespaced" else ""
    async with asyncio.timeout(20):
        for version in spec["versions"]:
            path = f"/apis/{spec['group']}/{version['name']}/{namespaced}{spec['names']['plural']}"
            while (await http("GET", path)).status != 200:
                await asyncio.sleep(0.05)


@pytest.fixture
async def installed(script: Script, http: Http) -> None:
    """The custom resources of a script."""
    for definition in script.definitions:
        await install(http, definition)
