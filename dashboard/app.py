"""What `streamlit run` starts: the app's frame and its pages, for the database in its argument.

Every rerun of the app runs this file from the top, so it holds no state.
"""

import sys
from pathlib import Path

import streamlit as st

from dashboard.overview import overview

_db = Path(sys.argv[1])


def _overview() -> None:
    overview(_db)


st.set_page_config(page_title=f"respool: {_db.name}", layout="wide")
st.navigation([st.Page(_overview, title="Overview", default=True)], position="hidden").run()
