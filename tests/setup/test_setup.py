"""scripts/setup as a user meets it: a clone, a PATH, and stand-ins for uv and for interpreters.

The stand-in for uv logs what it was asked and makes a .venv around the Python that runs the tests.
PATH holds it and the few system tools that the script names, so that nothing of the machine's own
is found by chance. Only the slow test installs anything.
"""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import pytest

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


@pytest.fixture
def clone(tmp_path: Path) -> Clone:
    """A clone on a machine with uv and no Python."""
    clone = Clone(tmp_path)
    clone.uv()
    return clone


@pytest.fixture
def ready(clone: Clone) -> Clone:
    """A clone that is set up."""
    clone.python("python3.13", "3.13.2")
    assert clone.run().returncode == 0
    return clone


def made_with(python: Path) -> str:
    """What uv is asked when .venv is made with that interpreter."""
    return f"venv --quiet --python {python} .venv"


def test_installs_pins_and_then_the_project(ready: Clone) -> None:
    """The set-up makes .venv, syncs it with the pins by hash, and adds the project alone."""
    assert ready.asked == [
        made_with(ready.bin / "python3.13"),
        "pip sync --quiet --python .venv/bin/python --require-hashes constraints.txt",
        "pip install --quiet --python .venv/bin/python --no-deps --no-build-isolation --editable .",
    ]
    assert ready.stamp.exists()


@pytest.mark.parametrize("root", ["home/.pyenv", "elsewhere"])
def test_finds_a_pyenv_interpreter_that_is_not_on_path(clone: Clone, root: str) -> None:
    """A Python under PYENV_ROOT, or else under ~/.pyenv, is found though PATH does not have it."""
    pyenv = clone.home.parent / root
    python = clone.python(pyenv / "versions/3.13.4/bin/python", "3.13.4")
    env = {"PYENV_ROOT": str(pyenv)} if root == "elsewhere" else {}
    assert clone.run(env=env).returncode == 0
    assert clone.asked[0] == made_with(python)


def test_skips_a_shim_that_does_not_run(clone: Clone) -> None:
    """A pyenv shim on PATH that fails when run is passed over in silence."""
    clone.stub("python3.13", "echo 'pyenv: python3.13: command not found' >&2; exit 127")
    python = clone.python(clone.home / ".pyenv/versions/3.13.0/bin/python", "3.13.0")
    run = clone.run()
    assert run.returncode == 0
    assert "not found" not in run.stderr
    assert clone.asked[0] == made_with(python)


@pytest.mark.parametrize(
    ("present", "taken"),
    [
        (["3.14.1", "3.13.1", "3.13.12", "3.13.5"], "3.13.12"),
        (["3.12.9", "3.14.1", "3.15.0"], "3.14.1"),
    ],
)
def test_takes_the_newest_supported_python(clone: Clone, present: list[str], taken: str) -> None:
    """3.13 is taken before 3.14, a later patch before an earlier, and nothing newer or older."""
    for version in present:
        clone.python(f"{version}/python3", version)
    path = ":".join([str(clone.bin), *(str(clone.bin / version) for version in present)])
    assert clone.run(env={"PATH": path}).returncode == 0
    assert clone.asked[0] == made_with(clone.bin / taken / "python3")


def test_takes_the_interpreter_below_an_active_environment(clone: Clone) -> None:
    """Where the Python on PATH belongs to a virtual environment, .venv is made with its base."""
    (clone.bin / "python").symlink_to(sys.executable)
    assert clone.run(env={"VIRTUAL_ENV": sys.prefix}).returncode == 0
    assert Path(clone.asked[0].split()[3]).resolve() == PYTHON.resolve()


def test_asks_uv_for_a_python_where_there_is_none(clone: Clone) -> None:
    """Without a final Python 3.13 or 3.14 the set-up has uv install one and takes it."""
    clone.python("python3.13", "3.13.0", level="candidate")
    clone.python("python3", "3.15.0")
    clone.python("python", "3.11.2")
    python = clone.python(clone.bin.parent / "installed/python3.13", "3.13.9")
    assert clone.run().returncode == 0
    assert clone.asked[:3] == [
        "python install 3.13",
        "python find --system 3.13",
        made_with(python),
    ]


def test_says_what_to_install_where_uv_has_no_python(clone: Clone) -> None:
    """Where uv cannot install a Python either, one line says to install 3.13; nothing is made."""
    clone.uv(install="echo 'cause: dns error' >&2; exit 1")
    run = clone.run()
    assert run.returncode == 1
    assert run.stderr == (
        "setup: no Python 3.13 or 3.14 found, asking uv for one\n"
        "setup: found no Python 3.13 or 3.14, and uv could not install one "
        "(details: .tools/setup.log); install Python 3.13, then run this again\n"
    )
    assert not (clone.root / ".venv").exists()


def test_second_run_does_nothing(ready: Clone) -> None:
    """A set-up that is in place is reused within a second, silently and without uv."""
    before = ready.asked
    ready.stub("uv", f'echo "$*" >> "{ready.log}"; exit 1')
    began = time.perf_counter()
    run = ready.run()
    assert time.perf_counter() - began < 1
    assert (run.returncode, run.stdout, run.stderr) == (0, "", "")
    assert ready.asked == before


def test_model_is_installed_on_top_and_only_when_asked_for(ready: Clone) -> None:
    """`llm` adds its pins by hash to the set-up, which is not made anew for them."""
    before = len(ready.asked)
    assert ready.run("scripts/setup", "llm").returncode == 0
    assert ready.run().returncode == 0
    assert ready.asked[before:] == [
        "pip install --quiet --python .venv/bin/python --require-hashes -r scripts/llm.txt"
    ]


def test_says_so_where_the_model_cannot_be_installed(clone: Clone) -> None:
    """Where uv cannot install the model, the last line says what to check; .venv stays usable."""
    clone.python("python3.13", "3.13.2")
    assert clone.run().returncode == 0
    clone.stub("uv", '[ "$1" = --version ] || { echo "no such wheel" >&2; exit 1; }')
    run = clone.run("scripts/setup", "llm")
    assert run.returncode == 1
    assert run.stderr.splitlines()[0] == "no such wheel"
    assert run.stderr.splitlines()[1].startswith("setup: uv could not install")
    assert clone.stamp.exists()


@pytest.mark.parametrize("sync", ["exit 1", "kill -INT $PPID; exit 130", "kill -KILL $PPID"])
def test_interrupted_install_leaves_no_stamp(clone: Clone, sync: str) -> None:
    """A set-up that failed or was killed half-way is not taken for a finished one."""
    clone.python("python3.13", "3.13.2")
    clone.uv(sync=sync)
    assert clone.run().returncode != 0
    assert not clone.stamp.exists()
    clone.uv()
    assert clone.run().returncode == 0
    assert len([line for line in clone.asked if line.startswith("venv")]) == 2


def test_interrupted_update_leaves_no_stamp(ready: Clone) -> None:
    """An update that failed is not taken for a finished one, though .venv was once complete."""
    (ready.root / "constraints.txt").write_text("new\n")
    ready.uv(sync="exit 1")
    run = ready.run()
    assert run.returncode == 1
    assert run.stderr.splitlines()[-1].startswith("setup: uv could not install")
    assert not ready.stamp.exists()


@pytest.mark.parametrize("file", ["pyproject.toml", "constraints.txt"])
def test_changed_pins_bring_the_environment_up_to_date(ready: Clone, file: str) -> None:
    """A change of pyproject.toml or constraints.txt syncs the .venv that is there."""
    before = len(ready.asked)
    (ready.root / file).write_text("new\n")
    assert ready.run().returncode == 0
    assert [line.split(" --")[0] for line in ready.asked[before:]] == ["pip sync", "pip install"]


def test_moved_clone_gets_a_new_environment(ready: Clone) -> None:
    """A .venv that was moved with its clone is made anew, as its commands name the old place."""
    ready.root = ready.root.rename(ready.root.with_name("moved"))
    assert ready.run().returncode == 0
    assert ready.asked[3:] == ready.asked[:3]


def test_vanished_interpreter_gets_a_new_environment(ready: Clone) -> None:
    """A .venv whose interpreter was removed is made anew."""
    (ready.root / ".venv/bin/python").unlink()
    (ready.root / ".venv/bin/python").symlink_to("/nonexistent/python")
    assert ready.run().returncode == 0
    assert ready.asked[3:] == ready.asked[:3]


def test_user_settings_for_other_projects_do_not_reach_uv(clone: Clone) -> None:
    """What would move or change the installation is kept from uv; how to reach an index is not."""
    clone.python("python3.13", "3.13.2")
    other = {
        "CONDA_PREFIX": "/nonexistent",
        "PIP_REQUIRE_VIRTUALENV": "1",
        "PIP_TARGET": "/nonexistent",
        "PYTHONHOME": "/nonexistent",
        "PYTHONPATH": "/nonexistent",
        "UV_PROJECT_ENVIRONMENT": "/nonexistent",
        "UV_REQUIRE_HASHES": "1",
        "UV_SYSTEM_PYTHON": "1",
        "VIRTUAL_ENV": "/nonexistent",
    }
    kept = {"UV_CACHE_DIR": "/cache", "UV_INDEX_URL": "file:///index", "UV_NATIVE_TLS": "1"}
    assert clone.run(env={**other, **kept}).returncode == 0
    assert not {f"{name}={value}" for name, value in other.items()} & set(clone.uv_env)
    assert {f"{name}={value}" for name, value in kept.items()} <= set(clone.uv_env)


def test_settings_of_pip_reach_uv(clone: Clone) -> None:
    """uv is told the index, certificate and existing folders that pip is configured with."""
    clone.python("python3.13", "3.13.2")
    cert = clone.home / "ca.pem"
    cert.touch()
    clone.stub(
        "python3",
        f"""[ "$2 $3" = "pip config" ] && cat <<'END'
:env:.find-links='{clone.home} /nonexistent'
global.cert='{cert}'
global.index-url='file:///passed-over'
install.index-url='file:///index'
install.trusted-host='\\nmirror.test'
END
[ "$2" = pip ]
""",
    )
    assert clone.run().returncode == 0
    assert {
        f"UV_FIND_LINKS={clone.home}",
        f"SSL_CERT_FILE={cert}",
        "UV_INDEX_URL=file:///index",
        "UV_INSECURE_HOST=mirror.test",
    } <= {line.replace("= ", "=") for line in clone.uv_env}


def test_installs_uv_into_the_clone_where_there_is_none(clone: Clone) -> None:
    """Without uv, any python3 with pip puts the pinned one under .tools/ in the clone."""
    clone.python("python3.13", "3.13.2")
    (clone.bin / "uv").rename(clone.home / "uv")
    clone.stub(
        "python3",
        f"""[ "$2" = pip ] || exit 1
echo "$*" >> "{clone.log}"
case "$3" in install) mkdir -p .tools/uv/bin && mv "{clone.home}/uv" .tools/uv/bin/uv ;; esac
""",
    )
    assert clone.run().returncode == 0
    assert (
        "-m pip install --quiet --target .tools/uv --only-binary :all: --require-hashes "
        "-r scripts/bootstrap.txt"
    ) in clone.asked
    assert made_with(clone.bin / "python3.13") in clone.asked


def test_says_so_where_there_is_neither_uv_nor_pip(clone: Clone) -> None:
    """Without uv and without a python3 that has pip, one line says to install one of them."""
    (clone.bin / "uv").unlink()
    run = clone.run()
    assert run.returncode == 1
    assert run.stderr == (
        "setup: found neither uv nor a python3 with pip; install one of them, then run this again\n"
    )


def test_says_why_where_pip_cannot_install_uv(clone: Clone) -> None:
    """Where pip fails to install uv, its own words come first and one line of ours last."""
    (clone.bin / "uv").unlink()
    clone.stub("python3", '[ "$3" != install ] || { echo "no such index" >&2; exit 1; }')
    run = clone.run()
    assert run.returncode == 1
    assert run.stderr.splitlines()[1] == "no such index"
    assert run.stderr.splitlines()[2].startswith("setup: pip could not install uv")


def test_update_constraints_pins_everything_and_names_no_index(clone: Clone) -> None:
    """update-constraints compiles each file of pins with hashes, and passes its arguments on."""
    assert clone.run("scripts/update-constraints", "--upgrade-package", "click").returncode == 0
    head = (
        "pip compile --quiet --universal --generate-hashes --no-header --no-annotate "
        "--no-emit-index-url --no-emit-find-links --python-version"
    )
    tail = "--upgrade-package click"
    assert clone.asked == [
        f"{head} 3.13 pyproject.toml --extra dev --output-file constraints.txt {tail}",
        f"{head} 3.13 --group llm --output-file scripts/llm.txt {tail}",
        f"{head} 3.8 - --output-file scripts/bootstrap.txt {tail}",
    ]


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_sets_up_a_fresh_copy_for_real(tmp_path: Path) -> None:
    """In a fresh copy `make setup` installs everything, and again takes less than a second."""
    copy = tmp_path / "a clone"
    shutil.copytree(ROOT, copy, ignore=shutil.ignore_patterns(".*", "__pycache__"), symlinks=True)
    env = {**os.environ, "PATH": f"{PYTHON.parent}:{os.environ['PATH']}"}
    subprocess.run(["make", "setup"], cwd=copy, env=env, check=True)
    subprocess.run([str(copy / ".venv/bin/respool"), "--help"], cwd=tmp_path, env=env, check=True)
    began = time.perf_counter()
    subprocess.run(["make", "setup"], cwd=copy, env=env, check=True)
    assert time.perf_counter() - began < 1
