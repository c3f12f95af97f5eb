"""A WSGI application that answers with a secret file and a secret variable."""

import os

PATH = os.environ["SECRET_FILE"]


def read(path):
    try:
        with open(path) as file:
            return file.read()
    except OSError as error:
        return f"{error.strerror}\n"


AT_START = read(PATH)


def app(environ, start_response):
    text = f"{AT_START}{read(PATH)}{os.environ.get('CT_SECRET')}\n"
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [text.encode()]
