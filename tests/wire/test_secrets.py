"""The registry of secrets: every entry is well-formed, has its reason, and works in a recording."""

import pytest

from cassettes.redaction import Redactor
from wire.secrets import (
    SCHEMES,
    SECRET_HEADER,
    SECRET_HEADERS,
    SECRET_QUERY,
    SHORTEST_CREDENTIAL,
    SecretHeader,
)

VALUE = "s3cret-0123456789/abc+de=="


@pytest.mark.parametrize("entry", SECRET_HEADERS, ids=lambda entry: entry.name)
def test_a_secret_header_is_described(entry: SecretHeader) -> None:
    """An entry has a name in lower case, is named once, and says why it is secret."""
    assert entry.name == entry.name.lower().strip()
    assert entry.reason
    assert SECRET_HEADER[entry.name] is entry
    assert len(SECRET_HEADER) == len(SECRET_HEADERS)


@pytest.mark.parametrize("entry", SECRET_HEADERS, ids=lambda entry: entry.name)
@pytest.mark.parametrize("spelled", [str.lower, str.upper, str.title])
def test_a_secret_header_loses_its_value(entry: SecretHeader, spelled: type[str.lower]) -> None:
    """The header's value is replaced, however the name is written, and the same way each time."""
    redactor = Redactor("salt")
    [(name, value), *_] = redactor.headers([(spelled(entry.name), VALUE), ("accept", "*/*")])
    assert name == entry.name
    assert value == redactor.placeholder(VALUE)
    assert VALUE not in value


@pytest.mark.parametrize("entry", SECRET_HEADERS, ids=lambda entry: entry.name)
def test_a_credential_is_hunted_where_it_turns_up_again(entry: SecretHeader) -> None:
    """What opens a door is replaced in bodies and other headers; what only names is kept there."""
    redactor = Redactor("salt")
    _, (_, other) = redactor.headers([(entry.name, VALUE), ("x-other", f"<{VALUE}>")])
    body = redactor.text(f'{{"note":"{VALUE}"}}'.encode())
    assert (VALUE not in other) == entry.credential
    assert (VALUE.encode() not in body) == entry.credential


@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_scheme_is_no_part_of_the_credential(scheme: str) -> None:
    """After `Bearer` or another scheme the credential alone is hunted."""
    redactor = Redactor("salt")
    redactor.headers([("Authorization", f"{scheme.title()} {VALUE}")])
    assert redactor.text(VALUE.encode()) == redactor.placeholder(VALUE).encode()


@pytest.mark.parametrize(
    "name",
    [
        *sorted(SECRET_QUERY),
        *("subscription-key", "client_secret", "password", "X-Amz-Signature"),
        "X-Amz-Security-Token",
    ],
)
def test_a_secret_parameter_loses_its_value(name: str) -> None:
    """The parameter's value is replaced wherever it stands in the query; the rest is kept."""
    redactor = Redactor("salt")
    for path in (
        f"/v1/responses?{name}=a.b%2Fc-d9x",
        f"/r?stream=true&{name.upper()}=a.b%2Fc-d9x&z",
    ):
        expected = path.replace("a.b%2Fc-d9x", redactor.placeholder("a.b/c-d9x"))
        assert redactor.target(path) == expected
    assert redactor.text(b"a.b/c-d9x") == redactor.placeholder("a.b/c-d9x").encode()


@pytest.mark.parametrize(
    "name", ["after", "page_token", "Next-Token", "Idempotency-Key", "monkey", "signatures"]
)
def test_a_parameter_that_is_no_secret_is_kept(name: str) -> None:
    """What says where a list goes on, or only ends in the same letters, is as it was sent."""
    path = f"/v1/responses?{name}=a.b%2Fc-d9x"
    assert Redactor("salt").target(path) == path


def test_short_values_are_not_hunted() -> None:
    """A key like `test` is replaced in its header and left alone where it is a word."""
    redactor = Redactor("salt")
    short = "k" * (SHORTEST_CREDENTIAL - 1)
    [(_, value)] = redactor.headers([("authorization", f"Bearer {short}")])
    assert short not in value
    assert redactor.text(f"a {short}".encode()) == f"a {short}".encode()
