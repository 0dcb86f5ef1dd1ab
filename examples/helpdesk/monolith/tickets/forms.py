from django import forms
from django.core.exceptions import ValidationError

from .models import Attachment, Comment, Ticket

MAX_ATTACHMENT = 20 * 1024 * 1024


class TicketForm(forms.ModelForm):
    text = forms.CharField(
        label="What happened?", max_length=2000, widget=forms.Textarea
    )

    class Meta:
        model = Ticket
        fields = ["subject"]


class CommentForm(forms.ModelForm):
    class Meta:
        model = Comment
        fields = ["text"]
        widgets = {"text": forms.Textarea(attrs={"rows": 3})}


class AttachmentForm(forms.ModelForm):
    class Meta:
        model = Attachment
        fields = ["file"]

    def clean_file(self):
        file = self.cleaned_data["file"]
        if file.size > MAX_ATTACHMENT:
            raise ValidationError("The file is larger than 20 MiB.")
        return file
