"""A clone of the project with stand-ins for uv and for interpreters, for testing scripts/setup.

The stand-in for uv logs what it was asked and makes a .venv around the Python that runs the tests.
PATH holds it and the few system tools that the script names, so that nothing of the machine's own
is found by chance.
"""

import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).parents[2]
TOOLS = ("sh", "cat", "dirname", "env", "grep", "mkdir", "mv", "paste", "rm", "sed", "sort")
PYTHON = Path(sys.base_prefix, "bin", f"python3.{sys.version_info.minor}")

UV = """
if [ "$1" != --version ]; then echo "$*" >> "{log}"; env > "{log}.env"; fi
case "$1 $2" in
  venv*) mkdir -p .venv/bin && ln -s "{python}" .venv/bin/python ;;
  "pip sync") {sync} ;;
  "python install") {install} ;;
  "python find") echo "{found}" ;;
esac
"""

# Runs the code that it is given as if it were the interpreter of another version.
PRETEND = """
exec "{python}" -I -c '
import sys
sys.version_info, sys._base_executable = {version}, "{path}"
exec(sys.argv[3])' "$@"
"""


class Clone:
    """A clone with the real scripts, a home, and a PATH of stand-ins."""

    def __init__(self, base: Path) -> None:
        self.root, self.home, self.bin = base / "a clone", base / "home", base / "bin"
        self.log = base / "uv.log"
        for folder in (self.root / "scripts", self.home, self.bin):
            folder.mkdir(parents=True)
        for script in ("setup", "update-constraints"):
            shutil.copy(ROOT / "scripts" / script, self.root / "scripts")
        for file in (
            "pyproject.toml",
            "constraints.txt",
            "scripts/llm.txt",
            "scripts/bootstrap.txt",
        ):
            (self.root / file).write_text(f"{file}\n")
        for tool in (*TOOLS, "ln"):
            (self.bin / tool).symlink_to(str(shutil.which(tool)))
        self.log.touch()

    def stub(self, path: Path | str, body: str) -> Path:
        """A shell script at `path`, which is in PATH unless it says where."""
        file = self.bin / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"#!/bin/sh\n{body}")
        file.chmod(0o755)
        return file

    def uv(self, path: Path | str = "uv", sync: str = ":", install: str = ":") -> Path:
        """A stand-in for uv whose `pip sync` and `python install` do what is given."""
        found = self.bin.parent / "installed/python3.13"
        text = UV.format(log=self.log, python=PYTHON, sync=sync, install=install, found=found)
        return self.stub(path, text)

    def python(self, path: Path | str, version: str, level: str = "final") -> Path:
        """A stand-in for an interpreter of that version."""
        numbers = ", ".join(version.split("."))
        file = self.bin / path
        return self.stub(
            file, PRETEND.format(python=PYTHON, version=f'({numbers}, "{level}", 0)', path=file)
        )

    def run(
        self, *command: str, env: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run scripts/setup, or a command of the clone, from another folder."""
        return subprocess.run(
            [self.root / (command or ("scripts/setup",))[0], *command[1:]],
            env={"HOME": str(self.home), "PATH": str(self.bin), **(env or {})},
            cwd=self.home,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
        )

    @property
    def asked(self) -> list[str]:
        """What uv was asked to do, in order."""
        return self.log.read_text().splitlines()

    @property
    def uv_env(self) -> list[str]:
        """The environment in which uv last ran, as NAME=value."""
        return Path(f"{self.log}.env").read_text().splitlines()

    @property
    def stamp(self) -> Path:
        """What a finished set-up leaves, and only that."""
        return self.root / ".venv/.setup"


def made_with(python: Path) -> str:
    """What uv is asked when .venv is made with that interpreter."""
    return f"venv --quiet --python {python} .venv"
