"""All objects of a VMAuth (06 §7, §8)."""

from collections.abc import Iterator, Mapping, Sequence

import attrs

from vmop.api.v1beta1 import VMAuth
from vmop.builders.base import BuildError, Manifest, Platform
from vmop.builders.components import Component, Parts
from vmop.builders.configsecrets import generated_secret, gzipped
from vmop.builders.policies import check_vpa_enabled
from vmop.builders.references import Reference, References, tls_assets
from vmop.builders.vmauth.config import Config, ConfigBuilder
from vmop.builders.vmauth.defaults import CONFIG_FILE, default_vmauth
from vmop.builders.vmauth.pod import proxy_deployment
from vmop.builders.vmauth.proxy import Proxy, selects_users
from vmop.builders.vmauth.surroundings import (
    autoscalers,
    check_gateway_enabled,
    guards,
    identity,
    own_scrape,
    services,
    ways_in,
)
from vmop.builders.vmauth.targets import TargetKey, Targets
from vmop.settings import Settings

CONFIG_KEY = f"{CONFIG_FILE}.gz"
SWEPT_KINDS = (
    *("Service", "VMServiceScrape", "PodDisruptionBudget", "NetworkPolicy", "Ingress", "HTTPRoute"),
    *("HorizontalPodAutoscaler", "VerticalPodAutoscaler"),
)
"""Kinds whose objects of the VMAuth are removed when their name is not wanted any more."""


@attrs.frozen(kw_only=True)
class VMAuthInputs:
    """What a VMAuth is built from beside its spec.

    `targets` are the stored manifests of `target_objects(cr)`, as far as they exist; `references` the contents of what
    `referenced(cr)` names. `users` are the rendered entries of the VMUsers that it selects; None where nobody looked
    for them. `scrapes` says whether anything handles VMServiceScrape objects.
    """

    targets: Mapping[TargetKey, Manifest] = attrs.field(factory=dict)
    references: References = attrs.field(factory=References)
    users: Sequence[Manifest] | None = attrs.field(default=None, repr=False)
    scrapes: bool = True


@attrs.frozen(kw_only=True)
class VMAuthManifests(Parts):
    """What a VMAuth stands for.

    Written in this order: `surroundings` (service account and rights, Services, scrape object, Ingress, HTTPRoute,
    autoscalers), `config` (the config Secret; empty where the config comes from elsewhere), `proxy` (disruption budget,
    network policy, Deployment). A part with an `error` ends there, and no part after it may be written.
    """

    surroundings: Component
    config: Component
    proxy: Component

    @property
    def components(self) -> tuple[Component, ...]:
        return (self.surroundings, self.config, self.proxy)

    @property
    def wanted(self) -> Mapping[str, frozenset[str]]:
        """Names to keep by kind, for the removal of leftovers; only complete without an `error`."""
        return self.names(SWEPT_KINDS)


def build_vmauth(
    cr: VMAuth,
    settings: Settings,
    platform: Platform | None = None,
    inputs: VMAuthInputs | None = None,
) -> VMAuthManifests:
    """The manifests of a VMAuth, which need not be defaulted.

    Raises `BuildError` for what the settings do not allow; what else cannot be built is told by the `error` of its
    part.
    """
    platform, inputs = platform or Platform(), inputs or VMAuthInputs()
    cr = default_vmauth(cr, settings, platform)
    check_gateway_enabled(cr.spec.http_route, settings)
    check_vpa_enabled(cr.spec.vpa, settings)
    proxy = Proxy(cr=cr, settings=settings, platform=platform)
    return VMAuthManifests(
        surroundings=Component.collect("surroundings", _surroundings(proxy, inputs), settings),
        config=Component.collect("config", _config(proxy, inputs), settings),
        proxy=Component.collect("proxy", _proxy(proxy), settings),
    )


def render_config(cr: VMAuth, inputs: VMAuthInputs) -> Config:
    """The config of a defaulted VMAuth. Raises `BuildError`, or `MissingReference` for what is not there."""
    if selects_users(cr.spec) and inputs.users is None:
        message = "VMUsers are not supported yet: use spec.unauthorizedUserAccessSpec, and no selector of users"
        raise BuildError("spec.userSelector", message)
    named = {ref.name: ref for ref in cr.spec.default_target_refs or () if ref.name}
    targets = Targets(named, inputs.targets)
    return ConfigBuilder(cr=cr, targets=targets, references=inputs.references, users=inputs.users or ()).build()


def _surroundings(proxy: Proxy, inputs: VMAuthInputs) -> Iterator[Manifest]:
    yield from identity(proxy)
    try:
        all_services = services(proxy)
    except BuildError as error:
        raise BuildError(error.path, f"cannot create or update vmauth service: {error}") from None
    yield from all_services
    scrape = own_scrape(proxy, all_services[-1])
    if scrape is not None and inputs.scrapes:
        yield scrape
    yield from ways_in(proxy)
    yield from autoscalers(proxy)


def _config(proxy: Proxy, inputs: VMAuthInputs) -> Iterator[Manifest]:
    if proxy.is_managed:
        config = render_config(proxy.cr, inputs)
        data = {CONFIG_KEY: gzipped(config.text.encode()), **config.assets}
        yield generated_secret(proxy.cr, proxy.config_secret, proxy.labels, data)


def _proxy(proxy: Proxy) -> Iterator[Manifest]:
    yield from guards(proxy)
    yield proxy_deployment(proxy)


def referenced(cr: VMAuth) -> frozenset[Reference]:
    """The Secrets and ConfigMaps whose contents the config is made of."""
    spec = cr.spec
    access = spec.unauthorized_user_access_spec
    options = access if access is not None else spec if spec.unauthorized_access_config else None
    assets = tls_assets(options.tls_config if options else None, cr.namespace)
    return frozenset(asset.reference for asset in assets.values())
