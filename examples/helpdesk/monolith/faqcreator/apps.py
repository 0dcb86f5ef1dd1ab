from django.apps import AppConfig


class FaqCreatorConfig(AppConfig):
    name = "faqcreator"
    verbose_name = "FAQ creator"
