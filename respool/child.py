"""Running the user's command so that its Responses traffic goes through us.

The child's output is its own; its exit code and the signals that we get are passed on.
"""

import asyncio
import os
import signal
import sys
from collections.abc import Mapping, Sequence

LOOPBACK = ("127.0.0.1", "localhost", "::1")


def environment(
    base_url: str, *, dummy_key: bool, inherited: Mapping[str, str] | None = None
) -> dict[str, str]:
    """The child's environment: clients find `base_url` in it, and nothing sends it elsewhere.

    `dummy_key` gives a key where none is set, for clients that refuse to start without one.
    """
    env = dict(os.environ if inherited is None else inherited)
    env["OPENAI_BASE_URL"] = env["OPENAI_API_BASE"] = base_url
    env["OPENAI_AGENTS_DISABLE_TRACING"] = "1"
    for name in ("NO_PROXY", "no_proxy"):
        hosts = [host for host in env.get(name, "").split(",") if host]
        env[name] = ",".join([*hosts, *(host for host in LOOPBACK if host not in hosts)])
    if dummy_key:
        env.setdefault("OPENAI_API_KEY", "respool-replay")
    return env


async def run(command: Sequence[str], env: Mapping[str, str]) -> int:
    """Run `command` to its end; its exit code, 128 + n if signal n ended it, 127 if not found."""
    loop = asyncio.get_running_loop()
    try:
        child = await asyncio.create_subprocess_exec(*command, env=env)
    except OSError as error:
        print(f"respool: cannot run {command[0]}: {error.strerror}", file=sys.stderr)  # noqa: T201 - the command's own message
        return 126 if isinstance(error, PermissionError) else 127

    def pass_on(number: signal.Signals) -> None:
        if child.returncode is None:
            child.send_signal(number)

    def interrupted() -> None:
        # At a terminal the child gets ctrl-C by itself, as a member of the foreground group.
        if not sys.stdin.isatty():
            pass_on(signal.SIGINT)

    loop.add_signal_handler(signal.SIGINT, interrupted)
    for number in (signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, pass_on, number)
    try:
        code = await child.wait()
    finally:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.remove_signal_handler(number)
    return code if code >= 0 else 128 - code


async def until_stopped() -> None:
    """Wait for the signal that ends a command which runs on its own."""
    loop = asyncio.get_running_loop()
    stopped = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, stopped.set)
    await stopped.wait()
