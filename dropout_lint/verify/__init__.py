"""``dropout-lint verify``: run a flagged program and measure what each finding costs.

The parent (this package) plans experiments from findings, starts the child in the user's interpreter, and judges
what it reports. The child (``child/``) runs the program and measures. They share no code, only JSON: see
``child/job.py`` for what goes in and ``child/results.py`` for what comes out.
"""
