"""Clients that need more than a variable: the command itself, Codex, Node. Nothing is run but
`node --version`, and files are only read.
"""

import os
import re
import shutil
import subprocess
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from respool.doctor.finding import Asked, Finding, ok, problem, warning
from respool.doctor.origin import Origin
from respool.trust import USE_ENV_PROXY

_NODE_S = 1.5
_FIRST_NODE_WITH_PROXY = 24
_HTTP_PROXY_VARIABLES = ("HTTPS_PROXY", "https_proxy")


def command(asked: Asked) -> Iterator[Finding]:
    """Whether CMD can be started; quiet without one."""
    if not asked.command:
        return
    found = shutil.which(asked.command[0])
    if found is None:
        yield problem(
            "command",
            f"{asked.command[0]} is not a program that can be run from here",
            "mind the spelling and PATH, or give its whole path",
        )
    else:
        yield ok("command", f"{asked.command[0]} is {found}")


def codex(asked: Asked) -> Iterator[Finding]:
    """Where Codex goes: it takes no base URL from the environment. Quiet where there is none."""
    is_command = bool(asked.command) and Path(asked.command[0]).name == "codex"
    home = Path(os.environ.get("CODEX_HOME") or Path.home() / ".codex")
    path = home / "config.toml"
    if not (is_command or path.exists() or shutil.which("codex")):
        return
    try:
        settings = tomllib.loads(path.read_text("utf-8")) if path.exists() else {}
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or "it is not TOML"
        yield warning("codex", f"{path} cannot be read: {why}", "mend it; Codex needs it too")
        return
    url = _codex_url(settings)
    if url is None:
        advice = (
            f'put `openai_base_url = "http://127.0.0.1:PORT/v1"` on top of {path}, with the '
            "--port of `respool record`; or record by HTTPS_PROXY (`--proxy`)"
        )
        if is_command and not asked.proxy:
            yield warning(
                "codex", "ignores OPENAI_BASE_URL, and its config has no base URL", advice
            )
        elif not asked.command and not asked.proxy:
            yield ok("codex", f"goes past respool until {path} has an openai_base_url")
        return
    yield _codex_goes_to(Origin.of(url), path, is_command=is_command)


def _codex_goes_to(origin: Origin | None, path: Path, *, is_command: bool) -> Finding:
    if origin is None:
        return warning("codex", f"the base URL in {path} is no URL", "give http://HOST:PORT/v1")
    if origin.is_loopback and not origin.answers:
        make = problem if is_command else warning
        return make(
            "codex",
            f"nothing listens at {origin}, where {path} sends Codex",
            f"start `respool record --port {origin.port}`, or remove that base URL",
        )
    return ok("codex", f"goes to {origin}, as {path} says")


def _codex_url(settings: Mapping[str, Any]) -> str | None:  # whatever a user's TOML holds
    """The base URL that Codex takes: that of its provider, else its own setting."""
    with suppress(AttributeError, TypeError):
        name = settings.get("model_provider")
        provider = settings.get("model_providers", {}).get(name, {})
        url = provider.get("base_url") or settings.get("openai_base_url")
        return str(url) if url else None
    return None


def node(asked: Asked) -> Iterator[Finding]:
    """Whether Node's clients would take HTTPS_PROXY; quiet where none is meant to be used."""
    by_proxy = asked.proxy or any(os.environ.get(name) for name in _HTTP_PROXY_VARIABLES)
    program = shutil.which("node")
    if not by_proxy or program is None:
        return
    version = _node_version(program)
    if version is None:
        yield warning("node", f"{program} does not say its version", "does `node --version` work?")
    elif version < _FIRST_NODE_WITH_PROXY:
        yield warning(
            "node",
            f"Node {version} ignores HTTPS_PROXY: its clients go past a proxy",
            "record with OPENAI_BASE_URL (`respool record` without --proxy), or take Node 24",
        )
    elif os.environ.get(USE_ENV_PROXY) != "1" and not asked.command:
        yield warning(
            "node",
            f"Node {version} ignores HTTPS_PROXY unless told otherwise",
            f"export {USE_ENV_PROXY}=1; its WebSockets go past the proxy all the same",
        )
    else:
        yield ok("node", f"Node {version} takes HTTPS_PROXY, but for WebSockets")


def _node_version(program: str) -> int | None:
    with suppress(OSError, subprocess.SubprocessError):
        done = subprocess.run([program, "--version"], capture_output=True, timeout=_NODE_S)
        if found := re.match(rb"v(\d+)", done.stdout):
            return int(found[1])
    return None
