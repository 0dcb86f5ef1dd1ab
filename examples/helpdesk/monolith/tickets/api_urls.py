"""The addresses other systems know."""
from django.urls import path

from . import api

urlpatterns = [
    path("v1/tickets/", api.ticket_list),
    path("v1/tickets/<int:pk>", api.ticket_detail),
]
