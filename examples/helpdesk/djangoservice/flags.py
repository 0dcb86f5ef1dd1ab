"""Django middleware: request.flags has the flags that Strangler sent along."""
from urllib.parse import unquote

PREFIX = "strangler.flag."


def flags(get_response):
    def middleware(request):
        request.flags = {}
        for member in request.headers.get("Baggage", "").split(","):
            key, _, value = (part.strip() for part in member.partition(";")[0].partition("="))
            if key.startswith(PREFIX) and value in ("true", "false"):
                request.flags[unquote(key.removeprefix(PREFIX))] = value == "true"
        return get_response(request)
    return middleware
