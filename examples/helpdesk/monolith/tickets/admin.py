from django.contrib import admin

from .models import Attachment, Comment, Ticket


class CommentInline(admin.TabularInline):
    model = Comment
    extra = 0


class AttachmentInline(admin.TabularInline):
    model = Attachment
    extra = 0


@admin.register(Ticket)
class TicketAdmin(admin.ModelAdmin):
    list_display = ["subject", "state", "opened_by", "opened_at"]
    list_filter = ["state"]
    inlines = [CommentInline, AttachmentInline]
