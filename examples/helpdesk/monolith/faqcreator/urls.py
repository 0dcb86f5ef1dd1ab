from django.urls import path

from . import views

app_name = "faqcreator"
urlpatterns = [
    path("", views.ResolvedTickets.as_view(), name="list"),
    path("<int:pk>/", views.CreateFromTicket.as_view(), name="create"),
]
