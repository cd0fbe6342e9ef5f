"""A cluster on a developer's machine: an API server in this process, and what makes it live.

`cluster` is all of it at once: `DevCluster` runs the server, `workloads` (controllers that make pods of Deployments and
their like) and `nodes` (which run them, without a container anywhere).

`server` is the way in: `ApiServer` speaks HTTP on loopback. A request is taken apart (`requests`, `negotiation`,
`bodies`, `protobuf`), the hooks of `faults` are asked, then a verb runs (`rest`; `subresources` for what is no part of
an object, of which `podproxy` passes requests on to pods) on what is stored (`storage`) under what is served
(`registry`). Schemas, defaults and field ownership are the business of `schema`, reached through `types`; rules of
single kinds are in `strategies`, webhooks in `admission`. `listing` and `watching` read, by `selectors`; `tables` (made
of `rows`), `discovery` and `openapi` present; what is refused is a `status`. `controllers` does what every cluster does
by itself: it collects garbage, empties namespaces and serves what CRDs define.

`controlplane` starts the real thing (etcd, kube-apiserver, kube-controller-manager), against which all of this is
measured.
"""

from vmop.devcluster.cluster import DevCluster
from vmop.devcluster.controlplane import ControlPlane
from vmop.devcluster.faults import Dropped, Faults
from vmop.devcluster.server import ApiServer
from vmop.devcluster.status import StatusError

__all__ = ["ApiServer", "ControlPlane", "DevCluster", "Dropped", "Faults", "StatusError"]
