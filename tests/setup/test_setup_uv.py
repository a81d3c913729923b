"""scripts/setup and uv: where it comes from, what it is told, and what it is asked for."""

from clone import Clone, made_with


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
