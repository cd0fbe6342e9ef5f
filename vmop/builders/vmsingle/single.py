"""A defaulted VMSingle with the names, labels and conditions that its parts share (03 §4.3)."""

import attrs

from vmop.api.v1beta1 import VMSingle, VMSingleSpec
from vmop.builders.base import Platform
from vmop.builders.metadata import object_labels, prefixed_name, selector_labels
from vmop.builders.probes import ProbeTarget
from vmop.builders.references import References
from vmop.builders.relabeling import has_rules
from vmop.builders.services import Listener, listeners, port_number
from vmop.settings import Settings

DATA_PATH = "/victoria-metrics-data"


def single_name(name: str, *, legacy: bool | None = False) -> str:
    """The name of a single node's objects."""
    return prefixed_name("vmsingle", name, legacy=legacy)


@attrs.frozen(kw_only=True)
class Single:
    """What the builders of the parts know. `references` holds the contents of the ConfigMaps that the spec names."""

    cr: VMSingle
    settings: Settings
    platform: Platform
    references: References

    @property
    def spec(self) -> VMSingleSpec:
        return self.cr.spec

    @property
    def name(self) -> str:
        return single_name(self.cr.name, legacy=self.spec.use_legacy_naming)

    @property
    def selector(self) -> dict[str, str]:
        return selector_labels("vmsingle", self.cr.name)

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
    def listeners(self) -> list[Listener]:
        return listeners(self.spec.insert_ports, "spec")

    @property
    def data_path(self) -> str:
        return self.spec.storage_data_path or DATA_PATH

    @property
    def target(self) -> ProbeTarget:
        return ProbeTarget.of(self.port, self.spec.extra_args)

    # -- conditions ------------------------------------------------------------------------------------------------

    @property
    def scrapes(self) -> bool:
        return not self.spec.ingest_only_mode

    @property
    def relabels(self) -> bool:
        return bool(self.spec.inline_relabel_config) or self.spec.relabel_config is not None

    @property
    def aggregates(self) -> bool:
        return has_rules(self.spec.stream_aggr_config)

    @property
    def has_reloader(self) -> bool:
        return self.scrapes or self.relabels or self.aggregates
