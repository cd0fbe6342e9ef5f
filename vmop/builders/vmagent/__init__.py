"""VMAgent: one or many agents that take in samples and send them on to remote storages.

`agent` holds what the parts share: names, labels, and which parts there are. `surroundings` is what stands around the
pods, `remote_write` the flags and credentials of targets, `files` the ConfigMaps with relabeling and aggregation, `pod`
the pod, and `workload` what runs it: a Deployment, StatefulSet or DaemonSet, or one a shard. `manifests` puts the parts
together, `defaults` fills in what the spec leaves out.

The scrape config itself is not made here: it comes in as text.
"""

from vmop.builders.vmagent.agent import agent_name
from vmop.builders.vmagent.defaults import default_vmagent
from vmop.builders.vmagent.manifests import (
    SWEPT_AFTER,
    SWEPT_BEFORE,
    VMAgentInputs,
    VMAgentManifests,
    build_vmagent,
    referenced,
)

__all__ = [
    "SWEPT_AFTER",
    "SWEPT_BEFORE",
    "VMAgentInputs",
    "VMAgentManifests",
    "agent_name",
    "build_vmagent",
    "default_vmagent",
    "referenced",
]
