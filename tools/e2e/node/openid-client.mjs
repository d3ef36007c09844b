// A machine client and a resource server as openid-client has them: discovery,
// a token by both ways of client authentication, introspection, and the
// signature by the published keys. Prints what came as one JSON line.
import * as client from 'openid-client'
import { createRemoteJWKSet, jwtVerify } from 'jose'

const { ISSUER, CLIENT_ID, CLIENT_SECRET, RS_CLIENT_ID, RS_CLIENT_SECRET, RESOURCE, SCOPE } = process.env

// Plain http only while the issuer is this machine.
const execute = ISSUER.startsWith('http:') ? [client.allowInsecureRequests] : []
const discover = (id, auth, algorithm) =>
  client.discovery(new URL(ISSUER), id, undefined, auth, { algorithm, execute })

const found = {}
for (const [name, auth, algorithm] of [
  ['basic', client.ClientSecretBasic(CLIENT_SECRET), 'oauth2'],
  ['post', client.ClientSecretPost(CLIENT_SECRET), 'oidc'],
]) {
  const config = await discover(CLIENT_ID, auth, algorithm)
  const tokens = await client.clientCredentialsGrant(config, { scope: SCOPE, resource: RESOURCE })

  const server = await discover(RS_CLIENT_ID, client.ClientSecretBasic(RS_CLIENT_SECRET), algorithm)
  const introspection = await client.tokenIntrospection(server, tokens.access_token)

  const keys = createRemoteJWKSet(new URL(config.serverMetadata().jwks_uri))
  const { payload, protectedHeader } = await jwtVerify(tokens.access_token, keys, {
    issuer: ISSUER,
    audience: RESOURCE,
    typ: 'at+jwt',
    requiredClaims: ['sub', 'client_id', 'jti', 'iat', 'exp'],
  })
  found[name] = { tokens, introspection, payload, protectedHeader }
}
console.log(JSON.stringify(found))
