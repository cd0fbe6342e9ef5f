"""What the operator fills into a VMAuth (02 §6.5, 06 §2)."""

import attrs

from vmop.api.v1beta1 import ExternalConfig, KeySelector, VMAuth
from vmop.builders.base import Platform
from vmop.builders.defaults import default_app, default_reloader
from vmop.settings import Settings

CONFIG_FILE = "config.yaml"


def default_vmauth(cr: VMAuth, settings: Settings, platform: Platform) -> VMAuth:
    """The VMAuth with defaults. The deprecated `configSecret` becomes the `externalConfig` that it stands for."""
    spec = default_app(
        cr.spec,
        settings.vmauth,
        settings,
        platform,
        versions=(cr.spec.component_version,),
        license_=cr.spec.license,
    )
    spec = default_reloader(spec, settings, use_default_resources=spec.use_default_resources)
    if spec.config_secret:
        external = attrs.evolve(
            spec.external_config or ExternalConfig(), secret_ref=KeySelector(name=spec.config_secret, key=CONFIG_FILE)
        )
        spec = attrs.evolve(spec, external_config=external, config_secret=None)
    return attrs.evolve(cr, spec=spec)
