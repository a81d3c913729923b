"""The recording: file format, writer, reader, redaction, matching, and the player that replays.

A cassette is the truth; everything else can be rebuilt from it. Nothing here imports mitmproxy,
DuckDB or Streamlit.
"""
