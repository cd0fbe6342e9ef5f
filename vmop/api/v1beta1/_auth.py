"""Credentials and TLS for connections that a component opens."""

import attrs

from vmop.api.fields import ATOMIC, NULLABLE, field
from vmop.api.v1beta1._common import KeySelector, SecretOrConfigMap


@attrs.frozen(kw_only=True)
class TLSConfig:
    """TLS of a client: whom it trusts and how it identifies itself. Each part is a file or a reference."""

    ca_file: str | None = field("Path of the CA certificates in the container; excludes `ca`.")
    ca: SecretOrConfigMap | None = field("Secret or ConfigMap key with the CA certificates that sign the server's.")
    cert_file: str | None = field("Path of the client certificate in the container; excludes `cert`.")
    cert: SecretOrConfigMap | None = field("Secret or ConfigMap key with the client certificate.")
    key_file: str | None = field("Path of the client key in the container; excludes `keySecret`.")
    key_secret: KeySelector | None = field("Secret key with the private key of the client certificate.", schema=ATOMIC)
    server_name: str | None = field("Name the server's certificate must be for; the host of the URL by default.")
    insecure_skip_verify: bool | None = field("Accept any certificate of the server. Not for production.")


@attrs.frozen(kw_only=True)
class BasicAuth:
    """HTTP basic authentication."""

    username: KeySelector | None = field("Secret key with the user name.", schema=ATOMIC)
    password: KeySelector | None = field("Secret key with the password; excludes `password_file`.", schema=ATOMIC)
    password_file: str | None = field("Path of a file in the container with the password.", name="password_file")


@attrs.frozen(kw_only=True)
class Authorization:
    """An Authorization header of any type but basic."""

    type: str | None = field("Type in the Authorization header; `Bearer` by default, `basic` is refused.")
    credentials: KeySelector | None = field("Secret key with the credentials after the type.", schema=ATOMIC)
    credentials_file: str | None = field("Path of a file in the container with the credentials after the type.")


@attrs.frozen(kw_only=True)
class OAuth2:
    """OAuth2 client credentials: a token is fetched and renewed by itself."""

    client_id: SecretOrConfigMap | None = field(
        "Secret or ConfigMap key with the id of the client.", name="client_id", required=True
    )
    client_secret: KeySelector | None = field(
        "Secret key with the client's secret.", name="client_secret", schema=ATOMIC
    )
    client_secret_file: str | None = field(
        "Path of a file in the container with the client's secret.", name="client_secret_file"
    )
    token_url: str | None = field(
        "URL the token is fetched from.", name="token_url", required=True, schema={"minLength": 1}
    )
    scopes: list[str] | None = field("Scopes asked for with the token request.")
    endpoint_params: dict[str, str] | None = field("Parameters added to the token request.", name="endpoint_params")
    proxy_url: str | None = field("Proxy for requests to the token URL.", name="proxy_url")
    tls_config: TLSConfig | None = field("TLS of requests to the token URL.", name="tls_config", raw=True)


@attrs.frozen(kw_only=True)
class ProxyAuth:
    """How a client identifies itself to its proxy."""

    oauth2: OAuth2 | None = field("OAuth2 client credentials for the proxy.")
    basic_auth: BasicAuth | None = field("Basic authentication at the proxy.", name="basic_auth")
    bearer_token: KeySelector | None = field(
        "Secret key with the bearer token for the proxy.", name="bearer_token", schema=NULLABLE
    )
    bearer_token_file: str | None = field(
        "Path of a file in the container with the bearer token for the proxy.", name="bearer_token_file"
    )
    tls_config: TLSConfig | None = field("TLS of the connection to the proxy.", name="tls_config", raw=True)
    authorization: Authorization | None = field("Authorization header for the proxy.")


@attrs.frozen(kw_only=True, slots=False)
class EndpointAuth:
    """How a scrape identifies itself to its target."""

    oauth2: OAuth2 | None = field("OAuth2 client credentials for the target.")
    tls_config: TLSConfig | None = field("TLS of the connection to the target.")
    bearer_token_file: str | None = field("Path of a file in the scraper's container with the bearer token.")
    bearer_token_secret: KeySelector | None = field("Secret key with the bearer token for the target.", schema=NULLABLE)
    basic_auth: BasicAuth | None = field("Basic authentication at the target.")
    authorization: Authorization | None = field("Authorization header sent to the target.")
