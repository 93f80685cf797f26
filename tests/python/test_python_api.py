"""From Python: the same road as the command line, and every value arrives as it was given."""

from __future__ import annotations

import asyncio
import datetime as dt
import json
import subprocess
import sys
import tracemalloc
from collections import Counter
from decimal import Decimal
from typing import TYPE_CHECKING, cast

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.program import customer, environment, write_customers

from pango_load import LoadPlan, LoadProgress, LoadReport, LoadStopped, check, load, make_plan
from pango_load.errors import UsageError
from pango_load.plan import SourceOptions
from pango_load.python_api import PlannedLoad
from pango_load.sandbox.server import Sandbox
from pango_load.sandbox.settings import SandboxSettings
from pango_load.source.files import open_source
from pango_load.source.row_spool import rows_of, spool_rows

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from pango_load.python_api import PlanOptions

ZONE = "Asia/Ho_Chi_Minh"
TYPE = "customer-identity"


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No mapping of this repository is found."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(SandboxSettings(windows=(), latency=(0.0, 0.02))) as running:
        yield running


def options(folder: Path, sandbox: Sandbox, **more: str) -> PlanOptions:
    """Addresses and keys as a program may have them, and folders of the test's own."""
    lines = [f"{name}={value}" for name, value in environment(folder, sandbox, **more).items() if "PANGO" in name]
    (folder / "keys.env").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return {"env_file": folder / "keys.env", "out": folder / "run", "timezone": ZONE}


def cells_of(rows: Iterable[Mapping[str, object]], folder: Path) -> list[dict[str, str | None]]:
    """What the road reads of `rows`."""
    path = spool_rows(rows, folder, name="rows")
    source = open_source([path], SourceOptions(is_records=True))
    return [row for chunk in source.read_chunks() for row in chunk.frame.to_dicts()]


VALUES = [
    pytest.param("007", "007", id="leading zeros"),
    pytest.param("  Nguyễn\nThị ", "  Nguyễn\nThị ", id="text as it stands"),
    pytest.param("", None, id="empty text"),
    pytest.param(1234567890123456789, "1234567890123456789", id="19 digits"),
    pytest.param(Decimal("12345678901234567890.10"), "12345678901234567890.10", id="a Decimal with its zeros"),
    pytest.param(Decimal("1E+3"), "1000", id="a Decimal in powers"),
    pytest.param(Decimal("NaN"), None, id="a Decimal that is none"),
    pytest.param(3.0, "3", id="a whole float"),
    pytest.param(float(2**60), "1152921504606846976", id="a long whole float"),
    pytest.param(-1e22, "-10000000000000000000000", id="a longer one"),
    pytest.param(0.1, "0.1", id="a float"),
    pytest.param(float("nan"), None, id="NaN"),
    pytest.param(None, None, id="None"),
    pytest.param(True, "true", id="a truth value"),
    pytest.param(dt.date(1990, 2, 1), "1990-02-01T00:00:00", id="a day"),
    pytest.param(dt.datetime(1990, 2, 1, 7, 30), "1990-02-01T07:30:00", id="a clock's time"),  # noqa: DTZ001 - a wall clock
    pytest.param(
        dt.datetime(1990, 2, 1, 7, 30, tzinfo=dt.timezone(dt.timedelta(hours=7))),
        "1990-02-01T07:30:00+07:00",
        id="an instant",
    ),
    pytest.param(["a", 1234567890123456789, None], '["a",1234567890123456789,null]', id="a list"),
    pytest.param(({"itemId": "01"},), '[{"itemId":"01"}]', id="nested items"),
]


@pytest.mark.parametrize(("value", "cell"), VALUES)
def test_a_value_is_read_as_it_was_given(value: object, cell: str | None, tmp_path: Path) -> None:
    """Protects ids, phones, amounts and dates on their way through the private file."""
    assert cells_of([{"key": "1", "value": value}], tmp_path) == [{"key": "1", "value": cell}]


@pytest.mark.parametrize("value", [float("inf"), float("-inf"), Decimal("Infinity"), [1.0, float("inf")]], ids=repr)
def test_what_has_no_end_is_turned_down_with_its_place(value: object, tmp_path: Path) -> None:
    """Protects the platform from the text `Infinity`, which a division by zero makes of a number."""
    with pytest.raises(UsageError, match=r'^Row 2, column "value": -?(inf|Infinity) is no number') as stopped:
        cells_of([{"key": "1"}, {"key": "2", "value": value}], tmp_path)

    assert "None" in stopped.value.advice
    assert list(tmp_path.iterdir()) == []


def test_nested_dicts_are_nested_keys(tmp_path: Path) -> None:
    """Protects addresses: the same keys as in a JSONL file."""
    rows = [{"address": {"city": "Huế", "geo": {"lat": 16.46}}}]
    assert cells_of(rows, tmp_path) == [{"address.city": "Huế", "address.geo.lat": "16.46"}]


TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
CELLS = st.one_of(TEXT, st.integers(), st.none(), st.booleans(), st.decimals(allow_nan=False, allow_infinity=False))


@given(rows=st.lists(st.dictionaries(st.sampled_from("abc"), CELLS, min_size=1), min_size=1, max_size=5))
def test_what_was_given_is_what_is_read(
    tmp_path_factory: pytest.TempPathFactory, rows: list[dict[str, object]]
) -> None:
    """Protects every value that nobody thought of."""

    def told(value: object) -> str | None:
        match value:
            case bool():
                return "true" if value else "false"
            case Decimal():
                return format(value, "f")
            case None | "":
                return None
            case _:
                return str(value)

    read = cells_of(rows, tmp_path_factory.mktemp("rows"))
    assert [{key: cell for key, cell in row.items() if cell is not None} for row in read] == [
        {key: text for key, value in row.items() if (text := told(value)) is not None} for row in rows
    ]


def test_half_a_letter_rejects_its_row_and_no_other(tmp_path: Path) -> None:
    """Protects a million rows from one that came out of a broken decoder."""
    path = spool_rows([{"a": "1", "b": "\ud83d"}, {"a": "2", "b": "x"}], tmp_path, name="rows")
    (chunk,) = open_source([path], SourceOptions()).read_chunks()
    assert {index: damage.code for index, damage in chunk.damaged.items()} == {0: "source.bad-json"}
    assert chunk.frame["a"].to_list() == [None, "2"]


def test_a_polars_frame_arrives_whole(tmp_path: Path, sandbox: Sandbox) -> None:
    """Protects the promise end to end: ids, dates, slots, and an empty cell that is no key."""
    frame = pl.DataFrame(
        {
            "customerId": ["007", "008"],
            "fullName": ["Nguyễn An", "Trần Bình"],
            "phone": ["0901234567", None],
            "email": ["a@b.vn", "c@d.vn"],
            "dob": [dt.date(1990, 2, 1), dt.date(1991, 3, 2)],
            "customFieldLong01": [1234567890123456789, 5],
        }
    )
    report = load(frame, TYPE, **(options(tmp_path, sandbox) | {"name": "khách hàng"}))
    assert isinstance(report, LoadReport)
    assert (report.exit_code, report.counts.accepted) == (0, 2), report.stopped
    first, second = sorted(sandbox.accepted_entries, key=lambda entry: str(entry["customerId"]))
    assert (first["customerId"], second.get("phone", "none")) == ("007", "none")
    assert cast("dict[str, int]", first["customFieldLongs"])["customFieldLong01"] == 1234567890123456789
    assert not list((tmp_path / "state" / "spool").iterdir())
    summary = json.loads((tmp_path / "run" / "summary.json").read_text(encoding="utf-8"))
    assert summary["files"][0]["path"] == "khách hàng"


def test_a_pandas_frame_arrives_whole(tmp_path: Path) -> None:
    """Protects frames with gaps: NaT, NaN and NA are empty, and Int64 keeps long ids."""
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame(
        {
            "id": pd.array([1234567890123456789, None], dtype="Int64"),
            "code": ["007", None],
            "when": [pd.Timestamp("2024-01-05 07:30:00"), pd.NaT],
            "zone": [pd.Timestamp("2024-01-05 07:30:00", tz=ZONE), pd.NaT],
            "amount": [3.0, float("nan")],
            "exact": [Decimal("1.50"), None],
            "tags": [["a", "b"], None],
            "nested": [{"city": "Huế"}, {"city": None}],
            "kind": pd.Categorical(["gold", None]),
            "flag": pd.array([True, None], dtype="boolean"),
        }
    )
    assert cells_of(rows_of(frame), tmp_path) == [
        {
            "id": "1234567890123456789",
            "code": "007",
            "when": "2024-01-05T07:30:00",
            "zone": "2024-01-05T07:30:00+07:00",
            "amount": "3",
            "exact": "1.50",
            "tags": '["a","b"]',
            "nested.city": "Huế",
            "kind": "gold",
            "flag": "true",
        },
        dict.fromkeys(("id", "code", "when", "zone", "amount", "exact", "tags", "nested.city", "kind", "flag")),
    ]
    with pytest.raises(UsageError, match='several columns "a"'):
        list(rows_of(pd.DataFrame([[1, 2]], columns=["a", "a"])))


def test_numpy_values_are_plain_values(tmp_path: Path) -> None:
    """Protects frames whose cells are numpy's own."""
    np = pytest.importorskip("numpy")
    rows = [
        {
            "int": np.int64(1234567890123456789),
            "float": np.float32(0.5),
            "nan": np.float64("nan"),
            "yes": np.bool_(True),  # noqa: FBT003 - numpy's own
            "list": np.array([1, 2]),
            "when": np.datetime64("2024-01-05T07:30:00"),
            "never": np.datetime64("NaT"),
        }
    ]
    assert cells_of(rows, tmp_path) == [
        {
            "int": "1234567890123456789",
            "float": "0.5",
            "nan": None,
            "yes": "true",
            "list": "[1,2]",
            "when": "2024-01-05T07:30:00",
            "never": None,
        }
    ]


def test_an_iterator_needs_no_memory(tmp_path: Path) -> None:
    """Protects machines smaller than the table."""

    def peak(rows: int) -> int:
        tracemalloc.start()
        spool_rows(
            ({"customerId": f"{number:09d}", "note": "x" * 100} for number in range(rows)), tmp_path, name="rows"
        )
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    peak(10)
    assert peak(20_000) < peak(200) + 200_000


def test_records_that_were_stopped_go_on_and_none_is_sent_twice(tmp_path: Path, sandbox: Sandbox) -> None:
    """Protects a generator that cannot be read twice: the same rows again are the same load."""

    def records() -> Iterator[dict[str, str]]:
        return (customer(number) for number in range(300))

    told = options(tmp_path, sandbox)
    first = load(records(), TYPE, **(told | {"max_duration": 0.05, "senders": 1, "batch_size": 10}))
    assert (first.exit_code, first.counts.unsent > 0) == (5, True)
    assert len(list((tmp_path / "state" / "spool").iterdir())) == 1
    second = load(records(), TYPE, **told)
    assert (second.exit_code, second.counts.accepted, second.summary.resumed) == (0, 300, True)
    times = Counter(str(entry["customerId"]) for entry in sandbox.accepted_entries)
    assert (len(times), set(times.values())) == (300, {1})
    assert not list((tmp_path / "state" / "spool").iterdir())


def test_a_plan_is_checked_and_then_loaded(tmp_path: Path, sandbox: Sandbox) -> None:
    """Protects programs that look before they send; a check of rows leaves nothing behind."""
    path = write_customers(tmp_path / "a.csv", 5)
    plan = make_plan(path, TYPE, **(options(tmp_path, sandbox) | {"max_rejects": "20%"}))
    assert isinstance(plan, LoadPlan)
    assert (check(plan).counts.unsent, load(plan).counts.accepted) == (5, 5)
    with pytest.raises(UsageError, match="takes no further options"):
        load(plan, TYPE)
    rows = [customer(number) for number in range(3)]
    assert check(rows, TYPE, timezone=ZONE, out=tmp_path / "checked", state=tmp_path / "none").counts.unsent == 3
    assert not (tmp_path / "none").exists()


def test_a_plan_keeps_the_spelling_of_its_profile(
    tmp_path: Path, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Protects whoever uses another way in: it is the plan's, not only the moment's."""
    values = environment(tmp_path, sandbox)
    lines = [f'{name.removeprefix("PANGO_").lower()} = "{value}"' for name, value in values.items() if "PANGO" in name]
    (tmp_path / "config" / "pango-load").mkdir(parents=True)
    text = "\n".join(["[other]", *lines, 'limit_header = "X-Other"']) + "\n"
    (tmp_path / "config" / "pango-load" / "config.toml").write_text(text, encoding="utf-8")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    plan = make_plan([customer(1)], TYPE, profile="other", timezone=ZONE, out=tmp_path / "run")
    assert isinstance(plan, PlannedLoad)
    assert plan.profile.limit_header == "X-Other"
    assert load(plan).exit_code == 0


def test_a_sandbox_needs_no_keys_and_leaves_no_trace(tmp_path: Path) -> None:
    """Protects the first example that somebody tries."""
    report = load([customer(1)], TYPE, timezone=ZONE, sandbox=True, out=tmp_path / "run")
    assert (report.exit_code, report.counts.accepted, report.folder) == (0, 1, tmp_path / "run")


WRONG: list[tuple[object, str]] = [
    (["a"], "Row 1 is of the type str, and no dict."),
    ([{"a": 1}, {"a": object()}], 'Row 2, column "a": a value of the type object is no cell.'),
    ([{"a": dt.timedelta(1)}], 'column "a": a value of the type timedelta is no cell.'),
    ([], "There is no row to load."),
    (7, "int gives no rows."),
]


@pytest.mark.parametrize(("rows", "said"), [pytest.param(rows, said, id=said) for rows, said in WRONG])
def test_what_is_no_row_is_told_by_its_place(rows: Iterable[Mapping[str, object]], said: str, tmp_path: Path) -> None:
    """Protects from a row that is sent half, or left out in silence."""
    with pytest.raises(LoadStopped) as stopped:
        load(rows, TYPE, sandbox=True, out=tmp_path / "run")
    assert said in stopped.value.message
    assert stopped.value.advice


def test_a_listener_hears_how_it_goes_and_may_end_it(tmp_path: Path, sandbox: Sandbox) -> None:
    """Protects programs with a progress bar of their own: totals come first, and an error ends the load in order."""
    heard: list[LoadProgress] = []
    told = options(tmp_path, sandbox)
    rows = [customer(number) for number in range(200)]
    report = load(rows, TYPE, listener=heard.append, **(told | {"batch_size": 10}))
    assert [heard[0].stage, heard[-1].stage] == ["reading", "sending"]
    assert (heard[-1].to_send, heard[-1].accepted, report.counts.accepted) == (200, 200, 200)

    def fail(progress: LoadProgress) -> None:
        if progress.accepted:
            raise RuntimeError("the window was closed")

    more = [customer(1000 + number) for number in range(400)]
    with pytest.raises(RuntimeError, match="window was closed"):
        load(more, TYPE, listener=fail, **(told | {"senders": 1, "batch_size": 10}))
    summary = json.loads((tmp_path / "run" / "summary.json").read_text(encoding="utf-8"))
    assert (summary["counts"]["unknown"], summary["counts"]["unsent"] > 0) == (0, True)


def test_it_works_where_an_event_loop_runs_already(tmp_path: Path) -> None:
    """Protects notebooks and web servers."""

    async def inside() -> LoadReport:
        return load([customer(1)], TYPE, timezone=ZONE, sandbox=True, out=tmp_path / "run")

    assert asyncio.run(inside()).exit_code == 0


def test_the_front_door_is_quick_and_cannot_be_shadowed(tmp_path: Path) -> None:
    """Protects --help, and `from pango_load import load` after the module of that name was imported."""
    program = (
        "import sys, pango_load\n"
        "print(sorted({'polars', 'httpx', 'pydantic', 'pandas'} & set(sys.modules)))\n"
        "import pango_load.load, pango_load.check\n"
        "from pango_load import load, check\n"
        "print(callable(load), callable(check), pango_load.LoadPlan.__name__)\n"
        "row = {'customerId': '1', 'fullName': 'A', 'phone': '0901234567'}\n"
        "report = load([row], 'customer-identity', sandbox=True)\n"
        "print(report.exit_code, report.counts.accepted)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        env=environment(tmp_path),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.splitlines() == ["[]", "True True LoadPlan", "0 1"], done.stderr
