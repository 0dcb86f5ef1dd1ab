"""A small real Django REST service that keeps no session and no user: it takes the
token of each request, verified with PyJWT by the keys that its issuer publishes.
GET /rest/me answers {"sub": …, "aud": …} of the token.

    PORT=8101 python app.py

It believes any issuer on this machine, so that tests share it.
"""
import os
import re

import django
from django.conf import settings

AUDIENCE = "rest"

settings.configure(
    SECRET_KEY="of no use here", ALLOWED_HOSTS=["*"], ROOT_URLCONF=__name__, MIDDLEWARE=[__name__ + ".served_by"],
    INSTALLED_APPS=["rest_framework"],
    REST_FRAMEWORK={"DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"], "UNAUTHENTICATED_USER": None},
)
django.setup()

import jwt  # noqa: E402 -- in the order of what needs the settings
from django.core.servers.basehttp import run  # noqa: E402
from django.core.wsgi import get_wsgi_application  # noqa: E402
from django.urls import path  # noqa: E402
from rest_framework.authentication import BaseAuthentication  # noqa: E402
from rest_framework.decorators import api_view, authentication_classes, permission_classes  # noqa: E402
from rest_framework.exceptions import AuthenticationFailed  # noqa: E402
from rest_framework.permissions import BasePermission  # noqa: E402
from rest_framework.response import Response  # noqa: E402

keys = {}  # of issuers to their clients, which keep what they fetched


def served_by(get_response):
    def middleware(request):
        response = get_response(request)
        response["X-Served-By"] = "rest-service"
        return response
    return middleware


def claims(text):
    issuer = jwt.decode(text, options={"verify_signature": False}).get("iss", "")
    if not re.fullmatch(r"http://127\.0\.0\.1:\d+", issuer):
        raise jwt.InvalidIssuerError("another issuer")
    client = keys.setdefault(issuer, jwt.PyJWKClient(issuer + "/.well-known/jwks.json"))
    key = client.get_signing_key_from_jwt(text).key
    return jwt.decode(text, key, algorithms=["ES256"], audience=AUDIENCE, issuer=issuer, options={"require": ["exp", "iat", "sub"]})


class Token(BaseAuthentication):
    def authenticate(self, request):
        scheme, _, text = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            return None
        try:
            return None, claims(text)
        except jwt.PyJWTError as error:
            raise AuthenticationFailed(str(error)) from error

    def authenticate_header(self, request):
        return "Bearer"


class HasToken(BasePermission):
    def has_permission(self, request, view):
        return request.auth is not None


@api_view(["GET", "POST"])
@authentication_classes([Token])
@permission_classes([HasToken])
def me(request):
    return Response({"sub": request.auth["sub"], "aud": request.auth["aud"]})


urlpatterns = [path("rest/me", me)]

if __name__ == "__main__":
    run("127.0.0.1", int(os.environ["PORT"]), get_wsgi_application(), threading=True)
