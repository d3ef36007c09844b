// Finds what is wrong with a page in a browser. Each function looks for one kind of
// fault and returns a sentence for each fault that it finds.
import axe from 'axe-core'

// violations runs axe-core: all of its rules and the one on the size of targets, which is
// off by default, or the one on color contrast only.
export async function violations (page, whole) {
  const options = whole ? { rules: { 'target-size': { enabled: true } } } : { runOnly: ['color-contrast'] }
  await page.evaluate(axe.source)
  const found = await page.evaluate(options => globalThis.axe.run(document, options), options)
  if (found.passes.length < (whole ? 10 : 1)) return [`axe-core looked at ${found.passes.length} rules only`]
  return found.violations.map(v => `${v.id}: ${v.help}: ${v.nodes.map(n => n.html.slice(0, 120)).join(' | ')}`)
}

// geometry finds what is wider than the window.
export function geometry (page) {
  return page.evaluate(() => {
    const width = document.documentElement.clientWidth
    if (document.documentElement.scrollWidth <= width) return []
    const wide = [...document.querySelectorAll('main *')].filter(e => e.getBoundingClientRect().right > width)
    return [`scrolls sideways because of ${wide.slice(0, 3).map(e => e.outerHTML.slice(0, 80)).join(' | ')}`]
  })
}

// focus walks through the page with the Tab key. Tab must reach every control, in the
// order of the page, and the control must show that it has the focus.
export async function focus (page) {
  await page.evaluate(() => { document.activeElement.blur(); document.body.tabIndex = -1; document.body.focus() })
  const count = await page.evaluate(() => {
    // Tab skips controls in closed details, and those for password managers only.
    globalThis.stops = [...document.querySelectorAll('a, button, input:not([type=hidden]), summary')].filter(e => e.checkVisibility() && e.tabIndex >= 0)
    return globalThis.stops.length
  })
  const problems = []
  for (let i = 0; i < Math.min(count, 12); i++) {
    await page.keyboard.press('Tab')
    const problem = await page.evaluate(i => {
      const e = document.activeElement
      const wanted = globalThis.stops[i]
      if (e !== wanted) return `Tab ${i + 1} goes to ${e.outerHTML.slice(0, 80)} instead of ${wanted.outerHTML.slice(0, 80)}`
      const { outlineStyle, outlineWidth } = getComputedStyle(e)
      return outlineStyle === 'solid' && parseFloat(outlineWidth) >= 2 ? '' : `no focus is seen on ${e.outerHTML.slice(0, 80)}`
    }, i)
    if (problem) problems.push(problem)
  }
  return problems
}
