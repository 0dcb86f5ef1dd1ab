"""
The queue of tickets in JSON, for the screen in the hall and other systems.

They call it without a session. It is for everybody, so it says neither who
opened a ticket nor what was written about it.
"""
from django.http import JsonResponse
from django.views.decorators.http import require_safe

from .models import Ticket


def as_json(ticket):
    return {"id": ticket.pk, "subject": ticket.subject, "state": ticket.state}


@require_safe
def ticket_list(request):
    return JsonResponse({"tickets": [as_json(t) for t in Ticket.objects.all()]})


@require_safe
def ticket_detail(request, pk):
    try:
        return JsonResponse(as_json(Ticket.objects.get(pk=pk)))
    except Ticket.DoesNotExist:
        errors = {"id": ["There is no such ticket."]}
        return JsonResponse({"errors": errors}, status=404)
