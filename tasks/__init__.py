"""Celery: carries hints from the log to the projections, and owns no logic."""
