"""VMUser: who may go through a VMAuth, and where to."""

from typing import ClassVar

import attrs

from vmop.api.fields import ATOMIC, ATOMIC_ITEMS, Manifest, field
from vmop.api.kinds import AGE, STATUS, SYNC_ERROR, Column, CustomResource
from vmop.api.v1beta1._common import KeySelector, ManagedMetadata
from vmop.api.v1beta1._targets import TargetRef, UserOptions


@attrs.frozen(kw_only=True)
class OIDC:
    """Verification of tokens by the keys of an OpenID provider."""

    issuer: str | None = field("URL of the provider, as in the tokens' issuer claim.", required=True)


@attrs.frozen(kw_only=True)
class AccessClaim:
    """What a token without an access claim may do; an empty object is tenant 0."""

    metrics_account_id: int | None = field("Account of metrics requests.", name="metricsAccountID", format="int32")
    metrics_project_id: int | None = field("Project of metrics requests.", name="metricsProjectID", format="int32")
    metrics_extra_filters: list[str] | None = field("Series filters added to every metrics query.")
    metrics_extra_labels: list[str] | None = field("Labels `name=value` added to every metrics query and sample.")
    logs_account_id: int | None = field("Account of requests for logs.", name="logsAccountID", format="int32")
    logs_project_id: int | None = field("Project of requests for logs.", name="logsProjectID", format="int32")
    logs_extra_filters: list[str] | None = field("Filters added to every query for logs.")
    logs_extra_stream_filters: list[str] | None = field("Stream filters added to every query for logs.")


@attrs.frozen(kw_only=True)
class JWT:
    """Identification by JSON web tokens. Exactly one way of verification."""

    skip_verify: bool | None = field("Do not verify the signature of tokens. Not for production.")
    public_keys: list[str] | None = field("Public keys in PEM form that sign tokens.")
    public_key_refs: list[KeySelector] | None = field(
        "Secret keys with public keys that sign tokens.", schema=ATOMIC_ITEMS
    )
    oidc: OIDC | None = field("Verification by the keys of an OpenID provider.")
    match_claims: dict[str, str] | None = field("Claims that a token must have with these values.")
    default_vm_access_claim: AccessClaim | None = field(
        "Access of tokens that do not say.", name="defaultVMAccessClaim"
    )


@attrs.frozen(kw_only=True)
class VMUserSpec(UserOptions):
    """Credentials of a user, and where its requests go."""

    target_refs: list[TargetRef] | None = field("Where requests of the user go; at least one.", required=True)
    name: str | None = field("Name of the user in vmauth's metrics; no credential.", pointer=True)
    username: str | None = field("User name for basic authentication; the object's name by default.", pointer=True)
    password: str | None = field("Password in plain text; better use `passwordRef`.", pointer=True)
    password_ref: KeySelector | None = field("Secret key with the password; excludes `password`.", schema=ATOMIC)
    bearer_token: str | None = field("Bearer token in plain text; excludes basic authentication.", pointer=True)
    token_ref: KeySelector | None = field("Secret key with the bearer token of the user.", schema=ATOMIC)
    generate_password: bool | None = field("Make a random password and keep it in the generated Secret.")
    jwt: JWT | None = field("Identification by JSON web tokens; excludes passwords and bearer tokens.")
    metric_labels: dict[str, str] | None = field("Labels of vmauth's own metrics about the user.", snake=True)
    disable_secret_creation: bool | None = field("Do not create a Secret with the user's credentials.", snake=True)
    managed_metadata: ManagedMetadata | None = field("Labels and annotations of the Secret with the credentials.")
    use_legacy_naming: bool | None = field("Name the Secret like the object, without the prefix `vmuser-`.")


@attrs.frozen(kw_only=True)
class VMUser(CustomResource):
    """A user of a VMAuth and its targets."""

    kind: ClassVar[str] = "VMUser"
    plural: ClassVar[str] = "vmusers"
    columns: ClassVar[tuple[Column, ...]] = (AGE, STATUS, SYNC_ERROR)

    metadata: Manifest = attrs.field(factory=dict)
    spec: VMUserSpec = attrs.field(factory=VMUserSpec)
    status: Manifest = attrs.field(factory=dict)
