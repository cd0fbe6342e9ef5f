"""TLS against a server with a certificate of its own: verification, client certificates, and files that rotate."""

import asyncio
import os
import ssl
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web

from vmop.kube import Client, ClientConfig, Credentials, ObjectKey, StaticCredentials, Unavailable
from vmop.kube.config import RENEW_INTERVAL
from vmop.kube.resources import POD

KEY = ObjectKey("obs", "a")


def certificate(folder: Path, name: str) -> tuple[Path, Path]:
    crt, key = folder / f"{name}.crt", folder / f"{name}.key"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"),
            *("-subj", f"/CN={name}", "-addext", f"subjectAltName=DNS:{name}", "-days", "2"),
            *("-keyout", str(key), "-out", str(crt)),
        ],
        check=True,
        capture_output=True,
    )
    return crt, key


@pytest.fixture(scope="module")
def server_pair(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return certificate(tmp_path_factory.mktemp("server"), "kubernetes")


@pytest.fixture(scope="module")
def client_pair(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return certificate(tmp_path_factory.mktemp("client"), "operator")


@pytest.fixture
async def url(server_pair: tuple[Path, Path], client_pair: tuple[Path, Path]) -> AsyncIterator[str]:
    """A server that answers with the subject of the client's certificate as the name of a pod."""

    async def answer(request: web.Request) -> web.StreamResponse:
        assert request.transport is not None
        peer = request.transport.get_extra_info("peercert")
        return web.json_response(
            {"metadata": {"name": dict(pair[0] for pair in peer["subject"])["commonName"] if peer else ""}}
        )

    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(client_pair[0]))
    context.load_cert_chain(*server_pair)
    context.verify_mode = ssl.CERT_OPTIONAL
    application = web.Application()
    application.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(application, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
    yield f"https://127.0.0.1:{runner.addresses[0][1]}"
    await runner.cleanup()


async def who(config: ClientConfig) -> str:
    async with Client(config, retries=0) as client:
        return str((await client.get(POD, KEY))["metadata"]["name"])


async def test_a_certificate_is_expected_to_have_the_name_of_the_server(
    url: str, server_pair: tuple[Path, Path]
) -> None:
    assert await who(ClientConfig(server=url, ca_file=server_pair[0], server_name="kubernetes")) == ""
    with pytest.raises(Unavailable, match="CERTIFICATE_VERIFY_FAILED"):
        await who(ClientConfig(server=url, ca_file=server_pair[0]))


async def test_a_client_certificate_is_shown(
    url: str, server_pair: tuple[Path, Path], client_pair: tuple[Path, Path]
) -> None:
    source = StaticCredentials(Credentials("", client_pair))
    config = ClientConfig(server=url, ca_file=server_pair[0], server_name="kubernetes", credentials=source)
    assert await who(config) == "operator"


async def test_an_authority_that_rotates_is_read_again(
    url: str, server_pair: tuple[Path, Path], client_pair: tuple[Path, Path], tmp_path: Path
) -> None:
    authority = tmp_path / "ca.crt"
    authority.write_bytes(client_pair[0].read_bytes())
    config = ClientConfig(server=url, ca_file=authority, server_name="kubernetes")
    loop = asyncio.get_running_loop()
    async with Client(config, retries=0) as client:
        with pytest.raises(Unavailable):
            await client.get(POD, KEY)
        authority.write_bytes(server_pair[0].read_bytes())
        os.utime(authority, (1, 1))
        client._transport._ssl_checked = loop.time() - RENEW_INTERVAL  # a socket does not live on virtual time
        assert (await client.get(POD, KEY))["metadata"] == {"name": ""}
