// An MCP client with the auth() of the official SDK. Its tool server is not
// there: what that would say of itself is answered here, everything else is
// asked of the real server. For each way of becoming a client it discovers,
// becomes one, lets a person in, and goes on from a stored session, also after
// that has ended or while the server does not answer. Prints what came as one
// JSON line.
import { auth } from '@modelcontextprotocol/client'
import { visit } from './person.mjs'

const { ISSUER, TOOLS_RESOURCE, TOOLS_SCOPE, DOCUMENT_CLIENT_ID, REGISTRATION_TOKEN } = process.env
console.warn = () => {} // the SDK tells of each session that it gives up

const described = {
  resource: TOOLS_RESOURCE, authorization_servers: [ISSUER], scopes_supported: [TOOLS_SCOPE], bearer_methods_supported: ['header']
}
const wellKnown = new URL(TOOLS_RESOURCE)
wellKnown.pathname = '/.well-known/oauth-protected-resource' + wellKnown.pathname

// A client keeps what it is given, as the SDK asks it to. What it sends and is
// answered is told, and an answer of the token endpoint can be another one.
class Client {
  redirectUrl = 'http://127.0.0.1:41713/callback'
  asked = []
  sent = 0
  #kept = {}

  constructor (metadata, document) {
    this.clientMetadata = { client_name: 'Tools on a desktop', redirect_uris: ['http://127.0.0.1/callback'], ...metadata }
    this.clientMetadataUrl = document
    if (document) this.redirectUrl = 'https://tools-client.example/callback'
  }

  state () { return 'the state' }
  clientInformation () { return this.#kept.client }
  saveClientInformation (client) { this.#kept.client = client }
  tokens () { return this.#kept.tokens }
  saveTokens (tokens) { this.#kept.tokens = tokens }
  codeVerifier () { return this.#kept.verifier }
  saveCodeVerifier (verifier) { this.#kept.verifier = verifier }
  discoveryState () { return this.#kept.discovery }
  saveDiscoveryState (state) { this.#kept.discovery = state }
  invalidateCredentials (which) {
    if (which === 'client' || which === 'all') delete this.#kept.client
    if (which === 'tokens' || which === 'all') delete this.#kept.tokens
  }

  redirectToAuthorization (address) { this.sent++; this.address = address }

  fetch = async (url, init) => {
    const { pathname, href, origin } = new URL(url)
    if (href === wellKnown.href) return Response.json(described)
    if (origin === wellKnown.origin) return new Response('not found', { status: 404 })
    if (pathname === '/register' && REGISTRATION_TOKEN) init.headers = { ...init.headers, authorization: `Bearer ${REGISTRATION_TOKEN}` }
    const response = await (this.instead?.(pathname) ?? fetch(url, init))
    this.asked.push(`${init?.method ?? 'GET'} ${pathname} ${response.status}`)
    return response
  }

  auth (more) { return auth(this, { serverUrl: TOOLS_RESOURCE, fetchFn: this.fetch, ...more }) }

  // begin goes from nothing to tokens.
  async begin () {
    const first = await this.auth()
    const { callback, trail } = await visit(this.address)
    const { code, iss, state, error, error_description } = Object.fromEntries(callback.searchParams)
    if (!code || state !== 'the state') throw new Error(`no code came: ${error} ${error_description}`)
    return { first, trail, second: await this.auth({ authorizationCode: code, iss }) }
  }
}

// what becomes of a session by an answer to its refresh.
async function tried (client) {
  const before = { tokens: client.tokens(), client: client.clientInformation(), sent: client.sent }
  let result
  try {
    result = await client.auth()
  } catch (error) {
    result = error.code ?? error.message
  }
  return {
    result, person: client.sent > before.sent,
    tokens: client.tokens() ? (client.tokens().refresh_token === before.tokens?.refresh_token ? 'kept' : 'new') : 'wiped',
    client: client.clientInformation()?.client_id === before.client?.client_id ? 'kept' : 'another'
  }
}

async function life (client) {
  const begun = await client.begin()
  const tokens = client.tokens()
  const again = await tried(client)

  // The server has too much to do, and then has none of its tables.
  const busy = {}
  for (const status of [429, 503]) {
    client.instead = path => path === '/token' ? Response.json({ error: 'temporarily_unavailable' }, { status }) : undefined
    busy[status] = await tried(client)
  }
  client.instead = undefined
  const afterwards = await tried(client)

  const id = client.clientInformation().client_id
  await fetch(`${ISSUER}/revoke`, { method: 'POST', body: new URLSearchParams({ client_id: id, token: client.tokens().refresh_token }) })
  return { begun, tokens, again, busy, afterwards, ended: await tried(client), client: id, asked: client.asked }
}

const found = {}
const whole = async (name, client) => {
  found[name] = await life(client).catch(error => ({ failure: error.stack, asked: client.asked }))
}
await whole('registered', new Client({ token_endpoint_auth_method: 'none' }))
// As many do: without a word on how they authenticate.
await whole('silent', new Client({}))
if (DOCUMENT_CLIENT_ID) await whole('document', new Client({ token_endpoint_auth_method: 'none' }, DOCUMENT_CLIENT_ID))
console.log(JSON.stringify(found))
