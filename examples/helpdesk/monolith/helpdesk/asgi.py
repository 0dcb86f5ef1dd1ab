"""Everything the helpdesk serves: pages, static files, events, WebSockets."""
import os

from django.contrib.staticfiles.handlers import ASGIStaticFilesHandler
from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "helpdesk.settings")
# Django has to be set up before anything that imports models.
pages = get_asgi_application()

from channels.auth import AuthMiddlewareStack  # noqa: E402
from channels.routing import ProtocolTypeRouter, URLRouter  # noqa: E402
from channels.security.websocket import AllowedHostsOriginValidator  # noqa: E402
from django.urls import re_path  # noqa: E402

from tickets.routing import http_urlpatterns, websocket_urlpatterns  # noqa: E402

application = ASGIStaticFilesHandler(
    ProtocolTypeRouter(
        {
            "http": AuthMiddlewareStack(
                URLRouter([*http_urlpatterns, re_path(r"", pages)])
            ),
            "websocket": AllowedHostsOriginValidator(
                AuthMiddlewareStack(URLRouter(websocket_urlpatterns))
            ),
        }
    )
)
