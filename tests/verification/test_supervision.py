"""One child, one supervisor, one lock: with real processes and real signals."""

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import psutil
import pytest

from finetuning_ui.env import PROJECT
from finetuning_ui.stack.lock import AlreadyRunning, is_running, only_stack
from finetuning_ui.stack.process import Process, Program, Record
from finetuning_ui.stack.supervisor import DidNotStart, Supervisor

SLEEPER = [sys.executable, "-c", "import time; time.sleep(60)"]
STUBBORN = [
    sys.executable,
    "-c",
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); time.sleep(60)",
]
PARENT = [
    sys.executable,
    "-c",
    "import subprocess, sys, time; subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)']);"
    "print('two', flush=True); time.sleep(60)",
]


def child(tmp_path: Path, command: list[str], **options: object) -> Process:
    program = Program(name="child", command=command, **options)  # type: ignore[arg-type]
    return Process(program, logs=tmp_path / "logs", records=tmp_path / "records")


def until(process: Process, word: str) -> None:
    deadline = time.monotonic() + 20
    while word not in process.tail():
        assert time.monotonic() < deadline, process.tail()
        time.sleep(0.02)


def test_a_child_runs_in_a_session_of_its_own_with_its_output_in_a_log(tmp_path: Path) -> None:
    process = child(
        tmp_path, [sys.executable, "-c", "import os, time; print(os.getsid(0) == os.getpid(), flush=True); time.sleep(60)"]
    )
    process.start()
    try:
        until(process, "True")
        assert Record.model_validate_json(process.record.read_bytes()).pid == process.pid
    finally:
        process.stop()
    assert not process.alive
    assert not process.record.exists()


def test_stopping_ends_grandchildren_too(tmp_path: Path) -> None:
    process = child(tmp_path, PARENT)
    process.start()
    until(process, "two")
    family = psutil.Process(process.pid).children(recursive=True)
    assert len(family) == 1
    process.stop()
    psutil.wait_procs(family, timeout=10)
    assert not any(member.is_running() and member.status() != psutil.STATUS_ZOMBIE for member in family)


def test_a_child_that_ignores_the_signal_is_killed_when_patience_ends(tmp_path: Path) -> None:
    process = child(tmp_path, STUBBORN, patience=0.5)
    process.start()
    until(process, "deaf")
    process.stop()
    assert process.how_it_ended() == "killed by SIGKILL"


def test_a_second_wish_to_stop_does_not_wait_for_patience(tmp_path: Path) -> None:
    process = child(tmp_path, STUBBORN, patience=60)
    process.start()
    until(process, "deaf")
    began = time.monotonic()
    process.stop(forced=lambda: True)
    assert time.monotonic() - began < 5


def test_waiting_ends_at_once_when_the_child_has_ended(tmp_path: Path) -> None:
    process = child(tmp_path, [sys.executable, "-c", "raise SystemExit('cannot work')"], ready=lambda: False)
    process.start()
    began = time.monotonic()
    assert not process.wait_ready(60)
    assert time.monotonic() - began < 20
    assert process.how_it_ended() == "ended with status 1"
    assert process.tail() == "cannot work"


def test_a_child_dies_with_the_process_that_started_it(tmp_path: Path) -> None:
    script = f"""
        import sys, time
        from pathlib import Path
        from finetuning_ui.stack.process import Process, Program
        process = Process(Program(name="child", command={SLEEPER!r}), logs=Path(sys.argv[1]), records=Path(sys.argv[1]))
        process.start()
        print(process.pid, flush=True)
        time.sleep(60)
    """
    command = [sys.executable, "-c", textwrap.dedent(script), str(tmp_path)]
    with subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.PIPE, text=True) as starter:
        orphan = psutil.Process(int(starter.stdout.readline()))  # type: ignore[union-attr]
        starter.kill()
    gone, _ = psutil.wait_procs([orphan], timeout=10)
    assert gone or orphan.status() == psutil.STATUS_ZOMBIE


def test_a_sweep_ends_what_a_killed_stack_left_and_spares_a_younger_process_with_the_same_number(tmp_path: Path) -> None:
    left = subprocess.Popen(SLEEPER, start_new_session=True)
    process = child(tmp_path, SLEEPER)
    process.record.parent.mkdir()
    started = psutil.Process(left.pid).create_time()

    process.record.write_text(Record(pid=left.pid, started=started - 3600).model_dump_json())
    assert not process.sweep(), "the number belongs to somebody else now"
    assert left.poll() is None

    process.record.write_text(Record(pid=left.pid, started=started).model_dump_json())
    assert process.sweep()
    assert not psutil.pid_exists(left.pid)
    assert not process.record.exists()


def test_a_log_that_has_grown_long_is_put_aside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("finetuning_ui.stack.process.LOG_BYTES", 10)
    process = child(tmp_path, [sys.executable, "-c", "print('new')"])
    process.log.parent.mkdir()
    process.log.write_text("a long old story")
    process.start()
    until(process, "new")
    process.stop()
    assert process.log.with_suffix(".log.1").read_text() == "a long old story"
    assert process.tail() == "new"


def supervisor(tmp_path: Path, said: list[str]) -> Supervisor:
    return Supervisor(say=lambda name, text: said.append(f"{name}: {text}"), folder=tmp_path / "r", logs=tmp_path / "l")


def test_the_supervisor_starts_again_what_dies_and_waits_longer_each_time(tmp_path: Path) -> None:
    said: list[str] = []
    keeper = supervisor(tmp_path, said)
    keeper.start(Program(name="moth", command=[sys.executable, "-c", "raise SystemExit(3)"]))
    threading.Timer(2.5, lambda: setattr(keeper, "stop_asked", 1)).start()
    keeper.watch()
    keeper.stop("moth")
    ends = [line for line in said if "ended with status 3" in line]
    assert len(ends) >= 3
    assert [f"again in {delay} s" in line for delay, line in zip(("0.2", "0.4", "0.8"), ends, strict=False)] == [True] * 3
    assert said[-1] == "moth: stopped"


def test_a_part_that_never_answers_is_an_error_with_the_end_of_its_log(tmp_path: Path) -> None:
    keeper = supervisor(tmp_path, [])
    program = Program(name="mute", command=[sys.executable, "-c", "raise SystemExit('no disk')"], ready=lambda: False)
    with pytest.raises(DidNotStart, match=r"mute did not start(.|\n)*no disk"):
        keeper.start(program, seconds=20)
    keeper.stop("mute")


def test_a_signal_while_waiting_is_a_wish_that_ends_the_waiting(tmp_path: Path) -> None:
    keeper = supervisor(tmp_path, [])
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    keeper.listen()
    try:
        threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGTERM)).start()
        keeper.start(Program(name="slow", command=SLEEPER, ready=lambda: False), seconds=30)
        assert keeper.stop_asked == 1
    finally:
        keeper.stop("slow")
        for number, handler in before.items():
            signal.signal(number, handler)


def test_one_stack_at_a_time_holds_a_folder_and_the_other_is_told_who(tmp_path: Path) -> None:
    assert not is_running(tmp_path)
    with only_stack(tmp_path):
        assert is_running(tmp_path)
        with pytest.raises(AlreadyRunning, match=f"process {os.getpid()}"), only_stack(tmp_path):
            pass
    assert not is_running(tmp_path)


def test_a_killed_holder_gives_the_folder_free(tmp_path: Path) -> None:
    script = "import sys, time; from pathlib import Path; from finetuning_ui.stack.lock import only_stack\n"
    script += "with only_stack(Path(sys.argv[1])):\n    print('held', flush=True); time.sleep(60)"
    with subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path)], cwd=PROJECT, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout
        assert holder.stdout.readline() == "held\n"
        assert is_running(tmp_path)
        holder.kill()
    assert not is_running(tmp_path)
