"""The real control plane answers as the version that was built, and says what is missing when it is not there."""

from __future__ import annotations

import ssl
from pathlib import Path

import aiohttp
import pytest

from vmop.devcluster.controlplane import ControlPlane, ControlPlaneMissing, find_assets


@pytest.mark.real
async def test_it_answers_as_the_kubernetes_release_that_was_built(real_cluster: ControlPlane) -> None:
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    headers = {"Authorization": f"Bearer {real_cluster.token}"}
    async with (
        aiohttp.ClientSession(headers=headers) as session,
        session.get(f"{real_cluster.url}/version", ssl=context) as response,
    ):
        version = await response.json()
    assert (response.status, version["gitVersion"]) == (200, "v1.36.3")


def test_missing_programs_are_named_with_the_way_to_get_them(tmp_path: Path) -> None:
    (tmp_path / "etcd").touch(mode=0o755)
    with pytest.raises(ControlPlaneMissing) as caught:
        find_assets({"KUBEBUILDER_ASSETS": str(tmp_path)}, Path("unused"))
    assert str(caught.value) == (
        f"no kube-apiserver, kube-controller-manager in {tmp_path}: run 'make control-plane' or set KUBEBUILDER_ASSETS"
    )
