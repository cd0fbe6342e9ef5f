"""Pure functions from a custom resource and the operator's settings to the manifests it stands for.

No I/O, no clock, no environment: what a builder needs (contents of Secrets, live replica counts) comes in as
arguments, so a table tests it and a program without a cluster can use it. A builder reads like the manifest it makes.

- `metadata`, `images`, `resources`, `args`, `volumes`, `license`, `probes`, `security`: parts of a pod;
- `containers`: the user's containers merged over generated ones;
- `workloads`: pod templates, Deployments, StatefulSets; `reloader`: the config-reloader's containers;
- `backup`, `thinning`: what keeps data, and drops it;
- `services`, `scrapes`, `policies`, `rights`, `urls`: what stands around a workload;
- `references`, `relabeling`, `configsecrets`, `yamltext`: what configs are made of, and how they are stored and
  written;
- `defaults`: what is filled in where a resource says nothing.

A kind has one module that composes them. What cannot be built raises `BuildError`, which names the field to change.
"""

from vmop.builders.base import BuildError, Platform
from vmop.builders.registry import with_defaults
from vmop.builders.vmagent import VMAgentInputs, VMAgentManifests, build_vmagent
from vmop.builders.vmauth import VMAuthInputs, VMAuthManifests, build_vmauth
from vmop.builders.vmcluster import VMClusterManifests, build_vmcluster
from vmop.builders.vmsingle import VMSingleInputs, VMSingleManifests, build_vmsingle

__all__ = [
    "BuildError",
    "Platform",
    "VMAgentInputs",
    "VMAgentManifests",
    "VMAuthInputs",
    "VMAuthManifests",
    "VMClusterManifests",
    "VMSingleInputs",
    "VMSingleManifests",
    "build_vmagent",
    "build_vmauth",
    "build_vmcluster",
    "build_vmsingle",
    "with_defaults",
]
