// A person's passkeys, as Chromium plays an authenticator over its DevTools protocol.
export class Authenticator {
  // plug gives the tab of a person an authenticator that checks who they are.
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

  // present says whether the person touches what asks for a touch. A browser that
  // offers passkeys below a field has one chosen at once by who is present.
  present (yes) { return this.send('setAutomaticPresenceSimulation', { enabled: yes }) }
  // recognizes says whether the person's finger is the right one.
  recognizes (yes) { return this.send('setUserVerified', { isUserVerified: yes }) }

  async keys () { return (await this.send('getCredentials')).credentials }
  add (credential) { return this.send('addCredential', { credential }) }
}
