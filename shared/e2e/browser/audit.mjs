// Looks at every page of the gallery, in light and dark, on a phone and on a
// desktop, and reports what is wrong. With a folder for screenshots it takes
// one of each, too.
import { join } from 'node:path'
import { given, run } from './chromium.mjs'
import { focus, geometry, violations } from './look.mjs'

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
