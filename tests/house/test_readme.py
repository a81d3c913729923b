"""Every command that the README shows works as shown."""

import os
import re
import shlex
import signal
import subprocess
from pathlib import Path

from harness import DEADLINE_S, RESPOOL

from respool.demo.server import running_server

ROOT = Path(__file__).parents[2]
AGENT = (
    "from openai import OpenAI\n"
    "for word in ('pack', 'kyoto'):\n"
    "    print(OpenAI().responses.create(model='gpt-5.1', input=word).output_text)\n"
)
SERVE = ("record", "replay", "tail", "dashboard")


def shown() -> list[list[str]]:
    """The `respool` commands of the README, in order."""
    lines = re.findall(r"^\$ respool (.+)$", (ROOT / "README.md").read_text(), re.MULTILINE)
    return [shlex.split(line) for line in lines]


def test_commands_work_in_the_order_shown(tmp_path: Path) -> None:
    """A newcomer who types the README's commands one after the other gets through."""
    (tmp_path / "my_agent.py").write_text(AGENT)
    commands = shown()
    assert {command[0] for command in commands} >= {*SERVE, "show", "ingest", "stats"}
    with running_server() as server:
        env = {
            **os.environ,
            "OPENAI_BASE_URL": server.base_url,
            "OPENAI_API_KEY": "sk-readme",
            "PATH": f"{Path(RESPOOL).parent}:{os.environ['PATH']}",
        }
        for command in commands:
            arguments = [RESPOOL, *("0" if word == "8080" else word for word in command)]
            if command[0] == "dashboard":
                arguments.append("--no-browser")
            process = subprocess.Popen(
                arguments,
                cwd=tmp_path,
                env=env,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
            )
            assert process.stdout is not None
            first = process.stdout.readline()
            if command[0] in SERVE and "--" not in command:
                process.send_signal(signal.SIGINT)
            rest, _ = process.communicate(timeout=DEADLINE_S)
            assert process.returncode == 0, (command, first + rest)
            assert first, command
