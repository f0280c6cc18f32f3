"""``graphprof exec``, the child: an unmodified program, run under the watch.

``python -m graphprof.capture.script FOLDER WINDOW REPLAY? MODULE? TARGET ARGS...``. The program sees
what it would see if Python had started it: ``sys.argv``, ``sys.path[0]``, ``__main__``, its own
streams and exit code, tracebacks without frames of graphprof. The recording is written when the
program ends, however it ends.
"""

from __future__ import annotations

import atexit
import sys
from pathlib import Path
from typing import NoReturn

from graphprof.capture import launching
from graphprof.capture.instrument.install import install
from graphprof.capture.instrument.watch import Watch
from graphprof.capture.instrument.window import Windows
from graphprof.capture.keeping import Recording, keep


def main(argv: list[str]) -> NoReturn:
    """Run the program named by ``argv`` and end as it ends."""
    folder, window, replay, as_module, target, *args = argv
    watch = Watch()
    watch.replays.wanted = replay == "replay"
    windows = Windows(watch, Path(folder), float(window))
    recording = Recording(watch, windows, Path(folder))

    def ready() -> None:
        windows.start()
        watch.own_python.start()

    install(watch, ready)
    atexit.register(recording.write)
    keep(recording)
    run_module = as_module == "module"
    try:
        code, module = (launching.load_module if run_module else launching.load_script)(
            target, args
        )
        sys.modules["__main__"] = module
        exec(code, module.__dict__)
    except SystemExit as stop:
        code_of_exit = launching.exit_code(stop)
        recording.program_ended({"how": "exit", "code": code_of_exit})
        if code_of_exit == 0:
            recording.save_replay()
        raise
    except KeyboardInterrupt as stop:
        recording.program_ended({"how": "interrupted", "code": 130})
        raise launching.without_us(stop) from None
    except BaseException as error:
        recording.program_ended({"how": "raised", "code": 1, "error": type(error).__name__})
        launching.report(error)
        sys.exit(1)
    recording.program_ended({"how": "end", "code": 0})
    recording.save_replay()
    sys.exit(0)


if __name__ == "__main__":
    main(sys.argv[1:])
