"""A Django service in one file, which says what flags it was sent.

    python3 examples/helpdesk/djangoservice/service.py 127.0.0.1:8103
"""
import sys
from wsgiref.simple_server import make_server

from django.conf import settings

settings.configure(ROOT_URLCONF=__name__, ALLOWED_HOSTS=["*"], MIDDLEWARE=["flags.flags"])

from django.core.wsgi import get_wsgi_application
from django.http import JsonResponse
from django.urls import re_path

urlpatterns = [re_path("", lambda request: JsonResponse(request.flags))]

if __name__ == "__main__":
    host, port = sys.argv[1].split(":")
    make_server(host, int(port), get_wsgi_application()).serve_forever()
