"""The words that a user types: commands, flags, exit codes. Each command's work is imported when it runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer

from pango_load.cli import options as flag
from pango_load.cli.run_words import retry, runs

app = typer.Typer(
    name="pango-load",
    help=(
        "Bring the rows of a file into PangoCDP: none lost, none miscounted, no limit broken.\n\n"
        "  pango-load customers.csv --object customer-identity\n\n"
        "`load` is the default command: the word may be left out."
    ),
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)


def _show_version(is_asked: bool) -> None:
    if is_asked:
        from importlib.metadata import version

        typer.echo(f"pango-load {version('pango-load')}")
        raise typer.Exit


@app.callback()
def _everywhere(
    show_version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    del show_version


@app.command()
def load(
    files: flag.Files,
    object_type: flag.ObjectType = "",
    mapping: flag.Mapping = None,
    init_data: flag.InitData = False,
    source: flag.Source = "",
    timezone: flag.Timezone = None,
    sandbox: Annotated[
        bool, typer.Option("--sandbox", help="Send to a stand-in on this machine: no keys, and nothing leaves it.")
    ] = False,
    out: flag.Out = None,
    sheet: flag.Sheet = None,
    skip_rows: flag.SkipRows = 0,
    limit: flag.Limit = None,
    batch_size: flag.BatchSize = 50,
    max_rejects: flag.MaxRejects = None,
    max_duration: Annotated[
        Optional[str],
        typer.Option("--max-duration", metavar="TIME", help="End after this long (90s, 30m, 8h): exit 5."),
    ] = None,
    give_up_after: Annotated[
        str, typer.Option("--give-up-after", metavar="TIME", help="Stop (exit 5) after this long without one success.")
    ] = "30m",
    on_unknown: Annotated[
        Optional[str],
        typer.Option(
            "--on-unknown",
            metavar="resend|hold",
            help="A request whose answer never came: send it again, or hold its rows. Default: resend, but hold with "
            "user events.",
        ),
    ] = None,
    senders: Annotated[int, typer.Option("--senders", min=1, max=256, help="Requests under way at once.")] = 32,
    quota_share: Annotated[
        str, typer.Option("--quota-share", metavar="P%", help="The part of each limit that this load may use.")
    ] = "100%",
    burst: Annotated[bool, typer.Option("--burst", help="Send as early as the limits allow.")] = False,
    pace: Annotated[
        bool, typer.Option("--pace", help="Spread requests evenly. Default: where it costs at most 5 %.")
    ] = False,
    allow_deletes: Annotated[
        bool, typer.Option("--allow-deletes", help="Send rows with recordStatus Deleted, which delete.")
    ] = False,
    again: Annotated[bool, typer.Option("--again", help="Send what was sent completely a short while ago.")] = False,
    again_after: Annotated[
        str, typer.Option("--again-after", metavar="TIME", help="For how long the same content counts as done.")
    ] = "24h",
    fresh: Annotated[bool, typer.Option("--fresh", help="Leave an unfinished load of the same files behind.")] = False,
    append: Annotated[
        bool, typer.Option("--append", help="The file has only grown since it was loaded: send the rows added to it.")
    ] = False,
    strict: flag.Strict = False,
    error_on_empty: flag.ErrorOnEmpty = False,
    json: flag.Json = False,
    quiet: flag.Quiet = False,
    no_values: flag.NoValues = False,
    log_format: flag.LogFormat = "plain",
    env_file: flag.EnvFile = None,
    profile: flag.Profile = None,
    catalogue: flag.Catalogue = None,
    encoding: flag.Encoding = None,
    delimiter: flag.Delimiter = None,
    header_row: flag.HeaderRow = None,
    low_memory: flag.LowMemory = False,
    visible_only: flag.VisibleOnly = False,
    sort: flag.Sort = False,
    connect_timeout: Annotated[float, typer.Option("--connect-timeout", min=0.1, metavar="SECONDS")] = 10.0,
    read_timeout: Annotated[
        float, typer.Option("--read-timeout", min=0.1, metavar="SECONDS", help="How long an answer may take.")
    ] = 60.0,
    ca: flag.Certificates = None,
    allow_http: flag.AllowHttp = False,
) -> None:
    """Load files, or go on where an earlier load of them stopped."""
    from pango_load.cli.load_command import LoadFlags, run_load

    raise typer.Exit(
        run_load(
            LoadFlags(
                files=tuple(files),
                object_type=object_type,
                mapping=mapping,
                init_data=init_data,
                source=source,
                timezone=timezone,
                sandbox=sandbox,
                out=out,
                sheet=sheet,
                skip_rows=skip_rows,
                limit=limit,
                batch_size=batch_size,
                max_rejects=max_rejects,
                max_duration=max_duration,
                give_up_after=give_up_after,
                on_unknown=on_unknown,
                senders=senders,
                quota_share=quota_share,
                burst=burst,
                pace=pace,
                allow_deletes=allow_deletes,
                again=again,
                again_after=again_after,
                fresh=fresh,
                append=append,
                strict=strict,
                error_on_empty=error_on_empty,
                json=json,
                quiet=quiet,
                no_values=no_values,
                log_format=log_format,
                env_file=env_file,
                profile=profile,
                catalogue=catalogue,
                encoding=encoding,
                delimiter=delimiter,
                header_row=header_row,
                low_memory=low_memory,
                visible_only=visible_only,
                sort=sort,
                connect_timeout=connect_timeout,
                read_timeout=read_timeout,
                ca=ca,
                allow_http=allow_http,
            )
        )
    )


@app.command()
def check(
    files: flag.Files,
    object_type: flag.ObjectType = "",
    mapping: flag.Mapping = None,
    source: flag.Source = "",
    timezone: flag.Timezone = None,
    out: flag.Out = None,
    sheet: flag.Sheet = None,
    skip_rows: flag.SkipRows = 0,
    limit: flag.Limit = None,
    batch_size: flag.BatchSize = 50,
    max_rejects: flag.MaxRejects = None,
    strict: flag.Strict = False,
    error_on_empty: flag.ErrorOnEmpty = False,
    json: flag.Json = False,
    quiet: flag.Quiet = False,
    no_values: flag.NoValues = False,
    log_format: flag.LogFormat = "plain",
    catalogue: flag.Catalogue = None,
    encoding: flag.Encoding = None,
    delimiter: flag.Delimiter = None,
    header_row: flag.HeaderRow = None,
    low_memory: flag.LowMemory = False,
    visible_only: flag.VisibleOnly = False,
    sort: flag.Sort = False,
) -> None:
    """Do everything but send; needs no keys.

    Counts, problems, the rejected rows, and how long a load would take at the earliest.
    """
    from pango_load.cli.load_command import LoadFlags, run_check

    raise typer.Exit(
        run_check(
            LoadFlags(
                files=tuple(files),
                object_type=object_type,
                mapping=mapping,
                source=source,
                timezone=timezone,
                out=out,
                sheet=sheet,
                skip_rows=skip_rows,
                limit=limit,
                batch_size=batch_size,
                max_rejects=max_rejects,
                strict=strict,
                error_on_empty=error_on_empty,
                json=json,
                quiet=quiet,
                no_values=no_values,
                log_format=log_format,
                catalogue=catalogue,
                encoding=encoding,
                delimiter=delimiter,
                header_row=header_row,
                low_memory=low_memory,
                visible_only=visible_only,
                sort=sort,
            )
        )
    )


@app.command()
def preview(
    files: flag.Files,
    object_type: flag.ObjectType = "",
    entries: Annotated[int, typer.Option("-n", "--entries", min=1, max=50, help="So many entries are shown.")] = 3,
    row: Annotated[
        Optional[int],
        typer.Option(
            "--row", min=1, metavar="N", help="Explain row N of the file: cell, cleaned, converted, JSON key."
        ),
    ] = None,
    curl: Annotated[
        bool, typer.Option("--curl", help="The request as a curl command, its secrets as shell variables.")
    ] = False,
    mapping: flag.Mapping = None,
    init_data: flag.InitData = False,
    source: flag.Source = "",
    timezone: flag.Timezone = None,
    sheet: flag.Sheet = None,
    skip_rows: flag.SkipRows = 0,
    strict: flag.Strict = False,
    json: Annotated[bool, typer.Option("--json", help="The exact bytes of the request, or --row as JSON.")] = False,
    env_file: flag.EnvFile = None,
    profile: flag.Profile = None,
    catalogue: flag.Catalogue = None,
    encoding: flag.Encoding = None,
    delimiter: flag.Delimiter = None,
    header_row: flag.HeaderRow = None,
    low_memory: flag.LowMemory = False,
    visible_only: flag.VisibleOnly = False,
    sort: flag.Sort = False,
) -> None:
    """Show the JSON of the first rows.

    It is exactly what a load would send; nothing is sent, and no keys are needed.
    """
    from pango_load.cli.load_command import LoadFlags
    from pango_load.cli.preview_command import run_preview

    flags = LoadFlags(
        files=tuple(files),
        object_type=object_type,
        mapping=mapping,
        init_data=init_data,
        source=source,
        timezone=timezone,
        sheet=sheet,
        skip_rows=skip_rows,
        strict=strict,
        json=json,
        env_file=env_file,
        profile=profile,
        catalogue=catalogue,
        encoding=encoding,
        delimiter=delimiter,
        header_row=header_row,
        low_memory=low_memory,
        visible_only=visible_only,
        sort=sort,
    )
    raise typer.Exit(run_preview(flags, entries=entries, row=row, as_curl=curl))


@app.command("map")
def propose_mapping(
    files: Annotated[
        Optional[list[str]],
        typer.Argument(metavar="FILE...", help="CSV, Excel or JSONL files that one mapping is for."),
    ] = None,
    object_type: Annotated[
        str,
        typer.Option("--object", metavar="TYPE", help="What the rows become; `pango-load objects` shows the types."),
    ] = "",
    out: Annotated[
        Optional[Path], typer.Option("--output", "-o", metavar="FILE", help="Write it there; else it is printed.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace the file of -o where it is there already.")] = False,
    slots: Annotated[
        bool, typer.Option("--slots", help="Give columns that are no field to custom-field slots.")
    ] = False,
    schema: Annotated[bool, typer.Option("--schema", help="The JSON Schema of mappings instead, for editors.")] = False,
    sheet: flag.Sheet = None,
    catalogue: flag.Catalogue = None,
    encoding: flag.Encoding = None,
    delimiter: flag.Delimiter = None,
    header_row: flag.HeaderRow = None,
    low_memory: flag.LowMemory = False,
    visible_only: flag.VisibleOnly = False,
) -> None:
    """Propose a mapping for a file.

    It comes from the headers and the values, as YAML with a reason for each column.
    """
    from pango_load.cli.map_command import MapFlags, run_map
    from pango_load.plan import SourceOptions

    reading = SourceOptions(
        sheet=sheet,
        encoding=encoding,
        delimiter=delimiter,
        header_row=header_row,
        low_memory=low_memory,
        visible_only=visible_only,
    )
    flags = MapFlags(
        files=tuple(files or ()), object_type=object_type, out=out, force=force, schema=schema, slots=slots,
        catalogue=catalogue, reading=reading,
    )  # fmt: skip
    raise typer.Exit(run_map(flags))


@app.command()
def objects(
    words: Annotated[
        Optional[list[str]],
        typer.Argument(metavar="TYPE | learn PAYLOAD", help="One type, or a payload to learn one from; else the list."),
    ] = None,
    template: Annotated[
        Optional[str], typer.Option("--template", metavar="csv|xlsx", help="Write a file to fill in for TYPE.")
    ] = None,
    learn_as: Annotated[
        Optional[str], typer.Option("--as", metavar="TYPE", help="With learn: what the type is to be called.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="With learn: replace the type where it is there.")] = False,
    json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
    catalogue: flag.Catalogue = None,
) -> None:
    """Show what Pango accepts: object types, their fields and rules.

    `objects learn payload.json --as TYPE` makes a type of your own from what the console's Copy Payload gives.
    """
    from pango_load.cli.objects_command import ObjectsFlags, run_objects

    flags = ObjectsFlags(
        words=tuple(words or ()), template=template, learn_as=learn_as, force=force, json=json, catalogue=catalogue
    )
    raise typer.Exit(run_objects(flags))


app.command()(retry)
app.command()(runs)


@app.command()
def quota(
    reset: Annotated[bool, typer.Option("--reset", help="Forget what was counted for this account.")] = False,
    json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
    env_file: flag.EnvFile = None,
    profile: flag.Profile = None,
) -> None:
    """Show what is left of each limit of this account."""
    from pango_load.cli.quota_command import run_quota

    raise typer.Exit(run_quota(as_json=json, reset=reset, env_file=env_file, profile=profile))


@app.command()
def login(
    env_file: flag.EnvFile = None,
    profile: flag.Profile = None,
    allow_http: flag.AllowHttp = False,
    ca: flag.Certificates = None,
) -> None:
    """Try the credentials.

    Says who they are, where, and for how long their token lives; no row is sent.
    """
    from pango_load.cli.login_command import LoginFlags, run_login

    raise typer.Exit(run_login(LoginFlags(env_file=env_file, profile=profile, allow_http=allow_http, ca=ca)))


@app.command()
def sandbox(
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="0 takes a free one.")] = 8765,
    fault: Annotated[
        Optional[list[str]],
        typer.Option("--fault", metavar="KIND[:N]", help="Let something go wrong; may be repeated."),
    ] = None,
    window_kind: Annotated[
        str,
        typer.Option("--window-kind", metavar="KIND", help="How limits count: sliding, fixed, first-request, bucket."),
    ] = "sliding",
    limits: Annotated[
        Optional[str], typer.Option("--limits", metavar="TEXT", help="Its limits, as PANGO_LIMITS spells them.")
    ] = None,
    catalogue: flag.Catalogue = None,
) -> None:
    """Run a local stand-in for the Pango API.

    Until Ctrl-C; it says what to put into .env.
    """
    from pango_load.cli.sandbox_command import run_sandbox

    raise typer.Exit(
        run_sandbox(port=port, faults=fault or [], window_kind=window_kind, limits=limits, catalogue=catalogue)
    )
