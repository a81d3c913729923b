"""scripts/setup as a user meets it: interpreters, what it installs, and being interrupted.

Only the slow test installs anything.
"""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
from clone import PYTHON, ROOT, Clone, made_with


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
