"""Known weaknesses of the installed dependencies: `python .ci/audit.py ENVIRONMENT`, exit 1 where there is one.

pip-audit asks an advisory service. Where that cannot be reached, or knows none of the packages, this says so and lists
what is installed, within the bounds of pyproject.toml: not audited is never shown as clean.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

PATIENCE = 300


def verdict(report: str, installed: str) -> tuple[str, int]:
    """What pip-audit's JSON means, and the exit code; an empty report: it could not be had.

    Args:
        report: pip-audit's `--format json`.
        installed: one `name==version` a line.
    """
    known = json.loads(report)["dependencies"] if report.strip() else []
    audited = [each for each in known if "vulns" in each]
    weak = [(each["name"], each["version"], weakness) for each in audited for weakness in each["vulns"]]
    if weak:
        lines = [
            f"{name} {version}: {found['id']}, mended in {', '.join(found.get('fix_versions', [])) or 'no version yet'}"
            for name, version, found in weak
        ]
        return "\n".join(["Known weaknesses:", *lines]), 1
    left = sorted({each["name"] for each in known if "vulns" not in each} - {"pango-load"})
    if not audited:
        return (
            f"NOT AUDITED: no advisory data can be reached from here. Installed, within their bounds:\n{installed}",
            0,
        )
    text = f"{len(audited)} packages audited, no known weakness."
    return (f"{text} NOT AUDITED, since the service does not know them: {', '.join(left)}" if left else text), 0


def main(environment: Path) -> int:
    """Audit the packages in a virtual environment."""
    python = environment / "bin" / "python"
    frozen = subprocess.run([python, "-m", "pip", "freeze"], capture_output=True, text=True, check=True).stdout
    packages = next(environment.glob("lib/python*/site-packages"))
    report = ""
    with tempfile.TemporaryDirectory() as folder:
        # Of its own, so that the tool's packages are not taken for ours.
        venv.create(folder, with_pip=True)
        tool = Path(folder, "bin", "python")
        try:
            subprocess.run([tool, "-m", "pip", "install", "-q", "pip-audit>=2.9,<3"], check=True, timeout=PATIENCE)
            words = [tool, "-m", "pip_audit", "--path", packages, "--format", "json", "--progress-spinner", "off"]
            report = subprocess.run(words, capture_output=True, text=True, check=False, timeout=PATIENCE).stdout
        except (subprocess.SubprocessError, OSError) as error:
            sys.stdout.write(f"pip-audit could not run: {type(error).__name__}\n")
    text, code = verdict(report, frozen)
    sys.stdout.write(f"{text}\n")
    return code


if __name__ == "__main__":
    raise SystemExit(main(Path(sys.argv[1])))
