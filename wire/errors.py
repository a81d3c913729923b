"""The errors that a user can meet, in one sentence: what was found, expected, and what to do.

Every error that leaves a room on purpose derives from `RespoolError`; the command prints its text
on one line and exits with `exit_code`. Anything else that escapes is a bug.
"""


class RespoolError(Exception):
    """Base of all errors that are the user's to mend; `str(error)` is one line."""

    exit_code = 2


class BadCassette(RespoolError):
    """A file that is not a cassette, is damaged, or was written by a newer respool."""


class BadDatabase(RespoolError):
    """A database file of another schema or program, or one that somebody else holds open."""


class BadOption(RespoolError):
    """An option or argument whose value cannot be used."""


class CannotListen(RespoolError):
    """The port that was asked for cannot be bound."""
