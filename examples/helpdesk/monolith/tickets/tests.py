import tempfile

from django.contrib.auth import get_user_model
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import TestCase, override_settings

from .models import Attachment, Ticket


class TicketTests(TestCase):
    @classmethod
    def setUpTestData(cls):
        cls.agent = get_user_model().objects.create_user("anna")
        cls.ticket = Ticket.objects.create(subject="Broken", opened_by=cls.agent)

    def setUp(self):
        self.client.force_login(self.agent)

    def test_open_a_ticket(self):
        response = self.client.post("/tickets/new/", {"subject": "No ink", "text": "!"})
        ticket = Ticket.objects.get(subject="No ink")
        self.assertRedirects(response, ticket.get_absolute_url())
        self.assertEqual(ticket.opened_by, self.agent)
        self.assertEqual(ticket.comments.get().text, "!")

    def test_empty_comment_is_shown_again(self):
        response = self.client.post(f"/tickets/{self.ticket.pk}/comment/", {"text": ""})
        self.assertContains(response, "This field is required.")
        self.assertFalse(self.ticket.comments.exists())

    def test_resolve_is_no_link(self):
        path = f"/tickets/{self.ticket.pk}/resolve/"
        self.assertEqual(self.client.get(path).status_code, 405)
        self.client.post(path)
        self.ticket.refresh_from_db()
        self.assertEqual(self.ticket.state, Ticket.State.RESOLVED)

    def test_attachment_comes_back_as_it_was(self):
        with tempfile.TemporaryDirectory() as work, override_settings(MEDIA_ROOT=work):
            file = SimpleUploadedFile("a b.bin", bytes(range(256)))
            self.client.post(f"/tickets/{self.ticket.pk}/attach/", {"file": file})
            attachment = Attachment.objects.get()
            response = self.client.get(attachment.get_absolute_url())
            self.assertEqual(b"".join(response.streaming_content), bytes(range(256)))
        self.assertEqual(
            response["Content-Disposition"], 'attachment; filename="a b.bin"'
        )

    def test_the_queue_is_for_everybody_and_says_little(self):
        self.client.logout()
        entry = {"id": self.ticket.pk, "subject": "Broken", "state": "open"}
        self.assertEqual(self.client.get("/v1/tickets/").json(), {"tickets": [entry]})
        path = f"/v1/tickets/{self.ticket.pk}"
        self.assertEqual(self.client.get(path).json(), entry)
        self.assertEqual(self.client.get("/v1/tickets/4711").status_code, 404)
        self.assertEqual(self.client.post(path).status_code, 405)

    def test_export(self):
        response = self.client.get("/tickets/export.csv")
        self.assertEqual(
            b"".join(response.streaming_content).decode(),
            f"id,state,subject,by\r\n{self.ticket.pk},open,Broken,anna\r\n",
        )
