// People come from an application and return to it, one journey each. JavaScript is
// switched off unless a journey switches it on. The application is at another origin, as
// in production, so the browser enforces where our forms may lead. The script prints what
// went wrong on each journey, or nothing.
import assert from 'node:assert/strict'
import { given, run } from './chromium.mjs'
import { focus, geometry, violations } from './look.mjs'
import { Person } from './person.mjs'
import { join } from 'node:path'

// address is where the application sends people. The client portal belongs to the
// operator, the client desktop to a third party.
function address (client, more) {
  const q = new URLSearchParams({
    client_id: client, redirect_uri: given.app + '/callback', response_type: 'code', state: 'a state', scope: 'openid orders:read', resource: given.resource,
    code_challenge: 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM', code_challenge_method: 'S256', ...more
  })
  return '/authorize?' + q
}

// arrives waits until the browser shows the application, and returns the parameters that
// the application received. The application shows the method of the request, and then a
// name and a value per line.
async function arrives (me, method = 'GET') {
  await me.page.waitForURL(url => url.origin === given.app)
  await me.page.getByText('end of what came').waitFor()
  const lines = (await me.page.locator('pre').innerText()).split('\n')
  assert.equal(lines.shift(), method)
  const got = Object.fromEntries(lines.filter(Boolean).map(line => line.split(': ')))
  assert.equal(got.iss, given.base, 'the answer names its issuer')
  assert.equal(got.state, 'a state')
  return got
}

async function code () {
  const answer = await fetch(given.base + '/device_authorization', {
    method: 'POST', body: new URLSearchParams({ client_id: 'television', scope: 'openid profile orders:read', resource: given.resource })
  })
  assert.equal(answer.status, 200, await answer.clone().text())
  return answer.json()
}

const journeys = {
  async 'from an application of the operator through the sign-in and back' (me) {
    await me.open(address('portal'))
    await me.sees('/login', 'Sign in')
    await me.signIn('not it')
    assert.match(await me.alert(), /Incorrect/)
    await me.signIn()
    assert.ok((await arrives(me)).code)
    await me.open(address('portal'))
    assert.ok((await arrives(me)).code, 'the second time there is no question')
  },

  async 'an application of a third party is allowed' (me) {
    await me.open(address('desktop'))
    await me.signIn()
    await me.sees('/authorize', 'Allow Notes on a desktop to access your account?')
    await me.sees('/authorize', 'Read orders')
    await me.button('Allow').click()
    assert.ok((await arrives(me)).code)
    await me.open(address('desktop'))
    assert.ok((await arrives(me)).code, 'it was allowed before')
  },

  async 'an application of a third party is not allowed' (me) {
    await me.open(address('desktop'))
    await me.signIn()
    await me.sees('/authorize', 'Allow Notes on a desktop to access your account?')
    await me.page.reload()
    await me.button("Don't allow").click()
    assert.equal((await arrives(me)).error, 'access_denied')
  },

  async 'an application that takes its answer as a form' (me) {
    await me.open(address('portal', { response_mode: 'form_post' }))
    await me.signIn()
    await me.button('Continue').click() // without JavaScript
    assert.ok((await arrives(me, 'POST')).code)
    const scripted = await me.another(undefined, { javaScriptEnabled: true })
    await scripted.open(address('portal', { response_mode: 'form_post' }))
    await scripted.signIn()
    assert.ok((await arrives(scripted, 'POST')).code, 'with JavaScript the form sends itself')
  },

  async 'an application that is not allowed takes its answer as a form' (me) {
    await me.open(address('desktop', { response_mode: 'form_post' }))
    await me.signIn()
    await me.button("Don't allow").click()
    await me.button('Continue').click()
    assert.equal((await arrives(me, 'POST')).error, 'access_denied')
  },

  async 'an application that wants another sign-in' (me) {
    await me.open('/login')
    await me.signIn()
    await me.open(address('portal', { prompt: 'login' }))
    await me.sees('/login', 'Sign in')
    await me.signIn()
    assert.ok((await arrives(me)).code)
    await me.open(address('portal', { prompt: 'none' }))
    assert.ok((await arrives(me)).code)
  },

  async 'an application with an unregistered redirect URI' (me) {
    for (const redirect of ['https://evil.example/', given.app + '/other', 'javascript:alert(1)']) {
      await me.open(address('portal', { redirect_uri: redirect }))
      await me.sees('/authorize', 'This request is not valid')
      assert.equal(await me.page.locator('a[href*="evil"], a[href*="javascript"]').count(), 0)
    }
  },

  async 'the keyboard alone allows an application' (me) {
    await me.open(address('desktop'))
    await me.tabToField('Username')
    await me.type(me.name)
    await me.press('Tab')
    await me.type(given.password)
    await me.press('Enter')
    await me.sees('/authorize', 'Allow Notes on a desktop to access your account?')
    await me.tabTo('Allow')
    await me.press('Enter')
    assert.ok((await arrives(me)).code)
  },

  async 'a television is allowed' (me) {
    const device = await code()
    await me.open('/device')
    await me.signIn()
    await me.sees('/device', 'Connect a device')
    await me.field('Code').fill('0000')
    await me.button('Continue').click()
    assert.ok((await me.alert()).length > 10)
    await me.field('Code').fill(' ' + device.user_code.toLowerCase().replace('-', ' '))
    await me.button('Continue').click()
    await me.sees('/device', 'Allow Living room TV to access your account?')
    await me.sees('/device', 'Read orders')
    await me.button('Allow').click()
    await me.sees('/device', 'Your device is connected')
  },

  async 'a television is not allowed' (me) {
    const device = await code()
    await me.page.goto(device.verification_uri_complete)
    await me.signIn()
    assert.equal(await me.field('Code').inputValue(), device.user_code)
    await me.button('Continue').click()
    await me.button("Don't allow").click()
    await me.sees('/device', 'Your device is not connected')
  },

  async 'signed out of an application' (me) {
    await me.open(address('portal'))
    await me.signIn()
    await arrives(me)
    await me.page.route(given.bye + '**', route => route.fulfill({ body: 'bye' }))
    await me.open('/logout?' + new URLSearchParams({ client_id: 'portal', post_logout_redirect_uri: given.bye, state: 'so long' }))
    await me.sees('/logout', 'Sign out?')
    await me.button('Sign out').click()
    await me.page.waitForURL(given.bye + '?state=so+long')
    await me.open('/account')
    await me.sees('/login', 'Sign in')
  },

  async 'another site cannot allow anything for me' (me) {
    await me.open(address('desktop'))
    await me.signIn()
    await me.sees('/authorize', 'Allow Notes on a desktop to access your account?')
    await me.page.goto(given.otherSite + '?' + new URLSearchParams({ address: address('desktop') }))
    await me.clicks('allow')
    assert.equal(new URL(me.page.url()).origin, given.base, 'nothing was allowed')
    await me.page.goto(given.otherSite + '?' + new URLSearchParams({ address: address('desktop') }))
    for (const frame of me.page.frames().slice(1)) {
      const text = await frame.locator('body').innerText().catch(() => '')
      assert.doesNotMatch(text, /Allow|Sign in|Notes/, `framed: ${frame.url()}`)
    }
  }
}

// look checks the pages of a sign-in as they come, on a phone and on a desktop, in light
// and dark. Only the first look checks what does not depend on that. The last two are for
// screenshots only.
async function look (browser, name) {
  const problems = []
  const looks = [['light', 360, true], ['dark', 1280]]
  if (given.screenshots) looks.push(['dark', 360], ['light', 1280])
  for (const [colorScheme, width, whole] of looks) {
    const like = { colorScheme, viewport: { width, height: 800 }, reducedMotion: 'reduce' }
    const me = await Person.start(browser, name, undefined, { javaScriptEnabled: true, ...like })
    let where = ''
    // A page with a problem has the status 400.
    me.page.on('console', m => { if (!/status of 400/.test(m.text())) problems.push(`${where}: the browser says: ${m.text()}`) })
    const shoot = async (what, page) => {
      await page.locator('h1').waitFor()
      if (given.screenshots) await page.screenshot({ path: join(given.screenshots, `live-${what}-${colorScheme}-${width}.png`), fullPage: true })
    }
    const sees = async what => {
      where = `${what}, ${colorScheme}, ${width} px`
      await shoot(what, me.page)
      const found = [...await violations(me.page, whole), ...await geometry(me.page), ...(whole ? await focus(me.page) : [])]
      problems.push(...found.map(problem => `${where}: ${problem}`))
    }
    await me.open(address('desktop', { prompt: 'consent', scope: 'openid orders:read' }))
    await sees('sign-in')
    await me.signIn()
    await sees('consent')
    await me.open(address('desktop', { redirect_uri: 'https://evil.example/' }))
    await sees('error')
    await me.open('/device')
    await sees('code')
    const device = await code()
    await me.field('Code').fill(device.user_code)
    await me.button('Continue').click()
    await me.sees('/device', 'Allow Living room TV to access your account?')
    await sees('device')
    await me.button('Allow').click()
    await me.sees('/device', 'Your device is connected')
    await sees('connected')
    await me.open('/logout?' + new URLSearchParams({ client_id: 'portal', post_logout_redirect_uri: given.bye }))
    await sees('sign-out')
    // With its script this page leaves before a look at it, and without JavaScript axe
    // cannot run: there is a screenshot only.
    const still = await Person.start(browser, name, undefined, like)
    await still.open(address('portal', { response_mode: 'form_post' }))
    await still.signIn()
    await still.button('Continue').waitFor()
    await shoot('form-post', still.page)
    await me.leave()
  }
  return problems.join('\n')
}

await run(async browser => {
  const results = []
  const people = [...given.people]
  const go = async (name, body) => {
    const me = await Person.start(browser, people.shift() ?? assert.fail(`no person is left for the journey: ${name}`))
    const failure = await body(me).then(found => found ?? '', error => `${error.stack}\nat ${me.page.url()}`)
    results.push({ name, failure: failure || Person.strays.splice(0).map(url => `something asks for ${url}`).join('\n') })
    await me.leave()
    await me.pass(60) // an address has a limit of tries per minute
  }
  for (const [name, journey] of Object.entries(journeys)) await go(name, journey)
  await go('what the pages look like', me => look(browser, me.name))
  return results
})
