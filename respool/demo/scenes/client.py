"""Scenes of tools that the client runs. Each waits for the item that answers its call.

| cue in the last user text | what follows |
|---|---|
| `seat map` | a screenshot; a batch of actions with a safety check; a message |
| `local disk` | a local shell call; a message |
| `my own shell` | a shell call of two commands; a message |
| `fix the itinerary` | three patches: a file made, changed and deleted; a message |
| `haiku` | a call of a custom tool with free text; a message |
"""

from respool.demo.scene import Move, Scene

CLIENT = (
    Scene(
        "seat map",
        (
            Move(shows=({"type": "computer_call", "action": {"type": "screenshot"}},)),
            Move(
                shows=(
                    {
                        "type": "computer_call",
                        "actions": [
                            {"type": "move", "x": 40, "y": 80},
                            {"type": "click", "button": "left", "x": 40, "y": 80},
                            {"type": "double_click", "x": 41, "y": 80, "keys": None},
                            {"type": "drag", "path": [{"x": 1, "y": 2}, {"x": 3, "y": 4}]},
                            {"type": "scroll", "x": 9, "y": 9, "scroll_x": 0, "scroll_y": 120},
                            {"type": "keypress", "keys": ["ENTER"]},
                            {"type": "type", "text": "12A"},
                            {"type": "wait"},
                        ],
                        "pending_safety_checks": [
                            {
                                "id": "cu_sc_0001",
                                "code": "irrelevant_domain",
                                "message": "This page is not the airline's.",
                            }
                        ],
                    },
                )
            ),
            Move(says="Seat 12A is yours, at the window."),
        ),
        tools=({"type": "computer"},),
    ),
    Scene(
        "local disk",
        (
            Move(
                shows=(
                    {
                        "type": "local_shell_call",
                        "action": {
                            "type": "exec",
                            "command": ["df", "-h", "."],
                            "env": {"LANG": "C"},
                            "timeout_ms": 5_000,
                            "working_directory": "/photos",
                        },
                    },
                )
            ),
            Move(says="There is room for a thousand more photos."),
        ),
        tools=({"type": "local_shell"},),
    ),
    Scene(
        "my own shell",
        (
            Move(
                shows=(
                    {
                        "type": "shell_call",
                        "action": {
                            "commands": ["grep -c Nara plan.md", "tail -n 2 plan.md"],
                            "max_output_length": None,
                            "timeout_ms": None,
                        },
                        "environment": {"type": "local"},
                    },
                )
            ),
            Move(says="Nara stands in your plan twice."),
        ),
        tools=({"type": "shell", "environment": {"type": "local"}},),
    ),
    Scene(
        "fix the itinerary",
        (
            Move(
                shows=(
                    {
                        "type": "apply_patch_call",
                        "operation": {
                            "type": "create_file",
                            "path": "day4.md",
                            "diff": "+# Day 4\n+Nara\n",
                        },
                    },
                    {
                        "type": "apply_patch_call",
                        "operation": {
                            "type": "update_file",
                            "path": "day3.md",
                            "diff": "@@\n-Nara\n+Uji\n",
                        },
                    },
                    {
                        "type": "apply_patch_call",
                        "operation": {"type": "delete_file", "path": "day5.md"},
                    },
                )
            ),
            Move(says="Day three is Uji now, and day four is Nara."),
        ),
        tools=({"type": "apply_patch"},),
    ),
    Scene(
        "haiku",
        (
            Move(
                shows=(
                    {
                        "type": "custom_tool_call",
                        "name": "set_in_type",
                        "input": "rain on the rails —\nthe last train carries\nonly its own light",
                    },
                )
            ),
            Move(says="Your haiku (俳句) is set."),
        ),
        tools=(
            {
                "type": "custom",
                "name": "set_in_type",
                "description": "Set a text in type.",
                "format": {"type": "text"},
            },
        ),
    ),
)
