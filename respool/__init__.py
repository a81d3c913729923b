"""The command: parse arguments, call the other rooms, print, exit code.

One file per subcommand; nothing imports from here.
"""
