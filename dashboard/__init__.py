"""Everything that touches Streamlit: the pages that show what `analytics` answers, over time.

`app` is what `streamlit run` starts, and `overview` its page; `reader` keeps the last good numbers,
`charts` and `theme` turn frames into charts and text and know nothing of Streamlit. Nothing here
computes a number of its own, so that the dashboard and `respool stats` never disagree.
"""
