"""Speeds, measured side by side: targets take turns within one run, and medians are quoted."""
