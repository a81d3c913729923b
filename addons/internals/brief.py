"""Hooks called in place, and the pieces for one peer sent together.

A proxy in front of everything somebody does must be quick: mitmproxy makes a task for each call of
each hook, in which it asks every addon twice, and writes each piece for a peer on its own.
"""

import logging
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import fields
from inspect import iscoroutinefunction
from typing import Any

from mitmproxy.addonmanager import traverse
from mitmproxy.connection import Connection
from mitmproxy.proxy import commands, events
from mitmproxy.proxy.context import Context
from mitmproxy.proxy.layer import Layer


class Hooks:
    """What addons have for each hook, found once."""

    def __init__(self, addons: Iterable[object]) -> None:
        self._addons = list(traverse(addons))
        self._calls: dict[str, tuple[str, list[Callable[[Any], None]]] | None] = {}

    def call(self, hook: commands.StartHook) -> bool:
        """Call the hook in place; False if one that awaits must be called in a task."""
        if hook.name not in self._calls:
            self._calls[hook.name] = self._find(hook)
        found = self._calls[hook.name]
        if found is None:
            return False
        member, calls = found
        for each in calls:
            try:
                each(getattr(hook, member))
            except Exception:  # as mitmproxy has it: an addon's error is never the client's
                logging.getLogger(__name__).exception("the hook %s failed", hook.name)
        return True

    def _find(self, hook: commands.StartHook) -> tuple[str, list[Callable[[Any], None]]] | None:
        """The hook's argument by name, and the functions that get it; None if one awaits."""
        (member,) = (field.name for field in fields(hook))  # type: ignore[arg-type]  # they all are dataclasses
        calls = [call for each in self._addons if callable(call := getattr(each, hook.name, None))]
        if any(map(iscoroutinefunction, calls)) or any(hasattr(a, "update") for a in self._addons):
            return None
        return member, calls


class BriefLayer:
    """A connection's outermost layer, which calls hooks in place and sends pieces together.

    It answers with what is left to do: the same commands but for hooks, with the bytes for a peer
    in one piece wherever nothing else comes in between.
    """

    def __init__(self, inner: Layer, hooks: Hooks) -> None:
        self.inner = inner
        self._hooks = hooks

    @property
    def context(self) -> Context:
        """That of the layer inside."""
        return self.inner.context

    def handle_event(self, event: events.Event) -> Iterator[commands.Command]:
        """What is to be done about `event`, and about the hooks that it leads to."""
        due = deque([event])
        pieces: dict[Connection, list[bytes]] = {}
        try:
            while due:
                for command in self.inner.handle_event(due.popleft()):
                    if isinstance(command, commands.SendData):
                        pieces.setdefault(command.connection, []).append(command.data)
                    elif isinstance(command, commands.StartHook) and self._hooks.call(command):
                        if command.blocking:
                            due.append(events.HookCompleted(command))
                    else:
                        yield from _together(pieces)
                        yield command
        finally:
            yield from _together(pieces)


def _together(pieces: dict[Connection, list[bytes]]) -> Iterator[commands.SendData]:
    for connection, each in pieces.items():
        yield commands.SendData(connection, each[0] if len(each) == 1 else b"".join(each))
    pieces.clear()
