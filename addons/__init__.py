"""Everything that touches mitmproxy: the recorder, and running mitmproxy in our own process.

Nothing outside this room imports mitmproxy. The proxy's event loop is sacred: hooks only hand over
bytes; parsing, redaction and the disk belong to `cassettes.journal`'s thread.
"""
