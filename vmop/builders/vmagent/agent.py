"""A defaulted VMAgent with the names, labels and conditions that its parts share (04 §1, §12, §14)."""

from typing import Literal

import attrs

from vmop.api.v1beta1 import VMAgent, VMAgentSpec
from vmop.builders.base import Platform
from vmop.builders.metadata import object_labels, prefixed_name, selector_labels
from vmop.builders.probes import ProbeTarget
from vmop.builders.references import References
from vmop.builders.relabeling import has_rules
from vmop.builders.services import Listener, listeners, port_number
from vmop.settings import Settings

Mode = Literal["Deployment", "StatefulSet", "DaemonSet"]
SHARD_LABEL = "shard-num"
CREDENTIALS_DIR = "/etc/vmagent/config"
TLS_DIR = "/etc/vmagent-tls/certs"


def agent_name(name: str, *, legacy: bool | None = False) -> str:
    """The name of an agent's objects."""
    return prefixed_name("vmagent", name, legacy=legacy)


@attrs.frozen(kw_only=True)
class Agent:
    """What the builders of the parts know.

    `references` holds the contents of the Secrets and ConfigMaps that the spec names.
    """

    cr: VMAgent
    settings: Settings
    platform: Platform
    references: References

    @property
    def spec(self) -> VMAgentSpec:
        return self.cr.spec

    @property
    def namespace(self) -> str:
        return self.cr.namespace

    @property
    def name(self) -> str:
        return agent_name(self.cr.name, legacy=self.spec.use_legacy_naming)

    @property
    def selector(self) -> dict[str, str]:
        return selector_labels("vmagent", self.cr.name)

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

    # -- conditions ------------------------------------------------------------------------------------------------

    @property
    def mode(self) -> Mode:
        if self.spec.daemon_set_mode:
            return "DaemonSet"
        return "StatefulSet" if self.spec.stateful_mode else "Deployment"

    @property
    def shards(self) -> int:
        """How many workloads split the targets; 0 where there is one that is not a shard."""
        return 0 if self.mode == "DaemonSet" else max(0, self.spec.shard_count or 0)

    @property
    def scrapes(self) -> bool:
        return not self.spec.ingest_only_mode

    @property
    def has_credentials(self) -> bool:
        """Some target of remote write needs a Secret as a file. ConfigMaps, names and client ids do not count."""
        for target in self.spec.remote_write or ():
            basic, oauth2, tls = target.basic_auth, target.oauth2, target.tls_config
            if basic is not None and basic.password is not None and basic.password.name:
                return True
            if target.bearer_token_secret is not None and target.bearer_token_secret.name:
                return True
            if oauth2 is not None and oauth2.client_secret is not None:
                return True
            if tls is not None and ((tls.ca and tls.ca.secret) or (tls.cert and tls.cert.secret) or tls.key_secret):
                return True
        return False

    @property
    def needs_config(self) -> bool:
        """The config Secret exists and the config-reloader watches it."""
        return self.scrapes or self.has_credentials

    @property
    def has_relabeling(self) -> bool:
        return self.relabels or any(map(self.relabels_target, range(len(self.spec.remote_write or ()))))

    @property
    def relabels(self) -> bool:
        """All samples are relabeled, whatever their target."""
        return bool(self.spec.inline_relabel_config) or self.spec.relabel_config is not None

    def relabels_target(self, index: int) -> bool:
        target = (self.spec.remote_write or [])[index]
        return bool(target.inline_url_relabel_config) or target.url_relabel_config is not None

    @property
    def has_aggregation(self) -> bool:
        configs = [self.spec.stream_aggr_config, *(each.stream_aggr_config for each in self.spec.remote_write or ())]
        return any(map(has_rules, configs))

    @property
    def has_reloader(self) -> bool:
        return self.needs_config or self.has_relabeling or self.has_aggregation

    @property
    def target(self) -> ProbeTarget:
        return ProbeTarget.of(self.port, self.spec.extra_args)
