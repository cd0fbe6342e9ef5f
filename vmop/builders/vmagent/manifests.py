"""All objects of a VMAgent (04 §10, §11)."""

from collections.abc import Iterator

import attrs

from vmop.api.v1beta1 import KeySelector, StreamAggregation, VMAgent
from vmop.builders.base import BuildError, Manifest, Platform
from vmop.builders.components import Component, Parts
from vmop.builders.configsecrets import generated_secret, gzipped
from vmop.builders.policies import check_vpa_enabled
from vmop.builders.references import Reference, References, config_map, either, secret, tls_assets
from vmop.builders.vmagent.agent import Agent
from vmop.builders.vmagent.defaults import default_vmagent
from vmop.builders.vmagent.files import aggregation_config_map, relabeling_config_map
from vmop.builders.vmagent.pod import CONFIG_FILE
from vmop.builders.vmagent.remote_write import certificates, credentials
from vmop.builders.vmagent.surroundings import identity, own_scrape, scaling_and_policy, services
from vmop.builders.vmagent.workload import shard_name, shard_objects
from vmop.settings import Settings

SWEPT_BEFORE = (
    *("Service", "VMServiceScrape", "VMPodScrape", "DaemonSet"),
    *("HorizontalPodAutoscaler", "VerticalPodAutoscaler", "NetworkPolicy"),
)
SWEPT_AFTER = ("PodDisruptionBudget", "Deployment", "StatefulSet")
"""Kinds whose objects of the agent are removed when their name is not wanted any more: before the others are applied,
and when the wanted workloads are ready."""


@attrs.frozen(kw_only=True)
class VMAgentInputs:
    """What a VMAgent is built from beside its spec.

    `references` are the contents of what `referenced(cr)` names. `scrape_config` is the text of the scrape config,
    which an agent needs unless it only takes in samples. `scrapes` and `pod_scrapes` say whether anything handles
    VMServiceScrape and VMPodScrape objects.
    """

    references: References = attrs.field(factory=References)
    scrape_config: str | None = attrs.field(default=None, repr=False)
    scrapes: bool = True
    pod_scrapes: bool = True


@attrs.frozen(kw_only=True)
class VMAgentManifests(Parts):
    """What a VMAgent stands for.

    Written in this order: `surroundings` (service account, rights, Services, scrape object, autoscalers, network
    policy), `files` (Secrets and ConfigMaps that pods mount), then `shards`, each its disruption budget and workload.
    Shards are independent of each other. What has an `error` ends there, and nothing after it may be written.
    """

    surroundings: Component
    files: Component
    shards: tuple[Component, ...]

    @property
    def components(self) -> tuple[Component, ...]:
        return (self.surroundings, self.files, *self.shards)


def build_vmagent(
    cr: VMAgent,
    settings: Settings,
    platform: Platform | None = None,
    inputs: VMAgentInputs | None = None,
) -> VMAgentManifests:
    """The manifests of an agent, which need not be defaulted.

    Raises `BuildError` for a `vpa` that the settings do not allow, and for a scraping agent without a scrape config;
    what else cannot be built is told by the `error` of its part.
    """
    platform, inputs = platform or Platform(), inputs or VMAgentInputs()
    cr = default_vmagent(cr, settings, platform)
    _check(cr, settings, inputs)
    agent = Agent(cr=cr, settings=settings, platform=platform, references=inputs.references)
    shards: list[int | None] = list(range(agent.shards)) if agent.shards else [None]
    return VMAgentManifests(
        surroundings=Component.collect("surroundings", _surroundings(agent, inputs), settings),
        files=Component.collect("files", _files(agent, inputs), settings),
        shards=tuple(Component.collect(shard_name(agent, shard), _shard(agent, shard), settings) for shard in shards),
    )


def _surroundings(agent: Agent, inputs: VMAgentInputs) -> Iterator[Manifest]:
    yield from identity(agent)
    all_services = services(agent)
    yield from all_services
    handled = inputs.pod_scrapes if agent.mode == "DaemonSet" else inputs.scrapes
    if handled and not agent.spec.disable_self_service_scrape:
        yield own_scrape(agent, all_services[-1])
    yield from scaling_and_policy(agent)


def _files(agent: Agent, inputs: VMAgentInputs) -> Iterator[Manifest]:
    """Config and TLS Secrets, which hold copies of what remote write refers to; then the ConfigMaps."""
    if agent.needs_config:
        try:
            data = {f"{CONFIG_FILE}.gz": gzipped((inputs.scrape_config or "").encode()), **credentials(agent)}
            assets = certificates(agent)
        except BuildError as error:
            prefix = "cannot load remote write assets for ingest-only mode" if not agent.scrapes else ""
            prefix = prefix or "failed to build remote write args"
            raise type(error)(error.path, f"{prefix}: {error}") from None
        yield generated_secret(agent.cr, agent.name, agent.labels, data)
        yield generated_secret(agent.cr, f"tls-assets-{agent.name}", agent.labels, assets)
    for config in (relabeling_config_map(agent), aggregation_config_map(agent)):
        if config is not None:
            yield config


def _shard(agent: Agent, shard: int | None) -> Iterator[Manifest]:
    try:
        yield from shard_objects(agent, shard)
    except BuildError as error:
        if error.message.startswith("cannot reconcile"):
            raise
        raise type(error)(error.path, f"cannot build new deploy for vmagent: {error}") from None


def _check(cr: VMAgent, settings: Settings, inputs: VMAgentInputs) -> None:
    """What is wrong before anything is built."""
    spec = cr.spec
    if not spec.ingest_only_mode and inputs.scrape_config is None:
        message = (
            "scraping is not supported yet: set spec.ingestOnlyMode to true for an agent that only takes in samples"
        )
        raise BuildError("spec.ingestOnlyMode", message)
    check_vpa_enabled(spec.vpa, settings)


def referenced(cr: VMAgent) -> frozenset[Reference]:
    """The Secrets and ConfigMaps whose contents the agent's objects are made of."""
    return frozenset(reference for reference in _referenced(cr) if reference.name)


def _referenced(cr: VMAgent) -> Iterator[Reference]:
    spec, namespace = cr.spec, cr.namespace
    yield from _maps(namespace, spec.relabel_config, spec.stream_aggr_config)
    for target in spec.remote_write or ():
        basic, oauth2 = target.basic_auth, target.oauth2
        selectors: tuple[KeySelector | None, ...] = (
            basic.username if basic else None,
            basic.password if basic else None,
            target.bearer_token_secret,
            oauth2.client_secret if oauth2 else None,
        )
        yield from (secret(namespace, selector) for selector in selectors if selector is not None)
        found = either(oauth2.client_id, namespace) if oauth2 else None
        if found is not None:
            yield found[0]
        yield from (asset.reference for asset in tls_assets(target.tls_config, namespace).values())
        yield from _maps(namespace, target.url_relabel_config, target.stream_aggr_config)


def _maps(namespace: str, relabeling: KeySelector | None, aggregation: StreamAggregation | None) -> Iterator[Reference]:
    for selector in (relabeling, aggregation.configmap if aggregation else None):
        if selector is not None:
            yield config_map(namespace, selector)
