import asyncio
import os
import ssl
import subprocess
from pathlib import Path

import pytest

from vmop.kube import ClientConfig, ConfigError, Credentials, StaticCredentials, TokenFile

ENVIRON = {"KUBERNETES_SERVICE_HOST": "10.96.0.1", "KUBERNETES_SERVICE_PORT": "443"}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "token").write_text("t0\n")
    (tmp_path / "ca.crt").write_text("PEM")
    (tmp_path / "namespace").write_text("obs\n")
    return tmp_path


async def test_three_files_and_two_variables_make_the_configuration_of_a_pod(root: Path) -> None:
    config = ClientConfig.in_cluster(ENVIRON | {"HTTPS_PROXY": "http://p:1"}, root)
    assert (config.server, config.ca_file, config.namespace, config.proxy, config.insecure) == (
        "https://10.96.0.1:443",
        root / "ca.crt",
        "obs",
        "http://p:1",
        False,
    )
    assert await config.credentials.current() == Credentials("Bearer t0")


def test_an_ipv6_address_gets_brackets(root: Path) -> None:
    config = ClientConfig.in_cluster(ENVIRON | {"KUBERNETES_SERVICE_HOST": "fd00::1"}, root)
    assert config.server == "https://[fd00::1]:443"


def test_without_a_namespace_file_the_namespace_is_default(root: Path) -> None:
    (root / "namespace").unlink()
    assert ClientConfig.in_cluster(ENVIRON, root).namespace == "default"


@pytest.mark.parametrize("missing", ["KUBERNETES_SERVICE_HOST", "KUBERNETES_SERVICE_PORT"])
def test_outside_of_a_cluster_there_is_no_such_configuration(root: Path, missing: str) -> None:
    with pytest.raises(ConfigError, match="not in a cluster"):
        ClientConfig.in_cluster({name: value for name, value in ENVIRON.items() if name != missing}, root)


@pytest.mark.parametrize(("missing", "text"), [("token", "cannot read .*/token"), ("ca.crt", "ca.crt does not exist")])
def test_a_missing_file_is_named(root: Path, missing: str, text: str) -> None:
    (root / missing).unlink()
    with pytest.raises(ConfigError, match=text):
        ClientConfig.in_cluster(ENVIRON, root)


@pytest.mark.looptime
async def test_a_token_file_is_read_again_each_minute(root: Path) -> None:
    source = TokenFile(root / "token")
    first = await source.current()
    (root / "token").write_text("t1")
    await asyncio.sleep(59)
    assert await source.current() is first
    await asyncio.sleep(1)
    assert (await source.current()).authorization == "Bearer t1"


async def test_a_rejected_token_is_read_again_at_once(root: Path) -> None:
    source = TokenFile(root / "token")
    first = await source.current()
    (root / "token").write_text("t1")
    assert (await source.current(rejected=first)).authorization == "Bearer t1"


async def test_a_rejected_token_that_is_still_in_the_file_stays_the_same_object(root: Path) -> None:
    source = TokenFile(root / "token")
    first = await source.current()
    assert await source.current(rejected=first) is first


async def test_an_empty_token_file_is_named(root: Path) -> None:
    (root / "token").write_text("\n")
    with pytest.raises(ConfigError, match="token is empty"):
        await TokenFile(root / "token").current()


async def test_a_fixed_token() -> None:
    config = ClientConfig.with_token("https://api:6443/", "t", insecure=True)
    assert (config.server, config.insecure) == ("https://api:6443", True)
    assert await config.credentials.current() == Credentials("Bearer t")
    assert await StaticCredentials().current() == Credentials()


def test_nothing_secret_is_shown() -> None:
    config = ClientConfig(
        server="https://api",
        credentials=StaticCredentials(Credentials("Bearer hunter2")),
        proxy="http://user:hunter2@proxy",
    )
    assert "hunter2" not in f"{config} {Credentials('Bearer hunter2')}"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("tls")
    crt, key = folder / "crt.pem", folder / "key.pem"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"),
            *("-subj", "/CN=test", "-days", "2", "-keyout", str(key), "-out", str(crt)),
        ],
        check=True,
        capture_output=True,
    )
    return crt, key


def test_plain_http_needs_no_tls() -> None:
    assert ClientConfig(server="http://api").ssl_context(Credentials()) is None


def test_the_servers_certificate_is_verified_unless_that_is_given_up(certificate: tuple[Path, Path]) -> None:
    by_file = ClientConfig(server="https://api", ca_file=certificate[0]).ssl_context(Credentials())
    by_data = ClientConfig(server="https://api", ca_data=certificate[0].read_text()).ssl_context(Credentials())
    insecure = ClientConfig(server="https://api", insecure=True).ssl_context(Credentials())
    assert by_file is not None
    assert by_data is not None
    assert insecure is not None
    assert [context.verify_mode for context in (by_file, by_data, insecure)] == [
        ssl.CERT_REQUIRED,
        ssl.CERT_REQUIRED,
        ssl.CERT_NONE,
    ]
    assert [len(context.get_ca_certs()) for context in (by_file, by_data)] == [1, 1]


def test_certificates_that_cannot_be_read_are_a_configuration_error(certificate: tuple[Path, Path]) -> None:
    crt, key = certificate
    config = ClientConfig(server="https://api", ca_file=crt)
    assert config.ssl_context(Credentials("", (crt, key))) is not None
    with pytest.raises(ConfigError, match="cannot read the certificates for https://api"):
        config.ssl_context(Credentials("", (crt, crt.parent / "absent")))


def test_the_stamp_changes_with_the_files(certificate: tuple[Path, Path], tmp_path: Path) -> None:
    authority = tmp_path / "ca.crt"
    authority.write_text("one")
    config = ClientConfig(server="https://api", ca_file=authority)
    before = config.tls_stamp(Credentials())
    assert config.tls_stamp(Credentials()) == before
    os.utime(authority, (1, 1))
    changed = config.tls_stamp(Credentials())
    authority.unlink()
    assert len({before, changed, config.tls_stamp(Credentials())}) == 3
    assert config.tls_stamp(Credentials("", certificate)) != config.tls_stamp(Credentials())
