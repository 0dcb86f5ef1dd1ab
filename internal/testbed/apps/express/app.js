// A small Express application: a form to sign in, a way out, and a page that says
// who is signed in. Settings come from the environment:
//
//   PORT     where it listens, on 127.0.0.1
//   REDIS    express-session with connect-redis at this URL; without it cookie-session
//   SECRETS  secrets, separated by blanks; the first signs
'use strict'

const express = require('express')
const passport = require('passport')

const secrets = process.env.SECRETS.split(' ')

async function sessions () {
  if (!process.env.REDIS) return require('cookie-session')({ keys: secrets })
  const { createClient } = require('redis')
  const { RedisStore } = require('connect-redis')
  const client = createClient({ url: process.env.REDIS })
  client.on('error', (err) => console.error('redis:', err.message))
  await client.connect()
  return require('express-session')({
    store: new RedisStore({ client }), secret: secrets, resave: false, saveUninitialized: false, cookie: { maxAge: 3600_000 }
  })
}

// Passport wants these two of a session; cookie-session does not have them.
function completed (req, res, next) {
  if (!req.session.regenerate) {
    const proto = Object.getPrototypeOf(req.session)
    proto.regenerate = (done) => { req.session = {}; done() }
    proto.save = (done) => done()
  }
  next()
}

const form = '<form method="post" action="/login"><input name="user"><button>Sign in</button></form>'

async function main () {
  const app = express()
  passport.serializeUser((user, done) => done(null, user.id))
  passport.deserializeUser((id, done) => done(null, { id }))
  app.use(await sessions(), completed, passport.initialize(), passport.session(), express.urlencoded({ extended: false }))
  app.get('/login', (req, res) => res.type('html').send(form))
  app.post('/login', (req, res, next) => {
    const user = String(req.body.user || '')
    if (!user) return res.status(400).type('html').send(form)
    req.logIn({ id: user }, (err) => err ? next(err) : res.redirect(303, '/who'))
  })
  app.post('/logout', (req, res, next) => req.logOut((err) => err ? next(err) : res.redirect(303, '/who')))
  app.get('/who', (req, res) => res.json({ by: 'express', user: req.user ? req.user.id : null }))
  app.listen(Number(process.env.PORT), '127.0.0.1')
}

main().catch((err) => { console.error(err); process.exit(1) })
