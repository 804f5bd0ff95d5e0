"""The dashboards and alert rules as Python; `python -m grafana.source` writes their files, in a checkout.

A dashboard is one module: its variables and its panels, each with title, description, query, unit and place.
"""
