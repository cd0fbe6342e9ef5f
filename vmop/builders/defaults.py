"""What the operator fills in where a resource says nothing; the result is what is stored (02 §6.5).

Defaulting is idempotent: it may run on a resource that was stored in defaulted form. The shared parts are here; each
kind composes them in its own module, and `vmop.builders.registry` lists the kinds.
"""

from collections.abc import Sequence
from typing import TypeVar

import attrs

from vmop.api.v1beta1 import AppParams, Backup, Image, License, LocalReference, ReloaderParams
from vmop.builders.base import Platform
from vmop.builders.images import enterprise_tag, is_licensed, with_registry
from vmop.builders.probes import default_pre_stop_seconds
from vmop.builders.resources import with_default_resources
from vmop.settings import ComponentDefaults, Settings

AppT = TypeVar("AppT", bound=AppParams)
ReloaderT = TypeVar("ReloaderT", bound=ReloaderParams)


def default_image(
    image: Image | None,
    defaults: ComponentDefaults,
    settings: Settings,
    *,
    versions: Sequence[str | None] = (),
    enterprise: bool = False,
) -> Image:
    """The image with repository, tag and pull policy. The tag is the user's, or the first of `versions` that says
    something, or the operator's; only a tag that the user did not set gets the enterprise suffix."""
    given = image or Image()
    version = next((version for version in versions if version), defaults.version)
    return Image(
        repository=with_registry(given.repository or defaults.image, settings.containerregistry),
        tag=given.tag or (enterprise_tag(version) if enterprise else version),
        pull_policy=given.pull_policy or "IfNotPresent",
    )


def default_app(
    app: AppT,
    defaults: ComponentDefaults,
    settings: Settings,
    platform: Platform,
    *,
    versions: Sequence[str | None] = (),
    license_: License | None = None,
    strict: bool | None = None,
    sleeps: bool = True,
) -> AppT:
    """The application's parameters with all defaults. `strict` is the resource's value for its components.

    `sleeps=False` is for applications that never sleep before they stop: what the user set there is dropped.
    """
    use_resources = app.use_default_resources
    if use_resources is None and defaults.use_default_resources:
        use_resources = True
    grace = app.termination_grace_period_seconds
    grace = defaults.termination_grace_period_seconds if grace is None else grace
    sleep = app.pre_stop_sleep_seconds
    if sleep is None:
        sleep = default_pre_stop_seconds(settings.enable_default_prestop_hook, grace, platform)
    return attrs.evolve(
        app,
        image=default_image(app.image, defaults, settings, versions=versions, enterprise=is_licensed(license_)),
        port=app.port or defaults.port,
        resources=with_default_resources(app.resources, defaults.resources, bool(use_resources)) or None,
        use_default_resources=use_resources,
        dns_policy=app.dns_policy or "ClusterFirst",
        scheduler_name=app.scheduler_name or "default-scheduler",
        termination_grace_period_seconds=grace,
        pre_stop_sleep_seconds=sleep if sleeps else None,
        disable_self_service_scrape=_first(app.disable_self_service_scrape, settings.disableselfservicescrapecreation),
        use_strict_security=_first(app.use_strict_security, strict, settings.enablestrictsecurity),
    )


def default_reloader(params: ReloaderT, settings: Settings, *, use_default_resources: bool | None) -> ReloaderT:
    """The config-reloader's parameters; `use_default_resources` is the defaulted value of its application."""
    image = params.config_reloader_image or params.config_reloader_image_tag or settings.reloader_image
    resources = with_default_resources(
        params.config_reloader_resources, settings.reloader_resources, bool(use_default_resources)
    )
    return attrs.evolve(
        params,
        config_reloader_image=with_registry(image, settings.containerregistry),
        config_reloader_resources=resources or None,
    )


def default_backup(backup: Backup, settings: Settings, use_default_resources: bool | None) -> Backup:
    """`vmBackup` with image, port and resources; `use_default_resources` is the defaulted value of the application."""
    enabled = settings.vmbackup.use_default_resources if use_default_resources is None else use_default_resources
    return attrs.evolve(
        backup,
        image=default_image(backup.image, settings.vmbackup, settings, enterprise=True),
        port=backup.port or settings.vmbackup.port,
        resources=with_default_resources(backup.resources, settings.vmbackup.resources, enabled) or None,
    )


def appended_pull_secrets(
    own: Sequence[LocalReference] | None, more: Sequence[LocalReference] | None
) -> list[LocalReference] | None:
    """A component's pull secrets with the resource's behind them, unless they stand there already (02 T13)."""
    first, last = list(own or ()), list(more or ())
    if not last or first[-len(last) :] == last:
        return list(own) if own is not None else None
    return first + last


def _first(*values: bool | None) -> bool:
    return next(value for value in values if value is not None)
