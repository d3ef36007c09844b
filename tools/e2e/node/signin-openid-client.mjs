// People sign in with openid-client, as each kind of client: what a Node program
// does, from discovery to the sign-out. The library verifies every answer and
// every id token, also its signature. Prints what came as one JSON line.
import * as client from 'openid-client'
import { importJWK } from 'jose'
import { posted, visit } from './person.mjs'

const env = process.env
const { ISSUER, RESOURCE, SCOPE, STOCK_RESOURCE } = env

// Plain http only while the issuer is this machine.
const execute = [client.enableNonRepudiationChecks]
if (ISSUER.startsWith('http:')) execute.push(client.allowInsecureRequests)
const discover = (id, auth, metadata) => client.discovery(new URL(ISSUER), id, metadata, auth, { execute })
const key = await importJWK(JSON.parse(env.BANK_KEY), 'ES256')

const kinds = {
  notes: {
    config: discover(env.NOTES_CLIENT_ID, client.ClientSecretBasic(env.NOTES_CLIENT_SECRET)),
    redirect: env.NOTES_REDIRECT_URI, scope: 'openid profile email offline_access', parameters: { max_age: '600' }
  },
  portal: {
    config: discover(env.PORTAL_CLIENT_ID, client.ClientSecretPost(env.PORTAL_CLIENT_SECRET), { id_token_signed_response_alg: 'RS256' }),
    redirect: env.PORTAL_REDIRECT_URI, scope: 'openid offline_access', parameters: { response_mode: 'form_post' }
  },
  desktop: {
    config: discover(env.DESKTOP_CLIENT_ID, client.None()),
    redirect: 'http://127.0.0.1:49152/callback', scope: 'openid offline_access'
  },
  bank: {
    config: discover(env.BANK_CLIENT_ID, client.PrivateKeyJwt({ key, kid: JSON.parse(env.BANK_KEY).kid })),
    redirect: env.BANK_REDIRECT_URI, scope: 'openid offline_access', push: true
  },
  vault: {
    config: discover(env.VAULT_CLIENT_ID, client.None()),
    redirect: env.VAULT_REDIRECT_URI, scope: 'openid offline_access', push: true, proof: 'ES256'
  },
  safe: {
    config: discover(env.SAFE_CLIENT_ID, client.ClientSecretBasic(env.SAFE_CLIENT_SECRET)),
    redirect: env.SAFE_REDIRECT_URI, scope: 'openid offline_access', proof: 'Ed25519'
  }
}

const server = await discover(env.RS_CLIENT_ID, client.ClientSecretBasic(env.RS_CLIENT_SECRET))

async function signIn ({ config: discovered, redirect, scope, parameters, push, proof }) {
  const config = await discovered
  const verifier = client.randomPKCECodeVerifier()
  const state = client.randomState()
  const nonce = client.randomNonce()
  const options = proof ? { DPoP: client.getDPoPHandle(config, await client.randomDPoPKeyPair(proof)) } : undefined
  const asked = {
    redirect_uri: redirect, scope: `${scope} ${SCOPE}`, resource: RESOURCE, state, nonce, ...parameters,
    code_challenge: await client.calculatePKCECodeChallenge(verifier), code_challenge_method: 'S256'
  }
  const address = push
    ? await client.buildAuthorizationUrlWithPAR(config, asked, options)
    : client.buildAuthorizationUrl(config, asked)
  const arrival = await visit(address)
  const tokens = await client.authorizationCodeGrant(
    config, arrival.posted ? posted(arrival) : arrival.callback,
    { pkceCodeVerifier: verifier, expectedState: state, expectedNonce: nonce, idTokenExpected: true, maxAge: parameters?.max_age && Number(parameters.max_age) },
    undefined, options
  )
  const claims = tokens.claims()
  const person = await client.fetchUserInfo(config, tokens.access_token, claims.sub, options)
  const order = await client.refreshTokenGrant(config, tokens.refresh_token, { resource: RESOURCE }, options)
  const introspection = await client.tokenIntrospection(server, order.access_token)
  await client.tokenRevocation(config, order.refresh_token)
  const after = await client.tokenIntrospection(server, order.access_token)
  return { trail: arrival.trail, tokens, claims, person, order, introspection, after, arrived: arrival.url }
}

const found = {}
for (const [name, kind] of Object.entries(kinds)) {
  found[name] = await signIn(kind).catch(error => ({ failure: `${error.stack}\n${JSON.stringify(error.cause ?? error)}` }))
}

// A machine by each proof that is no secret.
for (const name of ['bank', 'safe']) {
  const config = await kinds[name].config
  const options = kinds[name].proof ? { DPoP: client.getDPoPHandle(config, await client.randomDPoPKeyPair(kinds[name].proof)) } : undefined
  found[name].machine = await client.clientCredentialsGrant(config, { resource: RESOURCE, scope: SCOPE }, options)
}

// A television: the person types its code while it polls.
{
  const config = await discover(env.TELEVISION_CLIENT_ID, client.None())
  const device = await client.initiateDeviceAuthorization(config, { scope: `openid offline_access ${SCOPE}`, resource: RESOURCE })
  const arrival = await visit(device.verification_uri, { code: device.user_code })
  const tokens = await client.pollDeviceAuthorizationGrant(config, device, undefined, { signal: AbortSignal.timeout(60_000) })
  found.television = { trail: arrival.trail, page: arrival.page, tokens, claims: tokens.claims() }
}

// An API that calls another one for whoever called it.
{
  const portal = await kinds.portal.config
  const verifier = client.randomPKCECodeVerifier()
  const address = client.buildAuthorizationUrl(portal, {
    redirect_uri: env.PORTAL_REDIRECT_URI, scope: SCOPE, resource: RESOURCE,
    code_challenge: await client.calculatePKCECodeChallenge(verifier), code_challenge_method: 'S256'
  })
  const arrival = await visit(address)
  const theirs = await client.authorizationCodeGrant(portal, arrival.callback, { pkceCodeVerifier: verifier })
  const gateway = await discover(env.GATEWAY_CLIENT_ID, client.ClientSecretBasic(env.GATEWAY_CLIENT_SECRET))
  const type = 'urn:ietf:params:oauth:token-type:access_token'
  const tokens = await client.genericGrantRequest(gateway, 'urn:ietf:params:oauth:grant-type:token-exchange', {
    subject_token: theirs.access_token, subject_token_type: type, requested_token_type: type, audience: STOCK_RESOURCE
  })
  found.exchange = { tokens, introspection: await client.tokenIntrospection(server, tokens.access_token) }
}

// A sign-out that the client asks for, in the browser in which somebody signed
// in.
{
  const config = await kinds.portal.config
  const verifier = client.randomPKCECodeVerifier()
  const asked = {
    redirect_uri: env.PORTAL_REDIRECT_URI, scope: `openid ${SCOPE}`, resource: RESOURCE, state: client.randomState(),
    code_challenge: await client.calculatePKCECodeChallenge(verifier), code_challenge_method: 'S256'
  }
  const arrival = await visit(client.buildAuthorizationUrl(config, asked), { browser: 'sign-out' })
  const tokens = await client.authorizationCodeGrant(config, arrival.callback, { pkceCodeVerifier: verifier, expectedState: asked.state })
  const left = await visit(client.buildEndSessionUrl(config, {
    id_token_hint: tokens.id_token, post_logout_redirect_uri: env.PORTAL_BYE_URI, state: 'so long'
  }), { browser: 'sign-out' })
  const again = await visit(client.buildAuthorizationUrl(config, { ...asked, prompt: 'none' }), { browser: 'sign-out' })
  found.signOut = { url: left.url, state: left.callback.searchParams.get('state'), again: again.callback.searchParams.get('error') }
}
console.log(JSON.stringify(found))
