"""vmop: a controller runtime for Python, and on it the VictoriaMetrics operator.

A walk through the house, in the order in which a newcomer meets its rooms:

* :mod:`vmop.kube` talks to the API server: resources, client, errors, server-side apply.
* :mod:`vmop.informers` keeps a compact copy of what matters in memory and tells handlers what changed.
* :mod:`vmop.workqueue` hands keys of changed objects to workers, each once, at a bearable rate.
* :mod:`vmop.runtime` ties them together: controllers, their manager, leader election, events, metrics.
* :mod:`vmop.api` describes the custom resources; :mod:`vmop.settings` the operator's environment and flags.
* :mod:`vmop.builders` turns a resource into the manifests that it stands for: pure functions.
* :mod:`vmop.reconcilers` brings the cluster to what the builders say, one step at a time, and never sleeps.
* :mod:`vmop.devcluster` is an API server in this process, for development and tests.
* :mod:`vmop.cli` is what a person types.

The first four know nothing of VictoriaMetrics: any controller can be written on them.
"""

from vmop._version import __version__

__all__ = ["__version__"]
