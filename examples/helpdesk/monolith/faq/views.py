from django.db.models import Q
from django.utils.decorators import method_decorator
from django.views.decorators.gzip import gzip_page
from django.views.generic import DetailView, ListView

from .models import Question


# The list is public and the same for everybody, so compressing it tells nothing.
@method_decorator(gzip_page, name="dispatch")
class QuestionList(ListView):
    model = Question

    def get_queryset(self):
        questions = super().get_queryset()
        if wanted := self.request.GET.get("q"):
            questions = questions.filter(
                Q(question__icontains=wanted) | Q(answer__icontains=wanted)
            )
        return questions


class QuestionDetail(DetailView):
    model = Question
    queryset = Question.objects.prefetch_related("related")
