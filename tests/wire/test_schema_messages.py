"""How a message is told from the others of its tag before it is checked."""

from typing import Any

import pytest

from wire.schema import Deviation, check


@pytest.mark.parametrize(
    ("message", "lacking"),
    [
        ({"role": "user", "content": [{"text": "Hi"}]}, {"content[].type"}),
        ({"type": "message", "role": "user", "content": [{"type": "input_image"}]}, set()),
        ({"type": "message", "content": [{"type": "output_text"}]}, {"id", "role", "status"}),
        ({"type": "message", "role": "assistant", "id": "m", "content": []}, {"status"}),
        ({"type": "message", "role": "system", "status": "completed"}, {"content"}),
    ],
)
def test_message_is_judged_by_what_it_was_meant_to_be(
    message: dict[str, Any], lacking: set[str]
) -> None:
    """Role, fields and parts tell the SDK's messages apart, so that only what is missing counts."""
    found = check("input_item", message)
    assert {each.type for each in found} <= {"message"}
    assert {each.kind for each in found} <= {"missing_field"}
    assert lacking <= {each.path for each in found}


def test_rewritten_assistant_message_is_judged_as_an_output_message() -> None:
    """A client that echoes an answer without its ids is told what it dropped, nothing else."""
    echoed = {"role": "assistant", "type": "message", "content": [{"type": "output_text"}]}
    found = check("input_item", echoed)
    assert {each.kind for each in found} == {"missing_field"}
    assert {each.path for each in found} == {
        "id",
        "status",
        "content[].text",
        "content[].annotations",
    }


@pytest.mark.parametrize("role", ["user", "system", "developer"])
def test_message_with_an_odd_status_is_told_by_it(role: str) -> None:
    """Only some messages have a status, so that one with an unknown status is one of them."""
    message = {"type": "message", "role": role, "content": [], "status": "done"}
    assert check("input_item", message) == [Deviation("unknown_value", "status", "message", "done")]
