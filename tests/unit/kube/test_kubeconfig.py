import asyncio
import base64
import json
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.unit.kube.conftest import Script
from vmop.kube import ClientConfig, ConfigError, Credentials, load_kubeconfig
from vmop.kube.oidc import expired


def write(
    folder: Path,
    user: dict[str, Any] | None = None,
    *,
    cluster: dict[str, Any] | None = None,
    context: dict[str, Any] | None = None,
    name: str = "config",
    label: str = "one",
) -> Path:
    path = folder / name
    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": label,
        "clusters": [{"name": label, "cluster": {"server": f"https://{label}:6443"} | (cluster or {})}],
        "contexts": [{"name": label, "context": {"cluster": label, "user": label} | (context or {})}],
        "users": [{"name": label, "user": user or {}}],
    }
    path.write_text(yaml.safe_dump(content))
    return path


async def authorization(config: ClientConfig) -> str:
    return (await config.credentials.current()).authorization


async def test_a_token(tmp_path: Path) -> None:
    config = await load_kubeconfig(write(tmp_path, {"token": "t"}, context={"namespace": "obs"}))
    assert (config.server, config.namespace, config.insecure) == ("https://one:6443", "obs", False)
    assert await authorization(config) == "Bearer t"


async def test_a_user_and_a_password(tmp_path: Path) -> None:
    config = await load_kubeconfig(write(tmp_path, {"username": "u", "password": "p"}))
    assert await authorization(config) == "Basic " + base64.b64encode(b"u:p").decode()


async def test_a_cluster_without_a_user(tmp_path: Path) -> None:
    config = await load_kubeconfig(write(tmp_path, context={"user": ""}))
    assert await config.credentials.current() == Credentials()
    assert config.namespace == "default"


async def test_what_a_cluster_says_of_tls_and_proxy(tmp_path: Path) -> None:
    authority = tmp_path / "ca.pem"
    authority.write_text("PEM")
    config = await load_kubeconfig(
        write(
            tmp_path,
            cluster={
                "certificate-authority": "ca.pem",
                "tls-server-name": "kubernetes",
                "proxy-url": "http://proxy:1",
            },
        )
    )
    assert (config.ca_file, config.server_name, config.proxy, config.insecure) == (
        authority,
        "kubernetes",
        "http://proxy:1",
        False,
    )


async def test_a_cluster_that_is_not_verified_and_a_proxy_of_the_environment(tmp_path: Path) -> None:
    path = write(tmp_path, cluster={"insecure-skip-tls-verify": True})
    config = await load_kubeconfig(path, environ={"HTTPS_PROXY": "http://other:1"})
    assert (config.insecure, config.proxy) == (True, "http://other:1")


async def test_client_certificates_in_files_and_in_the_kubeconfig(tmp_path: Path) -> None:
    for name in ("crt", "key"):
        (tmp_path / name).write_text(name)
    in_files = await load_kubeconfig(write(tmp_path, {"client-certificate": "crt", "client-key": "key"}))
    assert await in_files.credentials.current() == Credentials("", (tmp_path / "crt", tmp_path / "key"))
    data = {f"client-{what}-data": base64.b64encode(what.encode()).decode() for what in ("certificate", "key")}
    certificate = (await (await load_kubeconfig(write(tmp_path, data))).credentials.current()).client_certificate
    assert certificate is not None
    assert [path.read_text() for path in certificate] == ["certificate", "key"]


async def test_a_list_of_files_is_merged_and_a_context_chosen(tmp_path: Path) -> None:
    first = write(tmp_path, {"token": "t1"}, name="a", label="one")
    second = write(tmp_path, {"token": "t2"}, name="b", label="two")
    environ = {"KUBECONFIG": f"{first}:{tmp_path / 'absent'}:{second}"}
    chosen = await load_kubeconfig(context="one", environ=environ)
    assert (chosen.server, await authorization(chosen)) == ("https://one:6443", "Bearer t1")
    current = await load_kubeconfig(environ=environ)
    assert (current.server, await authorization(current)) == ("https://two:6443", "Bearer t2")


async def test_a_token_file_is_read_again_when_the_token_is_rejected(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("t1")
    source = (await load_kubeconfig(write(tmp_path, {"tokenFile": "token"}))).credentials
    first = await source.current()
    (tmp_path / "token").write_text("t2")
    assert await source.current(rejected=first) is first, "not more often than every five seconds"


@pytest.mark.looptime
async def test_a_token_file_is_read_again_each_minute_and_after_a_rejection(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("t1")
    source = (await load_kubeconfig(write(tmp_path, {"tokenFile": "token"}))).credentials
    first = await source.current()
    (tmp_path / "token").write_text("t2")
    await asyncio.sleep(5)
    assert await source.current() is first
    second = await source.current(rejected=first)
    assert second.authorization == "Bearer t2"
    assert await source.current(rejected=first) is second
    (tmp_path / "token").write_text("t3")
    await asyncio.sleep(60)
    assert (await source.current()).authorization == "Bearer t3"


def plugin(folder: Path, expires: str) -> dict[str, Any]:
    """A plug-in that counts how often it ran, and gives the number as token."""
    program = folder / "plugin"
    status = '{"token": "t\'$N\'"' + (f', "expirationTimestamp": "{expires}"' if expires else "") + "}"
    program.write_text(
        "#!/bin/sh\n"
        f"echo x >> {folder}/runs\nN=$(wc -l < {folder}/runs | tr -d ' ')\n"
        'echo \'{"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "status": '
        + status
        + "}'\n"
    )
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    return {"exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": str(program)}}


@pytest.mark.parametrize(
    ("expires", "tokens"),
    [("2001-01-01T00:00:00Z", ["t1", "t2"]), ("2999-01-01T00:00:00Z", ["t1", "t1"]), ("", ["t1", "t1"])],
    ids=["expired", "valid", "no expiry"],
)
async def test_an_exec_plugin_runs_again_when_its_token_expires(
    tmp_path: Path, expires: str, tokens: list[str]
) -> None:
    loop = asyncio.get_running_loop()
    source = (await load_kubeconfig(write(tmp_path, plugin(tmp_path, expires)))).credentials
    first = await source.current()
    source._read_at = loop.time() - 61  # type: ignore[attr-defined] # a subprocess does not live on virtual time
    second = await source.current()
    assert [first.authorization, second.authorization] == [f"Bearer {token}" for token in tokens]


async def test_an_exec_plugin_runs_again_when_its_token_is_rejected(tmp_path: Path) -> None:
    source = (await load_kubeconfig(write(tmp_path, plugin(tmp_path, "")))).credentials
    first = await source.current()
    source._read_at -= 6  # type: ignore[attr-defined] # as above
    assert (await source.current(rejected=first)).authorization == "Bearer t2"


NOW = datetime(2026, 1, 1, tzinfo=UTC)


def id_token(lasts: timedelta) -> str:
    claims = {"exp": int((NOW + lasts).timestamp())}
    parts = [base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in ({}, claims)]
    return ".".join([*parts, "signature"])


FRESH = id_token(timedelta(days=36500))


def oidc(script: Script, **more: str) -> dict[str, Any]:
    config = {
        "idp-issuer-url": script.url,
        "client-id": "c",
        "client-secret": "s/1",
        "id-token": id_token(timedelta(minutes=4)),
        "refresh-token": "hunter2",
    } | more
    return {"auth-provider": {"name": "oidc", "config": config}}


def now() -> datetime:
    return NOW


async def test_an_expiring_oidc_token_is_renewed_and_written_back(tmp_path: Path, script: Script) -> None:
    script.json({"token_endpoint": f"{script.url}/token"})
    script.json({"id_token": FRESH, "refresh_token": "r2"})
    path = write(tmp_path, oidc(script))
    config = await load_kubeconfig(path, now=now)
    assert await authorization(config) == f"Bearer {FRESH}"
    stored = yaml.safe_load(path.read_text())["users"][0]["user"]["auth-provider"]["config"]
    assert (stored["id-token"], stored["refresh-token"]) == (FRESH, "r2")
    assert [(seen.method, seen.path, seen.body) for seen in script.seen] == [
        ("GET", "/.well-known/openid-configuration", b""),
        ("POST", "/token", b"grant_type=refresh_token&refresh_token=hunter2"),
    ]
    assert script.seen[1].headers["Authorization"] == "Basic " + base64.b64encode(b"c:s%2F1").decode()


async def test_a_client_without_a_secret_names_itself_in_the_form(tmp_path: Path, script: Script) -> None:
    script.json({"token_endpoint": f"{script.url}/token"})
    script.json({"id_token": FRESH})
    path = write(tmp_path, oidc(script, **{"client-secret": ""}))
    await load_kubeconfig(path, now=now)
    assert script.seen[1].body == b"grant_type=refresh_token&refresh_token=hunter2&client_id=c"
    stored = yaml.safe_load(path.read_text())["users"][0]["user"]["auth-provider"]["config"]
    assert stored["refresh-token"] == "hunter2"


async def test_an_oidc_token_that_lasts_is_used_as_it_is(tmp_path: Path, script: Script) -> None:
    config = await load_kubeconfig(write(tmp_path, oidc(script, **{"id-token": FRESH})), now=now)
    assert await authorization(config) == f"Bearer {FRESH}"


@pytest.mark.parametrize(
    ("token", "gone"),
    [("", True), (id_token(timedelta(0)), True), (FRESH, False), ("opaque", False), ("a.!!!.c", False)],
)
def test_when_an_id_token_is_expired(token: str, gone: bool) -> None:
    assert expired(token, NOW) is gone


async def test_a_provider_that_refuses_is_named_and_no_token_is(tmp_path: Path, script: Script) -> None:
    script.json({"error": "invalid_grant hunter2"}, 400)
    with pytest.raises(ConfigError) as caught:
        await load_kubeconfig(write(tmp_path, oidc(script)), now=now)
    assert str(caught.value) == f"oidc: cannot renew the id-token at {script.url}: the provider answered 400"


@pytest.mark.parametrize("authority", [base64.b64encode(b"no certificate").decode(), "!"])
async def test_an_authority_that_cannot_be_read_is_an_error(tmp_path: Path, script: Script, authority: str) -> None:
    user = oidc(script, **{"idp-certificate-authority-data": authority})
    with pytest.raises(ConfigError, match="oidc: cannot renew the id-token"):
        await load_kubeconfig(write(tmp_path, user), now=now)


async def test_an_expired_token_without_a_refresh_token_is_an_error(tmp_path: Path, script: Script) -> None:
    with pytest.raises(ConfigError, match="refresh-token is missing"):
        await load_kubeconfig(write(tmp_path, oidc(script, **{"refresh-token": ""})), now=now)


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"current-context": ""}, "has no current-context"),
        ({"current-context": "x"}, "has no context 'x'"),
        ({"clusters": []}, "has no cluster 'one'"),
        ({"users": None}, "has no user 'one'"),
    ],
)
async def test_an_entry_that_is_missing_is_named(tmp_path: Path, change: dict[str, Any], text: str) -> None:
    path = write(tmp_path)
    path.write_text(yaml.safe_dump(yaml.safe_load(path.read_text()) | change))
    with pytest.raises(ConfigError, match=text):
        await load_kubeconfig(path)


async def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=f"no kubeconfig at {tmp_path}/absent"):
        await load_kubeconfig(tmp_path / "absent")


async def test_a_failing_plugin_is_quoted(tmp_path: Path) -> None:
    user = {
        "exec": {
            "apiVersion": "client.authentication.k8s.io/v1",
            "command": "sh",
            "args": ["-c", "echo why >&2; exit 3"],
        }
    }
    with pytest.raises(ConfigError, match=r"exec: process returned 3\. why"):
        await load_kubeconfig(write(tmp_path, user))


async def test_a_broken_entry_is_not_quoted(tmp_path: Path) -> None:
    user = {"token": "hunter2", "auth-provider": {"name": "oidc", "config": {"refresh-token": "hunter2"}}}
    with pytest.raises(ConfigError) as caught:
        await load_kubeconfig(write(tmp_path, user))
    assert "hunter2" not in f"{caught.value} {caught.value.__cause__}"


async def test_a_source_shows_nothing_secret(tmp_path: Path) -> None:
    config = await load_kubeconfig(write(tmp_path, {"token": "hunter2"}))
    assert "hunter2" not in f"{config} {config.credentials} {await config.credentials.current()}"
