"""
The JSON contract of the FAQ: read it, and add a question in version 1 or 2.

Other systems call it without a session, so creating is exempt from CSRF.
"""
import json
import random

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.http import JsonResponse
from django.utils.decorators import method_decorator
from django.views import View
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_safe

from .models import Question


class TextField(forms.CharField):
    """A string in JSON; a form would also take the number 5 for the text "5"."""

    def to_python(self, value):
        if value is not None and not isinstance(value, str):
            raise ValidationError("Enter a string.")
        return super().to_python(value)


class RelatedField(forms.Field):
    """A list of the ids of questions that exist."""

    widget = forms.SelectMultiple

    def to_python(self, value):
        # bool is an int in Python, and not in JSON.
        if not isinstance(value, list) or any(type(pk) is not int for pk in value):
            raise ValidationError("Enter a list of ids.")
        questions = Question.objects.in_bulk(value)
        for pk in value:
            if pk not in questions:
                raise ValidationError(f"There is no question {pk}.")
        return list(questions.values())


class CreateV1(forms.Form):
    question = TextField(max_length=300)
    source = TextField(max_length=100)


class CreateV2(CreateV1):
    related = RelatedField(required=False)  # must be there, and may be empty


def as_json(question):
    return {
        "id": question.pk,
        "question": question.question,
        "answer": question.answer,
        "source": question.source,
    }


def refusal(status, **errors):
    return JsonResponse({"errors": errors}, status=status)


@require_safe
def question_list(request):
    return JsonResponse({"faq": [as_json(q) for q in Question.objects.all()]})


@require_safe
def question_detail(request, pk):
    try:
        answer = as_json(Question.objects.get(pk=pk))
    except Question.DoesNotExist:
        return refusal(404, id=["There is no such question."])
    if settings.SURVEY:
        answer["survey"] = random.randrange(30) == 0
    return JsonResponse(answer)


@method_decorator(csrf_exempt, name="dispatch")
class CreateQuestion(View):
    """One view for both versions; the form is the contract."""

    http_method_names = ["post"]
    form_class = CreateV1

    def post(self, request):
        try:
            payload = json.loads(request.body.decode())
        except ValueError:
            return refusal(400, body=["Send JSON."])
        if not isinstance(payload, dict):
            return refusal(400, body=["Send an object."])
        form = self.form_class(payload)
        if not form.is_valid():
            return JsonResponse({"errors": form.errors}, status=400)
        return self.created(form.cleaned_data)

    def created(self, data):
        question = Question.objects.create(
            question=data["question"], source=data["source"]
        )
        answer = as_json(question)
        if "related" in data:
            question.related.set(data["related"])
            answer["related"] = sorted(q.pk for q in data["related"])
        response = JsonResponse(answer, status=201)
        response["Location"] = f"/v1/faq/{question.pk}"
        return response
