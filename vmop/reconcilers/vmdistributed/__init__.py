"""VMDistributed: every change rolled over the zones one at a time, each drained before it is touched (spec 02).

* :mod:`model`: zones as they are observed, and the record of a pass.
* :mod:`rollout`: from both to the one thing to do next. Pure, and where all safety rules stand.
* :mod:`observe`: from caches to views; :mod:`live`: the reads that must not be stale.
* :mod:`drain`: whether the agents' queues are empty.
* :mod:`actions`: how children are written, adopted and marked; :mod:`removal` and :mod:`deletion`: how they are let go.
* :mod:`kind`: one reconcile of it all; :mod:`status`: what is recorded and shown.
"""
