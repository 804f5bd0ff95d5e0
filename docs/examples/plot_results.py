"""Read the views with pandas, and plot who was seen when into the picture that is named; DATABASE_URL says where."""

from __future__ import annotations

import os
import sys
from contextlib import closing

import matplotlib.pyplot as plt
import pandas as pd
import psycopg2

CONNECTIONS = """
    SELECT connection_id, declared_exchange, detected_exchange, certainty, windows
    FROM connection_status
    ORDER BY connection_id
"""
MINUTES = "SELECT minute_at, detected_exchange, windows FROM exchange_activity ORDER BY minute_at"


def read(connection: psycopg2.extensions.connection, query: str) -> pd.DataFrame:
    """Return a query's rows as a table."""
    with connection.cursor() as cursor:
        cursor.execute(query)
        return pd.DataFrame(cursor.fetchall(), columns=[column.name for column in cursor.description or ()])


with closing(psycopg2.connect(os.environ["DATABASE_URL"])) as database:
    connections, minutes = read(database, CONNECTIONS), read(database, MINUTES)

print(connections.to_string(index=False))
by_exchange = minutes.pivot_table(index="minute_at", columns="detected_exchange", values="windows", aggfunc="sum")
axes = by_exchange.plot(kind="bar", stacked=True, figsize=(8, 4), xlabel="minute", ylabel="windows")
axes.set_xticklabels([f"{at:%H:%M}" for at in by_exchange.index])
plt.tight_layout()
plt.savefig(sys.argv[1] if len(sys.argv) > 1 else "results.png")
