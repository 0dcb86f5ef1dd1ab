from django.urls import path

from . import consumers

http_urlpatterns = [path("tickets/events/", consumers.CommentEvents.as_asgi())]
websocket_urlpatterns = [path("ws/tickets/<int:pk>/", consumers.TicketChat.as_asgi())]
