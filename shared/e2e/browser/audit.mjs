// Looks at every page of the gallery, in light and dark, on a phone and on a
// desktop, and reports what is wrong. With a folder for screenshots it takes
// one of each, too.
import { join } from 'node:path'
import axe from 'axe-core'
import { given, run } from './chromium.mjs'

// The first look sees everything but the other colors. 320 pixels are also what
// is left of 1280 at 400 % zoom (WCAG 1.4.10). The last two are for the eye.
const looks = [{ scheme: 'light', width: 320, whole: true }, { scheme: 'dark', width: 1280 }]
if (given.screenshots) looks.push({ scheme: 'dark', width: 320 }, { scheme: 'light', width: 1280 })

await run(async browser => {
  const findings = []
  for (const look of looks) {
    const context = await browser.newContext({
      viewport: { width: look.width, height: 800 }, colorScheme: look.scheme, reducedMotion: 'reduce'
    })
    for (const name of given.pages) {
      const problems = await audit(context, name, look)
      findings.push(...problems.map(problem => `${name}, ${look.scheme}, ${look.width} px: ${problem}`))
    }
    await context.close()
  }
  return findings
})

async function audit (context, name, look) {
  const page = await context.newPage()
  const problems = []
  const url = `${given.base}/${name}`
  page.on('request', r => { if (r.url() !== url) problems.push(`loads ${r.url().slice(0, 80)}`) })
  page.on('console', m => problems.push(`the browser says: ${m.text()}`))
  page.on('pageerror', e => problems.push(`the browser says: ${e.message}`))
  await page.goto(url)
  if (given.screenshots) {
    await page.screenshot({ path: join(given.screenshots, `${name}-${look.scheme}-${look.width}.png`), fullPage: true })
  }
  problems.push(...await violations(page, look.whole), ...await geometry(page))
  if (look.whole) problems.push(...await focus(page))
  await page.close()
  return problems
}

// violations asks axe-core: all that it knows, with its rule on the size of
// targets switched on, or about colors only.
async function violations (page, whole) {
  const options = whole ? { rules: { 'target-size': { enabled: true } } } : { runOnly: ['color-contrast'] }
  await page.evaluate(axe.source)
  const found = await page.evaluate(options => globalThis.axe.run(document, options), options)
  if (found.passes.length < (whole ? 10 : 1)) return [`axe-core looked at ${found.passes.length} rules only`]
  return found.violations.map(v => `${v.id}: ${v.help}: ${v.nodes.map(n => n.html.slice(0, 120)).join(' | ')}`)
}

// geometry finds what sticks out of the window.
function geometry (page) {
  return page.evaluate(() => {
    const width = document.documentElement.clientWidth
    if (document.documentElement.scrollWidth <= width) return []
    const wide = [...document.querySelectorAll('main *')].filter(e => e.getBoundingClientRect().right > width)
    return [`scrolls sideways because of ${wide.slice(0, 3).map(e => e.outerHTML.slice(0, 80)).join(' | ')}`]
  })
}

// focus walks through the page with the Tab key. Every control must be reached,
// in the order of the page, and show that it has the focus.
async function focus (page) {
  await page.evaluate(() => { document.activeElement.blur(); document.body.tabIndex = -1; document.body.focus() })
  const count = await page.locator('a, button, input:not([type=hidden])').count()
  const problems = []
  for (let i = 0; i < Math.min(count, 12); i++) {
    await page.keyboard.press('Tab')
    const problem = await page.evaluate(i => {
      const e = document.activeElement
      const wanted = document.querySelectorAll('a, button, input:not([type=hidden])')[i]
      if (e !== wanted) return `Tab ${i + 1} goes to ${e.outerHTML.slice(0, 80)} instead of ${wanted.outerHTML.slice(0, 80)}`
      const { outlineStyle, outlineWidth } = getComputedStyle(e)
      return outlineStyle === 'solid' && parseFloat(outlineWidth) >= 2 ? '' : `no focus is seen on ${e.outerHTML.slice(0, 80)}`
    }, i)
    if (problem) problems.push(problem)
  }
  return problems
}
