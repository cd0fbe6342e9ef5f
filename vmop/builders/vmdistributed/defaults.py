"""Defaults of the VMDistributed itself, as its status records them (spec 02 §3)."""

import attrs

from vmop.api.v1alpha1 import VMDistributed, ZoneCommon
from vmop.builders.base import Platform
from vmop.settings import Settings

READY_TIMEOUT = "5m"
UPDATE_PAUSE = "1m"
BACKEND_TYPE = "VMCluster"
TRAFFIC_MODE = "read-write"


def default_vmdistributed(cr: VMDistributed, settings: Settings, platform: Platform) -> VMDistributed:
    """The resource with durations, backend type, traffic modes, and the operator's common labels and annotations."""
    spec = cr.spec
    common = spec.zone_common or ZoneCommon()
    zones = spec.zones and [attrs.evolve(zone, traffic_mode=zone.traffic_mode or TRAFFIC_MODE) for zone in spec.zones]
    metadata = dict(cr.metadata)
    for key, shared in (("labels", settings.common_labels), ("annotations", settings.common_annotations)):
        if shared:
            metadata[key] = {**shared, **(cr.metadata.get(key) or {})}
    return attrs.evolve(
        cr,
        metadata=metadata,
        spec=attrs.evolve(
            spec,
            backend_type=spec.backend_type or BACKEND_TYPE,
            zones=zones,
            zone_common=attrs.evolve(
                common,
                ready_timeout=common.ready_timeout or READY_TIMEOUT,
                update_pause=common.update_pause or UPDATE_PAUSE,
            ),
        ),
    )
