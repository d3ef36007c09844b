// A logout token as jose verifies it, with the published keys (OpenID Connect
// Back-Channel Logout §2.6). Prints what is in it as one JSON line.
import { createRemoteJWKSet, jwtVerify } from 'jose'

const { ISSUER, NOTES_CLIENT_ID, LOGOUT_TOKEN } = process.env
const { payload, protectedHeader } = await jwtVerify(LOGOUT_TOKEN, createRemoteJWKSet(new URL(`${ISSUER}/jwks`)), {
  issuer: ISSUER, audience: NOTES_CLIENT_ID, typ: 'logout+jwt', requiredClaims: ['iat', 'exp', 'jti', 'events'], maxTokenAge: '5 min'
})
console.log(JSON.stringify({ payload, protectedHeader }))
