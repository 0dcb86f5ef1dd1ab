"""New comments reach the pages that are open: by event stream and WebSocket."""
from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer

from .models import Comment

EVERYTHING = "tickets"


def group_of(ticket_id):
    return f"ticket.{ticket_id}"


def add_comment(ticket, author, text):
    """Store a comment and tell everybody who watches."""
    comment = Comment.objects.create(ticket=ticket, author=author, text=text)
    message = {"type": "comment.added", "comment": comment.as_event()}
    send = async_to_sync(get_channel_layer().group_send)
    for group in (EVERYTHING, group_of(ticket.pk)):
        send(group, message)
    return comment
