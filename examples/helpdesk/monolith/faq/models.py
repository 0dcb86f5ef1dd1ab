from django.db import models
from django.urls import reverse


class Question(models.Model):
    """A question that people ask often, and what we answer."""

    question = models.CharField(max_length=300)
    answer = models.TextField(blank=True)
    source = models.CharField(
        max_length=100, help_text="Where the question came from: ticket:17, phone, …"
    )
    related = models.ManyToManyField(
        "self", symmetrical=False, blank=True, related_name="related_from"
    )

    class Meta:
        ordering = ["pk"]

    def __str__(self):
        return self.question

    def get_absolute_url(self):
        return reverse("faq:detail", args=[self.pk])
