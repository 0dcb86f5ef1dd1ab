// Verifies tokens as a service with jose does; see verify_test.go.
import { createRequire } from 'node:module'
import { pathToFileURL } from 'node:url'

const require = createRequire(pathToFileURL(process.argv[2] + '/'))
const { createRemoteJWKSet, jwtVerify } = await import(pathToFileURL(require.resolve('jose')))

let input = ''
for await (const chunk of process.stdin) input += chunk
const { issuer, keys, audience, tokens } = JSON.parse(input)
const set = createRemoteJWKSet(new URL(keys))
const answers = []
for (const token of tokens) {
  try {
    const { payload } = await jwtVerify(token, set, { issuer, audience, requiredClaims: ['exp', 'iat', 'nbf', 'sub', 'jti'] })
    answers.push(payload.sub)
  } catch (e) {
    answers.push(e.code ?? String(e))
  }
}
process.stdout.write(JSON.stringify(answers))
