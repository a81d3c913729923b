"""What the command says beside its output: one line at a time, on stderr."""

import contextlib

import click


def say(line: str) -> None:
    """Print `line` for the operator; the child's output and ours never mix on stdout."""
    with contextlib.suppress(OSError, ValueError):  # nobody reads; that must not stop the work
        click.echo(f"respool: {line}", err=True)
