"""A DAG of Airflow that loads the night's customers; put it into the folder of DAGs and change the paths."""

from __future__ import annotations

import json
import subprocess
from datetime import UTC, datetime, timedelta

COMMAND = (
    "/srv/pango/.venv/bin/pango-load",
    "/srv/exports/customers.csv",
    "--object=customer-identity",
    "--mapping=/srv/pango/mappings/customer-identity.yaml",
    "--env-file=/etc/pango-load/env",
    "--max-rejects=2%",
    "--json",
)
FINISHED = {0, 3}
"""3: some rows need a hand; the summary that is pushed says how many, and where they are."""
PASSES = {5, 11, 130, 143}
"""Service, network, quota, another process, a stopped worker: the same command goes on where it stopped."""


def load_customers() -> dict[str, object]:
    """Run the load; its summary becomes the task's value.

    Raises:
        AirflowException: what passes by itself; Airflow tries again.
        AirflowFailException: what a person must mend; Airflow does not try again.
    """
    from airflow.exceptions import AirflowException, AirflowFailException

    done = subprocess.run(COMMAND, capture_output=True, text=True, check=False)
    if done.returncode in FINISHED:
        return json.loads(done.stdout)
    said = f"pango-load ended with exit code {done.returncode}: {done.stderr[-2000:]}"
    raise (AirflowException if done.returncode in PASSES else AirflowFailException)(said)


def make_dag() -> object:
    """The DAG; Airflow is imported here, so that this file can be read without it."""
    from airflow.sdk import dag, task

    @dag(schedule="30 1 * * *", start_date=datetime(2026, 1, 1, tzinfo=UTC), catchup=False, max_active_runs=1)
    def pango_customers() -> None:
        task(retries=6, retry_delay=timedelta(minutes=10))(load_customers)()

    return pango_customers()


if __name__ != "__main__":
    pango_customers = make_dag()
