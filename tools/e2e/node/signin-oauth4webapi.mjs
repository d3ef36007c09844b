// The same with oauth4webapi, which is stricter than any other client: exact
// status, content type, every member of every answer, `iss` in every redirect,
// and the access token as a resource server would check it, with its proof.
// Prints what came as one JSON line.
import * as oauth from 'oauth4webapi'
import { visit } from './person.mjs'

const env = process.env
const { ISSUER, RESOURCE, SCOPE, ALG } = env
const issuer = new URL(ISSUER)
const insecure = { [oauth.allowInsecureRequests]: ISSUER.startsWith('http:') } // only this machine
const as = await oauth.processDiscoveryResponse(issuer, await oauth.discoveryRequest(issuer, insecure))
const { kty, crv, x, y, d, kid } = JSON.parse(env.BANK_KEY)
const key = await crypto.subtle.importKey('jwk', { kty, crv, x, y, d }, { name: 'ECDSA', namedCurve: 'P-256' }, false, ['sign'])

const kinds = {
  notes: { id: env.NOTES_CLIENT_ID, auth: oauth.ClientSecretBasic(env.NOTES_CLIENT_SECRET), redirect: env.NOTES_REDIRECT_URI, push: true },
  desktop: { id: env.DESKTOP_CLIENT_ID, auth: oauth.None(), redirect: 'http://127.0.0.1:50123/callback' },
  bank: { id: env.BANK_CLIENT_ID, auth: oauth.PrivateKeyJwt({ key, kid }), redirect: env.BANK_REDIRECT_URI, push: true },
  vault: { id: env.VAULT_CLIENT_ID, auth: oauth.None(), redirect: env.VAULT_REDIRECT_URI, proof: 'Ed25519' },
  safe: { id: env.SAFE_CLIENT_ID, auth: oauth.ClientSecretPost(env.SAFE_CLIENT_SECRET), redirect: env.SAFE_REDIRECT_URI, push: true, proof: 'ES256' }
}

const server = { client_id: env.RS_CLIENT_ID }
const introspect = async token => oauth.processIntrospectionResponse(as, server,
  await oauth.introspectionRequest(as, server, oauth.ClientSecretBasic(env.RS_CLIENT_SECRET), token, insecure))

// once repeats a request for which the server wants a nonce of its own.
const once = async (request, process) => {
  try {
    return await process(await request())
  } catch (error) {
    if (!oauth.isDPoPNonceError(error)) throw error
    return process(await request())
  }
}

async function signIn ({ id, auth, redirect, push, proof, resource = RESOURCE, scope = SCOPE }) {
  const client = { client_id: id }
  const keys = proof && await oauth.generateKeyPair(proof)
  const DPoP = keys && oauth.DPoP(client, keys)
  const options = { ...insecure, DPoP }
  const verifier = oauth.generateRandomCodeVerifier()
  const state = oauth.generateRandomState()
  const nonce = oauth.generateRandomNonce()
  let asked = new URLSearchParams({
    client_id: id, redirect_uri: redirect, response_type: 'code', scope: `openid offline_access ${scope}`, resource,
    state, nonce, code_challenge: await oauth.calculatePKCECodeChallenge(verifier), code_challenge_method: 'S256'
  })
  if (push) {
    const pushed = await once(
      () => oauth.pushedAuthorizationRequest(as, client, auth, asked, options),
      response => oauth.processPushedAuthorizationResponse(as, client, response))
    asked = new URLSearchParams({ client_id: id, request_uri: pushed.request_uri })
  }
  const address = new URL(as.authorization_endpoint)
  address.search = asked
  const arrival = await visit(address)
  const callback = oauth.validateAuthResponse(as, client, arrival.callback, state)
  const tokens = await once(
    () => oauth.authorizationCodeGrantRequest(as, client, auth, callback, redirect, verifier, options),
    response => oauth.processAuthorizationCodeResponse(as, client, response, { expectedNonce: nonce, requireIdToken: true }))
  const claims = oauth.getValidatedIdTokenClaims(tokens)
  const person = await once(
    () => oauth.userInfoRequest(as, client, tokens.access_token, options),
    response => oauth.processUserInfoResponse(as, client, claims.sub, response))

  const refresh = async (parameters, proving = options) => once(
    () => oauth.refreshTokenGrantRequest(as, client, auth, tokens.refresh_token, { ...proving, additionalParameters: parameters }),
    response => oauth.processRefreshTokenResponse(as, client, response))
  const thief = proof && await refresh({}, insecure).then(() => 'accepted', error => error.error)
  const order = await refresh({ resource })

  // The API checks the access token by its signature, its type, its
  // members and, when it is bound to a key, by the proof.
  const request = new Request(`${resource}/anything`, { headers: { authorization: `${proof ? 'DPoP' : 'Bearer'} ${order.access_token}` } })
  if (proof) request.headers.set('dpop', await proofFor(request, keys, order.access_token))
  const checked = await oauth.validateJwtAccessToken(as, request, resource, { ...insecure, signingAlgorithms: proof ? [ALG, proof] : [ALG] })
  const introspection = await introspect(order.access_token)
  await oauth.processRevocationResponse(await oauth.revocationRequest(as, client, auth, order.refresh_token, insecure))
  return { tokens, claims, person, thief, order, checked, introspection, after: await introspect(order.access_token) }
}

// proofFor lets the library make the proof of a request that is never sent.
async function proofFor (request, keys, token) {
  let proof
  await oauth.protectedResourceRequest(token, request.method, new URL(request.url), undefined, undefined, {
    DPoP: oauth.DPoP({}, keys),
    [oauth.customFetch]: async (_, { headers }) => {
      proof = new Headers(headers).get('dpop')
      return new Response()
    }
  })
  return proof
}

const found = {}
for (const [name, kind] of Object.entries(kinds)) {
  found[name] = await signIn(kind).catch(error => ({ failure: `${error.stack}\n${JSON.stringify(error.cause ?? error)}` }))
}

// A television that asks too early, and then with a person who lets it in.
{
  const client = { client_id: env.TELEVISION_CLIENT_ID }
  const device = await oauth.processDeviceAuthorizationResponse(as, client,
    await oauth.deviceAuthorizationRequest(as, client, oauth.None(), { scope: `openid ${SCOPE}`, resource: RESOURCE }, insecure))
  const poll = async () => oauth.processDeviceCodeResponse(as, client,
    await oauth.deviceCodeGrantRequest(as, client, oauth.None(), device.device_code, insecure))
  const early = await poll().then(() => 'accepted', error => error.error)
  const arrival = await visit(device.verification_uri_complete)
  found.television = { device: { ...device, device_code: undefined }, early, trail: arrival.trail }
}

// What a person refuses, and what the server refuses without asking one.
{
  const client = { client_id: env.NOTES_CLIENT_ID }
  const ask = async (parameters, options) => {
    const address = new URL(as.authorization_endpoint)
    address.search = new URLSearchParams({
      client_id: client.client_id, redirect_uri: env.NOTES_REDIRECT_URI, response_type: 'code', state: 'a state', scope: SCOPE, resource: RESOURCE,
      code_challenge: await oauth.calculatePKCECodeChallenge(oauth.generateRandomCodeVerifier()), code_challenge_method: 'S256', ...parameters
    })
    const arrival = await visit(address, options)
    try {
      oauth.validateAuthResponse(as, client, arrival.callback, 'a state')
      return 'accepted'
    } catch (error) {
      return error.error ?? error.message
    }
  }
  found.refusals = {
    denied: await ask({ prompt: 'consent' }, { deny: true }),
    nobody: await ask({ prompt: 'none' }),
    scope: await ask({ scope: 'no-such-scope' }),
    resource: await ask({ resource: 'https://no-such.example' }),
    challenge: await ask({ code_challenge_method: 'plain' }),
    type: await ask({ response_type: 'token' })
  }
}

// A client that registers itself.
if (as.registration_endpoint) {
  const registered = await oauth.processDynamicClientRegistrationResponse(await oauth.dynamicClientRegistrationRequest(as, {
    client_name: 'A strict one', redirect_uris: ['http://127.0.0.1/callback'], token_endpoint_auth_method: 'none',
    grant_types: ['authorization_code', 'refresh_token'], response_types: ['code']
  }, { ...insecure, initialAccessToken: env.REGISTRATION_TOKEN || undefined }))
  found.registered = await signIn({ id: registered.client_id, auth: oauth.None(), redirect: 'http://127.0.0.1:51999/callback', resource: env.TOOLS_RESOURCE, scope: env.TOOLS_SCOPE })
    .catch(error => ({ failure: `${error.stack}\n${JSON.stringify(error.cause ?? error)}` }))
}
console.log(JSON.stringify(found))
