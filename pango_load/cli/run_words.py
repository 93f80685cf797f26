"""The words of `retry` and `runs`: flags and their help. The work of each is imported when it runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer

from pango_load.cli import options as flag


def retry(
    run_name: Annotated[str, typer.Argument(metavar="RUN", help="A run's id, the start of it, its folder, or `last`.")],
    files: Annotated[
        Optional[list[str]],
        typer.Argument(
            metavar="[FIXED_FILE]",
            help="The mended rows; else the run's own rejected file, or its unknown rows where it has none.",
        ),
    ] = None,
    mapping: Annotated[
        Optional[Path],
        typer.Option(
            "--mapping", "-m", metavar="FILE", help="Another mapping than the run's, or its own as it is now."
        ),
    ] = None,
    on_unknown: Annotated[
        Optional[str],
        typer.Option("--on-unknown", metavar="resend|hold", help="Lost answers and unknown rows; else as the run."),
    ] = None,
    allow_deletes: Annotated[
        bool, typer.Option("--allow-deletes", help="Send rows with recordStatus Deleted, which delete.")
    ] = False,
    max_duration: Annotated[
        Optional[str],
        typer.Option("--max-duration", metavar="TIME", help="End after this long (90s, 30m, 8h): exit 5."),
    ] = None,
    json: flag.Json = False,
    quiet: flag.Quiet = False,
    no_values: flag.NoValues = False,
    env_file: flag.EnvFile = None,
    profile: flag.Profile = None,
    sheet: flag.Sheet = None,
    encoding: flag.Encoding = None,
    delimiter: flag.Delimiter = None,
    ca: flag.Certificates = None,
    allow_http: flag.AllowHttp = False,
) -> None:
    """Send the mended rows of a run, and bring its report up to date.

    With the mapping and options of that run. What was accepted is never sent again.
    """
    from pango_load.cli.retry_command import RetryFlags, run_retry

    raise typer.Exit(
        run_retry(
            RetryFlags(
                run=run_name,
                files=tuple(files or ()),
                mapping=mapping,
                on_unknown=on_unknown,
                allow_deletes=allow_deletes,
                max_duration=max_duration,
                json=json,
                quiet=quiet,
                no_values=no_values,
                env_file=env_file,
                profile=profile,
                sheet=sheet,
                encoding=encoding,
                delimiter=delimiter,
                ca=ca,
                allow_http=allow_http,
            )
        )
    )


def runs(
    run_name: Annotated[
        Optional[str], typer.Argument(metavar="RUN", help="A run's id, the start of it, its folder, or `last`.")
    ] = None,
    open_report: Annotated[bool, typer.Option("--open", help="Open the run's report in the browser.")] = False,
    older: Annotated[
        Optional[str],
        typer.Option(
            "--prune",
            metavar="TIME",
            help="Delete folders and journals of runs that ended longer ago, for instance 30d.",
        ),
    ] = None,
    unfinished_too: Annotated[
        bool, typer.Option("--unfinished", help="With --prune: also runs that could still go on.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
    env_file: flag.EnvFile = None,
    profile: flag.Profile = None,
) -> None:
    """Show past loads and what became of them."""
    from pango_load.cli.runs_command import run_runs

    raise typer.Exit(
        run_runs(
            run_name,
            as_json=json,
            older=older,
            unfinished_too=unfinished_too,
            open_report=open_report,
            env_file=env_file,
            profile=profile,
        )
    )
