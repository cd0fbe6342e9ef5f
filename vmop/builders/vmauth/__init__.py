"""VMAuth: vmauth before other resources, and the config by which it routes.

`proxy` holds what the parts share: names, labels, ports. `surroundings` is what stands around the pods, `pod` the
Deployment. The config is made of `targets` (which objects a reference names, and their URLs) and `urls` (suffixes and
query arguments) by `config`, section by section; users are one more section, whose entries come in rendered.
`manifests` puts the parts together, `defaults` fills in what the spec leaves out.
"""

from vmop.builders.vmauth.config import Config, target_objects
from vmop.builders.vmauth.defaults import default_vmauth
from vmop.builders.vmauth.manifests import (
    CONFIG_KEY,
    SWEPT_KINDS,
    VMAuthInputs,
    VMAuthManifests,
    build_vmauth,
    referenced,
    render_config,
)
from vmop.builders.vmauth.proxy import config_is_external, config_secret_name, proxy_name
from vmop.builders.vmauth.targets import TargetKey

__all__ = [
    "CONFIG_KEY",
    "SWEPT_KINDS",
    "Config",
    "TargetKey",
    "VMAuthInputs",
    "VMAuthManifests",
    "build_vmauth",
    "config_is_external",
    "config_secret_name",
    "default_vmauth",
    "proxy_name",
    "referenced",
    "render_config",
    "target_objects",
]
