"""The addresses other systems know. v1 stays valid after v2."""
from django.urls import path

from . import api

urlpatterns = [
    path("v1/faq/", api.question_list),
    path("v1/faq/<int:pk>", api.question_detail),
    path("v1/create/", api.CreateQuestion.as_view(form_class=api.CreateV1)),
    path("v2/create/", api.CreateQuestion.as_view(form_class=api.CreateV2)),
]
