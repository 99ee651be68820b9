"""Whether files have changed since something was made from them."""

from __future__ import annotations

import os
import stat
import time
import typing

if typing.TYPE_CHECKING:
    from collections.abc import Iterable

# Nanoseconds for which a file that was just written may be written again without its times showing
# it: file systems count in steps, of two seconds at most (FAT).
_COARSEST_STEP = 2_000_000_000

# In one directory: to look at more would take as long as to make the thing anew.
_MAX_ENTRIES = 2000

_State = tuple[int, ...]


class FilesThen:
    """The state of the files at *paths* when this is made; call :meth:`add` before reading more.

    Times of modification can be put back (``cp -p``, ``rsync -t``); those of change, sizes and
    inodes tell then.  What was written a moment ago is compared by its content.
    """

    def __init__(self, paths: Iterable[str | None] = ()) -> None:
        self._entries: dict[str, frozenset[str] | None] = {}
        self._states: dict[str, _State | None] = {}
        self._contents: dict[str, int | None] = {}
        for path in paths:
            if path:
                self.add(path)

    def add_directories(self, paths: str | bytes | None) -> None:
        """Have the certificates in directories compared, too; *paths* is written as OpenSSL's.

        OpenSSL looks into one when a certificate is wanted, and keeps what it finds.
        """
        for path in os.fsdecode(paths or "").split(os.pathsep):
            if path:
                names = self._entries[path] = _entries_of(path)
                for name in names or ():
                    self.add(os.path.join(path, name))  # noqa: PTH118  # as in _state_of

    def add(self, path: str) -> None:
        """Have the file at *path* compared, too, with what it is now."""
        state = self._states[path] = _state_of(path)
        if state is not None and _may_change_unseen(state):
            self._contents[path] = _content_of(path)

    def are_unchanged(self) -> bool:
        """Whether all of them are as they were; False if that cannot be said."""
        for path, names in self._entries.items():
            if names is None or _entries_of(path) != names:
                return False
        for path, state in self._states.items():
            if _state_of(path) != state:
                return False
        return all(self._has(path, content) for path, content in list(self._contents.items()))

    def _has(self, path: str, content: int | None) -> bool:
        """Whether a file that may have changed unseen has not; from now on its times may tell."""
        state = self._states[path]
        will_tell = state is not None and not _may_change_unseen(state)
        if content is None or _content_of(path) != content:
            return False
        if will_tell:
            self._contents.pop(path, None)  # or another thread has
        return True


def _entries_of(path: str) -> frozenset[str] | None:
    """The files in a directory that OpenSSL looks at: ``1a2b3c4d.0``.  None if nobody can say."""
    try:
        names = os.listdir(path)  # noqa: PTH208  # a Path costs more than the call
    except (FileNotFoundError, NotADirectoryError):
        return frozenset()
    except OSError:
        return None
    found = frozenset([name for name in names if name[8:9] == "." and len(name) < 16])
    return found if len(found) <= _MAX_ENTRIES else None


def _state_of(path: str) -> _State | None:
    try:
        found = os.stat(path)  # noqa: PTH116  # a Path costs more than the call
    except (OSError, ValueError):
        return None  # whoever loads it will say what is wrong
    return (
        found.st_mtime_ns,
        found.st_ctime_ns,
        found.st_size,
        found.st_ino,
        found.st_mode,
    )


def _may_change_unseen(state: _State) -> bool:
    age = time.time_ns() - max(state[:2])
    return age < _COARSEST_STEP and stat.S_ISREG(state[-1])


def _content_of(path: str) -> int | None:
    try:
        with open(path, "rb") as file:  # noqa: PTH123  # pathlib takes its time to import
            # Two equal hashes of different contents are as likely as a guessed key of 64 bits.
            return hash(file.read())
    except OSError:
        return None
