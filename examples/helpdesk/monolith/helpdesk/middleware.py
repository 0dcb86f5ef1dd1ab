def served_by(get_response):
    """Say on every answer who made it, so that a person sees the arm."""

    def middleware(request):
        response = get_response(request)
        response["X-Served-By"] = "monolith"
        return response

    return middleware
