"""Talking to the API server.

A newcomer meets, in this order:

* :class:`Resource` and the constants of :mod:`vmop.kube.resources`: what there is, and under which path.
* :class:`ClientConfig`: where the server is and who we are; in a cluster from three files, elsewhere from a
  kubeconfig (:func:`load_kubeconfig`, the only place that imports kubernetes-asyncio, and only when called).
* :class:`Client`: all verbs over one aiohttp session, rate limited, with retries where they are safe. What is asked
  is made by pure functions (:mod:`vmop.kube.requests`); how it is sent, retried, counted and fenced is
  :mod:`vmop.kube.transport`.
* :mod:`vmop.kube.errors`: each refusal as a type whose docstring says what to do.
* :mod:`vmop.kube.wire`: objects stay bytes but for their metadata, until somebody asks.
* :class:`PodHttp`: HTTP to a port of a pod, directly or through the API server.
* :class:`Applier` (:mod:`vmop.kube.applier`): desired manifests in, as few writes as possible out
  (``spec/00-writing.md``). What it reads comes from an :class:`ObjectCache`, which informers are.

Manifests are plain JSON (:data:`Manifest`). This package imports nothing of vmop.
"""

from vmop.kube.applier import (
    Applied,
    Applier,
    ApplyError,
    BeingRemoved,
    CachedObject,
    Claims,
    ObjectCache,
    OwnedByAnother,
)
from vmop.kube.client import Client, ObjectList, ServerVersion
from vmop.kube.config import ClientConfig, ConfigError, Credentials, CredentialSource, StaticCredentials, TokenFile
from vmop.kube.discovery import Discovery
from vmop.kube.errors import (
    AlreadyExists,
    ApiError,
    BadRequest,
    Cause,
    Conflict,
    Expired,
    Fenced,
    Forbidden,
    Invalid,
    MethodNotAllowed,
    NotFound,
    Timeout,
    TooManyRequests,
    Unauthorized,
    Unavailable,
)
from vmop.kube.kubeconfig import load_kubeconfig
from vmop.kube.metrics import ClientMetrics
from vmop.kube.patches import ApplyPatch, JsonPatch, JsonPatchOp, MergePatch, Patch, StrategicMergePatch
from vmop.kube.podhttp import PodHttp, PodResponse
from vmop.kube.resources import Manifest, NotRegistered, ObjectKey, Resource, by_kind, key_of
from vmop.kube.wire import LineSplitter, WatchEvent, WireMetadata, WireObject, WirePage, decode_object

__all__ = [
    "AlreadyExists",
    "ApiError",
    "Applied",
    "Applier",
    "ApplyError",
    "ApplyPatch",
    "BadRequest",
    "BeingRemoved",
    "CachedObject",
    "Cause",
    "Claims",
    "Client",
    "ClientConfig",
    "ClientMetrics",
    "ConfigError",
    "Conflict",
    "CredentialSource",
    "Credentials",
    "Discovery",
    "Expired",
    "Fenced",
    "Forbidden",
    "Invalid",
    "JsonPatch",
    "JsonPatchOp",
    "LineSplitter",
    "Manifest",
    "MergePatch",
    "MethodNotAllowed",
    "NotFound",
    "NotRegistered",
    "ObjectCache",
    "ObjectKey",
    "ObjectList",
    "OwnedByAnother",
    "Patch",
    "PodHttp",
    "PodResponse",
    "Resource",
    "ServerVersion",
    "StaticCredentials",
    "StrategicMergePatch",
    "Timeout",
    "TokenFile",
    "TooManyRequests",
    "Unauthorized",
    "Unavailable",
    "WatchEvent",
    "WireMetadata",
    "WireObject",
    "WirePage",
    "by_kind",
    "decode_object",
    "key_of",
    "load_kubeconfig",
]
