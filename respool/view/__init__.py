"""How `show` and `tail` tell of exchanges: facts read from a cassette, then text, then the screen.

`facts` reads everything once, so that list, full view, tail and JSON never disagree; the other
modules turn facts into styled lines without I/O, and `screen` alone knows the terminal.
"""
