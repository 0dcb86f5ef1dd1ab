"""A small Flask application: a form to sign in, a way out, and a page that says
who is signed in. Users are the rows of the table "member" of an SQLite file; who
is not active, or is no more, is nobody. Settings come from the environment:

  PORT        where it listens, on 127.0.0.1
  DATABASE    the SQLite file; made with the users 1 (alice) and 2 (bob)
  SECRET_KEY
"""
import os
import sqlite3

import flask
import flask_login

app = flask.Flask(__name__)
app.secret_key = os.environ["SECRET_KEY"]
manager = flask_login.LoginManager(app)
FORM = '<form method="post" action="/login"><input name="user"><button>Sign in</button></form>'


def database():
    return sqlite3.connect(os.environ["DATABASE"])


class Member(flask_login.UserMixin):
    def __init__(self, id, name):
        self.id, self.name = id, name


@manager.user_loader
def load(id):
    with database() as db:
        row = db.execute("select id, name from member where id = ? and active", (id,)).fetchone()
    return Member(*row) if row else None


@app.get("/login")
def form():
    return FORM


@app.post("/login")
def login():
    with database() as db:
        row = db.execute("select id, name from member where name = ? and active", (flask.request.form["user"],)).fetchone()
    if not row:
        return FORM, 403
    flask_login.login_user(Member(*row))
    return flask.redirect("/who", 303)


@app.post("/logout")
def logout():
    flask_login.logout_user()
    return flask.redirect("/who", 303)


@app.get("/who")
def who():
    user = flask_login.current_user
    return {"by": "flask", "user": str(user.id) if user.is_authenticated else None}


if __name__ == "__main__":
    with database() as db:
        db.execute("create table if not exists member (id integer primary key, name text unique, active boolean)")
        db.execute("insert or ignore into member values (1, 'alice', true), (2, 'bob', true)")
    app.run("127.0.0.1", int(os.environ["PORT"]), threaded=True)
