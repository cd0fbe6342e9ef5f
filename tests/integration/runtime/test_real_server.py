"""What only a real server can show: leases and events as it accepts them."""

import asyncio
from datetime import UTC, datetime

import pytest
from prometheus_client import CollectorRegistry

from vmop.informers import InformerFactory
from vmop.kube import Client, Fenced, ObjectKey
from vmop.kube.resources import CONFIG_MAP, EVENT, LEASE
from vmop.runtime import Controller, EventRecorder, LeaderElectionConfig, Manager, ObjectReference, Result

pytestmark = pytest.mark.real


def now() -> datetime:
    return datetime.now(UTC)


def manifest(name: str) -> dict[str, object]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": "default"}}


async def test_two_managers_with_one_lease_never_work_at_the_same_time(client: Client) -> None:
    """The second works only once the first one's lease expired."""
    name = "two-managers"
    worked: list[str] = []

    async def lead(identity: str, leads: asyncio.Event, stop: asyncio.Event) -> None:
        async with Client(client.config) as own:
            factory = InformerFactory(own)

            async def reconcile(key: ObjectKey) -> Result:
                if key.name == "kube-root-ca.crt" and key.namespace == "default":
                    worked.append(identity)
                    leads.set()
                return Result()

            config = LeaderElectionConfig(
                "default", name, identity, lease_duration=2.0, renew_deadline=1.5, retry_period=0.3
            )
            manager = Manager(own, factory, registry=CollectorRegistry(), leader_election=config)
            manager.add(Controller(identity, reconcile).watch_for(factory.informer(CONFIG_MAP)))
            await manager.run(stop)
            with pytest.raises(Fenced):
                await own.create(CONFIG_MAP, manifest(f"fenced-{identity}"))

    first_leads, second_leads = asyncio.Event(), asyncio.Event()
    first_stop, second_stop = asyncio.Event(), asyncio.Event()
    async with asyncio.timeout(60.0), asyncio.TaskGroup() as group:
        group.create_task(lead("first", first_leads, first_stop))
        await first_leads.wait()
        group.create_task(lead("second", second_leads, second_stop))
        await asyncio.sleep(3.0)
        assert worked == ["first"]
        first_stop.set()
        await second_leads.wait()
        lease = await client.get(LEASE, ObjectKey("default", name))
        second_stop.set()
    spec = lease["spec"]
    assert (spec["holderIdentity"], spec["leaseDurationSeconds"], spec["leaseTransitions"]) == ("second", 2, 1)


async def test_an_event_is_accepted_and_found_by_its_object(client: Client) -> None:
    recorder = EventRecorder(client, now=now)
    about = ObjectReference("ConfigMap", "default", "eventful", "u-1", "7")
    async with asyncio.TaskGroup() as group:
        group.create_task(recorder.run())
        recorder.event(about, "Warning", "ReconciliationError", "broken")
        recorder.stop()
    found = await client.list(
        EVENT, "default", field_selector="involvedObject.name=eventful,reason=ReconciliationError"
    )
    assert [event["message"] for event in found.items] == ["broken"]
