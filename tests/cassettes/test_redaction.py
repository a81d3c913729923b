"""Secrets stay off the disk: no known credential survives in any line, in any spelling."""

import base64
import json
import re
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from traffic import ENCODINGS, JSON, compact, exchange, load, sse, write

from cassettes.redaction import MOST_KNOWN, Redactor, without_placeholders

SPELLINGS: dict[str, Callable[[str], str]] = {
    "as it is": str,
    "JSON": lambda key: json.dumps(key)[1:-1],
    "JSON beyond ASCII": lambda key: json.dumps(key, ensure_ascii=False)[1:-1],
    "JSON with slashes escaped": lambda key: json.dumps(key)[1:-1].replace("/", r"\/"),
    "JSON in JSON": lambda key: json.dumps(json.dumps(key)[1:-1])[1:-1],
    "Gson": lambda key: json.dumps(key)[1:-1].replace("=", r"\u003d"),
    ".NET": lambda key: json.dumps(key)[1:-1].replace("+", r"\u002B"),
    "URL": lambda key: quote(key, safe=""),
    "URL path": quote,
    "form": quote_plus,
    "URL in lower case": lambda key: re.sub(r"%..", lambda f: f[0].lower(), quote(key, safe="")),
}

keys = st.text("abcXYZ019-._~+/=&<>%\"\\'é日", min_size=8, max_size=30).map(lambda key: f"sk-{key}")


@given(keys, st.sampled_from(sorted(ENCODINGS)))
@example('sk-"quoted"/+=&\\é', "")
@example("sk-aaaaaaaaaaaa", "gzip")
def test_no_key_survives_in_any_line(scratch: Path, key: str, encoding: str) -> None:
    """A key is gone from path, headers, requests, bodies and events, however it was written."""
    spelled = [spell(key) for spell in SPELLINGS.values()]
    text = " ".join(spelled)
    events = sse({"type": "a", "delta": key}, {"type": "error", "message": json.dumps(key)})
    said = [*events, f": {text}\n\n".encode()]
    travelled = ENCODINGS[encoding](f"[{text}]".encode())
    write(
        scratch,
        exchange(
            1,
            compact({"input": [{"text": key}], "tools": [{"note": text}], "instructions": text}),
            travelled,
            path=f"/v1/responses?note={quote(key, safe='')}&api-key={quote(key, safe='')}",
            sent=[("X-Echo", quote(key)), ("Authorization", f"Bearer {key}"), ("X-Raw", key)],
            got=[*JSON, ("X-Echo", key), ("Content-Encoding", encoding)],
        ),
        exchange(2, b"\xff" + text.encode(), said, sent=[("Referer", f"https://x.test/?k={key}")]),
    )
    written = scratch.read_text("utf-8")
    pieces = [piece for one in load(scratch) for piece in (one.request.body, one.body)]
    for spelling in spelled:
        assert spelling not in written
        assert not [piece for piece in pieces if spelling.encode() in piece]
    assert re.sub(r"\[secret:[0-9a-f]{12}\]", "", written).count("sk-") == 0


@pytest.mark.parametrize("word", ["none", "lm-studio", "not-needed", "responses"])
def test_words_that_are_no_credentials_stay(word: str) -> None:
    """What local servers take for a key is replaced in its header, and nowhere else."""
    redactor = Redactor("salt")
    path, headers = redactor.request("/v1/responses", [("Authorization", f"Bearer {word}")])
    assert path == "/v1/responses"
    assert word not in headers[0][1]
    assert redactor.text(f"{word}-community/gemma".encode()) == f"{word}-community/gemma".encode()


def test_spellings_of_authorization() -> None:
    """A tab after the scheme, and a password in basic credentials, are found out."""
    redactor = Redactor("salt")
    basic = base64.b64encode(b"me:hunter2-hunter2").decode()
    redactor.headers([("Authorization", "Bearer\tsk-tabbed-0123"), ("X-Api-Key", f"Basic {basic}")])
    left = redactor.text(b"sk-tabbed-0123 hunter2-hunter2")
    assert b"sk-tabbed" not in left
    assert b"hunter2" not in left


@pytest.mark.parametrize("name", ["X-LiteLLM-Api-Key", "x-auth-token", "My-Secret", "x-goog-key"])
def test_unlisted_headers_whose_names_tell(name: str) -> None:
    """A header that nobody has listed is redacted where its name ends as those of keys do."""
    ((_, value),) = Redactor("salt").headers([(name, "abc-0123456789")])
    assert "0123456789" not in value


def test_each_part_of_a_request_is_free_of_the_secrets_of_the_others() -> None:
    """A key in the query is gone from the headers, and one in a header is gone from the path."""
    redactor = Redactor("salt")
    path, headers = redactor.request(
        "/v1/responses?api-key=query-key-1&next=header-key-2",
        [("Referer", "https://x.test/?k=query-key-1"), ("X-Api-Key", "header-key-2")],
    )
    kept = json.dumps([path, headers])
    assert "query-key" not in kept
    assert "header-key" not in kept
    assert path.endswith(f"&next={redactor.placeholder('header-key-2')}")


def test_equal_secrets_are_equal_in_a_cassette_and_in_no_other() -> None:
    """The salt makes placeholders of one cassette comparable and those of two worthless."""
    one, same, other = Redactor("salt"), Redactor("salt"), Redactor("pepper")
    assert one.placeholder("key") == same.placeholder("key") != one.placeholder("another")
    assert one.placeholder("key") != other.placeholder("key")
    assert without_placeholders(b"a " + one.placeholder("key").encode()) == (
        without_placeholders(b"a " + other.placeholder("key").encode())
    )
    assert without_placeholders(b"[secret:] [secret:xyz]") == b"[secret:] [secret:xyz]"


def test_a_key_that_begins_another_does_not_betray_it() -> None:
    """Of two keys the longer one is replaced whole, in whatever order they were seen."""
    for order in (["short-k3y", "short-k3y-and-more"], ["short-k3y-and-more", "short-k3y"]):
        redactor = Redactor("salt")
        redactor.headers([("api-key", key) for key in order])
        found = redactor.text(b"short-k3y-and-more, short-k3y-an, short-k3y")
        longer, shorter = (redactor.placeholder(k) for k in ("short-k3y-and-more", "short-k3y"))
        assert found.decode() == f"{longer}, {shorter}-an, {shorter}"


@pytest.mark.parametrize(
    "value", ["Bearer \udcff\udcfe0123456789", "Bearer k\x00\x01\x02345678", "é" * 9, "Bearer  "]
)
def test_no_header_makes_redaction_fail(value: str) -> None:
    """Header bytes that are no text are redacted like any others."""
    redactor = Redactor("salt")
    [(_, secret), (name, other)] = redactor.headers(
        [("Authorization", value), ("X-\udcff", f"<{value.removeprefix('Bearer ')}>")]
    )
    json.dumps([secret, name, other], ensure_ascii=False).encode()
    assert redactor.target(f"/v1/responses?key={value}\udcff").encode()
    if value.strip() != "Bearer":
        assert "0123456789" not in other


def test_placeholders_are_not_redacted_again() -> None:
    """What was redacted once, as in a cassette that is played and recorded anew, stays."""
    redactor = Redactor("salt")
    placeholder = redactor.placeholder("some secret")
    redactor.headers([("Authorization", f"Bearer {placeholder}")])
    assert redactor.text(placeholder.encode()) == placeholder.encode()


def test_what_is_unfinished_is_held_back() -> None:
    """An end that may be the beginning of a key is not settled; what cannot be is."""
    redactor = Redactor("salt")
    assert redactor.settled(b"abc") == (b"abc", b"")
    redactor.headers([("api-key", "0123456789")])
    placeholder = redactor.placeholder("0123456789").encode()
    assert redactor.settled(b"01234567") == (b"", b"01234567")
    assert redactor.settled(b"x0123456789") == (b"x" + placeholder, b"")
    assert redactor.settled(b"abc 012345678") == (b"abc ", b"012345678")
    assert redactor.settled("日本".encode() * 9)[0].decode() == "日本" * 7 + "日"


def test_the_latest_credentials_are_looked_for() -> None:
    """Where each request has a key of its own, what is looked for stays a bounded number."""
    redactor = Redactor("00")
    keys = [f"sk-{number:04}-{'k' * 20}" for number in range(MOST_KNOWN + 50)]
    for key in keys:
        redactor.headers([("Authorization", f"Bearer {key}")])
        redactor.headers([("Authorization", f"Bearer {keys[0]}")])
    for key in (keys[0], *keys[-MOST_KNOWN + 1 :]):
        assert key.encode() not in redactor.text(b"it was " + key.encode())
    assert redactor.text(keys[10].encode()) == keys[10].encode()
