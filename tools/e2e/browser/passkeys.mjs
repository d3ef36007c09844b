// How people prove who they are, and how they manage that on their account page, one
// journey each. A browser talks to a passkey by script, so JavaScript is on here. The
// script prints what went wrong on each journey, or nothing.
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { createHmac } from 'node:crypto'
import { promisify } from 'node:util'
import { Authenticator } from './authenticator.mjs'
import { given, run } from './chromium.mjs'
import { Person } from './person.mjs'

const SIGN_IN = 'Sign in with a passkey'
const scripts = { javaScriptEnabled: true }

// operator runs the command line of the operator and returns the link that it prints.
async function operator (...args) {
  const { stdout } = await promisify(execFile)(given.tipstaff, [...args, '--dir', given.dir])
  const [link] = stdout.match(/http\S+/) ?? assert.fail(`no link: ${stdout}`)
  assert.ok(link.startsWith(given.base + '/'), link)
  return link.slice(given.base.length)
}

// otp is the code of an authenticator app (RFC 6238) in the time of the server.
function otp (secret, steps = 0) {
  const bits = [...secret.toUpperCase()].map(c => 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'.indexOf(c).toString(2).padStart(5, '0')).join('')
  const key = Buffer.from(bits.match(/.{8}/g).map(b => parseInt(b, 2)))
  const counter = Buffer.alloc(8)
  counter.writeBigUInt64BE(BigInt(Math.floor((Date.now() / 1000 + Person.passed) / 30) + steps))
  const mac = createHmac('sha1', key).update(counter).digest()
  const at = mac[19] & 15
  return String((mac.readUInt32BE(at) & 0x7fffffff) % 1e6).padStart(6, '0')
}

// beginStep moves the clock of the server on to the beginning of a step of 30 seconds.
// A code that is computed then stays the current one while a slow machine types it.
async function beginStep (me) {
  await me.pass(Math.ceil(30 - (Date.now() / 1000 + Person.passed) % 30))
}

// enters signs in with the password and creates a passkey with that name.
async function enters (me, name) {
  const key = await Authenticator.plug(me)
  await me.open('/login')
  await me.signIn()
  await me.sees('/account', 'How you sign in')
  await makes(me, name)
  return key
}

async function makes (me, name) {
  await me.link('Add a passkey').click()
  await me.field('Name (optional)').fill(name)
  await me.clicks('Create passkey')
  await me.sees('/account', name)
}

// app sets up an authenticator app and returns its key and the recovery codes.
async function app (me) {
  await me.link('Set up an app').click()
  await me.page.getByText("Can't scan it?").click()
  const secret = (await me.page.locator('code.all').innerText()).replace(/\s/g, '')
  await me.field('Code from the app').fill('000000')
  await me.clicks('Continue')
  assert.match(await me.alert(), /Incorrect code/, 'a wrong code does not confirm it')
  assert.equal((await me.page.locator('code.all').textContent()).replace(/\s/g, ''), secret, 'it is the same key')
  await beginStep(me)
  await me.field('Code from the app').fill(otp(secret))
  await me.button('Continue').click()
  await me.page.getByRole('heading', { name: 'Your recovery codes' }).waitFor()
  const codes = await me.page.getByRole('listitem').allInnerTexts()
  assert.equal(codes.length, 10)
  await me.link('I have saved my codes').click()
  await me.sees('/account', '10 recovery codes left')
  return { secret, codes }
}

// offers has the next pages of a tab start no conditional request, which lists passkeys
// below a field, for real: each stays open until the page aborts it, as if the person
// did not choose from the list. No script learns of the list, so the page counts in
// window.offered.
const offers = me => me.page.addInitScript(() => {
  const get = navigator.credentials.get.bind(navigator.credentials)
  navigator.credentials.get = o => {
    if (o.mediation !== 'conditional') return get(o)
    window.offered = (window.offered ?? 0) + 1
    return new Promise((resolve, reject) => o.signal.addEventListener('abort', () => reject(o.signal.reason)))
  }
})
const offered = me => me.page.waitForFunction(() => window.offered)

// asks has the next pages of a tab count their requests for a passkey, by mediation.
// The counts outlive the pages.
const asks = me => me.page.addInitScript(() => {
  const get = navigator.credentials.get.bind(navigator.credentials)
  navigator.credentials.get = o => {
    const kind = o.mediation ?? 'button'
    sessionStorage.setItem(kind, Number(sessionStorage.getItem(kind)) + 1)
    return get(o)
  }
})
const asked = (me, kind) => me.page.evaluate(kind => Number(sessionStorage.getItem(kind)), kind)

// old is a browser that cannot list passkeys below a field.
const old = me => me.page.addInitScript(() => { PublicKeyCredential.isConditionalMediationAvailable = async () => false })

// goesOn opens the sign-in page in a browser with an authenticator that answers
// conditional requests by itself. The page leaves by itself, so nothing waits for it.
const goesOn = me => me.page.goto(given.base + '/login', { waitUntil: 'commit' })

const activity = me => me.page.getByRole('region', { name: 'Recent activity' }).getByRole('listitem').allInnerTexts()

const journeys = {
  // This journey is the first: the command line of the operator goes by real time, and
  // the link is good for half an hour.
  async 'a link of the operator, for a person who has lost everything' (me) {
    await me.open('/login')
    await me.signIn()
    await app(me)
    const phone = await me.another(Person.iPhone, scripts)
    const link = await operator('user', 'recover', me.name, '--reset-otp')
    const key = await Authenticator.plug(phone)
    await phone.open(link)
    await phone.sees('/recover', 'Choose how you sign in')
    await phone.button('Create a passkey').click()
    await phone.sees('/account', 'How you sign in')
    assert.equal((await key.keys()).length, 1)
    await me.open('/account')
    await me.sees('/login', 'Sign in') // every other session has ended
    const again = await me.another(Person.desktop, scripts)
    await again.open(link)
    await again.sees('/recover', 'This link was already used')
  },

  async 'a passkey is created, and one click signs in' (me) {
    const key = await enters(me, 'My laptop')
    assert.equal((await key.keys()).length, 1)
    assert.equal((await key.keys())[0].rpId, 'localhost')
    await me.signOut()
    await offers(me)
    await me.open('/login')
    await offered(me)
    await me.button(SIGN_IN).click() // the one
    await me.sees('/account', 'My laptop')
    assert.match((await activity(me)).join('\n'), /Signed in with a passkey/)
  },

  async 'a browser offers the passkey where the user name is typed' (me) {
    await enters(me, 'My laptop')
    await me.signOut()
    await goesOn(me)
    await me.sees('/account', 'My laptop')
  },

  async 'without autofill of passkeys there is the button' (me) {
    await enters(me, 'My laptop')
    await me.signOut()
    await old(me)
    await me.open('/login')
    await me.button(SIGN_IN).click()
    await me.sees('/account', 'My laptop')
  },

  async 'another person holds the device' (me) {
    const key = await enters(me, 'My laptop')
    await me.signOut()
    await key.recognizes(false)
    await old(me)
    await me.page.addInitScript(() => {
      const get = navigator.credentials.get.bind(navigator.credentials)
      navigator.credentials.get = o => get(o).catch(error => { window.refused = error.name; throw error })
    })
    await me.open('/login')
    await me.button(SIGN_IN).click()
    await me.page.waitForFunction(() => window.refused === 'NotAllowedError')
    assert.equal(new URL(me.page.url()).pathname, '/login', 'the device refuses')
    // A page that does not ask the device to verify its user gets nowhere either.
    await me.page.addInitScript(() => {
      const get = navigator.credentials.get.bind(navigator.credentials)
      navigator.credentials.get = o => get({ ...o, publicKey: { ...o.publicKey, userVerification: 'discouraged' } })
    })
    await me.open('/login')
    await me.clicks(SIGN_IN)
    assert.match(await me.alert(), /did not work/)
    assert.equal(await me.sid(), undefined)
  },

  async 'a copied passkey signs in, and the person learns of it' (me) {
    const key = await enters(me, 'My laptop')
    const [copy] = await key.keys()
    for (let i = 0; i < 2; i++) {
      await me.signOut()
      await goesOn(me)
      await me.sees('/account', 'My laptop')
    }
    const thief = await me.another(Person.desktop, scripts)
    const other = await Authenticator.plug(thief)
    await other.add(copy) // its counter is behind
    await goesOn(thief)
    await thief.sees('/account', 'My laptop')
    assert.match((await activity(thief)).join('\n'), /may have been copied/)
  },

  // The authenticator answers conditional requests by itself. The page that says that
  // the passkey did not work starts none, or it would post again and again.
  async 'a passkey that was removed is refused, and posted once' (me) {
    await enters(me, 'My laptop')
    await me.page.getByText('Rename or remove the passkey My laptop').click()
    await me.field('New name for My laptop').fill('Lost laptop')
    await me.goes(() => me.page.getByRole('listitem').filter({ hasText: 'My laptop' }).getByRole('button', { name: 'Rename' }).click())
    await me.sees('/account', 'Lost laptop')
    await me.page.getByText('Rename or remove the passkey Lost laptop').click()
    await me.clicks('Remove the passkey Lost laptop')
    assert.equal(await me.page.getByText('Rename or remove the passkey').count(), 0)
    await me.signOut()

    let posts = 0
    me.context.on('request', r => { if (r.method() === 'POST' && new URL(r.url()).pathname === '/login') posts++ })
    await asks(me)
    await goesOn(me)
    assert.match(await me.alert(), /did not work/)
    await me.page.waitForLoadState() // the script of the page has run
    await me.page.evaluate(() => PublicKeyCredential.isConditionalMediationAvailable())
    assert.equal(await asked(me, 'conditional'), 1, 'the page with the problem starts no conditional request')
    assert.equal(posts, 1)

    await me.clicks(SIGN_IN)
    assert.match(await me.alert(), /did not work/)
    assert.equal(await asked(me, 'button'), 1, 'the button still works')
    await me.page.evaluate(() => PublicKeyCredential.isConditionalMediationAvailable())
    assert.equal(await asked(me, 'conditional'), 1)
    assert.equal(posts, 2)
  },

  async 'an authenticator app is a second step, and each code works once' (me) {
    await me.open('/login')
    await me.signIn()
    const { secret, codes } = await app(me)
    await me.signOut()
    await me.pass(60)
    await me.open('/login')
    await me.signIn()
    await me.page.getByRole('heading', { name: 'Enter your code' }).waitFor()
    assert.equal(await me.sid(), undefined, 'there is no session yet')
    await beginStep(me)
    const code = otp(secret)
    await me.field('Code').fill(code)
    await me.button('Continue').click()
    await me.sees('/account', 'How you sign in')
    await me.signOut()
    await me.open('/login')
    await me.signIn()
    await me.field('Code').fill(code)
    await me.button('Continue').click()
    assert.match(await me.alert(), /Incorrect code/, 'a code works once')
    await me.page.getByText('Use a recovery code').click()
    await me.field('Recovery code').fill(codes[3].toUpperCase())
    await me.button('Use this recovery code').click()
    await me.page.getByText('9 recovery codes left').waitFor()
    await me.link('Continue').click()
    await me.sees('/account', '9 recovery codes left')
    await me.signOut()
    await me.open('/login')
    await me.signIn()
    await me.page.getByText('Use a recovery code').click()
    await me.field('Recovery code').fill(codes[3])
    await me.button('Use this recovery code').click()
    assert.match(await me.alert(), /Incorrect code/, 'so does a recovery code')
  },

  async 'a clock that is half a minute off' (me) {
    await me.open('/login')
    await me.signIn()
    const { secret } = await app(me)
    await me.signOut()
    for (const [steps, accepted] of [[-2, false], [2, false], [1, true]]) {
      await me.pass(300)
      await me.open('/login')
      await me.signIn()
      await beginStep(me)
      await me.field('Code').fill(otp(secret, steps))
      await me.clicks('Continue')
      if (accepted) await me.sees('/account', 'How you sign in')
      else assert.match(await me.alert(), /Incorrect code/, `${steps} steps off`)
    }
  },

  async 'ten minutes after the sign-in a new passkey needs another one' (me) {
    await me.open('/login')
    await me.signIn()
    await Authenticator.plug(me)
    await me.pass(11 * 60)
    await me.open('/account')
    const before = await me.sid()
    await me.link('Add a passkey').click()
    await me.sees('/login', "Confirm that it's you")
    await me.field('Password').fill(given.password)
    await me.button('Confirm').click()
    await me.sees('/account', 'Add a passkey')
    await me.field('Name (optional)').fill('Second thoughts')
    await me.button('Create passkey').click()
    await me.sees('/account', 'Second thoughts')
    assert.notEqual(await me.sid(), before)
    assert.equal(await me.sessions().count(), 1, 'it is the same session')
  },

  async 'an invitation, and a passkey as the last way in' (me) {
    const name = 'new-' + me.name
    const link = await operator('user', 'invite', '--user-name', name, '--name', 'Nell New')
    const key = await Authenticator.plug(me)
    await me.open(link)
    assert.equal(await me.field('Username').inputValue(), name)
    await me.button('Continue').click()
    await me.sees('/invite', 'Choose how you sign in')
    await me.button('Create a passkey').click()
    await me.sees('/account', 'Nell New')
    assert.equal((await key.keys()).length, 1)
    await me.page.getByText(/^Rename or remove/).click()
    await me.page.getByText('This is your only way to sign in.').waitFor()
    await me.signOut()
    await goesOn(me)
    await me.sees('/account', 'Nell New')
  },

  async 'an account at the company' (me) {
    await me.open('/login')
    await me.link('Continue with Company').click()
    await me.sees('/account', 'How you sign in')
    assert.equal(await me.button(/^Disconnect/).count(), 0)
    await me.page.getByText('This is your only way to sign in.').waitFor()
    const who = await me.page.locator('h1').innerText()
    await me.signOut()
    await me.open('/login')
    await me.link('Continue with Company').click()
    await me.sees('/account', who)
  },

  async 'an account of a code host is connected, used and disconnected' (me) {
    await me.open('/login')
    await me.signIn()
    await me.link('Connect Code host').click()
    await me.button(/^Disconnect/).waitFor()
    await me.signOut()
    await me.open('/login')
    await me.link('Continue with Code host').click()
    await me.sees('/account', me.name)
    await me.clicks(/^Disconnect/)
    await me.link('Connect Code host').waitFor()
  },

  async 'an application that asks for a second factor' (me) {
    const wants = '/authorize?' + new URLSearchParams({
      client_id: 'portal', redirect_uri: given.app + '/callback', response_type: 'code', scope: 'openid orders:read', resource: given.resource,
      code_challenge: 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM', code_challenge_method: 'S256', acr_values: 'aal2'
    })
    await me.open(wants)
    await me.sees('/login', 'The application asks for a passkey')
    await me.signIn()
    await me.page.waitForURL(url => url.origin === given.app)
    assert.match(await me.page.locator('pre').innerText(), /error: unmet_authentication_requirements/)
    await Authenticator.plug(me)
    await me.open('/account')
    await makes(me, 'My laptop')
    await old(me)
    await me.open(wants)
    await me.sees('/login', 'The application asks for a passkey')
    await me.button(SIGN_IN).click()
    await me.page.waitForURL(url => url.origin === given.app)
    assert.match(await me.page.locator('pre').innerText(), /code: tsc_/)
  }
}

await run(async browser => {
  const results = []
  for (const [i, [name, go]] of Object.entries(journeys).entries()) {
    if (given.only && !name.includes(given.only)) continue
    const me = await Person.start(browser, given.people[i] ?? assert.fail(`no person is left for journey ${i + 1}: ${name}`), Person.desktop, scripts)
    const failure = await go(me).then(() => '', async error => `${error.stack}\nat ${me.page.url()}:\n${(await me.page.locator('body').innerText().catch(() => '')).slice(0, 1500)}`)
    results.push({ name, failure: failure || Person.strays.splice(0).map(url => `something asks for ${url}`).join('\n') })
    await me.leave()
    await me.pass(60) // an address has a limit of tries per minute
  }
  return results
})
