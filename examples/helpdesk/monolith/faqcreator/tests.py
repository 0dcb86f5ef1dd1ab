from django.contrib.auth import get_user_model
from django.test import TestCase

from faq.models import Question
from tickets.models import Ticket


class CreateFromTicketTests(TestCase):
    @classmethod
    def setUpTestData(cls):
        cls.agent = get_user_model().objects.create_user("anna")
        cls.open = Ticket.objects.create(subject="Broken", opened_by=cls.agent)
        cls.resolved = Ticket.objects.create(
            subject="How do I pay?", opened_by=cls.agent, state=Ticket.State.RESOLVED
        )

    def test_needs_an_agent(self):
        self.assertRedirects(
            self.client.get("/faqcreator/"), "/accounts/login/?next=/faqcreator/"
        )

    def test_only_resolved_tickets(self):
        self.client.force_login(self.agent)
        self.assertEqual(
            self.client.get(f"/faqcreator/{self.open.pk}/").status_code, 404
        )

    def test_question_remembers_its_ticket(self):
        self.client.force_login(self.agent)
        payload = {"question": "How do I pay?", "answer": "By card."}
        response = self.client.post(f"/faqcreator/{self.resolved.pk}/", payload)
        made = Question.objects.get()
        self.assertRedirects(response, made.get_absolute_url())
        self.assertEqual(made.source, f"ticket:{self.resolved.pk}")
