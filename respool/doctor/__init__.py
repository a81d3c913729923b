"""`respool doctor`: what a recording needs, looked at piece by piece, and what to do about each.

A check is a function that takes what was `Asked` and yields its `Finding`s; `checks.py` lists them
all, `examination.py` runs them, `page.py` prints them. Invariants: a check changes nothing that
lasts, takes no more than seconds, and no part of a secret gets into a finding, so no value of a
variable is shown but file names and the origin of URLs.
"""
