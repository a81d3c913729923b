"""What respool has considered of the API is what the installed SDK knows, name by name."""

import subprocess
import sys
from collections.abc import Iterable
from typing import Any, get_args, get_type_hints

import pytest
from openai.types import beta as sdk_beta
from openai.types import responses as sdk
from openai.types.beta.response_create_params import ResponseCreateParamsBase
from sdk_values import places

from wire import events, vocabulary
from wire.schema import check, surface, tags
from wire.schema_annotations import declared, members
from wire.schema_annotations import tags as tags_of
from wire.vocabulary import is_beta


def field(model: Any, name: str) -> Any:
    """The annotation of a model's field."""
    return declared(model)[name][0]


def words(annotation: Any) -> set[str]:
    """The literal strings of an annotation, also where any other string is admitted beside them."""
    return {
        value
        for each in members(annotation)
        for value in get_args(each)
        if get_args(each) and isinstance(value, str)
    }


def types(annotation: Any) -> set[str]:
    """The tags of the models of an annotation."""
    return {tag for model in members(annotation) for tag in tags_of(model)}


def element(annotation: Any) -> Any:
    """What a list holds."""
    (found,) = (get_args(each)[0] for each in members(annotation) if get_args(each))
    return found


def parts(response: Any, output_text: Any, steer_failed: Any) -> dict[str, set[str]]:
    """Each family of names as the SDK has it, of the API or of its beta."""
    return {
        "RESPONSE_STATUSES": words(field(response, "status")),
        "INCOMPLETE_REASONS": words(
            field(next(members(field(response, "incomplete_details"))), "reason")
        ),
        "ERROR_CODES": words(field(next(members(field(response, "error"))), "code")),
        "STEER_ERROR_CODES": words(field(field(steer_failed, "error"), "code")),
        "ANNOTATIONS": types(element(field(output_text, "annotations"))),
        "TOOL_CHOICE_OPTIONS": words(field(response, "tool_choice")),
        "TOOL_CHOICES": types(field(response, "tool_choice")),
        "SERVICE_TIERS": words(field(response, "service_tier")),
    }


FAMILIES: dict[str, set[str]] = {
    **parts(sdk.Response, sdk.ResponseOutputText, sdk.ResponseSteerFailedEvent),
    "STEER_PENDING_REASONS": words(field(sdk.ResponseSteerPendingEvent, "reason")),
    "INJECT_ERROR_CODES": words(
        field(field(sdk_beta.BetaResponseInjectFailedEvent, "error"), "code")
    ),
    "INCLUDABLES": words(sdk.ResponseIncludable),
    "BETAS": words(element(get_type_hints(ResponseCreateParamsBase)["betas"])),
}


def difference(ours: Iterable[str], known: Iterable[str]) -> dict[str, list[str]]:
    """What to add to the registry, and what to take out of it or explain."""
    return {
        "the SDK knows more": sorted(set(known) - set(ours)),
        "the SDK does not know": sorted(set(ours) - set(known)),
    }


NONE = difference((), ())


@pytest.mark.parametrize("family", FAMILIES)
def test_every_name_of_the_sdk_is_considered(family: str) -> None:
    """A status, reason, code, choice or option of the SDK is in the registry, and no other."""
    assert FAMILIES[family]
    assert difference(getattr(vocabulary, family), FAMILIES[family]) == NONE


def test_beta_has_the_same_names() -> None:
    """The beta describes the same statuses, reasons and codes once more."""
    own = parts(
        sdk_beta.BetaResponse,
        sdk_beta.BetaResponseOutputText,
        sdk_beta.BetaResponseSteerFailedEvent,
    )
    for family, known in own.items():
        assert difference(getattr(vocabulary, family), known) == NONE, family


def test_every_family_is_held_against_the_sdk() -> None:
    """No registry of names is left out of this test; those derived from another are part of it."""
    ours = {name for name, value in vars(vocabulary).items() if isinstance(value, frozenset)}
    assert ours - {"UNFINISHED"} == set(FAMILIES)
    assert vocabulary.UNFINISHED < vocabulary.RESPONSE_STATUSES


def test_every_event_of_the_sdk_has_a_role() -> None:
    """What a server sends, by SSE, WebSocket or in the beta, is in the registry, and no other."""
    known = {beta: tags("event", beta=beta) | tags("websocket_event", beta=beta) for beta in (0, 1)}
    assert difference(events.EVENTS.keys() - events.BETA, known[0]) == NONE
    assert difference(events.EVENTS, known[1]) == NONE
    assert events.EVENTS.keys() - tags("event", beta=True) == events.WEBSOCKET_ONLY


def test_every_client_event_of_the_sdk_is_known() -> None:
    """What a client sends over a WebSocket is in the registry, and no other."""
    assert difference(events.CLIENT_EVENTS - events.BETA, tags("client_event")) == NONE
    assert difference(events.CLIENT_EVENTS, tags("client_event", beta=True)) == NONE


def test_roles_say_what_the_sdk_types_say() -> None:
    """What an event is said to carry is a field of its type, and each delta is called one."""
    carried = {events.Role.RESPONSE: "response", events.Role.ITEM: "item"}
    for model in members(sdk.ResponseStreamEvent):
        (name,) = tags_of(model)
        role = events.EVENTS[name]
        for each, needed in carried.items():
            assert (needed in declared(model)) is (role is each), name
        assert name.endswith(".delta") is (name in events.DELTAS)
    assert events.TERMINAL - {"error"} < events.RESPONSES


OPEN = {
    "compact_request: model",
    "create_request: model",
    "invalid_request_error: code",  # of a steer
    "image_generation: model",
    "image_generation: size",
    "image_generation_call: size",
    "input_tokens_request: personality",
    "misalignment: error_type",
    "reasoning: mode",
    "response: model",
    "response.create: model",
    "response.steer.pending: reason",
}
"""By the thing or the field that has them."""


def test_what_is_open_by_design() -> None:
    """Where the SDK lists words and admits any other, a new one is no deviation; else it is one.

    Models, sizes of images and what became of a steer are open; statuses, reasons, codes and tiers
    are not.
    """
    found = {
        f"{place.tag or place.step.strip('[]') or kind}: {name}"
        for kind, annotation in surface(False).kinds.items()
        for place in places(annotation)
        for name, (each, _) in declared(place.model).items()
        if str in members(each) and words(each)
    }
    assert difference(OPEN, found) == NONE
    steer = {"type": "response.steer.pending", "sequence_number": 1, "required_input": []}
    steer["steer"] = {"id": "steer_a", "previous_response_id": "resp_a"}
    assert check("websocket_event", {**steer, "reason": "waiting_for_rain"}) == []


@pytest.mark.parametrize(
    ("path", "headers", "beta"),
    [
        ("/v1/responses", [], False),
        ("/v1/responses?beta=true", [], True),
        ("/v1/responses?beta=false&x=beta", [], False),
        ("/v1/responses", [("OpenAI-Beta", "responses_multi_agent=v1")], True),
        ("/v1/responses", [("openai-beta", "a=b, responses_multi_agent=v1")], True),
        ("/v1/responses", [("openai-beta", "responses_websockets=2026-02-06")], False),
    ],
)
def test_beta_is_told_by_query_or_header(
    path: str, headers: list[tuple[str, str]], beta: bool
) -> None:
    """A request of the SDK's beta client is one; a header with another purpose makes none."""
    assert is_beta(path, headers) is beta


def test_registries_are_light() -> None:
    """The recorder asks these registries, so that they bring no package with them."""
    script = "import sys, wire.events, wire.vocabulary; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert not {"pydantic", "openai", "msgspec"} & set(done.stdout.split())
