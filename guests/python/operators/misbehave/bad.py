"""Results that break a rule of the layout, one each."""

from millstream import INHERIT, NONE, ROW


def index(key_end=1, value_end=2, headers_end=2, port=0, flags=0, row=0):
    """The index row of a record with key `k` and value `v`, with something changed."""
    return ROW.pack(key_end, value_end, headers_end, port, flags, INHERIT, row, NONE, NONE)


def break_rule(order, row, context):
    """Returns results that break the rule that the order names; False: it names none."""
    good = index(row=row)
    match order:
        case "bad-timer":
            context.return_raw(timers=(index(port=9, row=row), b"kv"))
            return True
        case "bad-reject":
            context.reject_row(NONE, 1, "")
            return True
        case "bad-length":
            outputs = good[:39], b"kv"
        case "bad-ends":
            outputs = index(key_end=2, value_end=1, row=row), b"kv"
        case "bad-arena":
            outputs = index(value_end=NONE, headers_end=NONE, row=row), b"kv"
        case "bad-flags":
            outputs = index(flags=0x8000, row=row), b"kv"
        case "bad-port":
            outputs = index(port=7, row=row), b"kv"
        case "bad-row":
            outputs = index(row=-1), b"kv"
        case "bad-headers":
            outputs = index(flags=4, headers_end=4, row=row), b"kv\xff\xff"
        case "bad-overlap":
            # The second row begins before the first ends.
            outputs = good + good, b"kv"
        case _:
            return False
    context.return_raw(outputs=outputs)
    return True
