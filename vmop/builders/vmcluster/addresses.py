"""Where the parts of a VMCluster are reached by other resources (03 §3.17)."""

from typing import Literal

from vmop.api.v1beta1 import VMCluster
from vmop.builders.urls import app_url
from vmop.builders.vmcluster.cluster import part_name

Part = Literal["vminsert", "vmselect", "vmstorage"]
_FALLBACK_PORTS = {"vminsert": "8480", "vmselect": "8481", "vmstorage": "8482"}


def part_url(cr: VMCluster, part: Part, *, additional: bool = False) -> str:
    """`http://vminsert-metro.mon.svc:8480`; empty where the cluster has no such part.

    `cr` is read as it is stored, so a port that it does not name is the usual one, whatever the operator's settings.
    `additional` asks for the further Service of the part. A balancer changes nothing: it serves under the same name.
    """
    app = {"vminsert": cr.spec.vminsert, "vmselect": cr.spec.vmselect, "vmstorage": cr.spec.vmstorage}[part]
    if app is None:
        return ""
    return app_url(
        app,
        app.service_spec,
        name=part_name(cr, part),
        namespace=cr.namespace,
        fallback_port=_FALLBACK_PORTS[part],
        additional=additional,
    )
