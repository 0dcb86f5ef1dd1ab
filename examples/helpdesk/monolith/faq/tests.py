from django.test import TestCase

from .models import Question


class ContractTests(TestCase):
    @classmethod
    def setUpTestData(cls):
        cls.first = Question.objects.create(
            question="Why?", source="phone", answer="So."
        )
        cls.second = Question.objects.create(question="Where?", source="mail")

    def post(self, path, payload):
        return self.client.post(path, payload, content_type="application/json")

    def test_list_has_every_question_in_order(self):
        ids = [q["id"] for q in self.client.get("/v1/faq/").json()["faq"]]
        self.assertEqual(ids, [self.first.pk, self.second.pk])

    def test_detail(self):
        pk = self.first.pk
        self.assertEqual(
            self.client.get(f"/v1/faq/{pk}").json(),
            {"id": pk, "question": "Why?", "answer": "So.", "source": "phone"},
        )

    def test_unknown_question(self):
        response = self.client.get("/v1/faq/4711")
        self.assertEqual(response.status_code, 404)
        self.assertEqual(
            response.json(), {"errors": {"id": ["There is no such question."]}}
        )

    def test_v1_creates_without_related(self):
        response = self.post("/v1/create/", {"question": " When? ", "source": "mail"})
        self.assertEqual(response.status_code, 201)
        made = Question.objects.get(question="When?")
        self.assertEqual(response["Location"], f"/v1/faq/{made.pk}")
        self.assertNotIn("related", response.json())

    def test_v2_creates_with_related(self):
        payload = {"question": "Who?", "source": "mail", "related": [self.second.pk]}
        response = self.post("/v2/create/", payload)
        self.assertEqual(response.status_code, 201)
        self.assertEqual(response.json()["related"], [self.second.pk])
        made = Question.objects.get(question="Who?")
        self.assertEqual(list(made.related.all()), [self.second])

    def test_related_may_be_empty(self):
        payload = {"question": "Who?", "source": "mail", "related": []}
        response = self.post("/v2/create/", payload)
        self.assertEqual(response.status_code, 201)
        self.assertEqual(response.json()["related"], [])

    def test_refusals_name_the_field(self):
        for version, payload, errors in [
            (1, {}, {"question", "source"}),
            (1, {"question": 5, "source": "mail"}, {"question"}),
            (1, {"question": "x" * 301, "source": "mail"}, {"question"}),
            (2, {"question": "Who?", "source": "mail"}, {"related"}),
            (2, {"question": "Who?", "source": "mail", "related": [9]}, {"related"}),
            (2, {"question": "Who?", "source": "mail", "related": [True]}, {"related"}),
            (1, [], {"body"}),
        ]:
            with self.subTest(version=version, payload=payload):
                response = self.post(f"/v{version}/create/", payload)
                self.assertEqual(response.status_code, 400)
                self.assertEqual(set(response.json()["errors"]), errors)
        self.assertEqual(Question.objects.count(), 2)
