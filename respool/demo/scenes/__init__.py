"""The scripted model's scenes, by subject. Each file is a table of cues and the data for it."""

from respool.demo.scene import Scene
from respool.demo.scenes.client import CLIENT
from respool.demo.scenes.hosted import HOSTED
from respool.demo.scenes.servers import SERVERS
from respool.demo.scenes.talk import TALK
from respool.demo.scenes.trip import TRIP

SCENES: tuple[Scene, ...] = (*TRIP, *TALK, *HOSTED, *SERVERS, *CLIENT)
"""All scenes. The first whose cue stands in the question is played."""
