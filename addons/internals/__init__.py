"""Every reach into what mitmproxy does not offer to addons; a test fails by name when it changes.

Each takes effect in our own process alone, and by a function that says so: nothing here happens on
import.
"""
