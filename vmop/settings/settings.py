"""The operator's settings: one declaration per environment variable, in the order in which they are printed."""
# ruff: noqa: RUF009 - `component` returns an attrs field, not a default

from collections.abc import Mapping

import attrs

from vmop.settings.values import (
    parse_bool,
    parse_duration,
    parse_int,
    parse_list,
    parse_map,
    parse_namespaces,
    parse_openshift,
    parse_quantity,
)
from vmop.settings.variables import (
    ALWAYS_SET,
    CLUSTER_SWITCHES,
    ComponentDefaults,
    DefaultResources,
    component,
    read,
    variable,
)

_METRICS = "${VM_METRICS_VERSION}"
_LOGS = "${VM_LOGS_VERSION}"
_TRACES = "${VM_TRACES_VERSION}"
_ANOMALY = "${VM_ANOMALY_VERSION}"
_VM_SWITCH, _VL_SWITCH, _VT_SWITCH = CLUSTER_SWITCHES


def _version(name: str, description: str) -> str:
    value: str = variable(name, ALWAYS_SET[name], description, interpolate=True)
    return value


def _switch(name: str, default: str, description: str) -> bool:
    value: bool = variable(name, default, description, parse_bool, empty=False)
    return value


def _seconds(name: str, default: str, description: str) -> float:
    value: float = variable(name, default, description, parse_duration)
    return value


def _quantity(name: str, default: str, description: str) -> str:
    value: str = variable(name, default, description, parse_quantity)
    return value


@attrs.frozen(kw_only=True)
class Settings:
    """What the environment says, read once. Names are those of the variables without `VM_`, in lower case.

    Durations are seconds. `Settings()` holds the defaults.
    """

    metrics_version: str = _version("VM_METRICS_VERSION", "image tag of the VictoriaMetrics applications")
    logs_version: str = _version("VM_LOGS_VERSION", "image tag of the VictoriaLogs applications")
    anomaly_version: str = _version("VM_ANOMALY_VERSION", "image tag of vmanomaly")
    traces_version: str = _version("VM_TRACES_VERSION", "image tag of the VictoriaTraces applications")
    operator_version: str = _version("VM_OPERATOR_VERSION", "release whose config-reloader image is the default")
    gateway_api_enabled: bool = _switch("VM_GATEWAY_API_ENABLED", "false", "manage HTTPRoutes")
    vpa_api_enabled: bool = _switch("VM_VPA_API_ENABLED", "false", "manage VerticalPodAutoscalers")
    promcr_validation_enabled: bool = _switch(
        "VM_PROMCR_VALIDATION_ENABLED", "false", "validate objects of the prometheus-operator on admission"
    )
    watch_namespace: tuple[str, ...] = variable(
        "WATCH_NAMESPACE", "", "namespaces to work in, between commas; all when empty", parse_namespaces, empty=()
    )
    containerregistry: str = variable("VM_CONTAINERREGISTRY", "", "registry put in front of images without one")
    customconfigreloaderimage: str = variable(
        "VM_CUSTOMCONFIGRELOADERIMAGE", "", "deprecated: wins over VM_CONFIG_RELOADER_IMAGE"
    )
    pspautocreateenabled: bool = _switch("VM_PSPAUTOCREATEENABLED", "false", "deprecated: has no effect")
    enabletcp6: bool = _switch("VM_ENABLETCP6", "false", "let the applications listen on IPv6 too")
    loopback: str = variable("VM_LOOPBACK", "", "host by which containers of one pod reach each other")
    use_old_backup_restore_port_names: bool = _switch(
        "VM_USE_OLD_BACKUP_RESTORE_PORT_NAMES", "false", "keep the former port names of backup and restore containers"
    )
    enable_default_prestop_hook: bool = _switch(
        "VM_ENABLE_DEFAULT_PRESTOP_HOOK", "true", "let containers sleep before they stop, on Kubernetes 1.30 or later"
    )
    config_data_budget_bytes: int = variable(
        "VM_CONFIG_DATA_BUDGET_BYTES",
        "524288",
        "compressed bytes that one generated object may hold",
        parse_int,
        empty=0,
    )
    config_reloader_image: str = variable(
        "VM_CONFIG_RELOADER_IMAGE",
        "victoriametrics/operator:config-reloader-${VM_OPERATOR_VERSION}",
        "image of the config-reloader",
        interpolate=True,
    )
    config_reloader_limit_memory: str = _quantity(
        "VM_CONFIG_RELOADER_LIMIT_MEMORY", "unlimited", "memory limit of the config-reloader"
    )
    config_reloader_limit_cpu: str = _quantity(
        "VM_CONFIG_RELOADER_LIMIT_CPU", "unlimited", "cpu limit of the config-reloader"
    )
    config_reloader_limit_ephemeral_storage: str = _quantity(
        "VM_CONFIG_RELOADER_LIMIT_EPHEMERAL_STORAGE", "unlimited", "ephemeral storage limit of the config-reloader"
    )
    config_reloader_request_memory: str = _quantity(
        "VM_CONFIG_RELOADER_REQUEST_MEMORY", "25Mi", "memory request of the config-reloader"
    )
    config_reloader_request_cpu: str = _quantity(
        "VM_CONFIG_RELOADER_REQUEST_CPU", "10m", "cpu request of the config-reloader"
    )
    config_reloader_request_ephemeral_storage: str = _quantity(
        "VM_CONFIG_RELOADER_REQUEST_EPHEMERAL_STORAGE", "unlimited", "ephemeral storage request of the config-reloader"
    )

    vlogs: ComponentDefaults = component(
        "VM_VLOGSDEFAULT",
        "victoriametrics/victoria-logs",
        _LOGS,
        "9428",
        limits=("1500Mi", "1200m"),
        requests=("500Mi", "150m"),
    )
    vlagent: ComponentDefaults = component(
        "VM_VLAGENTDEFAULT",
        "victoriametrics/vlagent",
        _LOGS,
        "9429",
        limits=("500Mi", "200m"),
        requests=("200Mi", "50m"),
    )
    vlsingle: ComponentDefaults = component(
        "VM_VLSINGLEDEFAULT",
        "victoriametrics/victoria-logs",
        _LOGS,
        "9428",
        limits=("1500Mi", "1200m"),
        requests=("500Mi", "150m"),
    )
    vtsingle: ComponentDefaults = component(
        "VM_VTSINGLEDEFAULT",
        "victoriametrics/victoria-traces",
        _TRACES,
        "10428",
        limits=("1500Mi", "1200m"),
        requests=("500Mi", "150m"),
    )
    vmalert: ComponentDefaults = component(
        "VM_VMALERTDEFAULT",
        "victoriametrics/vmalert",
        _METRICS,
        "8080",
        limits=("500Mi", "200m"),
        requests=("200Mi", "50m"),
    )
    vmservicescrapedefault_enforceendpointslices: bool = _switch(
        "VM_VMSERVICESCRAPEDEFAULT_ENFORCEENDPOINTSLICES",
        "false",
        "an empty discoveryRole of a VMServiceScrape means endpointslice",
    )
    vmagent: ComponentDefaults = component(
        "VM_VMAGENTDEFAULT",
        "victoriametrics/vmagent",
        _METRICS,
        "8429",
        limits=("500Mi", "200m"),
        requests=("200Mi", "50m"),
    )
    vmanomaly: ComponentDefaults = component(
        "VM_VMANOMALYDEFAULT",
        "victoriametrics/vmanomaly",
        _ANOMALY,
        "8490",
        limits=("500Mi", "200m"),
        requests=("200Mi", "50m"),
    )
    vmsingle: ComponentDefaults = component(
        "VM_VMSINGLEDEFAULT",
        "victoriametrics/victoria-metrics",
        _METRICS,
        "8429",
        limits=("1500Mi", "1200m"),
        requests=("500Mi", "150m"),
    )

    vmclusterdefault_usedefaultresources: bool = _switch(
        _VM_SWITCH, "true", "default resources for vmselect, vmstorage and vminsert"
    )
    vmselect: ComponentDefaults = component(
        "VM_VMCLUSTERDEFAULT_VMSELECTDEFAULT",
        "victoriametrics/vmselect",
        f"{_METRICS}-cluster",
        "8481",
        limits=("1000Mi", "500m"),
        requests=("500Mi", "100m"),
        use_default_resources=f"${{{_VM_SWITCH}}}",
    )
    vmclusterdefault_vmstoragedefault_vminsertport: str = variable(
        "VM_VMCLUSTERDEFAULT_VMSTORAGEDEFAULT_VMINSERTPORT", "8400", "port of vmstorage for vminsert"
    )
    vmclusterdefault_vmstoragedefault_vmselectport: str = variable(
        "VM_VMCLUSTERDEFAULT_VMSTORAGEDEFAULT_VMSELECTPORT", "8401", "port of vmstorage for vmselect"
    )
    vmstorage: ComponentDefaults = component(
        "VM_VMCLUSTERDEFAULT_VMSTORAGEDEFAULT",
        "victoriametrics/vmstorage",
        f"{_METRICS}-cluster",
        "8482",
        limits=("1500Mi", "1000m"),
        requests=("500Mi", "250m"),
        use_default_resources=f"${{{_VM_SWITCH}}}",
    )
    vminsert: ComponentDefaults = component(
        "VM_VMCLUSTERDEFAULT_VMINSERTDEFAULT",
        "victoriametrics/vminsert",
        f"{_METRICS}-cluster",
        "8480",
        limits=("500Mi", "500m"),
        requests=("200Mi", "150m"),
        use_default_resources=f"${{{_VM_SWITCH}}}",
    )
    vmalertmanager: ComponentDefaults = component(
        "VM_VMALERTMANAGER",
        "prom/alertmanager",
        "v0.31.0",
        "9093",
        limits=("256Mi", "100m"),
        requests=("56Mi", "30m"),
        image_suffix="ALERTMANAGERDEFAULTBASEIMAGE",
        version_suffix="ALERTMANAGERVERSION",
        grace="120",
    )
    disableselfservicescrapecreation: bool = _switch(
        "VM_DISABLESELFSERVICESCRAPECREATION", "false", "make no scrape objects for the applications themselves"
    )
    vmbackup: ComponentDefaults = component(
        "VM_VMBACKUP",
        "victoriametrics/vmbackupmanager",
        f"{_METRICS}-enterprise",
        "8300",
        limits=("500Mi", "500m"),
        requests=("200Mi", "150m"),
    )
    vmauth: ComponentDefaults = component(
        "VM_VMAUTHDEFAULT",
        "victoriametrics/vmauth",
        _METRICS,
        "8427",
        limits=("300Mi", "200m"),
        requests=("100Mi", "50m"),
    )

    vlclusterdefault_usedefaultresources: bool = _switch(
        _VL_SWITCH, "true", "default resources for vlselect, vlstorage and vlinsert"
    )
    vlselect: ComponentDefaults = component(
        "VM_VLCLUSTERDEFAULT_VLSELECTDEFAULT",
        "victoriametrics/victoria-logs",
        _LOGS,
        "9471",
        limits=("1024Mi", "1000m"),
        requests=("256Mi", "100m"),
        use_default_resources=f"${{{_VL_SWITCH}}}",
    )
    vlstorage: ComponentDefaults = component(
        "VM_VLCLUSTERDEFAULT_VLSTORAGEDEFAULT",
        "victoriametrics/victoria-logs",
        _LOGS,
        "9491",
        limits=("2048Mi", "1000m"),
        requests=("512Mi", "200m"),
        use_default_resources=f"${{{_VL_SWITCH}}}",
    )
    vlinsert: ComponentDefaults = component(
        "VM_VLCLUSTERDEFAULT_VLINSERTDEFAULT",
        "victoriametrics/victoria-logs",
        _LOGS,
        "9481",
        limits=("1024Mi", "1000m"),
        requests=("256Mi", "100m"),
        use_default_resources=f"${{{_VL_SWITCH}}}",
    )
    vtclusterdefault_usedefaultresources: bool = _switch(
        _VT_SWITCH, "true", "default resources for vtselect, vtstorage and vtinsert"
    )
    vtselect: ComponentDefaults = component(
        "VM_VTCLUSTERDEFAULT_SELECT",
        "victoriametrics/victoria-traces",
        _TRACES,
        "10471",
        limits=("1024Mi", "1000m"),
        requests=("256Mi", "100m"),
        use_default_resources=f"${{{_VT_SWITCH}}}",
    )
    vtstorage: ComponentDefaults = component(
        "VM_VTCLUSTERDEFAULT_STORAGE",
        "victoriametrics/victoria-traces",
        _TRACES,
        "10491",
        limits=("2048Mi", "1000m"),
        requests=("512Mi", "200m"),
        use_default_resources=f"${{{_VT_SWITCH}}}",
    )
    vtinsert: ComponentDefaults = component(
        "VM_VTCLUSTERDEFAULT_INSERT",
        "victoriametrics/victoria-traces",
        _TRACES,
        "10481",
        limits=("1024Mi", "1000m"),
        requests=("256Mi", "100m"),
        use_default_resources=f"${{{_VT_SWITCH}}}",
    )

    enabledprometheusconverter_podmonitor: bool = _switch(
        "VM_ENABLEDPROMETHEUSCONVERTER_PODMONITOR", "true", "convert PodMonitor objects"
    )
    enabledprometheusconverter_servicescrape: bool = _switch(
        "VM_ENABLEDPROMETHEUSCONVERTER_SERVICESCRAPE", "true", "convert ServiceMonitor objects"
    )
    enabledprometheusconverter_prometheusrule: bool = _switch(
        "VM_ENABLEDPROMETHEUSCONVERTER_PROMETHEUSRULE", "true", "convert PrometheusRule objects"
    )
    enabledprometheusconverter_probe: bool = _switch(
        "VM_ENABLEDPROMETHEUSCONVERTER_PROBE", "true", "convert Probe objects"
    )
    enabledprometheusconverter_alertmanagerconfig: bool = _switch(
        "VM_ENABLEDPROMETHEUSCONVERTER_ALERTMANAGERCONFIG", "true", "convert AlertmanagerConfig objects"
    )
    enabledprometheusconverter_scrapeconfig: bool = _switch(
        "VM_ENABLEDPROMETHEUSCONVERTER_SCRAPECONFIG", "true", "convert ScrapeConfig objects"
    )
    prometheusconverteraddargocdignoreannotations: bool = _switch(
        "VM_PROMETHEUSCONVERTERADDARGOCDIGNOREANNOTATIONS", "false", "tell Argo CD to leave converted objects alone"
    )
    enabledprometheusconverterownerreferences: bool = _switch(
        "VM_ENABLEDPROMETHEUSCONVERTEROWNERREFERENCES", "false", "converted objects belong to their originals"
    )
    filterprometheusconverterlabelprefixes: tuple[str, ...] = variable(
        "VM_FILTERPROMETHEUSCONVERTERLABELPREFIXES", "", "labels not copied on conversion", parse_list, empty=()
    )
    filterprometheusconverterannotationprefixes: tuple[str, ...] = variable(
        "VM_FILTERPROMETHEUSCONVERTERANNOTATIONPREFIXES",
        "",
        "annotations not copied on conversion",
        parse_list,
        empty=(),
    )

    clusterdomainname: str = variable("VM_CLUSTERDOMAINNAME", "", "DNS domain of the cluster in generated addresses")
    appreadytimeout: float = _seconds("VM_APPREADYTIMEOUT", "80s", "time that a workload has to become ready")
    podwaitreadyintervalcheck: float = _seconds(
        "VM_PODWAITREADYINTERVALCHECK", "5s", "time between looks at pods of a StatefulSet"
    )
    podwaitreadytimeout: float = _seconds("VM_PODWAITREADYTIMEOUT", "80s", "time that a pod has to become ready")
    pvc_wait_ready_interval: float = _seconds(
        "VM_PVC_WAIT_READY_INTERVAL", "5s", "time between looks at a growing volume claim"
    )
    pvc_wait_ready_timeout: float = _seconds("VM_PVC_WAIT_READY_TIMEOUT", "80s", "time that a volume claim has to grow")
    wait_ready_interval: float = _seconds(
        "VM_WAIT_READY_INTERVAL", "5s", "time between looks at resources that a distributed resource made"
    )
    forceresyncinterval: float = _seconds(
        "VM_FORCERESYNCINTERVAL", "60s", "time between reconciles without a change; 0 means never"
    )
    enablestrictsecurity: bool = _switch("VM_ENABLESTRICTSECURITY", "false", "strict security contexts by default")
    common_labels: Mapping[str, str] = variable(
        "VM_COMMON_LABELS", "", "labels for objects that the operator makes", parse_map, empty={}
    )
    common_annotations: Mapping[str, str] = variable(
        "VM_COMMON_ANNOTATIONS", "", "annotations for objects that the operator makes", parse_map, empty={}
    )
    openshift_compatibility: str = variable(
        "VM_OPENSHIFT_COMPATIBILITY", "auto", "behave as OpenShift wants it: auto, enabled or disabled", parse_openshift
    )

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> "Settings":
        """The settings of an environment. Raises `SettingsError` with every variable that cannot be read."""
        return read(cls, environ)

    @property
    def reloader_image(self) -> str:
        """The config-reloader's default image, the deprecated variable included."""
        return self.customconfigreloaderimage or self.config_reloader_image

    @property
    def reloader_resources(self) -> DefaultResources:
        return DefaultResources(
            limit_mem=self.config_reloader_limit_memory,
            limit_cpu=self.config_reloader_limit_cpu,
            limit_ephemeral_storage=self.config_reloader_limit_ephemeral_storage,
            request_mem=self.config_reloader_request_memory,
            request_cpu=self.config_reloader_request_cpu,
            request_ephemeral_storage=self.config_reloader_request_ephemeral_storage,
        )

    @property
    def loopback_host(self) -> str:
        """The host by which containers of one pod reach each other."""
        return self.loopback or ("localhost" if self.enabletcp6 else "127.0.0.1")
