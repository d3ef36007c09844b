// A person at a browser. They use the words of the page: labels, buttons and links as
// a screen reader reads them, never ids or classes.
//
// Every step waits for a state that stays until the next step. What follows a click
// either looks for something that the page before did not have, or comes after goes,
// which waits for the next document.
import assert from 'node:assert/strict'
import { given } from './chromium.mjs'

export class Person {
  static iPhone = 'Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.6 Mobile/15E148 Safari/604.1'
  static desktop = 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36'

  // start opens a new browser without cookies for the person with that user name.
  static async start (browser, name, userAgent = Person.desktop, more = {}) {
    const context = await browser.newContext({ javaScriptEnabled: false, userAgent, ...more })
    context.setDefaultTimeout(60_000) // enough for a machine with other work
    const known = [given.base + '/', given.otherSite, given.app, given.bye, ...given.upstreams ?? [], 'data:']
    context.on('request', r => { if (!known.some(k => k && r.url().startsWith(k))) Person.strays.push(r.url()) })
    Person.open.push(context)
    return new Person(name, context, await context.newPage())
  }

  // passed is how many seconds the clock of the server is ahead of real time.
  static passed = 0

  // strays are the requests of all browsers to servers that no test knows. open holds
  // the browsers to close at the end.
  static strays = []
  static open = []

  constructor (name, context, page) {
    Object.assign(this, { name, context, page })
  }

  // another is the same person at another browser. tab is the same browser in another tab.
  another (userAgent, more) { return Person.start(this.context.browser(), this.name, userAgent, more) }
  async tab () { return new Person(this.name, this.context, await this.context.newPage()) }
  async leave () { await Promise.all(Person.open.splice(0).map(context => context.close())) }

  open (path) { return this.page.goto(given.base + path) }
  title () { return this.page.title() }
  field (label) { return this.page.getByLabel(label, { exact: true }) }
  button (name) { return this.page.getByRole('button', { name, exact: typeof name === 'string' }) }
  link (name) { return this.page.getByRole('link', { name, exact: true }) }
  alert () { return this.page.getByRole('alert').innerText() }
  sessions () { return this.page.getByRole('region', { name: 'Where you are signed in' }).getByRole('listitem') }
  press (key) { return this.page.keyboard.press(key) }
  type (text) { return this.page.keyboard.type(text) }
  cookies () { return this.context.cookies(given.base) }
  async sid () { return (await this.cookies()).find(c => c.name === '__Host-sid')?.value }

  // takes puts a cookie of another browser into this one. Secure cookies are set for
  // https. A browser sends them to localhost over http, too.
  takes (name, value) {
    return this.context.addCookies([{ name, value, url: 'https://localhost/', secure: true, httpOnly: true }])
  }

  // sees waits until the browser shows a path with a text on it.
  async sees (path, text) {
    await this.page.waitForURL(url => url.pathname === path)
    await this.page.getByText(text).first().waitFor()
    await this.page.waitForLoadState()
  }

  // goes does something that leads to another document, waits for that document, and
  // returns the last answer on the way to it.
  async goes (act) {
    const [answer] = await Promise.all([this.page.waitForNavigation(), act()])
    return answer
  }

  // clicks clicks a button that leads to another document.
  clicks (name) { return this.goes(() => this.button(name).click()) }

  // signIn fills in the form and returns the answer to it.
  async signIn (password = given.password, name = this.name) {
    await this.field('Username').fill(name)
    await this.field('Password').fill(password)
    return this.clicks('Sign in')
  }

  async signOut () {
    await this.open('/account')
    await this.button('Sign out').click()
    await this.sees('/logout', 'You are signed out')
  }

  // guessUntilThrottled guesses until the page tells to wait for a minute or more, which
  // no machine takes for what comes next. It returns the seconds to wait.
  async guessUntilThrottled () {
    await this.open('/login')
    for (let i = 0; i < 40; i++) {
      const answer = await this.signIn('guess ' + i)
      if (answer.status() === 400) continue
      assert.equal(answer.status(), 429)
      const wait = this.waitTold(await this.alert())
      if (wait >= 60) return wait
      await this.pass(wait)
    }
    assert.fail('forty guesses in a row were accepted')
  }

  // waitTold reads "Try again in 8 seconds."
  waitTold (text) {
    const [, n, unit] = /Try again in (\d+) (second|minute)s?\./.exec(text) ?? assert.fail(`no wait is told: ${text}`)
    return Number(n) * (unit === 'minute' ? 60 : 1)
  }

  // pass moves the clock of the server on by seconds.
  async pass (seconds) {
    const answer = await fetch(given.clock, { method: 'POST', body: String(seconds) })
    assert.equal(answer.status, 204)
    Person.passed += seconds
  }

  hasFocus (locator) { return locator.and(this.page.locator(':focus')).count() }

  // tabToField presses Tab until a field has the focus.
  async tabToField (label) {
    for (let i = 0; i < 30 && !await this.hasFocus(this.field(label)); i++) await this.press('Tab')
    assert.ok(await this.hasFocus(this.field(label)), `30 Tabs do not lead to ${label}`)
  }

  // tabTo presses Tab until something with that name has the focus.
  async tabTo (name) {
    const focused = this.page.locator(':focus')
    for (let i = 0; i < 30; i++) {
      await this.press('Tab')
      if (await focused.count() && (await focused.innerText()).replace(/\s+/g, ' ').startsWith(name)) return
    }
    assert.fail(`30 Tabs do not lead to ${name}`)
  }
}
