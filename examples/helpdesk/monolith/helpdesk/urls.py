from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView

urlpatterns = [
    path("", RedirectView.as_view(pattern_name="faq:list")),
    path("accounts/", include("django.contrib.auth.urls")),
    path("admin/", admin.site.urls),
    path("faq/", include("faq.urls")),
    path("faqcreator/", include("faqcreator.urls")),
    path("tickets/", include("tickets.urls")),
    path("", include("faq.api_urls")),
    path("", include("tickets.api_urls")),
]
