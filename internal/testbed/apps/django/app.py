"""A small real Django monolith: its own login form, and maybe an introspection view.

    SECRET=secret DATABASE=db.sqlite3 PORT=8000 python app.py

alice (ID 1), bob (2) and carol (3) sign in with "password" at /login/. GET /logout/ signs
out, GET /who answers {"by": "django", "user": ID or null}, and GET /cart gives who
is nobody a session as well. /disable/NAME, /password/NAME, /delete/NAME and
/expire do as they say, to users and to the session that asks.

SECRET is its SECRET_KEY and what may ask /_introspect, which is there with VIEW, a
file with a function introspect(request). SETTINGS is a JSON object of settings in
place of those below.
"""
import json
import os
import runpy

import django
from django.conf import settings

settings.configure(**{**dict(
    SECRET_KEY=os.environ["SECRET"], ALLOWED_HOSTS=["*"], ROOT_URLCONF=__name__, USE_TZ=True, DEFAULT_AUTO_FIELD="django.db.models.AutoField",
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": os.environ["DATABASE"]}},
    INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions"],
    MIDDLEWARE=[
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.middleware.csrf.CsrfViewMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
    ],
    PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"],
    TEMPLATES=[{
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "OPTIONS": {"loaders": [("django.template.loaders.locmem.Loader", {
            "registration/login.html": "<form method=post>{% csrf_token %}{{ form.as_p }}<input type=submit></form>",
        })]},
    }],
    LOGIN_REDIRECT_URL="/who", LOGOUT_REDIRECT_URL="/who", INTROSPECTION_SECRET=os.environ["SECRET"],
), **json.loads(os.environ.get("SETTINGS", "{}"))})
django.setup()

from django.contrib.auth import views  # noqa: E402 -- needs the settings
from django.contrib.auth.models import User  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.core.servers.basehttp import run  # noqa: E402
from django.core.wsgi import get_wsgi_application  # noqa: E402
from django.http import JsonResponse  # noqa: E402
from django.urls import path  # noqa: E402


def who(request):
    return JsonResponse({"by": "django", "user": request.user.pk})


def disable(request, name):
    User.objects.filter(username=name).update(is_active=False)
    return JsonResponse({})


def password(request, name):
    user = User.objects.get(username=name)
    user.set_password("another")
    user.save()
    return JsonResponse({})


def delete(request, name):
    User.objects.filter(username=name).delete()
    return JsonResponse({})


def expire(request):
    request.session.set_expiry(-1)
    return JsonResponse({})


def cart(request):
    request.session["cart"] = request.session.get("cart", 0) + 1
    return JsonResponse({"cart": request.session["cart"]})


urlpatterns = [
    path("login/", views.LoginView.as_view()),
    path("logout/", views.LogoutView.as_view()),
    path("who", who),
    path("disable/<name>", disable),
    path("password/<name>", password),
    path("delete/<name>", delete),
    path("expire", expire),
    path("cart", cart),
]
if "VIEW" in os.environ:
    urlpatterns.append(path("_introspect", runpy.run_path(os.environ["VIEW"])["introspect"]))

if __name__ == "__main__":
    call_command("migrate", verbosity=0, interactive=False)
    for name in ("alice", "bob", "carol"):
        if not User.objects.filter(username=name).exists():
            User.objects.create_user(name, name + "@example.com", "password")
    run("127.0.0.1", int(os.environ["PORT"]), get_wsgi_application(), threading=True)
