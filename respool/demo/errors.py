"""The refusals of the scripted server, in the words and shape of a vendor's.

An error is raised where it is found and turned into an answer in one place. Its body always has the
four members that clients read: `message`, `type`, `param` and `code`.
"""

from collections.abc import Mapping


class ApiError(Exception):
    """An HTTP error answer: `status`, `headers` to add, and the `body` to send as JSON."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        kind: str = "invalid_request_error",
        code: str | None = None,
        param: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.headers = dict(headers or {})
        self.body = {"error": {"message": message, "type": kind, "param": param, "code": code}}


def unauthorized() -> ApiError:
    """401: no key came along."""
    return ApiError(
        401, "No API key was given. Send it as a header: Authorization: Bearer YOUR_KEY"
    )


def not_found(method: str, path: str) -> ApiError:
    """404: no such endpoint."""
    return ApiError(404, f"Invalid URL ({method} {path})")


def unknown_response(response_id: str) -> ApiError:
    """404: `previous_response_id` names an answer that was never stored here."""
    return ApiError(
        404,
        f"Previous response with id '{response_id}' not found.",
        code="previous_response_not_found",
        param="previous_response_id",
    )


def no_such(what: str, name: str) -> ApiError:
    """404: nothing of this name was stored here."""
    return ApiError(404, f"{what} with id '{name}' not found.", param="id")


def unreadable(message: str, param: str | None = None, code: str | None = None) -> ApiError:
    """400: the body is not JSON, or lacks what every request needs."""
    return ApiError(400, message, param=param, code=code)


def too_long() -> ApiError:
    """400: the input does not fit into the model's context window."""
    return ApiError(
        400,
        "Your input exceeds the context window of this model. Please adjust your input.",
        code="context_length_exceeded",
        param="input",
    )


def rate_limited(retry_after_ms: int) -> ApiError:
    """429: come back in `retry_after_ms`."""
    return ApiError(
        429,
        f"Rate limit reached. Please try again in {retry_after_ms}ms.",
        kind="requests",
        code="rate_limit_exceeded",
        headers={"retry-after-ms": str(retry_after_ms), "x-ratelimit-remaining-requests": "0"},
    )


def server_error() -> ApiError:
    """500: the model gave up, and there is no stream to say it in."""
    return ApiError(
        500,
        "The server had an error while processing your request.",
        kind="server_error",
        code="server_error",
    )
