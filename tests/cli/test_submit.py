"""``plangrep-async submit`` over real sockets."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from plangrep_async.cli.submit import Submission, SubmitOptions
from plangrep_async.emulator import Emulator, Fault, PlangrepSettings
from plangrep_async.plangrep import Job, JobStatus
from plangrep_async.testing import ScaledClock

Command = Callable[..., Any]


def test_the_main_job_on_a_folder(command: Command, emulator: Emulator, documents: Path, tmp_path: Path) -> None:
    out = tmp_path / "result.json"
    ended = command("submit", documents, "--project", "Tower", "--out", out)
    assert ended.code == 0, ended.err
    assert "plans.pdf" in ended.out
    assert "spec book.PDF" in ended.out
    assert "5 pages" in ended.out
    assert "2 of 2 files" in ended.err
    result = json.loads(out.read_text())
    assert sorted(document["pageCount"] for document in result["documents"]) == [2, 3]
    assert [path.name for path in tmp_path.iterdir() if path.name.endswith(".part")] == []
    assert list(emulator.violations) == []
    assert emulator.failures == []


def test_json_is_one_object_a_line_and_the_result_last(command: Command, emulator: Emulator, documents: Path) -> None:
    ended = command("submit", documents / "plans.pdf", "--json", "--classification", "plans")
    assert ended.code == 0
    assert ended.err == ""
    *steps, result = ended.events
    assert {"step", "progress"} <= {event["event"] for event in steps}
    assert result["event"] == "result"
    assert (result["documents"], result["pages"], result["status"]) == (1, 3, "completed")
    final = [event for event in steps if event["event"] == "progress"][-1]
    assert final["final"]
    assert final["bytes_confirmed"] == final["bytes"] == (documents / "plans.pdf").stat().st_size


def test_quiet_is_quiet(command: Command, emulator: Emulator, documents: Path) -> None:
    ended = command("submit", documents / "plans.pdf", "--quiet", "--no-wait")
    assert (ended.code, ended.out, ended.err) == (0, "", "")


def test_a_job_of_its_own_can_be_gone_on_with(command: Command, emulator: Emulator, documents: Path) -> None:
    first = command("submit", documents / "plans.pdf", "--no-wait", "--json")
    job = first.events[-1]["job"]
    again = command("submit", "--job", job, "--json")
    assert again.code == 0
    assert again.events[-1]["documents"] == 1
    late = command("submit", "--job", job, documents / "plans.pdf")
    assert late.code == 2
    assert "takes no more files" in late.err
    assert f"To wait for its result: plangrep-async submit --job {job}\n" in late.err


def test_a_bad_document_is_exit_code_1(command: Command, emulator: Emulator, documents: Path) -> None:
    (documents / "broken.pdf").write_bytes(b"%PDF-1.7 this is not one")
    ended = command("submit", documents)
    assert ended.code == 1
    assert "broken.pdf" in ended.err + ended.out
    assert "completed_with_errors" in ended.out


def test_one_file_that_cannot_be_read_does_not_stop_the_others(
    command: Command, emulator: Emulator, documents: Path
) -> None:
    (documents / "dangling.pdf").symlink_to(documents / "nowhere.pdf")
    ended = command("submit", documents)
    assert ended.code == 1
    assert "dangling.pdf" in ended.err
    assert "plans.pdf" in ended.out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "name at least one file"),
        (["nowhere.pdf"], "nowhere.pdf does not exist"),
        (["{documents}", "--include", "*.dwg"], "no file that matches *.dwg"),
        (["{documents}", "--classification", "poems"], "poems"),
        (["{documents}", "--transfers", "0"], "0"),
        (["{documents}", "--webhook-url", "http://example.com/hook"], "https"),
        (["{documents}", "--external-id", "x" * 181], "180"),
        (["{documents}", "--emulator", "--base-url", "https://plangrep.com"], "exclude each other"),
        (["{documents}", "--base-url", "http://plangrep.example"], "plain http"),
    ],
)
def test_wrong_usage_is_exit_code_2_and_a_sentence(
    command: Command, emulator: Emulator, documents: Path, arguments: list[str], words: str
) -> None:
    ended = command("submit", *(argument.format(documents=documents) for argument in arguments))
    assert ended.code == 2, ended.err
    assert words in ended.err
    assert "Traceback" not in ended.err


def test_no_key(command: Command, documents: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PLANGREP_API_KEY", raising=False)
    ended = command("submit", documents)
    assert ended.code == 2
    assert "PLANGREP_API_KEY" in ended.err


def test_a_wrong_key(command: Command, emulator: Emulator, documents: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLANGREP_API_KEY", "pgk_wrong_and_secret")
    ended = command("submit", documents)
    assert ended.code == 3
    assert "401" in ended.err
    assert "PLANGREP_API_KEY" in ended.err
    assert "pgk_wrong_and_secret" not in ended.err


def test_a_service_that_is_away(command: Command, documents: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLANGREP_BASE_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("PLANGREP_API_KEY", "key")
    monkeypatch.setattr("plangrep_async.plangrep.client.SystemClock", lambda: ScaledClock(100))
    ended = command("submit", documents)
    assert ended.code == 3
    assert "127.0.0.1:9" in ended.err


def test_ctrl_c_leaves_cleanly_and_says_how_to_go_on(
    emulator: Emulator, documents: Path, executable: list[str]
) -> None:
    emulator.faults.add("POST /api/open/v1/jobs/{job_id}/files", Fault.stall())
    process = subprocess.Popen(
        [*executable, "submit", str(documents)], stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stderr is not None
    lines = []
    for line in process.stderr:
        lines.append(line)
        if "created" in line and line.startswith("Job"):
            break
    while not any(record.path.endswith("/files") for record in emulator.requests.records()):
        assert process.poll() is None
    process.send_signal(signal.SIGINT)
    _, rest = process.communicate(timeout=20)
    assert process.returncode == 130
    assert "Interrupted." in rest
    assert "plangrep-async submit --job job_" in rest
    assert "2 of 2 files are not confirmed" in rest
    assert "Traceback" not in rest


class TestProvisioning:
    @pytest.fixture
    def plangrep_settings(self) -> PlangrepSettings:
        return PlangrepSettings.instant(job_provisioning=60.0)

    def test_a_job_that_was_left_while_provisioning_is_gone_on_with(
        self, command: Command, emulator: Emulator, documents: Path
    ) -> None:
        reading = "GET /api/open/v1/jobs/{jobId}"
        emulator.clock.set_speed(0)
        emulator.faults.add(reading, Fault.answer(403), times=1)
        left = command("submit", documents, "--project", "Tower")
        assert left.code == 3
        (job,) = emulator.plangrep.jobs
        hint = left.err.splitlines()[-1]
        assert hint.startswith(
            f"2 of 2 files are not confirmed. To go on with job {job.id}: plangrep-async submit --job"
        )

        def open_when_read() -> None:
            while not emulator.requests.count(reading, status=200):
                time.sleep(0.001)
            emulator.clock.advance(60)

        with ThreadPoolExecutor() as pool:
            pool.submit(open_when_read)
            ended = command(*shlex.split(hint.partition(": plangrep-async ")[2]))
        assert ended.code == 0, ended.err
        assert f"Job {job.id} is provisioning" in ended.err
        assert len(emulator.plangrep.jobs) == 1
        assert "5 pages" in ended.out


def test_how_to_go_on_is_a_whole_command() -> None:
    files = [Path(f"level {number}/plan.pdf") for number in range(12)]
    submission = Submission(SubmitOptions(files, classification="plans"), "https://plangrep.test")
    assert submission.how_to_go_on() is None
    submission.job = Job(id="job_1", project_id="proj_1", status=JobStatus("uploading"))
    hint = submission.how_to_go_on()
    assert hint is not None
    assert shlex.split(hint.partition(": ")[2]) == [
        *["plangrep-async", "submit", "--job", "job_1", "--base-url", "https://plangrep.test"],
        *["--classification", "plans"],
        *map(str, files),
    ]
    submission.completed = True
    assert "goes on at the service" in (submission.how_to_go_on() or "")
    submission.job = Job(id="job_1", project_id="proj_1", status=JobStatus("failed"))
    assert submission.how_to_go_on() is None


def test_of_a_job_that_has_failed_nothing_goes_on(command: Command, emulator: Emulator, tmp_path: Path) -> None:
    (tmp_path / "broken.pdf").write_bytes(b"%PDF-1.4 broken")
    ended = command("submit", tmp_path / "broken.pdf")
    assert ended.code == 1
    assert "ended as 'failed'" in ended.err
    assert "goes on" not in ended.err


def test_without_the_extra_it_says_what_to_install(executable: list[str]) -> None:
    hidden = "import sys; sys.modules['click'] = None; from plangrep_async.cli import main; main()"
    ended = subprocess.run([executable[0], "-c", hidden], capture_output=True, text=True, env=dict(os.environ))
    assert ended.returncode == 2
    assert "pip install 'plangrep-async[cli]'" in ended.stderr


def test_help_names_every_command(command: Command) -> None:
    ended = command("--help")
    assert ended.code == 0
    assert "submit" in ended.out
    assert "emulator" in ended.out


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("--out", "no/such/folder/result.json"),
        ("--external-id", "x" * 181),
        ("--webhook-url", "ftp://example.com/hook"),
    ],
)
def test_what_would_fail_later_is_refused_before_anything_is_charged(
    command: Command, emulator: Emulator, documents: Path, option: str, value: str
) -> None:
    ended = command("submit", documents, option, value)
    assert ended.code == 2
    assert ended.err.startswith(option)
    assert "Traceback" not in ended.err
    assert emulator.plangrep.projects == []


def test_a_result_that_cannot_be_written_is_a_sentence_and_can_be_fetched_again(
    command: Command, emulator: Emulator, documents: Path, tmp_path: Path
) -> None:
    (tmp_path / ".result.json.part").mkdir()
    ended = command("submit", documents, "--out", tmp_path / "result.json")
    assert ended.code == 2
    assert "the result could not be written to" in ended.err
    assert "plangrep-async submit --job job_" in ended.err


@pytest.mark.parametrize("encoding", ["ascii", "utf-8"])
def test_a_name_that_is_not_unicode_ends_in_valid_json(
    emulator: Emulator, tmp_path: Path, executable: list[str], encoding: str
) -> None:
    (tmp_path / os.fsdecode(b"caf\xe9.pdf")).symlink_to(tmp_path / "gone")
    environment = {**os.environ, "PYTHONIOENCODING": f"{encoding}:strict"}
    ended = subprocess.run(
        [*executable, "submit", str(tmp_path), "--json"], capture_output=True, env=environment, timeout=50
    )
    problems = [event for event in map(json.loads, ended.stdout.splitlines()) if event["event"] == "problem"]
    assert os.fsencode(problems[0]["file"]) == b"caf\xe9.pdf"
    assert ended.returncode == 1, "the document is at fault, not the service"
    assert b"Traceback" not in ended.stderr


def test_a_reader_that_has_gone_is_no_failed_document(
    emulator: Emulator, documents: Path, executable: list[str]
) -> None:
    read, write = os.pipe()
    os.close(read)
    with os.fdopen(write, "wb") as output:
        ended = subprocess.run(
            [*executable, "submit", str(documents), "--json"], stdout=output, stderr=subprocess.PIPE, timeout=50
        )
    assert (ended.returncode, ended.stderr) == (3, b"")


@pytest.mark.parametrize("output", ["ascii", "closed"])
def test_any_output_will_do(emulator: Emulator, documents: Path, executable: list[str], output: str) -> None:
    (documents / "plans.pdf").rename(documents / "plänę ☃.pdf")
    command = [*executable, "submit", str(documents)]
    if output == "closed":
        command = ["sh", "-c", 'exec "$@" >&-', "sh", *command]
    ended = subprocess.run(
        command, capture_output=True, env={**os.environ, "PYTHONIOENCODING": "ascii:strict"}, timeout=50
    )
    assert ended.returncode == 0, ended.stderr
    assert b"Traceback" not in ended.stderr
