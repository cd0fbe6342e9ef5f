import pytest

from vmop.kube.proxy import proxy_for

PROXY = "http://proxy:3128"


@pytest.mark.parametrize(
    ("server", "environ", "proxy"),
    [
        ("https://api:6443", {}, ""),
        ("https://api:6443", {"HTTPS_PROXY": PROXY}, PROXY),
        ("https://api:6443", {"https_proxy": PROXY}, PROXY),
        ("https://api:6443", {"HTTPS_PROXY": "proxy:3128"}, PROXY),
        ("https://api:6443", {"HTTP_PROXY": PROXY}, ""),
        ("http://api", {"HTTP_PROXY": PROXY}, PROXY),
        ("https://localhost:6443", {"HTTPS_PROXY": PROXY}, ""),
        ("https://127.0.0.2:6443", {"HTTPS_PROXY": PROXY}, ""),
        ("https://[::1]:6443", {"HTTPS_PROXY": PROXY}, ""),
    ],
)
def test_the_scheme_chooses_the_variable_and_loopback_needs_none(
    server: str, environ: dict[str, str], proxy: str
) -> None:
    assert proxy_for(server, environ) == proxy


@pytest.mark.parametrize(
    ("server", "no_proxy", "bypassed"),
    [
        ("https://api.corp", "*", True),
        ("https://api.corp", "corp", True),
        ("https://api.corp", ".corp", True),
        ("https://corp", ".corp", False),
        ("https://api.corp", "*.corp", True),
        ("https://apicorp", "corp", False),
        ("https://API.corp.", " api.CORP ", True),
        ("https://api.corp:6443", "api.corp:6443", True),
        ("https://api.corp:6443", "api.corp:443", False),
        ("https://api.corp", "api.corp:443", True),
        ("https://10.1.2.3", "10.0.0.0/8", True),
        ("https://11.1.2.3", "10.0.0.0/8", False),
        ("https://api.corp", "10.0.0.0/8", False),
        ("https://10.1.2.3", "no/thing", False),
        ("https://10.1.2.3", "10.1.2.3", True),
        ("https://10.1.2.3:6443", "10.1.2.3:6443", True),
        ("https://10.1.2.3:6443", "10.1.2.3:1", False),
        ("https://[fd00::1]:6443", "[fd00::1]:6443", True),
        ("https://[fd00::1]:6443", "fd00::1", True),
        ("https://api.corp", "other,,corp", True),
    ],
)
def test_no_proxy(server: str, no_proxy: str, bypassed: bool) -> None:
    assert proxy_for(server, {"HTTPS_PROXY": PROXY, "NO_PROXY": no_proxy}) == ("" if bypassed else PROXY)
