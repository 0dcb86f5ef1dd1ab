from django.contrib import admin

from .models import Question


@admin.register(Question)
class QuestionAdmin(admin.ModelAdmin):
    list_display = ["question", "source"]
    search_fields = ["question", "answer"]
    filter_horizontal = ["related"]
