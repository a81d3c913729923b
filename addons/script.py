"""The recorder for somebody's own mitmdump.

`mitmdump -s .../addons/script.py --mode reverse:https://api.openai.com --set
respool_cassette=out.jsonl` records just as `respool record` does.
"""

from addons.recorder import Recorder

addons = [Recorder()]
