"""The list of all checks, in the order of the page: from what respool stands on to its traffic."""

from collections.abc import Mapping

from respool.doctor import (
    clients,
    disk,
    interpreter,
    ports,
    recordings,
    steering,
    system,
    trust,
    upstream,
)
from respool.doctor.finding import Check

CHECKS: Mapping[str, Check] = {
    "python": interpreter.python,
    "packages": interpreter.packages,
    "imports": interpreter.imports,
    "limits": system.limits,
    "clock": system.clock,
    "terminal": system.terminal,
    "disk": disk.recordings,
    "data folder": disk.own_folder,
    "loopback": ports.loopback,
    "port": ports.port,
    "dashboard": ports.dashboard_port,
    "running": ports.running,
    "upstream": upstream.upstream,
    "trust": trust.variables,
    "authority": trust.authority,
    "base URL": steering.base_url,
    "API key": steering.key,
    "proxies": steering.proxies,
    "command": clients.command,
    "codex": clients.codex,
    "node": clients.node,
    "cassette": recordings.cassette,
    "rotate": recordings.rotation,
    "database": recordings.database,
}
"""Each check by the name under which its findings stand."""
