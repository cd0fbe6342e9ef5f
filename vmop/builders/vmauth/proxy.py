"""A defaulted VMAuth with the names, labels and conditions that its parts share (06 §1, §2, §9.3)."""

import attrs

from vmop.api.v1beta1 import VMAuth, VMAuthSpec
from vmop.builders.args import uses_proxy_protocol
from vmop.builders.base import Platform
from vmop.builders.metadata import object_labels, prefixed_name, selector_labels
from vmop.builders.probes import ProbeTarget
from vmop.builders.services import port_number
from vmop.settings import Settings

CONFIG_DIR = "/opt/vmauth"


def proxy_name(name: str, *, legacy: bool | None = False) -> str:
    """The name of a VMAuth's objects but its config Secret."""
    return prefixed_name("vmauth", name, legacy=legacy)


def config_secret_name(name: str) -> str:
    """The name of the config Secret, which legacy naming does not change."""
    return f"vmauth-config-{name}"


def config_is_external(spec: VMAuthSpec) -> bool:
    """The config comes from elsewhere: no config Secret, no config-reloader, no VMUsers. `spec` is defaulted."""
    external = spec.external_config
    return external is not None and (external.secret_ref is not None or bool(external.local_path))


def selects_users(spec: VMAuthSpec) -> bool:
    """VMUsers are asked for."""
    selectors = (spec.user_selector, spec.user_namespace_selector)
    return not config_is_external(spec) and (bool(spec.select_all_by_default) or any(s is not None for s in selectors))


@attrs.frozen(kw_only=True)
class Proxy:
    """What the builders of the parts know."""

    cr: VMAuth
    settings: Settings
    platform: Platform

    @property
    def spec(self) -> VMAuthSpec:
        return self.cr.spec

    @property
    def name(self) -> str:
        return proxy_name(self.cr.name, legacy=self.spec.use_legacy_naming)

    @property
    def config_secret(self) -> str:
        return config_secret_name(self.cr.name)

    @property
    def selector(self) -> dict[str, str]:
        return selector_labels("vmauth", self.cr.name)

    @property
    def labels(self) -> dict[str, str]:
        return object_labels(self.cr, self.selector)

    @property
    def service_account(self) -> str:
        return self.spec.service_account_name or self.name

    @property
    def port(self) -> int:
        return port_number(self.spec.port, "spec.port")

    @property
    def internal_port(self) -> int | None:
        port = self.spec.internal_listen_port
        return port_number(port, "spec.internalListenPort") if port else None

    @property
    def is_managed(self) -> bool:
        """The operator writes the config."""
        return not config_is_external(self.spec)

    @property
    def proxy_protocol(self) -> bool:
        """The listener that probes and reloads go to expects the proxy protocol."""
        expects = bool(self.spec.use_proxy_protocol) or uses_proxy_protocol(self.spec.extra_args)
        return expects and not self.spec.internal_listen_port

    @property
    def target(self) -> ProbeTarget:
        target = ProbeTarget.of(self.internal_port or self.port, self.spec.extra_args)
        return attrs.evolve(target, proxy_protocol=self.proxy_protocol)
