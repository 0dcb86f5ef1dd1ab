"""Verifies tokens as a service with PyJWT does; see verify_test.go."""

import json
import sys

import jwt

ALGORITHMS = ["ES256", "EdDSA", "RS256", "RS512"]

question = json.load(sys.stdin)
client = jwt.PyJWKClient(question["keys"])
answers = []
for token in question["tokens"]:
    try:
        key = client.get_signing_key_from_jwt(token)
        claims = jwt.decode(
            token, key.key, algorithms=ALGORITHMS,
            audience=question["audience"], issuer=question["issuer"],
            options={"require": ["exp", "iat", "nbf", "sub", "jti"]},
        )
        answers.append(claims["sub"])
    except Exception as e:
        answers.append(type(e).__name__)
json.dump(answers, sys.stdout)
