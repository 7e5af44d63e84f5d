"""PostgreSQL refuses to run as root, so root starts it as ``nobody``.

The state directory and the Python environment are often below a folder that only root may enter (0700).
The server therefore keeps one capability of root's: to enter and read any folder. Everything that it
writes belongs to ``nobody``.
"""

import ctypes
import os
import pwd
import signal
from collections.abc import Callable
from pathlib import Path

_PR_SET_PDEATHSIG, _PR_SET_KEEPCAPS, _PR_CAP_AMBIENT, _AMBIENT_RAISE = 1, 8, 47, 2
# A container's root often has only the second.
_DAC_READ_SEARCH, _DAC_OVERRIDE = 2, 1
_CAPABILITY_VERSION = 0x20080522

_libc = ctypes.CDLL(None, use_errno=True)


def give(path: Path) -> None:
    """Makes a folder the server's own."""
    if os.geteuid() == 0:
        nobody = pwd.getpwnam("nobody")
        os.chown(path, nobody.pw_uid, nobody.pw_gid)


def become(parent: int, *, at_parents_end: signal.Signals) -> Callable[[], None]:
    """What a child does between fork and exec: give up root, and die with its parent.

    ``at_parents_end`` reaches the child when the thread that started it ends, however that happens.
    """
    nobody = pwd.getpwnam("nobody") if os.geteuid() == 0 else None

    def in_child() -> None:
        if nobody is not None:
            _check(_libc.prctl(_PR_SET_KEEPCAPS, 1, 0, 0, 0))
            os.setgroups([])
            os.setgid(nobody.pw_gid)
            os.setuid(nobody.pw_uid)
            _keep_one_capability()
        # After the change of user, which clears it.
        _check(_libc.prctl(_PR_SET_PDEATHSIG, int(at_parents_end), 0, 0, 0))
        if os.getppid() != parent:
            os._exit(1)

    return in_child


def _keep_one_capability() -> None:
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION, 0)
    for capability in (_DAC_READ_SEARCH, _DAC_OVERRIDE):
        bit = 1 << capability
        # effective, permitted, inheritable; capabilities above 31 are in the second half.
        sets = (ctypes.c_uint32 * 6)(bit, bit, bit, 0, 0, 0)
        if _libc.capset(header, sets) == 0:
            _libc.prctl(_PR_CAP_AMBIENT, _AMBIENT_RAISE, capability, 0, 0)
            return


def _check(result: int) -> None:
    if result != 0:
        raise OSError(ctypes.get_errno(), "prctl")
