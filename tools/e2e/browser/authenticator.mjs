// The passkeys of a person, in an authenticator that Chromium simulates over its DevTools
// protocol. It answers every request at once, conditional ones too, which list passkeys
// below a field: it is as if the person always chose the first one.
export class Authenticator {
  // plug gives the tab of a person an authenticator that verifies its user.
  static async plug (me, more = {}) {
    const tools = await me.context.newCDPSession(me.page)
    await tools.send('WebAuthn.enable', { enableUI: false })
    const { authenticatorId } = await tools.send('WebAuthn.addVirtualAuthenticator', {
      options: {
        protocol: 'ctap2', transport: 'internal', hasResidentKey: true, hasUserVerification: true,
        isUserVerified: true, automaticPresenceSimulation: true, ...more
      }
    })
    return new Authenticator(tools, authenticatorId)
  }

  constructor (tools, authenticatorId) { Object.assign(this, { tools, authenticatorId }) }

  send (what, more = {}) { return this.tools.send('WebAuthn.' + what, { authenticatorId: this.authenticatorId, ...more }) }

  // recognizes sets whether the authenticator accepts the finger of the person.
  recognizes (yes) { return this.send('setUserVerified', { isUserVerified: yes }) }

  async keys () { return (await this.send('getCredentials')).credentials }
  add (credential) { return this.send('addCredential', { credential }) }
}
