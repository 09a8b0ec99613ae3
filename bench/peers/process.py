"""A program that is measured: run to its end, within a time limit, with its peak memory."""

import json
import os
import signal
import subprocess
import tempfile
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass


class Failed(Exception):
    """A program that did not do what it was started for, and what it said."""


@dataclass
class Finished:
    """What a run took: wall seconds from start to exit, and bytes resident at most."""

    seconds: float
    peak_bytes: int


@contextmanager
def stopped(pid):
    """The program computes nothing meanwhile, and keeps its memory."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def run(command, cap, on_json=lambda value, pid: None, environment=None):
    """Runs a command, and calls `on_json` with each line of JSON as soon as it is printed.

    A program that takes longer than `cap` seconds is killed.
    """
    start, expired = time.monotonic(), threading.Event()
    with tempfile.TemporaryFile(mode="w+", errors="replace") as messages:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                   stderr=messages, text=True, env=environment)

        def kill():
            expired.set()
            os.kill(process.pid, signal.SIGKILL)

        limit = threading.Timer(cap, kill)
        limit.start()
        try:
            for line in process.stdout:
                if line.startswith("{"):
                    on_json(json.loads(line), process.pid)
            # Until it is waited for, its number is nobody else's, so the timer may still kill it.
            os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
            seconds = time.monotonic() - start
        except BaseException:
            os.kill(process.pid, signal.SIGKILL)
            raise
        finally:
            limit.cancel()
            limit.join()
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
            process.stdout.close()
        if process.returncode != 0:
            messages.seek(0)
            why = f"took more than {cap} s" if expired.is_set() else messages.read()[-2000:].strip()
            raise Failed(f"{' '.join(command)}\nfailed: {why or process.returncode}")
    # Linux counts in KiB.
    return Finished(seconds, usage.ru_maxrss * 1024)
