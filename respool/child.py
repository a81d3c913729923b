"""Running the user's command so that its Responses traffic goes through us.

The child's output is its own; its exit code and the signals that we get are passed on.
"""

import asyncio
import os
import shlex
import signal
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import click

from addons.proxies import entries, exempts
from respool.open_files import limited_as_at_start
from respool.say import say
from respool.trust import TRUST, USE_ENV_PROXY, in_force
from wire.hosts import Hosts

NOT_STARTED = (126, 127)
"""Exit codes for a command that cannot be run and one that is not there, as shells have them."""
ENDED_BY_SIGNAL = 128
"""Exit codes above are those of commands that a signal has ended, as shells have them."""
LOOPBACK = ("127.0.0.1", "localhost", "::1")
_DUMMY_KEY = "respool-replay"
_PROXY_VARIABLES = ("HTTPS_PROXY", "HTTP_PROXY", "WSS_PROXY", "WS_PROXY")
"""In either case. ALL_PROXY stays as it is: clients read it where there is none of these."""


def environment(
    base_url: str, *, dummy_key: bool, inherited: Mapping[str, str] | None = None
) -> dict[str, str]:
    """The child's environment: clients find `base_url` in it, and nothing sends it elsewhere.

    `dummy_key` gives a key where none is set, for clients that refuse to start without one.
    """
    env = dict(os.environ if inherited is None else inherited)
    env["OPENAI_BASE_URL"] = env["OPENAI_API_BASE"] = base_url
    env["OPENAI_WEBSOCKET_BASE_URL"] = base_url.replace("http", "ws", 1)  # openai-agents
    env["OPENAI_AGENTS_DISABLE_TRACING"] = "1"
    _exempt(env, [*_exempted(env), *LOOPBACK])
    if dummy_key:
        env.setdefault("OPENAI_API_KEY", _DUMMY_KEY)
    return env


def behind_proxy(
    url: str,
    hosts: Hosts,
    folder: Path,
    *,
    replaying: bool = False,
    inherited: Mapping[str, str] | None = None,
) -> dict[str, str]:
    """The child's environment where it is to go through the proxy at `url`, and to trust it.

    `folder` is that of the authority. NO_PROXY keeps what does not exempt any of `hosts`. Where it
    is `replaying`, clients that want a key get one, and nothing is traced.
    """
    from addons import authority

    env = dict(os.environ if inherited is None else inherited)
    before = dict(env)
    for name in _PROXY_VARIABLES:
        env[name] = env[name.lower()] = url
    recorded = hosts.addresses(LOOPBACK)
    kept = [each for each in _exempted(env) if not any(exempts(each, *at) for at in recorded)]
    local = [name for name in LOOPBACK if not any(name == host for host, _ in recorded)]
    _exempt(env, [*kept, *local])
    for variable in TRUST:
        file = in_force(variable, before)
        sources = (file,) if file else () if variable.adds else authority.usual_roots()
        env[variable.name] = str(authority.bundle(folder, sources))
    env[USE_ENV_PROXY] = "1"
    if replaying:
        env["OPENAI_AGENTS_DISABLE_TRACING"] = "1"
        env.setdefault("OPENAI_API_KEY", _DUMMY_KEY)
    return env


def invite(base_url: str, env: Mapping[str, str] | None = None) -> None:
    """Say what to set for a client: the base URL, or of `env` what is not in ours, on stdout."""
    if env is None:
        say(f"point a client at it: export OPENAI_BASE_URL={base_url}; ctrl-C ends")
        return
    say("set this where a client runs; ctrl-C ends")
    new = {name: value for name, value in env.items() if os.environ.get(name) != value}
    click.echo("export " + " ".join(f"{name}={shlex.quote(new[name])}" for name in new))


def _exempted(env: Mapping[str, str]) -> list[str]:
    """The hosts that clients reach directly; where both spellings are there, the lower wins."""
    return entries(env.get("no_proxy") or env.get("NO_PROXY", ""))


def _exempt(env: dict[str, str], hosts: Sequence[str]) -> None:
    env["NO_PROXY"] = env["no_proxy"] = ",".join(dict.fromkeys(hosts))


def _in_foreground() -> bool:
    """Whether ctrl-C at the controlling terminal reaches our process group."""
    try:
        terminal = os.open("/dev/tty", os.O_RDONLY | os.O_NOCTTY)
    except OSError:
        return False
    try:
        return os.tcgetpgrp(terminal) == os.getpgrp()
    except OSError:
        return False
    finally:
        os.close(terminal)


class Signals:
    """What becomes of the signals that we get: a child's while it runs, else they mean to stop.

    Made inside the event loop, before anything is said that invites a signal.
    """

    def __init__(self) -> None:
        self._child: asyncio.subprocess.Process | None = None
        self._stopped = asyncio.Event()
        """The end has begun."""
        self.on_another: Callable[[], object] = lambda: None
        """Called for each signal that comes after that: somebody is in a hurry."""
        self._heeded = [
            number
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
            if signal.getsignal(number) is not signal.SIG_IGN  # nohup, and scripts' background
        ]
        for number in self._heeded:
            asyncio.get_running_loop().add_signal_handler(number, self._on_signal, number)

    def ignore(self) -> None:
        """Heed no more signals: all is done and said, and the exit code is to tell how it went.

        The interpreter, which takes a while to end, would be ended by the next one.
        """
        blocked = signal.pthread_sigmask(signal.SIG_BLOCK, self._heeded)
        for number in self._heeded:
            asyncio.get_running_loop().remove_signal_handler(number)
            signal.signal(number, signal.SIG_IGN)
        signal.pthread_sigmask(signal.SIG_SETMASK, blocked)

    def _on_signal(self, number: signal.Signals) -> None:
        if self._child is None:
            if self._stopped.is_set():
                self.on_another()
            self._stopped.set()
        # At a terminal the child gets ctrl-C by itself, as a member of the foreground group.
        elif self._child.returncode is None and not (number == signal.SIGINT and _in_foreground()):
            self._child.send_signal(number)

    async def stop(self) -> None:
        """Wait for the signal that ends a command which runs on its own."""
        await self._stopped.wait()

    async def run(self, command: Sequence[str], env: Mapping[str, str]) -> int:
        """Run `command` to its end: its exit code, 128 + n if signal n ended it, 127 if not found.

        A signal that came before it could start ends it before it starts.
        """
        if self._stopped.is_set():
            return 128 + signal.SIGINT
        try:
            with limited_as_at_start():
                self._child = await asyncio.create_subprocess_exec(*command, env=env)
        except OSError as error:
            say(f"cannot run {command[0]}: {error.strerror}")
            return 126 if isinstance(error, PermissionError) else 127
        code = await self._child.wait()
        self._child = None
        self._stopped.set()
        return code if code >= 0 else 128 - code
