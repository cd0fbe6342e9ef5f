"""VMUser (06-vmauth-vmuser.md 6.4, in its order)."""

from collections.abc import Iterator

from vmop.api.problems import Problem
from vmop.api.syntax import header
from vmop.api.v1beta1 import JWT, VMUser
from vmop.api.validation.targets import messages_of, metric_labels, target_ref


def check_vmuser(cr: VMUser) -> Iterator[Problem]:
    """Problems of a VMUser, in the order in which the Go operator looks for them."""
    spec = cr.spec
    if spec.jwt is not None:
        yield from _jwt(spec.jwt)
    ways = (("username", spec.username), ("bearerToken", spec.bearer_token), ("jwt", spec.jwt))
    used = [name for name, value in ways if value not in (None, "")]
    if len(used) > 1:
        message = f"one of spec.{{username,bearerToken,jwt}} must be defined for user, got: [{','.join(used)}]"
        yield Problem("spec", message)
    if spec.password and spec.password_ref:
        yield Problem("spec.password", "one of spec.password or spec.passwordRef must be used for user, got both")
    if not spec.target_refs:
        yield Problem("spec.targetRefs", "at least 1 TargetRef must be provided for spec.targetRefs")
    for index, ref in enumerate(spec.target_refs or ()):
        for problem in target_ref(f"spec.targetRefs[{index}]", ref, own_retries=bool(spec.retry_status_codes)):
            yield Problem(problem.path, f"{problem.message} for users[{index}]")
    yield from metric_labels("spec.metric_labels", spec.metric_labels, "incorrect metricLabels key")
    for message in messages_of(header, spec.headers):
        yield Problem("spec.headers", f"failed to parse vmuser headers: {message}")
    for message in messages_of(header, spec.response_headers):
        yield Problem("spec.response_headers", f"failed to parse vmuser response headers: {message}")


def _jwt(jwt: JWT) -> Iterator[Problem]:
    if jwt.oidc is not None and not jwt.oidc.issuer:
        yield Problem("spec.jwt.oidc.issuer", "jwt.oidc.issuer is required if OIDC is set")
    ways = (
        ("skip_verify", bool(jwt.skip_verify)),
        ("public_keys", bool(jwt.public_keys or jwt.public_key_refs)),
        ("oidc", jwt.oidc is not None),
    )
    used = [name for name, is_used in ways if is_used]
    if len(used) != 1:
        yield Problem(
            "spec.jwt",
            "exactly one spec.jwt.{skipVerify,publicKeys|publicKeyRefs,oidc} JWT verification mechanism is expected, "
            f"got: [{','.join(used)}]",
        )
