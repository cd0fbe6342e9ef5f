"""Simulated nodes: pods that start, answer and stop without a container anywhere.

* :class:`NodeSimulator` and :func:`simulate_nodes` (:mod:`.simulator`): for the dev cluster, or any API server.
* :class:`Knobs` and :class:`Behaviour` (:mod:`.behaviour`): what pods and claims do, and how fast; by a function, by
  annotations of the pod (``simulator.vmop/ready-after: 2s``, ``simulator.vmop/behaviour: never``), or by default.
* :mod:`.kubelet` binds, starts and stops pods; their :mod:`.status` is computed; :mod:`.claims` are bound and grow.
* :class:`Network` (:mod:`.sockets`): an address for each pod, where its containers' ports answer.
* :mod:`.apps`: what they answer. A vmagent has queues (:mod:`.vmagent`), a config-reloader follows its Secret
  (:mod:`.reloader`).
"""

from vmop.devcluster.nodes.behaviour import BEHAVIOUR, READY_AFTER, RELOAD_AFTER, STOP_AFTER, Behaviour, Knobs
from vmop.devcluster.nodes.simulator import NodeSimulator, simulate_nodes
from vmop.devcluster.nodes.sockets import Network

__all__ = [
    "BEHAVIOUR",
    "READY_AFTER",
    "RELOAD_AFTER",
    "STOP_AFTER",
    "Behaviour",
    "Knobs",
    "Network",
    "NodeSimulator",
    "simulate_nodes",
]
