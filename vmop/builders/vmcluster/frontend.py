"""Services and scrape object of vmselect and vminsert, with and without the balancer before them (03 §3.10, §3.12)."""

from collections.abc import Iterator, Sequence
from typing import Literal

import attrs

from vmop.api.v1beta1 import LoadBalancerSpec, VMInsert, VMSelect
from vmop.builders.base import Manifest
from vmop.builders.scrapes import self_scrape
from vmop.builders.services import is_override, overridden, port_number, service, service_port, with_user_service
from vmop.builders.vmcluster.cluster import JOB_LABEL, PROXY_LABEL, Cluster

_PROXIED = {"vmselect": "select", "vminsert": "insert"}


def component_services(
    cluster: Cluster,
    name: Literal["vmselect", "vminsert"],
    part: VMSelect | VMInsert,
    ports: Sequence[Manifest],
    *,
    headless: bool = False,
) -> Iterator[Manifest]:
    """The additional Service, the main one, the proxy under the main one's name if balanced, and the scrape object."""
    public = cluster.name(name)
    balanced = cluster.balanced(name)
    labels = cluster.labels(name)
    main = service(
        cluster.cr,
        cluster.internal_name(name) if balanced else public,
        labels=labels | {JOB_LABEL: public} if balanced else labels,
        selector=cluster.selector(name),
        ports=ports,
        headless=headless or balanced,
        publish_not_ready=headless,
    )
    services = with_user_service(main, part.service_spec, app=name, name=public, path=f"spec.{name}")
    yield from services
    if balanced:
        yield _proxy(cluster, name, part, services[-1])
    if cluster.scrapes and not part.disable_self_service_scrape:
        yield self_scrape(
            services[-1], part.extra_args, part.service_scrape_spec, job_label=JOB_LABEL if balanced else None
        )


def _proxy(
    cluster: Cluster, name: Literal["vmselect", "vminsert"], part: VMSelect | VMInsert, internal: Manifest
) -> Manifest:
    """The Service that clients know, leading to the balancer.

    `serviceSpec.useAsDefault` goes to both Services, and to this one as it was completed for the internal one: its
    ports then lead to the ports of the component unless the user lists `http` (03 §6, P1).
    """
    balancer = cluster.spec.requests_load_balancer
    front = (balancer and balancer.spec) or LoadBalancerSpec()
    port = port_number(part.port, f"spec.{name}.port")
    target = port_number(front.port, "spec.requestsLoadBalancer.spec.port")
    proxy = service(
        cluster.cr,
        cluster.name(name),
        labels=cluster.labels(name) | {PROXY_LABEL: _PROXIED[name]},
        selector=cluster.selector("vmclusterlb"),
        ports=[service_port("http", port, target=target)],
    )
    if part.service_spec is None or not is_override(part.service_spec):
        return proxy
    return overridden(proxy, attrs.evolve(part.service_spec, spec=internal["spec"]))
