import csv

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.contrib.auth.mixins import LoginRequiredMixin
from django.http import FileResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST
from django.views.generic import CreateView, DetailView, ListView

from . import live
from .forms import AttachmentForm, CommentForm, TicketForm
from .models import Attachment, Ticket


class TicketList(LoginRequiredMixin, ListView):
    model = Ticket


class TicketDetail(LoginRequiredMixin, DetailView):
    queryset = Ticket.objects.prefetch_related("comments__author", "attachments")

    def get_context_data(self, **kwargs):
        return super().get_context_data(**with_forms(kwargs))


def with_forms(context):
    """The context of a ticket's page, with empty forms where it has none."""
    empty = {"comment_form": CommentForm(), "attachment_form": AttachmentForm()}
    return {**empty, **context}


class TicketCreate(LoginRequiredMixin, CreateView):
    model = Ticket
    form_class = TicketForm

    def form_valid(self, form):
        form.instance.opened_by = self.request.user
        response = super().form_valid(form)
        live.add_comment(self.object, self.request.user, form.cleaned_data["text"])
        messages.success(self.request, f"Ticket {self.object.pk} is open.")
        return response


@login_required
@require_POST
def comment(request, pk):
    ticket = get_object_or_404(Ticket, pk=pk)
    form = CommentForm(request.POST)
    if not form.is_valid():
        return again(request, ticket, comment_form=form)
    live.add_comment(ticket, request.user, form.cleaned_data["text"])
    return redirect(ticket)


@login_required
@require_POST
def attach(request, pk):
    ticket = get_object_or_404(Ticket, pk=pk)
    form = AttachmentForm(request.POST, request.FILES)
    if not form.is_valid():
        return again(request, ticket, attachment_form=form)
    form.instance.ticket = ticket
    form.instance.name = form.cleaned_data["file"].name
    form.save()
    messages.success(request, f"{form.instance.name} is attached.")
    return redirect(ticket)


def again(request, ticket, **form):
    """The ticket's page with the form that was not right."""
    context = with_forms({"ticket": ticket, **form})
    return render(request, "tickets/ticket_detail.html", context)


@login_required
@require_POST
def resolve(request, pk):
    ticket = get_object_or_404(Ticket, pk=pk)
    ticket.state = Ticket.State.RESOLVED
    ticket.save(update_fields=["state"])
    messages.success(request, f"Ticket {ticket.pk} is resolved.")
    return redirect(ticket)


@login_required
def attachment(request, pk):
    attachment = get_object_or_404(Attachment, pk=pk)
    return FileResponse(
        attachment.file.open(), as_attachment=True, filename=attachment.name
    )


class Echo:
    """A file that hands back what csv writes to it, row by row."""

    def write(self, value):
        return value


@login_required
def export(request):
    # Under ASGI the rows are sent from the event loop, where Django 3.2 allows
    # no query: ask the database here.
    tickets = list(Ticket.objects.order_by("pk").select_related("opened_by"))
    rows = [(t.pk, t.state, t.subject, t.opened_by.get_username()) for t in tickets]
    writer = csv.writer(Echo())
    response = StreamingHttpResponse(
        (writer.writerow(row) for row in [("id", "state", "subject", "by"), *rows]),
        content_type="text/csv; charset=utf-8",
    )
    response["Content-Disposition"] = 'attachment; filename="tickets.csv"'
    return response
