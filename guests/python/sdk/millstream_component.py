"""The component's side of the boundary: the WIT's exports on top of `millstream.Instance`, its imports as a host. `millstream build` puts it in."""

import gc
import sys

import millstream
from componentize_py_types import Err
from millstream_layout import parts
from wit_world import exports
from wit_world.imports import telemetry
from wit_world.imports.types import Batch, Description, Effects, Failure_Fatal, Failure_Retry, Reject, StoreDescription

try:
    from wit_world.imports import state
    from wit_world.imports.state import Range
except ImportError:
    state = Range = None  # the operator declares no store

OBJECTS_PER_COLLECTION = 50_000
"""How many more objects there are when the collector looks for circles."""


def of(module):
    """The class that componentize-py exports, around the operator of a module."""
    kind = millstream.operator_of(module)
    # What was imported lives as long as the instance: no collection need look at it. Nor at each batch, of which next to nothing is garbage in circles.
    gc.collect()
    gc.freeze()
    gc.set_threshold(OBJECTS_PER_COLLECTION)

    class Operator(exports.Operator):
        opened = None

        def describe(self):
            stores = [StoreDescription(store.name, store.version) for store in kind.stores]
            name = kind.name or module.__name__
            return Description(name, kind.version, list(kind.inputs), list(kind.outputs), stores, kind.config_schema)

        def open(self, setup):
            sys.stdout, sys.stderr = Lines(millstream.INFO), Lines(millstream.WARN)

            def open():
                Operator.opened = millstream.Instance(kind, Host)
                Operator.opened.open(setup.config, setup.inputs, setup.outputs, setup.stores)

            failing(open)

        def process(self, context, input):
            return guarded(lambda: effects(Operator.opened.process(context.watermark, context.now, context.task, input.index, input.arena)))

        def on_timer(self, context, due):
            return guarded(lambda: effects(Operator.opened.on_timer(context.watermark, context.now, context.task, due.index, due.arena)))

        def migrate(self, store, from_version, rows):
            return failing(lambda: Batch(*Operator.opened.migrate(store, from_version, rows.index, rows.arena)))

    return Operator


class Host:
    """The imports. Batches are pairs of index and arena."""

    @staticmethod
    def get_many(index, arena):
        found = state.get_many(Batch(index, arena))
        return found.index, found.arena

    @staticmethod
    def put_many(index, arena):
        state.put_many(Batch(index, arena))

    @staticmethod
    def scan(store, begin, end):
        page = state.scan(Range(store, begin, end, 0, 0))
        return list(zip(*parts(page.rows.index, page.rows.arena)[:2])), page.done

    @staticmethod
    def log(level, message):
        telemetry.log(level, message)

    @staticmethod
    def count(name, delta):
        telemetry.count(name, delta)


class Lines:
    """A text stream whose lines become log messages; the interpreter's own would trap."""

    encoding = "utf-8"
    errors = "replace"

    def __init__(self, level):
        self.level = level
        self.rest = ""

    def write(self, text):
        *lines, self.rest = (self.rest + text).split("\n")
        for line in lines:
            telemetry.log(self.level, line.encode(errors="replace"))
        return len(text)

    def flush(self):
        if self.rest:
            telemetry.log(self.level, self.rest.encode(errors="replace"))
            self.rest = ""

    def isatty(self):
        return False


def effects(context):
    rejects = [Reject(row, code, message) for row, code, message in context.rejects]
    outputs, timers = context.packed()
    return Effects(Batch(*outputs), Batch(*timers), rejects)


def failing(call):
    """Runs a call; what it raises becomes a failure that stops the job."""
    return guarded(call, lambda e: Failure_Fatal(told(e)))


def guarded(call, unexpected=None):
    """Runs a call; Retry and Fatal become failures. Any other exception is a mistake that one record may be to blame for: it goes to the log and on, as a
    trap, so that the host finds that record and lets the others through."""
    try:
        return call()
    except millstream.Retry as e:
        failure = Failure_Retry(str(e))
    except millstream.Fatal as e:
        failure = Failure_Fatal(str(e))
    except BaseException as e:
        if unexpected is None:
            telemetry.log(millstream.ERROR, told(e).encode(errors="replace"))
            raise
        failure = unexpected(e)
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
    raise Err(failure)


FRAMES_MAX = 20


def told(e):
    """An exception with where it came from. `traceback` looks for source files, which are not there, and traps."""
    frames = []
    at = e.__traceback__
    while at is not None:
        code = at.tb_frame.f_code
        frames.append(f"  in {code.co_name} ({code.co_filename.rsplit('/', 1)[-1]}:{at.tb_lineno})")
        at = at.tb_next
    left_out = [f"  … {len(frames) - FRAMES_MAX} more"] if len(frames) > FRAMES_MAX else []
    return "\n".join([f"{type(e).__name__}: {e}", *left_out, *frames[-FRAMES_MAX:]])
