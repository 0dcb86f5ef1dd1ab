"""A Django of the test's settings, that does what the test says.

Each line of stdin is a JSON object {"do": name, ...}; the answer is one line of
JSON. The first gives the settings. Everything is done with Django's own code.
"""
import datetime
import decimal
import importlib
import json
import sys
import uuid

import django
from django.conf import settings


class Strange:
    """An object that no decoder of ours knows."""

    def __init__(self):
        self.inside = {"a": [1, 2]}


def start(settings_, **_):
    settings.configure(
        INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions"],
        PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"],
        DEFAULT_AUTO_FIELD="django.db.models.AutoField",
        **settings_,
    )
    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0, interactive=False)
    return {"version": django.get_version()}


def store():
    return importlib.import_module(settings.SESSION_ENGINE).SessionStore


def user(name, active=True, **_):
    from django.contrib.auth.models import User

    made = User.objects.create_user(name, name + "@example.com", "secret", is_active=active)
    return {"id": made.pk}


def change(id, do, **fields):
    from django.contrib.auth.models import User

    found = User.objects.get(pk=id)
    if fields.pop("delete", False):
        found.delete()
        return {}
    password = fields.pop("password", None)
    if password:
        found.set_password(password)
    for name, value in fields.items():
        setattr(found, name, value)
    found.save()
    return {}


RICH = {
    "text": "caf\u00e9 \u20ac \U0001f600", "n": 5, "big": 2**70, "f": 1.5, "nan": float("nan"), "no": None, "yes": True,
    "list": [1, "a", {"k": [None]}], "cart": {"1": {"qty": 2}}, "long": "x" * 3000,
}


def pickled():
    from django.utils.safestring import mark_safe

    return {
        "tuple": (1, 2), "set": {1}, "frozen": frozenset("a"), "bytes": b"\x00\xff", "when": datetime.datetime(2024, 2, 29, 1, 2, 3, 4),
        "zone": datetime.datetime.now(datetime.timezone.utc), "day": datetime.date(2024, 2, 29), "price": decimal.Decimal("1.50"),
        "uuid": uuid.UUID(int=7), "safe": mark_safe("<b>"), "strange": Strange(), 5: "a key that is no text",
        "wait": datetime.timedelta(days=1),
    }


def session(id=None, expiry=None, rich=False, pickle=False, values=None, backend="django.contrib.auth.backends.ModelBackend", **_):
    """Makes a session, signed in or not; answers the cookie."""
    from django.contrib.auth import login
    from django.contrib.auth.models import User
    from django.http import HttpRequest

    request = HttpRequest()
    request.session = store()()
    if id is not None:
        login(request, User.objects.get(pk=id), backend=backend)
    if rich:
        request.session.update(RICH)
    if pickle:
        request.session.update(pickled())
    request.session.update(values or {})
    if expiry is not None:
        if expiry.get("seconds"):
            request.session.set_expiry(expiry["seconds"])
        if expiry.get("delta"):
            request.session.set_expiry(datetime.timedelta(seconds=expiry["delta"]))
    request.session.save()
    return {"cookie": request.session.session_key}


def logout(cookie, **_):
    store()(cookie).flush()
    return {}


def raw(cookie=None, data=None, sql=None, params=None, **_):
    """Changes the database's row behind Django's back."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(sql, [data, cookie] if data is not None else params)
    return {}


def who(header, **_):
    """Who Django itself says it is, through its middleware."""
    from django.contrib.auth import get_user
    from django.contrib.sessions.middleware import SessionMiddleware
    from django.http import HttpResponse
    from django.test import RequestFactory

    request = RequestFactory().get("/", HTTP_COOKIE=header.encode().decode("latin-1"))
    seen = {}

    def view(request):
        found = get_user(request)
        seen["id"] = found.pk if found.is_authenticated else None
        return HttpResponse()

    SessionMiddleware(view)(request)
    return seen


def sign(payload, salt, key=None, compress=False, **_):
    from django.core import signing

    return {"text": signing.dumps(payload, salt=salt, key=key, compress=compress)}


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
