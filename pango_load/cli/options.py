"""The flags that several commands share, each with its one sentence of help."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer

Files = Annotated[
    list[str],
    typer.Argument(
        metavar="FILE...",
        help="CSV, Excel or JSONL files, patterns or folders, loaded as one run; - is standard input.",
    ),
]
ObjectType = Annotated[
    str,
    typer.Option("--object", metavar="TYPE", help="What the rows become; `pango-load objects` shows the types."),
]
Mapping = Annotated[
    Optional[Path],
    typer.Option(
        "--mapping", "-m", metavar="FILE", help="The mapping file; else mappings/TYPE.yaml, else the headers."
    ),
]
Source = Annotated[
    str, typer.Option("--source", metavar="NAME", help="The request's source: where the data comes from (CRM, POS).")
]
Timezone = Annotated[
    Optional[str],
    typer.Option("--timezone", metavar="ZONE", help="The clock of the file's dates, where the mapping names none."),
]
Sheet = Annotated[
    Optional[str],
    typer.Option(
        "--sheet", metavar="NAME|N|all", help="Sheet or table of a workbook, by name or number; else the first sheet."
    ),
]
SkipRows = Annotated[int, typer.Option("--skip-rows", min=0, metavar="N", help="Leave out the first N rows.")]
Limit = Annotated[Optional[int], typer.Option("--limit", min=0, metavar="N", help="Take at most N rows.")]
BatchSize = Annotated[int, typer.Option("--batch-size", metavar="1-50", help="Entries a request.")]
Out = Annotated[
    Optional[Path], typer.Option("--out", metavar="DIR", help="The run's folder itself; else one in pango-load-runs/.")
]
MaxRejects = Annotated[
    Optional[str], typer.Option("--max-rejects", metavar="N|P%", help="Stop (exit 4) when more rows are rejected.")
]
Strict = Annotated[bool, typer.Option("--strict", help="Stop at a column that is not mapped, and at damage.")]
ErrorOnEmpty = Annotated[bool, typer.Option("--error-on-empty", help="No rows at all is exit 9.")]
Json = Annotated[bool, typer.Option("--json", help="The summary as JSON, alone on standard output.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Say only what went wrong.")]
NoValues = Annotated[bool, typer.Option("--no-values", help="Show no values of rejected rows on the screen.")]
LogFormat = Annotated[str, typer.Option("--log-format", metavar="plain|json", help="How the run's run.log is written.")]
EnvFile = Annotated[
    Optional[Path], typer.Option("--env-file", metavar="FILE", help="Read the PANGO_ variables from here; else .env.")
]
Profile = Annotated[
    Optional[str],
    typer.Option("--profile", metavar="NAME", help="Take addresses and keys from this table of config.toml."),
]
Catalogue = Annotated[
    Optional[Path], typer.Option("--catalogue", metavar="DIR", help="A folder of your own object types.")
]
InitData = Annotated[
    bool, typer.Option("--initData", "--init-data", help="Say that this is the initial load (?initData=true).")
]
Encoding = Annotated[
    Optional[str], typer.Option("--encoding", metavar="NAME", help="The encoding of a text file; else it is found out.")
]
Delimiter = Annotated[
    Optional[str],
    typer.Option("--delimiter", metavar="SIGN", help="The separator of a text file; else it is found out."),
]
HeaderRow = Annotated[
    Optional[int],
    typer.Option("--header-row", min=1, metavar="N", help="The row that holds the headers; else the first."),
]
LowMemory = Annotated[bool, typer.Option("--low-memory", help="Read workbooks slowly, in flat memory.")]
Sort = Annotated[
    bool, typer.Option("--sort", help="Bring the rows of each group (groupBy) together, in a sorted copy on disk.")
]
VisibleOnly = Annotated[bool, typer.Option("--visible-only", help="Leave out hidden rows of a workbook.")]
Certificates = Annotated[
    Optional[str], typer.Option("--ca", metavar="FILE", help="Certificate authorities to trust beside the system's.")
]
AllowHttp = Annotated[
    bool, typer.Option("--allow-http", help="Take http:// addresses of other machines: keys travel in clear.")
]
