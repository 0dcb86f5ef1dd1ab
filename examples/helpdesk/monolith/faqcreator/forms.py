from django import forms

from faq.models import Question


class QuestionForm(forms.ModelForm):
    class Meta:
        model = Question
        fields = ["question", "answer", "related"]
