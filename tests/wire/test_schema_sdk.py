"""What the SDK says of the API in types is what the schema makes of them."""

import subprocess
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Literal, NotRequired, Required, Union, get_args, get_origin, get_type_hints

import pytest
from openai.types import beta as sdk_beta
from openai.types import responses as sdk

from wire.schema import Kind, check, surface, tags

UNIONS: dict[tuple[Kind, bool], Any] = {
    ("input_item", False): sdk.ResponseInputItem,
    ("output_item", False): sdk.ResponseOutputItem,
    ("item", False): sdk.ResponseItem,
    ("tool", False): sdk.Tool,
    ("event", False): sdk.ResponseStreamEvent,
    ("websocket_event", False): sdk.ResponsesServerEvent,
    ("client_event", False): sdk.ResponsesClientEvent,
    ("input_item", True): sdk_beta.BetaResponseInputItem,
    ("output_item", True): sdk_beta.BetaResponseOutputItem,
    ("item", True): sdk_beta.BetaResponseItem,
    ("tool", True): sdk_beta.BetaTool,
    ("event", True): sdk_beta.BetaResponseStreamEvent,
    ("websocket_event", True): sdk_beta.BetaResponsesServerEvent,
    ("client_event", True): sdk_beta.BetaResponsesClientEvent,
}


def models_of(union: Any) -> list[Any]:
    """The classes of one of the SDK's annotated unions."""
    return list(get_args(get_args(union)[0]))


@pytest.mark.parametrize(("described", "union"), UNIONS.items())
def test_every_tag_of_the_sdk_is_known(described: tuple[Kind, bool], union: Any) -> None:
    """Whatever `type` the installed SDK's union has, the schema has, and nothing else."""
    kind, beta = described
    known = {
        tag
        for model in models_of(union)
        for tag in _literals(model.model_fields["type"].annotation)
    }
    assert sorted(known - tags(kind, beta=beta)) == []
    assert sorted(tags(kind, beta=beta) - known) == []
    assert [tag for tag in sorted(known) if any(_unknown(tag, kind, beta))] == []


def _unknown(tag: str, kind: Kind, beta: bool) -> list[bool]:
    return [each.kind == "unknown_type" for each in check(kind, {"type": tag}, beta=beta)]


def _literals(annotation: Any) -> list[str]:
    inner = [each for each in get_args(annotation) if not isinstance(each, str)]
    return [each for each in get_args(annotation) if isinstance(each, str)] + [
        tag for each in inner for tag in _literals(each)
    ]


@pytest.mark.parametrize("beta", [False, True], ids=["api", "beta"])
def test_every_annotation_of_the_sdk_is_understood(beta: bool) -> None:
    """The SDK describes the API in models, unions, literals, lists, maps and scalars only."""
    pending: list[Any] = [*surface(beta).kinds.values(), *surface(beta).tagged]
    met: set[Any] = set()
    strange = set()
    while pending:
        annotation = pending.pop()
        if annotation in met:
            continue
        met.add(annotation)
        origin = get_origin(annotation)
        if hasattr(annotation, "model_fields"):
            pending += [field.annotation for field in annotation.model_fields.values()]
        elif hasattr(annotation, "__required_keys__"):
            pending += get_type_hints(annotation, include_extras=True).values()
        elif origin is None and annotation not in (str, int, float, bool, object, type(None)):
            strange.add(annotation)
        elif origin in (Union, Required, NotRequired, list, dict, Iterable, Sequence):
            pending += get_args(annotation)
        elif hasattr(annotation, "__metadata__"):
            pending.append(get_args(annotation)[0])
        elif origin is Literal:
            strange |= {each for each in get_args(annotation) if not isinstance(each, str)}
        elif origin is not None:
            strange.add(annotation)
    assert strange == set()
    assert len(met) > 1000


FIRST_CHECKS = """
import sys, time
sys.path.append({tests!r})
from things import VALID
from wire.schema import check
began = time.process_time()
for kind, value in VALID:
    if kind in ("create_request", "input_item", "event", "response"):
        assert check(kind, value) == []
print(time.process_time() - began)
"""


@pytest.mark.slow
def test_first_checks_take_no_time_that_is_felt() -> None:
    """In a new process, what a streamed exchange consists of is checked within half a second."""
    script = FIRST_CHECKS.format(tests=str(Path(__file__).parents[1] / "support"))
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert float(run.stdout) < 0.5


BETA_IMPORTED = """
import sys
from wire.schema import check
loaded = []
for beta in (False, True):
    item = {"type": "agent_message", "id": "am_a", "author": "a", "recipient": "b", "content": []}
    found = [each.kind for each in check("output_item", item, beta=beta)]
    loaded.append((found, "openai.types.beta.beta_response" in sys.modules))
print(loaded)
"""


def test_beta_costs_only_who_meets_it() -> None:
    """The beta's types are imported for the first thing of the beta, not before."""
    command = [sys.executable, "-c", BETA_IMPORTED]
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[(['unknown_type'], False), ([], True)]"
