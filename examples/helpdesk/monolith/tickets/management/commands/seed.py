import json

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management import BaseCommand, call_command
from django.db import connection, transaction

from faq.models import Question
from tickets.models import Comment, Ticket


class Command(BaseCommand):
    help = "Brings an empty work folder to the state the demo and the tests start from."

    def handle(self, **options):
        settings.WORK_DIR.mkdir(parents=True, exist_ok=True)
        call_command("migrate", verbosity=0)
        if Question.objects.exists():
            self.stdout.write("There is data already; nothing was changed.")
            return
        # Readers and the one writer do not wait for each other; kept in the file.
        connection.cursor().execute("PRAGMA journal_mode=WAL")
        data = json.loads((settings.BASE_DIR / "demo_data.json").read_bytes())
        with transaction.atomic():
            self.add_agents(data["agents"], data["password"])
            self.add_questions(data["questions"])
            self.add_tickets(data["tickets"])

    def add_agents(self, names, password):
        User = get_user_model()
        self.agents = {
            name: User.objects.create_user(name, password=password) for name in names
        }
        User.objects.create_superuser("admin", password=password)

    def add_questions(self, questions):
        related = [question.pop("related") for question in questions]
        made = [Question.objects.create(**question) for question in questions]
        for question, others in zip(made, related):
            question.related.set(others)

    def add_tickets(self, tickets):
        for entry in tickets:
            author = self.agents[entry["opened_by"]]
            state = Ticket.State.RESOLVED if entry["resolved"] else Ticket.State.OPEN
            ticket = Ticket.objects.create(
                subject=entry["subject"], opened_by=author, state=state
            )
            Comment.objects.create(ticket=ticket, author=author, text=entry["text"])
