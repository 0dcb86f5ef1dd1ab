from django.urls import path

from . import views

app_name = "tickets"
urlpatterns = [
    path("", views.TicketList.as_view(), name="list"),
    path("new/", views.TicketCreate.as_view(), name="new"),
    path("export.csv", views.export, name="export"),
    path("<int:pk>/", views.TicketDetail.as_view(), name="detail"),
    path("<int:pk>/comment/", views.comment, name="comment"),
    path("<int:pk>/attach/", views.attach, name="attach"),
    path("<int:pk>/resolve/", views.resolve, name="resolve"),
    path("attachments/<int:pk>/", views.attachment, name="attachment"),
]
