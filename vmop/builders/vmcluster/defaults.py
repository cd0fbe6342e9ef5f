"""What the operator fills into a VMCluster (02 §6.5, 03 §2.3)."""

import attrs

from vmop.api.v1beta1 import (
    LoadBalancerSpec,
    RequestsLoadBalancer,
    VMCluster,
    VMClusterSpec,
    VMInsert,
    VMSelect,
    VMStorage,
)
from vmop.builders.base import Platform
from vmop.builders.defaults import appended_pull_secrets, default_app, default_backup
from vmop.settings import Settings

STORAGE_DATA_PATH = "vmstorage-data"
CACHE_MOUNT_PATH = "/cache"


def default_vmcluster(cr: VMCluster, settings: Settings, platform: Platform) -> VMCluster:
    """The cluster with defaults in every part that it has."""
    spec = cr.spec
    return attrs.evolve(
        cr,
        spec=attrs.evolve(
            spec,
            cluster_domain_name=spec.cluster_domain_name or settings.clusterdomainname or None,
            vmstorage=spec.vmstorage and _storage(spec.vmstorage, spec, settings, platform),
            vmselect=spec.vmselect and _select(spec.vmselect, spec, settings, platform),
            vminsert=spec.vminsert and _insert(spec.vminsert, spec, settings, platform),
            requests_load_balancer=spec.requests_load_balancer
            and _balancer(spec.requests_load_balancer, spec, settings, platform),
        ),
    )


def _storage(part: VMStorage, spec: VMClusterSpec, settings: Settings, platform: Platform) -> VMStorage:
    part = default_app(
        part,
        settings.vmstorage,
        settings,
        platform,
        versions=(part.component_version, spec.cluster_version),
        license_=spec.license,
        strict=spec.use_strict_security,
        sleeps=False,
    )
    return attrs.evolve(
        part,
        storage_data_path=part.storage_data_path or STORAGE_DATA_PATH,
        vm_insert_port=part.vm_insert_port or settings.vmclusterdefault_vmstoragedefault_vminsertport,
        vm_select_port=part.vm_select_port or settings.vmclusterdefault_vmstoragedefault_vmselectport,
        image_pull_secrets=appended_pull_secrets(part.image_pull_secrets, spec.image_pull_secrets),
        vm_backup=part.vm_backup and default_backup(part.vm_backup, settings, part.use_default_resources),
    )


def _select(part: VMSelect, spec: VMClusterSpec, settings: Settings, platform: Platform) -> VMSelect:
    part = default_app(
        part,
        settings.vmselect,
        settings,
        platform,
        versions=(part.component_version, spec.cluster_version),
        license_=spec.license,
        strict=spec.use_strict_security,
    )
    return attrs.evolve(
        part,
        cache_mount_path=part.cache_mount_path or CACHE_MOUNT_PATH,
        image_pull_secrets=appended_pull_secrets(part.image_pull_secrets, spec.image_pull_secrets),
    )


def _insert(part: VMInsert, spec: VMClusterSpec, settings: Settings, platform: Platform) -> VMInsert:
    part = default_app(
        part,
        settings.vminsert,
        settings,
        platform,
        versions=(part.component_version, spec.cluster_version),
        license_=spec.license,
        strict=spec.use_strict_security,
    )
    return attrs.evolve(
        part, image_pull_secrets=appended_pull_secrets(part.image_pull_secrets, spec.image_pull_secrets)
    )


def _balancer(
    balancer: RequestsLoadBalancer, spec: VMClusterSpec, settings: Settings, platform: Platform
) -> RequestsLoadBalancer:
    """Nothing for a balancer that is off; `clusterVersion` is not for it, and its only Service is the default one."""
    if not balancer.enabled:
        return balancer
    part = balancer.spec or LoadBalancerSpec()
    part = default_app(
        part,
        settings.vmauth,
        settings,
        platform,
        versions=(part.component_version,),
        license_=spec.license,
        strict=spec.use_strict_security,
    )
    return attrs.evolve(
        balancer,
        spec=attrs.evolve(
            part,
            startup_probe={"httpGet": {}} if part.startup_probe is None else part.startup_probe,
            service_spec=part.service_spec and attrs.evolve(part.service_spec, use_as_default=True),
            image_pull_secrets=appended_pull_secrets(part.image_pull_secrets, spec.image_pull_secrets),
        ),
    )
