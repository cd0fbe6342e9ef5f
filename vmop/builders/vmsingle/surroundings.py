"""What stands around the pod: account and rights, Services, its own scrape, autoscaler and network policy (03 §4.8)."""

from collections.abc import Iterator

from vmop.builders.base import Manifest
from vmop.builders.policies import (
    check_vpa_enabled,
    network_policy,
    service_account,
    target_reference,
    vertical_autoscaler,
)
from vmop.builders.rights import rights
from vmop.builders.scrapes import self_scrape
from vmop.builders.services import port_number, service, service_port, with_user_service
from vmop.builders.vmsingle.single import Single

BACKUP_PORT_NAME = "vmbackupmanager"
ALIAS_PORT = 8428
"""The port that single nodes are known by; the Service leads it to theirs."""


def identity(single: Single) -> Iterator[Manifest]:
    """Service account and rights, where the user did not name an account of his own. Only who scrapes needs rights."""
    if single.spec.service_account_name:
        return
    yield service_account(single.cr, single.service_account, single.labels)
    if single.scrapes:
        yield from rights(
            single.cr,
            single.name,
            labels=single.labels,
            account=single.service_account,
            settings=single.settings,
            scrapes=True,
        )


def surroundings(single: Single, *, scraped: bool) -> Iterator[Manifest]:
    """The objects in writing order; `scraped` says whether anything handles VMServiceScrape objects."""
    cr, spec = single.cr, single.spec
    services = _services(single)
    yield from services
    if scraped and not spec.disable_self_service_scrape:
        yield self_scrape(
            services[-1],
            spec.extra_args,
            spec.service_scrape_spec,
            extra_ports=(BACKUP_PORT_NAME,),
            reloader=single.has_reloader,
        )
    check_vpa_enabled(spec.vpa, single.settings)
    if spec.vpa is not None:
        yield vertical_autoscaler(cr, spec.vpa, target_reference("Deployment", single.name), labels=single.labels)
    if spec.network_policy is not None:
        yield network_policy(cr, single.name, spec.network_policy, labels=single.labels, selector=single.selector)


def _services(single: Single) -> list[Manifest]:
    """The additional Service, if any, and the main one."""
    spec, port = single.spec, single.port
    ports = [service_port("http", port)]
    if port != ALIAS_PORT:
        ports.append(service_port("http-alias", ALIAS_PORT, target=port))
    if spec.vm_backup is not None:
        ports.append(service_port(BACKUP_PORT_NAME, port_number(spec.vm_backup.port, "spec.vmBackup.port")))
    ports += [entry for listener in single.listeners for entry in listener.service_ports()]
    main = service(single.cr, single.name, labels=single.labels, selector=single.selector, ports=ports)
    return with_user_service(main, spec.service_spec, app="vmsingle", name=single.name, path="spec")
