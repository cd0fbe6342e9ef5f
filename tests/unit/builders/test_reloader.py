"""The containers of the config-reloader (01 §5.13), and the defaults of its parameters."""

from vmop.api import Manifest
from vmop.api.v1beta1 import AppParams, KeySelector, ReloaderParams
from vmop.builders import Platform
from vmop.builders.defaults import default_reloader
from vmop.builders.reloader import Reloader, SecretConfig, auth_args, auth_volumes, token_mounts, token_volumes
from vmop.settings import Settings

IMAGE = "victoriametrics/operator:config-reloader-v0.74.1"
RESOURCES = {"requests": {"cpu": "10m", "memory": "25Mi"}}
PROBE = {
    "httpGet": {"path": "/health", "port": 8435, "scheme": "HTTP"},
    "timeoutSeconds": 1,
    "periodSeconds": 10,
    "successThreshold": 1,
    "failureThreshold": 3,
}
OUT: Manifest = {"name": "config-out", "mountPath": "/opt/vmauth"}
RULES: Manifest = {"name": "a-rules", "mountPath": "/rules"}
TOKEN: Manifest = {
    "name": "kube-api-access",
    "mountPath": "/var/run/secrets/kubernetes.io/serviceaccount",
    "readOnly": True,
}


def reloader(params: ReloaderParams, *, app: AppParams | None = None, settings: Settings | None = None) -> Reloader:
    settings = settings or Settings()
    return Reloader(
        app=app or AppParams(),
        params=default_reloader(params, settings, use_default_resources=True),
        settings=settings,
        platform=Platform(),
        reload_url="http://127.0.0.1:8427/-/reload",
        config=SecretConfig("infra", "vmauth-config-gw", "config.yaml", "/opt/vmauth"),
    )


def test_the_init_container_of_the_spec() -> None:
    assert reloader(ReloaderParams()).init_container([OUT]) == {
        "name": "config-init",
        "image": IMAGE,
        "args": [
            "--config-envsubst-file=/opt/vmauth/config.yaml",
            "--config-secret-key=config.yaml.gz",
            "--config-secret-name=infra/vmauth-config-gw",
            "--only-init-config",
            "--reload-url=http://127.0.0.1:8427/-/reload",
            "--webhook-method=POST",
        ],
        "resources": RESOURCES,
        "volumeMounts": [OUT],
    }


def test_the_sidecar_with_everything() -> None:
    params = ReloaderParams(
        config_reloader_extra_args={"webhook-method": "GET", "watch-interval": "9s"},
        config_reload_auth_key_secret=KeySelector(name="s", key="k"),
    )
    found = reloader(
        params,
        app=AppParams(disable_automount_service_account_token=True, use_strict_security=True),
        settings=Settings(enabletcp6=True),
    ).sidecar([OUT, RULES])
    assert found == {
        "name": "config-reloader",
        "image": IMAGE,
        "args": [
            "--config-envsubst-file=/opt/vmauth/config.yaml",
            "--config-secret-key=config.yaml.gz",
            "--config-secret-name=infra/vmauth-config-gw",
            "--enableTCP6",
            "--reload-url=http://127.0.0.1:8427/-/reload",
            "--watch-interval=9s",
            "--watched-dir=/rules",
            "--webhook-method=GET",
            "-reload-url-auth-key=file:///etc/vm/config-reload-auth/k",
        ],
        "resources": RESOURCES,
        "volumeMounts": [
            RULES,
            OUT,
            TOKEN,
            {"name": "vm-config-reload-auth-secret", "mountPath": "/etc/vm/config-reload-auth"},
        ],
        "securityContext": {
            "privileged": False,
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
            "runAsNonRoot": True,
            "runAsUser": 65534,
            "runAsGroup": 65534,
        },
        "ports": [{"name": "reloader-http", "protocol": "TCP", "containerPort": 8435}],
        "livenessProbe": PROBE,
        "readinessProbe": PROBE | {"initialDelaySeconds": 5},
        "terminationMessagePolicy": "FallbackToLogsOnError",
    }


def test_without_a_main_config_there_is_no_token() -> None:
    found = Reloader(
        app=AppParams(disable_automount_service_account_token=True),
        params=ReloaderParams(config_reloader_image="r"),
        settings=Settings(),
        platform=Platform(),
        reload_url="u",
        proxy_protocol=True,
    ).sidecar([])
    assert (found["args"], found.get("volumeMounts"), found.get("resources")) == (
        ["--reload-url=u", "--reload-use-proxy-protocol", "--webhook-method=POST"],
        None,
        None,
    )


def test_what_the_application_and_the_pod_need_for_the_auth_key() -> None:
    params = ReloaderParams(config_reload_auth_key_secret=KeySelector(name="s", key="k"))
    assert (auth_args(params), auth_volumes(params), auth_args(ReloaderParams()), auth_volumes(ReloaderParams())) == (
        ["-reloadAuthKey=file:///etc/vm/config-reload-auth/k"],
        [{"name": "vm-config-reload-auth-secret", "secret": {"secretName": "s"}}],
        [],
        [],
    )


def test_the_token_of_pods_that_get_none_by_themselves() -> None:
    app = AppParams(disable_automount_service_account_token=True)
    taken = {"name": "own", "mountPath": TOKEN["mountPath"]}
    assert (token_mounts(app, []), token_mounts(app, [taken]), token_mounts(AppParams(), [])) == ([TOKEN], [], [])
    assert token_volumes(AppParams()) == []
    assert token_volumes(app) == [
        {
            "name": "kube-api-access",
            "projected": {
                "defaultMode": 420,
                "sources": [
                    {"serviceAccountToken": {"path": "token"}},
                    {"configMap": {"name": "kube-root-ca.crt"}},
                    {
                        "downwardAPI": {
                            "items": [
                                {
                                    "path": "namespace",
                                    "fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.namespace"},
                                }
                            ]
                        }
                    },
                ],
            },
        }
    ]


def test_defaults_of_the_reloader() -> None:
    settings = Settings(containerregistry="reg.local")
    tagged = default_reloader(ReloaderParams(config_reloader_image_tag="a:1"), settings, use_default_resources=None)
    assert (tagged.config_reloader_image, tagged.config_reloader_resources) == ("reg.local/a:1", None)
