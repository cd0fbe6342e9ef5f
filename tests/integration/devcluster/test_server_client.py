"""Other clients on the dev cluster: ours, and kubernetes-asyncio."""

import asyncio
from contextlib import aclosing
from pathlib import Path

from vmop.devcluster.server import ApiServer
from vmop.kube import Client, MergePatch, ObjectKey, load_kubeconfig
from vmop.kube.resources import CONFIG_MAP


async def test_our_client_lists_pages_and_watches(server: ApiServer, tmp_path: Path) -> None:
    config = await load_kubeconfig(server.write_kubeconfig(tmp_path / "kubeconfig"))
    async with Client(config, qps=1000, burst=1000) as client:
        for index in range(5):
            await client.create(CONFIG_MAP, {"metadata": {"name": f"m{index}", "namespace": "default"}})
        listed = await client.list(CONFIG_MAP, "default", limit=2)
        key = ObjectKey("default", "m0")
        await client.patch(CONFIG_MAP, key, MergePatch({"data": {"k": "v"}}))
        await client.delete(CONFIG_MAP, key)
        seen = []
        events = client.watch(CONFIG_MAP, "default", resource_version=listed.resource_version)
        async with asyncio.timeout(5), aclosing(events):
            async for event in events:
                seen.append((event.type, event.object.metadata["name"]))
                if len(seen) == 2:
                    break
        version = await client.server_version()
        discovery = await client.discover()
    assert [item["metadata"]["name"] for item in listed.items] == ["m0", "m1", "m2", "m3", "m4"]
    assert seen == [("MODIFIED", "m0"), ("DELETED", "m0")]
    assert (version.major, version.minor) == (1, 36)
    assert discovery.resource("v1", "ConfigMap") == CONFIG_MAP


async def test_kubernetes_asyncio_works(server: ApiServer, tmp_path: Path) -> None:
    from kubernetes_asyncio import client, config, watch

    configuration = client.Configuration()
    path = str(server.write_kubeconfig(tmp_path / "kubeconfig"))
    await config.load_kube_config(path, client_configuration=configuration)
    async with client.ApiClient(configuration) as api:
        core = client.CoreV1Api(api)
        body = client.V1Secret(metadata=client.V1ObjectMeta(name="s"), string_data={"k": "v"})
        await core.create_namespaced_secret("default", body)
        secrets = await core.list_namespaced_secret("default")
        async with watch.Watch().stream(core.list_namespaced_secret, "default", timeout_seconds=1) as stream:
            seen = [(event["type"], event["object"].metadata.name) async for event in stream]
    assert [(one.metadata.name, one.data, one.type) for one in secrets.items] == [("s", {"k": "dg=="}, "Opaque")]
    assert seen == [("ADDED", "s")]
