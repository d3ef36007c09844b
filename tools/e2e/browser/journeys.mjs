// What people do with the pages, one function each, with JavaScript switched off. Each
// journey has its own person, one of those given. The script prints what went wrong on
// each journey, or nothing.
import assert from 'node:assert/strict'
import { given, run } from './chromium.mjs'
import { Person } from './person.mjs'

const WRONG = 'Incorrect username or password.'
const EXPIRED = 'This form has expired'

const journeys = {
  async 'a wrong password, and then the right one' (me) {
    await me.open('/login')
    await me.signIn('not it')
    assert.match(await me.alert(), new RegExp(WRONG))
    assert.match(await me.title(), /^Error: Sign in/)
    assert.equal(await me.field('Username').inputValue(), me.name, 'the user name is kept')
    assert.equal(await me.field('Password').inputValue(), '', 'the password is not')
    assert.ok(await me.hasFocus(me.field('Password')), 'the password is typed next')
    await me.signIn()
    await me.sees('/account', me.name)
  },

  async 'an unknown user name gets the same answer as a wrong password' (me) {
    const pages = []
    for (const name of [me.name, 'unknown-' + me.name]) {
      await me.open('/login')
      const answer = await me.signIn('not it', name)
      const html = await answer.text()
      pages.push([answer.status(), html.replaceAll(name, 'NAME').replace(/name="csrf" value="[^"]*"/, 'CSRF').replace(/challenge[^,]*/, 'CHALLENGE')])
    }
    assert.deepEqual(pages[0], pages[1])
  },

  async 'the way to the account leads through the sign-in and back' (me) {
    await me.open('/')
    await me.link('Your account').click()
    await me.sees('/login', 'Sign in')
    await me.signIn()
    await me.sees('/account', me.name)
    const cookies = await me.cookies()
    assert.ok(cookies.length >= 2 && cookies.every(c => c.name.startsWith('__Host-') && c.httpOnly && c.secure && c.sameSite === 'Lax' && c.path === '/'), JSON.stringify(cookies.map(c => c.name)))
  },

  async 'a sign-in leads to no other site' (me) {
    for (const target of ['https://evil.example/', '//evil.example', '/\\evil.example', 'javascript:alert(1)', '/account/../..//evil.example']) {
      await me.open('/login?return=' + encodeURIComponent(target))
      await me.signIn()
      assert.equal(new URL(me.page.url()).origin, given.base, target)
      await me.signOut()
    }
  },

  async 'a new session at every sign-in' (me) {
    await me.open('/login')
    await me.signIn()
    const first = await me.sid()
    await me.open('/login')
    await me.signIn()
    const second = await me.sid()
    assert.notEqual(first, second)
    const thief = await me.another()
    await thief.takes('__Host-sid', first)
    await thief.open('/account')
    await thief.sees('/login', 'Sign in')
  },

  async 'too many tries, and the wait' (me) {
    await me.guessUntilThrottled()
    await me.signIn()
    assert.match(await me.alert(), /too many attempts/i, 'the right password has to wait, too')
    await me.pass(me.waitTold(await me.alert()))
    await me.signIn()
    await me.sees('/account', me.name)
  },

  async 'guesses of an attacker do not lock the owner out of a known browser' (me) {
    await me.open('/login')
    await me.signIn()
    await me.signOut()
    const attacker = await me.another()
    await attacker.guessUntilThrottled()
    await me.open('/login')
    await me.signIn()
    await me.sees('/account', me.name)
  },

  async 'a form that was open for too long' (me) {
    await me.open('/login')
    await me.pass(61 * 60)
    await me.signIn()
    assert.match(await me.alert(), new RegExp(EXPIRED))
    assert.equal(await me.field('Username').inputValue(), me.name)
    await me.signIn()
    await me.sees('/account', me.name)
  },

  async 'a form in a browser that forgot its cookies' (me) {
    await me.open('/login')
    await me.context.clearCookies()
    await me.signIn()
    assert.match(await me.alert(), new RegExp(EXPIRED))
    await me.signIn()
    await me.sees('/account', me.name)
  },

  async 'two tabs' (me) {
    const tab = await me.tab()
    await me.open('/login')
    await tab.open('/login')
    await me.signIn()
    await tab.signIn() // its form is as good as that of the first
    await tab.sees('/account', me.name)
    await me.open('/account') // with the cookie of the second sign-in
    await me.sees('/account', me.name)
    assert.equal(await me.sessions().count(), 1, 'the first session of this browser has ended')

    const phone = await me.another(Person.iPhone)
    await phone.open('/login')
    await phone.signIn()
    await me.open('/account')
    await tab.open('/account')
    await me.button(/^End session of Safari on iPhone/).click()
    await me.sees('/account', 'Session ended.')
    await tab.button(/^End session of Safari on iPhone/).click() // it ended in the other tab
    await tab.sees('/account', 'Session ended.')

    await tab.open('/account')
    await me.signOut()
    await tab.button('Sign out').click() // of a session that has ended in the other tab
    await tab.sees('/login', 'Sign in')
  },

  async 'the back button after signing out' (me) {
    await me.open('/')
    await me.link('Your account').click()
    await me.signIn()
    await me.sees('/account', me.name)
    await me.open('/')
    await me.link('Your account').click()
    await me.sees('/account', me.name)
    await me.button('Sign out').click()
    await me.sees('/logout', 'You are signed out')
    for (let i = 0; i < 4; i++) {
      await me.page.goBack({ waitUntil: 'commit' }) // a page from a cache loads nothing
      await me.page.locator('h1').waitFor()
      const text = await me.page.locator('body').innerText()
      assert.ok(!text.includes('Where you are signed in'), `${i + 1} steps back the account is seen again:\n${text}`)
    }
  },

  async 'reloading after a post repeats nothing' (me) {
    await me.open('/login')
    await me.signIn()
    const other = await me.another()
    await other.open('/login')
    await other.signIn()
    await me.open('/account')
    await me.button('End all other sessions').click()
    await me.sees('/account', 'All other sessions ended.')
    await other.open('/login')
    await other.signIn()
    await me.page.reload()
    assert.equal(await me.sessions().count(), 2, 'the new session of the other browser is still there')
  },

  async 'my devices' (me) {
    await me.open('/login')
    await me.signIn()
    const phone = await me.another(Person.iPhone)
    await phone.open('/login')
    await phone.signIn()
    await me.open('/account')
    const list = await me.sessions().allInnerTexts()
    assert.equal(list.length, 2)
    assert.match(list[0], /Chrome on Linux\s+Current session/)
    assert.match(list[1], /Safari on iPhone/)
    assert.doesNotMatch(list[1], /Current session/)
    assert.match(list[1], /Last used just now/)
    await me.button(/^End session of Safari on iPhone/).click()
    await me.sees('/account', 'Session ended.')
    await phone.open('/account')
    await phone.sees('/login', 'Sign in')
    await me.open('/account')
    await me.sees('/account', 'You have no other sessions.')
  },

  async 'asked before signing out' (me) {
    await me.open('/login')
    await me.signIn()
    await me.open('/logout')
    await me.sees('/logout', 'Sign out?')
    await me.link('Stay signed in').click()
    await me.sees('/account', me.name)
    await me.open('/logout')
    await me.button('Sign out').click()
    await me.sees('/logout', 'You are signed out')
    await me.link('Sign in').click()
    await me.sees('/login', 'Sign in')
  },

  async 'the keyboard alone' (me) {
    await me.open('/')
    await me.tabTo('Your account')
    await me.press('Enter')
    await me.sees('/login', 'Sign in')
    await me.tabToField('Username') // after the other ways to sign in
    await me.type(me.name)
    await me.press('Tab')
    await me.type(given.password)
    await me.press('Enter')
    await me.sees('/account', me.name)
    const other = await me.another(Person.iPhone)
    await other.open('/login')
    await other.signIn()
    await me.open('/account')
    await me.tabTo('End session of Safari on iPhone')
    await me.press('Space')
    await me.sees('/account', 'Session ended.')
    await me.tabTo('Sign out')
    await me.press('Enter')
    await me.sees('/logout', 'You are signed out')
  },

  async 'another site cannot post for me' (me) {
    await me.open('/login')
    await me.signIn()
    const other = await me.another()
    await other.open('/login')
    await other.signIn()
    for (const name of ['end others', 'sign out', 'log out', 'log in']) {
      await me.page.goto(given.otherSite)
      await me.clicks(name)
    }
    await me.open('/account')
    await me.sees('/account', me.name)
    assert.equal(await me.sessions().count(), 2, 'both sessions are still there')
    assert.ok(!(await me.page.locator('body').innerText()).includes(given.attacker), 'the attacker is not signed in')
  },

  async 'another site cannot frame a page' (me) {
    await me.page.goto(given.otherSite)
    for (const frame of me.page.frames().slice(1)) {
      const text = await frame.locator('body').innerText().catch(() => '')
      assert.doesNotMatch(text, /Sign in|Tipstaff/, `framed: ${frame.url()}`)
    }
    assert.ok(me.page.frames().length > 1, 'there is a frame to look into')
  }
}

await run(async browser => {
  const results = []
  for (const [i, [name, go]] of Object.entries(journeys).entries()) {
    const me = await Person.start(browser, given.people[i] ?? assert.fail(`no person is left for journey ${i + 1}: ${name}`))
    const failure = await go(me).then(() => '', error => error.stack)
    results.push({ name, failure: failure || Person.strays.splice(0).map(url => `something asks for ${url}`).join('\n') })
    await me.leave()
    await me.pass(60) // an address has a limit of tries per minute
  }
  return results
})
