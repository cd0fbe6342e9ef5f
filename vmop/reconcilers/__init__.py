"""The reconcilers: they bring the cluster to what the builders say, one step at a time, and never sleep.

A reconcile reads caches only, hands everything a builder needs to it as arguments, applies what comes back, and
looks whether it is ready. Where it is not, it says when to look again: waiting is an event or a ``requeue_after``.

* :class:`~vmop.reconcilers.context.Context` is what every reconciler works with.
* :mod:`~vmop.reconcilers.controllers` is what a host adds to its manager: who is woken by which objects.
* :mod:`~vmop.reconcilers.lifecycle` is what all parent kinds do in the same order: parse, finalize, defaults, pause,
  status, events. A kind adds what it applies. How far a reconcile came is a :mod:`~vmop.reconcilers.progress`;
  :mod:`~vmop.reconcilers.steps` puts the words of statuses before its errors.
* :mod:`~vmop.reconcilers.references` reads what a builder needs of other objects.
* :mod:`~vmop.reconcilers.objects` applies and removes what has no readiness of its own, :mod:`~vmop.reconcilers.rights`
  takes back accounts and roles, :mod:`~vmop.reconcilers.volumes` lets claims grow.
* :mod:`~vmop.reconcilers.workloads` applies Deployments, StatefulSets and DaemonSets and says what they wait for;
  :mod:`~vmop.reconcilers.podupdate` decides which pods of a StatefulSet go next, :mod:`~vmop.reconcilers.ondelete` does
  it. :mod:`~vmop.reconcilers.recreation` says when one must be made again, :mod:`~vmop.reconcilers.reloads` whether
  :mod:`~vmop.reconcilers.pods` run on the newest config.
* :mod:`~vmop.reconcilers.hold` keeps a changed pod template back until its zone's turn comes.
* One module a kind: ``vmcluster``, ``vmsingle``, ``vmagent``, ``vmauth``; ``vmdistributed`` is a package of its own.
"""
