"""Which Python runs respool, whether what is installed fits together, what bends its imports."""

import importlib.util
import os
import platform
import shutil
import site
import sys
import sysconfig
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

from respool.doctor.finding import Asked, Finding, ok, problem, warning

ROOMS = ("wire", "cassettes", "addons", "analytics", "dashboard", "respool")
_NAMED = ("mitmproxy", "duckdb", "streamlit", "openai")
_REINSTALL = (
    "install respool anew in an environment of its own: `uv tool install --force`, "
    "`pipx reinstall`, or `make setup` in a clone"
)


def python(_: Asked) -> Iterator[Finding]:
    """The interpreter, the system, and whether the environment is shared."""
    version = f"{platform.python_implementation()} {platform.python_version()}"
    where = f"{version} on {platform.system()} {platform.machine()}"
    if sys.implementation.name != "cpython" or sysconfig.get_config_var("Py_GIL_DISABLED"):
        build = "a free-threaded build" if sys.implementation.name == "cpython" else "not CPython"
        yield warning(
            "python", f"{where}, {build}", "respool is tested on the usual CPython; install that"
        )
    elif sys.prefix == sys.base_prefix:
        yield warning(
            "python",
            f"{where}, in no virtual environment",
            "what others install there may break respool: `uv tool install` and pipx give it an "
            "environment of its own",
        )
    elif site.ENABLE_USER_SITE:
        yield warning(
            "python",
            f"{where}, in {sys.prefix}, which sees the system's packages too",
            "make the environment without --system-site-packages",
        )
    else:
        yield ok("python", f"{where}, in {sys.prefix}")
    yield from _other_respool()


def _other_respool() -> Iterator[Finding]:
    """Warn where `respool`, typed at a prompt, is another installation than this one."""
    on_path = shutil.which("respool")
    own = Path(sys.prefix) / "bin" / "respool"
    if on_path and own.exists() and not own.samefile(on_path):
        yield warning(
            "python",
            f"`respool` on PATH is another one: {on_path}",
            f"type {own}, or put that first on PATH",
        )


def packages(_: Asked) -> Iterator[Finding]:
    """Whether everything below respool has a version that is asked for, as `pip check` sees it."""
    wrong = list(_misfits())
    versions = ", ".join(f"{name} {_version(name)}" for name in ("respool", *_NAMED))
    if wrong:
        shown = "; ".join(wrong[:3]) + (f"; and {len(wrong) - 3} more" if len(wrong) > 3 else "")
        yield problem("packages", shown, _REINSTALL)
    else:
        yield ok("packages", versions)


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "missing"


def _misfits() -> Iterator[str]:
    from packaging.requirements import Requirement

    seen: set[str] = set()
    waiting = [("respool", "")]
    while waiting:
        name, extra = waiting.pop()
        for line in metadata.requires(name) or []:
            wanted = Requirement(line)
            if wanted.marker and not wanted.marker.evaluate({"extra": extra}):
                continue
            try:
                found = metadata.version(wanted.name)
            except metadata.PackageNotFoundError:
                yield f"{wanted.name} is missing, and {name} needs it"
                continue
            if not wanted.specifier.contains(found, prereleases=True):
                yield f"{wanted.name} {found} is installed, and {name} needs {wanted.specifier}"
            for needed in (wanted.name, *(f"{wanted.name}[{extra}]" for extra in wanted.extras)):
                if needed not in seen:
                    seen.add(needed)
                    waiting.append((wanted.name, needed[len(wanted.name) + 1 : -1]))


def imports(_: Asked) -> Iterator[Finding]:
    """Whether respool gets its own modules, and which variables bend its Python."""
    home = Path(__file__).parents[2]
    foreign = [name for name in (*ROOMS, *_NAMED) if not _is_ours(name, home)]
    if foreign:
        by = " by PYTHONPATH" if os.environ.get("PYTHONPATH") else ""
        yield problem(
            "imports",
            f"{', '.join(foreign)} would be imported from elsewhere{by}: {_place(foreign[0])}",
            "unset PYTHONPATH for respool: `env -u PYTHONPATH respool ...`"
            if by
            else f"start it as `respool`, not by `python -m`; else {_REINSTALL}",
        )
    if os.environ.get("PYTHONHOME"):
        yield warning("imports", "PYTHONHOME is set", "unset it: it gives Python another library")
    if "error" in os.environ.get("PYTHONWARNINGS", ""):
        yield warning(
            "imports",
            "PYTHONWARNINGS turns warnings into errors, which few packages expect",
            "unset it for respool",
        )


def _place(name: str) -> str:
    """The folder from which a module would be imported, without importing it."""
    spec = importlib.util.find_spec(name)
    if spec is None:
        return "nowhere"
    folders = list(spec.submodule_search_locations or [])
    return folders[0] if folders else str(spec.origin)


def _is_ours(name: str, home: Path) -> bool:
    place = Path(_place(name)).resolve()
    if name in ROOMS:
        return place == (home / name).resolve()
    return place.is_relative_to(Path(sys.prefix).resolve()) or sys.prefix == sys.base_prefix
