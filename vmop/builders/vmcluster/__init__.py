"""VMCluster: vminsert, vmselect, vmstorage and the balancer before them.

`cluster` holds what the parts share: names, labels, addresses of storage nodes. Each part is a function that yields its
objects in the order in which they are written: `storage`, `select`, `insert`, `balancer`; `frontend` has the Services
that vmselect and vminsert have in common. `manifests` puts the parts together, `defaults` fills in what the spec leaves
out, and `addresses` tells others where a part is reached.
"""

from vmop.builders.vmcluster.addresses import part_url
from vmop.builders.vmcluster.cluster import part_name
from vmop.builders.vmcluster.defaults import default_vmcluster
from vmop.builders.vmcluster.manifests import SWEPT_KINDS, VMClusterManifests, build_vmcluster

__all__ = [
    "SWEPT_KINDS",
    "VMClusterManifests",
    "build_vmcluster",
    "default_vmcluster",
    "part_name",
    "part_url",
]
