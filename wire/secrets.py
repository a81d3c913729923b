"""The registry of what is secret on the wire, each entry with its reason.

Recorder and tests read the same lists. The values of secret headers never reach a disk; a header
that is not listed is kept as it was.
"""

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SecretHeader:
    """A header whose value is replaced before it is written; `name` is in lower case."""

    name: str
    reason: str
    credential: bool = True
    """Whether the value itself opens a door, so that it is hunted in bodies as well."""


SECRET_HEADERS: tuple[SecretHeader, ...] = (
    SecretHeader("authorization", "the API key or access token"),
    SecretHeader("proxy-authorization", "the password of a proxy on the way"),
    SecretHeader("api-key", "Azure OpenAI's API key"),
    SecretHeader("x-api-key", "the API key of many gateways"),
    SecretHeader("x-goog-api-key", "the API key of Google's gateways"),
    SecretHeader("ocp-apim-subscription-key", "the key of an Azure API Management gateway"),
    SecretHeader("x-amz-security-token", "temporary AWS credentials"),
    SecretHeader("cf-aig-authorization", "the token of a Cloudflare AI gateway"),
    SecretHeader("helicone-auth", "the token of a Helicone gateway"),
    SecretHeader("x-portkey-api-key", "the token of a Portkey gateway"),
    SecretHeader("cookie", "browser and CDN sessions, many in one value", credential=False),
    SecretHeader("set-cookie", "a browser or CDN session, with its lifetime", credential=False),
    SecretHeader("openai-organization", "names the customer", credential=False),
    SecretHeader("openai-project", "names the customer's project", credential=False),
    SecretHeader("chatgpt-account-id", "names the customer's account", credential=False),
)

SECRET_HEADER = {entry.name: entry for entry in SECRET_HEADERS}

SCHEMES = ("bearer", "basic", "token", "apikey", "digest")
"""Words that may stand before a credential in an authorization header and are no secret."""

SUBPROTOCOL_KEY = "openai-insecure-api-key."
"""What stands before an API key in `sec-websocket-protocol`, the only place that browsers have."""

SECRET_QUERY = frozenset({"api-key", "api_key", "apikey", "key", "access_token", "token", "sig"})
"""Query parameters whose value is a credential (gateways, signed URLs), in lower case."""

_SECRET_NAME = re.compile(r"(?:^|[-_])(?:api-?key|key|token|secret|password|authorization)$")
"""What names of headers end in that carry credentials, of gateways that nobody has listed."""

_SECRET_PARAMETER = re.compile(rf"{_SECRET_NAME.pattern}|(?:^|[-_])signature$")
"""The same for query parameters, among which signed URLs have their signature."""

HARMLESS_QUERY = frozenset(
    {"page_token", "next_token", "continuation_token", "page_key", "idempotency_key"}
)
"""Parameters whose names look like credentials and are none: most say where a list goes on."""


def secret_query(name: str) -> bool:
    """Whether a query parameter's value must not be written."""
    name = name.lower()
    if name.replace("-", "_") in HARMLESS_QUERY:
        return False
    return name in SECRET_QUERY or _SECRET_PARAMETER.search(name) is not None


def secret_header(name: str) -> SecretHeader | None:
    """Why a header's value must not be written; None if it may."""
    name = name.lower()
    if name in SECRET_HEADER:
        return SECRET_HEADER[name]
    if _SECRET_NAME.search(name) and name not in HARMLESS:
        return SecretHeader(name, "its name says so")
    return None


HARMLESS = frozenset({"idempotency-key", "x-idempotency-key", "sec-websocket-key"})
"""Headers whose names look like credentials and are none."""

SHORTEST_CREDENTIAL = 8
LONG_CREDENTIAL = 16


def worth_hunting(credential: str) -> bool:
    """Whether a credential is looked for in bodies: it must not be a word that any text may hold.

    Local servers take any key, so `none`, `lm-studio` and `not-needed` are usual; what opens a door
    is long, has digits, or begins as the vendor's keys do.
    """
    if len(credential) < SHORTEST_CREDENTIAL:
        return False
    return (
        len(credential) >= LONG_CREDENTIAL
        or credential.startswith("sk-")
        or any(c.isdigit() for c in credential)
    )
