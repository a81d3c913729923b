"""Streamlit as a process that never outlives the one which started it.

Standard input is a pipe whose other end the parent holds and never writes to: when it closes, the
parent is gone, however it ended, and so is this process.
"""

import os
import signal
import threading

from streamlit.web.cli import main


def _end_with_parent() -> None:
    os.read(0, 1)  # not through sys.stdin, whose lock would be held when the interpreter ends
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    threading.Thread(target=_end_with_parent, daemon=True).start()
    main(prog_name="streamlit")
