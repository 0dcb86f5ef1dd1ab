from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management import BaseCommand, call_command
from django.db import connection, transaction

from faq.models import Question
from tickets.models import Comment, Ticket

PASSWORD = "helpdesk"
AGENTS = ["anna", "bao", "chloe"]

QUESTIONS = [
    ("How do I reset my password?", "Use the link under the sign-in form.", "phone"),
    ("Where is my invoice?", "In your account, under Orders.", "ticket:2"),
    ("Which browsers do you support?", "The last two versions of each.", "mail"),
    ("Can I export my data?", "Yes: as CSV, from the list of tickets.", "phone"),
    ("Do you speak Français?", "Oui – and Deutsch, 日本語 & Tiếng Việt.", "mail"),
    ("Is <b>HTML</b> allowed in a ticket?", "No; it is shown as you typed it.", "chat"),
    ("How large may an attachment be?", "20 MiB.", "ticket:3"),
]
RELATED = {2: [4], 7: [4, 6]}

TICKETS = [
    ("The printer on floor 2 is offline", "anna", "It says PC LOAD LETTER."),
    ("I cannot find my invoice", "bao", "The one of March."),
    ("Attachment refused", "chloe", "My photo has 30 MB."),
]


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
        with transaction.atomic():
            self.add_agents()
            self.add_questions()
            self.add_tickets()

    def add_agents(self):
        User = get_user_model()
        self.agents = {
            name: User.objects.create_user(name, password=PASSWORD) for name in AGENTS
        }
        User.objects.create_superuser("admin", password=PASSWORD)

    def add_questions(self):
        for question, answer, source in QUESTIONS:
            Question.objects.create(question=question, answer=answer, source=source)
        for pk, related in RELATED.items():
            Question.objects.get(pk=pk).related.set(related)

    def add_tickets(self):
        for subject, name, text in TICKETS:
            author = self.agents[name]
            ticket = Ticket.objects.create(subject=subject, opened_by=author)
            Comment.objects.create(ticket=ticket, author=author, text=text)
        Ticket.objects.filter(pk=2).update(state=Ticket.State.RESOLVED)
