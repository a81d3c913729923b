"""The names of the API that are no types of things: statuses, reasons, codes, choices, options.

What respool has considered, light to import. A test holds each family against the installed SDK
and names what the SDK has and this page has not, so that a new name is met by a person before it is
met by a user. Validation asks the SDK's types, never this page. Events are in `wire.events`.
"""

from collections.abc import Iterable
from urllib.parse import parse_qs

RESPONSE_STATUSES = frozenset(
    {"completed", "failed", "in_progress", "cancelled", "queued", "incomplete"}
)
"""`status` of a Response."""

UNFINISHED = frozenset({"queued", "in_progress"})
"""Of these, the ones after which another follows."""

INCOMPLETE_REASONS = frozenset({"max_output_tokens", "max_messages", "content_filter", "steered"})
"""`incomplete_details.reason` of a Response."""

ERROR_CODES = frozenset(
    {
        "bio_policy",
        "data_residency_mismatch",
        "empty_image_file",
        "failed_to_download_image",
        "image_content_policy_violation",
        "image_file_not_found",
        "image_file_too_large",
        "image_parse_error",
        "image_too_large",
        "image_too_small",
        "invalid_base64_image",
        "invalid_image",
        "invalid_image_format",
        "invalid_image_mode",
        "invalid_image_url",
        "invalid_prompt",
        "misalignment_policy_violation",
        "rate_limit_exceeded",
        "server_error",
        "unsupported_image_media_type",
        "vector_store_timeout",
    }
)
"""`error.code` of a failed Response. Errors that come in place of one have any code."""

STEER_ERROR_CODES = frozenset(
    {
        "invalid_input",
        "response_already_completed",
        "response_not_active",
        "response_not_found",
        "steering_not_supported",
        "successor_creation_failed",
        "too_many_pending_steers",
    }
)
"""`error.code` of `response.steer.failed`. Open: the API says that there will be more."""

STEER_PENDING_REASONS = frozenset({"waiting_for_required_input"})
"""`reason` of `response.steer.pending`. Open, too."""

INJECT_ERROR_CODES = frozenset({"response_already_completed", "response_not_found"})
"""`error.code` of `response.inject.failed`, of the beta."""

ANNOTATIONS = frozenset({"container_file_citation", "file_citation", "file_path", "url_citation"})
"""`type` of an annotation of an output text."""

TOOL_CHOICE_OPTIONS = frozenset({"none", "auto", "required"})
"""A `tool_choice` that is a word."""

TOOL_CHOICES = frozenset(
    {
        "allowed_tools",
        "apply_patch",
        "code_interpreter",
        "computer",
        "computer_use",
        "computer_use_preview",
        "custom",
        "file_search",
        "function",
        "image_generation",
        "mcp",
        "programmatic_tool_calling",
        "shell",
        "web_search_preview",
        "web_search_preview_2025_03_11",
    }
)
"""`type` of a `tool_choice` that is an object."""

SERVICE_TIERS = frozenset({"auto", "default", "fast", "flex", "priority", "scale", "ultrafast"})
"""`service_tier` of requests and Responses."""

INCLUDABLES = frozenset(
    {
        "code_interpreter_call.outputs",
        "computer_call_output.output.image_url",
        "file_search_call.results",
        "message.input_image.image_url",
        "message.output_text.logprobs",
        "reasoning.encrypted_content",
        "web_search_call.action.sources",
        "web_search_call.results",
    }
)
"""What the `include` of a request may ask for."""

BETAS = frozenset({"responses_multi_agent=v1"})
"""Values of the header `openai-beta` by which a request asks for the beta's types."""


def is_beta(path: str, headers: Iterable[tuple[str, str]]) -> bool:
    """Whether a request is one of the SDK's `client.beta.responses`: by its query or its header.

    The header alone does not tell: it also switches on what has no types of its own, such as
    WebSockets, so that its value counts. `path` may carry a query; names of headers in any case.
    """
    if "true" in parse_qs(path.partition("?")[2]).get("beta", ()):
        return True
    return any(
        name.lower() == "openai-beta" and not BETAS.isdisjoint(map(str.strip, value.split(",")))
        for name, value in headers
    )
