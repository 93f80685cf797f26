"""A document that no test reads will lie: what README and docs claim is compared with the program."""

from __future__ import annotations

import re
import tomllib
from dataclasses import fields

from support.documents import known_flags
from support.program import REPOSITORY

from pango_load import errors
from pango_load.cli.words import COMMANDS
from pango_load.delivery.profile import Profile, read_profile

README = (REPOSITORY / "README.md").read_text(encoding="utf-8")
DOCS = {
    path: path.read_text(encoding="utf-8") for path in [REPOSITORY / "README.md", *(REPOSITORY / "docs").rglob("*.md")]
}


def test_every_dependency_earns_its_place_in_one_sentence() -> None:
    """Protects users from packages that nobody can explain."""
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = [*project["dependencies"], *project["optional-dependencies"]["fast"]]
    named = {re.split(r"[\[<>=]", requirement)[0].strip() for requirement in wanted}
    table = README[README.index("## What it stands on") :]
    told = {
        word.strip() for row in re.findall(r"^\| ([a-z0-9., -]+?) \|", table, re.MULTILINE) for word in row.split(",")
    }
    assert told - {"package"} == named
    assert all(re.search(r">=.+,<", requirement) for requirement in wanted)


def test_the_exit_codes_are_those_of_the_program() -> None:
    """Protects cron jobs that read the table."""
    told = {int(code) for row in re.findall(r"^\| ([\d /]+) \|", README, re.MULTILINE) for code in row.split("/")}
    classes = [
        kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, errors.LoadStopped)
    ]
    known = {kind.exit_code for kind in classes} | {0, 3, 130, 143}
    assert told == known


def test_every_flag_that_a_document_names_exists() -> None:
    """Protects readers who copy a command."""
    known = known_flags()
    others = {"--upgrade", "--break-system-packages"}
    for path, text in DOCS.items():
        named = {
            flag
            for line in re.findall(r"pango-load [^\n`]*", text)
            for flag in re.findall(r"(?<![\w-])--[A-Za-z][A-Za-z-]*", line)
        }
        assert named - known - others == set(), path


def test_every_command_that_a_document_names_exists() -> None:
    """Protects readers who look for a command that was renamed."""
    for path, text in DOCS.items():
        for word in re.findall(r"`pango-load ([a-z]+)[ `]", text):
            assert word in COMMANDS, (path, word)


def test_every_file_that_a_document_links_to_exists() -> None:
    """Protects readers from dead links."""
    for path, text in DOCS.items():
        for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", text):
            assert (path.parent / target).exists(), (path, target)


def test_the_road_map_names_every_room() -> None:
    """Protects whoever reads the code for the first time."""
    road_map = (REPOSITORY / "pango_load" / "__init__.py").read_text(encoding="utf-8")
    rooms = {path.parent.name for path in (REPOSITORY / "pango_load").glob("*/__init__.py")}
    assert {room for room in rooms if f"{room}/" not in road_map} == set()


def test_nothing_says_that_a_row_was_stored() -> None:
    """Protects the promise: Pango queues what it accepts, so no text may say more than "accepted"."""
    texts = [path.read_text(encoding="utf-8") for path in (REPOSITORY / "pango_load" / "report").rglob("*.py")]
    texts += [path.read_text(encoding="utf-8") for path in (REPOSITORY / "pango_load" / "cli").rglob("*.py")]
    said = [
        line
        for text in texts
        for line in text.splitlines()
        if re.search(r"rows? (was|were|is|are) (loaded|stored)", line)
    ]
    assert said == []


def test_every_setting_of_a_profile_is_told_and_the_example_is_one() -> None:
    """Protects organisations whose platform differs: their page names each setting, and its example can be copied."""
    text = (REPOSITORY / "docs" / "profile.md").read_text(encoding="utf-8")
    told = {name for line in text.splitlines() if line.startswith("| `") for name in re.findall(r"`(\w+)`", line)}
    assert {each.name for each in fields(Profile)} - {"name"} <= told
    table = tomllib.loads(text.split("```toml\n")[1].split("```")[0])["shop"]
    keys = {"auth_url", "ingest_url", "username", "api_key", "cdp_gkey"}
    profile = read_profile({key: value for key, value in table.items() if key not in keys})
    assert profile.first_index == 1
