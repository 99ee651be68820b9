"""Installed server programs, run on free ports for the duration of a ``with`` block."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

PLACES = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"])


def need(name: str) -> str:
    """Where the program is; the test is skipped if it is nowhere."""
    path = shutil.which(name, path=PLACES)
    if path is None:
        pytest.skip(f"{name} is not installed")
    return path


@contextlib.contextmanager
def running(
    command: Callable[[int], list[str]], folder: Path, host: str = "127.0.0.1"
) -> Iterator[int]:
    """Run COMMAND, made for a port, until the block ends; gives the port once it answers.

    A bound port cannot be passed to such a program: a free one is looked up, and if another
    process takes it first, the next.
    """
    for attempt in range(5):
        with socket.socket() as sock:
            sock.bind((host, 0))
            port = sock.getsockname()[1]
        log = folder / f"log-{attempt}"
        with log.open("wb") as output:
            process = subprocess.Popen(
                command(port), stdin=subprocess.DEVNULL, stdout=output, stderr=output, cwd=folder
            )
            try:
                if answers(process, host, port):
                    yield port
                    return
            finally:
                process.terminate()
                try:
                    process.wait(10)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()
    pytest.fail(f"does not start: {log.read_text('utf-8', 'replace')[-2000:]}")


def answers(process: subprocess.Popen[bytes], host: str, port: int) -> bool:
    """Wait until the program listens; False if it ended instead."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(OSError):
            socket.create_connection((host, port), 1).close()
            return True
        time.sleep(0.02)
    return False
