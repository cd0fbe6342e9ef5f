"""VMCluster (03-vmcluster-vmsingle.md 3.20, in its order)."""

import re
from collections.abc import Iterator

from vmop.api.problems import Problem
from vmop.api.v1beta1 import StorageNodeDiscovery, VMCluster, VMClusterSpec, VMStorage
from vmop.api.validation.enterprise import backup, downsampling, retention_filters
from vmop.api.validation.shared import (
    ENTERPRISE,
    autoscaler,
    headless_service,
    license_fields,
    license_given,
    pre_stop,
    service_name,
    update_behavior,
    vertical,
)


def check_vmcluster(cr: VMCluster) -> Iterator[Problem]:
    """Problems of a VMCluster, in the order in which the Go operator looks for them."""
    yield from _select(cr)
    yield from _insert(cr)
    yield from downsampling("spec.downsampling", cr.spec.downsampling, cr.spec.license)
    if cr.spec.vmstorage:
        yield from _storage(cr, cr.spec.vmstorage)
    yield from _balancer(cr)
    yield from _discovery(cr.spec)


def _named(cr: VMCluster, component: str) -> str:
    return f"{cr.name}-{component}" if cr.spec.use_legacy_naming else f"{component}-{cr.name}"


def _select(cr: VMCluster) -> Iterator[Problem]:
    select, path = cr.spec.vmselect, "spec.vmselect"
    if select is None:
        return
    yield from service_name(f"{path}.serviceSpec", select.service_spec, _named(cr, "vmselect"), "")
    yield from headless_service(f"{path}.serviceSpec", select.service_spec)
    yield from autoscaler(f"{path}.hpa", select.hpa)
    yield from vertical(f"{path}.vpa", select.vpa)
    behavior = select.rolling_update_strategy_behavior
    yield from update_behavior(f"{path}.rollingUpdateStrategyBehavior", behavior, "vmselect: ")
    yield from pre_stop(path, select, "vmselect: ")
    yield from _storage_nodes(cr)


def _storage_nodes(cr: VMCluster) -> Iterator[Problem]:
    select = cr.spec.vmselect
    if select is None:
        return
    addresses = _static_nodes(cr, cr.spec.vmstorage) if cr.spec.vmstorage and not _select_discovers(cr.spec) else []
    found = [("spec.vmselect", address) for address in addresses]
    given = (select.extra_args or {}).get("storageNode", "")
    found += [("spec.vmselect.extraArgs.storageNode", part.strip()) for part in given.split(",") if part.strip()]
    for index, node in enumerate(select.extra_storage_nodes or ()):
        where = f"spec.vmselect.extraStorageNodes[{index}].addr"
        if not node.addr:
            yield Problem(where, "extraStorageNodes[].addr cannot be empty")
        else:
            found.append((where, node.addr))
    seen: set[str] = set()
    for where, address in found:
        if address in seen:
            yield Problem(
                where,
                f"encountered storageNode={address} multiple times, please make all storage node addresses are unique",
            )
        seen.add(address)


def _static_nodes(cr: VMCluster, storage: VMStorage) -> list[str]:
    count = storage.replica_count
    if count is None:
        count = (storage.hpa.min_replicas or 1) if storage.hpa else 0
    name, domain = _named(cr, "vmstorage"), cr.spec.cluster_domain_name
    host = f"{name}.{cr.namespace}.svc.{domain}" if domain else f"{name}.{cr.namespace}"
    skipped = set(storage.maintenance_select_node_ids or ())
    port = storage.vm_select_port or "8401"
    return [f"{name}-{ordinal}.{host}:{port}" for ordinal in range(count) if ordinal not in skipped]


def _insert(cr: VMCluster) -> Iterator[Problem]:
    insert, path = cr.spec.vminsert, "spec.vminsert"
    if insert is None:
        return
    # The Go operator compares with vmselect's name here and for vmstorage (P4); the message is part of the contract.
    yield from service_name(f"{path}.serviceSpec", insert.service_spec, _named(cr, "vmselect"), "")
    yield from autoscaler(f"{path}.hpa", insert.hpa)
    yield from vertical(f"{path}.vpa", insert.vpa)
    yield from pre_stop(path, insert, "vminsert: ")


def _storage(cr: VMCluster, storage: VMStorage) -> Iterator[Problem]:
    path = "spec.vmstorage"
    yield from service_name(f"{path}.serviceSpec", storage.service_spec, _named(cr, "vmselect"), "")
    yield from headless_service(f"{path}.serviceSpec", storage.service_spec)
    yield from backup(f"{path}.vmBackup", storage.vm_backup, cr.spec.license)
    filters = storage.retention_filters
    yield from retention_filters(f"{path}.retentionFilters", filters, cr.spec.retention_period, cr.spec.license)
    behavior = storage.rolling_update_strategy_behavior
    yield from update_behavior(f"{path}.rollingUpdateStrategyBehavior", behavior, "vmstorage: ")
    if storage.hpa and (storage.hpa.behaviour or {}).get("scaleDown"):
        yield Problem(f"{path}.hpa.behaviour.scaleDown", "vmstorage scaledown HPA behavior is not supported")
    yield from vertical(f"{path}.vpa", storage.vpa)
    yield from pre_stop(path, storage, "vmstorage: ")


def _balancer(cr: VMCluster) -> Iterator[Problem]:
    balancer = cr.spec.requests_load_balancer
    if balancer is None or not balancer.enabled or balancer.spec is None:
        return
    path = "spec.requestsLoadBalancer.spec"
    yield from service_name(f"{path}.serviceSpec", balancer.spec.service_spec, _named(cr, "vmclusterlb"), "")
    yield from pre_stop(path, balancer.spec, "requestsLoadBalancer: ")


def _select_discovers(spec: VMClusterSpec) -> bool:
    own = spec.vmselect.discovery if spec.vmselect else None
    effective = own or spec.discovery
    return bool(effective and effective.enabled)


def _discovery(spec: VMClusterSpec) -> Iterator[Problem]:
    found: list[tuple[str, str, StorageNodeDiscovery, str]] = []
    for component, maintenance in (("vminsert", "maintenanceInsertNodeIDs"), ("vmselect", "maintenanceSelectNodeIDs")):
        part = spec.vminsert if component == "vminsert" else spec.vmselect
        if part is None:
            continue
        effective, path = (part.discovery, f"spec.{component}.discovery") if part.discovery else (spec.discovery, "")
        if effective and effective.enabled:
            found.append((component, path or "spec.discovery", effective, maintenance))
    if not found:
        return
    if not license_given(spec.license):
        yield Problem(found[0][1], f"discovery requires a valid license key, see {ENTERPRISE}")
    yield from license_fields("spec.license", spec.license)
    for component, path, effective, maintenance in found:
        ids = _maintenance(spec.vmstorage, component)
        if ids:
            message = f"{maintenance} cannot be used when {component} discovery is enabled"
            yield Problem(f"spec.vmstorage.{maintenance}", message)
        yield from _one_discovery(component, path, effective)


def _maintenance(storage: VMStorage | None, component: str) -> list[int]:
    if storage is None:
        return []
    ids = storage.maintenance_insert_node_ids if component == "vminsert" else storage.maintenance_select_node_ids
    return ids or []


def _one_discovery(component: str, path: str, discovery: StorageNodeDiscovery) -> Iterator[Problem]:
    if discovery.filter:
        try:
            re.compile(discovery.filter)
        except re.error as error:
            yield Problem(f"{path}.filter", f"{component}: discovery.filter is not a valid regexp: {error}")
    if discovery.interval and not re.fullmatch("[0-9]+(s|m|h)", discovery.interval):
        yield Problem(f"{path}.interval", f"{component}: discovery.interval={discovery.interval} is invalid")
