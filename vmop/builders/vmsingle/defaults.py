"""What the operator fills into a VMSingle (02 §6.5)."""

import attrs

from vmop.api.v1beta1 import VMSingle
from vmop.builders.base import Platform
from vmop.builders.defaults import default_app, default_backup, default_reloader
from vmop.settings import Settings


def default_vmsingle(cr: VMSingle, settings: Settings, platform: Platform) -> VMSingle:
    """The VMSingle with defaults. Unlike a VMAgent it only takes in samples unless it is told to scrape."""
    spec = default_app(
        cr.spec,
        settings.vmsingle,
        settings,
        platform,
        versions=(cr.spec.component_version,),
        license_=cr.spec.license,
    )
    use_resources = spec.use_default_resources
    spec = default_reloader(spec, settings, use_default_resources=use_resources)
    return attrs.evolve(
        cr,
        spec=attrs.evolve(
            spec,
            ingest_only_mode=True if spec.ingest_only_mode is None else spec.ingest_only_mode,
            vm_backup=spec.vm_backup and default_backup(spec.vm_backup, settings, use_resources),
        ),
    )
