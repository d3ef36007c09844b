// The same with oauth4webapi, which checks more than any other client: status,
// content type and every member of every answer, and the access token itself
// by RFC 9068 as a resource server would. Prints what came as one JSON line.
import * as oauth from 'oauth4webapi'

const { ISSUER, CLIENT_ID, CLIENT_SECRET, RS_CLIENT_ID, RS_CLIENT_SECRET, RESOURCE, SCOPE, ALG } = process.env

// Plain http only while the issuer is this machine.
const options = { [oauth.allowInsecureRequests]: ISSUER.startsWith('http:') }
const issuer = new URL(ISSUER)

const found = {}
for (const [name, auth, algorithm] of [
  ['basic', oauth.ClientSecretBasic(CLIENT_SECRET), 'oidc'],
  ['post', oauth.ClientSecretPost(CLIENT_SECRET), 'oauth2'],
]) {
  const as = await oauth.processDiscoveryResponse(
    issuer,
    await oauth.discoveryRequest(issuer, { ...options, algorithm }),
  )

  const client = { client_id: CLIENT_ID }
  const parameters = new URLSearchParams({ scope: SCOPE, resource: RESOURCE })
  const tokens = await oauth.processClientCredentialsResponse(
    as,
    client,
    await oauth.clientCredentialsGrantRequest(as, client, auth, parameters, options),
  )

  const server = { client_id: RS_CLIENT_ID }
  const introspection = await oauth.processIntrospectionResponse(
    as,
    server,
    await oauth.introspectionRequest(as, server, oauth.ClientSecretBasic(RS_CLIENT_SECRET), tokens.access_token, options),
  )

  const request = new Request(`${ISSUER}/anything`, { headers: { authorization: `Bearer ${tokens.access_token}` } })
  const claims = await oauth.validateJwtAccessToken(as, request, RESOURCE, { ...options, signingAlgorithms: [ALG] })
  found[name] = { tokens, introspection, claims }
}

// A refusal is an error that the client understands, code and status.
const as = await oauth.processDiscoveryResponse(issuer, await oauth.discoveryRequest(issuer, { ...options, algorithm: 'oauth2' }))
const client = { client_id: CLIENT_ID }
const refused = async (auth, parameters) => {
  const response = await oauth.clientCredentialsGrantRequest(as, client, auth, new URLSearchParams(parameters), options)
  try {
    await oauth.processClientCredentialsResponse(as, client, response)
  } catch (error) {
    return { name: error.name, error: error.error ?? error.cause?.[0]?.scheme, status: error.status }
  }
  return { name: 'accepted' }
}
found.refusals = {
  wrongSecretPosted: await refused(oauth.ClientSecretPost(CLIENT_SECRET + 'x'), { resource: RESOURCE }),
  wrongSecretBasic: await refused(oauth.ClientSecretBasic(CLIENT_SECRET + 'x'), { resource: RESOURCE }),
  unknownScope: await refused(oauth.ClientSecretPost(CLIENT_SECRET), { resource: RESOURCE, scope: 'no-such-scope' }),
  unknownResource: await refused(oauth.ClientSecretPost(CLIENT_SECRET), { resource: 'https://no-such.example' }),
}
console.log(JSON.stringify(found))
