"""Python's own pickle module as the oracle of the Go decoder.

Without arguments: each line of stdin is a pickle in base64; the answer is one
line, the loaded value in the test's notation, or "error". Names are resolved to
the same plain classes as in Go; any other becomes an object that swallows
everything and is written O.

dump COUNT SEED: writes COUNT lines, a pickle of random plain data in base64 and
its notation.
"""
import base64
import collections
import datetime
import decimal
import io
import pickle
import random
import resource
import struct
import sys
import uuid


class Strange:
    def __new__(cls, *args, **kwargs):
        return object.__new__(cls)

    def __init__(self, *args, **kwargs):
        pass

    def __call__(self, *args, **kwargs):
        return Strange()

    def swallow(self, *args):
        pass

    __setstate__ = __setitem__ = append = extend = add = swallow


class Safe(str):
    pass


PLAIN = {
    ("builtins", "bytearray"): bytearray,
    ("datetime", "datetime"): datetime.datetime,
    ("datetime", "date"): datetime.date,
    ("datetime", "time"): datetime.time,
    ("datetime", "timedelta"): datetime.timedelta,
    ("datetime", "timezone"): datetime.timezone,
    ("decimal", "Decimal"): decimal.Decimal,
    ("collections", "OrderedDict"): collections.OrderedDict,
    ("uuid", "UUID"): uuid.UUID,
    ("django.utils.safestring", "SafeString"): Safe,
}


class Unpickler(pickle.Unpickler):
    def find_class(self, module, name):
        return PLAIN.get((module, name), Strange)


def note(v, depth=0):
    if depth > 64:
        raise RecursionError
    inner = lambda items: [note(item, depth + 1) for item in items]
    if v is None or isinstance(v, bool):
        return str(v)
    if isinstance(v, int):
        return "i%d" % v
    if isinstance(v, float):
        return "fnan" if v != v else "f" + struct.pack(">d", v).hex()
    if isinstance(v, str):
        try:
            return "s" + v.encode().hex()
        except UnicodeEncodeError:
            return "O"
    if isinstance(v, (bytes, bytearray)):
        return "b" + bytes(v).hex()
    if isinstance(v, list):
        return "[" + ",".join(inner(v)) + "]"
    if isinstance(v, tuple):
        return "(" + ",".join(inner(v)) + ")"
    if isinstance(v, (set, frozenset)):
        return "{" + ",".join(sorted(inner(v))) + "}"
    if isinstance(v, dict):
        return "<" + ",".join(a + ":" + b for a, b in zip(inner(v.keys()), inner(v.values()))) + ">"
    if isinstance(v, datetime.datetime):
        if v.tzinfo is None:
            return "n" + v.strftime("%Y-%m-%dT%H:%M:%S.%f").zfill(26)
        v = v.replace(fold=0) - v.utcoffset()
        return "d" + v.replace(tzinfo=None).strftime("%Y-%m-%dT%H:%M:%S.%f").zfill(26)
    if isinstance(v, datetime.date):
        return "a" + v.isoformat()
    if isinstance(v, datetime.time):
        return "c" + v.strftime("%H:%M:%S.%f") if v.tzinfo is None else "O"
    if isinstance(v, datetime.timedelta):
        return "p%d" % (v // datetime.timedelta(microseconds=1))
    if isinstance(v, decimal.Decimal):
        return "m" + str(v)
    if isinstance(v, uuid.UUID):
        return "u" + str(v)
    return "O"


def load(line):
    try:
        return note(Unpickler(io.BytesIO(base64.b64decode(line))).load())
    except Exception as e:
        return "error " + type(e).__name__


def value(r, depth=0):
    kinds = 22 if depth < 4 else 15
    kind = r.randrange(kinds)
    few = range(r.choice([0, 1, 2, 3, 5, 20]))
    text = lambda: "".join(r.choice("aZ09_-.é\u20ac\U0001f600\\\n \x00") for _ in range(r.choice([0, 1, 8, 300])))
    hashable = lambda: r.choice([r.randrange(5), text(), 1.0, True, None, b"x", (1, "a"), 2**70, frozenset([1, "b"])])
    if kind == 0:
        return None
    if kind == 1:
        return r.random() < .5
    if kind == 2:
        return r.choice([0, 1, 255, 256, 65535, 65536, -1, 2**31 - 1, 2**31, -2**31, 2**63 - 1, 2**63, -2**63, -2**63 - 1, 2**2047])
    if kind == 3:
        return r.randrange(-2**40, 2**40)
    if kind == 4:
        return r.choice([0.0, -0.0, 1.5, 1e300, float("inf"), float("nan"), r.random()])
    if kind in (5, 6, 7):
        return text()
    if kind == 8:
        return r.randbytes(r.choice([0, 3, 300]))
    if kind == 9:
        return bytearray(b"abc")
    if kind == 10:
        zone = r.choice([None, datetime.timezone.utc, datetime.timezone(datetime.timedelta(hours=-3, minutes=-30))])
        return datetime.datetime(r.randrange(1900, 2100), r.randrange(1, 13), r.randrange(1, 29), r.randrange(24), 1, 2, r.randrange(10**6), zone)
    if kind == 11:
        return datetime.date(2024, 2, 29)
    if kind == 12:
        return r.choice([datetime.time(1, 2, 3, 4), datetime.timedelta(days=-1, microseconds=5), datetime.timedelta(days=40, seconds=5)])
    if kind == 13:
        return r.choice([decimal.Decimal("1.50"), decimal.Decimal("NaN"), decimal.Decimal("-1E+9")])
    if kind == 14:
        return uuid.UUID(int=r.getrandbits(128))
    if kind == 15:
        return [value(r, depth + 1) for _ in few]
    if kind == 16:
        return tuple(value(r, depth + 1) for _ in few)
    if kind == 17:
        return {hashable() for _ in few}
    if kind == 18:
        shared = value(r, depth + 1)
        return [shared, shared, (shared,)]
    if kind == 19:
        return collections.OrderedDict((hashable(), value(r, depth + 1)) for _ in few)
    return {hashable(): value(r, depth + 1) for _ in few}


def simple(r):
    return r.choice([None, True, False, 1, -5, 300, 70000, 2**40, -2**80, 1.5, "text", "\u20ac\\u1\n\U0001f600", (), [], {}, (1,), (1, 2, 3, 4)])


def dump(count, seed):
    r = random.Random(seed)
    for i in range(count):
        # Protocols below 4 write bytes, sets and objects as calls of functions.
        protocol = r.choice([0, 1, 2, 3, 4, 4, 5, 5])
        v = value(r) if protocol > 3 else {"a": simple(r), "b": [simple(r), (simple(r), simple(r))]}
        yield base64.b64encode(pickle.dumps(v, protocol)).decode() + " " + note(v)


# A memo index of 32 bits makes Python ask for 32 GB.
resource.setrlimit(resource.RLIMIT_AS, (1 << 28, 1 << 28))
if sys.argv[1:]:
    for line in dump(int(sys.argv[2]), int(sys.argv[3])):
        print(line)
else:
    for line in sys.stdin:
        print(load(line.strip()))
