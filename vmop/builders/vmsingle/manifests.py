"""All objects of a VMSingle (03 §4.3, §4.10)."""

from collections.abc import Iterator, Mapping

import attrs

from vmop.api.v1beta1 import VMSingle
from vmop.builders.base import BuildError, Manifest, Platform
from vmop.builders.components import Component
from vmop.builders.configsecrets import generated_secret, gzipped
from vmop.builders.references import Reference, References, config_map
from vmop.builders.services import additional_service_name, is_override
from vmop.builders.vmsingle.defaults import default_vmsingle
from vmop.builders.vmsingle.files import aggregation_name, config_maps, relabeling_name
from vmop.builders.vmsingle.pod import CONFIG_FILE, tls_assets_name, workload
from vmop.builders.vmsingle.single import Single
from vmop.builders.vmsingle.storage import claim, has_claim
from vmop.builders.vmsingle.surroundings import identity, surroundings
from vmop.settings import Settings


@attrs.frozen(kw_only=True)
class VMSingleInputs:
    """What a VMSingle is built from beside its spec.

    `references` are the contents of what `referenced(cr)` names. `scrape_config` is the text of the scrape config,
    which a node needs unless it only takes in samples. `scraped` says whether anything handles VMServiceScrape objects.
    """

    references: References = attrs.field(factory=References)
    scrape_config: str | None = attrs.field(default=None, repr=False)
    scraped: bool = True


@attrs.frozen(kw_only=True)
class VMSingleManifests:
    """What a VMSingle stands for.

    Written in this order: `identity` (service account, rights), `storage` (the claim, which is waited for),
    `surroundings` (Services, scrape object, autoscaler, network policy), `files` (Secrets and ConfigMaps that the pod
    mounts), `workload`. What has an `error` ends there, and nothing after it may be written. `wanted` are the names to
    keep by kind, for the removal of leftovers; it is complete whatever could not be built.
    """

    identity: Component
    storage: Component
    surroundings: Component
    files: Component
    workload: Component
    wanted: Mapping[str, frozenset[str]]

    @property
    def components(self) -> tuple[Component, ...]:
        return (self.identity, self.storage, self.surroundings, self.files, self.workload)

    @property
    def error(self) -> BuildError | None:
        """The first thing that cannot be built."""
        return next((part.error for part in self.components if part.error is not None), None)

    def all(self) -> list[Manifest]:
        """Every object in writing order. Raises `BuildError` if one could not be built."""
        if self.error is not None:
            raise self.error
        return [manifest for part in self.components for manifest in part.objects]


def build_vmsingle(
    cr: VMSingle,
    settings: Settings,
    platform: Platform | None = None,
    inputs: VMSingleInputs | None = None,
) -> VMSingleManifests:
    """The manifests of a single node, which need not be defaulted. What cannot be built is told by its part's error."""
    platform, inputs = platform or Platform(), inputs or VMSingleInputs()
    cr = default_vmsingle(cr, settings, platform)
    single = Single(cr=cr, settings=settings, platform=platform, references=inputs.references)
    return VMSingleManifests(
        identity=Component.collect("identity", identity(single), settings),
        storage=Component.collect("storage", _storage(single), settings),
        surroundings=Component.collect("surroundings", surroundings(single, scraped=inputs.scraped), settings),
        files=Component.collect("files", _files(single, inputs), settings),
        workload=Component.collect("workload", _workload(single), settings),
        wanted=_wanted(single, inputs),
    )


def _storage(single: Single) -> Iterator[Manifest]:
    if has_claim(single):
        yield claim(single)


def _files(single: Single, inputs: VMSingleInputs) -> Iterator[Manifest]:
    if single.scrapes:
        if inputs.scrape_config is None:
            what = "generating config for vmsingle failed: scraping is not supported yet"
            how = "leave spec.ingestOnlyMode out, or set it to true, for a VMSingle that only takes in samples"
            raise BuildError("spec.ingestOnlyMode", f"{what}: {how}")
        data = {f"{CONFIG_FILE}.gz": gzipped(inputs.scrape_config.encode())}
        yield generated_secret(single.cr, single.name, single.labels, data)
        yield generated_secret(single.cr, tls_assets_name(single), single.labels, {})
    yield from config_maps(single)


def _workload(single: Single) -> Iterator[Manifest]:
    try:
        yield workload(single)
    except BuildError as error:
        # the Go operator says "new deploy" once, and then this for good (03 §4.4)
        raise BuildError(error.path, f"cannot generate prev deploy spec: {error}") from None


def _wanted(single: Single, inputs: VMSingleInputs) -> dict[str, frozenset[str]]:
    spec, name = single.spec, single.name
    services = {name}
    if spec.service_spec is not None and not is_override(spec.service_spec):
        services.add(additional_service_name(spec.service_spec, name))
    is_scraped = inputs.scraped and not spec.disable_self_service_scrape
    files = {relabeling_name(single): single.relabels, aggregation_name(single): single.aggregates}
    return {
        "Service": frozenset(services),
        "VMServiceScrape": frozenset({name} if is_scraped else ()),
        "ConfigMap": frozenset(file for file, used in files.items() if used),
        "VerticalPodAutoscaler": frozenset({name} if spec.vpa is not None else ()),
        "NetworkPolicy": frozenset({name} if spec.network_policy is not None else ()),
    }


def referenced(cr: VMSingle) -> frozenset[Reference]:
    """The ConfigMaps whose contents the node's objects are made of."""
    aggregation = cr.spec.stream_aggr_config
    selectors = (cr.spec.relabel_config, aggregation.configmap if aggregation else None)
    return frozenset(config_map(cr.namespace, selector) for selector in selectors if selector and selector.name)
