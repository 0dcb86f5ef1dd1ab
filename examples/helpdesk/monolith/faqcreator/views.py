"""Makes a question of the FAQ out of a ticket that was resolved."""
from django.contrib import messages
from django.contrib.auth.mixins import LoginRequiredMixin
from django.shortcuts import get_object_or_404
from django.utils.functional import cached_property
from django.views.generic import CreateView, ListView

from tickets.models import Ticket

from .forms import QuestionForm


class ResolvedTickets(LoginRequiredMixin, ListView):
    queryset = Ticket.objects.filter(state=Ticket.State.RESOLVED)
    template_name = "faqcreator/ticket_list.html"


class CreateFromTicket(LoginRequiredMixin, CreateView):
    form_class = QuestionForm
    template_name = "faqcreator/question_form.html"

    @cached_property
    def ticket(self):
        return get_object_or_404(ResolvedTickets.queryset.all(), pk=self.kwargs["pk"])

    def get_initial(self):
        return {"question": self.ticket.subject}

    def get_context_data(self, **kwargs):
        return super().get_context_data(ticket=self.ticket, **kwargs)

    def form_valid(self, form):
        form.instance.source = f"ticket:{self.ticket.pk}"
        messages.success(self.request, "The question is in the FAQ.")
        return super().form_valid(form)
