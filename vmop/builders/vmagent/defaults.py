"""What the operator fills into a VMAgent (02 §6.5)."""

import attrs

from vmop.api.v1beta1 import VMAgent
from vmop.builders.base import Platform
from vmop.builders.defaults import default_app, default_reloader
from vmop.settings import Settings


def default_vmagent(cr: VMAgent, settings: Settings, platform: Platform) -> VMAgent:
    """The VMAgent with defaults."""
    spec = default_app(
        cr.spec,
        settings.vmagent,
        settings,
        platform,
        versions=(cr.spec.component_version,),
        license_=cr.spec.license,
    )
    spec = default_reloader(spec, settings, use_default_resources=spec.use_default_resources)
    return attrs.evolve(
        cr,
        spec=attrs.evolve(spec, ingest_only_mode=bool(spec.ingest_only_mode), shard_count=spec.shard_count or 0),
    )
