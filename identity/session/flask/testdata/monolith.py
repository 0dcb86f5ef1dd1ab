"""A Flask of the test's settings, that does what the test says.

Each line of stdin is a JSON object {"do": name, ...}; the answer is one line of
JSON. The first gives the settings. Everything is done with Flask's own code.
"""
import base64
import datetime
import hashlib
import json
import random
import sqlite3
import string
import sys
import uuid
from http.cookies import SimpleCookie

import flask
import flask_login
from flask.sessions import SecureCookieSessionInterface
from markupsafe import Markup

app = flask.Flask(__name__)
database = None


class User(flask_login.UserMixin):
    def __init__(self, id):
        self.id = id

    def get_id(self):
        return self.id


def start(settings, salt=None, digest=None, users=None, **_):
    global database
    app.config.update(settings)
    app.logger.disabled = True
    interface = SecureCookieSessionInterface()
    if salt:
        interface.salt = salt
    if digest:
        interface.digest_method = getattr(hashlib, digest)
    app.session_interface = interface
    manager = flask_login.LoginManager(app)
    if users:
        database = sqlite3.connect(users, isolation_level=None)
        database.execute("create table user (id integer primary key, email text, active boolean)")

    @manager.user_loader
    def load(id):
        if database is None:
            return User(id)
        row = database.execute("select id from user where id = ? and active", (int(id),)).fetchone()
        return User(str(row[0])) if row else None

    return {"version": flask.__version__}


def sql(statement, **_):
    database.execute(statement)
    return {}


def text(r):
    strange = ["\u00e9", "\u20ac", "\U0001f600", '"', "\\", "\n", "\0", "<", "\ud800", " t", " di", "__", "NaN"]
    return "".join(r.choice(strange) if r.random() < 0.3 else r.choice(string.ascii_letters) * r.randint(1, 9) for _ in range(r.randint(0, 4)))


def value(r, depth=0):
    kind = r.randint(0, 12 if depth < 4 else 8)
    if kind == 0:
        return None
    if kind == 1:
        return r.random() < 0.5
    if kind == 2:
        return r.choice([0, 1, -5, 2**70, r.randint(-10**6, 10**6)])
    if kind == 3:
        return r.choice([1.5, -0.25, 1e300, float("nan"), float("inf"), -float("inf")])
    if kind == 4:
        return text(r)
    if kind == 5:
        return bytes(r.randint(0, 255) for _ in range(r.randint(0, 9)))
    if kind == 6:
        return Markup(text(r))
    if kind == 7:
        return uuid.UUID(int=r.getrandbits(128))
    if kind == 8:
        return datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc) + datetime.timedelta(seconds=r.randint(0, 4 * 10**9))
    if kind == 9:
        return tuple(value(r, depth + 1) for _ in range(r.randint(0, 3)))
    if kind == 10:
        return [value(r, depth + 1) for _ in range(r.randint(0, 3))]
    if kind == 11:
        return {r.choice([" t", " b", " di", " x", "a", "t"]): value(r, depth + 1)}
    return {text(r): value(r, depth + 1) for _ in range(r.randint(0, 4))}


def plain(v):
    """What the reader makes of a value."""
    if isinstance(v, float) and (v != v or v in (float("inf"), -float("inf"))):
        return None
    if isinstance(v, (list, tuple)):
        return [plain(x) for x in v]
    if isinstance(v, dict):
        return {k: plain(x) for k, x in v.items()}
    if isinstance(v, bytes):
        return base64.b64encode(v).decode()
    if isinstance(v, uuid.UUID):
        return str(v)
    if isinstance(v, datetime.datetime):
        return v.strftime("%Y-%m-%dT%H:%M:%SZ")
    if isinstance(v, str):
        return str(v)
    return v


def cookie(response):
    found = SimpleCookie()
    for line in response.headers.getlist("Set-Cookie"):
        found.load(line)
    name = app.config["SESSION_COOKIE_NAME"]
    return {"cookie": found[name].value if name in found else None, "remember": found["remember_token"].value if "remember_token" in found else None}


def make(id=None, seed=None, values=None, remember=False, **_):
    """Makes a session, signed in or not; answers the cookie."""
    r = random.Random(seed)
    with app.test_request_context("/"):
        if seed is not None:
            id = r.choice(["1", "abc", "0", 7, 0, -3, 2**63, "", text(r), uuid.UUID(int=5), None, True, 1.5, b"x", ("a",)])
            claim = value(r)
            flask.session["claim"] = claim
            if r.random() < 0.5:
                flask.session.update({text(r): value(r) for _ in range(r.randint(0, 20))})
                flask.session["claim"] = claim
        if id is not None:
            flask_login.login_user(User(id), remember=remember, force=True)
        flask.session.update(values or {})
        out = cookie(app.process_response(app.make_response("")))
        out["id"] = json.dumps(id if not isinstance(id, (bytes, uuid.UUID, tuple)) else str(id))
        out["kind"] = type(id).__name__
        if seed is not None:
            out["claim"] = json.dumps(plain(claim))
        return out


def who(header, **_):
    """Who Flask itself says it is."""
    environ = {"HTTP_COOKIE": base64.b64decode(header).decode("latin-1")}
    answer = app.test_client(use_cookies=False).get("/who", environ_overrides=environ)
    return answer.get_json() if answer.status_code == 200 else {"failed": answer.status}


@app.get("/who")
def page():
    user = flask_login.current_user
    if not user.is_authenticated:
        return {"user": None}
    return {"user": str(user.get_id()), "kind": type(user.get_id()).__name__}


def sign(payload, at=None, salt=None, **_):
    """Signs any bytes as a session."""
    serializer = app.session_interface.get_signing_serializer(app)
    signer = serializer.make_signer(salt.encode() if salt else None)
    if at is not None:
        signer.get_timestamp = lambda: at
    return {"cookie": signer.sign(base64.b64decode(payload)).decode("latin-1")}


def main():
    for line in sys.stdin:
        command = json.loads(line)
        name = command["do"]
        try:
            answer = globals()[name](**command)
        except Exception as e:
            answer = {"error": "%s: %s" % (type(e).__name__, e)}
        print(json.dumps(answer), flush=True)


main()
