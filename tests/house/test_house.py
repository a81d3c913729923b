"""The house rules that a linter does not know: what is pinned, described, layered and shown."""

import ast
import os
import re
import subprocess
import sys
import tomllib
from importlib import metadata
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
ROOMS = ("wire", "cassettes", "addons", "analytics", "dashboard", "respool")


def normalised(name: str) -> str:
    """A distribution's name as package indexes compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def names(requirements: list[str]) -> list[str]:
    """What a list of requirements asks for."""
    return [normalised(re.split(r"[^\w.-]", line, maxsplit=1)[0]) for line in requirements]


def opt_in() -> list[str]:
    """The direct dependencies that only `make test-llm` installs."""
    return names(PYPROJECT["dependency-groups"]["llm"])


def required() -> list[str]:
    """The direct dependencies in pyproject.toml, runtime, dev and opt-in, in its order."""
    project = PYPROJECT["project"]
    lines = [*project["dependencies"], *project["optional-dependencies"]["dev"]]
    return names(lines) + opt_in()


def described() -> list[list[str]]:
    """The rows of the table in docs/dependencies.md: name, licence, purpose, reason."""
    lines = (ROOT / "docs/dependencies.md").read_text("utf-8").splitlines()
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")] for line in lines if line[:1] == "|"
    ]
    return rows[2:]


def pins() -> list[Path]:
    """Every file of the project that pins packages by hash, whatever its name."""
    texts = [
        path
        for suffix in ("txt", "lock", "in", "toml")
        for path in ROOT.rglob(f"*.{suffix}")
        if not any(part.startswith(".") for part in path.relative_to(ROOT).parts)
    ]
    pin = re.compile(rb"""--hash=|hash = ["']sha256:""")
    return [path for path in texts if pin.search(path.read_bytes())]


def shown(page: str) -> list[str]:
    """The make targets that a page shows as code: inline, indented or fenced."""
    text = (ROOT / page).read_text("utf-8")
    fenced = "\n".join(re.findall(r"^```.*?^```", text, re.MULTILINE | re.DOTALL))
    inline = re.findall(r"(?:`|^(?: {4,}|\$ |step )\s*)make ([a-z][a-z-]*)", text, re.MULTILINE)
    return inline + re.findall(r"^make ([a-z][a-z-]*)", fenced, re.MULTILINE)


def listed_targets() -> list[str]:
    """What a bare `make` lists, although `make test` may be what runs this."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    run = subprocess.run(["make"], cwd=ROOT, env=env, capture_output=True, text=True, check=True)
    return re.findall(r"^make (\S+)", run.stdout, re.MULTILINE)


def test_dependencies_page_lists_what_pyproject_lists() -> None:
    """docs/dependencies.md describes each direct dependency once, in pyproject.toml's order."""
    assert [name for name, *_ in described()] == required()


@pytest.mark.parametrize(("name", "licence", "purpose", "reason"), described())
def test_dependency_is_described_in_full(
    name: str, licence: str, purpose: str, reason: str
) -> None:
    """A dependency's row has a licence, the one its package declares, a purpose and a reason."""
    assert licence
    assert purpose
    assert reason
    try:
        declared = metadata.metadata(name)
    except metadata.PackageNotFoundError:
        assert name in opt_in()
    else:
        assert licence == declared.get("License-Expression", licence)


def test_constraints_pin_every_direct_dependency() -> None:
    """Each direct dependency has a version and a hash in constraints.txt or scripts/llm.txt."""
    texts = ((ROOT / file).read_text("utf-8") for file in ("constraints.txt", "scripts/llm.txt"))
    pin = re.compile(r"^([\w.-]+)==[^\n]*\\\n +--hash=sha256:", re.MULTILINE)
    pinned = pin.findall("\n".join(texts))
    assert set(required()) <= {normalised(name) for name in pinned}


def test_pins_name_no_index_and_no_host() -> None:
    """No file of pins holds a URL or an option that names an index."""
    files = pins()
    assert {ROOT / "constraints.txt", ROOT / "scripts/bootstrap.txt"} <= set(files)
    for path in files:
        found = re.findall(
            r"\S*://\S*|.*-index.*|.*--find-links.*|.*-host.*", path.read_text("utf-8")
        )
        assert not found, path


def test_import_contracts_hold() -> None:
    """Each room imports only from its own and from those to its left."""
    run = subprocess.run(
        [Path(sys.executable).with_name("lint-imports")], cwd=ROOT, capture_output=True, text=True
    )
    assert run.returncode == 0, run.stdout + run.stderr


def test_modules_open_with_a_docstring() -> None:
    """Every module that holds anything says first what it owns."""
    modules = [
        path for room in ROOMS for path in (ROOT / room).rglob("*.py") if path.stat().st_size
    ]
    silent = [path for path in modules if not ast.get_docstring(ast.parse(path.read_bytes()))]
    assert modules
    assert not silent


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md", ".ci/run"])
def test_shown_make_targets_exist(page: str) -> None:
    """Every target that the page shows is one that `make` lists."""
    assert set(shown(page)) <= set(listed_targets())


def test_contributing_shows_every_make_target() -> None:
    """The targets that `make` lists are those of CONTRIBUTING.md, in the same order."""
    targets = listed_targets()
    assert targets
    assert shown("CONTRIBUTING.md")[: len(targets)] == targets
