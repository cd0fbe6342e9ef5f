"""VMSingle: one process that takes in, keeps and answers, with its data on a claim or in a passing directory.

`single` holds what the parts share: names, labels, and which parts there are. `surroundings` is what stands around the
pod, `storage` the claim of its data, `files` the ConfigMaps with relabeling and aggregation, and `pod` the pod with its
config-reloader and backups. `manifests` puts the parts together, `defaults` fills in what the spec leaves out.

The scrape config itself is not made here: it comes in as text.
"""

from vmop.builders.vmsingle.defaults import default_vmsingle
from vmop.builders.vmsingle.manifests import VMSingleInputs, VMSingleManifests, build_vmsingle, referenced
from vmop.builders.vmsingle.single import single_name

__all__ = [
    "VMSingleInputs",
    "VMSingleManifests",
    "build_vmsingle",
    "default_vmsingle",
    "referenced",
    "single_name",
]
