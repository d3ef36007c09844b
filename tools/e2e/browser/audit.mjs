// Looks at every page of the gallery, in light and dark, on a phone and on a desktop,
// and reports what is wrong. If a folder for screenshots is given, it takes one of each.
import { join } from 'node:path'
import { given, run } from './chromium.mjs'
import { focus, geometry, violations } from './look.mjs'

// The first look checks everything but the dark colors. 320 pixels are also what is left
// of 1280 at 400 % zoom (WCAG 1.4.10). The last three are for screenshots only.
const looks = [{ scheme: 'light', width: 320, whole: true }, { scheme: 'dark', width: 1280 }]
if (given.screenshots) looks.push({ scheme: 'light', width: 360 }, { scheme: 'dark', width: 360 }, { scheme: 'light', width: 1280 })

// hands is how many pages are looked at in parallel.
const hands = 4

await run(async browser => {
  const findings = []
  for (const look of looks) {
    const left = [...given.pages]
    await Promise.all(Array.from({ length: hands }, () => work(browser, look, left, findings)))
  }
  return findings.sort()
})

// work looks at the pages that are left, one after the other, in its own window.
async function work (browser, look, left, findings) {
  const context = await browser.newContext({
    viewport: { width: look.width, height: 800 }, colorScheme: look.scheme, reducedMotion: 'reduce'
  })
  const page = await context.newPage()
  let name, url
  const say = problem => findings.push(`${name}, ${look.scheme}, ${look.width} px: ${problem}`)
  page.on('request', r => { if (r.url() !== url) say(`loads ${r.url().slice(0, 80)}`) })
  page.on('console', m => say(`the browser says: ${m.text()}`))
  page.on('pageerror', e => say(`the browser says: ${e.message}`))
  while ((name = left.shift())) {
    url = `${given.base}/${name}`
    await page.goto(url)
    if (given.screenshots) {
      await page.screenshot({ path: join(given.screenshots, `${name}-${look.scheme}-${look.width}.png`), fullPage: true })
    }
    for (const problem of [...await violations(page, look.whole), ...await geometry(page), ...look.whole ? await focus(page) : []]) say(problem)
  }
  await context.close()
}
