// Sessions as oauth4webapi has them, for a client without and one with a secret:
// refresh, ask for less, and revoke. It checks status, content type and every
// member of every answer. Prints what came as one JSON line.
import * as oauth from 'oauth4webapi'

const { ISSUER, RESOURCE, PHONE_CLIENT_ID, BACKEND_CLIENT_ID, BACKEND_CLIENT_SECRET, USER_NAME, USER_PASSWORD } = process.env

// Plain http only while the issuer is this machine.
const options = { [oauth.allowInsecureRequests]: ISSUER.startsWith('http:') }
const issuer = new URL(ISSUER)
const as = await oauth.processDiscoveryResponse(
  issuer,
  await oauth.discoveryRequest(issuer, { ...options, algorithm: 'oauth2' }),
)

const signIn = async (credentials) => {
  const response = await fetch(`${ISSUER}/login`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ ...credentials, user_name: USER_NAME, password: USER_PASSWORD }),
  })
  return response.json()
}

const found = {}
for (const [name, client, auth, credentials] of [
  ['public', { client_id: PHONE_CLIENT_ID }, oauth.None(), { client_id: PHONE_CLIENT_ID }],
  [
    'secret',
    { client_id: BACKEND_CLIENT_ID },
    oauth.ClientSecretBasic(BACKEND_CLIENT_SECRET),
    { client_id: BACKEND_CLIENT_ID, client_secret: BACKEND_CLIENT_SECRET },
  ],
]) {
  const refresh = async (token, parameters) =>
    oauth.processRefreshTokenResponse(
      as,
      client,
      await oauth.refreshTokenGrantRequest(as, client, auth, token, { ...options, additionalParameters: parameters }),
    )
  const begun = await signIn(credentials)
  const next = await refresh(begun.refresh_token, { resource: RESOURCE })
  const narrow = await refresh(next.refresh_token, { scope: 'orders:read' })
  await oauth.processRevocationResponse(await oauth.revocationRequest(as, client, auth, narrow.refresh_token, options))
  let refused
  try {
    await refresh(narrow.refresh_token)
  } catch (error) {
    refused = { error: error.error, status: error.status }
  }
  found[name] = { next, narrow, refused }
}
console.log(JSON.stringify(found))
