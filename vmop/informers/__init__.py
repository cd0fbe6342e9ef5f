"""What the API server has, kept here: read without asking, and told of as it changes.

A newcomer meets, in this order:

* :class:`InformerFactory`: asked for an informer of a resource, it makes one or gives the one that is there.
  It runs them all, and is the cache of the applier, which tells it what was written.
* :class:`Informer`: follows a resource, by namespaces and selectors, and has a :class:`Lister` to read and
  handlers to tell (:class:`EventHandler`, :class:`Handler`).
* :class:`StoredObject`: what listers give and handlers are told: immutable, a few bytes until somebody looks inside.
* :mod:`vmop.informers.reflector`: the state machine that lists, watches, and survives everything.
* :mod:`vmop.informers.store`: what was watched and, laid over it, what this process wrote: a lister never
  shows less than that.
* :mod:`vmop.informers.transforms`: how to keep even less of each object.
* :class:`InformerMetrics`: what one sees of it from outside.
"""

from vmop.informers.factory import InformerFactory
from vmop.informers.handlers import EventHandler, Handler, Registration
from vmop.informers.indexes import IndexFunction
from vmop.informers.informer import Informer
from vmop.informers.lister import Lister
from vmop.informers.metrics import InformerMetrics
from vmop.informers.objects import StoredObject, stored_object
from vmop.informers.selectors import FieldSelector, LabelSelector, Requirement
from vmop.informers.store import Keep
from vmop.informers.transforms import Transform, identity_unless, only_fields

__all__ = [
    "EventHandler",
    "FieldSelector",
    "Handler",
    "IndexFunction",
    "Informer",
    "InformerFactory",
    "InformerMetrics",
    "Keep",
    "LabelSelector",
    "Lister",
    "Registration",
    "Requirement",
    "StoredObject",
    "Transform",
    "identity_unless",
    "only_fields",
    "stored_object",
]
