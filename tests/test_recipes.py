"""What stands under recipes/ is whole: its commands parse, its files exist, its exit codes are the program's."""

from __future__ import annotations

import configparser
import re
import runpy
import shlex
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import cast

import pytest
from ruamel.yaml import YAML
from support.documents import parse_command
from support.program import REPOSITORY

from pango_load import errors

RECIPES = REPOSITORY / "recipes"
KINDS = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, errors.LoadStopped)]
EXIT_CODES = {kind.exit_code for kind in KINDS} | {0, 3, 130, 143}
SYSTEMD = shutil.which("systemd-analyze")


def recipe(name: str) -> str:
    return (RECIPES / name).read_text(encoding="utf-8")


def test_the_list_of_recipes_names_every_file() -> None:
    """Protects readers from recipes that nobody finds."""
    named = set(re.findall(r"\]\(([\w.-]+)\)", recipe("README.md")))
    assert named == {path.name for path in RECIPES.iterdir()} - {"README.md", "__pycache__"}


# --- cron -------------------------------------------------------------------------------------------------------------


def test_every_line_of_the_crontab_is_one_that_cron_and_the_program_take() -> None:
    """Protects a night: a bare % would end the command, and a flag that is gone would stop it."""
    lines = [line for line in recipe("crontab").splitlines() if line and not line.startswith("#")]
    jobs = [line for line in lines if not re.match(r"[A-Z_]+=", line)]
    assert len(jobs) == 3
    for job in jobs:
        *when, command = job.split(maxsplit=5)
        assert all(re.fullmatch(r"[\d*/,-]+", field) for field in when)
        assert re.search(r"(?<!\\)%", command) is None
        assert parse_command(command.replace("\\%", "%")) == "load"


# --- systemd ----------------------------------------------------------------------------------------------------------


def unit(name: str) -> configparser.ConfigParser:
    parser = configparser.ConfigParser(strict=False, interpolation=None, comment_prefixes=("#",))
    parser.optionxform = str  # type: ignore[assignment, method-assign] # how configparser keeps capitals
    parser.read_string(recipe(name))
    return parser


def test_the_unit_runs_a_command_that_the_program_takes_and_knows_its_exit_codes() -> None:
    """Protects a machine that nobody looks at: what passes by itself is tried again, and nothing else."""
    service = unit("pango-load.service")["Service"]
    assert parse_command(service["ExecStart"].replace("%%", "%")) == "load"
    prevented = {int(code) for code in service["RestartPreventExitStatus"].split()}
    finished = {int(code) for code in service["SuccessExitStatus"].split()} | {0}
    assert EXIT_CODES - prevented - finished == {5}
    assert prevented | finished <= EXIT_CODES
    assert service["Environment"].startswith("PANGO_STATE_DIR=/var/lib/" + service["StateDirectory"])


def test_the_timer_belongs_to_the_unit() -> None:
    """Protects from a timer that starts something else: without `Unit=` it starts its namesake."""
    timer = unit("pango-load.timer")
    assert "Unit" not in timer["Timer"]
    assert timer["Install"]["WantedBy"] == "timers.target"


@pytest.mark.skipif(SYSTEMD is None, reason="no systemd-analyze on this machine")
def test_systemd_takes_the_units(tmp_path: Path) -> None:
    """Protects from a setting that systemd refuses; the program's path is put in, since it looks for it."""
    program = Path(sys.executable).parent / "pango-load"
    text = recipe("pango-load.service").replace("/srv/pango/.venv/bin/pango-load", str(program))
    (tmp_path / "pango-load.service").write_text(text, encoding="utf-8")
    shutil.copy(RECIPES / "pango-load.timer", tmp_path)
    units = [str(tmp_path / name) for name in ("pango-load.service", "pango-load.timer")]
    done = subprocess.run([str(SYSTEMD), "verify", *units], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


# --- the image --------------------------------------------------------------------------------------------------------


def instructions() -> list[tuple[str, str]]:
    """The Dockerfile's instructions in order: word and rest."""
    text = recipe("Dockerfile").replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    return [(word, rest) for word, _, rest in (line.partition(" ") for line in lines)]


def copied() -> list[tuple[list[str], str]]:
    """What is copied from the repository, and where to."""
    parts = [rest.split() for word, rest in instructions() if word == "COPY" and "--from" not in rest]
    return [(sources, target) for *sources, target in parts]


def test_the_image_copies_what_there_is_and_all_that_the_build_needs() -> None:
    """Protects a build from a file that was renamed."""
    sources = {source for some, _ in copied() for source in some}
    assert [source for source in sources if not (REPOSITORY / source).exists()] == []
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))
    assert {project["project"]["readme"], "pyproject.toml", "pango_load"} <= sources


def test_the_image_runs_the_program_without_root_and_keeps_its_state_on_a_volume() -> None:
    """Protects a host, and the memory of a load."""
    last = max(place for place, (word, _) in enumerate(instructions()) if word == "FROM")
    told = dict(instructions()[last:])
    scripts = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]["scripts"]
    assert told["USER"].split(":")[0] not in {"0", "root"}
    assert told["USER"].split(":")[0].isdigit()
    assert told["ENTRYPOINT"] == '["pango-load"]'
    assert "pango-load" in scripts
    assert f"PANGO_STATE_DIR={told['VOLUME']}" in told["ENV"].split()
    assert f"chown {told['USER']} {told['VOLUME']}" in told["RUN"]
    comment = recipe("Dockerfile").split("docker run", 1)[1].splitlines()[0]
    assert parse_command(f"pango-load {comment.partition(' pango-load ')[2]}") == "load"


@pytest.mark.heavy
def test_the_install_line_of_the_image_works_in_a_fresh_environment(tmp_path: Path) -> None:
    """Protects a build: the copied files alone, the image's own line, and the program loads a sample."""
    for sources, target in copied():
        place = tmp_path / target.strip("/")
        for source in map(REPOSITORY.joinpath, sources):
            if source.is_dir():
                shutil.copytree(source, place, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                place.mkdir(parents=True, exist_ok=True)
                shutil.copy(source, place)
    line = next(rest for word, rest in instructions() if word == "RUN")
    line = line.replace("/opt/", f"{tmp_path}/opt/").replace(" /src", f" {tmp_path}/src")
    subprocess.run(line.replace("python -m venv", f"{sys.executable} -m venv"), shell=True, check=True, timeout=600)  # noqa: S602 - the image's own line, as its shell runs it
    program = tmp_path / "opt" / "pango-load" / "bin" / "pango-load"
    sample = REPOSITORY / "sample_data" / "customers.csv"
    mapping = REPOSITORY / "mappings" / "customer-identity.yaml"
    done = subprocess.run(
        [
            program,
            sample,
            "--object",
            "customer-identity",
            "--mapping",
            mapping,
            "--sandbox",
            "--out",
            tmp_path / "run",
        ],
        capture_output=True,
        check=False,
    )
    assert done.returncode == 3


# --- Airflow and CI ---------------------------------------------------------------------------------------------------


def test_the_airflow_task_tries_again_what_passes_by_itself_and_nothing_else() -> None:
    """Protects a pipeline from trying for hours what a person must mend."""
    made = runpy.run_path(str(RECIPES / "airflow_dag.py"), run_name="__main__")
    assert parse_command(shlex.join(made["COMMAND"])) == "load"
    assert made["FINISHED"] == {0, 3}
    assert made["PASSES"] == {5, 11, 130, 143}
    assert made["FINISHED"] | made["PASSES"] <= EXIT_CODES


def test_the_ci_job_is_yaml_and_checks_without_keys() -> None:
    """Protects a repository of exports: the job needs no secret."""
    job: object = YAML(typ="safe", pure=True).load(recipe("github-actions.yml"))
    steps = cast("dict[str, dict[str, dict[str, list[dict[str, str]]]]]", job)["jobs"]["check"]["steps"]
    commands = [step["run"] for step in steps if "run" in step]
    assert [parse_command(line) for line in commands if line.startswith("pango-load ")] == ["check"]
    assert "secrets." not in recipe("github-actions.yml")
