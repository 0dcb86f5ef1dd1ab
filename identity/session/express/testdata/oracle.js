// express-session with connect-redis, and cookie-session, that do what the test
// says. Each line of stdin is a JSON object {"do": name, ...}; the answer is one
// line of JSON. The first gives the settings.
'use strict'

const http = require('http')
const readline = require('readline')
const signature = require('cookie-signature')
const Keygrip = require('keygrip')
const { Passport } = require('passport')

let redis, settings, chain
const passport = new Passport()
passport.serializeUser((user, done) => done(null, user.id))
passport.deserializeUser((id, done) => done(null, { id }))

async function start (with_) {
  settings = with_
  let sessions
  if (settings.redis) {
    redis = require('redis').createClient({ url: settings.redis })
    redis.on('error', () => {})
    await redis.connect()
    const store = new (require('connect-redis').RedisStore)({ client: redis, ...(settings.prefix === undefined ? {} : { prefix: settings.prefix }) })
    sessions = require('express-session')({
      store, secret: settings.secrets, name: settings.name, resave: false, saveUninitialized: false,
      rolling: !!settings.rolling, cookie: settings.maxAge ? { maxAge: settings.maxAge } : {}
    })
  } else {
    sessions = require('cookie-session')({ keys: settings.secrets, name: settings.name })
  }
  chain = [sessions, passport.initialize(), passport.session()]
  return { versions: process.versions.node }
}

// bytes makes what node makes of a header's bytes.
const bytes = (base64) => Buffer.from(base64, 'base64').toString('latin1')

// request runs the middleware over a request and, in it, work; it answers the
// request and the cookies that were set.
function request (header, work) {
  return new Promise((resolve) => {
    const req = new http.IncomingMessage(null)
    req.method = 'GET'
    req.url = req.originalUrl = '/'
    req.connection = req.socket = {}
    if (header !== undefined) req.headers.cookie = bytes(header)
    const res = new http.ServerResponse(req)
    res.end = () => { // called when the session is saved
      const set = {}
      for (const line of [].concat(res.getHeader('set-cookie') || [])) {
        const [, name, value] = /^([^=]*)=([^;]*)/.exec(line)
        set[name] = value
      }
      resolve({ req, set })
    }
    const ended = (err) => {
      if (err) return resolve({ req, error: String(err) })
      res.writeHead(200)
      res.end()
    }
    const next = (i) => (err) => {
      if (err) return ended(err)
      if (i < chain.length) return chain[i](req, res, next(i + 1))
      Promise.resolve(work && work(req)).then(() => ended(), ended)
    }
    next(0)()
  })
}

const word = () => Math.random().toString(36).slice(2, 2 + Math.floor(Math.random() * 9))
const strange = ['é', '€', '😀', '"', '\\', '\n', '\u0000', '\u2028', '%', ';', '=', ',', '<', '.', ' ', '\ud800', '__proto__', 'constructor']
const text = () => Array.from({ length: Math.floor(Math.random() * 5) }, () => Math.random() < 0.4 ? strange[Math.floor(Math.random() * strange.length)] : word()).join('')

function value (depth) {
  switch (Math.floor(Math.random() * (depth > 3 ? 6 : 9))) {
    case 0: return null
    case 1: return Math.random() < 0.5
    case 2: return Math.floor(Math.random() * 1e6) - 5e5
    case 3: return (Math.random() - 0.5) * 10 ** Math.floor(Math.random() * 40 - 20)
    case 4: case 5: return text()
    case 6: return Array.from({ length: Math.floor(Math.random() * 4) }, () => value(depth + 1))
    default: return object(depth + 1)
  }
}

function object (depth) {
  const out = {}
  for (let i = Math.floor(Math.random() * 5); i > 0; i--) {
    Object.defineProperty(out, text(), { value: value(depth), enumerable: true, configurable: true, writable: true })
  }
  return out
}

// user is an ID as applications have them; some are nobody.
function user () {
  const pick = [0, 1, 42, -7, 2 ** 53 - 1, '0', 'a', word(), text(), '5f1d7f3e-0000-4000-8000-000000000000', '', null, false, 1.5, true, { id: 5 }, ['a']]
  return pick[Math.floor(Math.random() * pick.length)]
}

const known = (req) => req.user === undefined ? null : { id: JSON.stringify(req.user.id) }

const commands = {
  start,

  // make makes a session as an application would; passport signs in by itself
  // only with express-session.
  async make ({ id, random }) {
    let claim
    const { req, set, error } = await request(undefined, async (req) => {
      if (random) id = user()
      if (redis && id) await new Promise((resolve, reject) => req.logIn({ id }, (err) => err ? reject(err) : resolve()))
      else if (id !== undefined) req.session.passport = { user: id }
      if (random) for (const [key, v] of Object.entries(object(0))) if (key !== 'passport' && !(key in req.session)) req.session[key] = v
      claim = req.session.claim = random ? value(0) : 'a claim'
    })
    if (error) return { error }
    return { set, sid: req.sessionID, id: id === undefined ? null : JSON.stringify(id), claim: JSON.stringify(claim), key: settings.name }
  },

  // who says whom the application sees.
  async who ({ header }) {
    const { req, error } = await request(header)
    return error ? { failed: error } : { user: known(req) }
  },

  async logout ({ header }) {
    const { error } = await request(header, (req) => new Promise((resolve, reject) => req.logOut((err) => err ? reject(err) : resolve())))
    return { error }
  },

  // sign signs an ID as the application would, or any value of cookie-session.
  async sign ({ sid, secret }) {
    return { cookie: encodeURIComponent('s:' + signature.sign(sid, secret)) }
  },
  async grip ({ value, secret }) {
    return { signature: new Keygrip([secret]).sign(settings.name + '=' + bytes(value)) }
  }
}

async function main () {
  for await (const line of readline.createInterface({ input: process.stdin })) {
    const command = JSON.parse(line)
    let answer
    try {
      answer = await commands[command.do](command)
    } catch (err) {
      answer = { error: String(err.stack) }
    }
    process.stdout.write(JSON.stringify(answer) + '\n')
  }
  process.exit(0)
}
main()
