"""A small real Django monolith: its own login form, and an introspection view.

    VIEW=view.py SECRET=secret DATABASE=db.sqlite3 PORT=8000 python app.py

alice (ID 1) and bob (ID 2) sign in with "password" at /login/. GET /logout/ signs
out, GET /who answers {"by": "django", "user": ID or null}. VIEW is a file with a
function introspect(request), which is at /_introspect.
"""
import os
import runpy

import django
from django.conf import settings

settings.configure(
    SECRET_KEY="a secret key", ALLOWED_HOSTS=["*"], ROOT_URLCONF=__name__, USE_TZ=True, DEFAULT_AUTO_FIELD="django.db.models.AutoField",
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
)
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


urlpatterns = [
    path("login/", views.LoginView.as_view()),
    path("logout/", views.LogoutView.as_view()),
    path("who", who),
    path("disable/<name>", disable),
    path("_introspect", runpy.run_path(os.environ["VIEW"])["introspect"]),
]

if __name__ == "__main__":
    call_command("migrate", verbosity=0, interactive=False)
    for name in ("alice", "bob"):
        if not User.objects.filter(username=name).exists():
            User.objects.create_user(name, name + "@example.com", "password")
    run("127.0.0.1", int(os.environ["PORT"]), get_wsgi_application(), threading=True)
