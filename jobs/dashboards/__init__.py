"""The dashboards as Python; `python -m jobs.dashboards` writes them to grafana/dashboards.

A dashboard is one module: its variables and its panels, each with title, description, query, unit and place.
"""
