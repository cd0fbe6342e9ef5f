"""How objects are written: the arithmetic under :class:`vmop.kube.applier.Applier` (``spec/00-writing.md``).

Server-side apply merges, the operator replaces. What stands between the two is here, as pure functions, in this
order:

* :mod:`fields`: ``managedFields`` as sets of paths; who owns what; moving what others own to our entry, and giving
  it back.
* :mod:`claims`: which paths of a kind are ours whole, so that nothing may stay there that desired lacks.
* :mod:`compare`: whether a live object contains what is desired; quantities by value, gzip by content.
* :mod:`shapes`: what apply cannot say (repeated list keys, objects that become empty), found before sending.
* :mod:`plan`: one desired manifest made ready: its hash, the recorded annotation, the bodies of apply and PUT.
* :mod:`memory`: what was written, as the server answered, so that a steady cluster is neither read nor written.
* :mod:`metadata`: JSON patches of finalizers, annotations and owner references.
"""
