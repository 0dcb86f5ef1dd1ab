import asyncio
import json

from channels.db import database_sync_to_async
from channels.generic.http import AsyncHttpConsumer
from channels.generic.websocket import AsyncJsonWebsocketConsumer

from . import live
from .forms import CommentForm
from .models import Comment, Ticket

KEEP_ALIVE_SECONDS = 15


class CommentEvents(AsyncHttpConsumer):
    """
    Every new comment as a server-sent event. A reader that was away names the
    last one it saw in Last-Event-ID and gets the others first.
    """

    keep_alive = None

    async def http_request(self, message):
        # The parent ends the consumer when handle() returns; this one lives on.
        if message.get("more_body"):
            return
        if not self.scope["user"].is_authenticated:
            await self.send_response(403, b"Sign in first.", headers=self.headers())
            return
        await self.channel_layer.group_add(live.EVERYTHING, self.channel_name)
        await self.send_headers(headers=self.headers(b"text/event-stream"))
        await self.send_body(b": welcome\n\n", more_body=True)
        for comment in await self.missed():
            await self.send_event(comment)
        self.keep_alive = asyncio.create_task(self.send_keep_alives())

    async def disconnect(self):
        await self.channel_layer.group_discard(live.EVERYTHING, self.channel_name)
        if self.keep_alive:
            self.keep_alive.cancel()

    async def comment_added(self, message):
        await self.send_event(message["comment"])

    def headers(self, content_type=b"text/plain; charset=utf-8"):
        return [
            (b"Content-Type", content_type),
            (b"Cache-Control", b"no-store"),
            (b"X-Served-By", b"monolith"),
        ]

    async def send_event(self, comment):
        event = f"id: {comment['id']}\nevent: comment\ndata: {json.dumps(comment)}\n\n"
        await self.send_body(event.encode(), more_body=True)

    async def send_keep_alives(self):
        while True:
            await asyncio.sleep(KEEP_ALIVE_SECONDS)
            await self.send_body(b": still here\n\n", more_body=True)

    @database_sync_to_async
    def missed(self):
        last = dict(self.scope["headers"]).get(b"last-event-id", b"")
        if not last.isdigit():
            return []
        comments = Comment.objects.filter(pk__gt=int(last)).select_related("author")
        return [comment.as_event() for comment in comments]


class TicketChat(AsyncJsonWebsocketConsumer):
    """
    The comments of one ticket, both ways: {"text": "…"} adds one, and everybody
    who has the page open is told.
    """

    async def connect(self):
        if not self.scope["user"].is_authenticated or not await self.find_ticket():
            await self.close()
            return
        await self.channel_layer.group_add(self.group, self.channel_name)
        await self.accept()

    async def disconnect(self, code):
        await self.channel_layer.group_discard(self.group, self.channel_name)

    async def receive_json(self, content):
        errors = await self.add_comment(content)
        if errors:
            await self.send_json({"errors": errors})

    async def comment_added(self, message):
        await self.send_json(message["comment"])

    @property
    def ticket_id(self):
        return self.scope["url_route"]["kwargs"]["pk"]

    @property
    def group(self):
        return live.group_of(self.ticket_id)

    @database_sync_to_async
    def find_ticket(self):
        return Ticket.objects.filter(pk=self.ticket_id).exists()

    @database_sync_to_async
    def add_comment(self, content):
        form = CommentForm(content if isinstance(content, dict) else {})
        if not form.is_valid():
            return form.errors
        ticket = Ticket.objects.get(pk=self.ticket_id)
        live.add_comment(ticket, self.scope["user"], form.cleaned_data["text"])
